"""Write a version's files: everything that serving, the decisions and a person need of it, and no pickle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from relevo_contract import names
from relevo_contract.bundle import Residuals, SelfTest, SelfTestCase
from relevo_contract.data_set import Columns
from relevo_contract.listing import CATEGORICAL, LISTINGS, NUMERIC, House
from relevo_contract.profiling import build_profile
from relevo_contract.record import Estimate
from relevo_jobs.errors import StepError
from relevo_jobs.median_error import median_error, percentage_errors
from relevo_jobs.scoring import Scorer
from relevo_jobs.train import explaining
from relevo_jobs.train.exporting import to_onnx
from relevo_jobs.train.fitting import Fitted
from relevo_jobs.train.residuals import residuals_of

SELF_TEST_CASES = 12
LARGEST_ONNX_DIFFERENCE = 1e-3


@dataclass(frozen=True)
class Written:
    """What the files say, for the record."""

    promised: Estimate
    """Median APE on the held-out rows."""
    onnx_difference: float
    """Largest absolute difference of log price, ONNX Runtime to XGBoost."""
    residuals: Residuals
    predicted: NDArray[np.float64]
    """Log prices of the held-out rows, (n,)."""


def house_at(columns: Columns, row: int) -> House:
    """The house of one row."""
    inputs: dict[str, object] = {n: None if np.isnan(v := float(columns[n][row])) else v for n in NUMERIC}
    inputs |= {n: columns[n][row] for n in CATEGORICAL}
    sold = columns["prev_sold_date"][row]
    inputs["prev_sold_date"] = None if np.isnat(sold) else sold.item()
    return House.model_validate(inputs)


def self_test(columns: Columns, log_price: NDArray[np.float64]) -> SelfTest:
    """Houses across the range of their predictions, (n,)."""
    order = np.argsort(log_price, kind="stable")
    chosen = order[np.unique(np.linspace(0, len(order) - 1, SELF_TEST_CASES).astype(int))]
    return SelfTest(
        cases=tuple(
            SelfTestCase(house=house_at(columns, int(row)), price=float(np.exp(log_price[row]))) for row in chosen
        )
    )


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
) -> Written:
    """Write every file of the version into an existing folder.

    `holdout_columns` (with `price`) are rows the model was not trained on, at least one: promise and residuals come of
    them. Raises StepError if ONNX Runtime and XGBoost disagree.
    """
    (folder / names.XGBOOST_FILE).write_bytes(fitted.booster.save_raw("ubj"))
    (folder / names.ONNX_FILE).write_bytes(to_onnx(fitted.booster))
    (folder / names.ENCODER_FILE).write_text(fitted.encoder.model_dump_json())

    scorer = Scorer(folder)
    predicted = scorer.predict(holdout_columns)
    difference = largest_difference(fitted, scorer, (training_columns, holdout_columns))
    if not difference <= LARGEST_ONNX_DIFFERENCE:
        raise StepError(
            f"expected ONNX Runtime and XGBoost to agree within {LARGEST_ONNX_DIFFERENCE} in log price, they differ by "
            f"{difference:.3g}: relevo_jobs.train.exporting does not fit this XGBoost; go back to the locked one"
        )

    actual = np.log(np.asarray(holdout_columns["price"], dtype=np.float64))
    promised = median_error(percentage_errors(actual, predicted))
    residuals = residuals_of(actual, predicted)
    profile = build_profile(LISTINGS, training_columns, tuple(batches), promised)
    features = fitted.encoder.transform(holdout_columns)
    shap = explaining.summarize(fitted.booster, features, fitted.encoder.feature_names, seed)
    explaining.draw(shap, folder)
    (folder / names.SHAP_FILE).write_text(shap.model_dump_json())
    (folder / names.RESIDUALS_FILE).write_text(residuals.model_dump_json(indent=1))
    (folder / names.PROFILE_FILE).write_text(profile.model_dump_json())
    (folder / names.SELF_TEST_FILE).write_text(self_test(holdout_columns, predicted).model_dump_json(indent=1))
    return Written(promised, difference, residuals, predicted)
