"""The categories a house falls into: one spelling for each, also of several columns taken together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from relevo_contract.listing import Columns

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


def word(value: Any) -> str | None:
    """A category's spelling: case, spaces and a float's `.0` make no new category; None where missing."""
    if value is None or value != value:  # noqa: PLR0124  # only NaN differs from itself
        return None
    text = " ".join(str(value).split()).casefold().removesuffix(".0")
    return text or None


def zip_word(value: Any) -> str | None:
    """A zip code's spelling: five digits without the extension; a spreadsheet drops leading zeros."""
    text = word(value)
    if text is None:
        return None
    text = text.split("-", 1)[0]
    return text.zfill(5) if text.isdecimal() else text


def _joined(first: list[str | None], second: list[str | None]) -> list[str | None]:
    return [None if a is None or b is None else f"{a}{SEPARATOR}{b}" for a, b in zip(first, second, strict=True)]


def categories(columns: Columns) -> dict[str, list[str | None]]:
    """By vocabulary each row's category, None where an input is missing; each list has one entry a row."""
    state = [word(v) for v in columns["state"]]
    place = [zip_word(v) for v in columns["zip_code"]]
    broker = [word(v) for v in columns["brokered_by"]]
    city = _joined([word(v) for v in columns["city"]], state)
    rooms = np.isnan(columns["bed"]) & np.isnan(columns["bath"])
    size = np.isnan(columns["house_size"])
    kind: list[str | None] = np.where(size, np.where(rooms, "land", "unsized"), "house").tolist()
    return {
        "state": state,
        "zip3": [None if z is None else z[:3] for z in place],
        "city": city,
        "zip_code": place,
        "brokered_by": broker,
        "status": [word(v) for v in columns["status"]],
        "state_kind": _joined(state, kind),
        "city_kind": _joined(city, kind),
        "zip_kind": _joined(place, kind),
        "broker_zip": _joined(broker, place),
    }


def vocabulary(found: Mapping[str, list[str | None]]) -> dict[str, tuple[str, ...]]:
    """The categories of each vocabulary that occur, sorted."""
    return {name: tuple(sorted({c for c in found[name] if c is not None})) for name in VOCABULARIES}


def index(known: Iterable[str]) -> dict[str | None, int]:
    """A category's place in its vocabulary."""
    return {category: place for place, category in enumerate(known)}


def codes(found: list[str | None], places: Mapping[str | None, int]) -> NDArray[np.int64]:
    """Each row's place in the vocabulary, -1 where the category is missing or was never seen. (n,)."""
    return np.array([places.get(category, -1) for category in found], dtype=np.int64)
