"""The spool: a folder of segments, files to which records are appended before a request is answered.

What is appended is the kernel's to keep, however the process ends (though not the machine: nothing waits for the disk).
A record ends with its newline: one without it was cut off, by a kill or a full disk, and never acknowledged. A segment
is named by a UUID and never written again once it is closed; how much of it PostgreSQL has is PostgreSQL's to say
(`store.py`), so that nothing is kept twice, whoever is killed when. A segment that is delivered whole is deleted.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import threading
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from relevo_serving.errors import SettingsError

log = logging.getLogger("relevo.spool")
SEGMENT: Final = 2**20
"""Bytes at which a segment is closed, so that what is delivered leaves the disk."""
_SUFFIX: Final = ".copy"


@dataclass
class Segment:
    """One file; `size` is of whole records."""

    id: uuid.UUID
    path: Path
    size: int


class Spool:
    """The segments of one process, who alone may use the folder; one thread appends, another delivers.

    `size` is what they have on disk, `limit` the most that they may have, in bytes.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        """Open the folder, made if missing. Raises SettingsError if it cannot be used, or is in use."""
        self.folder, self.limit = folder.absolute(), limit
        self._segment = min(SEGMENT, max(1, limit // 8))  # what is delivered of the open one still takes its room
        self._lock = threading.RLock()
        self._alone = self._take()
        left = sorted(self.folder.glob(f"*{_SUFFIX}"), key=lambda path: path.stat().st_mtime_ns)
        self._segments = [_found(path) for path in left]
        self._open: int | None = None
        """The newest segment's file while it is appended to."""
        self.size = sum(segment.size for segment in self._segments)

    def _take(self) -> IO[str]:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = (self.folder / "lock").open("w")
        except OSError as error:
            raise SettingsError(
                f"RELEVO_SPOOL: expected a folder to write to, got {self.folder}: {error.strerror}; name another"
            ) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise SettingsError(
                f"RELEVO_SPOOL: expected {self.folder} for this process alone, another one uses it: stop that, or name "
                "another folder"
            ) from None
        return lock

    def append(self, record: bytes) -> bool:
        """Keep a record, which ends with a newline; False if there is no room, in the limit or on the disk."""
        with self._lock:
            if self.size + len(record) > self.limit:
                return False
            try:
                self._write(record)
            except OSError as error:
                log.warning("spool_failed", extra={"problem": error.strerror or str(error)})
                return False
            self._segments[-1].size += len(record)
            self.size += len(record)
            if self._segments[-1].size >= self._segment:
                self.close_segment()
            return True

    def _write(self, record: bytes) -> None:
        """Raises OSError if the disk has no room for the record; what it took of it the next one overwrites."""
        if self._open is None:
            name = uuid.uuid4()
            segment = Segment(name, self.folder / f"{name}{_SUFFIX}", 0)
            self._open = os.open(segment.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            self._segments.append(segment)
        if os.pwrite(self._open, record, self._segments[-1].size) < len(record):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def segments(self) -> list[Segment]:
        """The segments, oldest first; the last may grow meanwhile."""
        with self._lock:
            return list(self._segments)

    def part(self, segment: Segment, start: int, end: int, most: int) -> bytes:
        """Whole records of a segment between two places: about so many bytes, at least one record; empty at the end."""
        with segment.path.open("rb") as file:
            file.seek(start)
            part = file.read(min(most, end - start))
            return part + file.readline() if start + len(part) < end else part

    def delivered(self, segment: Segment) -> bool:
        """Delete a segment that is delivered whole; False if it is still written."""
        with self._lock:
            if self._open is not None and segment is self._segments[-1]:
                return False
            self._segments.remove(segment)
            self.size -= segment.size
        segment.path.unlink(missing_ok=True)
        return True

    def set_aside(self, record: bytes) -> None:
        """Keep a record that can never be delivered, in the file `refused`."""
        with (self.folder / "refused").open("ab") as file:
            file.write(record)

    def close_segment(self) -> None:
        """Append to the newest segment no further, so that it can be deleted once it is delivered."""
        with self._lock:
            if self._open is not None:
                os.close(self._open)
                self._open = None

    def close(self) -> None:
        """Leave the folder to the next process."""
        self.close_segment()
        self._alone.close()


def _found(path: Path) -> Segment:
    """A segment that an earlier process left; a record without its end was never acknowledged."""
    body = path.read_bytes()
    whole = body.rfind(b"\n") + 1
    if whole < len(body):
        os.truncate(path, whole)
    return Segment(uuid.UUID(path.name.removesuffix(_SUFFIX)), path, whole)
