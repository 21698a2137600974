"""What columns are to each other: which names a row, orders rows, is a place, or tells the target. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from relevo_contract.figures import percent
from relevo_contract.values import spelling
from relevo_jobs.declaring import dates
from relevo_jobs.declaring.guessing import Floats, Guess, Seen
from relevo_jobs.declaring.naming import KEYS, NUMERIC_TIMES, TIMES, fineness, words

IN_ORDER: Final = 0.98
"""The share of rows that must not be earlier than the row before."""
NESTED: Final = 0.9
"""The share of a finer place's rows that must lie in the one place that it is mostly in."""
MOST_PLACES: Final = 1_000
ROWS_OF_A_PLACE: Final = 5
NEARLY: Final = 0.999
"""A correlation of ranks, or a share of rows, beyond which a column tells the target."""
PARTS: Final = 200
"""Columns among which two are looked for that make the target together."""


def assign(guesses: Sequence[Guess], target: Seen) -> None:
    """Give the columns their roles: key, ignored where one tells the target, time, and place."""
    _key(guesses)  # a row's number tells the target where the file is sorted by it, and is no leak
    _leaks(guesses, target)
    _time(guesses)
    _place(guesses)


def _free(guesses: Sequence[Guess]) -> list[Guess]:
    return [one for one in guesses if one.role == "input"]


def _key(guesses: Sequence[Guess]) -> None:
    found = [one for one in _free(guesses) if one.seen.unique and one.type in {"integer", "category", "text"}]
    named = [one for one in found if (of := words(one.seen.source)) and of[-1] in KEYS]
    counters = [one for one in found if one not in named and one.type == "integer" and _counts(one.seen.numbers)]
    for place, one in enumerate([*named, *counters]):
        one.type, one.spelling, one.fact = "text", None, "another one in each row"
        one.role = "ignored" if place else "key"
        if place:
            one.doubts = [f"it names each row as {(named or counters)[0].name} does: RAW alone has it"]
        elif one not in named:
            one.doubts = ["it counts the rows: if it names nothing, role: ignored"]


def _counts(numbers: Floats) -> bool:
    return len(numbers) >= 20 and bool((np.diff(numbers) == 1).all())


def _time(guesses: Sequence[Guess]) -> None:
    """A date that the rows follow; or one that is called so; or a number that is called a time, and followed."""
    steps: dict[str, float] = {}
    for one in _free(guesses):
        if one.type == "date":
            steps[one.name] = _steps(dates.days([text or "" for text in one.seen.texts], one.format))
        elif one.type == "integer" and set(words(one.seen.source)) & NUMERIC_TIMES:
            numbers = [None if np.isnan(number) else float(number) for number in one.seen.numbers]
            steps[one.name] = _steps(numbers) - 0.001  # a date is better
    followed = [one for one in _free(guesses) if one.name in steps and abs(steps[one.name] - 0.5) >= IN_ORDER - 0.5]
    called = [one for one in _free(guesses) if one.type == "date" and "".join(words(one.seen.source)) in TIMES]
    chosen = max(followed, key=lambda one: abs(steps[one.name] - 0.5), default=next(iter(called), None))
    if chosen is None:
        return
    chosen.role = "time"
    if chosen not in followed:
        chosen.doubts.append(
            "the rows are not in its order: sort the file by it, for batches are made in the file's order"
        )
    elif steps[chosen.name] < 0.5:
        chosen.doubts.append("the rows go from the newest to the oldest: sort the file the other way round")
    else:
        chosen.fact += ", the rows follow it"


def _steps(found: Sequence[object]) -> float:
    """The share of steps that do not go back; 0.5, which says nothing, where hardly two differ."""
    there = [one for one in found if one is not None]
    return dates.order(there) if len(set(there)) >= 3 else 0.5  # type: ignore[arg-type]  # days or numbers


