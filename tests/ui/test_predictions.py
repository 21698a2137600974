"""How many rows are asked for: few requests whatever is wrong with them, and what stops it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from relevo_ui import predictions
from relevo_ui.api import Answer, Api, Prediction, Serving
from relevo_ui.errors import ApiAway, BadRow, TooMuch
from relevo_ui.problems import TOO_LONG
from tests.serving_process import Running

SERVING = Serving(name="house-prices", version=3, run_id="r", since=datetime(2026, 11, 4, tzinfo=UTC))
Rows = Sequence[Mapping[str, Any]]


class Asked:
    """An API of these limits: it names all that is wrong at once, and predicts nothing if anything is."""

    def __init__(
        self, *, rows: int = 1000, size: int = 1_048_576, then: Callable[[int], None] = lambda _: None
    ) -> None:
        self.requests: list[int] = []
        self._rows, self._size, self._then = rows, size, then

    def __call__(self, rows: Rows) -> Answer:
        self.requests.append(len(rows))
        self._then(len(self.requests))
        size = len(json.dumps({"instances": rows}, ensure_ascii=False, separators=(",", ":")).encode())
        if size > self._size or len(rows) > self._rows:
            raise TooMuch("too much")
        wrong = {(n, name): "wrong" for n, row in enumerate(rows) for name, v in row.items() if v == "x"}
        if wrong:
            raise BadRow("wrong", wrong)
        found = [Prediction(prediction=float(h.get("bed", 0)), low=1, high=2, unseen=[], missing=[]) for h in rows]
        return Answer(predictions=found, model=SERVING)


def test_a_wrong_row_is_told_with_all_that_is_wrong_and_the_others_are_predicted() -> None:
    ask = Asked()
    made = predictions.predict([{"bed": "1"}, {"bed": "x", "city": "x"}, {"bed": "3"}, {"city": "x"}], ask)
    assert {n: p.prediction for n, (p, _) in made.predictions.items()} == {0: 1.0, 2: 3.0}
    assert made.problems == {1: {"bed": "wrong", "city": "wrong"}, 3: {"city": "wrong"}}
    assert ask.requests == [4, 2]
    assert (made.stopped, made.done) == (None, 4)


@pytest.mark.parametrize("every", [1, 2, 7])
def test_it_takes_two_requests_a_part_however_many_rows_are_wrong(every: int) -> None:
    ask, told = Asked(), list[int]()
    wrong = dict.fromkeys(("bed", "bath", "acre_lot", "row_size"), "x")
    rows: list[dict[str, str]] = [wrong if n % every == 0 else {"bed": "2"} for n in range(2000)]
    made = predictions.predict(rows, ask, lambda so_far: told.append(so_far.done))
    assert len(ask.requests) <= 2 * len(rows) / predictions.AT_ONCE
    assert sorted(made.problems) == list(range(0, 2000, every))
    assert made.done == told[-1] == 2000
    assert told == sorted(told)


def test_long_texts_go_in_more_requests_and_none_is_too_long() -> None:
    ask = Asked()
    made = predictions.predict([{"city": "ñ€\n\u0001" * 800}] * 1000, ask)
    assert len(made.predictions) == 1000
    assert max(ask.requests) < 200


def test_a_row_that_is_too_long_alone_is_named_and_the_others_are_predicted() -> None:
    ask = Asked()
    made = predictions.predict([{"bed": "1"}, {"city": "ñ" * 600_000}, {"bed": "2"}], ask)
    assert set(made.predictions) == {0, 2}
    assert made.problems == {1: {predictions.WHOLE: TOO_LONG}}


@pytest.mark.parametrize("limits", [{"rows": 90}, {"size": 3000}, {"rows": 90, "size": 3000}])
def test_an_api_that_takes_less_is_learnt_once(limits: dict[str, int]) -> None:
    ask = Asked(rows=limits.get("rows", 1000), size=limits.get("size", 1_048_576))
    rows = [{"bed": "2", "city": "y" * 40}] * 700 + [{"city": "y" * 4000}] + [{"bed": "x"}] * 300
    made = predictions.predict(rows, ask)
    assert made.done == len(rows)
    assert len(made.predictions) == (700 if "size" in limits else 701)
    assert len(ask.requests) < 80


def test_what_is_away_in_the_middle_loses_nothing_and_is_gone_on_with() -> None:
    def away(request: int) -> None:
        if request == 3:
            raise ApiAway("away")

    ask = Asked(then=away)
    rows = [{"bed": "x" if n == 600 else "2"} for n in range(1200)]
    stopped = predictions.predict(rows, ask)
    assert isinstance(stopped.stopped, ApiAway)
    assert (len(stopped.predictions), stopped.problems) == (500, {600: {"bed": "wrong"}})
    whole = predictions.predict(rows, ask, before=stopped)
    assert (len(whole.predictions), whole.stopped) == (1199, None)
    assert ask.requests == [500, 500, 499, 500, 199]


@pytest.mark.parametrize("fields", [{}, {(7, "bed"): "of nobody"}])
def test_a_refusal_that_names_no_row_of_ours_is_not_asked_for_ever(fields: dict[tuple[int, str], str]) -> None:
    def refuse(rows: Rows) -> Answer:
        raise BadRow("something else", fields)

    made = predictions.predict([{"bed": "1"}], refuse)
    assert isinstance(made.stopped, BadRow)
    assert made.done == 0


def test_a_row_that_the_api_itself_cannot_take_is_named(serving_told: Running) -> None:
    """Before the process that serves."""
    api = Api(serving_told.url, timeout=30)
    made = predictions.predict([{"bed": "3"}] * 300 + [{"city": "€" * 400_000}] + [{"bed": "3"}] * 300, api.predict)
    assert len(made.predictions) == 600
    assert made.problems == {300: {predictions.WHOLE: TOO_LONG}}
    with pytest.raises(TooMuch, match="413"):
        api.predict([{"city": "y" * 3000}] * 400)
    with pytest.raises(TooMuch, match="422"):
        api.predict([{}] * 1001)
