"""The spool: a folder of segments, files of records that are filled before a request is answered.

A segment's room is taken from the disk when it is begun, and the file is then a piece of this process's memory: a
record is copied into it, its newline last. What is copied is the kernel's to keep, however the process ends (though not
the machine: nothing waits for the disk). So a full disk is met between two segments, never in the middle of a record.
A segment is named by a UUID and never written again once it is closed; how much of it PostgreSQL has is PostgreSQL's to
say (`store.py`), so that nothing is kept twice, whoever is killed when. A segment that is delivered whole is deleted.
"""

from __future__ import annotations

import fcntl
import logging
import mmap
import os
import threading
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from relevo_serving.errors import SettingsError

log = logging.getLogger("relevo.spool")
SEGMENT: Final = 2**20
"""Bytes of a segment: filling one with zeros takes half a millisecond, once in more than a thousand houses."""
_SUFFIX: Final = ".copy"
_POPULATE: Final = getattr(mmap, "MAP_POPULATE", 0)  # Linux only


@dataclass
class Segment:
    """One file."""

    id: uuid.UUID
    path: Path
    size: int
    """Bytes of whole records; the file is longer while it is filled."""


class Spool:
    """The segments of one process, who alone may use the folder; one thread appends, another delivers."""

    def __init__(self, folder: Path, limit: int, segment: int = SEGMENT) -> None:
        """Open the folder, made if missing. Raises SettingsError if it cannot be used, or is in use."""
        self.folder, self.limit = folder.absolute(), limit
        self._segment = min(segment, max(1, limit // 8))  # what is delivered of the open one still takes its room
        self._lock = threading.Lock()
        self._alone = self._take()
        self._segments = [self._found(path) for path in sorted(self.folder.glob(f"*{_SUFFIX}"), key=_age)]
        self._memory: mmap.mmap | None = None
        """The newest segment while it is filled."""
        self.size = sum(segment.size for segment in self._segments)
        """Bytes on disk."""

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

    @staticmethod
    def _found(path: Path) -> Segment:
        """A segment that an earlier process left; a record without its end was never acknowledged."""
        body = path.read_bytes()
        whole = body.rfind(b"\n") + 1
        if whole < len(body):
            os.truncate(path, whole)
        return Segment(uuid.UUID(path.name.removesuffix(_SUFFIX)), path, whole)

    def append(self, record: bytes) -> bool:
        """Keep a record, which ends with a newline; False if there is no room, in the limit or on the disk."""
        size = len(record)
        with self._lock:
            if self.size + size > self.limit:
                return False
            if size > self._segment // 4:
                return self._append_alone(record)
            memory = self._memory
            if memory is None or self._segments[-1].size + size > len(memory):
                try:
                    memory = self._begin()
                except OSError as error:
                    return self._failed(error)
            segment = self._segments[-1]
            end = segment.size + size
            memory[segment.size : end - 1] = record[:-1]
            memory[end - 1 : end] = b"\n"  # a record without it, for the process was killed just now, is none
            segment.size = end
            self.size += size
            return True

    def _append_alone(self, record: bytes) -> bool:
        """A long record is a segment of its own: of one that is filled it would waste what it does not use."""
        segment = self._named(len(record))
        try:
            segment.path.write_bytes(record)  # its end is written last: without it, it is none
        except OSError as error:
            segment.path.unlink(missing_ok=True)
            return self._failed(error)
        # Before the one that is being filled, which stays the last.
        self._segments.insert(len(self._segments) - (self._memory is not None), segment)
        self.size += segment.size
        return True

    def _named(self, size: int) -> Segment:
        name = uuid.uuid4()
        return Segment(name, self.folder / f"{name}{_SUFFIX}", size)

    @staticmethod
    def _failed(error: OSError) -> bool:
        log.warning("spool_failed", extra={"problem": error.strerror or str(error)})
        return False

    def _begin(self) -> mmap.mmap:
        """Begin a segment. Raises OSError if the disk has no room for it."""
        self._close()
        segment = self._named(0)
        path, room = segment.path, self._segment
        try:
            with path.open("w+b") as file:
                # A copy into a hole on a full disk would end the process, and one into a page that the kernel has not
                # met yet takes ten times as long: so it meets all of them now.
                file.write(bytes(room))
                file.flush()
                memory = mmap.mmap(file.fileno(), room, flags=mmap.MAP_SHARED | _POPULATE)
        except OSError:
            path.unlink(missing_ok=True)
            raise
        self._segments.append(segment)
        self._memory = memory
        return memory

    def segments(self) -> list[Segment]:
        """The segments, oldest first; the last may grow meanwhile."""
        with self._lock:
            return list(self._segments)

    def part(self, segment: Segment, start: int, end: int, most: int) -> bytes:
        """Whole records of a segment between two places: about so many bytes, at least one record; empty at the end."""
        with segment.path.open("rb") as file:
            file.seek(start)
            part = file.read(min(most, end - start))
            if start + len(part) < end:
                part += file.readline()
        return part

    def delivered(self, segment: Segment) -> bool:
        """Delete a segment that is delivered whole; False if it is still written."""
        with self._lock:
            if self._memory is not None and segment is self._segments[-1]:
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
        """Fill the newest segment no further, so that it can be deleted once it is delivered."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._memory is not None:
            self._memory.close()
            self._memory = None
            with suppress(OSError):  # what is longer than its records is cut by the next process, or deleted
                os.truncate(self._segments[-1].path, self._segments[-1].size)

    def close(self) -> None:
        """Leave the folder to the next process."""
        self.close_segment()
        self._alone.close()


def _age(path: Path) -> int:
    return path.stat().st_mtime_ns
