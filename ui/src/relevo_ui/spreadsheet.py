"""A table written as CSV so that no spreadsheet takes a value for a formula (OWASP, CSV injection). Pure.

Whoever opens the file may have another separator than the file, so that a value is cut where nobody meant it to be:
what stands behind a separator or a line's end is looked at as if it stood alone. An apostrophe before it makes it text.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from typing import Any, Final

_LINE_ENDS: Final = r"\n\v\f\r\x1c-\x1e\x85\u2028\u2029"
_INVISIBLE: Final = (
    r"\x00-\x08\x0e-\x1b\x1f\x20\x7f-\x84\x86-\xa0\xad\u034f\u061c\u1680\u180e\u2000-\u200f\u202a-\u202f\u205f-\u206f"
    r"\u3000\ufeff"
)
_BEGINS: Final = rf'[{_INVISIBLE}"]*[=+\-@＝＋－＠]'
"""A formula; a spreadsheet looks past blanks, and past quotes that came of cutting."""
_FORMULA: Final = re.compile(rf"^(?={_BEGINS}|[\t\r\n])|(?<=[,;\t])(?={_BEGINS}|\r)|(?<=[{_LINE_ENDS}])(?={_BEGINS})")
_SUSPECT: Final = re.compile(r"[=+\-@＝＋－＠\t\r\n]")
"""Without any of these nothing is to be looked for, which is soon told of long texts."""
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_COMMA_NUMBER: Final = re.compile(r"[+-]?\d+,\d+", re.ASCII)


def harmless(value: Any, delimiter: str = ",") -> Any:
    """A value as it may be written; a number stays, with a decimal comma where commas separate nothing."""
    if not isinstance(value, str) or not _SUSPECT.search(value) or _NUMBER.fullmatch(value):
        return value
    if delimiter != "," and _COMMA_NUMBER.fullmatch(value):
        return value
    return _FORMULA.sub("'", value)


def written(rows: Iterable[Iterable[Any]], delimiter: str = ",", *, marked: bool = False) -> str:
    """Rows as CSV, the first of them the names; `marked` begins it with the byte order mark that Excel wants."""
    out = io.StringIO(newline="")
    out.write("\ufeff" if marked else "")
    csv.writer(out, delimiter=delimiter).writerows([harmless(value, delimiter) for value in row] for row in rows)
    return out.getvalue()
