"""A large JSON object read member by member says what json.loads says of the whole, however it is cut into pieces."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relevo_jobs.collect.members import LONGEST, Broken, NoObject, TooLarge, members

LETTERS = 'a1 \u00e9\ud83d\ude00\U0001f3e0"\\/\n\x00\u2028{}[],:'
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(LETTERS, max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(LETTERS, max_size=3), inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.sampled_from(["data", "day", "n"]), VALUES, max_size=3)
SPELLED = st.builds(
    lambda value, indent, plain: json.dumps(value, indent=indent, ensure_ascii=not plain).encode(
        "utf-8", "surrogatepass"
    ),
    OBJECTS,
    st.sampled_from([None, 1]),
    st.booleans(),
)
CUTS = st.lists(st.integers(0, 400), max_size=12)


def cut(content: bytes, cuts: list[int]) -> Iterator[bytes]:
    places = [0, *sorted(min(each, len(content)) for each in cuts), len(content)]
    return (content[a:b] for a, b in pairwise(places))


def letters(content: bytes) -> Any:
    return json.loads(content, parse_float=str, parse_int=str, parse_constant=str)


def together(pieces: Iterator[bytes]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for member in members(pieces, "data"):
        if member.length < 0:
            found["data"] = []
        elif member.name == "data" and isinstance(found.get("data"), list) and "data" in found:
            found["data"].append(member.value)
        else:
            found[member.name] = member.value
    return found


@given(SPELLED, CUTS)
def test_the_members_are_those_of_the_whole_wherever_it_is_cut(content: bytes, cuts: list[int]) -> None:
    whole = letters(content)
    if isinstance(whole.get("data", []), list):
        assert together(cut(content, cuts)) == whole


@given(SPELLED, CUTS, st.integers(0, 400))
def test_what_ends_too_early_is_refused(content: bytes, cuts: list[int], end: int) -> None:
    if end < len(content):
        with pytest.raises(Broken):
            together(cut(content[:end], cuts))


@given(SPELLED, CUTS, st.integers(0, 400), st.binary(min_size=1, max_size=3))
def test_it_refuses_what_json_refuses(content: bytes, cuts: list[int], place: int, other: bytes) -> None:
    broken = content[:place] + other + content[place + len(other) :]
    try:
        whole = letters(broken)
    except ValueError:
        with pytest.raises(Broken):
            together(cut(broken, cuts))
        return
    if not isinstance(whole, dict):
        with pytest.raises(NoObject):
            together(cut(broken, cuts))
    elif isinstance(whole.get("data", []), list):
        assert together(cut(broken, cuts)) == whole


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "utf-32-be"])
def test_every_encoding_that_json_knows_is_read(encoding: str) -> None:
    content = json.dumps({"day": "miércoles 🏠", "data": [1, "é"]}, ensure_ascii=False).encode(encoding)
    for size in (1, 2, 3, 7):
        pieces = (content[at : at + size] for at in range(0, len(content), size))
        assert together(pieces) == {"day": "miércoles 🏠", "data": ["1", "é"]}


@pytest.mark.parametrize("row", ['"' + "x" * LONGEST + '"', "[" + "1," * LONGEST + "1]"], ids=["text", "list"])
def test_a_row_that_is_too_long_is_refused_before_all_of_it_is_read(row: str) -> None:
    read = 0

    def pieces() -> Iterator[bytes]:
        nonlocal read
        content = b'{"data": [1, ' + row.encode() * 20
        for at in range(0, len(content), 65_536):
            read = at
            yield content[at : at + 65_536]

    with pytest.raises(TooLarge, match="row 1"):
        together(pieces())
    assert read <= LONGEST + 2 * 65_536


@pytest.mark.parametrize("depth", [100_000, 2_000])
def test_what_nests_without_end_is_refused(depth: int) -> None:
    with pytest.raises(TooLarge, match="nested"):
        together(iter([b'{"data": [' + b"[" * depth]))
