"""What a column is, by its name and the values of its first rows. Pure.

A value counts as what the declaration's own rule would read it as, so a guess and what CLEAN makes of it agree.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from relevo_contract.figures import percent
from relevo_contract.texts import shown, tidy
from relevo_contract.use_case.columns import TypeName
from relevo_contract.values import ABSENT, LONGEST, Boolean, Number, ZipCode, spelling
from relevo_jobs.declaring import dates
from relevo_jobs.declaring.naming import CODES, numbers_name_a_place, words

MOST: Final = 0.98
"""The share of a column's values that must be of a type..."""
FEW: Final = 0.9
"""...or this, if the others are few different words, such as `unknown`."""
FEW_WORDS: Final = 5
NEARLY_UNIQUE: Final = 0.8
"""Texts of which more than this share is different tell nothing as categories."""
MANY: Final = 1_000
"""Different values beyond which a category is worth a look."""
_LEADING_ZERO: Final = re.compile(r"0\d+\Z")
_DECIMAL_COMMA: Final = re.compile(r"[+-]?\d+(?:\.\d{3})*,\d+\Z")
_PERCENT: Final = re.compile(r"[+-]?\d+(?:\.\d+)?\s?%\Z")
_PLACEHOLDERS: Final = (-1.0, -9.0, -99.0, -999.0, -9999.0, 99.0, 999.0, 9999.0, 99999.0, 999999.0)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Seen:
    """A column as it was seen."""

    source: str
    """What the source calls it."""
    values: Sequence[str | None]

    @cached_property
    def texts(self) -> list[str | None]:
        """Each value as it is kept, None where there is none."""
        tidied: dict[str, str | None] = {}
        for value in self.values:
            if value is not None and value not in tidied:
                text = tidy(value)
                tidied[value] = None if text.casefold() in ABSENT else text
        return [None if value is None else tidied[value] for value in self.values]

    @cached_property
    def known(self) -> list[str]:
        """Those that are there."""
        return [text for text in self.texts if text is not None]

    @cached_property
    def counts(self) -> Counter[str]:
        """How often each is there."""
        return Counter(self.known)

    @cached_property
    def numbers(self) -> Floats:
        """Each value as a number, (n,); NaN where it is none."""
        rule = Number()
        read = {text: rule.read(text).value for text in self.counts}
        found = [np.nan if text is None else read[text] for text in self.texts]
        return np.array([np.nan if one is None else one for one in found], dtype=np.float64)

    @property
    def unique(self) -> bool:
        """Whether each row has a value of its own."""
        return len(self.counts) == len(self.values) > 1


@dataclass
class Guess:
    """What a column is thought to be."""

    seen: Seen
    name: str
    type: TypeName
    role: Literal["input", "key", "time", "place", "ignored"] = "input"
    within: tuple[str, ...] = ()
    format: str | None = None
    spelling: Literal["identifier", "zip-code"] | None = None
    fact: str = ""
    """What was seen, in few words."""
    doubts: list[str] = field(default_factory=list)
    """What a person should look at."""


def guess(seen: Seen, name: str) -> Guess:
    """What a column is thought to be, by itself: its role may change with the others."""
    if not seen.known:
        doubt = f"it is empty in all {len(seen.values):,} rows looked at: say what it is once it comes"
        return Guess(seen, name, "text", "ignored", doubts=[doubt])
    for one in (_boolean, _date, _number, _words):
        found = one(seen, name)
        if found is not None:
            break
    else:  # pragma: no cover  # words are anything
        raise AssertionError(name)
    missing = 1 - len(seen.known) / len(seen.values)
    if missing >= 0.01:
        found.fact = f"{found.fact}; {percent(missing)} missing" if found.fact else f"{percent(missing)} missing"
    return found


def _boolean(seen: Seen, name: str) -> Guess | None:
    different = {spelling(text) for text in seen.counts} if len(seen.counts) <= 8 else set()
    rule = Boolean()
    if {rule.read(one).value for one in different} != {"true", "false"} or len(different) != 2:
        return None
    return Guess(seen, name, "boolean", fact=" or ".join(sorted(different)))


def _date(seen: Seen, name: str) -> Guess | None:
    spelt = dates.told(seen.known)
    if spelt is None:
        return None
    found = [day for day in dates.days(seen.known, spelt.format) if day is not None]
    guessed = Guess(seen, name, "date", format=spelt.format, fact=f"{min(found)} to {max(found)}")
    if spelt.instead is not None:
        guessed.doubts.append(
            f"day and month cannot be told apart in these rows: {shown(spelt.instead)[1:-1]} reads them as well as the "
            "format guessed"
        )
    if spelt.others:
        guessed.doubts.append(
            f"days are spelt in {len(spelt.others) + 1} ways, also {', '.join(spelt.others)}: this format reads "
            f"{percent(spelt.share)} of them, the others become missing until the source spells all alike"
        )
    return guessed


