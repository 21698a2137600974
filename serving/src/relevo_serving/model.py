"""A model version, loaded from a folder: pure, no server is spoken to.

The interval is split conformal: a held-out row's absolute residual of the log price stays within the recorded quantile
with the level's probability, so the price lies within a factor exp(±quantile) of the prediction (Papadopoulos et al.
2002; Lei et al. 2018, "Distribution-Free Predictive Inference for Regression", algorithm 2).
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError

from relevo_contract import names
from relevo_contract.bundle import Residuals, SelfTest
from relevo_contract.encoder import Encoder
from relevo_contract.listing import House, columns_of
from relevo_contract.lookup import Encoded
from relevo_contract.profile import Profile
from relevo_serving.errors import BrokenVersion
from relevo_serving.explaining.trees import Trees
from relevo_serving.explaining.trees import read as read_trees

CONFIDENCE: Final = 0.9
FEW: Final = 8
"""Houses up to which one after the other is sooner than all in a table."""
FILES: Final = (
    names.ONNX_FILE,
    names.ENCODER_FILE,
    names.RESIDUALS_FILE,
    names.SELF_TEST_FILE,
    names.PROFILE_FILE,
    names.XGBOOST_FILE,
)
"""What serving needs of a version."""


@dataclass(frozen=True)
class Prices:
    """Prices of n houses in US dollars, each (n,), with the 90 % interval."""

    price: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    unseen: list[tuple[str, ...]]
    """By house, the inputs whose category the model never saw."""


@dataclass(frozen=True)
class Explanation:
    """One house's log price as a sum, (features,)."""

    base: float
    values: NDArray[np.float64]
    features: NDArray[np.float32]
    """What the model was given, NaN where missing."""


def factor(residuals: Residuals, confidence: float = CONFIDENCE) -> float:
    """How many times the price may be above or below its prediction. Raises BrokenVersion if the level is missing."""
    for level, quantile in zip(residuals.levels, residuals.absolute, strict=True):
        if math.isclose(level, confidence):
            if not (math.isfinite(quantile) and quantile >= 0):
                break
            return math.exp(quantile)
    raise BrokenVersion(
        f"expected {names.RESIDUALS_FILE} to hold a finite absolute residual at level {confidence}, found levels "
        f"{residuals.levels} with {residuals.absolute}: train the version again"
    )


class Model:
    """A loaded version. `predict` may be called from many threads at once."""

    def __init__(
        self, session: Any, encoder: Encoder, residuals: Residuals, cases: SelfTest, *, profile: Profile, paths: Trees
    ) -> None:
        self._session = session
        self.encoder = encoder
        self._lookup = encoder.lookup
        self.profile = profile
        """The training data's distributions."""
        self._trees = paths
        self._factor = factor(residuals)
        self._cases = cases

    def _encode(self, houses: Sequence[House]) -> Encoded:
        if len(houses) <= FEW:
            return self._lookup.houses(houses)
        return self._lookup.table(columns_of(houses))

    def _log_price(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        (output,) = self._session.run([names.ONNX_OUTPUT], {names.ONNX_INPUT: features})
        return output.astype(np.float64).ravel()  # type: ignore[no-any-return]  # ONNX Runtime has no types

    def predict(self, houses: Sequence[House]) -> Prices:
        """Prices of the houses, at least one."""
        encoded = self._encode(houses)
        price = np.exp(self._log_price(encoded.features))
        return Prices(price, price / self._factor, price * self._factor, encoded.unseen)

    def explain(self, houses: Sequence[House]) -> list[Explanation]:
        """Why each house is priced as it is; some ten milliseconds a house."""
        explained = [(self._trees.explain(row), row) for row in self._encode(houses).features]
        return [Explanation(e.base, e.values, row) for e, row in explained]

    def self_test(self) -> None:
        """Predict the recorded houses and explain one.

        Raises BrokenVersion if a price is not the one recorded in training, or the explanation not one of that price.
        """
        expected = np.array([case.price for case in self._cases.cases])
        houses = [case.house for case in self._cases.cases]
        try:
            found = self.predict(houses).price
            (explained,) = self.explain(houses[:1])
        except MemoryError:  # says nothing about the version
            raise
        except Exception as error:
            raise BrokenVersion(f"self-test: the model cannot predict: {type(error).__name__}: {error}") from error
        difference = np.abs(found - expected) / expected
        worst = int(np.argmax(np.where(np.isnan(difference), np.inf, difference)))
        if not difference[worst] <= self._cases.relative_tolerance:  # NaN fails as well
            raise BrokenVersion(
                f"self-test: expected {expected[worst]:,.2f} US dollars for case {worst + 1} of {len(expected)} within "
                f"{self._cases.relative_tolerance:.2g}, the model says {found[worst]:,.2f}: its files do not belong "
                "together; train the version again"
            )
        told = math.exp(explained.base + float(explained.values.sum()))
        if not abs(told - expected[0]) <= expected[0] * self._cases.relative_tolerance:
            raise BrokenVersion(
                f"self-test: expected {names.XGBOOST_FILE} to explain {expected[0]:,.2f} US dollars, it explains "
                f"{told:,.2f}: its files do not belong together; train the version again"
            )


Parsed = TypeVar("Parsed", bound=BaseModel)


def _read(folder: Path, file: str) -> bytes:
    try:
        return (folder / file).read_bytes()
    except FileNotFoundError:
        raise BrokenVersion(
            f"expected the file {file} in the version, it is missing: train the version again"
        ) from None


def _parse(folder: Path, file: str, kind: type[Parsed]) -> Parsed:
    try:
        return kind.model_validate_json(_read(folder, file))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise BrokenVersion(
            f"expected {file} to be a {kind.__name__}, {where}: {first['msg']}: train the version again with this "
            "release, or serve it with the release that trained it"
        ) from None


def load(folder: Path) -> Model:
    """Load a version from its files. Raises BrokenVersion naming the file that is missing or wrong."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # it reports usage to its makers otherwise
    import onnxruntime  # noqa: PLC0415  # slow to import; the process answers its first probe meanwhile

    encoder = _parse(folder, names.ENCODER_FILE, Encoder)
    residuals = _parse(folder, names.RESIDUALS_FILE, Residuals)
    cases = _parse(folder, names.SELF_TEST_FILE, SelfTest)
    profile = _parse(folder, names.PROFILE_FILE, Profile)
    path = folder / names.ONNX_FILE
    paths = read_trees(_read(folder, names.XGBOOST_FILE))
    onnx = _read(folder, path.name)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # one row takes microseconds; requests are what runs in parallel
    options.log_severity_level = 4  # a broken file is told by the exception, once
    try:
        session = onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])
    except MemoryError:  # says nothing about the version
        raise
    except Exception as error:  # ONNX Runtime's errors share no class of their own
        first = (str(error).splitlines() or ["no reason given"])[0]
        raise BrokenVersion(f"expected {path.name} to be an ONNX model, ONNX Runtime says: {first}") from error
    inputs = {tensor.name for tensor in session.get_inputs()}
    outputs = {tensor.name for tensor in session.get_outputs()}
    if names.ONNX_INPUT not in inputs or names.ONNX_OUTPUT not in outputs:
        raise BrokenVersion(
            f"expected {path.name} to take {names.ONNX_INPUT} and give {names.ONNX_OUTPUT}, it takes "
            f"{sorted(inputs)} and gives {sorted(outputs)}"
        )
    return Model(session, encoder, residuals, cases, profile=profile, paths=paths)
