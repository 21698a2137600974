"""The command lines of `init` and `check`; `--help` needs nothing heavy."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Final

TASKS: Final = ("positive-number", "number", "binary")
SUMMARIES: Final = {
    "init": "write a first use_case.yaml, guessed from a CSV or Parquet file",
    "check": "what a use_case.yaml makes of its first batches",
}
_EXIT_CODES: Final = "exit codes: 0 done; 2 a sentence on stderr says what to correct; 69 the source is away"


def add(parsers: Any) -> None:
    """Add both commands to the subparsers of a command line."""
    init = _command(parsers, "init", "It looks at the beginning of the file alone, and writes nothing else.")
    init.add_argument("file", type=Path, metavar="FILE", help="CSV with names in its first line, or Parquet")
    init.add_argument("--target", required=True, metavar="COLUMN", help="the column to predict")
    init.add_argument("--task", choices=TASKS, help="what the target is; left out: guessed")
    init.add_argument(
        "--positive", metavar="OUTCOME", help="the outcome whose probability is predicted; all others are the other one"
    )
    init.add_argument("--name", help="of the use case; left out: the file's")
    init.add_argument(
        "--output", type=Path, default=Path("use_case.yaml"), metavar="FILE", help="default: use_case.yaml"
    )
    init.add_argument("--force", action="store_true", help="write over a file that is there")
    check = _command(
        parsers, "check", "Nothing is written, in no database and no bucket; with --write, the file alone."
    )
    check.add_argument(
        "file", type=Path, nargs="?", default=Path("use_case.yaml"), metavar="FILE", help="default: use_case.yaml"
    )
    check.add_argument("--batches", type=_count, default=3, metavar="N", help="how many to look at; default: 3")
    check.add_argument("--write", action="store_true", help="write what `auto` stands for into the file")
    check.add_argument("--json", action="store_true", help="for programs")


def _command(parsers: Any, name: str, more: str) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = parsers.add_parser(
        name,
        help=SUMMARIES[name],
        description=f"{SUMMARIES[name][0].upper()}{SUMMARIES[name][1:]}. {more}",
        epilog=_EXIT_CODES,
    )
    return made


def _count(text: str) -> int:
    count = int(text)
    if not 1 <= count <= 1_000:
        raise argparse.ArgumentTypeError(f"expected 1 to 1,000 batches, got {count}")
    return count
