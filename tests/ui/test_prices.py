"""What the API's answers become: steps of a waterfall, problems in words. Pure."""

from __future__ import annotations

import itertools
from datetime import date

import pytest

from relevo_contract.values import Came, Day, Number, Rule, Text, ZipCode
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
    ("rule", "came", "in_spanish"),
    [
        (Number(), "three", "como 1200, 1,200 o 1200.5 y llegó 'three'"),
        (Number(), 10**400, "un número finito y llegó"),
        (Number(1, 100), "-4", "se esperaba de 1 a 100 y llegó -4"),
        (Number(1), 0, "1 o más y llegó 0"),
        (Number(high=1), "2", "a lo sumo 1 y llegó 2"),
        (Number(unknown=frozenset({99_999.0})), 99_999, "99,999 significa"),
        (Text(), "x" * 201, "200 caracteres y llegaron 201"),
        (ZipCode(), "123456", "tres a cinco cifras y llegó '123456'"),
        (Day(), 'of 2020 to me, got "it"', "como 2020-05-31 y llegó"),
        (Day(date(1800, 1, 1)), "1700-01-01", "del 1800-01-01 al 9999-12-31 y llegó 1700-01-01"),
    ],
)
def test_what_a_rule_says_of_a_value_is_said_in_a_persons_language(rule: Rule, came: Came, in_spanish: str) -> None:
    problem = rule.read(came).problem
    assert explained(problem) == problem
    assert in_spanish in explained(problem, spanish)


def test_words_of_another_release_stay_as_they_came() -> None:
    assert explained("something {new}", spanish) == "something {new}"
    assert explained(TOO_LONG, spanish) == "más larga de lo que la API de inferencia acepta en una petición"
