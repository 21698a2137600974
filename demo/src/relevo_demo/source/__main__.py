"""`relevo-source`: the data source as a process."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import uvicorn

from relevo_demo.servers.process import HOST, ServerError, expect_free
from relevo_demo.source import app, batches, generator, listings


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
    made.add_argument("--allow-misbehaviour", action="store_true", help="mount POST /misbehave, for tests")
    return made


def prepare(data: Path | None, count: int, seed: int) -> list[list[str]]:
    """The batches, each a list of JSON objects. Raises ListingsError, ValueError."""
    if count < 1:
        raise ValueError(f"expected at least one batch, got --batches {count}")
    if seed < 0:
        raise ValueError(f"expected a seed of 0 or more, got --seed {seed}")
    if data is None:
        return generator.generate(generator.sizes(count, seed), seed)
    rows = listings.read(data)
    ends, start = [], 0
    for size in batches.cut(len(rows), count, seed):
        ends.append(rows[start : start + size])
        start += size
    return ends


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until stopped; 2 if there is nothing to serve or nowhere to serve it."""
    given = parser().parse_args(arguments)
    try:
        expect_free(given.port, "the data source")
        made = prepare(given.data, given.batches, given.seed)
    except (listings.ListingsError, ServerError, ValueError) as error:
        print(f"relevo-source: {error}", file=sys.stderr)  # noqa: T201
        return 2
    served = app.create(made, longest_delay=given.delay, allow_misbehaviour=given.allow_misbehaviour)
    uvicorn.run(served, host=given.host, port=given.port, log_level="warning", timeout_graceful_shutdown=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
