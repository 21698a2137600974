"""A CSV read strictly: what is no CSV is refused by its line, for a lenient reader makes other rows of it. Pure.

Python's own reader is lenient even when told to be strict: it keeps NUL and takes a quote after a blank for a letter.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from typing import Final

DELIMITERS: Final = (",", ";", "\t")
"""What programs write between the values: the comma, what they write where it is the decimal sign, and the tab."""


class Fault(StrEnum):
    """Why a line is no CSV."""

    OPEN_QUOTE = "a quote is opened and never closed"
    AFTER_QUOTE = "something stands between a closing quote and the next separator"
    BEFORE_QUOTE = "a blank stands before an opening quote"
    NUL = "there is a NUL character, as in a file in UTF-16 or one that is damaged"
    LONG = "a value is longer than 131,072 characters, or a quote is never closed"
    LINE_END = "a line ends in CR alone; lines end in LF or CRLF"


_FAULTS: Final = (
    ("unexpected end of data", Fault.OPEN_QUOTE),
    ("expected after", Fault.AFTER_QUOTE),
    ("field larger than field limit", Fault.LONG),
    ("new-line character", Fault.LINE_END),
)
"""By what the library says."""


class NotCsvError(ValueError):
    """A line is no CSV."""

    def __init__(self, line: int, fault: Fault) -> None:
        super().__init__(f"line {line} is no CSV: {fault}")
        self.line, self.fault = line, fault


Row = tuple[int, list[str]]
"""The line in which a row begins, as an editor counts (blank lines and each line of the rows before), and its values to
the letter."""


def rows(lines: Iterable[str], delimiter: str) -> Iterator[Row]:
    """The rows of lines that keep their ends; a blank line is none. Raises NotCsvError at the first line that is wrong.

    No line is taken before the row it belongs to is asked for.
    """
    quoted: list[str] = []
    reader = csv.reader(_noted(lines, quoted), delimiter=delimiter, strict=True)
    begins = 1
    try:
        for values in reader:
            if quoted:
                if _blank_before_quote(quoted, delimiter, values):
                    raise NotCsvError(begins, Fault.BEFORE_QUOTE)
                quoted.clear()
            if values:
                yield begins, values
            begins = reader.line_num + 1
    except csv.Error as error:
        said = str(error)
        raise NotCsvError(begins, next(fault for part, fault in _FAULTS if part in said)) from error


def _noted(lines: Iterable[str], quoted: list[str]) -> Iterator[str]:
    """The lines; those of a row that has a quote are noted, for only then it goes over several."""
    for number, line in enumerate(lines, 1):
        if "\0" in line:
            raise NotCsvError(number, Fault.NUL)
        if '"' in line or quoted:
            quoted.append(line)
        yield line


def _blank_before_quote(lines: list[str], delimiter: str, values: list[str]) -> bool:
    """Whether a quote behind blanks was taken for a letter: a reader that skips the blanks finds another value."""
    doubtful = [place for place, value in enumerate(values) if re.match(' +"', value)]
    if not doubtful:
        return False
    try:
        again = next(csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=True))
    except csv.Error:
        return True
    return len(again) != len(values) or any(again[place] != values[place] for place in doubtful)


def delimiter(begin: Callable[[], Iterable[str]], known: Callable[[str], bool]) -> str:
    """The one with which the first row, read from its beginning each time, has most known names; else the comma."""
    return max(DELIMITERS, key=lambda one: sum(known(name) for name in _first(begin(), one)))


def _first(lines: Iterable[str], delimiter: str) -> list[str]:
    try:
        return next(rows(lines, delimiter))[1]
    except (StopIteration, NotCsvError):
        return []
