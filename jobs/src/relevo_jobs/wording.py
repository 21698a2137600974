"""How figures stand in a decision's sentence."""

from __future__ import annotations

from collections.abc import Sequence


def rows_of(count: int) -> str:
    """`1 row`, `1,747 rows`."""
    return f"{count:,} row{'' if count == 1 else 's'}"


def listed(items: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, [", ".join(items[:-1]), *items[-1:]]))
