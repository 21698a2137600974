"""The features that follow from what an encoder learnt, once a house's categories are codes.

What an encoder's vocabularies are needed for is in `lookup`; training, which looks categories up once for a hundred
encoders, needs no more than this.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from relevo_contract.arithmetic import COLUMNS, Arithmetic, Column, Value
from relevo_contract.categories import VOCABULARIES
from relevo_contract.numbers import NUMBERS, Given, log_size, numbers, terms
from relevo_contract.tables import PLACES, SHARES, Learnt, Tables, tables_of

Codes = Mapping[str, NDArray[np.integer[Any]]]
"""By vocabulary each row's place in it, -1 where missing or never seen; each (n,)."""

PRICE_BY_SIZE: Final = "price_by_size"
FOOT_PRICE: Final = "foot_price_by_zip_code"


class Features:
    """The features of what was learnt."""

    def __init__(self, learnt: Learnt) -> None:
        self.names = (
            *NUMBERS,
            *(e.feature for e in learnt.encodings),
            PRICE_BY_SIZE,
            *(f"share_of_{name}" for name in SHARES),
            "additive_house",
            "additive_place",
            "additive_broker",
            "additive_price",
        )
        """The features in order."""
        self._centers = learnt.additive.centers
        self._constant, *self._coefficients = learnt.additive.coefficients
        self._foot_price = self.names.index(FOOT_PRICE)
        self._tables = tables_of(learnt, self.names, np.asarray)

    def of(self, given: Given[Column], codes: Codes) -> NDArray[np.float32]:
        """Of a table whose codes are known; (n, features), NaN where an input is missing."""
        return self.of_places(given, [codes[name] for name in VOCABULARIES])

    def of_places(self, given: Given[Column], codes: Sequence[NDArray[np.integer[Any]]]) -> NDArray[np.float32]:
        """The same, with the codes in the order of VOCABULARIES."""
        values = numbers(COLUMNS, given)
        self._tables.add_encodings(values, codes)
        self.add_rest(COLUMNS, values, given, codes, self._tables)
        return np.column_stack(values).astype(np.float32)

    def add_rest(
        self, x: Arithmetic[Value], values: list[Value], given: Given[Value], of: Sequence[Any], tables: Tables[Value]
    ) -> None:
        """Append what comes after the target encodings; `of` has each vocabulary's code, or a column of them."""
        values.append(values[self._foot_price] + log_size(x, given))
        values += tables.shares_of(of)
        # Term by term, not by a matrix product, whose order of summation changes with the number of rows.
        house = x.where(True, self._constant, 0)
        for coefficient, term in zip(self._coefficients, terms(x, given, self._centers), strict=True):
            house = house + coefficient * term
        effects = tables.effects_of(of)
        place = sum(effects[1 : len(PLACES)], effects[0])
        values += [house, place, effects[len(PLACES)], house + sum(effects[1:], effects[0])]
