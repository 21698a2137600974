"""`relevo-serving`: the inference API as a process. Settings from the environment; `--help` lists them."""

from __future__ import annotations

import argparse
import logging
import signal
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import uvicorn

from relevo_contract.logs import configure
from relevo_contract.settings import read, table
from relevo_serving import last_words
from relevo_serving.app import create_app
from relevo_serving.draining import Server
from relevo_serving.errors import BROKEN_VERSION, STOPPED, WRONG_SETTING, SettingsError
from relevo_serving.follower import Follower
from relevo_serving.model import FILES
from relevo_serving.registry import Registry
from relevo_serving.settings import Settings
from relevo_serving.state import State
from relevo_serving.storing.keeping import Keeper

log = logging.getLogger("relevo.serving")
BACKLOG = 2048
SWITCH = 0.0001
"""Seconds for which one thread may keep the others from Python: Python's own 5 ms would be a request's tail."""
EXIT_CODES = {
    STOPPED: "stopped",
    WRONG_SETTING: "a setting is missing or wrong, or the port is taken",
    BROKEN_VERSION: "RELEVO_VERSION can never be served; RELEVO_TERMINATION_LOG says why",
}


def _parser() -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        prog="relevo-serving",
        description="Relevo's inference API: POST /predict, /explain, /invocations, GET /model, "
        "/healthz, /readyz, /metrics, /docs.",
        epilog=f"settings, from the environment:\n{table(Settings)}\n\nexit codes:\n"
        + "\n".join(f"  {code}  {meaning}" for code, meaning in EXIT_CODES.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _listen(settings: Settings) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        listening = socket.socket(family)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((settings.host, settings.port))
        listening.listen(BACKLOG)
    except OSError as error:
        raise SettingsError(
            f"RELEVO_HOST, RELEVO_PORT: expected to listen on {settings.host}:{settings.port}, got: "
            f"{error.strerror or error}; stop what listens there or name another port (0 takes a free one)"
        ) from error
    return listening


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to stop; returns the exit code."""
    _parser().parse_args(arguments)
    try:
        settings = read(Settings, SettingsError)
        listening = _listen(settings)
        keeper = Keeper(settings)
    except SettingsError as error:
        print(f"relevo-serving: {error}", file=sys.stderr)  # noqa: T201
        return WRONG_SETTING
    sys.setswitchinterval(SWITCH)
    configure(quiet=("httpx",))  # a line for each look at the registry would hide what matters
    for number in (signal.SIGTERM, signal.SIGINT):  # uvicorn finishes the requests, then raises the signal again
        signal.signal(number, lambda *_: sys.exit(STOPPED))
    host, port = listening.getsockname()[:2]
    log.info("listening", extra={"host": host, "port": port, "model": settings.model})
    state = State()
    registry = Registry(settings.tracking_uri, settings.model, timeout=settings.registry_timeout, files=FILES)
    code = STOPPED

    def give_up(reason: str) -> None:
        nonlocal code
        code = BROKEN_VERSION
        last_words.leave(reason, settings.termination_log)
        server.should_exit = True  # uvicorn looks at it ten times a second, and ends as after a signal

    follower = Follower(settings, state, registry, give_up)

    @asynccontextmanager
    async def follow() -> AsyncIterator[None]:
        follower.start()
        yield
        follower.stop()

    config = uvicorn.Config(
        create_app(settings, state, keeper, follow, crowd=lambda: len(server.server_state.tasks)),
        loop="uvloop",
        http="httptools",
        log_config=None,
        access_log=settings.access_log,
        server_header=False,
        proxy_headers=False,  # nobody here asks who the client is
        timeout_graceful_shutdown=10,
    )
    server = Server(config)
    server.run(sockets=[listening])
    return code


if __name__ == "__main__":
    sys.exit(main())
