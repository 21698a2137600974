"""Error on held-out listings: Relevo beside its peers and its limit, on the same splits in the same run.

    python -m benchmarks.holdout --data FILE [--splits 5]

The file's rows are taken as they are, all of them, and a random fifth is held out, once a split. Then Relevo's own
holdout: CLEAN's rows, a fifth by the hash of the listing's identity, so that no house is on both sides.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xgboost
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestRegressor

from benchmarks.policy.market import market, read
from relevo_contract.graph_inputs import graph_inputs
from relevo_contract.median_error import median_error, percentage_errors
from relevo_contract.values import Day, Number
from relevo_jobs.clean.fates import Raw
from relevo_jobs.train.fitting import MEMBERS, fit
from relevo_jobs.train.holdout import residuals_of
from relevo_jobs.use_case import Context
from tests.houses import COLUMNS, HOUSES, LISTINGS, OPTIONS

Table = dict[str, NDArray[Any]]
Floats = NDArray[np.float64]
Model = Callable[[Table, Table], Floats]
"""Training rows and rows to price to log prices, (n,)."""

THREADS = 2
LIMIT = 6
"""The limit averages so many times Relevo's members."""


def number(came: str | None) -> Any:
    """A number as it came, however implausible; None where it is missing or none."""
    return Number().read(came).value


def as_is(rows: list[Raw]) -> Table:
    """The file's columns, typed and otherwise as they came; rows without a price above zero cannot be scored."""
    rows = [row for row in rows if (number(row[COLUMNS.index("price")]) or 0) > 0]
    table: Table = {}
    for position, name in enumerate(COLUMNS):
        came = [row[position] for row in rows]
        if name in LISTINGS.categorical:
            table[name] = np.empty(len(rows), dtype=object)
            table[name][:] = [LISTINGS.rule(name).read(value).value for value in came]  # such as `601.0`
        elif name in LISTINGS.dates:
            table[name] = np.array([Day().read(value).value for value in came], dtype="datetime64[D]")
        else:
            table[name] = np.array([np.nan if (v := number(value)) is None else v for value in came])
    return table


def plain_features(training: Table, table: Table) -> NDArray[np.float64]:
    """What a plain effort takes: the numbers, the zip code as one, state and city as codes, the sale's day. (n, 8)."""
    columns = [np.asarray(table[name], dtype=np.float64) for name in LISTINGS.numeric]
    columns.append(np.array([np.nan if (v := number(z)) is None else v for z in table["zip_code"]]))
    for name in ("state", "city"):
        places = {c: i for i, c in enumerate(sorted({c for c in training[name] if c is not None}))}
        columns.append(np.array([places.get(c, np.nan) for c in table[name]]))
    sold = table["prev_sold_date"]
    columns.append(np.where(np.isnat(sold), np.nan, sold.astype("datetime64[D]").astype(np.int64).astype(float)))
    return np.column_stack(columns)


def median(training: Table, table: Table) -> Floats:
    return np.full(len(table["price"]), np.median(np.log(training["price"])))


def plain_xgboost(training: Table, table: Table) -> Floats:
    matrix = xgboost.DMatrix(plain_features(training, training), label=np.log(training["price"]))
    parameters = {"max_depth": 6, "eta": 0.05, "subsample": 0.8, "colsample_bytree": 0.8, "nthread": THREADS}
    booster = xgboost.train(parameters, matrix, 400)
    return np.asarray(booster.predict(xgboost.DMatrix(plain_features(training, table))), dtype=np.float64)


def random_forest(training: Table, table: Table) -> Floats:
    forest = RandomForestRegressor(200, min_samples_leaf=2, max_features=0.5, n_jobs=THREADS, random_state=0)
    forest.fit(plain_features(training, training), np.log(training["price"]))
    return np.asarray(forest.predict(plain_features(training, table)), dtype=np.float64)


def frame(table: Table) -> pd.DataFrame:
    return pd.DataFrame(graph_inputs(LISTINGS, table))


def fitted(training: Table, seed: int = 0) -> Any:
    return fit(frame(training), np.log(training["price"]), Context(LISTINGS, seed, THREADS), OPTIONS)


def relevo(training: Table, table: Table) -> Floats:
    return np.asarray(fitted(training).predict(frame(table)))


def limit(training: Table, table: Table) -> Floats:
    # A member's seed is its model's and its own number: these are all different ones.
    models = [fitted(training, seed) for seed in range(0, LIMIT * MEMBERS, MEMBERS)]
    return np.asarray(np.mean([model.predict(frame(table)) for model in models], axis=0), dtype=np.float64)


