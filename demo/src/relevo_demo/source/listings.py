"""A user's copy of the public listings, read from CSV."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import itemgetter
from pathlib import Path

from relevo_contract.listing import COLUMNS

AS_TEXT = frozenset({"status", "city", "state", "zip_code", "prev_sold_date"})
"""Columns that stay text; in the others what looks like a JSON number is one, to the letter."""
REMEMBERED = 1 << 16
"""Values of a column whose JSON is remembered."""
Encode = Callable[[str], str]
_JSON_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?\Z", re.ASCII)


class ListingsError(Exception):
    """The file cannot be served; the message says what was expected, what came and what to do."""


def read(path: Path) -> list[str]:
    """Each row as a JSON object in the file's order, its values to the letter. Raises ListingsError."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            header = next(reader, None)
            if header is None:
                raise ListingsError(f"expected listings in {path}, the file is empty")
            names = [name.strip() for name in header]
            missing = [name for name in COLUMNS if name not in names]
            if missing:
                raise ListingsError(
                    f"expected the columns {', '.join(COLUMNS)} in {path}, missing are {', '.join(missing)} "
                    f"(found: {', '.join(names)[:200]}): use the public file realtor-data.csv as it is published"
                )
            choose = itemgetter(*(names.index(name) for name in COLUMNS))
            encode = [_encoder(name) for name in COLUMNS]
            rows = []
            for number, row in enumerate(reader, start=2):
                if len(row) != len(names):
                    raise ListingsError(
                        f"expected {len(names)} values in line {number} of {path}, got {len(row)}: "
                        "the file is cut or damaged"
                    )
                rows.append(_object(encode, choose(row)))
    except OSError as error:
        raise ListingsError(f"expected to read {path}: {error.strerror}; give the path of a CSV file") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise ListingsError(f"expected UTF-8 CSV in {path}: {error}") from error
    if not rows:
        raise ListingsError(f"expected listings in {path}, found the header alone")
    return rows


def _object(encode: Sequence[Encode], values: Sequence[str]) -> str:
    return "{" + ", ".join([told(value) for told, value in zip(encode, values, strict=True)]) + "}"


def _encoder(name: str) -> Encode:
    """From a column's value to its member of a JSON object. Values come again and again: most are looked up."""
    key = json.dumps(name) + ": "
    as_text = name in AS_TEXT

    @lru_cache(maxsize=REMEMBERED)
    def encode(value: str) -> str:
        if value == "":
            return key + "null"
        if not as_text and _JSON_NUMBER.match(value):
            return key + value
        return key + json.dumps(value, ensure_ascii=False)

    return encode
