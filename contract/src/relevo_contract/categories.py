"""The categories a house falls into: one spelling for each, also of several columns taken together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

from relevo_contract.arithmetic import Column
from relevo_contract.listing import CATEGORICAL
from relevo_contract.numbers import Given
from relevo_contract.texts import tidy

SEPARATOR: Final = "|"

VOCABULARIES: Final = (
    "state",
    "zip3",
    "city",
    "zip_code",
    "brokered_by",
    "status",
    "state_kind",
    "city_kind",
    "zip_kind",
    "broker_zip",
)
"""What houses are grouped by. `zip3` is a zip code's first three characters (the sectional centre), `city` is the city
within its state, `*_kind` is the place together with whether rooms and size are given (land has neither)."""

INPUT_OF: Final = {"state": "state", "city": "city", "zip_code": "zip_code", "brokered_by": "brokered_by"}
"""The vocabularies that tell whether an input was ever seen, and the input. `status` says nothing of a house's place,
and a street's number is almost always new, so neither counts."""


INPUTS_OF_CATEGORIES: Final = {
    "state": ("state",),
    "zip3": ("zip_code",),
    "city": ("city", "state"),
    "zip_code": ("zip_code",),
    "brokered_by": ("brokered_by",),
    "status": ("status",),
    "state_kind": ("state", "bed", "bath", "house_size"),
    "city_kind": ("city", "state", "bed", "bath", "house_size"),
    "zip_kind": ("zip_code", "bed", "bath", "house_size"),
    "broker_zip": ("brokered_by", "zip_code"),
}
"""The inputs that a vocabulary's categories are made of."""


def word(value: Any) -> str | None:
    """A category's spelling: case, spaces and a float's `.0` make no new category; None where missing."""
    if value is None or value != value:  # noqa: PLR0124  # only NaN differs from itself
        return None
    text = normalize("NFC", tidy(str(value)).casefold()).removesuffix(".0")
    return text or None


def zip_word(value: Any) -> str | None:
    """A zip code's spelling: five digits without the extension; a spreadsheet drops leading zeros."""
    text = word(value)
    if text is None:
        return None
    text = text.split("-", 1)[0]
    return text.zfill(5) if text.isascii() and text.isdecimal() else text


def joined(first: str | None, second: str | None) -> str | None:
    """The category of two taken together, None where one is missing."""
    return None if first is None or second is None else f"{first}{SEPARATOR}{second}"


def _joined(first: Sequence[str | None], second: Sequence[str | None]) -> list[str | None]:
    return list(map(joined, first, second))


_often = lru_cache(maxsize=20_000)
_SPELLING: Final[Mapping[str, Callable[[Any], str | None]]] = dict.fromkeys(CATEGORICAL, _often(word)) | {
    "zip_code": _often(zip_word),
    "street": word,  # hardly any comes twice
}


Spelled = Mapping[str, Sequence[str | None]]
"""By text input each row's spelling, None where missing; each (n,)."""


def spell(texts: Mapping[str, Sequence[Any] | NDArray[Any]]) -> dict[str, list[str | None]]:
    """The spelling of each of CATEGORICAL, looked at once for all that is made of it."""
    return {name: list(map(_SPELLING[name], texts[name])) for name in CATEGORICAL}


def kinds(given: Given[Column]) -> list[str]:
    """What is known of each row's rooms and size; land has neither. (n,)."""
    rooms = np.isnan(given.bed) & np.isnan(given.bath)
    sorts: list[str] = np.where(np.isnan(given.house_size), np.where(rooms, "land", "unsized"), "house").tolist()
    return sorts


def kind(size: float | None, bed: float | None, bath: float | None) -> str:
    """Of one house, as `kinds`."""
    if size is not None:
        return "house"
    return "land" if bed is None and bath is None else "unsized"


def categories(spelled: Spelled, kind: Sequence[str | None]) -> dict[str, Sequence[str | None]]:
    """By vocabulary each row's category, None where an input is missing; each has one entry a row."""
    state, place, broker = spelled["state"], spelled["zip_code"], spelled["brokered_by"]
    city = _joined(spelled["city"], state)
    return {
        "state": state,
        "zip3": [None if z is None else z[:3] for z in place],
        "city": city,
        "zip_code": place,
        "brokered_by": broker,
        "status": spelled["status"],
        "state_kind": _joined(state, kind),
        "city_kind": _joined(city, kind),
        "zip_kind": _joined(place, kind),
        "broker_zip": _joined(broker, place),
    }


def vocabulary(found: Mapping[str, Sequence[str | None]]) -> dict[str, tuple[str, ...]]:
    """The categories of each vocabulary that occur, sorted."""
    return {name: tuple(sorted({c for c in found[name] if c is not None})) for name in VOCABULARIES}


def index(known: Iterable[str]) -> dict[str | None, int]:
    """A category's place in its vocabulary."""
    return {category: place for place, category in enumerate(known)}


def codes(found: Sequence[str | None], places: Mapping[str | None, int]) -> NDArray[np.int64]:
    """Each row's place in the vocabulary, -1 where the category is missing or was never seen. (n,)."""
    return np.array([places.get(category, -1) for category in found], dtype=np.int64)
