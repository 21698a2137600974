"""`relevo-source`: the data source as a process."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import overload

import uvicorn

from relevo_demo.servers.ports import expect_free
from relevo_demo.servers.process import HOST, ServerError
from relevo_demo.source import app, batches, generator, listings

LOOKED_AT = 100_000
"""Rows of a file that are read before anything is started; it takes a fifth of a second."""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        prog="relevo-source",
        description="Serve house listings, one batch per request: GET /data?group_number=6&day=Wednesday.",
    )
    made.add_argument(
        "--data", type=Path, metavar="FILE", help="your copy of the public listings; without it they are generated"
    )
    made.add_argument("--batches", type=int, default=10, metavar="N", help="how many batches (default 10)")
    made.add_argument(
        "--seed", type=int, default=0, metavar="N", help="seed of sizes and generated listings (default 0)"
    )
    made.add_argument(
        "--delay", type=float, default=0.0, metavar="S", help="longest delay of an answer in seconds (default 0)"
    )
    made.add_argument("--port", type=int, default=8000, help="port of 127.0.0.1 (default 8000)")
    made.add_argument("--host", default=HOST, help=f"address to listen on (default {HOST})")
    made.add_argument(
        "--name",
        action="append",
        default=[],
        metavar="HOST",
        help="a name it is asked by; repeatable",
    )
    made.add_argument("--allow-misbehaviour", action="store_true", help="mount POST /misbehave, for tests")
    return made


def check(data: Path | None, count: int, seed: int) -> None:
    """Raise ListingsError or ValueError if these cannot be served, as far as a look at the file's beginning tells."""
    if count < 1:
        raise ValueError(f"expected at least one batch, got --batches {count}")
    if seed < 0:
        raise ValueError(f"expected a seed of 0 or more, got --seed {seed}")
    if data is not None:
        most = min(count * batches.TINY, 1_000_000)
        batches.cut(len(listings.read(data, max(most, LOOKED_AT))), count, seed)


def prepare(data: Path | None, count: int, seed: int) -> app.Batches:
    """The batches, each a list of JSON objects once it is asked for. Raises ListingsError, ValueError."""
    check(data, count, seed)
    if data is None:
        return generator.generate(generator.sizes(count, seed), seed)
    return _Cut(listings.read(data), count, seed)


class _Cut(Sequence[list[str]]):
    """A file's batches."""

    def __init__(self, rows: listings.Listings, count: int, seed: int) -> None:
        self._rows = rows
        self._ends = [0, *accumulate(batches.cut(len(rows), count, seed))]

    def __len__(self) -> int:
        return len(self._ends) - 1

    @overload
    def __getitem__(self, position: int) -> list[str]: ...
    @overload
    def __getitem__(self, position: slice) -> list[list[str]]: ...
    def __getitem__(self, position: int | slice) -> list[str] | list[list[str]]:
        if isinstance(position, slice):
            return [self[place] for place in range(len(self))[position]]
        place = range(len(self))[position]
        return self._rows.rows(self._ends[place], self._ends[place + 1])


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until stopped; 2 if there is nothing to serve or nowhere to serve it."""
    given = parser().parse_args(arguments)
    try:
        expect_free(given.port, "the data source")
        made = prepare(given.data, given.batches, given.seed)
    except (listings.ListingsError, ServerError, ValueError) as error:
        print(f"relevo-source: {error}", file=sys.stderr)  # noqa: T201
        return 2
    misbehaves, names = given.allow_misbehaviour, given.name
    served = app.create(made, longest_delay=given.delay, allow_misbehaviour=misbehaves, names=names)
    uvicorn.run(served, host=given.host, port=given.port, log_level="warning", timeout_graceful_shutdown=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
