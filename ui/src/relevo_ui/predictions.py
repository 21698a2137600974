"""Many rows predicted by the API in as few requests as it takes; a wrong row is told and the others are predicted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from relevo_ui.api import Answer, Prediction
from relevo_ui.errors import BadRow, TooMuch, UiError
from relevo_ui.problems import TOO_LONG

AT_ONCE: Final = 500
"""Rows a request: half of what the API takes by default."""
BYTES_AT_ONCE: Final = 500_000
"""Bytes a request, the same half."""
WHOLE: Final = ""
"""The input named where a row as a whole is wrong."""

Ask = Callable[[Sequence[Mapping[str, Any]]], Answer]
"""Predicts rows. Raises BadRow with all that is wrong, TooMuch, or another UiError."""


@dataclass
class Predictions:
    """By the row's place, from 0: its prediction and the version that gave it, or what is wrong with it."""

    predictions: dict[int, tuple[Prediction, int]] = field(default_factory=dict)
    problems: dict[int, dict[str, str]] = field(default_factory=dict)
    """By input."""
    stopped: UiError | None = None
    """Why the rows in neither of them were not asked for."""

    @property
    def done(self) -> int:
        """Rows that are in one of them."""
        return len(self.predictions) + len(self.problems)


def predict(
    rows: Sequence[Mapping[str, Any]],
    ask: Ask,
    told: Callable[[Predictions], None] = lambda _: None,
    before: Predictions | None = None,
) -> Predictions:
    """Predict all that can be predicted, two requests a part at most if the API names everything that is wrong.

    `told` hears of each part; `before` is an earlier call's outcome that was stopped, and is gone on with.
    """
    made = Predictions() if before is None else Predictions(before.predictions, before.problems)
    sizes = [_size(row) for row in rows]
    waiting = [place for place in range(len(rows)) if place not in made.predictions | made.problems]
    parts = list(_parts(waiting, sizes, AT_ONCE, BYTES_AT_ONCE))
    while parts:
        part = parts.pop(0)
        try:
            answer = ask([rows[place] for place in part])
        except TooMuch:
            if len(part) == 1:
                made.problems[part[0]] = {WHOLE: TOO_LONG}
            else:  # its limits are lower than usual: from here on with half as much
                rest = [*part, *(place for later in parts for place in later)]
                parts = list(_parts(rest, sizes, len(part) // 2, sum(sizes[place] for place in part) // 2))
        except BadRow as error:
            wrong = {where: problem for where, problem in error.fields.items() if where[0] < len(part)}
            if not wrong:  # asked again, it would say the same for ever
                made.stopped = error
                return made
            for (number, name), problem in wrong.items():
                made.problems.setdefault(part[number], {})[name] = problem
            if right := [place for place in part if place not in made.problems]:
                parts.insert(0, right)
        except UiError as error:
            made.stopped = error
            return made
        else:
            for place, prediction in zip(part, answer.predictions, strict=True):
                made.predictions[place] = prediction, answer.model.version
        told(made)
    return made


def _size(row: Mapping[str, Any]) -> int:
    """Bytes of a row in a request, with its separator."""
    return len(json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode()) + 1


def _parts(places: Sequence[int], sizes: Sequence[int], most: int, most_bytes: int) -> Iterator[list[int]]:
    """Cut into parts of so many rows and bytes, at least one row in each."""
    part: list[int] = []
    taken = 0
    for place in places:
        if part and (len(part) == most or taken + sizes[place] > most_bytes):
            yield part
            part, taken = [], 0
        part.append(place)
        taken += sizes[place]
    if part:
        yield part
