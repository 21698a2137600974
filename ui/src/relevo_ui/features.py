"""What the model's features are, in words: their names are the encoder's (docs/model.md). Pure."""

from __future__ import annotations

from typing import Final

from relevo_ui.language import Say, english
from relevo_ui.wording import column

MEANINGS: Final = {
    "additive_price": "the price by a simple sum: what such a house is worth anywhere, plus place, broker and status",
    "additive_house": "the house's part of that sum: what its size, rooms and lot are worth anywhere",
    "additive_place": "the place's part of that sum: what the same house is worth more or less here",
    "additive_broker": "the broker's part of that sum",
    "price_by_size": "the usual price of a square foot here, times the house's size",
    "sold_day": "the day of the previous sale",
    "zip_order": "the zip code as a number: zip codes run along the map",
    "street_order": "the street's number in the source's list",
    "broker_order": "the broker's number in the source's list",
    "bed_per_bath": "bedrooms for each bathroom",
    "size_per_bed": "house size for each bedroom",
    "lot_per_size": "lot for each square foot of the house",
    "missing": "how many of bedrooms, bathrooms and size are not known",
}
FAMILIES: Final = {
    "foot_price_by_": "the usual price of a square foot with the same {key}",
    "price_by_": "the usual price of listings with the same {key}",
    "share_of_": "the share of the training data with the same {key}",
}
"""By the beginning of a name; the rest of it is the key."""
KEYS: Final = {
    "zip3": "first three digits of the zip code",
    "broker_zip": "broker and zip code",
    "zip_kind": "zip code and kind (house, size unknown, land)",
    "city_kind": "city and kind (house, size unknown, land)",
    "state_kind": "state and kind (house, size unknown, land)",
}
"""Keys that are no column of a listing."""


def meaning(feature: str, say: Say = english) -> str:
    """What a feature is; one that is an input as it came, or another model's, is its own name."""
    if (known := MEANINGS.get(feature)) is not None:
        return say(known)
    for beginning, family in FAMILIES.items():
        if feature.startswith(beginning):
            key = feature.removeprefix(beginning)
            return say(family, key=say(KEYS[key]) if key in KEYS else column(key, say))
    return say("as it came")
