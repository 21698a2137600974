"""The default model and models of one's own, for each task, from rows to a graph that says the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder

from relevo_contract import names
from relevo_contract.data_set import DataSet
from relevo_contract.graph_inputs import graph_inputs
from relevo_contract.probabilities import auc, calibration
from relevo_contract.profile import Profile
from relevo_contract.tasks import TASKS
from relevo_contract.values import Either, Number
from relevo_jobs.scoring import Scorer
from relevo_jobs.train.fitting import fit
from relevo_jobs.train.writing import write
from relevo_jobs.use_case import Context, ModelOptions

Table = dict[str, NDArray[Any]]
NUMBER = DataSet(
    name="days", columns=("warm", "shop", "heat"), target="warm", numeric=("heat",), categorical=("shop",),
    compared=("shop",), task="number", rules={"warm": Number(unit="degrees")},
)  # fmt: skip
BINARY = replace(NUMBER, task="binary", rules={"warm": Either("yes", "no")})
POSITIVE = replace(NUMBER, task="positive-number")
EACH = pytest.mark.parametrize("data", [POSITIVE, NUMBER, BINARY], ids=lambda data: data.task)


def table(data: DataSet, rows: int, seed: int) -> Table:
    """Rows whose target follows from a number and a shop."""
    random = np.random.default_rng(seed)
    heat, shop = random.normal(0, 1, rows), random.integers(0, 12, rows)
    truth = heat + (shop - 6) / 4
    target = {
        "positive-number": np.exp(truth + random.normal(0, 0.1, rows)),
        "number": 100 * truth + random.normal(0, 10, rows),
        "binary": (random.random(rows) < 1 / (1 + np.exp(3 - 2 * truth))).astype(float),
    }[data.task]
    names_of = np.array([f"shop {one}" for one in shop], dtype=object)
    heat[random.random(rows) < 0.05] = np.nan
    return {"heat": heat, "warm": target, "shop": names_of}


def fitted(data: DataSet, rows: Table) -> Any:
    x, y = pd.DataFrame(graph_inputs(data, rows)), data.predicts.scaled(rows["warm"])
    return fit(x, y, Context(data, 0, 2), ModelOptions())


@EACH
def test_the_default_model_learns_and_its_version_says_the_same(data: DataSet, tmp_path: Path) -> None:
    known, held = table(data, 3000, 0), table(data, 1500, 1)
    measured, promised = write(tmp_path, fitted(data, known), data, known, held_out=held, batches=(1,), seed=0)
    task, actual = data.predicts, data.predicts.scaled(held["warm"])
    said = Scorer(tmp_path).predict(held)
    assert said == pytest.approx(measured.predicted)
    assert promised == task.headline(actual, said)
    assert Profile.model_validate_json((tmp_path / names.PROFILE_FILE).read_bytes()).promised == promised
    nothing = np.full(len(actual), task.baseline(task.scaled(known["warm"])))
    # Of two outcomes most of the loss is chance, which no model can know.
    assert (
        task.losses(actual, said).mean()
        < (0.75 if data.task == "binary" else 0.3) * task.losses(actual, nothing).mean()
    )


def test_probabilities_come_true_however_rare_the_positive_outcome_is(tmp_path: Path) -> None:
    known, held = table(BINARY, 6000, 0), table(BINARY, 6000, 1)
    assert known["warm"].mean() < 0.2
    write(tmp_path, fitted(BINARY, known), BINARY, known, held_out=held, batches=(1,), seed=0)
    said = Scorer(tmp_path).answer(held)
    assert ((said > 0) & (said < 1)).all()
    assert auc(held["warm"], said) > 0.85
    assert sum(one.low <= one.said <= one.high for one in calibration(held["warm"], said)) >= 7


@EACH
def test_the_graph_gives_the_target_in_its_unit_by_its_name(data: DataSet, tmp_path: Path) -> None:
    known = table(data, 600, 0)
    write(tmp_path, fitted(data, known), data, known, held_out=table(data, 100, 1), batches=(1,), seed=0)
    session = onnxruntime.InferenceSession((tmp_path / names.ONNX_FILE).read_bytes())
    (output,) = session.get_outputs()
    assert (output.name, output.type, output.shape) == ("warm", "tensor(float)", [None])
    (answers,) = session.run(None, graph_inputs(data, known))
    assert np.corrcoef(answers, known["warm"])[0, 1] > 0.5


@EACH
def test_a_model_of_ones_own_is_an_estimator_of_the_scale_or_a_classifier(data: DataSet, tmp_path: Path) -> None:
    known, held = table(data, 800, 0), table(data, 400, 1)
    for one in (known, held):
        one["heat"] = np.nan_to_num(one["heat"])
    columns = ColumnTransformer(
        [("heat", "passthrough", ["heat"]), ("shop", OneHotEncoder(handle_unknown="ignore"), ["shop"])]
    )
    own = Pipeline([("columns", columns), ("model", LogisticRegression() if data.task == "binary" else Ridge())])
    own.fit(pd.DataFrame(graph_inputs(data, known)), data.predicts.scaled(known["warm"]))
    _, promised = write(tmp_path, own, data, known, held_out=held, batches=(1,), seed=0)
    assert (
        promised.value
        < TASKS[data.task]
        .headline(
            data.predicts.scaled(held["warm"]),
            np.full(400, data.predicts.baseline(data.predicts.scaled(known["warm"]))),
        )
        .value
    )


def test_a_target_that_never_changes_makes_a_version_that_says_it(tmp_path: Path) -> None:
    known, held = table(NUMBER, 300, 0), table(NUMBER, 100, 1)
    for one in (known, held):
        one["warm"][:] = -7.5
    _, promised = write(tmp_path, fitted(NUMBER, known), NUMBER, known, held_out=held, batches=(1,), seed=0)
    assert promised.value == pytest.approx(0, abs=1e-4)
    assert Scorer(tmp_path).answer(held) == pytest.approx(-7.5, abs=1e-3)
