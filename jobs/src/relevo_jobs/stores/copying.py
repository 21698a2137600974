"""Rows as COPY's text format, made in bulk: psycopg's write_row costs more than PostgreSQL's own work. Pure.

Format: PostgreSQL's documentation, "COPY", section "Text Format".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_SPECIAL = re.compile(r"[\\\t\n\r\x0b\x08\x0c\x00]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPES = {
    "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\x0b": "\\v", "\x08": "\\b", "\x0c": "\\f",
    # PostgreSQL's text cannot hold NUL. U+FFFD says that something stood here; the exact body is in the bucket.
    "\x00": "\ufffd",
}  # fmt: skip


def _escape(value: str) -> str:
    return _SPECIAL.sub(lambda match: _ESCAPES[match[0]], value)


def block(rows: Iterable[Sequence[str | None]]) -> bytes:
    r"""The rows as one block of COPY text, UTF-8; None is NULL (`\N`). A lone surrogate becomes U+FFFD."""
    lines = []
    search = _SPECIAL.search
    for row in rows:
        try:
            line = "\t".join(row)  # type: ignore[arg-type]  # most rows hold no None
            whole = "".join(row)  # type: ignore[arg-type]
        except TypeError:
            whole = "".join(value for value in row if value is not None)
            line = "\t".join("\\N" if value is None else value for value in row)
        if search(whole):
            line = "\t".join("\\N" if value is None else _escape(value) for value in row)
        lines.append(line)
    if not lines:
        return b""
    lines.append("")
    text = "\n".join(lines)
    try:
        return text.encode()
    except UnicodeEncodeError:  # JSON can spell half a character: "\ud800"
        return _SURROGATE.sub("\ufffd", text).encode()
