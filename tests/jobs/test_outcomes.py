"""Where the target is one of two outcomes, a training needs rows of each: with one alone there is nothing to learn."""

from __future__ import annotations

from pathlib import Path

import pytest

from relevo_jobs.needs import Needs, Sides
from relevo_jobs.stores.clean import CleanPart, open_clean
from relevo_jobs.use_case import load
from tests.conftest import Databases

LOANS = Path(__file__).parents[2] / "use_cases" / "lending-club" / "use_case.yaml"


@pytest.mark.parametrize(
    ("positive", "lacks"),
    [(0, "there are 0 positive and 100"), (9, "9 positive"), (95, "95 positive and 5"), (10, None)],
)
def test_each_outcome_is_needed(positive: int, lacks: str | None) -> None:
    said = Needs(each=10).lacking(Sides(100, 10, positive))
    assert said is None if lacks is None else lacks in str(said)


def test_a_number_has_no_outcomes() -> None:
    assert Needs().lacking(Sides(100, 10)) is None


def test_the_rows_to_train_on_are_counted_by_outcome(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSFILE", databases.env["PGPASSFILE"])
    use_case = load(LOANS)
    data = use_case.data
    kept = [
        (
            str(row),
            *(
                "1.0" if name == data.target and row < 7 else "0.0" if name == data.target else None
                for name in data.typed
            ),
            held,
        )
        for row, held in enumerate(["f"] * 40 + ["t"] * 10)
    ]
    with open_clean(databases.clean_url, 1, data) as store:
        store.add(1, "a" * 64, 50, [CleanPart(kept)])
        sides = store.sides(1, ())
    assert sides == Sides(40, 10, 7)
    assert "7 positive and 33 negative" in str(use_case.least.lacking(sides))
