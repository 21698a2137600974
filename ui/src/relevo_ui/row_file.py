"""A CSV of many rows: read by the data set's columns, and told again with their predictions. Pure."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from relevo_contract import strict_csv
from relevo_contract.data_set import DataSet
from relevo_contract.graph_inputs import values_of
from relevo_contract.version import Example
from relevo_ui import row_form, spreadsheet
from relevo_ui.api import Prediction
from relevo_ui.language import Say, english
from relevo_ui.predictions import Predictions

ANSWERS: Final = ("low", "high", "unseen", "version", "note", "problem")
"""Our columns, beside the person's and `predicted_` with the target's name."""
DIGITS: Final = 7
"""Of a prediction: the graph computes in float32."""
NAMED: Final = 4
"""Inputs that an error names."""
MOST_MEGABYTES: Final = 20
MOST_ROWS: Final = 20_000
"""Of one file: forty requests to the API, some seconds."""
MOST_COLUMNS: Final = 200
MOST_CHARACTERS: Final = 32_767
"""Of one value: what a spreadsheet's cell can hold."""
LINES_NAMED: Final = 10
_SEPARATORS: Final = {",": ",", ";": ";", "\t": "tab"}


class FileError(ValueError):
    """The file is not a CSV of rows; the message, a text of the UI, says what was expected."""

    def __init__(self, text: str, **values: object) -> None:
        super().__init__(english(text, **values))
        self._text, self._values = text, values

    def told(self, say: Say) -> str:
        """In a person's language."""
        values = {name: say(v) if isinstance(v, strict_csv.Fault) else v for name, v in self._values.items()}
        return say(self._text, **values)


@dataclass(frozen=True)
class RowFile:
    """The rows of a file."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    """As they stand in the file, each as long as the header."""
    lines: tuple[int, ...]
    """By row, the file's line in which it begins."""
    sent: tuple[dict[str, str], ...]
    """What is sent: the inputs that are not empty, as text. What a text means is the API's to decide."""
    ignored: tuple[str, ...]
    """Columns that are no input."""
    places: Mapping[str, int]
    """By input its place in a row."""
    delimiter: str
    marked: bool
    """Whether it begins with a byte order mark, as Excel writes it."""


def _spelt(name: str) -> str:
    """A name as columns are spelt: `House size` is `house_size`."""
    return "_".join(name.strip().casefold().split())


def example(data: DataSet, typical: Example | None) -> str:
    """A file to fill in: the inputs' names, and the typical row."""
    row = {} if typical is None else row_form.row(data, values_of(data, typical.inputs))
    told = {name: f"{value:.10g}" if isinstance(value, float) else value for name, value in row.items()}
    return spreadsheet.written([data.inputs, [told.get(name, "") for name in data.inputs]])


def read(content: bytes, data: DataSet) -> RowFile:
    """The rows of a CSV with a line of names, of the columns or as the source calls them. Raises FileError."""
    inputs = {_spelt(data.source_names.get(name, name)): name for name in data.inputs} | {n: n for n in data.inputs}
    if len(content) > MOST_MEGABYTES * 1_000_000:
        raise FileError("Expected at most {most} MB, the file has more: split it.", most=MOST_MEGABYTES)
    text = _decoded(content)
    delimiter = strict_csv.delimiter(lambda: io.StringIO(text, newline=""), lambda name: _spelt(name) in inputs)
    found = strict_csv.rows(io.StringIO(text, newline=""), delimiter)
    try:
        header = _header(*next(found, (1, [])), inputs)
        lines, rows = _rows(found, len(header), delimiter)
    except strict_csv.NotCsvError as error:
        raise FileError("Line {line} is no CSV: {fault}.", line=error.line, fault=error.fault) from error
    places = {inputs[_spelt(name)]: place for place, name in enumerate(header) if _spelt(name) in inputs}
    return RowFile(
        header=tuple(header),
        rows=tuple(rows),
        lines=tuple(lines),
        sent=tuple({name: row[at].strip() for name, at in places.items() if row[at].strip()} for row in rows),
        ignored=tuple(name for name in header if _spelt(name) not in inputs),
        places=places,
        delimiter=delimiter,
        marked=content.startswith(b"\xef\xbb\xbf"),
    )


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = 1 + len(re.findall(rb"\r\n|\r|\n", error.object[: error.start]))
        raise FileError(
            "Expected a CSV in UTF-8, line {line} is not: save it as UTF-8 (in Excel: CSV UTF-8).", line=line
        ) from error


