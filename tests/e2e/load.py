"""A steady load of predictions, run as a pod: `load.py URL REQUESTS_A_SECOND AT_MOST_SECONDS KEEP_ALIVE`.

Each request begins on time, whether the ones before it are answered or not. One line of JSON on stdout for the first
answer of each model version and for each failure as it happens, and, after SIGTERM or the seconds given, a summary.
"""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import httpx

BODY = {
    "instances": [
        {"bed": 3, "bath": 2, "house_size": 1500, "state": "Puerto Rico", "city": "San Juan", "street": "load"}
    ]
}
TIMEOUT = 10.0
SHOWN = 50
"""A load against nothing fails thousands of times for one reason."""


def say(event: str, **what: Any) -> None:
    print(json.dumps({"event": event, "at": now(), **what}), flush=True)


def now() -> str:
    return datetime.now(UTC).isoformat()


class Load:
    def __init__(self, url: str, keep_alive: bool) -> None:
        named = httpx.URL(url)
        # Looked up once: a Service keeps its address, and a lost DNS packet costs 5 s that are not the server's.
        self._url = named.copy_with(host=socket.gethostbyname(named.host))
        self._host = named.netloc.decode()
        # Without keep-alive each request finds its own pod, as new users do; with it a connection stays with one.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=None if keep_alive else 0)
        self._client = httpx.AsyncClient(timeout=TIMEOUT, limits=limits)
        self.statuses: Counter[int] = Counter()
        self.versions: Counter[int] = Counter()
        self.first: dict[int, str] = {}
        self.last: dict[int, str] = {}
        self.stored = 0
        self.failed = 0
        self.failures: list[dict[str, str]] = []
        self.seconds: list[float] = []

    async def ask(self) -> None:
        began = time.perf_counter()
        try:
            answer = await self._client.post(self._url, json=BODY, headers={"Host": self._host})
            self.statuses[answer.status_code] += 1
            if answer.status_code != 200:
                self._fail(f"{answer.status_code}: {answer.text[:300]}")
                return
            said = answer.json()
            version = int(said["model"]["version"])
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            self._fail(f"{type(error).__name__}: {error}")
            return
        self.seconds.append(time.perf_counter() - began)
        self.versions[version] += 1
        self.stored += bool(said.get("stored"))
        self.last[version] = now()
        if version not in self.first:
            self.first[version] = self.last[version]
            say("first_answer", version=version)

    def _fail(self, error: str) -> None:
        self.failed += 1
        if len(self.failures) < SHOWN:
            self.failures.append({"at": now(), "error": error})
            say("failure", error=error)

    async def run(self, rate: float, at_most: float, stop: asyncio.Event) -> None:
        began = time.monotonic()
        asking: set[asyncio.Task[None]] = set()
        sent = 0
        while not stop.is_set() and time.monotonic() - began < at_most:
            task = asyncio.create_task(self.ask())
            asking.add(task)
            task.add_done_callback(asking.discard)
            sent += 1
            try:
                await asyncio.wait_for(stop.wait(), max(0.0, began + sent / rate - time.monotonic()))
            except TimeoutError:
                continue
        await asyncio.gather(*asking)
        await self._client.aclose()
        times = sorted(self.seconds)
        say(
            "summary",
            requests=sent,
            lasted=time.monotonic() - began,
            by_status={str(status): count for status, count in self.statuses.items()},
            by_version={str(version): count for version, count in self.versions.items()},
            first_answer={str(version): at for version, at in self.first.items()},
            last_answer={str(version): at for version, at in self.last.items()},
            stored=self.stored,
            failed=self.failed,
            failures=self.failures,
            median_seconds=times[len(times) // 2] if times else None,
            longest_seconds=times[-1] if times else None,
        )


async def main(url: str, rate: str, at_most: str, keep_alive: str) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await Load(url, keep_alive == "true").run(float(rate), float(at_most), stop)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
