"""The first rows of a table, as they are looked at. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from relevo_jobs.collect.rows import Row

GUESSED_ROWS: Final = 20_000
"""Rows by which types and roles are told..."""
GUESSED_VALUES: Final = 2_000_000
"""...or fewer, if they have more values than this."""


@dataclass(frozen=True)
class Batch:
    """A batch as it came, or the table in a file that batches are made of."""

    title: str
    """Where it came from."""
    names: tuple[str, ...]
    """As the source calls its columns."""
    rows: Sequence[Row]
    """Those that are looked at, in the order of the names."""
    count: int
    """Of all its rows, counted, or estimated where there are more than were read."""

    @property
    def whole(self) -> bool:
        """Whether these are all of its rows."""
        return len(self.rows) == self.count

    @property
    def looked_at(self) -> str:
        """How many of its rows these are, in words."""
        return f"all {self.count:,}" if self.whole else f"the first {len(self.rows):,} of some {self.count:,}"

    def columns(self, most: int = GUESSED_ROWS) -> Mapping[str, Sequence[str | None]]:
        """The values of each column in so many rows at most, by name."""
        return dict(zip(self.names, zip(*self.rows[:most], strict=True), strict=True))
