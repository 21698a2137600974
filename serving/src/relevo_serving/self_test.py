"""What a freshly loaded version must show before it may serve."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydantic import ValidationError

from relevo_serving.bodies import parsed
from relevo_serving.errors import BrokenVersion, GraphFailed
from relevo_serving.model import EXAMPLE_FILE, Model
from relevo_serving.problems import Refusal
from relevo_serving.rows import Rows
from relevo_serving.tables import InvocationsRequest, records_of


def load_tested(folder: Path, manifest: str = "") -> Model:
    """Load a version and try it: on what training recorded, or of a version not Relevo's on MLflow's input example.

    Raises BrokenVersion, see Model; if a prediction is not the one recorded in training, or not finite.
    """
    model = Model(folder, manifest)
    try:
        if model.self_test is None and model.example is not None:
            asked = InvocationsRequest.model_validate(parsed(model.example, numbers_alone=False))
            reading = Rows(model, len(model.example))
            rows = reading.of(*records_of(asked, reading.names))
            model.examples = [row.values for row in rows]
            model.typical = model.examples[0]
        found = model.predict(model.examples) if model.examples else np.empty(0)
    except (GraphFailed, ValidationError, Refusal) as error:
        raise BrokenVersion(f"self-test: expected the model to predict its own example: {error}") from error
    if (cases := model.self_test) is None:
        if found.dtype.kind == "f" and not np.isfinite(found).all():
            raise BrokenVersion(f"self-test: expected finite predictions of {EXAMPLE_FILE}, got others: train it again")
        return model
    if not model.number:
        raise BrokenVersion(f"self-test: expected one number a row, the graph gives {found.dtype} of {found.shape}")
    expected = np.array([case.prediction for case in cases.examples])
    difference = np.abs(found - expected) / np.abs(expected)
    worst = int(np.argmax(np.where(np.isnan(difference), np.inf, difference)))
    if not difference[worst] <= cases.relative_tolerance:  # NaN fails as well
        raise BrokenVersion(
            f"self-test: expected {expected[worst]:,.2f} for example {worst + 1} of {len(expected)} within "
            f"{cases.relative_tolerance:.2g}, the model says {found[worst]:,.2f}: its files do not belong together; "
            "train the version again"
        )
    return model
