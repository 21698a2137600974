"""What a RAW row becomes in CLEAN by a use case's declaration: a typed row, or a rejection with its reason. Pure.

A row is rejected only if a model could learn nothing true from it. A single bad value is set to missing instead: the
model knows missing values, and the rest of the row still happened. What a value is, the declaration says, to the
inference API as well. docs/cleaning.md tells the rules.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any, Final

import numpy as np

from relevo_contract.data_set import Columns, DataSet
from relevo_contract.graph_inputs import FIRST_DAY
from relevo_contract.identity import Identity
from relevo_contract.texts import shown
from relevo_contract.use_case import Declaration
from relevo_contract.values import Value
from relevo_jobs.clean.fates import Kept, Raw, Rejection

Values = Mapping[str, Value | None]
Keep = Callable[[dict[str, Value | None]], str | Mapping[str, Value | None] | None]
"""A team's own rule: of a row's values, the reason to leave it out, or values to change, or None."""
DUPLICATE: Final = "duplicate"
PARTS: Final = 10_000
"""What a hash is cut into for a share that is not one in so many."""


@dataclass(frozen=True)
class Sides:
    """Which rows no version is ever trained on; by the row alone, so that it never changes its side."""

    declared: Declaration
    data: DataSet

    @property
    def by(self) -> tuple[str, ...]:
        """What says which rows are of one thing; empty: each row is its own."""
        return self.declared.holdout.by or self.declared.of_role("key")

    def held_out(self, values: Values) -> bool:
        """Whether a row is held out."""
        rule = self.declared.holdout
        if rule.period is not None and rule.last is not None:
            (time,) = self.declared.of_role("time")
            return _place(values[time]) % rule.period >= rule.period - rule.last
        share = Fraction(rule.share).limit_denominator(PARTS)
        number = self.thing(values)
        return number % share.denominator == 0 if share.numerator == 1 else number % PARTS < rule.share * PARTS

    def thing(self, values: Values) -> int:
        """A number of 64 bits that a thing has, however often it comes; of a row that is its own, by what it has.

        Case makes no other thing. What is missing says nothing, so that an input that comes changes no row's side.
        """
        if not self.by:
            named = sorted((name, str(value).casefold()) for name, value in values.items() if value is not None)
            return _hash(named)
        key: list[object] = [str("" if values[name] is None else values[name]).casefold() for name in self.by]
        for name, instead in self.declared.holdout.where_missing.items():
            if values[name] is None:
                key += [values[one] for one in instead]
        return _hash(key)

    def identity(self, columns: Columns) -> Identity | None:
        """Which rows of CLEAN are of one thing, (n,); None: each is its own, or a period holds them out."""
        if not self.by or self.declared.holdout.period is not None:
            return None
        standing_in = {one for names in self.declared.holdout.where_missing.values() for one in names}
        told = tuple({*self.by, *standing_in})
        rows = zip(*(columns[name].tolist() for name in told), strict=True)
        return np.array([self.thing(dict(zip(told, map(_or_none, row), strict=True))) for row in rows], dtype=np.uint64)


def _hash(key: object) -> int:
    return int.from_bytes(hashlib.blake2b(repr(key).encode(), digest_size=8).digest())


def _or_none(value: Any) -> Any:
    return None if isinstance(value, float) and np.isnan(value) else value


def _place(time: Value | None) -> int:
    """Where on its axis a time lies, in days or in its own unit; 0 where it is missing, which is held out by nobody."""
    if isinstance(time, date):
        return time.toordinal() - FIRST_DAY
    return int(time // 1) if isinstance(time, float) else 0


@dataclass(frozen=True)
class Rules:
    """The rules of a declaration, and perhaps one of the team's own."""

    declared: Declaration
    data: DataSet
    sides: Sides
    keep: Keep | None = None

    def row(self, row: Raw) -> Kept | Rejection:
        """One row by the rules; duplicates are `rows`'s business."""
        ignored, target = self.data.ignored, self.data.target
        came = {name: one for name, one in zip(self.data.columns, row, strict=True) if name not in ignored}
        values, doubts, errors = self.data.understand(came)
        if (fate := self._of_target(values[target], came[target], doubted=target in doubts)) is not None:
            return fate
        for reason, needed in self.declared.clean.require.items():
            if all(values[name] is None for name in needed):
                return Rejection(reason, f"no {' or '.join(filter(None, [', '.join(needed[:-1]), needed[-1]]))}")
        if self.keep is not None:
            said = self.keep(dict(values))
            if isinstance(said, str):
                return Rejection(said, "by the use case's own rule")
            values = {**values, **(said or {})}
        return Kept(values, self.sides.held_out(values), doubts | errors)

    def _of_target(self, value: Value | None, came: str | None, *, doubted: bool) -> Rejection | None:
        target = self.data.target
        if isinstance(value, float) and self.data.predicts.can_be(value):
            return None
        implausible = doubted or value is not None
        return Rejection(f"{target}_{'implausible' if implausible else 'missing'}", f"{target} {shown(came)}")

    def rows(self, rows: Iterable[Raw]) -> Iterator[Kept | Rejection]:
        """Every row's fate, in order; the same rows always meet the same fate. Of a row, a hash alone is remembered."""
        first: dict[bytes, int] = {}
        for position, row in enumerate(rows):
            same = self._same(row)
            earlier = position if same is None else first.setdefault(same, position)
            yield self.row(row) if earlier == position else Rejection(DUPLICATE, f"same values as row {earlier}")

    def _same(self, row: Raw) -> bytes | None:
        """What a row shares with its duplicates alone; None: it has none."""
        what: object = tuple(row)
        if self.declared.clean.duplicates == "keep":
            return None
        if self.declared.clean.duplicates == "by key":
            of = dict(zip(self.data.columns, row, strict=True))
            keys = {name: of[name] for name in self.declared.of_role("key")}
            what = list(self.data.understand(keys)[0].values())
            if None in what:
                return None
        return hashlib.blake2b(repr(what).encode(), digest_size=16).digest()
