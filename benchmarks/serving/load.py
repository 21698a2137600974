"""A closed loop of requests: so many connections, each with one request under way. Prints what came of it as JSON.

    python -m benchmarks.serving.load REQUESTS_FILE PORT CONNECTIONS SECONDS

The file is a JSON list of requests as they go over the wire, which are asked in turn.
A client of its own, in a process of its own: a general one takes longer for a request than the servers do.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import httptools
import uvloop

WARM_UP = 1.0


class Connection(asyncio.Protocol):
    """Sends the request, waits for the answer, and sends it again."""

    def __init__(self, requests: Iterator[bytes], seconds: list[float], failures: list[int]) -> None:
        self._requests, self._seconds, self._failures = requests, seconds, failures
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._began = 0.0
        self.measuring = False
        self.done = asyncio.get_running_loop().create_future()
        self.body = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # TCP's
        self._send()

    def _send(self) -> None:
        assert self._transport is not None
        self._parser = httptools.HttpResponseParser(self)
        self._began = time.perf_counter()
        self._transport.write(next(self._requests))

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self.body = body

    def on_message_complete(self) -> None:
        if self.measuring:
            self._seconds.append(time.perf_counter() - self._began)
        if (status := self._parser.get_status_code()) != 200:
            self._failures.append(status)
        asyncio.get_running_loop().call_soon(self._send)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(error)


async def ask(requests: Iterator[bytes], port: int, connections: int, lasting: float) -> dict[str, object]:
    loop = asyncio.get_running_loop()
    seconds: list[float] = []
    failures: list[int] = []
    made = [
        (await loop.create_connection(lambda: Connection(requests, seconds, failures), "127.0.0.1", port))[1]
        for _ in range(connections)
    ]
    await asyncio.sleep(WARM_UP)
    for one in made:
        one.measuring = True
    began = time.perf_counter()
    await asyncio.wait([one.done for one in made], timeout=lasting)
    lasted = time.perf_counter() - began
    seconds.sort()
    return {
        "rate": len(seconds) / lasted,
        "median": seconds[len(seconds) // 2],
        "p99": seconds[int(len(seconds) * 0.99)],
        "failures": len(failures) + sum(one.done.done() for one in made),
        "body": made[0].body.decode(errors="replace")[:300],
    }


if __name__ == "__main__":
    file, port, connections, lasting = sys.argv[1:]
    requests = [request.encode() for request in json.loads(Path(file).read_bytes())]
    uvloop.install()
    print(json.dumps(asyncio.run(ask(cycle(requests), int(port), int(connections), float(lasting)))))
