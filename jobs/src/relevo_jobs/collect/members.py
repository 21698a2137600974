"""The members of one large JSON object, one after another; of a list that has the rows, its elements. Pure.

It is Python's own decoder over a window of the text. ijson, which is made for this, does not keep numbers to the letter
(`1e2` becomes `1E+2`, `-0` becomes `0`), refuses NaN and makes half a character `?`: RAW would not be what came.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

LONGEST: Final = 2**20
"""Characters of a row, and of whatever stands beside the rows."""
_MARGIN: Final = 16
"""What is wrong so near to the window's end may be only cut: `-Infinity` has nine characters, `1.5e+` goes on."""
_SPACE: Final = re.compile(r"[ \t\n\r]*")
# Numbers stay the text they came as: 105000.0 is not 105000, and RAW is written to the letter.
_decode: Final = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str).raw_decode


class Broken(ValueError):
    """The text is no JSON; the message says why and where, in json's words."""


class TooLarge(ValueError):
    """One part of it is longer, or nested deeper, than it may be."""


class NoObject(ValueError):
    """It is JSON, but no object."""


class Member(NamedTuple):
    """A member of the object, or one element of a list that was to be read by elements."""

    place: int
    """Which member, counted from 0: a name may come twice."""
    name: str
    value: Any
    length: int
    """Characters of it; -1 before the first element of a list, whose value is not given."""


class _Window:
    """The text from where it is read; what was read is forgotten."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._text, self._at, self._gone, self._whole = "", 0, 0, False
        first = next(self._pieces, b"")
        while len(first) < 4 and (more := next(self._pieces, None)) is not None:
            first += more
        # As json.loads finds it, and like it half a character is let through.
        self._decoder = codecs.getincrementaldecoder(json.detect_encoding(first))("surrogatepass")
        self._take(first)

    def _take(self, piece: bytes, *, final: bool = False) -> None:
        try:
            more = self._decoder.decode(piece, final)
        except UnicodeDecodeError as error:
            raise Broken(str(error)) from None
        self._gone += self._at
        self._text, self._at, self._whole = self._text[self._at :] + more, 0, final

    def _more(self) -> None:
        piece = next(self._pieces, None)
        self._take(piece or b"", final=piece is None)

    def peek(self) -> str:
        """The next character that is no space, "" at the end."""
        while True:
            match = _SPACE.match(self._text, self._at)
            self._at = match.end() if match else self._at
            if self._at < len(self._text) or self._whole:
                return self._text[self._at : self._at + 1]
            self._more()

    def expect(self, characters: str, what: str) -> str:
        """Take the next character, which has to be one of these."""
        if (found := self.peek()) not in characters or not found:
            raise self.broken(what)
        self._at += 1
        return found

    def value(self, what: str) -> tuple[Any, int]:
        """The value that comes next and its length in characters."""
        self.peek()
        while True:
            wrong: json.JSONDecodeError | None = None
            try:
                found, end = _decode(self._text, self._at)
            except json.JSONDecodeError as error:
                wrong, end = error, error.pos
                cut = end > len(self._text) - _MARGIN or error.msg.startswith("Unterminated string")
            except RecursionError:
                raise TooLarge(f"expected JSON from the source, got {what} nested too deep to read") from None
            else:
                cut = end > len(self._text) - _MARGIN
            if self._whole or not cut:
                if wrong is not None:
                    raise self.broken(wrong.msg, end)
                self._bound(end, what)
                length = end - self._at
                self._at = end
                return found, length
            self._bound(len(self._text), what)
            self._more()

    def _bound(self, end: int, what: str) -> None:
        if end - self._at > LONGEST:
            raise TooLarge(f"expected JSON from the source, each row at most {LONGEST:,} characters, got more: {what}")

    def broken(self, what: str, at: int | None = None) -> Broken:
        """The error of what stands here."""
        return Broken(f"{what}: char {self._gone + (self._at if at is None else at)}")

    def end(self) -> None:
        """Raise Broken if something follows."""
        if self.peek():
            raise self.broken("Extra data")


def members(pieces: Iterable[bytes], by_elements: str) -> Iterator[Member]:
    """The members of the object in the order they come, the list of this name by its elements.

    Holds a window of the text, never all of it. Raises Broken, TooLarge, NoObject.
    """
    window = _Window(pieces)
    if window.peek() != "{":
        window.value("its beginning")
        window.end()
        raise NoObject
    window.expect("{", "")
    place = 0
    while place or window.peek() != "}":
        if window.peek() != '"':
            raise window.broken("Expecting property name enclosed in double quotes")
        name, _ = window.value("a name")
        window.expect(":", "Expecting ':' delimiter")
        if name == by_elements and window.peek() == "[":
            yield Member(place, name, None, -1)
            for element, length in _elements(window):
                yield Member(place, name, element, length)
        else:
            yield Member(place, name, *window.value(f"what is called {name[:100]!r}"))
        place += 1
        if window.expect(",}", "Expecting ',' delimiter") == "}":
            break
    else:
        window.expect("}", "")
    window.end()


def _elements(window: _Window) -> Iterator[tuple[Any, int]]:
    window.expect("[", "")
    row = 0
    while row or window.peek() != "]":
        yield window.value(f"row {row}")
        row += 1
        if window.expect(",]", "Expecting ',' delimiter") == "]":
            return
    window.expect("]", "")
