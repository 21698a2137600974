"""What lies beside a model in its version: its promises about its errors, and the test that proves it loaded right."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from relevo_contract.listing import House


class SelfTestCase(BaseModel):
    """A house and the price the model gave it when it was trained, in US dollars."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    house: House
    price: float = Field(gt=0)


class SelfTest(BaseModel):
    """What a freshly loaded model must reproduce before it may serve."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    relative_tolerance: float = 1e-3
    cases: tuple[SelfTestCase, ...] = Field(min_length=1)


class Residuals(BaseModel):
    """Quantiles of `log(price) - predicted log price` over held-out rows, for split conformal intervals.

    Method: Papadopoulos et al. 2002; Lei et al. 2018, "Distribution-Free Predictive Inference for Regression".
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rows: int
    levels: tuple[float, ...]
    """Ascending, 0 to 1."""
    quantiles: tuple[float, ...]
    """One a level, in log price."""
    absolute: tuple[float, ...]
    """The same levels' quantiles of the absolute residual."""


class ShapSummary(BaseModel):
    """What moves the predictions: SHAP values over a sample of the version's held-out rows, in log price.

    `base_value` plus a row's values is its predicted log price (Lundberg et al. 2020, TreeSHAP).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    features: tuple[str, ...]
    mean_absolute: tuple[float, ...]
    """One a feature."""
    base_value: float
    inputs: tuple[tuple[float | None, ...], ...]
    """The sample's features, (rows, features), None where missing."""
    values: tuple[tuple[float, ...], ...]
    """Their SHAP values, (rows, features)."""


class HoldoutPredictions(BaseModel):
    """A version's own predictions for held-out rows of the batches it was trained on.

    Which rows are kept depends on the batch alone, so that two versions can be compared on the rows they share.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    batches: tuple[int, ...]
    counts: tuple[int, ...]
    """Rows of each batch, in its order; `sum(counts)` is the number of rows below."""
    log_price: tuple[float, ...]
    predicted: tuple[float, ...]
    """Log price too."""
    things: tuple[int, ...] = ()
    """The same number for rows of one thing, by which the rows are counted; empty: each is its own, or they are of an
    earlier release."""
