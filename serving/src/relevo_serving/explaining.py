"""Why a prediction is what it is: Shapley values of the raw columns, whatever the graph is made of. Pure.

A row is explained against one other, the typical row. The value of a coalition of columns is the graph's prediction for
the row that has these columns from the asked row and all others from the typical one; a column's Shapley value is its
mean marginal contribution over all orders in which the columns may join (Shapley 1953, "A Value for n-Person Games";
Lundberg & Lee 2017, "A Unified Approach to Interpreting Model Predictions"; with one row as background: Sundararajan &
Najmi 2020, "The Many Shapley Values for Model Explanation", baseline Shapley). The values add up to the difference of
the two predictions, and a column in which the rows are equal has the value 0.

Up to EVALUATIONS coalitions are all enumerated, in one call of the graph. Above that the mean is over orders drawn in
antithetic pairs, one and its reverse, of as many evaluations (Castro, Gómez & Tejada 2009, "Polynomial calculation
of the Shapley value based on sampling"; Mitchell et al. 2022, "Sampling Permutations for Shapley Value Estimation").
"""

from __future__ import annotations

from collections.abc import Callable
from math import comb
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from relevo_contract.graph_inputs import Feeds

EVALUATIONS: Final = 2_048
"""Most rows that the graph is asked for one explanation: all coalitions of eleven columns."""
Values = NDArray[np.float64]
Worth = Callable[[NDArray[np.bool_]], Values]
"""From coalitions, (c, players) of whether a player is in it, to their values, (c,)."""


def shapley_values(
    run: Callable[[Feeds], NDArray[Any]], asked: Feeds, typical: Feeds, most: int = EVALUATIONS
) -> tuple[float, dict[str, float]]:
    """The typical row's prediction, and by column the part of the asked row's; both feeds are of one row."""
    players = [name for name in asked if not _same(asked[name], typical[name])]

    def worth(coalitions: NDArray[np.bool_]) -> Values:
        feeds = {name: np.repeat(feed, len(coalitions), axis=0) for name, feed in typical.items()}
        for place, name in enumerate(players):
            feeds[name] = np.where(coalitions[:, place], asked[name], typical[name])
        return run(feeds).astype(np.float64)

    base = float(worth(np.zeros((1, len(players)), dtype=bool))[0])
    if not players:
        return base, dict.fromkeys(asked, 0.0)
    parts = _exact(worth, len(players)) if 2 ** len(players) <= most else _sampled(worth, len(players), most)
    return base, dict.fromkeys(asked, 0.0) | dict(zip(players, parts.tolist(), strict=True))


def _same(one: NDArray[Any], other: NDArray[Any]) -> bool:
    return bool(one[0] == other[0] or (one[0] != one[0] and other[0] != other[0]))  # NaN


def _exact(worth: Worth, players: int) -> Values:
    """Over all coalitions; the bit `1 << player` of a coalition's number says whether the player is in it."""
    numbers = np.arange(2**players)
    inside = (numbers[:, np.newaxis] >> np.arange(players)) & 1 == 1
    values = worth(inside)
    weights = np.array([1 / (players * comb(players - 1, size)) for size in range(players)])
    sizes = inside.sum(axis=1)
    parts = np.empty(players)
    for player in range(players):
        without = numbers[~inside[:, player]]
        parts[player] = weights[sizes[without]] @ (values[without | 1 << player] - values[without])
    return parts


def _sampled(worth: Worth, players: int, most: int) -> Values:
    """Over permutations and their reverses, always the same ones: an explanation asked twice is one."""
    pairs = max(1, most // (2 * players))
    drawn = np.random.default_rng(0).permuted(np.tile(np.arange(players), (pairs, 1)), axis=1)
    orders = np.concatenate([drawn, drawn[:, ::-1]])
    places = np.argsort(orders, axis=1)
    # Coalition k of an order has its first k players; (orders, players + 1, players).
    coalitions = places[:, np.newaxis, :] < np.arange(players + 1)[np.newaxis, :, np.newaxis]
    different, which = np.unique(
        np.packbits(coalitions, axis=-1).reshape(-1, -(-players // 8)), axis=0, return_inverse=True
    )
    unpacked = np.unpackbits(different, axis=-1, count=players).astype(bool)
    steps = np.diff(worth(unpacked)[which.ravel()].reshape(len(orders), players + 1), axis=1)
    return np.asarray(np.take_along_axis(steps, places, axis=1).mean(axis=0), dtype=np.float64)