MODELS: dict[str, Model] = {
    "median of the training rows": median,
    "plain XGBoost": plain_xgboost,
    "random forest": random_forest,
    "Relevo": relevo,
    f"limit: Relevo with {LIMIT} x the members": limit,
}


def rmsle(actual: Floats, predicted: Floats) -> float:
    """Root mean squared logarithmic error of two log prices, (n,) each."""
    return float(np.sqrt(np.mean((np.log1p(np.exp(predicted)) - np.log1p(np.exp(actual))) ** 2)))


def take(table: Table, rows: NDArray[Any]) -> Table:
    return {name: column[rows] for name, column in table.items()}


def random_splits(table: Table, splits: int) -> None:
    rows = len(table["price"])
    print(f"random fifth of {rows:,} rows held out, {splits} splits: mean (standard deviation)\n")
    print("| model | RMSLE | median APE | seconds |\n| --- | --- | --- | --- |")
    orders = [np.random.default_rng(seed).permutation(rows) for seed in range(splits)]
    for name, model in MODELS.items():
        squared, absolute, started = [], [], time.perf_counter()
        for order in orders:
            held, training = take(table, order[: rows // 5]), take(table, order[rows // 5 :])
            actual, predicted = np.log(held["price"]), model(training, held)
            squared.append(rmsle(actual, predicted))
            absolute.append(float(np.median(percentage_errors(actual, predicted))))
        seconds = (time.perf_counter() - started) / splits
        print(
            f"| {name} | {np.mean(squared):.4f} ({np.std(squared):.4f}) "
            f"| {np.mean(absolute):.4f} ({np.std(absolute):.4f}) | {seconds:.1f} |",
            flush=True,
        )


def identity_holdout(rows: list[Raw]) -> None:
    found = market(HOUSES, rows, (len(rows),))
    training, held = found.rows(~found.holdout), found.rows(found.holdout)
    print(f"\nRelevo's holdout: {len(held['price']):,} of CLEAN's {len(found.holdout):,} rows, by identity's hash\n")
    print("| model | RMSLE | median APE, 95 % interval |\n| --- | --- | --- |")
    for name, model in MODELS.items():
        actual, predicted = np.log(held["price"]), model(training, held)
        error = median_error(percentage_errors(actual, predicted))
        print(
            f"| {name} | {rmsle(actual, predicted):.4f} | {error.value:.4f} ({error.low:.4f} to {error.high:.4f}) |",
            flush=True,
        )


def coverage(table: Table, splits: int) -> None:
    """How many of rows that nobody saw lie in the 90 % interval that other held-out rows gave."""
    rows = len(table["price"])
    covered: dict[str, list[float]] = {"random": [], "new zip codes": []}
    factors: dict[str, list[float]] = {name: [] for name in covered}
    for seed in range(splits):
        draw = np.random.default_rng(seed)
        order = draw.permutation(rows)
        training, calibration, unseen = (take(table, part) for part in np.split(order, [rows * 3 // 5, rows * 4 // 5]))
        model = fitted(training)
        held = residuals_of(np.log(calibration["price"]), model.predict(frame(calibration)))
        quantile = held.absolute[held.levels.index(0.9)]
        off = np.abs(np.log(unseen["price"]) - model.predict(frame(unseen)))
        known = set(training["zip_code"]) | {None}
        new = np.array([code not in known for code in unseen["zip_code"]])
        for name, chosen in (("random", np.ones(len(off), dtype=bool)), ("new zip codes", new)):
            covered[name].append(float(np.mean(off[chosen] <= quantile)))
            factors[name].append(float(np.exp(quantile)))
    print("\n90 % interval: three fifths trained on, a fifth gives the residuals, a fifth is counted\n")
    print("| rows | covered | low to high: price divided and multiplied by |\n| --- | --- | --- |")
    for name, shares in covered.items():
        print(f"| {name} | {np.mean(shares):.4f} ({np.std(shares):.4f}) | {np.mean(factors[name]):.2f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.holdout", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="the listings, a CSV file with the twelve columns")
    parser.add_argument("--splits", type=int, default=5, help="random splits (default 5)")
    parser.add_argument("--only-coverage", action="store_true", help="of the 90 %% interval, and nothing else")
    given = parser.parse_args()
    if not given.data.is_file():
        parser.error(f"--data: expected a CSV file, found none at {given.data}")
    if given.splits < 1:
        parser.error(f"--splits: expected at least 1, got {given.splits}")
    rows = read(given.data, LISTINGS)
    if not given.only_coverage:
        random_splits(as_is(rows), given.splits)
        identity_holdout(rows)
    coverage(as_is(rows), given.splits)


if __name__ == "__main__":
    main()
