"""Rows as COPY's text format, made in bulk: psycopg's write_row costs more than PostgreSQL's own work. Pure.

Format: PostgreSQL's documentation, "COPY", section "Text Format".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_SPECIAL = re.compile(r"[\\\t\n\r\x00]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPES = {
    "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r",
    # PostgreSQL's text cannot hold NUL. U+FFFD says that something stood here; the exact body is in the bucket.
    "\x00": "\ufffd",
}  # fmt: skip


def _escape(value: str) -> str:
    return _SPECIAL.sub(lambda match: _ESCAPES[match[0]], value)


def block(rows: Iterable[Sequence[str | None]]) -> bytes:
    r"""The rows as one block of COPY text, UTF-8; None is NULL (`\N`). A lone surrogate becomes U+FFFD."""
    table = list(rows)
    if not table:
        return b""
    text = "\n".join(["\t".join(["\\N" if value is None else value for value in row]) for row in table]) + "\n"
    if _is_ambiguous(text, table):
        text = "".join("\t".join(["\\N" if value is None else _escape(value) for value in row]) + "\n" for row in table)
    try:
        return text.encode()
    except UnicodeEncodeError:  # JSON can spell half a character: "\ud800"
        return _SURROGATE.sub("\ufffd", text).encode()


def _is_ambiguous(text: str, table: Sequence[Sequence[str | None]]) -> bool:
    """Whether a value holds what COPY reads as structure: the text then has more of it than the table gave it.

    Counting in the whole text is twice as fast as looking into every row; nearly always nothing is found.
    """
    return (
        "\r" in text
        or "\x00" in text
        or text.count("\n") != len(table)
        or text.count("\t") != sum(map(len, table)) - len(table)
        or text.count("\\") != sum([row.count(None) for row in table])
    )
