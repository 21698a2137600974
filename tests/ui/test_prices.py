"""What the API's answers become: steps of a waterfall, problems in words. Pure."""

from __future__ import annotations

import itertools

import pytest

from relevo_ui import contributions, model_charts
from relevo_ui.api import Contribution, Explanation
from relevo_ui.language import spanish
from relevo_ui.problems import TOO_LONG, explained


def part(feature: str, dollars: float, *inputs: str) -> Contribution:
    return Contribution(feature=feature, inputs=list(inputs), value=1.0, dollars=dollars)


EXPLANATION = Explanation(
    price=150.0,
    base_price=100.0,
    contributions=[
        part("price_by_zip_code", 60.0, "zip_code", "city", "state"),
        part("price_by_state", -20.0, "state"),
        part("house_size", 30.0, "house_size"),
        part("price_by_size", 5.0, "house_size", "zip_code"),
        part("additive_price", -25.0, "house_size", "bed", "zip_code", "brokered_by", "status"),
    ],
)


def test_the_steps_lead_from_the_base_price_to_the_price() -> None:
    steps = contributions.steps(EXPLANATION)
    assert [(s.label, s.dollars) for s in steps] == [
        ("place", 40.0),
        ("house size", 30.0),
        ("the house as a whole", -25.0),
        ("place and house size", 5.0),
    ]
    assert steps[0].start == 100.0
    assert steps[-1].end == pytest.approx(150.0)
    assert all(a.end == b.start for a, b in itertools.pairwise(steps))


def test_what_is_over_is_one_step_and_nothing_is_lost() -> None:
    steps = contributions.steps(EXPLANATION, most=2)
    assert [s.label for s in steps] == ["place", "3 more"]
    assert steps[-1].end == pytest.approx(150.0)


def test_a_waterfall_says_each_step_in_dollars_and_in_words() -> None:
    drawn = str(model_charts.waterfall(100.0, contributions.steps(EXPLANATION, spanish), 150.0, spanish).to_dict())
    for words in ("+$40", "−$25", "lugar", "una casa promedio", "baja el precio", "$150"):
        assert words in drawn


@pytest.mark.parametrize(
    ("problem", "english", "in_spanish"),
    [
        ("Input should be greater than or equal to 0", "must be at least 0", "debe ser al menos 0"),
        ("String should have at most 200 characters", "may have at most 200 characters", "a lo sumo 200"),
        ("Input should be a valid number, unable to parse string as a number", "must be a number", "un número"),
        (TOO_LONG, TOO_LONG, "acepta en una petición"),
        ("something of a later release", "something of a later release", "something of a later release"),
    ],
)
def test_what_is_wrong_with_a_value_is_said_in_a_persons_words(problem: str, english: str, in_spanish: str) -> None:
    assert explained(problem) == english
    assert in_spanish in explained(problem, spanish)
