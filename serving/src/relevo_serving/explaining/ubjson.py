"""Read UBJSON, in which XGBoost writes `model.ubj`: numbers, strings, arrays (typed ones as numpy's), objects. Pure.

Format: Universal Binary JSON, draft 12, with the optimized containers `$` (type) and `#` (count).
"""

from __future__ import annotations

from struct import Struct
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_NUMBERS: Final[dict[bytes | None, np.dtype[Any]]] = {
    b"i": np.dtype(">i1"), b"U": np.dtype(">u1"), b"I": np.dtype(">i2"), b"l": np.dtype(">i4"), b"L": np.dtype(">i8"),
    b"d": np.dtype(">f4"), b"D": np.dtype(">f8"),
}  # fmt: skip
_SCALARS: Final = {
    kind: Struct(">" + code) for kind, code in zip((b"i", b"U", b"I", b"l", b"L", b"d", b"D"), "bBhiqfd", strict=True)
}
_WORDS: Final[dict[bytes, Any]] = {b"Z": None, b"T": True, b"F": False}


def loads(data: bytes) -> Any:
    """The value; a typed array is a numpy array. Raises ValueError if it is no UBJSON."""
    reader = _Reader(data)
    try:
        return reader.value(reader.marker())
    except (IndexError, KeyError, TypeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"expected UBJSON, at byte {reader.at}: {error}") from error


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def _take(self, size: int) -> bytes:
        found = self.data[self.at : self.at + size]
        if size < 0 or len(found) < size:
            raise IndexError("the file ends too soon")
        self.at += size
        return found

    def marker(self) -> bytes:
        return self._take(1)

    def _follows(self, marker: bytes) -> bool:
        """Whether this comes next; it is then taken."""
        if self.data[self.at : self.at + 1] != marker:
            return False
        self.at += 1
        return True

    def value(self, kind: bytes) -> Any:
        if kind in _SCALARS:
            scalar = _SCALARS[kind]
            return scalar.unpack(self._take(scalar.size))[0]
        if kind in _WORDS:
            return _WORDS[kind]
        if kind == b"S":
            return self._text()
        if kind == b"[":
            return self._array()
        if kind == b"{":
            return self._object()
        raise KeyError(f"no type {kind!r}")

    def _numbers(self, dtype: np.dtype[Any], count: int) -> NDArray[Any]:
        return np.frombuffer(self._take(dtype.itemsize * count), dtype).astype(dtype.newbyteorder("="))

    def _count(self) -> int:
        return int(self.value(self.marker()))

    def _text(self) -> str:
        return self._take(self._count()).decode()

    def _ahead(self) -> tuple[bytes | None, int | None]:
        """The type of all entries and their number, where they are said ahead."""
        kind = self.marker() if self._follows(b"$") else None
        return kind, self._count() if self._follows(b"#") else None

    def _array(self) -> Any:
        kind, count = self._ahead()
        if kind in _NUMBERS and count is not None:
            return self._numbers(_NUMBERS[kind], count)
        found: list[Any] = []
        while len(found) != count and not (count is None and self._follows(b"]")):
            found.append(self.value(kind or self.marker()))
        return found

    def _object(self) -> dict[str, Any]:
        kind, count = self._ahead()
        found: dict[str, Any] = {}
        while len(found) != count and not (count is None and self._follows(b"}")):
            name = self._text()
            found[name] = self.value(kind or self.marker())
        return found
