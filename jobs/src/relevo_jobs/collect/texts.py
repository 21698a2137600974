"""What a typed value, of Parquet or of a query, is as RAW keeps it: a text. Pure."""

from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from relevo_jobs.collect.rows import storable


def as_text(value: Any) -> str | None:
    """The text of a value; None of nothing, and of a number that is none.

    Numbers come without needless zeros, times as ISO 8601 has them, in UTC where they have a zone, truth as `true` and
    `false`, bytes as hexadecimal digits, lists and objects as JSON.
    """
    match value:
        case None | str():
            text = value
        case bool():
            text = str(value).lower()
        case float():
            text = None if math.isnan(value) else repr(value).removesuffix(".0")
        case Decimal():
            text = None if value.is_nan() else _plain(value)
        case datetime():
            text = (value if value.tzinfo is None else value.astimezone(UTC)).isoformat()
        case date() | time():
            text = value.isoformat()
        case bytes():
            text = value.hex()
        case list() | tuple() | dict():
            text = json.dumps(value, ensure_ascii=False, default=as_text)
        case _:
            text = str(value)
    return None if text is None else storable(text)


def _plain(figure: Decimal) -> str:
    text = format(figure, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
