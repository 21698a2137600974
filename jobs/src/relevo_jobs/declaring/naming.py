"""Names that a declaration can have, of names as people and programs write them; and what a name tells. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from typing import Final

from relevo_contract.data_set import RESERVED, TABLES
from relevo_contract.use_case.columns import COLUMN

_HUMPS: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_OTHER: Final = re.compile(r"[^a-z0-9]+")
LONGEST_COLUMN: Final = 63
LONGEST_NAME: Final = 50

KEYS: Final = frozenset({
    "id", "key", "uuid", "guid", "nr", "no", "number", "num", "idx", "index", "instant", "ref", "rowid", "rownames",
    "unnamed",
})  # fmt: skip
"""Last words of a name that names a row."""
CODES: Final = frozenset({"id", "code", "key", "nr", "no", "number", "num", "ref", "type", "category", "cat", "class"})
"""Last words of a number that counts nothing, but names something."""
PLACES: Final = {
    "continent": 0, "country": 1, "nation": 1, "region": 2, "territory": 2, "state": 3, "province": 3, "county": 4,
    "city": 5, "town": 5, "municipality": 5, "location": 5, "place": 5, "district": 6, "borough": 6, "suburb": 6,
    "neighbourhood": 6, "neighborhood": 6, "neighbourhoods": 6, "area": 6, "zone": 6, "zip": 7, "zipcode": 7,
    "postcode": 7, "postal": 7, "site": 8, "store": 8, "shop": 8, "branch": 8, "station": 8, "warehouse": 8,
    "outlet": 8, "plant": 8, "airport": 8,
}  # fmt: skip
"""Words for places, and how fine the place is that they mean."""
COUNTED: Final = frozenset({"area", "place", "state", "location"})
"""Of those, words that numbers have which name no place: `pool_area`, `finishing_place`."""
TIMES: Final = frozenset({"date", "datetime", "timestamp", "time", "ts", "created", "createdat", "eventtime"})
"""Names, without what is no letter, of a time."""
NUMERIC_TIMES: Final = frozenset({"timestamp", "epoch", "unixtime", "ts", "year", "unix"})


def words(name: str) -> tuple[str, ...]:
    """The words of a name in small letters: of `customerID` customer and id."""
    plain = unicodedata.normalize("NFKD", _HUMPS.sub(" ", name[:500])).encode("ascii", "ignore").decode().lower()
    return tuple(filter(None, _OTHER.split(plain)))


def column_name(source: str, place: int, taken: Collection[str]) -> str:
    """The name of the column that the source calls so; its own wherever it can be."""
    name = source if re.match(COLUMN, source) else "_".join(words(source))
    name = name if name[:1].isalpha() else f"c_{name}" if name else f"column_{place + 1}"
    name = name[:LONGEST_COLUMN]
    if name in RESERVED:
        name = f"{name}_value"
    found, count = name, 1
    while found in taken:
        count += 1
        found = f"{name[: LONGEST_COLUMN - len(str(count)) - 1]}_{count}"
    return found


def use_case_name(stem: str) -> str:
    """The name of a use case, of its file's."""
    name = "-".join(words(stem))
    name = (name if name[:1].isalpha() else f"data-{name}").strip("-")[:LONGEST_NAME].strip("-")
    return f"{name[: LONGEST_NAME - 5]}-data" if name.replace("-", "_") in TABLES else name


def fineness(name: str) -> int | None:
    """How fine the place is that a name means; None if it means none."""
    of = list(words(name))
    while len(of) > 1 and of[-1] in {"id", "code", "name", "no", "nr", "number", "key"}:
        of.pop()
    return PLACES.get(of[-1]) if of else None


def numbers_name_a_place(name: str) -> bool:
    """Whether numbers in a column of this name may name places, as in `store` or `region_id`."""
    return fineness(name) is not None and not COUNTED & set(words(name))
