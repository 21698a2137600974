r"""What the routes ask of the storage: keep these rows, is there room, how does it go.

An answered request is kept as a line of PostgreSQL's COPY text format, so that carrying it to the database costs this
process next to nothing; the database makes its rows of it (`store.py`). Its fields are those of `store.INCOMING`.
Format: PostgreSQL's documentation, "COPY", section "Text Format".
"""

from __future__ import annotations

import logging
import re
import secrets
import time
import uuid
from collections.abc import Sequence
from itertools import count
from typing import Final

from pydantic_core import to_json

from relevo_serving.model import Row
from relevo_serving.settings import Settings
from relevo_serving.state import Served
from relevo_serving.storing.delivery import Delivery
from relevo_serving.storing.spool import Spool
from relevo_serving.storing.store import InferenceStore

log = logging.getLogger("relevo.inferences")
_ESCAPE: Final = re.compile(rb"\\(?:u0000|.)")


class Keeper:
    """Keeps inferences in a spool that is delivered; without `RELEVO_RAW_URL` it keeps none, and says so.

    `rows` is how many are kept, `lost` how many were predicted and not kept, for there was no room.
    """

    def __init__(self, settings: Settings) -> None:
        """Raises SettingsError if the spool cannot be used or the address cannot be read."""
        self._settings, self._ids = settings, RequestIds()
        self._of: tuple[Served | None, bytes] = None, b""
        self.spool: Spool | None = None
        self.delivery: Delivery | None = None
        self.rows = self.lost = 0
        if settings.raw_url is not None:
            store = InferenceStore(settings.raw_url)
            self.spool = Spool(settings.spool, settings.spool_bytes)
            self.delivery = Delivery(self.spool, store, settings.store_seconds)

    def keep(self, served: Served, rows: Sequence[Row], predictions: bytes) -> tuple[bytes, bool]:
        """Keep a request with its predictions, a JSON list, before it is answered; returns its id and whether it is."""
        now = time.time_ns() // 1000
        request = self._ids.at(now)
        if self.spool is None or not served.model.number:  # RAW has a place for one number a row
            return request, False
        if self._of[0] is not served:
            target = served.target
            self._of = served, version_fields(self._settings.model, target.version, target.run_id)
        kept = self.spool.append(line(request, now, self._of[1], to_json(rows), predictions))
        if kept:
            self.rows += len(rows)
        else:
            self.lost += len(rows)
        return request, kept

    def start(self) -> None:
        """Begin to deliver."""
        if self.delivery is not None:
            self.delivery.start()

    def stop(self) -> None:
        """Deliver what waits, within the settings' patience; what is left stays in the folder."""
        if self.delivery is not None and (left := self.delivery.stop(self._settings.drain_seconds)):
            log.warning("inferences_left", extra={"bytes": left, "folder": str(self._settings.spool)})


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
    escapes = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
    return f"{model.translate(escapes)}\t{version}\t{run_id.translate(escapes)}".encode()


def line(request: bytes, microseconds: int, of: bytes, rows: bytes, predictions: bytes) -> bytes:
    """The record, ended by a newline; JSON has no raw newline or tab, and its backslashes are doubled.

    `of` is of `version_fields`; `rows` and `predictions` are JSON lists of one length. PostgreSQL's text cannot hold
    NUL: U+FFFD says that one stood there, as in RAW's rows.
    """
    return b"%b\t%d\t%b\t%b\t%b\n" % (request, microseconds, of, _json(rows), _json(predictions))


def _json(text: bytes) -> bytes:
    if b"\\" not in text:
        return text
    if b"\\u0000" in text:  # escape by escape: in `\\\\u0000` the backslash is itself the escaped character
        text = _ESCAPE.sub(lambda found: b"\\ufffd" if found[0] == b"\\u0000" else found[0], text)
    return text.replace(b"\\", b"\\\\")
