"""What may become of a RAW row in CLEAN."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

Raw = Sequence[str | None]
"""A row's values as they came, in the order of the data set's columns."""


@dataclass(frozen=True)
class Kept:
    """A row that CLEAN keeps."""

    values: Mapping[str, float | str | date | None]
    """By column; None where missing, the target never."""
    holdout: bool
    """Never trained on by any version. The same row must always fall on the same side."""
    blanked: Mapping[str, str] = field(default_factory=dict)
    """By column that held a value CLEAN could not understand or believe, and is now missing, the reason."""


@dataclass(frozen=True)
class Rejection:
    """A row that CLEAN leaves out."""

    reason: str
    """Of a closed list."""
    detail: str
    """What came."""
