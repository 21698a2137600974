"""An answer's body while it is looked at: packed as it comes, in a temporary file, so that no memory grows with it."""

from __future__ import annotations

import gzip
import hashlib
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from functools import partial
from typing import IO, Final, Self

from relevo_jobs.errors import MalformedAnswer, Unavailable

IN_MEMORY: Final = 2**20
"""Packed bytes beyond which a body goes to the disk, into TMPDIR."""
PIECE: Final = 65_536
"""Bytes unpacked at a time."""
BEGINNING: Final = 200
"""Bytes of a body that a message may show a part of."""
_GZIP: Final = 16 + zlib.MAX_WBITS


def bounded(pieces: Iterable[bytes], most: int, where: str, instead: str) -> Iterator[bytes]:
    """The pieces; `instead` says what to do where they are more than so many bytes. Raises MalformedAnswer then."""
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > most:
            raise MalformedAnswer(
                f"expected at most {most:,} bytes in {where}, got more: {instead}, or raise RELEVO_SOURCE_MOST_BYTES"
            )
        yield piece


class Body:
    """A body, its size in bytes and its SHA-256; iterated over, its bytes in pieces, from the start each time.

    The file holds it as the bucket will: gzip without a time inside, the same bytes for the same body. It has no name,
    so that nothing is left of it, however the process ends.
    """

    def __init__(self, pieces: Iterable[bytes]) -> None:
        """Take the pieces in. Raises what they raise, Unavailable if TMPDIR has no room."""
        self.size, self.beginning = 0, b""
        digest, packer = hashlib.sha256(), zlib.compressobj(6, zlib.DEFLATED, _GZIP)
        self._file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115  # as long as this object
        try:
            for piece in pieces:
                self.size += len(piece)
                if len(self.beginning) < BEGINNING:
                    self.beginning += piece[:BEGINNING]
                digest.update(piece)
                self._write(packer.compress(piece))
            self._write(packer.flush())
        except BaseException:
            self._file.close()
            raise
        self.sha256 = digest.hexdigest()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def _write(self, packed: bytes) -> None:
        try:
            self._file.write(packed)
        except OSError as error:
            raise Unavailable(
                f"expected room for the source's answer in TMPDIR ({tempfile.gettempdir()}), got: {error.strerror}; "
                "RAW is unchanged, give it room and run this step again"
            ) from error

    def packed(self) -> IO[bytes]:
        """The body as gzip, from its start."""
        self._file.seek(0)
        return self._file

    def __iter__(self) -> Iterator[bytes]:
        return iter(partial(gzip.GzipFile(fileobj=self.packed(), mode="rb").read, PIECE), b"")
