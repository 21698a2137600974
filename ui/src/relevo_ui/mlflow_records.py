"""The only file of the UI that knows MLflow: the batches' runs, their decision records, a version's pictures."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from relevo_contract import names
from relevo_contract.profile import Profile
from relevo_contract.record import DecisionRecord
from relevo_ui.errors import MlflowAway

Result = TypeVar("Result")
PAGE = 1000
FETCHERS = 8
MISSING = frozenset({"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"})
"""MLflow's codes for an alias or model that is not there (an alias of an unknown model is "invalid")."""


@dataclass(frozen=True)
class BatchRun:
    """The MLflow run of one batch: what its tags say."""

    run_id: str
    experiment_id: str
    tags: Mapping[str, str]

    @property
    def decided(self) -> bool:
        """Whether the decision is written: this tag is the last thing that `decide` writes."""
        return names.TAG_TRAIN in self.tags

    @property
    def stamp(self) -> str:
        """Changes whenever a step adds to the run's record."""
        return "/".join(self.tags.get(tag, "") for tag in (names.TAG_TRAIN, names.TAG_VERSION, names.TAG_OUTCOME))


class MlflowRecords:
    """Reads one registered model's history."""

    def __init__(self, tracking_uri: str, model: str, *, timeout: float) -> None:
        # Read by MLflow at each request. A page must not hang for MLflow's own minutes of retries.
        os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] = str(max(1, round(timeout)))
        os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "1"
        os.environ["MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR"] = "0"
        # Through the server, never by presigned links: only the server need reach the store.
        os.environ["MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD"] = "false"
        os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
        from mlflow.exceptions import MlflowException  # noqa: PLC0415  # slow to import: when a page first needs it
        from mlflow.tracking import MlflowClient  # noqa: PLC0415

        self._kept: dict[tuple[str, str], DecisionRecord | None] = {}
        self._failure = MlflowException
        self._failures = (MlflowException, OSError)
        self._client = MlflowClient(tracking_uri, tracking_uri)
        self._model = model
        self._shown = tracking_uri.rpartition("@")[2]  # an address may hold a password

    def _call(self, ask: Callable[[], Result]) -> Result:
        try:
            return ask()
        except self._failures as error:
            raise MlflowAway(
                f"MLflow at {self._shown} does not answer, so the history cannot be shown. Start it, or check "
                "MLFLOW_TRACKING_URI; predictions are not affected."
            ) from error

    def batches(self) -> list[BatchRun]:
        """The batches' runs, newest batch first. Raises MlflowAway."""
        experiment = self._call(lambda: self._client.get_experiment_by_name(self._model))
        if experiment is None:
            return []
        found: list[BatchRun] = []
        token: str | None = None
        while True:
            page = self._call(
                lambda token=token: self._client.search_runs(  # type: ignore[misc]
                    [experiment.experiment_id], max_results=PAGE, page_token=token
                )
            )
            found += [BatchRun(r.info.run_id, r.info.experiment_id, dict(r.data.tags)) for r in page]
            token = page.token
            if not token:
                break
        batches = [run for run in found if run.tags.get(names.TAG_BATCH, "").isdigit()]
        return sorted(batches, key=lambda run: (int(run.tags[names.TAG_BATCH]), run.run_id), reverse=True)

    def production(self) -> int | None:
        """The version that the alias marks; None if there is none yet. Raises MlflowAway."""

        def ask() -> int | None:
            try:
                return int(self._client.get_model_version_by_alias(self._model, names.ALIAS).version)
            except self._failure as error:
                if error.error_code in MISSING:
                    return None
                raise

        return self._call(ask)

    def records(self, runs: Sequence[BatchRun]) -> list[DecisionRecord | None]:
        """Each run's decision record, None where there is none yet. Raises MlflowAway.

        A record is fetched once: whoever adds to it changes the run's tags.
        """
        wanted = [run for run in runs if run.decided and (run.run_id, run.stamp) not in self._kept]
        with ThreadPoolExecutor(FETCHERS) as pool:
            for run, record in zip(wanted, pool.map(lambda run: self._record(run.run_id), wanted), strict=True):
                self._kept[run.run_id, run.stamp] = record
        return [self._kept.get((run.run_id, run.stamp)) for run in runs]

    def _record(self, run_id: str) -> DecisionRecord | None:
        body = self._file(run_id, names.RECORD_FILE)
        try:
            return DecisionRecord.model_validate_json(body) if body is not None else None
        except ValidationError:
            return None

    def profile(self, run_id: str) -> Profile | None:
        """What the version of this run was trained on; None if it cannot be read. Raises MlflowAway."""
        body = self._file(run_id, f"{names.MODEL_FOLDER}/{names.PROFILE_FILE}")
        try:
            return Profile.model_validate_json(body) if body is not None else None
        except ValidationError:
            return None

    def picture(self, run_id: str, name: str) -> bytes | None:
        """A picture of the version of this run; None if there is none. Raises MlflowAway."""
        return self._file(run_id, f"{names.MODEL_FOLDER}/{name}")

    def _file(self, run_id: str, path: str) -> bytes | None:
        folder = path.rpartition("/")[0]
        if path not in {f.path for f in self._call(lambda: self._client.list_artifacts(run_id, folder or None))}:
            return None
        with tempfile.TemporaryDirectory(prefix="relevo-ui-") as target:
            return Path(self._call(lambda: self._client.download_artifacts(run_id, path, target))).read_bytes()
