"""What an encoder does with a house: look its categories up and compute the features, for a table or one house alone.

Built once from the encoder's data, in plain containers: a request for one house reaches into them a hundred times.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from relevo_contract.arithmetic import HOUSE
from relevo_contract.categories import (
    INPUT_OF,
    VOCABULARIES,
    categories,
    codes,
    index,
    joined,
    kind,
    kinds,
    spell,
    word,
)
from relevo_contract.data_set import Columns
from relevo_contract.features import Features
from relevo_contract.listing import CATEGORICAL, House
from relevo_contract.numbers import NUMBERS, given_columns, given_house, given_rows, numbers, order
from relevo_contract.tables import Tables, tables_of

if TYPE_CHECKING:
    from relevo_contract.encoder import Encoder

FEW: Final = 20
"""Houses up to which one after the other is sooner than all in a table."""
PLACES_REMEMBERED: Final = 8192
"""A kilobyte each. There are some forty thousand zip codes in the country, and most of what is asked is of a few."""
BROKERS_REMEMBERED: Final = 16_384
_STATUS, _BROKER, _BROKER_ZIP = (VOCABULARIES.index(name) for name in ("status", "brokered_by", "broker_zip"))
_UNSEEN: Final = tuple(
    tuple(shown for bit, shown in enumerate(INPUT_OF.values()) if bits >> bit & 1) for bits in range(1 << len(INPUT_OF))
)
"""By bits, one for each of INPUT_OF, the inputs."""
_UNSEEN_BROKER: Final = 1 << list(INPUT_OF).index("brokered_by")


class Encoded(NamedTuple):
    """Houses as the model takes them."""

    features: NDArray[np.float32]
    """(n, features), NaN where an input is missing."""
    unseen: list[tuple[str, ...]]
    """Per row the inputs whose category was never seen in training."""


Known = Mapping[str | None, int]
"""A vocabulary: each category's place in it."""


_Where = tuple[str | None, str | None, str | None, str]
"""State, city, zip code and kind."""


class _Place(NamedTuple):
    """What a house's state, city, zip code and kind say of it, whoever sells it."""

    codes: list[int]
    """By vocabulary."""
    packed: bytes
    """The same, as int64."""
    encodings: list[float]
    """The target encodings; those that need more than the place are to be made anew."""
    unseen: int
    """Bits, see _UNSEEN."""
    zip_code: str | None
    zip_number: float


class _Broker(NamedTuple):
    code: int
    unseen: int
    word: str | None
    number: float


class Lookup:
    """The features of one encoder."""

    def __init__(self, encoder: Encoder) -> None:
        self._features = Features(encoder)
        self.names = self._features.names
        """The features in order."""
        self._places = {name: index(known) for name, known in encoder.vocabulary.items()}
        self._of_houses = tables_of(encoder, self.names, lambda table: tuple(table.tolist()))
        self._beyond_place = self._of_houses.steps_beyond({_STATUS, _BROKER, _BROKER_ZIP})
        # Houses share places and brokers: remembered, they take a tenth of the time.
        # They do not know this object: it would live until a garbage collection, and serving has few.
        known = self._places
        self._place = lru_cache(PLACES_REMEMBERED)(partial(_find_place, known, self._of_houses))
        self._broker = lru_cache(BROKERS_REMEMBERED)(partial(_find_broker, known["brokered_by"]))
        self._status = lru_cache(64)(partial(_find_status, known["status"]))

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
        return Encoded(self._features.of(given, of), [_UNSEEN[bits] for bits in which.tolist()])

    def houses(self, houses: Sequence[House]) -> Encoded:
        """As `table` of these houses, at least one, but sooner. The features are the same to the bit."""
        return self._few(houses) if len(houses) <= FEW else self._many(houses)

    def _few(self, houses: Sequence[House]) -> Encoded:
        found = [self._house(house) for house in houses]
        return Encoded(np.array([values for values, _ in found], dtype=np.float32), [unseen for _, unseen in found])

    def _house(self, house: House) -> tuple[list[float], tuple[str, ...]]:
        inputs = vars(house)
        sort = kind(inputs["house_size"], inputs["bed"], inputs["bath"])
        place = self._place((inputs["state"], inputs["city"], inputs["zip_code"], sort))
        broker = self._broker(inputs["brokered_by"])
        given = given_house(
            house, street=order(word(inputs["street"])), broker=broker.number, zip_code=place.zip_number
        )
        code = place.codes.copy()
        code[_STATUS] = self._status(inputs["status"])
        code[_BROKER] = broker.code
        code[_BROKER_ZIP] = self._places["broker_zip"].get(joined(broker.word, place.zip_code), -1)
        values = numbers(HOUSE, given)
        values += place.encodings
        for step in self._beyond_place:
            values[step.feature] = step.of(code[step.by], values)
        self._features.add_rest(HOUSE, values, given, code, self._of_houses)
        return values, _UNSEEN[place.unseen | broker.unseen]

    def _many(self, houses: Sequence[House]) -> Encoded:
        rows = [vars(house) for house in houses]
        places = [
            self._place((row["state"], row["city"], row["zip_code"], kind(row["house_size"], row["bed"], row["bath"])))
            for row in rows
        ]
        brokers = [self._broker(row["brokered_by"]) for row in rows]
        code = np.frombuffer(b"".join([place.packed for place in places]), dtype=np.int64).reshape(len(rows), -1)
        of = list(code.T)
        known = self._places["broker_zip"]
        both = list(zip(brokers, places, strict=True))
        of[_STATUS] = np.array([self._status(row["status"]) for row in rows])
        of[_BROKER] = np.array([broker.code for broker in brokers])
        of[_BROKER_ZIP] = np.array([known.get(joined(broker.word, place.zip_code), -1) for broker, place in both])
        given = given_rows(
            rows,
            street=[order(word(row["street"])) for row in rows],
            broker=[broker.number for broker in brokers],
            zip_code=[place.zip_number for place in places],
        )
        return Encoded(
            self._features.of_places(given, of), [_UNSEEN[place.unseen | broker.unseen] for broker, place in both]
        )


def _find_place(known: Mapping[str, Known], tables: Tables[float], where: _Where) -> _Place:
    state, city, zip_code, sort = where
    texts = dict.fromkeys(CATEGORICAL, (None,)) | {"state": (state,), "city": (city,), "zip_code": (zip_code,)}
    spelled = spell(texts)
    found = categories(spelled, (sort,))
    code = [known[name].get(found[name][0], -1) for name in VOCABULARIES]
    unseen = sum(
        1 << bit
        for bit, name in enumerate(INPUT_OF)
        if found[name][0] is not None and code[VOCABULARIES.index(name)] < 0
    )
    values = [float("nan")] * len(NUMBERS)
    tables.add_encodings(values, code)
    (zip_word,) = spelled["zip_code"]
    return _Place(
        code, np.array(code, dtype=np.int64).tobytes(), values[len(NUMBERS) :], unseen, zip_word, order(zip_word)
    )


def _find_broker(known: Known, broker: str | None) -> _Broker:
    spelled = word(broker)
    code = known.get(spelled, -1)
    return _Broker(code, _UNSEEN_BROKER if spelled is not None and code < 0 else 0, spelled, order(spelled))


def _find_status(known: Known, status: str | None) -> int:
    return known.get(word(status), -1)
