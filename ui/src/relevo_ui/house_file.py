"""A CSV of many houses: read into houses, and written again with their prices. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from relevo_contract.listing import House
from relevo_ui.api import Prediction

INPUTS: Final = tuple(House.model_fields)
ANSWERS: Final = ("predicted_price", "low", "high", "unseen", "version", "problem")
EXAMPLE: Final = (
    "bed,bath,acre_lot,house_size,city,state,zip_code,status\n"
    "3,2,0.12,920,Adjuntas,Puerto Rico,00601,for_sale\n"
    "2,,,800,Springfield,Oregon,,\n"
)
MOST_ROWS: Final = 20_000
"""Of one file: twenty requests to the API, some seconds."""
_ABSENT: Final = frozenset({"", "nan", "null", "none", "n/a", "na", "-"})


class FileError(ValueError):
    """The file is not a CSV of houses; the message, a text of the UI, says what was expected."""

    def __init__(self, text: str, **values: object) -> None:
        super().__init__(text)
        self.text, self.values = text, values


@dataclass(frozen=True)
class HouseFile:
    """The rows of a file."""

    header: tuple[str, ...]
    rows: tuple[Mapping[str, str], ...]
    """As they stand in the file."""
    houses: tuple[dict[str, Any], ...]
    """What is sent: known inputs that are not empty."""
    ignored: tuple[str, ...]
    """Columns that are no input."""


def _input(name: str) -> str:
    """A column's name as the API spells it: `House size` is `house_size`."""
    return "_".join(name.strip().casefold().split())


def read(content: bytes) -> HouseFile:
    """The houses of a CSV with a line of names. Raises FileError."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileError("Expected a CSV in UTF-8, byte {byte} is none: save it as UTF-8.", byte=error.start) from error
    lines = text.splitlines()
    delimiter = ";" if lines and lines[0].count(";") > lines[0].count(",") else ","
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        header = tuple(name for name in reader.fieldnames or () if name)
        known = [name for name in header if _input(name) in INPUTS]
        if not known:
            raise FileError(
                "Expected a first line with names such as {names}, found none of them.", names=EXAMPLE_NAMES
            )
        rows: list[dict[str, str]] = []
        for line in reader:
            if len(rows) == MOST_ROWS:
                raise FileError("Expected at most {most} houses, the file has more: split it.", most=f"{MOST_ROWS:,}")
            rows.append({name: line.get(name) or "" for name in header})
    except csv.Error as error:
        raise FileError("Expected a CSV, line {line} is none.", line=reader.line_num) from error
    if not rows:
        raise FileError("Expected at least one house below the line of names, found none.")
    houses = tuple(
        {_input(name): row[name].strip() for name in known if row[name].strip().casefold() not in _ABSENT}
        for row in rows
    )
    return HouseFile(header, tuple(rows), houses, tuple(name for name in header if name not in known))


EXAMPLE_NAMES: Final = ", ".join(INPUTS[:4])


def table(
    file: HouseFile, predictions: Mapping[int, tuple[Prediction, int]], problems: Mapping[int, str]
) -> list[dict[str, Any]]:
    """Each row of the file with its price and the version that gave it, or with what is wrong with it."""
    told: list[dict[str, Any]] = []
    for number, row in enumerate(file.rows):
        answer: dict[str, Any] = dict.fromkeys(ANSWERS)
        if number in predictions:
            priced, version = predictions[number]
            answer |= {
                "predicted_price": round(priced.price, 2),
                "low": round(priced.low, 2),
                "high": round(priced.high, 2),
                "unseen": " ".join(priced.unseen),
                "version": version,
            }
        answer["problem"] = problems.get(number, "")
        told.append({**row, **answer})
    return told


def written(told: Sequence[Mapping[str, Any]]) -> str:
    """As CSV. What a spreadsheet would take for a formula is kept from being one."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, fieldnames=list(told[0]) if told else [])
    writer.writeheader()
    for row in told:
        writer.writerow({name: _harmless(value) for name, value in row.items()})
    return out.getvalue()


def _harmless(value: Any) -> Any:
    """Text that starts like a formula gets an apostrophe before it (OWASP, CSV injection)."""
    if not isinstance(value, str) or value[:1] not in {"=", "+", "-", "@", "\t", "\r"}:
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value
