"""Requests that come at the same moment are priced together, and each is answered as if it were alone."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from numpy.typing import NDArray

from relevo_contract.listing import House
from relevo_serving import model
from relevo_serving.model import Model
from relevo_serving.pricing import Priced, price, price_each
from relevo_serving.together import Together
from tests.serving.test_model import houses_of


class Counted:
    """A model that counts how often it is asked."""

    def __init__(self, loaded: Model) -> None:
        self._loaded, self.asked = loaded, 0

    def begin(self, houses: Sequence[House]) -> Any:
        self.asked += 1
        return self._loaded.begin(houses)


Pricing = Together[Any, list[House], Priced]


def pricing(crowd: int) -> Pricing:
    return Together(price_each, lambda: crowd)


def at_once(together: Pricing, *requests: tuple[Any, list[House]]) -> list[Any]:
    async def ask() -> list[Any]:
        asked = (together.do(of, houses) for of, houses in requests)
        return list(await asyncio.gather(*asked, return_exceptions=True))

    return asyncio.run(ask())


@pytest.fixture(scope="module")
def houses(listings: Mapping[str, NDArray[Any]]) -> list[House]:
    return houses_of(listings)[:60]


def test_each_gets_its_own_answer_of_one_question(bundles: tuple[Path, Path], houses: list[House]) -> None:
    loaded = model.load(bundles[0])
    counted: Any = Counted(loaded)
    requests = [houses[:1], houses[1:4], houses[4:5], houses[5:60]]
    found: list[Priced] = at_once(pricing(4), *((counted, one) for one in requests))
    assert counted.asked == 1
    for request, priced in zip(requests, found, strict=True):
        alone = price(loaded, request)
        for told, expected in zip(priced.predictions, alone.predictions, strict=True):
            assert told == expected | {
                name: pytest.approx(expected[name], rel=1e-6) for name in ("price", "low", "high")
            }


def test_the_loop_reads_on_while_others_come(bundles: tuple[Path, Path], houses: list[House]) -> None:
    counted: Any = Counted(model.load(bundles[0]))
    together = pricing(3)

    async def ask(turns: int) -> Priced:
        for _ in range(turns):
            await asyncio.sleep(0)
        return await together.do(counted, houses[turns : turns + 1])

    async def all_of_them() -> list[Priced]:
        return list(await asyncio.gather(*(ask(turns) for turns in (9, 2, 1, 0))))

    found = asyncio.run(all_of_them())
    assert [len(one.predictions) for one in found] == [1, 1, 1, 1]
    assert counted.asked == 2  # the one that comes six turns later is not waited for


def test_one_alone_goes_the_straight_way(bundles: tuple[Path, Path], houses: list[House]) -> None:
    counted: Any = Counted(model.load(bundles[0]))
    found = at_once(pricing(1), (counted, houses[:1]), (counted, houses[1:2]))
    assert counted.asked == 2
    assert len(found) == 2


def test_in_the_moment_of_a_swap_each_is_priced_by_the_version_it_began_with(
    bundles: tuple[Path, Path], houses: list[House]
) -> None:
    old, new = (model.load(folder) for folder in bundles)
    found = at_once(pricing(3), (old, houses[:1]), (new, houses[:1]), (old, houses[:1]))
    assert found[0].predictions == found[2].predictions == price(old, houses[:1]).predictions
    assert found[1].predictions == price(new, houses[:1]).predictions != found[0].predictions


def test_a_failure_reaches_all_and_holds_up_nobody_after(bundles: tuple[Path, Path], houses: list[House]) -> None:
    class Failing:
        def begin(self, _: Sequence[House]) -> Any:
            raise ZeroDivisionError

    together = pricing(2)
    failing: Any = Failing()
    assert all(
        isinstance(e, ZeroDivisionError) for e in at_once(together, (failing, houses[:1]), (failing, houses[:1]))
    )
    loaded = model.load(bundles[0])
    assert at_once(together, (loaded, houses[:1]))[0].predictions == price(loaded, houses[:1]).predictions


def test_a_client_that_left_takes_nobody_with_it(bundles: tuple[Path, Path], houses: list[House]) -> None:
    loaded, together = model.load(bundles[0]), pricing(2)

    async def ask() -> Priced:
        leaving = asyncio.ensure_future(together.do(loaded, houses[:1]))
        staying = asyncio.ensure_future(together.do(loaded, houses[1:2]))
        await asyncio.sleep(0)
        leaving.cancel()
        return await staying

    assert asyncio.run(ask()).predictions == price(loaded, houses[1:2]).predictions
