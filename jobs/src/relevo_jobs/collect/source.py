"""The data source over HTTP."""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from relevo_jobs.errors import MalformedAnswer, Unavailable


@dataclass(frozen=True)
class Answer:
    """An answer as it came; `seconds` until it was whole."""

    status: int
    body: bytes
    seconds: float


class Source:
    """The data source at `url`, asked as `group` on `day`."""

    def __init__(self, client: httpx.Client, url: str, group: int, day: str) -> None:
        self._client, self._url = client, url.rstrip("/")
        self._query = {"group_number": str(group), "day": day}

    def data(self) -> Answer:
        """Ask for the next batch, once: each request moves the count on, so nothing here repeats it by itself."""
        response = self._get("/data")
        return Answer(response.status_code, response.content, response.elapsed.total_seconds())

    def restart(self) -> None:
        """Start the count over."""
        response = self._get("/restart_data_generation")
        if response.status_code != 200:
            raise MalformedAnswer(
                f"expected the source to start over ({self._url}/restart_data_generation), got HTTP "
                f"{response.status_code}: {response.text[:120]!r}"
            )

    def _get(self, path: str) -> httpx.Response:
        try:
            return self._client.get(self._url + path, params=self._query)
        except httpx.TimeoutException:
            raise Unavailable(
                f"expected an answer of the source at {self._url}{path} within {self._client.timeout.read:g} s, "
                "got none: see whether it is well, or raise RELEVO_SOURCE_TIMEOUT; the next run fills the gap if a batch "
                "was lost"
            ) from None
        except httpx.TransportError as error:
            raise Unavailable(
                f"expected an answer of the source at {self._url}{path} (RELEVO_SOURCE_URL), got "
                f"{type(error).__name__}: {error}; the next run fills the gap if a batch was lost"
            ) from None
