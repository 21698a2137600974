"""What the data source answers, told apart. Pure: status and body in, one of the answers out."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from typing import Any, NoReturn

from relevo_contract.listing import LISTINGS
from relevo_contract.texts import shown
from relevo_jobs.errors import BadGroup, MalformedAnswer, Unavailable

EXHAUSTED = "ya se recolecto toda la informacion minima necesaria"
"""The source's own words, without accents (some servers leave them out) and in small letters."""

EXTRA_NAMED = 100
"""Unknown columns that are told, of a source that may send any number; the body has them all."""
LONGEST_NAME = 100
"""Characters of their names."""

_UNSPEAKABLE = re.compile("[\x00\ud800-\udfff]")
_WHOLE = re.compile(r"-?\d{1,18}\Z", re.ASCII)
_LARGEST = 2**31 - 1
"""What a PostgreSQL integer holds."""


@dataclass(frozen=True)
class Exhausted:
    """The source has given all it has."""

    detail: str


@dataclass(frozen=True)
class Batch:
    """A batch as it came."""

    group: int
    number: int
    day: str | None
    sha256: str
    rows: tuple[tuple[str | None, ...], ...]
    """Each row's values in the order of the data set's columns, to the letter; None where null or absent."""
    extra_columns: tuple[str, ...]
    """Columns that the data set does not know, at most EXTRA_NAMED; their values are in the body alone."""
    missing_columns: tuple[str, ...]
    """Columns of the data set that no row has."""


def plain(text: str) -> str:
    """Small letters without accents and repeated spaces."""
    decomposed = unicodedata.normalize("NFKD", text)
    return " ".join("".join(c for c in decomposed if not unicodedata.combining(c)).casefold().split())


def storable(text: str) -> str:
    """The text without what neither PostgreSQL nor UTF-8 can hold: NUL and lone surrogates become U+FFFD."""
    return _UNSPEAKABLE.sub("\ufffd", text)


def _shown(body: bytes) -> str:
    """The beginning of a body, for a message."""
    start = " ".join(body[:200].decode("utf-8", errors="replace").split())
    return repr(start[:120] + ("…" if len(body) > 120 else ""))


def parse(status: int, body: bytes, group: int, columns: Sequence[str] = LISTINGS.columns) -> Batch | Exhausted:
    """Tell an answer of `GET /data` apart; its rows should have these columns.

    Raises BadGroup (the source refused group or day), MalformedAnswer (it breaks the contract), Unavailable (the source
    failed by its own account: 5xx, 408, 429).
    """
    if status == 200:
        return _batch(_json(body), body, group, columns)
    if status == 400:
        return _refusal(body)
    refuse(status, body, "a batch")


def refuse(status: int, body: bytes, expected: str) -> NoReturn:
    """Raise what an HTTP status other than 200 means: Unavailable, BadGroup or MalformedAnswer."""
    if status in {408, 429} or status >= 500:
        raise Unavailable(f"expected {expected}, the source failed with HTTP {status}: {_shown(body)}; try again later")
    if status in {400, 404, 422}:
        raise BadGroup(
            f"expected {expected}, the source refused with HTTP {status}: {_shown(body)}; "
            "see RELEVO_SOURCE_URL, RELEVO_GROUP and RELEVO_SOURCE_DAY"
        )
    raise MalformedAnswer(f"expected {expected} from the source, got HTTP {status}: {_shown(body)}")


def _json(body: bytes) -> Any:
    try:
        # Numbers stay the text they came as: 105000.0 is not 105000, and RAW is written to the letter.
        return json.loads(body, parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError) as error:
        raise MalformedAnswer(
            f"expected JSON from the source, got {len(body)} bytes that are none ({error}): {_shown(body)}; "
            "the answer was cut or something else than the source answered; run this step again"
        ) from None


def _refusal(body: bytes) -> Exhausted:
    answer = _json(body)
    detail = answer.get("detail") if isinstance(answer, dict) else None
    if not isinstance(detail, str):
        raise MalformedAnswer(f"expected a detail with HTTP 400, got {_shown(body)}")
    if plain(detail) == EXHAUSTED:
        return Exhausted(detail)
    raise BadGroup(f"the source refused us: {detail!r}; see RELEVO_GROUP and RELEVO_SOURCE_DAY")


