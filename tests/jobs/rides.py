"""Rides: a data set whose columns come and go, named by words that SQL keeps for itself, and a model of any of them."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from relevo_contract import names
from relevo_contract.data_set import Columns, DataSet
from relevo_contract.median_error import median_error, percentage_errors
from relevo_contract.profiling import build_profile, categories, numbers
from relevo_jobs.clean.fates import Kept, Raw, Rejection
from relevo_jobs.use_case import Lesson, Trained, UseCase

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


@dataclass(frozen=True)
class Model:
    """A ridge regression of the logarithm; it asks for the columns that it learnt from, by name."""

    numeric: Mapping[str, tuple[float, float]]
    """With mean and spread."""
    known: Mapping[str, Sequence[str]]
    weights: Sequence[float]

    def design(self, columns: Columns) -> NDArray[np.float64]:
        parts = [np.ones(len(next(iter(columns.values()))))]
        for name, (mean, spread) in self.numeric.items():
            values = (numbers(columns, name) - mean) / spread
            parts += [np.where(np.isnan(values), 0, values), np.isnan(values)]
        for name, known in self.known.items():
            found = np.array(categories(columns, name), dtype=object)
            parts += [found == category for category in known]
        return np.column_stack(parts).astype(np.float64)

    def predict(self, columns: Columns) -> NDArray[np.float64]:
        assert {columns[name].dtype for name in self.known} <= {np.dtype(object)}
        return np.asarray(self.design(columns) @ np.array(self.weights), dtype=np.float64)


def use_case(data: DataSet) -> UseCase:
    """The rides with these columns."""

    def train(folder: Path, lesson: Lesson) -> Trained:
        numeric = {}
        for name in (*data.numeric, *data.dates):
            there = numbers(lesson.rows, name)
            there = there[~np.isnan(there)]
            numeric[name] = (float(there.mean()), float(there.std()) or 1.0) if len(there) else (0.0, 1.0)
        known = {name: sorted({*filter(None, categories(lesson.rows, name))}) for name in data.compared}
        x, y = Model(numeric, known, ()).design(lesson.rows), np.log(lesson.rows[data.target])
        weights = np.linalg.solve(x.T @ x + 0.1 * np.eye(x.shape[1]), x.T @ y)
        content = {"numeric": numeric, "known": known, "weights": weights.tolist()}
        (folder / "model.json").write_text(json.dumps(content))
        predicted = Model(**content).predict(lesson.held_out)
        promised = median_error(percentage_errors(np.log(lesson.held_out[data.target]), predicted))
        profile = build_profile(data, lesson.rows, lesson.batches, promised)
        (folder / names.PROFILE_FILE).write_text(profile.model_dump_json())
        return Trained(predicted, promised, {})

    def load(folder: Path) -> Model:
        return Model(**json.loads((folder / "model.json").read_text()))

    return UseCase(data, _clean(data), train, load, ("model.json",))