def _header(line: int, names: list[str], inputs: Mapping[str, str]) -> list[str]:
    known = [inputs[name] for name in map(_spelt, names) if name in inputs]
    if not known:
        raise FileError(
            "Expected a first line with names such as {names}, found none of them.",
            names=", ".join(list(inputs.values())[:NAMED]),
        )
    if len(names) > MOST_COLUMNS:
        raise FileError("Expected at most {most} columns, the file has {got}.", most=MOST_COLUMNS, got=len(names))
    for name in known:
        if known.count(name) > 1:
            twice = [spelled for spelled in names if inputs.get(_spelt(spelled)) == name]
            raise FileError(
                "Expected each input once, line {line} names {name} more than once ({spelled}): which one is it?",
                line=line,
                name=name,
                spelled=", ".join(f"“{spelled}”" for spelled in twice),
            )
    return names


def _rows(found: Iterator[strict_csv.Row], width: int, delimiter: str) -> tuple[list[int], list[tuple[str, ...]]]:
    """The rows below the names, with their lines."""
    lines: list[int] = []
    rows: list[tuple[str, ...]] = []
    uneven: list[tuple[int, int]] = []
    for line, row in found:
        if len(rows) + len(uneven) == MOST_ROWS:
            raise FileError("Expected at most {most} rows, the file has more: split it.", most=f"{MOST_ROWS:,}")
        if len(row) != width:
            uneven.append((line, len(row)))
            continue
        if (longest := max(map(len, row))) > MOST_CHARACTERS:
            raise FileError(
                "Expected values of at most {most} characters, one in line {line} has {got}.",
                most=f"{MOST_CHARACTERS:,}",
                line=line,
                got=f"{longest:,}",
            )
        lines.append(line)
        rows.append(tuple(row))
    if uneven:
        told = [f"{line} ({got})" for line, got in uneven[:LINES_NAMED]] + ["…"] * (len(uneven) > LINES_NAMED)
        raise FileError(
            "Expected {width} values in each row, as the line of names has. Lines that begin a row with more or fewer, "
            "and how many: {lines}. A value with a separator ({separator}) in it stands between quotes.",
            width=width,
            lines=", ".join(told),
            separator=_SEPARATORS[delimiter],
        )
    if not rows:
        raise FileError("Expected at least one row below the line of names, found none.")
    return lines, rows


def table(
    file: RowFile,
    target: str,
    predictions: Mapping[int, tuple[Prediction, int]],
    notes: Mapping[int, str],
    problems: Mapping[int, str],
) -> list[list[Any]]:
    """Names, then each row of the file with its prediction and the version that gave it, or with what is wrong with it.

    `notes` say what of a row was not believed.
    """
    told: list[list[Any]] = [[*file.header, *_apart(file.header, (f"predicted_{target}", *ANSWERS))]]
    for number, row in enumerate(file.rows):
        answer: list[Any] = [None] * 5
        if number in predictions:
            found, version = predictions[number]
            ends = (found.prediction, found.low, found.high)
            figures = [None if figure is None else float(f"{figure:.{DIGITS}g}") for figure in ends]
            answer = [*figures, " ".join(found.unseen), version]
        told.append([*row, *answer, notes.get(number, ""), problems.get(number, "")])
    return told


def flagged(file: RowFile, made: Predictions) -> dict[int, list[int]]:
    """By row with something wrong the places of its values that were refused, or not believed; none: the whole row."""
    wrong = {number: set(found) for number, found in made.problems.items()}
    wrong |= {number: set(one.blanked) for number, (one, _) in made.predictions.items() if one.blanked}
    return {number: [file.places[name] for name in names if name in file.places] for number, names in wrong.items()}


def _apart(header: Sequence[str], ours: Sequence[str]) -> list[str]:
    """Our columns' names, each one that the person does not have."""
    taken = set(map(_spelt, header))
    named: list[str] = []
    for name in ours:
        free, count = name, 1
        while free in taken:
            free, count = f"relevo_{name}" if count == 1 else f"relevo_{name}_{count}", count + 1
        named.append(free)
        taken.add(free)
    return named


def unique(names: Sequence[str]) -> list[str]:
    """Names as a table on a page needs them, where each may stand once: the second `note` is `note (2)`."""
    shown: list[str] = []
    for name in names:
        free, count = name, 1
        while free in shown:
            count += 1
            free = f"{name} ({count})"
        shown.append(free)
    return shown
