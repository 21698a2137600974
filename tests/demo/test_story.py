"""The rows that the table, the JSON and the summary are made from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from relevo_contract.data_set import DataSet
from relevo_contract.values import Either, Number
from relevo_demo.screen import WIDTHS, cells, lines
from relevo_demo.story import Row, production, row, whole
from tests.houses import LISTINGS

KEYS = {
    "number", "rows", "moved", "trained", "why", "version", "champion_error", "challenger_error", "promoted",
    "criterion", "seconds", "champion_interval", "challenger_interval",
}  # fmt: skip
DEGREES = DataSet("weather", ("x", "y"), "y", ("x",), rules={"y": Number(unit="degrees")})
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
    def came(version: int | None, error: float | None) -> dict[str, Any]:
        return {"version": version, "error": error, "interval": None if version is None else [0.1, 0.9]}

    assert production([]) == came(None, None)
    first = told(1, 1, True, 0.6, 0.25)
    assert production([first]) == came(1, 0.25)
    assert production([first, told(2, None, None, 0.4, None)]) == came(1, 0.25)
    assert production([first, told(3, 2, False, 0.27, 0.28)]) == came(1, 0.27)
    assert production([first, told(3, 2, True, 0.27, 0.2)]) == came(2, 0.2)


def test_the_whole_story_has_the_batches_and_production() -> None:
    story = whole([told(1, 1, True, 0.6, 0.25)], "house-prices", LISTINGS)
    assert set(story) == {"use_case", "task", "figure", "unit", "batches", "production"}
    assert (story["task"], story["figure"], story["unit"]) == ("positive-number", "median error", "US dollars")


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (LISTINGS, "30.0 %\n28.0 to 32.0"),
        (replace(DEGREES, task="number"), "0.3 degrees\n0.28 to 0.32"),
        (replace(DEGREES, task="binary", rules={"y": Either("bad")}), "0.3\n0.28 to 0.32"),
    ],
    ids=["positive-number", "number", "binary"],
)
def test_a_row_has_a_cell_for_each_column_in_the_task_s_terms(data: DataSet, shown: str) -> None:
    bodies = {"collect": COLLECT, "decide": decide(True), "train": {"version": 2}, "promote": promote(False)}
    made = cells(data, row(bodies, 1))
    assert len(made) == len(WIDTHS)
    assert made[5] == f"{shown}\n(v1)"
    assert "rejected" in made[7]
    assert "not better" in made[7]
    assert any(shown.replace("\n", " (") in line for line in lines(data, row(bodies, 1)))