def _number(seen: Seen, name: str) -> Guess | None:
    read = ~np.isnan(seen.numbers)
    odd = [text for text, there in zip(seen.texts, read, strict=True) if text is not None and not there]
    share = 1 - len(odd) / len(seen.known)
    if share < FEW or (share < MOST and len(set(odd)) > FEW_WORDS):
        return None
    numbers = seen.numbers[read]
    whole = bool((numbers == np.floor(numbers)).all())
    if whole and (named := _named_by_number(seen, name, len(set(odd)))) is not None:
        return named
    spelt_whole = whole and not any("." in text for text in seen.counts)
    # A column of whole numbers with gaps leaves pandas as 3.0; without gaps, 3.0 is meant as it stands.
    integer = spelt_whole or (whole and len(seen.known) < len(seen.values))
    low, high = numbers.min(), numbers.max()
    guessed = Guess(seen, name, "integer" if integer else "number", fact=f"{figure(low)} to {figure(high)}")
    if odd:
        guessed.doubts.append(f"{len(odd):,} values are no numbers, such as {shown(odd[0])}: they become missing")
    guessed.doubts += _placeholder(numbers)
    if low == high:
        guessed.fact, guessed.doubts = f"always {figure(low)}", [*guessed.doubts, "it is the same in every row"]
    return guessed


def figure(number: float) -> str:
    """A number as people read it: years without a comma, a million with two."""
    if number == int(number) and abs(number) < 1e15:
        return f"{number:.0f}" if abs(number) < 10_000 else f"{number:,.0f}"
    return f"{number:,.2f}" if 1_000 <= abs(number) < 1e15 else f"{number:.4g}"


def _named_by_number(seen: Seen, name: str, odd: int) -> Guess | None:
    """A number that names something: its zeros matter, or its name says so."""
    of = words(seen.source)
    different = len(seen.counts)
    if any(word in {"zip", "zipcode", "postcode", "postal"} for word in of):
        rule = ZipCode()
        if sum(count for text, count in seen.counts.items() if rule.read(text).value) >= MOST * len(seen.known):
            return Guess(seen, name, "category", spelling="zip-code", fact=f"{different:,} zip codes")
    zeros = sum(count for text, count in seen.counts.items() if _LEADING_ZERO.match(text))
    place = numbers_name_a_place(seen.source) and different <= max(50, len(seen.known) // 20)
    names = bool(of) and of[-1] in CODES and not seen.unique
    if zeros >= 0.05 * len(seen.known) or place or (names and different > 1):
        return Guess(seen, name, "category", spelling="identifier", fact=f"{different:,} different ones")
    return None


def _placeholder(numbers: Floats) -> list[str]:
    """Figures such as -999 that stand at the end of what there is, far from it, and often."""
    for figure in _PLACEHOLDERS:
        rest = numbers[numbers != figure]
        count = len(numbers) - len(rest)
        if count < 3 or len(rest) < count or not (figure < rest.min() or figure > rest.max()):
            continue
        if min(abs(figure - rest.min()), abs(figure - rest.max())) > np.ptp(rest) or (figure < 0 <= rest.min()):
            return [f"{figure:g} stands {count:,} times: if it means that nobody knows, add unknown: [{figure:g}]"]
    return []


def _words(seen: Seen, name: str) -> Guess:
    different, known = len(seen.counts), len(seen.known)
    longest = max(map(len, seen.counts))
    if sum(len(text) > LONGEST for text in seen.known) > 0.01 * known:
        doubt = f"it has texts of up to {longest:,} characters, CLEAN keeps {LONGEST}: RAW alone has it"
        return Guess(seen, name, "text", "ignored", doubts=[doubt])
    spaces = sum(text.count(" ") for text in seen.known) / known
    unique = different > NEARLY_UNIQUE * known and known >= 20
    doubts = []
    if sum(map(bool, map(_DECIMAL_COMMA.match, seen.known))) > MOST * known:
        doubts.append("these look like numbers with a decimal comma, which is not read: write them with a point")
    elif sum(map(bool, map(_PERCENT.match, seen.known))) > MOST * known:
        doubts.append("these look like numbers with a %, which is not read: leave the sign out in the source")
    if unique or (spaces >= 4 and different > 0.2 * known):
        fact = "another one in nearly every row" if unique else f"{different:,} texts"
        return Guess(seen, name, "text", fact=f"{fact}, such as {shown(seen.known[0])}", doubts=doubts)
    most = [shown(text)[1:-1] for text, _ in seen.counts.most_common(3)]
    guessed = Guess(seen, name, "category", doubts=doubts)
    guessed.fact = ", ".join(most) if different <= 3 else f"{different:,} different ones: {', '.join(most)}, …"
    if different == 1:
        guessed.fact = f"always {most[0]}"
        guessed.doubts.append("it is the same in every row")
    elif different > MANY:
        guessed.doubts.append(f"{different:,} different values are many to learn from: type: text keeps it aside")
    return guessed