def _place(guesses: Sequence[Guess]) -> None:
    """The coarsest column that is called a place, and in it the finer ones."""
    fine = {one.name: rank for one in _free(guesses) if (rank := fineness(one.seen.source)) is not None}
    found = [
        one
        for one in _free(guesses)
        if one.name in fine
        and one.type == "category"
        and 2 <= len(one.seen.counts) <= min(MOST_PLACES, len(one.seen.known) // ROWS_OF_A_PLACE)
    ]
    if not found:
        return
    place = min(found, key=lambda one: (fine[one.name], len(one.seen.counts)))
    finer = [
        one
        for one in sorted(_free(guesses), key=lambda one: fine.get(one.name, 0))
        if one is not place
        and one.name in fine
        and one.type == "category"
        and len(one.seen.counts) > len(place.seen.counts)
        and _lies_in(one.seen, place.seen) >= NESTED
    ]
    place.role, place.within = "place", tuple(one.name for one in finer)
    place.fact += "; no version may be much worse in one"


def _lies_in(finer: Seen, place: Seen) -> float:
    """The share of rows whose finer place is mostly in that place."""
    both = Counter((fine, coarse) for fine, coarse in zip(finer.texts, place.texts, strict=True) if fine and coarse)
    mostly: dict[str | None, int] = {}
    for (fine, _), count in both.items():
        mostly[fine] = max(mostly.get(fine, 0), count)
    return sum(mostly.values()) / max(1, sum(both.values()))


def _leaks(guesses: Sequence[Guess], target: Seen) -> None:
    for one in _free(guesses):
        if why := leak(one.seen, target):
            one.role = "ignored"
            one.doubts.append(f"{why}: if it is known before the target is, give it role: input")
    _sums([one for one in _free(guesses) if one.type in {"integer", "number"}][:PARTS], target)


def leak(seen: Seen, target: Seen) -> str:
    """Why a column tells the target; empty if it does not."""
    both = [(one, other) for one, other in zip(seen.texts, target.texts, strict=True) if one and other]
    outcomes = len({spelling(other) for _, other in both})
    if len(both) < 20 or outcomes < 2:
        return ""
    same = sum(spelling(one) == spelling(other) for one, other in both) / len(both)
    if same >= NEARLY:
        return f"it is the target in {percent(same)} of the rows"
    if np.isfinite(target.numbers).sum() == len(target.known) and outcomes > 2:
        told = _ranks_agree(seen.numbers, target.numbers)
        return (
            f"it goes with the target in nearly every row (correlation of ranks {told:.4f})" if told >= NEARLY else ""
        )
    different = len({one for one, _ in both})
    if different <= max(2, len(both) // 20):
        told = _lies_in(seen, target)
    elif outcomes == 2 and np.isfinite(seen.numbers).sum() >= NEARLY * len(seen.known):
        told = _apart(seen.numbers, [text and spelling(text) for text in target.texts])
    else:
        return ""
    often = Counter(spelling(other) for _, other in both).most_common(1)[0][1] / len(both)
    return f"it tells the target in {percent(told)} of the rows" if told >= max(NEARLY, (1 + often) / 2) else ""


def _ranks_agree(numbers: Floats, target: Floats) -> float:
    """Spearman's correlation, without its sign; 0 where it has none."""
    both = np.isfinite(numbers) & np.isfinite(target)
    if both.sum() < max(20, 0.9 * np.isfinite(target).sum()) or not np.ptp(numbers[both]) or not np.ptp(target[both]):
        return 0.0
    return float(abs(spearmanr(numbers[both], target[both]).statistic))


def _apart(numbers: Floats, outcomes: Sequence[str | None]) -> float:
    """How well a number tells two outcomes: the area under the ROC, whichever outcome is the larger one's."""
    both = [(number, other) for number, other in zip(numbers, outcomes, strict=True) if other and np.isfinite(number)]
    if len({other for _, other in both}) < 2:
        return 0.0
    area = float(roc_auc_score([other for _, other in both], [number for number, _ in both]))
    return max(area, 1 - area)


def _sums(guesses: Sequence[Guess], target: Seen) -> None:
    """Two columns whose sum or difference is the target in every row, such as the parts of a total."""
    numbers = target.numbers[:1_000]
    there = np.isfinite(numbers)
    if there.sum() < 20 or np.ptp(numbers[there]) == 0:
        return
    values = {one.name: one.seen.numbers[:1_000][there] for one in guesses}
    known = {_exactly(found): name for name, found in values.items() if np.isfinite(found).all() and np.ptp(found) > 0}
    by_name = {one.name: one for one in guesses}
    for name, found in values.items():
        if not np.isfinite(found).all():
            continue
        for sign, rest in (("+", numbers[there] - found), ("-", found - numbers[there])):
            other = known.get(_exactly(rest))
            if other is not None and other != name and by_name[name].role == "input":
                for one in (by_name[name], by_name[other]):
                    one.role = "ignored"
                    one.doubts.append(
                        f"{name} {sign} {other} is the target in every row looked at: if they are known before "
                        "it, give them role: input"
                    )


def _exactly(numbers: Floats) -> bytes:
    return np.asarray(np.round(numbers, 6) + 0.0).tobytes()
