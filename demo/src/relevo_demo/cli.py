"""`relevo run`: the whole loop on this machine; `relevo init` and `relevo check` are the steps' own program."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import Any

from relevo_demo import state as state_module
from relevo_demo.arguments import DECLARING, STEP_COMMAND, batches, check, delay, parser
from relevo_demo.loop import run_batches
from relevo_demo.recall import from_mlflow
from relevo_demo.screen import Screen, say, wrong
from relevo_demo.servers.apps import api, ui
from relevo_demo.servers.process import ServerError, ended
from relevo_demo.source.listings import ListingsError
from relevo_demo.state import State, StateError
from relevo_demo.steps import StepFailedError, Steps
from relevo_demo.story import production, whole
from relevo_demo.system import Options, System, running
from relevo_demo.use_case import UseCaseFile, opened

INTERRUPTED = 130
FAILED = 1
WRONG = 2


def _stop(number: int, frame: FrameType | None) -> None:
    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(one, _ignore)  # from here on it stops, which an impatient second Ctrl-C would only disturb
    raise KeyboardInterrupt


def _ignore(number: int, frame: FrameType | None) -> None:
    """Not SIG_IGN, which a child would inherit."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code. `init` and `check` take this process's place instead."""
    typed = list(sys.argv[1:] if arguments is None else arguments)
    if typed and typed[0] in DECLARING:
        os.execv(sys.executable, [sys.executable, "-m", "relevo_jobs.declaring", *typed])  # noqa: S606  # no shell
    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # also where a caller had it ignored, as shells do
        signal.signal(one, _stop)
    given = parser().parse_args(typed)
    try:
        return _main(given)
    except KeyboardInterrupt:
        say("\nStopped before the last batch. Run the same command again to go on from here.")
        return INTERRUPTED
    except BrokenPipeError:  # nobody reads any more, `| head` for one; all is stopped by now
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def _main(given: argparse.Namespace) -> int:
    with ExitStack() as stack:
        try:
            use_case = opened(given.use_case)
            check(given, use_case)
            folder = given.state or Path(".relevo") / use_case.declared.name
            state = stack.enter_context(state_module.opened(folder.resolve()))
            state.expect_same_source(_served(given, use_case))
        except (ListingsError, ServerError, StateError, ValueError) as error:
            wrong(str(error))
            return WRONG
        try:
            return _run(given, use_case, state, Screen(use_case.data))
        except BrokenPipeError:
            raise
        except (ServerError, StepFailedError, OSError) as error:
            wrong(str(error))
            say(
                f"Everything it started is stopped. Logs are in {state.folder}. Run the same command again to go on "
                "from here."
            )
            return FAILED


def _served(given: argparse.Namespace, use_case: UseCaseFile) -> dict[str, Any]:
    """What the state's batches are of."""
    served = {"use_case": use_case.declared.name, "seed": given.seed}
    if use_case.is_demo:
        served |= {"data": given.data and str(given.data.resolve()), "batches": batches(given)}
    return served


def write_story(file: Path, story: dict[str, Any]) -> None:
    """Write the JSON in one stroke."""
    fresh = file.with_name(file.name + ".tmp")
    fresh.write_text(json.dumps(story, indent=1) + "\n")
    os.replace(fresh, file)  # noqa: PTH105


def _run(given: argparse.Namespace, use_case: UseCaseFile, state: State, screen: Screen) -> int:
    listings = None
    if use_case.is_demo:
        listings = ["--batches", str(batches(given)), "--seed", str(given.seed), "--delay", str(delay(given))]
        if given.data is not None:
            listings += ["--data", str(given.data.resolve())]
    source = None if listings is None else tuple(listings)
    options = Options(source, given.seed, given.mlflow_port, given.source_port, use_case=use_case.file)
    expected = batches(given) if use_case.is_demo else given.batches
    and_source = "" if source is None else " and the data source"
    began = time.monotonic()
    with ExitStack() as stack:
        with screen.waiting(f"starting PostgreSQL, S3, MLflow{and_source}"):
            system = stack.enter_context(running(state.folder, options))
        each = ", ".join(f"{server.name} {server.ready_after:.1f}" for server in system.servers)
        screen.say(f"servers ready after {time.monotonic() - began:.1f} s ({each}); MLflow: {system.mlflow_url}")
        for row in state.rows:  # a second run tells the story from its beginning
            screen.row(row)

        def told() -> None:
            if given.json is not None:
                write_story(given.json, whole(state.rows, use_case.declared.name, use_case.data))

        told()
        steps = Steps(STEP_COMMAND, system.env, state.folder / "steps.log")
        try:
            with screen.working(expected, len(state.rows)):
                recall = from_mlflow(system.mlflow_url, system.group, system.model)
                run_batches(state, steps, screen, recall, told, most=None if use_case.is_demo else given.batches)
        except StepFailedError as error:
            raise StepFailedError(f"{error}\n{ended(system.servers)}".rstrip()) from error
        screen.summary(state.rows)
        if not given.exit:
            _serve(given, state, system, screen, stack)
        else:
            screen.say("The same command without --exit serves it, with the UI and MLflow beside it.")
    return 0


def _serve(given: argparse.Namespace, state: State, system: System, screen: Screen, stack: ExitStack) -> None:
    """Keep API and UI up until Ctrl-C."""
    if production(state.rows)["version"] is None:
        screen.say("No version is in production, so there is nothing to serve.")
        return
    try:
        first = api(state.folder / "serving", system.env, given.api_port)
        second = ui(state.folder / "ui", {**system.env, "RELEVO_API_URL": first.url}, given.ui_port)
        with screen.waiting("starting the inference API and the UI"):
            for server in (first, second):
                stack.callback(server.stop)
                server.start()
            first.wait()
            second.wait()
        source = "" if system.source_url is None else f"  data source    {system.source_url}/docs\n"
        screen.say(
            f"\n  UI             [bold]{second.url}[/]\n  inference API  [bold]{first.url}[/]/docs\n"
            f"  MLflow         {system.mlflow_url}\n{source}\n"
            "Ctrl-C stops everything."
        )
        everything = (*system.servers, first, second)
        while all(server.running for server in everything):
            time.sleep(0.5)
    except KeyboardInterrupt:
        screen.say("\nstopping")
        return
    raise ServerError(ended(everything))
