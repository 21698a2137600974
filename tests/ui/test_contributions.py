"""What the API's answers become: steps of a waterfall, problems in words. Pure."""

from __future__ import annotations

import itertools
from datetime import date

import pytest

from relevo_contract.values import AnyRule, Boolean, Came, Day, Number, Text, ZipCode
from relevo_ui import contributions, model_charts
from relevo_ui.api import Base, Contribution, Explanation
from relevo_ui.language import spanish
from relevo_ui.problems import TOO_LONG, explained
from tests.ui.words import EN, ES


def part(column: str, dollars: float, value: float | str | None = None) -> Contribution:
    return Contribution(column=column, value=value, contribution=dollars)


BASE = Base(
    prediction=100.0,
    inputs={"bed": 3.0, "acre_lot": None, "house_size": 1500.0, "status": "for_sale", "city": "san juan"},
)
EXPLANATION = Explanation(
    prediction=150.0,
    base=BASE,
    contributions=[
        part("city", 60.0, "Ponce"),
        part("house_size", -25.0, 1200.5),
        part("acre_lot", 12.0),
        part("brokered_by", 8.0),
        part("bed", -5.0),
        part("status", 0.0, "for_sale"),
    ],
)


def test_the_steps_lead_from_the_typical_row_to_the_prediction_column_by_column() -> None:
    steps = contributions.steps(EXPLANATION, EN, {"bed"})
    assert [(s.label, s.amount) for s in steps] == [
        ("city Ponce", 60.0),
        ("house size 1,200.5", -25.0),
        ("not given: lot and broker", 20.0),
        ("bedrooms (no value)", -5.0),
    ]
    assert steps[0].start == 100.0
    assert steps[-1].end == pytest.approx(150.0)
    assert all(a.end == b.start for a, b in itertools.pairwise(steps))


def test_what_is_over_is_one_step_and_nothing_is_lost() -> None:
    steps = contributions.steps(EXPLANATION, EN, most=2)
    assert [s.label for s in steps] == ["city Ponce", "2 more"]
    assert steps[-1].end == pytest.approx(150.0)


def test_the_typical_row_is_told_by_what_is_known_of_it() -> None:
    assert contributions.described(BASE.inputs, EN) == "bedrooms 3, house size 1,500, status for sale and city San Juan"
    assert contributions.described(BASE.inputs, ES) == (
        "dormitorios 3, superficie 1,500, situación en venta y ciudad San Juan"
    )
    assert contributions.described({}, EN) == ""


def test_a_waterfall_says_each_step_in_its_unit_and_in_words() -> None:
    drawn = str(model_charts.waterfall(100.0, contributions.steps(EXPLANATION, ES), 150.0, ES).to_dict())
    for words in ("+$60", "−$25", "ciudad Ponce", "una fila típica", "sin dato: terreno", "la baja", "$150"):
        assert words in drawn


def test_a_waterfalls_rows_are_in_the_order_of_its_own_steps() -> None:
    """A page that draws a second picture in the first one's place would keep the first one's order otherwise."""
    for explanation in (EXPLANATION, EXPLANATION.model_copy(update={"contributions": EXPLANATION.contributions[2:]})):
        steps = contributions.steps(explanation, EN)
        drawn = model_charts.waterfall(100.0, steps, 150.0, EN).to_dict()
        ordered = [label.replace("|", " ") for label in drawn["layer"][0]["encoding"]["y"]["sort"]]
        assert ordered == ["a typical row", *(step.label for step in steps), "this row"]


def test_a_long_value_is_cut_in_a_picture() -> None:
    for text in ("x" * 200, "Llanfair pwll " * 14):
        told = contributions.named("city", text, EN)
        assert len(told) <= len("city ") + 40


@pytest.mark.parametrize(
    ("rule", "came", "in_spanish"),
    [
        (Number(whole=True), 2.5, "un número entero y llegó 2.5"),
        (Boolean(), "maybe", "true o false y llegó 'maybe'"),
        (Day(format="%d/%m/%Y"), "x", "como 31/05/2020 y llegó 'x'"),
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
def test_what_a_rule_says_of_a_value_is_said_in_a_persons_language(rule: AnyRule, came: Came, in_spanish: str) -> None:
    read = rule.read(came)
    problem = read.doubt or read.error
    assert explained(problem) == problem
    assert in_spanish in explained(problem, spanish)


def test_words_of_another_release_stay_as_they_came() -> None:
    assert explained("something {new}", spanish) == "something {new}"
    assert explained(TOO_LONG, spanish) == "más larga de lo que la API de inferencia acepta en una petición"
