"""`relevo-serving`: the inference API as a process. Settings from the environment; `--help` lists them."""

from __future__ import annotations

import argparse
import logging
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import uvicorn

from relevo_contract.logs import configure
from relevo_contract.settings import read, table
from relevo_contract.texts import legible
from relevo_serving.app import Host
from relevo_serving.connections import Connections
from relevo_serving.errors import SettingsError
from relevo_serving.follower import Follower
from relevo_serving.settings import Settings
from relevo_serving.state import State

log = logging.getLogger("relevo.serving")
STOPPED, WRONG_SETTING, BROKEN_VERSION = 0, 2, 3
EXIT_CODES: Final = {
    STOPPED: "stopped",
    WRONG_SETTING: "a setting is missing or wrong, or the port is taken",
    BROKEN_VERSION: "RELEVO_VERSION can never be served; RELEVO_TERMINATION_LOG says why",
}
SWITCH: Final = 0.0001
"""Seconds for which one thread may keep the others from Python: Python's own 5 ms would be a request's tail."""
LIMIT: Final = 4096
"""Bytes that Kubernetes keeps of a termination message."""
DRAINING: Final = 2.0
"""Seconds to wait for connections to be left; one that is idle for longer is hardly used again at that moment."""
_CLOSE: Final = (b"connection", b"close")


class Server(uvicorn.Server):
    """uvicorn, but told to stop, it says `Connection: close` until all connections are left or DRAINING has passed.

    uvicorn closes idle connections as soon as it is told to stop. A client that sends its next request on one at that
    very moment loses it, for it cannot know whether the request was read. So it is asked to open its next connection
    by itself first, behind a Service to a pod that stays.
    """

    _ends: float | None = None

    def __init__(self, config: uvicorn.Config, connections: Connections) -> None:
        super().__init__(config)
        self._connections = connections

    async def on_tick(self, counter: int) -> bool:
        """Called ten times a second; True ends the serving."""
        self._connections.close_overdue()
        if not await super().on_tick(counter):
            return False
        if self._ends is None:
            self._ends = time.monotonic() + DRAINING
            self.config.encoded_headers = [*self.config.encoded_headers, _CLOSE]
            self.server_state.default_headers = [*self.server_state.default_headers, _CLOSE]
        return self.force_exit or not self.server_state.connections or time.monotonic() >= self._ends


def shortened(sentence: str, limit: int = LIMIT) -> str:
    """The sentence, legible, on one line of at most so many bytes; what was cut off shows as "…"."""
    line = legible(" ".join(sentence.split()))
    if len(line.encode()) <= limit:
        return line
    return line.encode()[: limit - len("…".encode())].decode(errors="ignore") + "…"


def leave(sentence: str, file: Path) -> None:
    """Leave the process's last words where Kubernetes reads them; where the file is not, there is no Kubernetes."""
    try:
        if file.exists():
            file.write_text(shortened(sentence), encoding="utf-8")
    except OSError as error:  # the log says it all the same, and the exit code stands
        log.warning("termination_log_failed", extra={"problem": str(error)})


def _parser() -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        prog="relevo-serving",
        description="Relevo's inference API: POST /predict, /explain, /invocations, GET /model, "
        "/healthz, /readyz, /metrics, /docs, and the Open Inference Protocol below /v2.",
        epilog=f"settings, from the environment:\n{table(Settings)}\n\nexit codes:\n"
        + "\n".join(f"  {code}  {meaning}" for code, meaning in EXIT_CODES.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _listen(settings: Settings) -> socket.socket:
    v6 = ":" in settings.host
    family, both = (socket.AF_INET6, socket.has_dualstack_ipv6()) if v6 else (socket.AF_INET, False)
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=2048, dualstack_ipv6=both)
    except OSError as error:
        raise SettingsError(
            f"RELEVO_HOST, RELEVO_PORT: expected to listen on {settings.host}:{settings.port}, got: "
            f"{error.strerror or error}; stop what listens there or name another port (0 takes a free one)"
        ) from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to stop; returns the exit code."""
    _parser().parse_args(arguments)
    state, code = State(), STOPPED

    def give_up(reason: str) -> None:
        nonlocal code
        code = BROKEN_VERSION
        leave(reason, settings.termination_log)
        server.should_exit = True  # uvicorn looks at it ten times a second, and ends as after a signal

    @asynccontextmanager
    async def follow() -> AsyncIterator[None]:
        follower.start()
        yield
        follower.stop()

    try:
        settings = read(Settings, SettingsError)
        listening = _listen(settings)
        host = Host(settings, state, follow, alone=lambda: len(server.server_state.tasks) <= 1)
    except SettingsError as error:
        print(f"relevo-serving: {error}", file=sys.stderr)  # noqa: T201
        return WRONG_SETTING
    sys.setswitchinterval(SWITCH)
    most_files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))
    configure(quiet=("httpx",))  # a line for each look at the registry would hide what matters
    for number in (signal.SIGTERM, signal.SIGINT):  # uvicorn finishes the requests, then raises the signal again
        signal.signal(number, lambda *_: sys.exit(STOPPED))
    address, port = listening.getsockname()[:2]
    log.info("listening", extra={"host": address, "port": port, "model": settings.model})
    follower = Follower(settings, state, host.serve, give_up)
    connections = Connections(settings.max_connections, settings.body_seconds, settings.max_body_bytes)
    config = uvicorn.Config(
        host,
        loop="uvloop",
        http=connections.protocol,  # type: ignore[arg-type]  # uvicorn calls it as it does its own class
        ws="none",
        log_config=None,
        access_log=settings.access_log,
        server_header=False,
        proxy_headers=False,  # nobody here asks who the client is
        timeout_graceful_shutdown=10,
    )
    server = Server(config, connections)
    try:
        server.run(sockets=[listening])
    finally:
        if follower.is_alive():  # still loading, in native code that aborts if the interpreter is taken down under it
            logging.shutdown()
            os._exit(code)
    return code


if __name__ == "__main__":
    sys.exit(main())
