"""The demo's command line, and what is wrong with it: said at once, before anything is started."""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from pathlib import Path

from relevo_demo.servers.ports import expect_free
from relevo_demo.source import __main__ as source

PORTS = {"api": "the inference API", "ui": "the UI", "mlflow": "MLflow", "source": "the data source"}
STEP_COMMAND = Path(sys.executable).parent / "relevo-job"
EPILOG = """\
exit codes:
  0    done; also if Ctrl-C ended the serving after the last batch
  1    a step or a server failed; the same command again goes on from there
  2    wrong arguments
  130  stopped before the last batch; the same command again goes on from there

Everything is kept in the folder of --state, the servers' and the steps' logs among it; remove it to start anew."""


def _port(text: str) -> int:
    port = int(text) if text.isascii() and text.isdigit() else 0
    if not 1 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"expected a port from 1 to 65535, got {text!r}")
    return port


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        prog="relevo-demo",
        description=(
            "The whole loop on this machine: starts PostgreSQL, S3, MLflow and the data source on 127.0.0.1, asks for "
            "one batch after another and runs each step (collect, clean, decide, train, promote) as its own process. "
            "Then the inference API and the UI stay up until Ctrl-C, which stops everything it started."
        ),
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = made.add_argument
    add(
        "--data",
        type=Path,
        metavar="FILE",
        help="your copy of the public listings (CSV); without it they are generated",
    )
    add("--batches", type=int, default=10, metavar="N", help="how many batches the listings come in (default 10)")
    add("--seed", type=int, default=0, metavar="N", help="seed of batch sizes, listings and trainings (default 0)")
    add("--exit", action="store_true", help="end after the last batch instead of serving")
    add("--json", type=Path, metavar="FILE", help="write what the table tells as JSON, anew after each batch")
    add(
        "--state",
        type=Path,
        default=Path(".relevo/demo"),
        metavar="DIR",
        help="where everything is kept (default .relevo/demo); the same again goes on where it stopped",
    )
    add("--delay", type=float, default=0.3, metavar="S", help="longest delay of the source's answers (default 0.3 s)")
    for name, what in PORTS.items():
        add(f"--{name}-port", type=_port, metavar="P", help=f"port of 127.0.0.1 for {what} (default: a free one)")
    return made


def check(given: argparse.Namespace) -> None:
    """Raise ListingsError, ServerError or ValueError for arguments that cannot work."""
    source.check(given.data, given.batches, given.seed)
    if not 0 <= given.delay <= 3600:
        raise ValueError(f"expected a delay of 0 or more seconds, at most 3600, got --delay {given.delay}")
    if given.json is not None:
        _expect_writable(given.json)
    taken: dict[int, str] = {}
    for name, what in PORTS.items():
        port = getattr(given, f"{name}_port")
        if port is None:
            continue
        if port in taken:
            raise ValueError(f"expected a port of its own for {what}, {taken[port]} is given {port} as well")
        taken[port] = what
        expect_free(port, what)
    _expect_installed([] if given.exit else ["relevo_serving", "relevo_ui"])


def _expect_writable(file: Path) -> None:
    folder = file.resolve().parent
    fit = file.is_file() if file.exists() else folder.is_dir()
    if not fit or not os.access(folder, os.W_OK):
        raise ValueError(f"expected a file that can be written, got --json {file}: make its folder, or name another")


def _expect_installed(modules: list[str]) -> None:
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if not STEP_COMMAND.exists():
        missing.append(STEP_COMMAND.name)
    if missing:
        raise ValueError(f"expected {', '.join(missing)} beside {sys.executable}, not installed: run `make install`")
