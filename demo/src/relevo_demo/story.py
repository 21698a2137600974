"""One row per batch, from what the steps said; the table, the JSON and the summary are made from it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from relevo_contract.data_set import DataSet

Body = Mapping[str, Any]
"""A step's last line."""
WALL = "wall_seconds"
"""What the demo adds to it: seconds from the process's start to its end, retries included."""
ROW_ALONE = frozenset({"champion_version", "step_seconds"})
"""What the table or a benchmark shows and the JSON file does not."""


@dataclass(frozen=True)
class Row:
    """What happened with one batch. Errors are the task's headline figures (`relevo_contract.tasks`)."""

    number: int
    rows: int | None
    moved: list[str]
    trained: bool
    why: str
    version: int | None
    champion_version: int | None
    champion_error: float | None
    champion_interval: list[float] | None
    """95 %."""
    challenger_error: float | None
    challenger_interval: list[float] | None
    promoted: bool | None
    """None where nothing was trained."""
    criterion: str | None
    seconds: float
    step_seconds: dict[str, float] = field(default_factory=dict)
    """By step that ran, from its process's start to its end, retries included."""

    def kept(self) -> dict[str, Any]:
        """All of it, as the state keeps it."""
        return asdict(self)

    def as_json(self) -> dict[str, Any]:
        """The row as the JSON file tells it."""
        return {name: value for name, value in asdict(self).items() if name not in ROW_ALONE}


def _estimate(found: Body | None) -> tuple[float | None, list[float] | None]:
    if not found:
        return None, None
    return float(found["value"]), [float(found["low"]), float(found["high"])]


def row(bodies: Mapping[str, Body], seconds: float) -> Row:
    """The row of a batch from its steps' last lines, by step; steps that did not run are absent.

    Where nothing was trained the champion's error is the one on this batch; else both are on the held-out rows that
    decided the promotion.
    """
    collect, decide = bodies.get("collect", {}), bodies.get("decide", {})
    train, promote = bodies.get("train", {}), bodies.get("promote", {})
    champion, champion_interval = _estimate(promote.get("champion_error") or decide.get("error"))
    challenger, challenger_interval = _estimate(promote.get("challenger_error"))
    number = next((b["batch"] for b in (collect, bodies.get("clean", {}), decide) if b.get("batch") is not None), 0)
    return Row(
        number=int(number),
        rows=collect.get("rows"),
        moved=list(decide.get("moved") or []),
        trained=train.get("version") is not None,
        why=str(decide.get("sentence", "")),
        version=train.get("version"),
        champion_version=promote.get("champion_version", decide.get("champion_version")),
        champion_error=champion,
        champion_interval=champion_interval,
        challenger_error=challenger,
        challenger_interval=challenger_interval,
        promoted=promote.get("promoted"),
        criterion=promote.get("criterion"),
        seconds=round(seconds, 2),
        step_seconds={step: float(body[WALL]) for step, body in bodies.items() if WALL in body},
    )


def production(rows: Sequence[Row]) -> dict[str, Any]:
    """The version in production, its error where it was last compared and the interval of that; all None before the
    first promotion.
    """
    version: int | None = None
    error: float | None = None
    interval: list[float] | None = None
    for told in rows:
        if told.promoted:
            version, error, interval = told.version, told.challenger_error, told.challenger_interval
        elif told.promoted is False and told.champion_version == version and version is not None:
            error, interval = told.champion_error, told.champion_interval
    return {"version": version, "error": error, "interval": interval}


def whole(rows: Sequence[Row], use_case: str, data: DataSet) -> dict[str, Any]:
    """The story as the JSON file tells it, with what its errors are."""
    terms = {"use_case": use_case, "task": data.task, "figure": data.predicts.figure, "unit": data.unit}
    return {**terms, "batches": [told.as_json() for told in rows], "production": production(rows)}
