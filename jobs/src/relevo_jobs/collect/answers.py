"""What the data source answers, told apart. Pure: status and body in, one of the answers out.

A body is read twice, some thousand rows at a time: once to tell what it is, and once more for its rows, where they are
to be kept. So what this needs of memory does not grow with the batch.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from relevo_contract.texts import shown
from relevo_jobs.collect.body import Body
from relevo_jobs.collect.members import Broken, Member, NoObject, TooLarge, members
from relevo_jobs.collect.rows import Row, Rows, storable
from relevo_jobs.errors import BadGroup, MalformedAnswer, Unavailable

EXHAUSTED = "ya se recolecto toda la informacion minima necesaria"
"""The source's own words, without accents (some servers leave them out) and in small letters."""

EXTRA_NAMED = 100
"""Unknown columns that are told, of a source that may send any number; the body has them all."""

_ROWS: Final = "data"
_ABOUT: Final = frozenset({"group_number", "batch_number", "day"})
_WHOLE = re.compile(r"-?\d{1,18}\Z", re.ASCII)
_LARGEST = 2**31 - 1
"""What a PostgreSQL integer holds."""


@dataclass(frozen=True)
class Exhausted:
    """The source has given all it has."""

    detail: str


@dataclass(frozen=True)
class Batch:
    """A batch as it came; its rows are in the body, see `parts`."""

    group: int
    number: int
    day: str | None
    sha256: str
    row_count: int
    extra_columns: tuple[str, ...]
    """Columns that the data set does not know, at most EXTRA_NAMED; their values are in the body alone."""
    missing_columns: tuple[str, ...]
    """Columns of the data set that no row has."""
    place: int
    """Which member of the answer has the rows: a name may come twice, and the last one holds."""


def plain(text: str) -> str:
    """Small letters without accents and repeated spaces."""
    decomposed = unicodedata.normalize("NFKD", text)
    return " ".join("".join(c for c in decomposed if not unicodedata.combining(c)).casefold().split())


def _shown(body: Body) -> str:
    """The beginning of a body, for a message."""
    start = " ".join(body.beginning.decode("utf-8", errors="replace").split())
    return repr(start[:120] + ("…" if body.size > 120 else ""))


def parse(status: int, body: Body, group: int, columns: Sequence[str]) -> Batch | Exhausted:
    """Tell an answer of `GET /data` apart; its rows should have these columns.

    Raises BadGroup (the source refused group or day), MalformedAnswer (it breaks the contract), Unavailable (the source
    failed by its own account: 5xx, 408, 429).
    """
    if status == 200:
        return _batch(body, group, columns)
    if status == 400:
        return _refusal(body)
    refuse(status, body, "a batch")


def refuse(status: int, body: Body, expected: str) -> NoReturn:
    """Raise what an HTTP status other than 200 means: Unavailable, BadGroup or MalformedAnswer."""
    if status in {408, 429} or status >= 500:
        raise Unavailable(f"expected {expected}, the source failed with HTTP {status}: {_shown(body)}; try again later")
    if status in {400, 404, 422}:
        raise BadGroup(
            f"expected {expected}, the source refused with HTTP {status}: {_shown(body)}; "
            "see RELEVO_SOURCE_URL, RELEVO_GROUP and RELEVO_SOURCE_DAY"
        )
    raise MalformedAnswer(f"expected {expected} from the source, got HTTP {status}: {_shown(body)}")


def parts(body: Body, batch: Batch, columns: Sequence[str]) -> Iterator[Sequence[Row]]:
    """The rows of the batch that `parse` made of this body, in the order they came, some thousand at a time."""
    rows = Rows(columns)
    for member in _members(body):
        if member.place == batch.place and member.length >= 0 and (part := rows.add(member.value, member.length)):
            yield part
    if part := rows.rest():
        yield part


def _members(body: Body) -> Iterator[Member]:
    try:
        yield from members(body, by_elements=_ROWS)
    except Broken as error:
        raise _no_json(body, error) from None
    except TooLarge as error:
        raise MalformedAnswer(f"{error}: {_shown(body)}") from None
    except NoObject:
        raise MalformedAnswer(_expected_object(body)) from None


def _expected_object(body: Body) -> str:
    return f"expected an object with a list as data, got {_shown(body)}"


def _no_json(body: Body, error: Exception) -> MalformedAnswer:
    return MalformedAnswer(
        f"expected JSON from the source, got {body.size} bytes that are none ({error}): {_shown(body)}; "
        "the answer was cut or something else than the source answered; run this step again"
    )


def _refusal(body: Body) -> Exhausted:
    try:
        answer = json.loads(b"".join(body))
    except (ValueError, RecursionError) as error:
        raise _no_json(body, error) from None
    detail = answer.get("detail") if isinstance(answer, dict) else None
    if not isinstance(detail, str):
        raise MalformedAnswer(f"expected a detail with HTTP 400, got {_shown(body)}")
    if plain(detail) == EXHAUSTED:
        return Exhausted(detail)
    raise BadGroup(f"the source refused us: {detail!r}; see RELEVO_GROUP and RELEVO_SOURCE_DAY")


def _whole(answer: Mapping[str, Any], name: str, body: Body) -> int:
    value = answer.get(name)  # a number came as the text of it
    if isinstance(value, str) and _WHOLE.match(value):
        return int(value)
    raise MalformedAnswer(f"expected a whole number as {name}, got {shown(value)}: {_shown(body)}")


def _batch(body: Body, group: int, columns: Sequence[str]) -> Batch:
    about: dict[str, Any] = {}
    rows, place = Rows(columns), -1
    for member in _members(body):
        if member.name in _ABOUT:
            about[member.name] = member.value
        elif member.name == _ROWS:
            if member.place == place:
                rows.add(member.value, member.length)
            else:  # a list begins, or what is called data is none
                rows, place = Rows(columns), member.place if member.length < 0 else -1
    rows.rest()
    if place < 0:
        raise MalformedAnswer(_expected_object(body))
    came_for = _whole(about, "group_number", body)
    if came_for != group:
        raise MalformedAnswer(f"expected a batch of group {group}, got one of group {came_for}: see RELEVO_GROUP")
    number = _whole(about, "batch_number", body)
    if not 0 <= number <= _LARGEST:
        raise MalformedAnswer(f"expected a batch_number from 0 to {_LARGEST}, got {number}")
    if not rows.count:
        raise MalformedAnswer(f"expected rows in batch {number}, got an empty list")
    if rows.defect:
        raise MalformedAnswer(f"batch {number}: {rows.defect}")
    if len(rows.missing) == len(columns):
        raise MalformedAnswer(
            f"batch {number}: expected the columns {', '.join(columns)}, got {sorted(rows.extra)[:20]}"
        )
    day = about.get("day")
    said = storable(day) if isinstance(day, str) else None
    extra = tuple(sorted(rows.extra)[:EXTRA_NAMED])
    return Batch(came_for, number, said, body.sha256, rows.count, extra, rows.missing, place)
