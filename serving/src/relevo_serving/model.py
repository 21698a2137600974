"""A model version, loaded from a folder: pure, no server is spoken to.

The interval is split conformal: a held-out row's absolute residual of the log price stays within the recorded quantile
with the level's probability, so the price lies within a factor exp(±quantile) of the prediction (Papadopoulos et al.
2002; Lei et al. 2018, "Distribution-Free Predictive Inference for Regression", algorithm 2).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError

from relevo_contract import names
from relevo_contract.bundle import Residuals, SelfTest
from relevo_contract.encoder import Encoder
from relevo_contract.listing import House
from relevo_contract.profile import Profile
from relevo_serving.errors import BrokenVersion
from relevo_serving.explaining.trees import Trees
from relevo_serving.explaining.trees import read as read_trees
from relevo_serving.scoring import Scorer

CONFIDENCE: Final = 0.9
PART: Final = 334
"""Houses that are encoded before the trees begin with them."""
FILES: Final = (
    names.ONNX_FILE,
    names.ENCODER_FILE,
    names.RESIDUALS_FILE,
    names.SELF_TEST_FILE,
    names.PROFILE_FILE,
    names.XGBOOST_FILE,
)
"""What serving needs of a version."""


class Prices(NamedTuple):
    """Prices of n houses."""

    dollars: NDArray[np.float64]
    """(n,)."""
    factor: float
    """The 90 % interval is from so many times less to so many times more."""
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
        self, scorer: Scorer, encoder: Encoder, residuals: Residuals, cases: SelfTest, *, profile: Profile, trees: Trees
    ) -> None:
        self._scorer = scorer
        self.encoder = encoder
        self._lookup = encoder.lookup
        self.profile = profile
        """The training data's distributions."""
        self._trees = trees
        self._factor = factor(residuals)
        self._cases = cases

    def predict(self, houses: Sequence[House]) -> Prices:
        """Prices of the houses, at least one."""
        return self.begin(houses)()

    def begin(self, houses: Sequence[House]) -> Callable[[], Prices]:
        """As `predict`, while the caller goes on: what is returned gives the prices."""
        if len(houses) <= PART:
            encoded = self._lookup.houses(houses)
            logs = self._scorer.log_price(encoded.features)
            return lambda: Prices(np.exp(logs, dtype=np.float64), self._factor, encoded.unseen)
        unseen: list[tuple[str, ...]] = []
        running = []
        for start in range(0, len(houses), PART):
            encoded = self._lookup.houses(houses[start : start + PART])
            unseen += encoded.unseen
            running.append(self._scorer.begin(encoded.features))

        def end() -> Prices:
            running.reverse()  # the last are the ones nobody has begun
            parts = [result() for result in running]
            return Prices(np.exp(np.concatenate(parts[::-1]), dtype=np.float64), self._factor, unseen)

        return end

    def explain(self, houses: Sequence[House]) -> list[Explanation]:
        """Why each house is priced as it is; some ten milliseconds a house."""
        explained = [(self._trees.explain(row), row) for row in self._lookup.houses(houses).features]
        return [Explanation(e.base, e.values, row) for e, row in explained]

    def self_test(self) -> None:
        """Predict the recorded houses and explain one.

        Raises BrokenVersion if a price is not the one recorded in training, or the explanation not one of that price.
        """
        expected = np.array([case.price for case in self._cases.cases])
        houses = [case.house for case in self._cases.cases]
        try:
            found = self.predict(houses).dollars
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
    encoder = _parse(folder, names.ENCODER_FILE, Encoder)
    residuals = _parse(folder, names.RESIDUALS_FILE, Residuals)
    cases = _parse(folder, names.SELF_TEST_FILE, SelfTest)
    profile = _parse(folder, names.PROFILE_FILE, Profile)
    trees = read_trees(_read(folder, names.XGBOOST_FILE))
    scorer = Scorer(_read(folder, names.ONNX_FILE), len(encoder.feature_names))
    return Model(scorer, encoder, residuals, cases, profile=profile, trees=trees)
