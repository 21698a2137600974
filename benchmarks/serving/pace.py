"""A steady load: so many requests a second over some connections, each sent when it is due. Prints what came of it.

    python -m benchmarks.serving.pace REQUESTS_FILE PORT CONNECTIONS REQUESTS_A_SECOND SECONDS

The file is a JSON list of requests as they go over the wire, asked in turn. A request's time counts from when it was
due, so that a server that stands still is charged with everybody who waited for it.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from array import array
from collections import Counter, deque
from pathlib import Path

import httptools
import uvloop


class Connection(asyncio.Protocol):
    """One keep-alive connection; what is due while a request is under way waits for its answer."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._parser = httptools.HttpResponseParser(self)
        self._body = bytearray()
        self._due: deque[float] = deque()
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def ask(self, due: float) -> None:
        """Send a request that is due at this time, or as soon as the ones before are answered."""
        self._due.append(due)
        if len(self._due) == 1:
            self._send()

    def _send(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._body.clear()
        self._transport.write(self._load.next_request())  # type: ignore[attr-defined]  # TCP's

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        self._load.answered(
            self._parser.get_status_code(), bytes(self._body), time.perf_counter() - self._due.popleft()
        )
        if self._due:
            asyncio.get_running_loop().call_soon(self._send)

    def connection_lost(self, error: Exception | None) -> None:
        self._load.lost += len(self._due)
        if not self.done.done():
            self.done.set_result(error)

    @property
    def busy(self) -> bool:
        """Whether an answer is awaited."""
        return bool(self._due)


class Load:
    """What was asked and answered."""

    def __init__(self, requests: list[bytes]) -> None:
        self._requests, self._next = requests, 0
        self.statuses: Counter[int] = Counter()
        self.versions: Counter[int] = Counter()
        self.stored = 0
        self.lost = 0
        """Requests whose connection ended before their answer."""
        self.seconds = array("d")

    def next_request(self) -> bytes:
        """The bodies in turn."""
        self._next = (self._next + 1) % len(self._requests)
        return self._requests[self._next]

    def answered(self, status: int, body: bytes, seconds: float) -> None:
        """Count an answer."""
        self.statuses[status] += 1
        self.seconds.append(seconds)
        if status == 200:
            told = json.loads(body)
            self.versions[told["model"]["version"]] += 1
            self.stored += told["stored"]

    async def run(self, port: int, connections: int, rate: float, lasting: float) -> None:
        """Ask for so many seconds, then wait for the last answers."""
        loop = asyncio.get_running_loop()
        made = [
            (await loop.create_connection(lambda: Connection(self), "127.0.0.1", port))[1] for _ in range(connections)
        ]
        began, asked = time.perf_counter(), 0
        while asked < rate * lasting:
            due = began + asked / rate
            wait = due - time.perf_counter()
            if wait > 0:
                await asyncio.sleep(wait)
            made[asked % connections].ask(due)
            asked += 1
        while any(one.busy for one in made):
            await asyncio.sleep(0.05)

    def summary(self) -> dict[str, object]:
        """Counts, and seconds by quantile."""
        ordered = sorted(self.seconds)
        return {
            "answered": sum(self.statuses.values()),
            "lost": self.lost,
            "statuses": dict(self.statuses),
            "versions": dict(self.versions),
            "stored": self.stored,
            "seconds": {str(q): ordered[min(len(ordered) - 1, int(q * len(ordered)))] for q in (0.5, 0.99, 0.999, 1)},
        }


if __name__ == "__main__":
    file, port, connections, rate, lasting = sys.argv[1:]
    uvloop.install()
    load = Load([request.encode() for request in json.loads(Path(file).read_bytes())])
    asyncio.run(load.run(int(port), int(connections), float(rate), float(lasting)))
    print(json.dumps(load.summary()))
