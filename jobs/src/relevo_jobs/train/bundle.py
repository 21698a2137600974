"""Write a version's files: everything that serving, the decisions and a person need of it, and no pickle."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from relevo_contract import names
from relevo_contract.bundle import Residuals, SelfTest, SelfTestCase
from relevo_contract.data_set import Columns
from relevo_contract.identity import Identity, copies
from relevo_contract.listing import CATEGORICAL, LISTINGS, NUMERIC, House
from relevo_contract.median_error import median_error, percentage_errors
from relevo_contract.profile import ColumnProfile, Profile
from relevo_contract.profiling import column_profiles
from relevo_contract.record import Estimate
from relevo_jobs.errors import StepError
from relevo_jobs.scoring import Scorer
from relevo_jobs.train import explaining
from relevo_jobs.train.exporting import to_onnx
from relevo_jobs.train.fitting import Fitted
from relevo_jobs.train.residuals import residuals_of

SELF_TEST_CASES = 12
LARGEST_ONNX_DIFFERENCE = 1e-3


@dataclass(frozen=True)
class TrainedOn:
    """What a version was trained on."""

    rows: int
    batches: tuple[int, ...]
    profiles: dict[str, ColumnProfile]
    """By column."""


@dataclass(frozen=True)
class Measured:
    """What a written model does, by XGBoost and by ONNX Runtime."""

    actual: NDArray[np.float64]
    """Log prices of the held-out rows, (n > 0,)."""
    predicted: NDArray[np.float64]
    """What ONNX Runtime says of them, (n,)."""
    onnx_difference: float
    """Largest absolute difference of log price, ONNX Runtime to XGBoost, over all rows."""
    identity: Identity | None = None
    """Which of them are of one house, (n,); None: each is its own."""


@dataclass(frozen=True)
class Written:
    """What the files say, for the record."""

    promised: Estimate
    """Median APE on the held-out rows."""
    onnx_difference: float
    """Largest absolute difference of log price, ONNX Runtime to XGBoost."""
    residuals: Residuals
    actual: NDArray[np.float64]
    """Log prices of the held-out rows, (n,)."""
    predicted: NDArray[np.float64]
    """What the version says of them, (n,)."""


def house_at(columns: Columns, row: int) -> House:
    """The house of one row."""
    inputs: dict[str, object] = {n: None if np.isnan(v := float(columns[n][row])) else v for n in NUMERIC}
    inputs |= {n: columns[n][row] for n in CATEGORICAL}
    sold = columns["prev_sold_date"][row]
    inputs["prev_sold_date"] = None if np.isnat(sold) else sold.item()
    return House.model_validate(inputs)


def self_test_rows(log_price: NDArray[np.float64]) -> NDArray[np.int64]:
    """The rows whose predictions, (n,), span their range, in that order."""
    order = np.argsort(log_price, kind="stable")
    return np.asarray(order[np.unique(np.linspace(0, len(order) - 1, SELF_TEST_CASES).astype(int))], dtype=np.int64)


def self_test(columns: Columns, log_price: NDArray[np.float64]) -> SelfTest:
    """Of these rows and their predictions, (n,)."""
    return SelfTest(
        cases=tuple(
            SelfTestCase(house=house_at(columns, row), price=float(np.exp(log_price[row])))
            for row in range(len(log_price))
        )
    )


def take(columns: Columns, rows: NDArray[np.int64]) -> Columns:
    """Some rows of a table."""
    return {name: column[rows] for name, column in columns.items()}


def largest_difference(fitted: Fitted, scorer: Scorer, tables: Sequence[Columns]) -> float:
    """Largest absolute difference of log price between the loaded files and the fitted model, over all rows."""
    return max(float(np.abs(scorer.predict(t) - fitted.predict(t)).max()) for t in tables if len(t["price"]))


def write(
    folder: Path,
    fitted: Fitted,
    training_columns: Columns,
    *,
    holdout_columns: Columns,
    batches: Sequence[int],
    seed: int,
    identity: Identity | None = None,
) -> Written:
    """Write every file of the version into an existing folder.

    `holdout_columns` (with `price`) are rows the model was not trained on, at least one: promise and residuals come of
    them; `identity` says which of them are of one house. Raises StepError if ONNX Runtime and XGBoost disagree.
    """
    write_model(folder, fitted)
    scorer = Scorer(folder)
    measured = Measured(
        actual=np.log(np.asarray(holdout_columns["price"], dtype=np.float64)),
        predicted=scorer.predict(holdout_columns),
        onnx_difference=largest_difference(fitted, scorer, (training_columns, holdout_columns)),
        identity=identity,
    )
    return write_evidence(
        folder,
        fitted,
        measured,
        TrainedOn(len(training_columns["price"]), tuple(batches), column_profiles(LISTINGS, training_columns)),
        held_out=lambda rows: take(holdout_columns, rows),
        seed=seed,
    )


def write_model(folder: Path, fitted: Fitted) -> None:
    """Write what predicts: the booster, the same as ONNX, and the encoder."""
    (folder / names.XGBOOST_FILE).write_bytes(fitted.booster.save_raw("ubj"))
    (folder / names.ONNX_FILE).write_bytes(to_onnx(fitted.booster))
    (folder / names.ENCODER_FILE).write_text(fitted.encoder.model_dump_json())


def write_evidence(
    folder: Path,
    fitted: Fitted,
    measured: Measured,
    trained: TrainedOn,
    *,
    held_out: Callable[[NDArray[np.int64]], Columns],
    seed: int,
) -> Written:
    """Write what the version was measured to do, and on what it was trained. `held_out` gives some held-out rows.

    Raises StepError if ONNX Runtime and XGBoost disagree.
    """
    difference, predicted = measured.onnx_difference, measured.predicted
    if not difference <= LARGEST_ONNX_DIFFERENCE:
        raise StepError(
            f"expected ONNX Runtime and XGBoost to agree within {LARGEST_ONNX_DIFFERENCE} in log price, they differ by "
            f"{difference:.3g}: relevo_jobs.train.exporting does not fit this XGBoost; go back to the locked one"
        )
    promised = median_error(percentage_errors(measured.actual, predicted), measured.identity)
    residuals = residuals_of(measured.actual, predicted, measured.identity)
    profile = Profile(
        rows=trained.rows,
        batches=trained.batches,
        columns=trained.profiles,
        promised=promised,
        copies=copies(measured.identity),
    )
    tested, explained = self_test_rows(predicted), explaining.chosen(len(predicted), seed)
    houses = held_out(np.concatenate([tested, explained]))
    features = fitted.encoder.transform(take(houses, np.arange(len(tested), len(tested) + len(explained))))
    shap = explaining.summarize(fitted.booster, features, fitted.encoder.feature_names)
    explaining.draw(shap, folder)
    (folder / names.SHAP_FILE).write_text(shap.model_dump_json())
    (folder / names.RESIDUALS_FILE).write_text(residuals.model_dump_json(indent=1))
    (folder / names.PROFILE_FILE).write_text(profile.model_dump_json())
    (folder / names.SELF_TEST_FILE).write_text(self_test(houses, predicted[tested]).model_dump_json(indent=1))
    return Written(promised, difference, residuals, measured.actual, predicted)
