"""Rides: a data set whose columns come and go, named by words that SQL keeps for itself, and a model of any of them."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from relevo_contract.data_set import DataSet
from relevo_contract.use_case.sources import HttpSource, Source
from relevo_jobs.clean.fates import Kept, Raw, Rejection
from relevo_jobs.use_case import Context, UseCase

ALL: Mapping[str, str] = {
    "order": "numeric", "class": "numeric", "limit": "numeric",
    "key": "text", "user": "compared", "from": "compared", "check": "compared",
    "date": "day", "end": "day",
    "table": "target",
}  # fmt: skip
"""Every column there ever is, with its kind. `key` differs in every row."""


def rides(*columns: str, place: str | None = None, within: Sequence[str] = (), **kinds: str) -> DataSet:
    """The data set with these columns and the target; `kinds` names one anew, or a column that is of another kind."""
    of = {name: {**ALL, **kinds}[name] for name in (*columns, *(() if "table" in columns else ("table",)))}
    chosen = {kind: tuple(n for n, k in of.items() if k == kind) for kind in ("numeric", "text", "compared", "day")}
    return DataSet(
        name="group",
        columns=tuple(of),
        target="table",
        numeric=chosen["numeric"],
        categorical=(*chosen["text"], *chosen["compared"]),
        dates=chosen["day"],
        compared=chosen["compared"],
        place=place,
        within=tuple(within),
    )


def ride(number: int, row: int) -> dict[str, Any]:
    """A ride of a batch, with every column there is; its target follows from some of them."""
    draw = np.random.default_rng([number, row])
    order, kind = float(draw.integers(1, 30)), float(draw.integers(1, 4))
    user, came = f"user {draw.integers(0, 5)}", f"from {draw.integers(0, 8)}"
    check, day = f"check {draw.integers(0, 3)}", date(2026, 1, 1) + timedelta(days=int(draw.integers(0, 300)))
    minutes = 1 + 0.05 * order + 0.5 * kind + 0.1 * int(user[-1]) + 0.05 * draw.standard_normal()
    return {
        "order": order, "class": kind, "limit": float(draw.integers(0, 9)), "key": f"{number}-{row}", "user": user,
        "from": came, "check": check, "date": day.isoformat(), "end": (day + timedelta(days=1)).isoformat(),
        "table": math.exp(minutes),
    }  # fmt: skip


def body(number: int, columns: Sequence[str], rows: int = 500) -> bytes:
    """A batch as the source sends it, with these columns."""
    whole = [ride(number, row) for row in range(rows)]
    data = [{name: one[name] for name in columns} for one in whole]
    return json.dumps({"group_number": 6, "day": "Wednesday", "batch_number": number, "data": data}).encode()


def _clean(data: DataSet) -> Any:
    def clean(rows: Iterable[Raw]) -> Iterator[Kept | Rejection]:
        for row in rows:
            came = dict(zip(data.columns, row, strict=True))
            values: dict[str, Any] = dict(came)
            for name in data.typed:
                value = came[name]
                if name not in data.categorical and value is not None:
                    values[name] = date.fromisoformat(value) if name in data.dates else float(value)
            # By what the ride is about, named: a column that comes or goes changes no row's side.
            side = hashlib.blake2b(repr(came["table"]).encode(), digest_size=8).digest()
            yield Kept(values, int.from_bytes(side) % 5 == 0)

    return clean


def use_case(data: DataSet) -> UseCase:
    """The rides with these columns, and a ridge regression of the logarithm as a scikit-learn pipeline."""

    def fit(x: pd.DataFrame, y: NDArray[np.float64], _: Context) -> Pipeline:
        numbers = Pipeline([("fill", SimpleImputer(keep_empty_features=True)), ("scale", StandardScaler())])
        parts = [(name, numbers, [name]) for name in (*data.numeric, *data.dates)]
        texts = [(name, OneHotEncoder(handle_unknown="ignore", sparse_output=False), [name]) for name in data.compared]
        return Pipeline([("columns", ColumnTransformer([*parts, *texts])), ("model", Ridge(0.1))]).fit(x, y)

    return UseCase("rides", Source(http=HttpSource()), data, _clean(data), fit=fit)
