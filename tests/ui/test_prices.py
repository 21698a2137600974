"""What is asked of the API and what its answers become: files of houses, problems, steps of a waterfall. Pure."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from relevo_contract.listing import House
from relevo_ui import contributions, house_file, model_charts, pricing
from relevo_ui.api import Answer, Contribution, Explanation, Prediction, Serving
from relevo_ui.errors import BadHouse
from relevo_ui.language import spanish
from relevo_ui.problems import explained

SERVING = Serving(name="house-prices", version=3, run_id="r", since=datetime(2026, 11, 4, tzinfo=UTC))


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


def test_a_file_of_houses_is_read_by_its_names_whatever_their_spelling() -> None:
    file = house_file.read("\ufeffBed;House Size;zip code;note\n3; 920 ;00601;mine\n;;n/a;\n".encode())
    assert file.houses == ({"bed": "3", "house_size": "920", "zip_code": "00601"}, {})
    assert file.ignored == ("note",)
    assert file.rows[0]["note"] == "mine"
    for house in house_file.read(house_file.EXAMPLE.encode()).houses:
        House.model_validate(house)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "a first line with names"),
        (b"a,b\n1,2\n", "a first line with names"),
        (b"bed,bath\n", "at least one house"),
        (b"bed\n\xff\n", "in UTF-8"),
        (b"bed\n" + b"1\n" * (house_file.MOST_ROWS + 1), "at most"),
    ],
)
def test_a_file_that_is_none_is_told_what_was_expected(content: bytes, said: str) -> None:
    with pytest.raises(house_file.FileError, match=said) as told:
        house_file.read(content)
    assert spanish(told.value.text, **told.value.values) != told.value.text.format(**told.value.values)


def answer(houses: Sequence[Mapping[str, Any]]) -> Answer:
    """As the API: none is priced if one is wrong."""
    wrong = {(n, "bed"): "Input should be greater than or equal to 0" for n, h in enumerate(houses) if h["bed"] < 0}
    if wrong:
        raise BadHouse("wrong", wrong)
    priced = [Prediction(price=1000.0 * h["bed"], low=1, high=2, unseen=[], missing=[]) for h in houses]
    return Answer(predictions=priced, model=SERVING)


def test_a_wrong_house_is_told_and_the_others_are_priced() -> None:
    asked: list[int] = []

    def ask(houses: Sequence[Mapping[str, Any]]) -> Answer:
        asked.append(len(houses))
        return answer(houses)

    priced = pricing.price([{"bed": bed} for bed in (1, -2, 3, 4, -5)], ask, at_once=3)
    assert {n: p.price for n, (p, _) in priced.predictions.items()} == {0: 1000.0, 2: 3000.0, 3: 4000.0}
    assert set(priced.problems) == {1, 4}
    assert asked == [3, 2, 2, 1]


def test_a_refusal_that_names_no_house_is_not_asked_for_ever() -> None:
    def refuse(houses: Sequence[Mapping[str, Any]]) -> Answer:
        raise BadHouse("more than 100 houses", {})

    with pytest.raises(BadHouse, match="more than 100"):
        pricing.price([{"bed": 1}], refuse)


def test_predictions_come_back_as_csv_beside_what_was_sent_and_no_formula_comes_of_them() -> None:
    file = house_file.read(b"bed,note\n2,=1+1\n-1,-3\n")
    priced = pricing.price([{"bed": int(h["bed"])} for h in file.houses], answer)
    told = house_file.table(file, priced.predictions, {1: "bed: must be at least 0"})
    rows = list(csv.DictReader(io.StringIO(house_file.written(told))))
    assert rows[0] | {"low": "", "high": ""} == {
        "bed": "2", "note": "'=1+1", "predicted_price": "2000.0", "low": "", "high": "", "unseen": "", "version": "3",
        "problem": "",
    }  # fmt: skip
    assert (rows[1]["predicted_price"], rows[1]["problem"], rows[1]["note"]) == ("", "bed: must be at least 0", "-3")


@pytest.mark.parametrize(
    ("problem", "english", "in_spanish"),
    [
        ("Input should be greater than or equal to 0", "must be at least 0", "debe ser al menos 0"),
        ("String should have at most 200 characters", "may have at most 200 characters", "a lo sumo 200"),
        ("Input should be a valid number, unable to parse string as a number", "must be a number", "un número"),
        ("something of a later release", "something of a later release", "something of a later release"),
    ],
)
def test_what_is_wrong_with_a_value_is_said_in_a_persons_words(problem: str, english: str, in_spanish: str) -> None:
    assert explained(problem) == english
    assert in_spanish in explained(problem, spanish)
