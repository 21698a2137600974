"""What MLflow holds, read by MLflow's own client."""

from __future__ import annotations

from typing import Any

from mlflow import MlflowClient

from relevo_contract import names
from relevo_contract.record import DecisionRecord


class Told:
    """One model's runs and versions."""

    def __init__(self, url: str, model: str) -> None:
        self._client, self._model = MlflowClient(url, url), model

    def runs(self) -> dict[int, Any]:
        """The batches' runs by batch number; fails if a batch has two."""
        experiment = self._client.get_experiment_by_name(self._model)
        found = self._client.search_runs([experiment.experiment_id]) if experiment else []
        by_batch = {int(run.data.tags[names.TAG_BATCH]): run for run in found}
        assert len(by_batch) == len(found), "a batch has more than one run"
        return by_batch

    def versions(self) -> dict[int, Any]:
        """The versions by number."""
        found = self._client.search_model_versions(f"name = '{self._model}'")
        return {int(version.version): version for version in found}

    def production(self) -> int | None:
        """The version that the alias marks."""
        aliases = self._client.get_registered_model(self._model).aliases
        return int(aliases[names.ALIAS]) if names.ALIAS in aliases else None

    def record(self, number: int) -> DecisionRecord:
        """A batch's decision record."""
        run = self.runs()[number]
        text = self._client.download_artifacts(run.info.run_id, names.RECORD_FILE)
        with open(text, encoding="utf-8") as file:  # noqa: PTH123
            return DecisionRecord.model_validate_json(file.read())

    def files(self, run_id: str) -> set[str]:
        """The files of a version."""
        return {artifact.path for artifact in self._client.list_artifacts(run_id, names.MODEL_FOLDER)}
