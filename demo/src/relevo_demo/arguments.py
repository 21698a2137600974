"""The command line of `relevo`, and what is wrong with it: said at once, before anything is started."""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from pathlib import Path

from relevo_demo.servers.ports import expect_free
from relevo_demo.use_case import UseCaseFile

PORTS = {"api": "the inference API", "ui": "the UI", "mlflow": "MLflow", "source": "the source of generated listings"}
STEP_COMMAND = Path(sys.executable).parent / "relevo-job"
DECLARING = {
    "init": "write a first use_case.yaml for a table: relevo init FILE.csv --target COLUMN",
    "check": "say what is wrong with a use_case.yaml and what its first batches become; nothing is written",
}
"""Sub-commands of a program of the steps' own, `relevo_jobs.declaring`."""
RUN = "the whole loop on this machine, then the inference API and the UI: relevo run use_case.yaml"
TOP = """\
A use case is one file, use_case.yaml: what the columns are, what is predicted, where batches come from.

  relevo init loans.csv --target class    writes it: types, keys, time, place, task; you correct it
  relevo check use_case.yaml              says what the first batches become: kept, rejected and why, held out
  relevo run use_case.yaml                runs the loop on this machine, then serves the best version, with the UI
  helm install loans charts/relevo --set-file useCase=use_case.yaml    does the same on a cluster

`relevo COMMAND --help` lists a command's options."""
EPILOG = """\
exit codes:
  0    done; also if Ctrl-C ended the serving after the last batch
  1    a step or a server failed; the same command again goes on from there
  2    wrong arguments, or a use case that is declared wrongly: nothing was started
  130  stopped before the last batch; the same command again goes on from there

Everything is kept in the folder of --state, the servers' and the steps' logs among it; remove it to start anew."""
BATCHES = 10
"""That the house listings come in."""
DELAY = 0.3


def _port(text: str) -> int:
    port = int(text) if text.isascii() and text.isdigit() else 0
    if not 1 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"expected a port from 1 to 65535, got {text!r}")
    return port


def parser() -> argparse.ArgumentParser:
    """The command line of `relevo`."""
    raw = argparse.RawDescriptionHelpFormatter
    made = argparse.ArgumentParser(prog="relevo", description=TOP, formatter_class=raw)
    commands = made.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, what in DECLARING.items():
        commands.add_parser(name, help=what, add_help=False)
    add_options(
        commands.add_parser(
            "run",
            help=RUN,
            description=(
                "The whole loop on this machine: starts PostgreSQL, S3 and MLflow on 127.0.0.1, asks for one batch "
                "after another and runs each step (collect, clean, decide, train, promote) as its own process. Then "
                "the inference API and the UI stay up until Ctrl-C, which stops everything it started."
            ),
            epilog=EPILOG,
            formatter_class=raw,
        )
    )
    return made


def add_options(made: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Give a parser the arguments of `relevo run`."""
    add = made.add_argument
    add("use_case", type=Path, metavar="USE_CASE", help="a use_case.yaml, or a folder with one")
    add("--exit", action="store_true", help="end after the last batch instead of serving")
    add("--json", type=Path, metavar="FILE", help="write what the table tells as JSON, anew after each batch")
    add(
        "--state",
        type=Path,
        metavar="DIR",
        help="where everything is kept (default .relevo/NAME, by the use case's name); the same again goes on where "
        "it stopped",
    )
    add("--seed", type=int, default=0, metavar="N", help="seed of trainings, and of generated listings (default 0)")
    add(
        "--batches",
        type=int,
        metavar="N",
        help="end after so many batches (default: all there are); house prices: how many the listings come in "
        f"(default {BATCHES})",
    )
    add(
        "--data",
        type=Path,
        metavar="FILE",
        help="house prices alone: your copy of the public listings (CSV); without it they are generated",
    )
    add(
        "--delay",
        type=float,
        metavar="S",
        help=f"house prices alone: longest delay of the source's answers (default {DELAY} s)",
    )
    for name, what in PORTS.items():
        add(f"--{name}-port", type=_port, metavar="P", help=f"port of 127.0.0.1 for {what} (default: a free one)")
    return made


def check(given: argparse.Namespace, use_case: UseCaseFile) -> None:
    """Raise ListingsError, ServerError or ValueError for arguments that cannot work."""
    if use_case.is_demo:
        from relevo_demo.source import __main__ as source  # noqa: PLC0415  # a third of a second, of this use case alone

        source.check(given.data, batches(given), given.seed)
    else:
        _expect_none_of_the_listings(given, use_case)
        if given.batches is not None and given.batches < 1:
            raise ValueError(f"expected at least one batch, got --batches {given.batches}")
        if given.seed < 0:
            raise ValueError(f"expected a seed of 0 or more, got --seed {given.seed}")
    if not 0 <= delay(given) <= 3600:
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


def batches(given: argparse.Namespace) -> int:
    """How many batches the house listings come in."""
    return BATCHES if given.batches is None else int(given.batches)


def delay(given: argparse.Namespace) -> float:
    """Longest delay of their source's answers, in seconds."""
    return DELAY if given.delay is None else float(given.delay)


def _expect_none_of_the_listings(given: argparse.Namespace, use_case: UseCaseFile) -> None:
    for option in ("data", "delay", "source_port"):
        if (came := getattr(given, option)) is not None:
            shown = option.replace("_", "-")
            raise ValueError(
                f"expected no --{shown}, which is of the listings that house prices are shown with, got {came}: "
                f"{use_case.declared.name} declares its source itself, so leave it out"
            )


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
