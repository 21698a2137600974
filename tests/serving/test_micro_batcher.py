"""Requests that come at the same moment are predicted together, and each is answered as if it were alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from numpy.typing import NDArray

from relevo_serving.micro_batcher import MOST, MicroBatcher
from relevo_serving.model import Model
from relevo_serving.predicting import Predicted, predict_each
from relevo_serving.rows import Rows, as_json
from tests.serving.test_model import rows_of

Rowful = list[Any]


class Predicting:
    """A version's predictions, and how many requests each batch had."""

    def __init__(self, model: Model) -> None:
        self.reading = Rows(model, 1000)
        self.batches: list[int] = []
        self._model = model

    def __call__(self, requests: Sequence[Rowful]) -> list[Predicted]:
        self.batches.append(len(requests))
        return predict_each(self._model, requests)


@pytest.fixture
def predicting(models: tuple[Model, Model]) -> Predicting:
    return Predicting(models[0])


@pytest.fixture
def rows(predicting: Predicting, listings: Mapping[str, NDArray[Any]]) -> Rowful:
    sent = [{name: as_json(value) for name, value in row.items()} for row in rows_of(listings)[:60]]
    return predicting.reading.of(sent)


def at_once(work: Callable[[Sequence[Any]], Sequence[Any]], *requests: Any) -> list[Any]:
    async def ask() -> list[Any]:
        batcher: MicroBatcher[Any, Any] = MicroBatcher(work, lambda: False)
        return list(await asyncio.gather(*map(batcher.do, requests), return_exceptions=True))

    return asyncio.run(ask())


def test_each_gets_its_own_answer_of_one_question(predicting: Predicting, rows: Rowful) -> None:
    requests = [rows[:1], rows[1:4], rows[4:5], rows[5:60]]
    found: list[Predicted] = at_once(predicting, *requests)
    assert predicting.batches == [4]
    for request, predicted in zip(requests, found, strict=True):
        (alone,) = predicting([request])
        assert predicted.rows == alone.rows
        for told, expected in zip(predicted.predictions, alone.predictions, strict=True):
            assert told == expected | {
                name: pytest.approx(expected[name], rel=1e-6) for name in ("prediction", "low", "high")
            }


def test_nobody_waits_for_a_request_that_is_not_there(predicting: Predicting, rows: Rowful) -> None:
    async def ask() -> None:
        batcher: MicroBatcher[Rowful, Predicted] = MicroBatcher(predicting, lambda: False)

        async def later(turns: int) -> Predicted:
            for _ in range(turns):
                await asyncio.sleep(0)
            return await batcher.do(rows[turns : turns + 1])

        await asyncio.gather(*(later(turns) for turns in (9, 0, 0)))

    asyncio.run(ask())
    assert predicting.batches == [2, 1]


def test_one_alone_goes_the_straight_way(predicting: Predicting, rows: Rowful) -> None:
    async def ask() -> Predicted:
        batcher: MicroBatcher[Rowful, Predicted] = MicroBatcher(predicting, lambda: True)
        asked = batcher.do(rows[:1])
        with pytest.raises(StopIteration) as answered:
            asked.send(None)  # without a turn of the event loop
        found: Predicted = answered.value.value
        return found

    assert asyncio.run(ask()) == predicting([rows[:1]])[0]


def test_a_batch_is_bounded(predicting: Predicting, rows: Rowful) -> None:
    found = at_once(predicting, *[rows[:1]] * (2 * MOST + 1))
    assert predicting.batches == [MOST, MOST, 1]
    assert len(found) == 2 * MOST + 1


def test_one_at_fault_fails_alone_and_holds_up_nobody(predicting: Predicting, rows: Rowful) -> None:
    def work(requests: Sequence[Rowful | None]) -> list[Predicted]:
        if None in requests:
            raise ZeroDivisionError
        return predicting([request for request in requests if request is not None])

    first, failed, last = at_once(work, rows[:1], None, rows[1:2])
    assert isinstance(failed, ZeroDivisionError)
    assert first == predicting([rows[:1]])[0]
    assert last == predicting([rows[1:2]])[0]


def test_a_client_that_left_takes_nobody_with_it(predicting: Predicting, rows: Rowful) -> None:
    async def ask() -> Predicted:
        batcher: MicroBatcher[Rowful, Predicted] = MicroBatcher(predicting, lambda: False)
        leaving = asyncio.ensure_future(batcher.do(rows[:1]))
        staying = asyncio.ensure_future(batcher.do(rows[1:2]))
        await asyncio.sleep(0)
        leaving.cancel()
        return await staying

    told, expected = asyncio.run(ask()).predictions[0], predicting([rows[1:2]])[0].predictions[0]
    assert told["prediction"] == pytest.approx(expected["prediction"], rel=1e-6)
