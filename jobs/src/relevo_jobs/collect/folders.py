"""Where the source's files lie: a folder, or a prefix of a bucket."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO, Any, Final, Protocol

from relevo_contract.use_case.sources import FilesSource
from relevo_jobs.errors import RepeatedBatch, SettingsError, Unavailable
from relevo_jobs.settings import SourceSettings
from relevo_jobs.stores.bucket import Bucket, Keys

MOST_FILES: Final = 100_000
"""Files of a source."""
UNFINISHED: Final = (".", "_")
"""What the names begin with of files that are being written, and of what other programs leave beside theirs."""
SETTLED: Final = 2.0
"""Seconds that a file must have stayed as it is before it is read."""


@dataclass(frozen=True)
class Listed:
    """A file as it lies there."""

    name: str
    size: int
    stamp: str
    """When it was changed, or its ETag: the same stamp, the same content."""


class Place(Protocol):
    """A folder or a prefix."""

    def listed(self) -> Iterable[Listed]:
        """Its files; not those of folders in it."""

    def opened(self, file: Listed) -> IO[bytes]:
        """The file's bytes, which can be sought in."""

    def expect_same(self, file: Listed, patience: float) -> None:
        """Wait so many seconds at most until nobody writes to it. Raises RepeatedBatch if somebody does."""


class Folder:
    """A folder of this machine."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def _speaking(self) -> Iterator[None]:
        try:
            yield
        except (FileNotFoundError, NotADirectoryError) as error:
            raise SettingsError(
                f"expected a folder of files at {self._path} (path of source.files), got: {error.strerror}: "
                f"{error.filename}"
            ) from error
        except OSError as error:
            raise Unavailable(
                f"expected to read {error.filename or self._path} (path of source.files), got: {error.strerror}; RAW "
                "is unchanged, run this step again when it can be read"
            ) from error

    def listed(self) -> Iterator[Listed]:
        """Its files; links are followed."""
        with self._speaking(), os.scandir(self._path) as entries:
            for entry in entries:
                if entry.is_file():
                    yield _of(entry.name, entry.stat())

    def opened(self, file: Listed) -> IO[bytes]:
        """The file."""
        with self._speaking():
            return (self._path / file.name).open("rb")

    def expect_same(self, file: Listed, patience: float) -> None:
        """See Place."""
        if _age(file) < SETTLED <= patience:
            time.sleep(SETTLED)
        with self._speaking():
            now = _of(file.name, (self._path / file.name).stat())
        if now != file or _age(file) < SETTLED:
            raise RepeatedBatch(
                f"expected a file that nobody writes to any more, {file.name} is being written: run this step again "
                "later (a program that writes it under a name with a . before, and renames it, is never waited for)"
            )


def _age(file: Listed) -> float:
    return abs(time.time() - int(file.stamp) / 1e9)


def _of(name: str, about: os.stat_result) -> Listed:
    return Listed(name, about.st_size, str(about.st_mtime_ns))


class Prefix:
    """A prefix of a bucket, whose objects are there whole or not at all."""

    def __init__(self, bucket: Bucket, prefix: str) -> None:
        self._bucket = bucket
        self._prefix = prefix if not prefix or prefix.endswith("/") else f"{prefix}/"

    def listed(self) -> Iterator[Listed]:
        """Its objects."""
        for key, size, etag in self._bucket.objects(self._prefix):
            if name := key.removeprefix(self._prefix):
                yield Listed(name, size, etag)

    def opened(self, file: Listed) -> IO[bytes]:
        """The object, fetched in ranges as it is read; no memory grows with it."""
        return io.BufferedReader(_Object(self._bucket, self._prefix + file.name, file), _RANGE)

    def expect_same(self, file: Listed, patience: float) -> None:
        """Each range is asked for with the ETag: another object is no answer to it."""


_RANGE: Final = 2**22
"""Bytes of an object that are fetched at a time."""


class _Object(io.RawIOBase):
    """An object of a bucket, as a file."""

    def __init__(self, bucket: Bucket, key: str, file: Listed) -> None:
        self._bucket, self._key, self._file, self._at = bucket, key, file, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._file.size}[whence]
        return self._at

    def readinto(self, buffer: Any) -> int:
        count = min(len(buffer), _RANGE, self._file.size - self._at)
        if count <= 0:
            return 0
        content = self._bucket.part(self._key, self._file.stamp, self._at, count)
        buffer[: len(content)] = content
        self._at += len(content)
        return len(content)


def place_of(declared: FilesSource, folder: Path, settings: SourceSettings) -> Place:
    """The place that is declared; a path that is not absolute begins at the declaration's folder.

    A bucket with a Secret of its own is spoken to at the address that stands in it, with the keys beside it and no
    others. Raises SettingsError if one of them is not there.
    """
    if not declared.path.startswith("s3://"):
        return Folder(folder / declared.path)
    name, _, prefix = declared.path.removeprefix("s3://").partition("/")
    if declared.secret_name is None:
        return Prefix(Bucket(name, settings.s3_endpoint_url), prefix)
    endpoint, *keys = settings.files_endpoint_url, settings.files_access_key, settings.files_secret_key
    if endpoint is None or None in keys:
        raise SettingsError(
            f"expected all of the Secret {declared.secret_name} of source.files, the bucket's address and keys, in "
            "RELEVO_FILES_ENDPOINT_URL, RELEVO_FILES_ACCESS_KEY and RELEVO_FILES_SECRET_KEY, or the files that these "
            "name with _FILE: set the three of them; no other key is sent there"
        )
    return Prefix(Bucket(name, endpoint, Keys(str(keys[0]), str(keys[1]))), prefix)


def files_in(place: Place, pattern: str, kinds: tuple[str, ...]) -> tuple[list[Listed], str]:
    """The files with this pattern and one of these endings, in the order of their names; and one that has another.

    Raises SettingsError if there are too many, or the pattern finds others alone.
    """
    found: list[Listed] = []
    other = ending = ""
    for file in place.listed():
        if file.name.startswith(UNFINISHED):
            continue
        if not fnmatchcase(file.name, pattern):
            other = file.name
            continue
        if not file.name.lower().endswith(kinds):
            ending = file.name
            continue
        found.append(file)
        if len(found) > MOST_FILES:
            raise SettingsError(
                f"expected at most {MOST_FILES:,} files for source.files, got more: narrow its pattern, or put what is "
                "collected elsewhere"
            )
    if not found and ending:
        raise SettingsError(
            f"expected files that end in {', '.join(kinds)} (pattern of source.files is {pattern}), got {ending}"
        )
    return sorted(found, key=lambda file: file.name), other
