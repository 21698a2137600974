"""What an encoder learnt, as tables to look up by code: tuples of floats for a house, arrays for a table of houses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableSequence, Sequence, Set
from dataclasses import dataclass
from typing import Any, Final, Generic, NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relevo_contract.arithmetic import Value
from relevo_contract.categories import VOCABULARIES

SHARES: Final = ("zip_code", "city", "brokered_by")
PLACES: Final = ("state", "zip3", "city", "zip_code")
BROKER: Final = "brokered_by"


class LearntEncoding(Protocol):
    """A target encoding as its tables need it; see `encoder.TargetEncoding`."""

    @property
    def feature(self) -> str: ...  # noqa: D102

    @property
    def by(self) -> str: ...  # noqa: D102

    @property
    def target(self) -> Any: ...  # noqa: D102

    @property
    def parent(self) -> str | None: ...  # noqa: D102

    @property
    def smoothing(self) -> float: ...  # noqa: D102

    @property
    def counts(self) -> ArrayLike: ...  # noqa: D102

    @property
    def means(self) -> ArrayLike: ...  # noqa: D102


class LearntAdditive(Protocol):
    """The additive model as its tables need it; see `encoder.AdditiveModel`."""

    @property
    def centers(self) -> Sequence[float]: ...  # noqa: D102

    @property
    def coefficients(self) -> Sequence[float]: ...  # noqa: D102

    @property
    def effects(self) -> Mapping[str, ArrayLike]: ...  # noqa: D102


class Learnt(Protocol):
    """What an encoder learnt, its vocabularies aside: an `encoder.Encoder`, or the same in arrays."""

    @property
    def rows(self) -> int: ...  # noqa: D102

    @property
    def overall(self) -> Mapping[Any, float]: ...  # noqa: D102

    @property
    def encodings(self) -> Sequence[LearntEncoding]: ...  # noqa: D102

    @property
    def additive(self) -> LearntAdditive: ...  # noqa: D102


class Step(NamedTuple):
    """One target encoding; a table has an entry more than its vocabulary, which answers for the code -1."""

    feature: int
    """Its place among the features."""
    by: int
    """The vocabulary's place in VOCABULARIES."""
    smoothing: float
    parent: int
    """Its feature's place, below this one's; -1 is none."""
    overall: float
    sums: Any
    """By category, count times mean."""
    totals: Any
    """By category, count plus smoothing."""

    def of(self, code: Any, features: Sequence[Value]) -> Value:
        """The feature, from those before it."""
        prior = self.overall if self.parent < 0 else features[self.parent]
        return (self.sums[code] + self.smoothing * prior) / self.totals[code]  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Tables(Generic[Value]):
    """What is looked up by code."""

    steps: tuple[Step, ...]
    shares: tuple[tuple[int, Any], ...]
    """By SHARES, the vocabulary's place and its table."""
    effects: tuple[tuple[int, Any], ...]
    """The same, by PLACES and then the others, the broker's first."""

    def add_encodings(self, features: MutableSequence[Value], codes: Sequence[Any]) -> None:
        """Append the target encodings to the features before them; `codes` by vocabulary."""
        for step in self.steps:
            features.append(step.of(codes[step.by], features))

    def steps_beyond(self, vocabularies: Set[int]) -> tuple[Step, ...]:
        """The encodings that need one of these vocabularies, or a feature that does."""
        found: dict[int, Step] = {}
        for step in self.steps:
            if step.by in vocabularies or step.parent in found:
                found[step.feature] = step
        return tuple(found.values())

    def shares_of(self, codes: Sequence[Any]) -> list[Value]:
        """By SHARES."""
        return [shares[codes[by]] for by, shares in self.shares]

    def effects_of(self, codes: Sequence[Any]) -> list[Value]:
        """By PLACES and the others."""
        return [effect[codes[by]] for by, effect in self.effects]


def tables_of(learnt: Learnt, names: Sequence[str], made: Callable[[NDArray[np.float64]], Any]) -> Tables[Any]:
    """The tables of what was learnt, each made of an array; `names` are the features."""
    counts = {e.feature: _and_none(e.counts) for e in learnt.encodings}
    place = {name: number for number, name in enumerate(VOCABULARIES)}
    effects = learnt.additive.effects
    others = [name for name in effects if name not in (*PLACES, BROKER)]
    return Tables(
        steps=tuple(
            Step(
                feature=names.index(e.feature),
                by=place[e.by],
                smoothing=e.smoothing,
                parent=-1 if e.parent is None else names.index(e.parent),
                overall=learnt.overall[e.target],
                sums=made(counts[e.feature] * _and_none(e.means)),
                totals=made(counts[e.feature] + e.smoothing),
            )
            for e in learnt.encodings
        ),
        shares=tuple(
            # A share, not a count: it means the same to a model trained on part of the rows.
            (place[name], made(counts[f"price_by_{name}"] / max(1, learnt.rows)))
            for name in SHARES
        ),
        effects=tuple((place[name], made(_and_none(effects[name]))) for name in (*PLACES, BROKER, *others)),
    )


def _and_none(values: ArrayLike) -> NDArray[np.float64]:
    """With one entry more, 0, which answers for the code -1."""
    return np.append(np.asarray(values, dtype=np.float64), 0.0)
