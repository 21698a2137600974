"""docs/decisions.md names every reason, criterion and setting, with the defaults that hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from relevo_contract.record import Criterion, TrainReason
from relevo_contract.settings import variable
from relevo_jobs.decide.policy import RULES, TRAINS
from relevo_jobs.settings import DecideSettings, PromoteSettings, WithClean, WithGroup, WithRegistry

TEXT = (Path(__file__).parents[3] / "docs" / "decisions.md").read_text(encoding="utf-8")
TRAINING, PROMOTION = TEXT.split("## Whether the challenger takes over")
# docs/jobs.md tells of these: they say nothing about how it decides.
SHARED = {*WithGroup.model_fields, *WithClean.model_fields, *WithRegistry.model_fields, "airflow_run"}


def row(text: str, name: str) -> list[str]:
    lines = [line for line in text.splitlines() if line.startswith(f"| `{name}` |")]
    assert len(lines) == 1, f"{name} has {len(lines)} rows"
    return [cell.strip() for cell in lines[0].strip("|").split("|")]


@pytest.mark.parametrize("reason", TrainReason)
def test_every_reason_to_train_has_its_rule(reason: TrainReason) -> None:
    assert row(TRAINING, reason.value)[1] == ("yes" if reason in TRAINS else "no")


def test_the_reasons_stand_in_the_order_of_the_rules() -> None:
    order = [TRAINING.index(f"| `{rule.__name__.removeprefix('_')}") for rule in RULES]
    assert order == sorted(order)


@pytest.mark.parametrize("criterion", Criterion)
def test_every_criterion_has_its_rule(criterion: Criterion) -> None:
    promotes = criterion in {Criterion.BETTER, Criterion.FIRST_BEATS_BASELINE}
    assert row(PROMOTION, criterion.value)[1] == ("yes" if promotes else "no")


@pytest.mark.parametrize(
    ("step", "cls", "field"),
    [
        (step, cls, field)
        for step, cls in (("decide", DecideSettings), ("promote", PromoteSettings))
        for field in cls.model_fields
        if field not in SHARED
    ],
)
def test_every_setting_is_there_with_its_default(
    step: str, cls: type[DecideSettings] | type[PromoteSettings], field: str
) -> None:
    told, default = row(TEXT, variable(cls, field)), cls.model_fields[field].default
    assert step in told[1].split(", ")
    assert told[2] == ("none" if default in (None, "") else str(default))
