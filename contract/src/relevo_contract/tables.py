"""What an encoder learnt, as tables to look up by code: tuples of floats for a house, arrays for a table of houses."""

from __future__ import annotations

from collections.abc import Callable, MutableSequence, Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple

import numpy as np

from relevo_contract.arithmetic import Value
from relevo_contract.categories import VOCABULARIES

if TYPE_CHECKING:
    from relevo_contract.encoder import Encoder

SHARES: Final = ("zip_code", "city", "brokered_by")
PLACES: Final = ("state", "zip3", "city", "zip_code")
BROKER: Final = "brokered_by"


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


def learnt(encoder: Encoder, names: Sequence[str], made: Callable[[list[float]], Any]) -> Tables[Any]:
    """The encoder's, each table made of a list; `names` are the features."""
    counts = {e.feature: np.array([*e.counts, 0], dtype=np.float64) for e in encoder.encodings}
    place = {name: number for number, name in enumerate(VOCABULARIES)}
    effects = encoder.additive.effects
    others = [name for name in effects if name not in (*PLACES, BROKER)]
    return Tables(
        steps=tuple(
            Step(
                feature=names.index(e.feature),
                by=place[e.by],
                smoothing=e.smoothing,
                parent=-1 if e.parent is None else names.index(e.parent),
                overall=encoder.overall[e.target],
                sums=made((counts[e.feature] * np.array([*e.means, 0], dtype=np.float64)).tolist()),
                totals=made((counts[e.feature] + e.smoothing).tolist()),
            )
            for e in encoder.encodings
        ),
        shares=tuple(
            # A share, not a count: it means the same to a model trained on part of the rows.
            (place[name], made((counts[f"price_by_{name}"] / max(1, encoder.rows)).tolist()))
            for name in SHARES
        ),
        effects=tuple((place[name], made([*effects[name], 0.0])) for name in (*PLACES, BROKER, *others)),
    )
