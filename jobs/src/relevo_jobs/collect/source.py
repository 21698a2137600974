"""The data source over HTTP."""

from __future__ import annotations

import time
from dataclasses import dataclass

import httpx

from relevo_jobs.collect.answers import refuse
from relevo_jobs.errors import MalformedAnswer, SettingsError, Unavailable

LOST = "the next run fills the gap if a batch was lost"


@dataclass(frozen=True)
class Answer:
    """An answer as it came; `seconds` until it was whole."""

    status: int
    body: bytes
    seconds: float


class Source:
    """The data source at `url`, asked as `group` on `day`; an answer must be whole within `timeout` seconds."""

    def __init__(self, client: httpx.Client, url: str, group: int, day: str, timeout: float) -> None:
        try:
            address = httpx.URL(url.rstrip("/"))
        except httpx.InvalidURL as error:
            raise SettingsError(f"RELEVO_SOURCE_URL: expected an address such as http://source:8000: {error}") from None
        self._client, self._url, self._timeout = client, address, timeout
        self._where = str(address.copy_with(userinfo=b""))  # an address may hold a password; a message must not
        self._query = {"group_number": str(group), "day": day}

    def data(self) -> Answer:
        """Ask for the next batch, once: each request moves the count on, so nothing here repeats it by itself.

        Raises Unavailable, MalformedAnswer (a body that cannot be decoded).
        """
        return self._get("/data")

    def restart(self) -> None:
        """Start the count over. Raises Unavailable, BadGroup, MalformedAnswer."""
        path = "/restart_data_generation"
        answer = self._get(path)
        if answer.status != 200:
            refuse(answer.status, answer.body, f"the source to start over at {self._where}{path}")

    def _get(self, path: str) -> Answer:
        began = time.monotonic()
        try:
            with self._client.stream("GET", f"{self._url}{path}", params=self._query) as response:
                body = bytearray()
                for chunk in response.iter_bytes():
                    body += chunk
                    if time.monotonic() - began > self._timeout:  # a source may dribble for ever
                        raise httpx.ReadTimeout("the answer did not end")
                return Answer(response.status_code, bytes(body), time.monotonic() - began)
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
