r"""One answered request as the spool keeps it: a line of PostgreSQL's COPY text format. Pure.

What is written is what COPY reads, so that carrying it to the database costs this process next to nothing; the database
makes one row a house of it (`store.py`). Format: PostgreSQL's documentation, "COPY", section "Text Format".
"""

from __future__ import annotations

import re
import secrets
import uuid
from itertools import count
from typing import Final

COLUMNS: Final = ("request", "microseconds", "model", "version", "run_id", "houses", "predictions")
"""The line's fields in their order; the time is counted from 1970."""
_ESCAPE: Final = re.compile(rb"\\(?:u0000|.)")


class RequestIds:
    """UUIDs of version 7 (RFC 9562, 6.2 method 1): milliseconds, a counter, and bits that are this process's own.

    They begin with the time, so that an index over them grows at its end; one takes a microsecond.
    """

    def __init__(self) -> None:
        self._own = str(uuid.UUID(int=secrets.randbits(128), version=4))[18:].encode()
        self._counter = count(secrets.randbelow(4096))

    def at(self, microseconds: int) -> bytes:
        """The next one, of this time since 1970, in its canonical form."""
        now = microseconds // 1000
        return b"%08x-%04x-7%03x%b" % (now >> 16, now & 0xFFFF, next(self._counter) & 0xFFF, self._own)


def version_fields(model: str, version: int, run_id: str) -> bytes:
    """The fields that a version's records share."""
    return f"{_escaped(model)}\t{version}\t{_escaped(run_id)}".encode()


def line(request: bytes, microseconds: int, of: bytes, houses: bytes, predictions: bytes) -> bytes:
    """The record, ended by a newline; JSON has no raw newline or tab, and its backslashes are doubled.

    `of` is of `version_fields`; `houses` and `predictions` are JSON lists of one length. PostgreSQL's text cannot hold
    NUL: U+FFFD says that one stood there, as in RAW's listings.
    """
    return b"%b\t%d\t%b\t%b\t%b\n" % (request, microseconds, of, _json(houses), _json(predictions))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def _json(text: bytes) -> bytes:
    if b"\\" not in text:
        return text
    if b"\\u0000" in text:  # escape by escape: in `\\\\u0000` the backslash is itself the escaped character
        text = _ESCAPE.sub(lambda found: b"\\ufffd" if found[0] == b"\\u0000" else found[0], text)
    return text.replace(b"\\", b"\\\\")