def _whole(answer: dict[str, Any], name: str, body: bytes) -> int:
    value = answer.get(name)  # a number came as the text of it
    if isinstance(value, str) and _WHOLE.match(value):
        return int(value)
    raise MalformedAnswer(f"expected a whole number as {name}, got {shown(value)}: {_shown(body)}")


def _batch(answer: Any, body: bytes, group: int, columns: Sequence[str]) -> Batch:
    if not isinstance(answer, dict) or not isinstance(answer.get("data"), list):
        raise MalformedAnswer(f"expected an object with a list as data, got {_shown(body)}")
    came_for = _whole(answer, "group_number", body)
    if came_for != group:
        raise MalformedAnswer(f"expected a batch of group {group}, got one of group {came_for}: see RELEVO_GROUP")
    number = _whole(answer, "batch_number", body)
    if not 0 <= number <= _LARGEST:
        raise MalformedAnswer(f"expected a batch_number from 0 to {_LARGEST}, got {number}")
    data: list[Any] = answer["data"]
    if not data:
        raise MalformedAnswer(f"expected rows in batch {number}, got an empty list")
    day = answer.get("day")
    rows, extra, missing = _rows(data, number, columns)
    said = storable(day) if isinstance(day, str) else None
    return Batch(came_for, number, said, hashlib.sha256(body).hexdigest(), rows, extra, missing)


_Table = tuple[tuple[tuple[str | None, ...], ...], tuple[str, ...], tuple[str, ...]]


def _rows(data: Sequence[Any], number: int, columns: Sequence[str]) -> _Table:
    """The rows' values, the unknown columns, the absent columns.

    What every row has in common is asked once for all of them: a look into each value costs as much as the JSON did.
    """
    kinds = set(map(type, data))
    rows: tuple[tuple[Any, ...], ...]
    if kinds == {dict}:
        rows, extra, missing = _named(data, number, columns)
    elif kinds == {list}:
        lengths = set(map(len, data))
        if lengths != {len(columns)}:  # values without names: nobody could say which one is gone
            row = next(place for place, values in enumerate(data) if len(values) != len(columns))
            raise MalformedAnswer(
                f"batch {number}: expected {len(columns)} values in each row, got {len(data[row])} in row {row}: the "
                "source's columns changed, and rows without names do not say how"
            )
        rows, extra, missing = tuple(map(tuple, data)), (), ()
    else:
        kind = dict if isinstance(data[0], dict) else list
        row = next(place for place, values in enumerate(data) if not isinstance(values, kind))
        raise MalformedAnswer(
            f"batch {number}: expected every row to be an object, or every row a list, row {row} is "
            f"{shown(json.dumps(data[row], ensure_ascii=False))}"
        )
    if not set(map(type, chain.from_iterable(rows))) <= {str, type(None)}:
        rows = tuple(tuple(_as_text(value) for value in row) for row in rows)
    return rows, extra, missing


def _named(data: Sequence[dict[str, Any]], number: int, columns: Sequence[str]) -> _Table:
    """Rows that are objects: their values in order, the unknown columns, the absent columns."""
    if set(map(len, data)) == {len(columns)}:
        try:
            return tuple(map(itemgetter(*columns), data)), (), ()
        except KeyError:  # as many names, but others
            pass
    seen: set[str] = set().union(*data)
    missing = tuple(name for name in columns if name not in seen)
    if len(missing) == len(columns):
        raise MalformedAnswer(f"batch {number}: expected the columns {', '.join(columns)}, got {sorted(seen)[:20]}")
    extra = tuple(sorted({storable(name)[:LONGEST_NAME] for name in seen.difference(columns)})[:EXTRA_NAMED])
    return tuple(tuple(map(row.get, columns)) for row in data), extra, missing


def _as_text(value: Any) -> str | None:
    """A value that is neither text nor number: true, false, a list or an object, as JSON."""
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)
