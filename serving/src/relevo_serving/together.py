"""Requests that are there at the same moment are priced in one go.

Nobody waits for others to come: what the event loop found readable in one turn is priced at that turn's end. Under load
that is as many requests as there are busy connections, and a house among eight takes two thirds of the time of a house
alone: the model is asked once, and the code stays warm. A request that is alone goes the straight way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from relevo_contract.listing import House
from relevo_serving.model import Model
from relevo_serving.pricing import Priced, price, price_each

Waiting = tuple[Model, list[House], "asyncio.Future[Priced]"]


class Together:
    """Prices few houses at a time, on the event loop; `crowd` tells how many requests are under way."""

    def __init__(self, crowd: Callable[[], int]) -> None:
        self._crowd = crowd
        self._waiting: list[Waiting] = []

    async def price(self, model: Model, houses: list[House]) -> Priced:
        """As `pricing.price`."""
        if self._crowd() <= 1:
            return price(model, houses)
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._price_all)  # after the tasks that are ready now
        priced: asyncio.Future[Priced] = loop.create_future()
        self._waiting.append((model, houses, priced))
        return await priced

    def _price_all(self) -> None:
        waiting, self._waiting = self._waiting, []
        while waiting:
            model = waiting[0][0]  # two of them at the moment of a swap
            of_it = [one for one in waiting if one[0] is model]
            waiting = [one for one in waiting if one[0] is not model]
            self._price_with(model, of_it)

    @staticmethod
    def _price_with(model: Model, waiting: list[Waiting]) -> None:
        try:
            found = price_each(model, [houses for _, houses, _ in waiting])
        except Exception as error:
            for _, _, future in waiting:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, _, future), priced in zip(waiting, found, strict=True):
            if not future.done():  # its client may have gone
                future.set_result(priced)
