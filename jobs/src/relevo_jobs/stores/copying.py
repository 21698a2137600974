"""Rows as COPY's text format, made in bulk: psycopg's write_row costs more than PostgreSQL's own work. Pure.

Format: PostgreSQL's documentation, "COPY", section "Text Format".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain

_SPECIAL = re.compile(r"[\\\t\n\r\x00]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPES = {
    "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r",
    # PostgreSQL's text cannot hold NUL. U+FFFD says that something stood here; the exact body is in the bucket.
    "\x00": "\ufffd",
}  # fmt: skip


def _escape(value: str) -> str:
    return _SPECIAL.sub(lambda match: _ESCAPES[match[0]], value)


def block(rows: Sequence[Sequence[str | None]], before: Sequence[Sequence[str]] = ()) -> bytes:
    r"""The rows as one block of COPY text, UTF-8; None is NULL (`\N`). A lone surrogate becomes U+FFFD.

    `before` holds columns to put in front, each with a value for every row. Raises ValueError if rows differ in length.
    """
    if not rows:
        return b""
    width = len(rows[0])
    if set(map(len, rows)) != {width}:
        raise ValueError(f"expected {width} values in every row, got {sorted(set(map(len, rows)))}")
    values = list(chain.from_iterable(rows))
    text = _lines(["\\N" if value is None else value for value in values], width, before)
    columns = width + len(before)
    if _is_ambiguous(text, tabs=len(rows) * (columns - 1), lines=len(rows), nulls=values.count(None)):
        escaped = ["\\N" if value is None else _escape(value) for value in values]
        text = _lines(escaped, width, [[_escape(value) for value in column] for column in before])
    try:
        return text.encode()
    except UnicodeEncodeError:  # JSON can spell half a character: "\ud800"
        return _SURROGATE.sub("\ufffd", text).encode()


def _lines(values: Sequence[str], width: int, before: Sequence[Sequence[str]]) -> str:
    """The values, `width` of them a row, as lines. One join a row and nothing else: a Python loop costs twice that."""
    one_by_one = iter(values)
    return "\n".join(map("\t".join, zip(*before, *[one_by_one] * width, strict=True))) + "\n"


def _is_ambiguous(text: str, *, tabs: int, lines: int, nulls: int) -> bool:
    """Whether a value holds what COPY reads as structure: the text then has more of it than the table gave it.

    Counting in the whole text is twice as fast as looking into every row; nearly always nothing is found.
    """
    return (
        "\r" in text
        or "\x00" in text
        or text.count("\n") != lines
        or text.count("\t") != tabs
        or text.count("\\") != nulls
    )
