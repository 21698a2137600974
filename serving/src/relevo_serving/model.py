"""A model version, loaded from a folder: pure, no server is spoken to.

Any MLflow model with the flavor onnx and a signature is one. What lies beside it below `relevo/` is a Relevo version's
own: rules by which values are read, intervals, what it saw in training. Without it the signature says what there is.

The interval is split conformal: a held-out row's absolute residual on the task's scale stays within the recorded
quantile with the level's probability (Papadopoulos et al. 2002; Lei et al. 2018, "Distribution-Free Predictive
Inference for Regression", algorithm 2).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError

from relevo_contract import data_set, names
from relevo_contract.data_set import DataSet
from relevo_contract.graph_check import LARGEST_GRAPH
from relevo_contract.graph_inputs import Feeds, graph_inputs, values_of
from relevo_contract.profile import CategoricalProfile, Profile
from relevo_contract.tasks import Interval
from relevo_contract.values import Value
from relevo_contract.version import Example, Manifest, Residuals, SelfTest
from relevo_serving import mlflow_model
from relevo_serving.errors import BrokenVersion
from relevo_serving.graph import Graph

CONFIDENCE: Final = 0.9
EXAMPLE_FILE: Final = "serving_input_example.json"
"""MLflow's: the input example as a body of /invocations."""
FILES: Final = (
    names.MLMODEL_FILE, names.ONNX_FILE, EXAMPLE_FILE, names.MANIFEST_FILE, names.DATA_SET_FILE, names.PROFILE_FILE,
    names.SELF_TEST_FILE, names.TYPICAL_FILE, names.RESIDUALS_FILE,
)  # fmt: skip
"""What serving reads of a version, as far as it is there."""
LARGEST: Final = 32 * 2**20
"""Bytes of any of them but the graph."""
Row = Mapping[str, Value | None]
"""A row's values by column, as they are understood; what is missing is None, or not there."""
Parsed = TypeVar("Parsed", bound=BaseModel)


class Model(Graph):
    """A loaded version. `run` and `predict` may be called from many threads at once."""

    def __init__(self, folder: Path, manifest: str = "") -> None:
        """Load a version from its files; `manifest` is the SHA-256 of its manifest, if the registry has one.

        Raises BrokenVersion naming the file that is missing or wrong.
        """
        if not (folder / names.MLMODEL_FILE).is_file():
            raise BrokenVersion(mlflow_model.EARLIER)
        if manifest or (folder / names.MANIFEST_FILE).is_file():
            _compare(folder, manifest)
        self.columns, output = mlflow_model.read(_read(folder, names.MLMODEL_FILE, mlflow_model.LARGEST))
        super().__init__(_read(folder, names.ONNX_FILE, LARGEST_GRAPH), self.columns, output)
        self.single = self.width == 1
        """Whether a prediction is one value."""
        self.number = self.single and self.dtype.kind in "fiu"
        """Whether it is one number, which can be stored and explained."""
        self.examples: Sequence[Row] = ()
        """Rows that it was tried with."""
        self.example = _read(folder, EXAMPLE_FILE) if (folder / EXAMPLE_FILE).is_file() else None
        """MLflow's input example, a body of /invocations; None if there is none."""
        self.typical: Row | None = None
        """The row that explanations begin with; None: there is none."""
        self.interval: Interval | None = None
        """From a prediction to the ends of its interval; None: there is none."""
        self.known: dict[str, Mapping[str, int]] = {}
        """By column the categories seen in training."""
        self.data: DataSet | None = None
        """Of a Relevo version, as the profile and the self-test."""
        self.profile: Profile | None = None
        self.self_test: SelfTest | None = None
        if (folder / names.DATA_SET_FILE).is_file():
            self.data = data = self._data_set(folder)
            self.profile = _parse(folder, names.PROFILE_FILE, Profile)
            self.self_test = _parse(folder, names.SELF_TEST_FILE, SelfTest)
            self.interval = data.predicts.interval(_quantile(_parse(folder, names.RESIDUALS_FILE, Residuals)))
            self.examples = [values_of(data, case.inputs) for case in self.self_test.examples]
            self.typical = values_of(data, _parse(folder, names.TYPICAL_FILE, Example).inputs)
            found = {name: self.profile.columns.get(name) for name in data.compared}
            self.known = {name: one.counts for name, one in found.items() if isinstance(one, CategoricalProfile)}

    def feeds(self, rows: Sequence[Row]) -> Feeds:
        """The rows, at least one, as the graph takes them."""
        columns = {name: [row.get(name) for row in rows] for name in self.names}
        return self.filled(columns) if self.data is None else graph_inputs(self.data, columns)

    def predict(self, rows: Sequence[Row]) -> NDArray[Any]:
        """Predictions of the rows, at least one. Raises GraphFailed."""
        return self.run(self.feeds(rows))

    def _data_set(self, folder: Path) -> DataSet:
        try:
            data = data_set.from_json(_read(folder, names.DATA_SET_FILE))
        except ValueError as error:
            raise BrokenVersion(f"expected {names.DATA_SET_FILE} to be a data set of this release: {error}") from None
        taken = {column.name for column in self.columns}
        if taken != set(data.inputs) or self.output != data.target:
            raise BrokenVersion(
                f"expected a version of the data set {data.name}, which predicts {data.target} from "
                f"{', '.join(data.inputs)}; its signature has {', '.join(sorted(taken))} and its graph gives "
                f"{self.output}: it is of another use case, train it again"
            )
        return data


