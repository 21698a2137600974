"""How figures stand in a decision's sentence."""

from __future__ import annotations

from collections.abc import Sequence

from relevo_contract.record import Estimate


def percent(share: float) -> str:
    """`0.2345` as `23.5 %`."""
    return f"{100 * share:.1f} %"


def estimate(figure: Estimate) -> str:
    """A share with its interval: `23.5 % (21.0 to 26.2)`."""
    return f"{percent(figure.value)} ({100 * figure.low:.1f} to {100 * figure.high:.1f})"


def rows_of(count: int) -> str:
    """`1 row`, `1,747 rows`."""
    return f"{count:,} row{'' if count == 1 else 's'}"


def listed(items: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, [", ".join(items[:-1]), *items[-1:]]))
