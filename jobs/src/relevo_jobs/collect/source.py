"""The data source over HTTP."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx

from relevo_contract import bounded_http
from relevo_jobs.collect.answers import refuse
from relevo_jobs.collect.body import Body
from relevo_jobs.errors import MalformedAnswer, SettingsError, Unavailable

LOST = "the next run fills the gap if a batch was lost"
LONGEST_NO = 65_536
"""Bytes that are read of an answer that is no batch: the beginning says why."""


@dataclass(frozen=True)
class Answer:
    """An answer as it came; `seconds` until it was whole. Its body is to be closed."""

    status: int
    body: Body
    asked_at: datetime
    seconds: float


class Source:
    """The data source at `url`, asked as `group` on `day`.

    An answer must be whole within `timeout` seconds and have at most `most` bytes, unpacked.
    """

    def __init__(self, client: httpx.Client, url: str, group: int, day: str, *, timeout: float, most: int) -> None:
        try:
            address = httpx.URL(url.rstrip("/"))
        except httpx.InvalidURL as error:
            raise SettingsError(f"RELEVO_SOURCE_URL: expected an address such as http://source:8000: {error}") from None
        self._client, self._url, self._timeout, self._most = client, address, timeout, most
        self._where = str(address.copy_with(userinfo=b""))  # an address may hold a password; a message must not
        self._query = {"group_number": str(group), "day": day}

    def data(self) -> Answer:
        """Ask for the next batch, once: each request moves the count on, so nothing here repeats it by itself.

        Raises Unavailable, MalformedAnswer (a body that is too long or cannot be decoded).
        """
        return self._get("/data")

    def restart(self) -> None:
        """Start the count over. Raises Unavailable, BadGroup, MalformedAnswer."""
        path = "/restart_data_generation"
        answer = self._get(path)
        with answer.body:
            if answer.status != 200:
                refuse(answer.status, answer.body, f"the source to start over at {self._where}{path}")

    def _get(self, path: str) -> Answer:
        asked_at, began = datetime.now(UTC), time.monotonic()
        try:
            url = f"{self._url}{path}"
            asked = {"params": self._query, "headers": bounded_http.PACKED}
            with bounded_http.stream(self._client, "GET", url, seconds=self._timeout, **asked) as response:
                status = response.status_code
                pieces = bounded_http.pieces(response, self._most) if status == 200 else _beginning(response)
                return Answer(status, Body(pieces), asked_at, time.monotonic() - began)
        except bounded_http.TooLong as error:
            raise MalformedAnswer(
                f"expected an answer of the source at {self._where}{path} with at most {error.most:,} bytes, got more: "
                f"see whether it is well, or raise RELEVO_SOURCE_MOST_BYTES; {LOST}"
            ) from None
        except httpx.TimeoutException:
            raise Unavailable(
                f"expected an answer of the source at {self._where}{path} within {self._timeout:g} s, got none: "
                f"see whether it is well, or raise RELEVO_SOURCE_TIMEOUT; {LOST}"
            ) from None
        except httpx.TransportError as error:
            raise Unavailable(
                f"expected an answer of the source at {self._where}{path} (RELEVO_SOURCE_URL), got "
                f"{type(error).__name__}: {error}; {LOST}"
            ) from None
        except httpx.DecodingError as error:
            raise MalformedAnswer(
                f"expected an answer of the source at {self._where}{path} in the encoding its headers name, "
                f"got: {error}"
            ) from None


def _beginning(response: httpx.Response) -> Iterator[bytes]:
    with suppress(bounded_http.TooLong):
        yield from bounded_http.pieces(response, LONGEST_NO)
