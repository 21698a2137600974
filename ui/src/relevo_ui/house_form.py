"""What the form offers and what it sends. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from relevo_contract.profile import CategoricalProfile, Profile

STATUSES: Final = ("for_sale", "ready_to_build", "sold")
MOST_OFFERED: Final = 2000


def offered(profile: Profile | None, name: str) -> list[str]:
    """The categories of an input that the model knows, the most frequent first; empty if that is not known."""
    known = profile.columns.get(name) if profile is not None else None
    if not isinstance(known, CategoricalProfile):
        return []
    frequent = sorted(known.counts, key=lambda category: (-known.counts[category], category))
    return [shown(category) for category in frequent[:MOST_OFFERED] if category]


def shown(category: str) -> str:
    """A place as it is written: the model keeps its categories without case."""
    return category.title() if category.islower() else category


def house(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The house to be sent: what was left empty is left out."""
    filled = {name: value.strip() if isinstance(value, str) else value for name, value in inputs.items()}
    return {
        name: value.isoformat() if hasattr(value, "isoformat") else value
        for name, value in filled.items()
        if value not in (None, "")
    }
