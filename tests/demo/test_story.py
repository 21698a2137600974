"""The rows that the table, the JSON and the summary are made from."""

from __future__ import annotations

from typing import Any

from relevo_demo.screen import WIDTHS, cells
from relevo_demo.story import Row, production, row, whole

KEYS = {
    "number", "rows", "moved", "trained", "why", "version", "champion_error", "challenger_error", "promoted",
    "criterion", "seconds", "champion_interval", "challenger_interval",
}  # fmt: skip
COLLECT: dict[str, Any] = {"step": "collect", "status": "done", "batch": 3, "rows": 564}
CLEAN: dict[str, Any] = {"step": "clean", "status": "done", "batch": 3, "kept": 560}


def estimate(value: float) -> dict[str, float]:
    return {"value": value, "low": value - 0.02, "high": value + 0.02}


def decide(train: bool) -> dict[str, Any]:
    return {
        "step": "decide", "batch": 3, "train": train, "moved": ["state"], "sentence": "it moved", "champion_version": 1,
        "error": estimate(0.5),
    }  # fmt: skip


def promote(promoted: bool, champion: float = 0.3, challenger: float = 0.2) -> dict[str, Any]:
    return {
        "batch": 3, "version": 2, "promoted": promoted, "criterion": "better" if promoted else "not_better",
        "champion_version": 1, "champion_error": estimate(champion), "challenger_error": estimate(challenger),
    }  # fmt: skip


def told(number: int, version: int | None, promoted: bool | None, champion: float, challenger: float | None) -> Row:
    return Row(
        number=number, rows=100, moved=[], trained=version is not None, why="", version=version,
        champion_version=None if number == 1 else 1, champion_error=champion, champion_interval=[0.1, 0.9],
        challenger_error=challenger, challenger_interval=None if challenger is None else [0.1, 0.9], promoted=promoted,
        criterion=None, seconds=1.0,
    )  # fmt: skip


def test_a_batch_that_called_for_no_training() -> None:
    made = row({"collect": COLLECT, "clean": CLEAN, "decide": decide(False)}, 2.345)
    assert set(made.as_json()) == KEYS
    assert Row(**made.kept()) == made
    assert (made.number, made.rows, made.moved, made.why) == (3, 564, ["state"], "it moved")
    assert (made.trained, made.version, made.promoted, made.criterion) == (False, None, None, None)
    assert (made.champion_error, made.challenger_error) == (0.5, None)
    assert made.seconds == 2.35


def test_a_batch_that_was_trained_on_is_told_by_its_comparison() -> None:
    bodies = {
        "collect": COLLECT,
        "clean": CLEAN,
        "decide": decide(True),
        "train": {"version": 2},
        "promote": promote(True),
    }
    made = row(bodies, 1.0)
    assert (made.trained, made.version, made.promoted, made.criterion) == (True, 2, True, "better")
    assert (made.champion_error, made.challenger_error) == (0.3, 0.2)
    assert made.champion_interval == [0.3 - 0.02, 0.3 + 0.02]


def test_production_is_the_last_promoted_version_with_its_newest_error() -> None:
    assert production([]) == {"version": None, "error": None}
    first = told(1, 1, True, 0.6, 0.25)
    assert production([first]) == {"version": 1, "error": 0.25}
    assert production([first, told(2, None, None, 0.4, None)]) == {"version": 1, "error": 0.25}
    assert production([first, told(3, 2, False, 0.27, 0.28)]) == {"version": 1, "error": 0.27}
    assert production([first, told(3, 2, True, 0.27, 0.2)]) == {"version": 2, "error": 0.2}


def test_the_whole_story_has_the_batches_and_production() -> None:
    assert set(whole([told(1, 1, True, 0.6, 0.25)])) == {"batches", "production"}


def test_a_row_has_a_cell_for_each_column_and_shows_what_came() -> None:
    shown = cells(
        row({"collect": COLLECT, "decide": decide(True), "train": {"version": 2}, "promote": promote(False)}, 1)
    )
    assert len(shown) == len(WIDTHS)
    assert "28.0–32.0 %" in shown[5]
    assert "rejected" in shown[7]
    assert "not better" in shown[7]
