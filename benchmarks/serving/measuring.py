"""What one server answers under a closed loop of requests, and what it holds of memory meanwhile."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import psutil

from relevo_demo.servers.process import Server

ROOT: Final = Path(__file__).parents[2]
CONNECTIONS: Final = (1, 8)


@dataclass
class Figures:
    """One server's rounds, by connections."""

    rates: dict[int, list[float]] = field(default_factory=dict)
    medians: dict[int, list[float]] = field(default_factory=dict)
    p99s: dict[int, list[float]] = field(default_factory=dict)
    megabytes: float = 0.0
    answer: str = ""

    def rate(self, connections: int) -> float:
        return statistics.median(self.rates[connections])

    def tail(self, connections: int) -> float:
        """Of the rounds, the median of p99 by median."""
        pairs = zip(self.p99s[connections], self.medians[connections], strict=True)
        return statistics.median(p99 / median for p99, median in pairs)


def post(path: str, body: object) -> bytes:
    """A request as it goes over the wire."""
    sent = json.dumps(body).encode()
    head = ("Host: 127.0.0.1", "Content-Type: application/json", f"Content-Length: {len(sent)}")
    return "\r\n".join((f"POST {path} HTTP/1.1", *head, "", "")).encode() + sent


def run(program: str, requests: Sequence[bytes], *arguments: object) -> dict[str, Any]:
    """What a program of this package measured with the requests, in a process of its own."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(json.dumps([request.decode() for request in requests]).encode())
        file.flush()
        command = [sys.executable, "-m", f"benchmarks.serving.{program}", file.name, *map(str, arguments)]
        told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    found: dict[str, Any] = json.loads(told.stdout)
    return found


def answers(url: str) -> Callable[[], bool]:
    """Whether a GET of the address is answered with 200."""

    def ready() -> bool:
        try:
            return httpx.get(url, timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    return ready


def measure(figures: Figures, server: Server, requests: Sequence[bytes], port: int, seconds: float) -> None:
    """One server's turn of a round. Raises AssertionError if a request fails."""
    with server:
        for connections in CONNECTIONS:
            found = run("load", requests, port, connections, seconds)
            assert not found["failures"], found
            figures.rates.setdefault(connections, []).append(found["rate"])
            figures.medians.setdefault(connections, []).append(found["median"])
            figures.p99s.setdefault(connections, []).append(found["p99"])
            figures.answer = found["body"]
        assert server.process is not None
        process = psutil.Process(server.process.pid)
        held = sum(p.memory_info().rss for p in (process, *process.children(recursive=True)))
        figures.megabytes = max(figures.megabytes, held / 1e6)
