"""What kind of thing a target is, by its first values. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from relevo_contract.figures import percent
from relevo_contract.tasks import TaskName
from relevo_contract.texts import shown
from relevo_contract.use_case.columns import MULTI_CLASS
from relevo_contract.values import spelling
from relevo_jobs.declaring.guessing import Floats, Seen, figure, guess
from relevo_jobs.errors import SettingsError

SKEWED: Final = 0.25
"""Kelly's skewness, of the 10th, 50th and 90th percentile: 0 is symmetric, an exponential distribution has 0.46."""
LARGE: Final = 10
"""Or the largest is so many times the median."""
FEW: Final = 10
"""Different whole numbers that may name classes."""
BAD: Final = (
    "1", "yes", "true", "y", "t", "bad", "default", "defaulted", "charged off", "fraud", "fraudulent", "churn",
    "churned", "fail", "failed", "failure", "late", "dead", "died", "death", "sick", "ill", "positive", "malignant",
    "spam", "cancelled", "canceled", "left", "lost", "stolen", "broken", "attack", "anomaly", "abnormal",
)  # fmt: skip
"""Outcomes that people ask the probability of."""


@dataclass
class GuessedTarget:
    """What a target is thought to be."""

    name: str
    source: str
    task: TaskName
    positive: str | None = None
    negative: str | None = None
    fact: str = ""
    doubts: list[str] = field(default_factory=list)


def target(seen: Seen, name: str, task: TaskName | None, positive: str | None) -> GuessedTarget:
    """What the target is thought to be, or is said to be. Raises SettingsError if no version could predict it."""
    outcomes = Counter(spelling(text) for text in seen.known)
    if not outcomes:
        raise SettingsError(f"expected values in {shown(seen.source)}, the target: it is empty in all rows looked at")
    if len(outcomes) == 1:
        raise SettingsError(
            f"expected at least two different values in {shown(seen.source)}, the target: it is {shown(seen.known[0])} "
            f"in all {len(seen.known):,} rows looked at, and nothing can be learnt; name another target, or "
            "shuffle the file"
        )
    if positive is not None:
        task = task or "binary"
    if task == "binary" or (task is None and len(outcomes) == 2):
        return _binary(seen, name, outcomes, positive)
    numeric = guess(seen, name)
    numbers = seen.numbers[np.isfinite(seen.numbers)]
    if numeric.type == "date":
        raise SettingsError(
            f"expected a number or one of two outcomes as target, {shown(seen.source)} is a date: make a number of it, "
            "such as the days until then"
        )
    if len(numbers) < 0.9 * len(seen.known):
        some = ", ".join(shown(text) for text, _ in seen.counts.most_common(4))
        raise SettingsError(
            f"{shown(seen.source)}, the target, has {len(outcomes):,} different outcomes, such as {some}: "
            f"{MULTI_CLASS} (--positive OUTCOME)"
        )
    return _number(seen, name, numbers, task, len(seen.known) - len(numbers))


def _binary(seen: Seen, name: str, outcomes: Counter[str], positive: str | None) -> GuessedTarget:
    spelt = {spelling(text): text for text in seen.known}
    if positive is None:
        if len(outcomes) != 2:
            raise SettingsError(
                f"expected two outcomes in {shown(seen.source)}, the target, got {len(outcomes):,} different ones: say "
                "which one's probability is predicted, --positive OUTCOME, and all others are the other one"
            )
        rare = min(outcomes, key=lambda outcome: outcomes[outcome])
        called = [word for word in outcomes if word in BAD]
        chosen = called[0] if len(called) == 1 else rare
    elif (chosen := spelling(positive)) not in outcomes:
        raise SettingsError(
            f"expected an outcome of {shown(seen.source)} as positive, got {shown(positive)}, which no row has: "
            f"such as {', '.join(shown(spelt[one]) for one, _ in outcomes.most_common(4))}"
        )
    share = outcomes[chosen] / outcomes.total()
    other = next(iter(set(outcomes) - {chosen})) if len(outcomes) == 2 else None
    found = GuessedTarget(
        name, seen.source, "binary", _plain(spelt[chosen]), None if other is None else _plain(spelt[other])
    )
    found.fact = f"{percent(share)} of the rows looked at"
    if positive is None:
        found.doubts.append("positive is the outcome whose probability is predicted: change the two if it is the other")
    return found


def _plain(outcome: str) -> str:
    """An outcome without the point of a spreadsheet."""
    return spelling(outcome) if outcome.endswith(".0") else outcome


def _number(seen: Seen, name: str, numbers: Floats, task: TaskName | None, odd: int) -> GuessedTarget:
    low, middle, high = np.percentile(numbers, [10, 50, 90])
    skew = float((high - 2 * middle + low) / (high - low)) if high > low else 0.0
    positive = bool(numbers.min() > 0)
    large = skew >= SKEWED or numbers.max() > LARGE * middle
    guessed = task or ("positive-number" if positive and large else "number")
    found = GuessedTarget(name, seen.source, guessed)
    found.fact = f"{figure(numbers.min())} to {figure(numbers.max())}, half of them above {figure(middle)}"
    if task is None and guessed == "positive-number":
        found.doubts.append(
            "all are above zero and a few are large: errors count as shares; task: number, if in its unit"
        )
    elif task is None:
        why = "errors count in its unit"
        found.doubts.append(f"{why}; task: positive-number, if as shares of it" if positive else why)
    different = len(np.unique(numbers))
    if different <= FEW and bool((numbers == np.floor(numbers)).all()):
        found.doubts.append(
            f"it has {different} different values: if they name classes, declare one use case for each class"
        )
    if odd:
        found.doubts.append(f"{odd:,} rows have no number here, and are left out")
    if guessed == "positive-number" and not positive:
        found.doubts.append(f"{int((numbers <= 0).sum()):,} rows are not above zero, and are left out")
    return found
