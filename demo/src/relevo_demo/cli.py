"""`relevo-demo`: the whole loop on this machine."""

from __future__ import annotations

import argparse
import json
import os
import signal
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import Any

from relevo_demo import state as state_module
from relevo_demo.loop import run_batches
from relevo_demo.screen import Screen
from relevo_demo.servers.apps import api, ui
from relevo_demo.servers.process import ServerError
from relevo_demo.source.__main__ import prepare
from relevo_demo.source.listings import ListingsError
from relevo_demo.state import State, StateError
from relevo_demo.steps import StepFailedError, Steps
from relevo_demo.story import whole
from relevo_demo.system import Options, System, running

INTERRUPTED = 130
FAILED = 1
WRONG = 2


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        prog="relevo-demo",
        description=(
            "The whole loop on this machine: starts PostgreSQL, S3, MLflow and the data source on 127.0.0.1, asks for "
            "one batch after another and runs each step (collect, clean, decide, train, promote) as its own process. "
            "Then the inference API and the UI stay up until Ctrl-C, which stops everything it started."
        ),
        epilog="exit codes: 0 done, 1 a step or a server failed, 2 wrong arguments, 130 stopped before the last batch.",
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
    add("--json", type=Path, metavar="FILE", help="write what the table tells as JSON, after each batch")
    add(
        "--state", type=Path, default=Path(".relevo/demo"), metavar="DIR",
        help="where everything is kept (default .relevo/demo); the same again goes on where it stopped",
    )  # fmt: skip
    add("--delay", type=float, default=0.3, metavar="S", help="longest delay of the source's answers (default 0.3 s)")
    for name in ("api", "ui", "mlflow", "source"):
        add(f"--{name}-port", type=int, metavar="P", help=f"port of 127.0.0.1 for {name} (default: a free one)")
    return made


def _stop(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; returns the exit code."""
    given = parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)  # also where a caller had it ignored, as a shell's background jobs do
    screen = Screen()
    try:
        # Before any server is started: what is wrong with the arguments is said at once.
        check(given)
        with state_module.opened(given.state.resolve()) as state:
            served = {"data": given.data and str(given.data.resolve()), "batches": given.batches, "seed": given.seed}
            state.expect_same_source(served)
            return _run(given, state, screen)
    except (ListingsError, ValueError, StateError) as error:
        screen.console.print(f"relevo-demo: {error}", style="bold red", markup=False, soft_wrap=True)
        return WRONG
    except (ServerError, StepFailedError, OSError) as error:
        screen.console.print(f"relevo-demo: {error}", style="bold red", markup=False, soft_wrap=True)
        screen.say("Everything it started is stopped. Run the same command again to go on from here.")
        return FAILED
    except KeyboardInterrupt:
        screen.say("\nStopped before the last batch. Run the same command again to go on from here.")
        return INTERRUPTED


def check(given: argparse.Namespace) -> None:
    """Raise ListingsError or ValueError for arguments that cannot work."""
    prepare(given.data, given.batches, given.seed)
    if given.delay < 0:
        raise ValueError(f"expected a delay of 0 or more seconds, got --delay {given.delay}")
    if given.json is not None:
        expect_writable(given.json)


def expect_writable(file: Path) -> None:
    """Raise ValueError if the file could not be written at the end."""
    folder = file.resolve().parent
    if file.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
        raise ValueError(f"expected a file that can be written, got --json {file}: make its folder, or name another")


def write_story(file: Path, story: dict[str, Any]) -> None:
    """Write the JSON in one stroke."""
    fresh = file.with_name(file.name + ".tmp")
    fresh.write_text(json.dumps(story, indent=1) + "\n")
    os.replace(fresh, file)  # noqa: PTH105


def _run(given: argparse.Namespace, state: State, screen: Screen) -> int:
    source = ["--batches", str(given.batches), "--seed", str(given.seed), "--delay", str(given.delay)]
    if given.data is not None:
        source += ["--data", str(given.data.resolve())]
    options = Options(tuple(source), given.seed, given.mlflow_port, given.source_port)
    began = time.monotonic()
    with ExitStack() as stack:
        system = stack.enter_context(running(state.folder, options, screen.say))
        screen.say(f"servers ready after {time.monotonic() - began:.1f} s: MLflow {system.mlflow_url}")
        for row in state.rows:  # a second run tells the story from its beginning
            screen.row(row)

        def told() -> None:
            if given.json is not None:
                write_story(given.json, whole(state.rows))

        told()
        steps = Steps(system.env, state.folder / "steps.log")
        with screen.working(given.batches, len(state.rows)):
            run_batches(state, steps, screen, told)
        screen.summary(state.rows)
        if not given.exit:
            _serve(given, state, system, screen, stack)
    return 0


def _serve(given: argparse.Namespace, state: State, system: System, screen: Screen, stack: ExitStack) -> None:
    """Keep API and UI up until Ctrl-C."""
    if whole(state.rows)["production"]["version"] is None:
        screen.say("No version is in production, so there is nothing to serve.")
        return
    screen.say("starting the inference API and the UI")
    try:
        first = api(state.folder / "serving", system.env, given.api_port)
        second = ui(state.folder / "ui", {**system.env, "RELEVO_API_URL": first.url}, given.ui_port)
        for server in (first, second):
            stack.callback(server.stop)
            server.start()
        first.wait()
        second.wait()
        screen.say(
            f"\n  UI             [bold]{second.url}[/]\n  inference API  [bold]{first.url}[/]/docs\n"
            f"  MLflow         {system.mlflow_url}\n  data source    {system.source_url}/docs\n\n"
            "Ctrl-C stops everything."
        )
        while first.running and second.running:
            time.sleep(0.5)
    except KeyboardInterrupt:
        screen.say("\nstopping")
        return
    ended = second if first.running else first
    raise ServerError(f"{ended.name} ended by itself; its log says:\n{ended.tail()}")
