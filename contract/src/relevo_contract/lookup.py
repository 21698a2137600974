"""What an encoder does with a house: look its categories up and compute the features, for a table or one house alone.

Built once from the encoder's data, in plain containers: a request for one house reaches into them a hundred times.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple

import numpy as np
from numpy.typing import NDArray

from relevo_contract.arithmetic import COLUMNS, HOUSE, Arithmetic, Column, Value
from relevo_contract.categories import INPUT_OF, VOCABULARIES, categories, codes, index, kind, kinds, spell
from relevo_contract.listing import CATEGORICAL, Columns, House
from relevo_contract.numbers import NUMBERS, Given, given_columns, given_house, log_size, numbers, terms

if TYPE_CHECKING:
    from relevo_contract.encoder import Encoder

Codes = Mapping[str, NDArray[np.int64]]
"""By vocabulary each row's place in it, -1 where missing or never seen; each (n,)."""

PRICE_BY_SIZE: Final = "price_by_size"
FOOT_PRICE: Final = "foot_price_by_zip_code"
SHARES: Final = ("zip_code", "city", "brokered_by")
PLACES: Final = ("state", "zip3", "city", "zip_code")
BROKER: Final = "brokered_by"
_INPUTS: Final = tuple((name, VOCABULARIES.index(name), shown) for name, shown in INPUT_OF.items())
_UNSEEN: Final = tuple(
    tuple(shown for bit, shown in enumerate(INPUT_OF.values()) if bits >> bit & 1) for bits in range(1 << len(INPUT_OF))
)
"""By bits, one for each of INPUT_OF, the inputs."""
_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Encoded:
    """Houses as the model takes them."""

    features: NDArray[np.float32]
    """(n, features), NaN where an input is missing."""
    unseen: list[tuple[str, ...]]
    """Per row the inputs whose category was never seen in training."""


class _Step(NamedTuple):
    """One target encoding; a table has an entry more than its vocabulary, which answers for the code -1."""

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


@dataclass(frozen=True)
class _Tables(Generic[Value]):
    """What is looked up by code: tuples of floats for a house, arrays for a table."""

    steps: tuple[_Step, ...]
    shares: tuple[tuple[int, Any], ...]
    """The vocabulary's place, and its table."""
    effects: tuple[tuple[int, Any], ...]
    """The same, of PLACES and then of the others, the broker's first."""


class Lookup:
    """The features of one encoder."""

    def __init__(self, encoder: Encoder) -> None:
        self.names = (
            *NUMBERS,
            *(e.feature for e in encoder.encodings),
            PRICE_BY_SIZE,
            *(f"share_of_{name}" for name in SHARES),
            "additive_house",
            "additive_place",
            "additive_broker",
            "additive_price",
        )
        """The features in order."""
        self._places = {name: index(known) for name, known in encoder.vocabulary.items()}
        self._in_order = tuple((name, self._places[name]) for name in VOCABULARIES)
        self._centers = encoder.additive.centers
        self._constant, *self._coefficients = encoder.additive.coefficients
        self._foot_price = self.names.index(FOOT_PRICE)
        self._of_columns = _tables(encoder, self.names, lambda entries: np.array(entries, dtype=np.float64))
        self._of_houses = _tables(encoder, self.names, tuple)

    def table(self, columns: Columns) -> Encoded:
        """Features of a table, and what of it was never seen."""
        spelled = spell(columns)
        given = given_columns(columns, spelled)
        found = categories(spelled, kinds(given))
        of = {name: codes(category, self._places[name]) for name, category in found.items()}
        which = np.zeros(len(spelled["state"]), dtype=np.int64)
        for bit, name in enumerate(INPUT_OF):
            there = np.array([category is not None for category in found[name]], dtype=bool)
            which |= (there & (of[name] < 0)).astype(np.int64) << bit
        return Encoded(self.features(given, of), [_UNSEEN[bits] for bits in which.tolist()])

    def features(self, given: Given[Column], of: Codes) -> NDArray[np.float32]:
        """The features of a table whose codes are known already."""
        by_place = [of[name] for name in VOCABULARIES]
        return _bounded(np.column_stack(self._values(COLUMNS, given, by_place, self._of_columns)))

    def houses(self, houses: Sequence[House]) -> Encoded:
        """As `table` of these houses, at least one: sooner if they are few. The features are the same to the bit."""
        values, unseen = zip(*map(self._house, houses), strict=True)
        return Encoded(_bounded(np.array(values)), list(unseen))

    def _house(self, house: House) -> tuple[list[float], tuple[str, ...]]:
        inputs = vars(house)
        spelled = spell({name: (inputs[name],) for name in CATEGORICAL})
        given = given_house(house, {name: spelling[0] for name, spelling in spelled.items()})
        found = categories(spelled, (kind(given),))
        places = self._in_order
        by_place = [known.get(found[name][0], -1) for name, known in places]
        unseen = [shown for name, place, shown in _INPUTS if by_place[place] < 0 and found[name][0] is not None]
        return self._values(HOUSE, given, by_place, self._of_houses), tuple(unseen)

    def _values(
        self, x: Arithmetic[Value], given: Given[Value], of: Sequence[Any], tables: _Tables[Value]
    ) -> list[Value]:
        """Every feature, in the order of `names`; `of` has each vocabulary's code, or a column of them."""
        values = numbers(x, given)
        for by, smoothing, parent, overall, sums, totals in tables.steps:
            place = of[by]
            prior = overall if parent < 0 else values[parent]
            values.append((sums[place] + smoothing * prior) / totals[place])
        values.append(values[self._foot_price] + log_size(x, given))
        for by, shares in tables.shares:
            values.append(shares[of[by]])
        # Term by term, not by a matrix product, whose order of summation changes with the number of rows.
        house = x.where(True, self._constant, 0)
        for coefficient, term in zip(self._coefficients, terms(x, given, self._centers), strict=True):
            house = house + coefficient * term
        effects = [effect[of[by]] for by, effect in tables.effects]
        place = sum(effects[: len(PLACES)])
        values += [house, place, effects[len(PLACES)], house + sum(effects)]
        return values


def _tables(encoder: Encoder, names: Sequence[str], made: Any) -> _Tables[Any]:
    counts = {e.feature: np.array([*e.counts, 0], dtype=np.float64) for e in encoder.encodings}
    place = {name: number for number, name in enumerate(VOCABULARIES)}
    effects = encoder.additive.effects
    others = [name for name in effects if name not in (*PLACES, BROKER)]
    return _Tables(
        steps=tuple(
            _Step(
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
        effects=tuple((place[name], made((*effects[name], 0.0))) for name in (*PLACES, BROKER, *others)),
    )


def _bounded(features: NDArray[np.float64]) -> NDArray[np.float32]:
    """A valid house may still be absurd (a bath of 1e-300): its ratios stay finite, which XGBoost asks for."""
    # Not np.clip, which takes twice as long for one row.
    return np.maximum(np.minimum(features, _LARGEST), -_LARGEST).astype(np.float32)
