"""What MLflow's newest batch runs say, for Prometheus: when a batch was last decided, how, and on what figures. Pure.

The steps that know are pods that end; what they found stands in the batch's run (relevo_jobs.batch_runs), which
outlives them. A run of another release, or one that was changed by hand, tells less and breaks nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from relevo_contract import names

DISTANCE: Final = "distance/"
"""What the figures of columns begin with."""
PENDING: Final = "pending"
"""The outcome of a batch whose training is not settled yet."""
OUTCOMES: Final = (names.OUTCOME_PROMOTED, names.OUTCOME_REJECTED, names.OUTCOME_KEPT, PENDING)
_ERRORS: Final = {"error_on_batch": "on_batch", "error_promised": "promised"}
_JUDGED: Final = {"champion_error": "champion", "challenger_error": "challenger"}
_ROWS: Final = {"rows": "came", "kept": "kept"}


@dataclass(frozen=True, slots=True)
class BatchFacts:
    """The newest decided batch of one model, and the newest comparison of a challenger with the champion."""

    number: int
    decided: float
    """Unix time."""
    reason: str
    """A TrainReason."""
    outcome: str
    """One of OUTCOMES."""
    rows: Mapping[str, float] = field(default_factory=dict)
    """`came` and `kept`."""
    errors: Mapping[str, float] = field(default_factory=dict)
    """The champion's error `on_batch`, and what it `promised`; none before the first model."""
    distances: Mapping[str, float] = field(default_factory=dict)
    """By column."""
    judged: Mapping[str, float] = field(default_factory=dict)
    """Errors of `champion` and `challenger` on the same held-out rows, when they were last compared."""


def batch_facts(runs: Sequence[Any]) -> BatchFacts | None:
    """What these runs say, newest first, as `runs/search` answers; None if no batch is decided."""
    decided = [_Run(run) for run in runs if isinstance(run, dict)]
    decided = [run for run in decided if run.batch is not None and run.decided is not None]
    if not decided:
        return None
    # Runs come by their start; a batch that came earlier may be decided anew, and is then no newer batch.
    newest = max(decided, key=lambda run: (run.batch or 0, run.decided or 0.0))
    judged = next((run.named(_JUDGED) for run in decided if run.named(_JUDGED)), {})
    return BatchFacts(
        number=newest.batch or 0,
        decided=max(run.decided or 0.0 for run in decided),
        reason=newest.tags.get(names.TAG_REASON, ""),
        outcome=newest.outcome,
        rows=newest.named(_ROWS),
        errors=newest.named(_ERRORS),
        distances={
            name.removeprefix(DISTANCE): value for name, value in newest.figures.items() if name.startswith(DISTANCE)
        },
        judged=judged,
    )


class _Run:
    """A run as MLflow answers it: tags as a mapping, the last value of each figure and when it was written."""

    def __init__(self, run: Mapping[str, Any]) -> None:
        data = run.get("data")
        data = data if isinstance(data, dict) else {}
        self.tags = {str(one.get("key")): str(one.get("value", "")) for one in _mappings(data.get("tags"))}
        self.figures: dict[str, float] = {}
        self.decided: float | None = None
        for one in _mappings(data.get("metrics")):
            if (value := _number(one.get("value"))) is None:
                continue
            self.figures[str(one.get("key"))] = value
            if one.get("key") == "rows" and (stamp := _number(one.get("timestamp"))) is not None:
                self.decided = stamp / 1000  # every figure of `decide` carries the moment of the decision
        self.batch = _whole(self.tags.get(names.TAG_BATCH, ""))

    @property
    def outcome(self) -> str:
        """One of OUTCOMES."""
        told = self.tags.get(names.TAG_OUTCOME, PENDING)
        return told if told in OUTCOMES else PENDING

    def named(self, wanted: Mapping[str, str]) -> dict[str, float]:
        """These figures, those that there are, by the name they get."""
        return {name: self.figures[key] for key, name in wanted.items() if key in self.figures}


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _whole(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None