def _quantile(residuals: Residuals) -> float:
    """How far the target may be from its prediction on the task's scale."""
    for level, quantile in zip(residuals.levels, residuals.absolute, strict=True):
        if math.isclose(level, CONFIDENCE) and math.isfinite(quantile) and quantile >= 0:
            return quantile
    raise BrokenVersion(
        f"expected {names.RESIDUALS_FILE} to hold a finite absolute residual at level {CONFIDENCE}, found levels "
        f"{residuals.levels} with {residuals.absolute}: train the version again"
    )


def _compare(folder: Path, recorded: str) -> None:
    """Hold every file against the manifest, and the manifest against the registry. Raises BrokenVersion."""
    digest = hashlib.sha256(_read(folder, names.MANIFEST_FILE)).hexdigest()
    if recorded and digest != recorded:
        raise BrokenVersion(
            f"expected {names.MANIFEST_FILE} with the SHA-256 {recorded[:64]} that the registry has, got {digest}: it "
            "was exchanged in the artifact store; train the version again"
        )
    files = _parse(folder, names.MANIFEST_FILE, Manifest).files
    for name in (name for name in FILES if name in files):
        content, entry = _read(folder, name, LARGEST_GRAPH), files[name]
        if len(content) != entry.size or hashlib.sha256(content).hexdigest() != entry.sha256:
            raise BrokenVersion(
                f"expected {name} of {entry.size:,} bytes as the manifest has it, got {len(content):,} that differ: it "
                "was cut or exchanged; train the version again"
            )


def _read(folder: Path, file: str, most: int = LARGEST) -> bytes:
    path = folder / file
    if not path.is_file():
        raise BrokenVersion(f"expected the file {file} in the version, it is missing: train the version again")
    if (size := path.stat().st_size) > most:
        raise BrokenVersion(f"expected {file} of at most {most:,} bytes, got {size:,}: train a smaller model")
    return path.read_bytes()


def _parse(folder: Path, file: str, kind: type[Parsed]) -> Parsed:
    try:
        return kind.model_validate_json(_read(folder, file))
    except ValidationError as error:
        raise BrokenVersion(
            f"expected {file} to be a {kind.__name__}, {mlflow_model.first(error)}: train the version again with this "
            "release, or serve it with the release that trained it"
        ) from None
