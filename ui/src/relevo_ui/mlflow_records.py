"""The only file of the UI that asks MLflow: the batches' runs, their decision records, a version's pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import httpx
from pydantic import ValidationError

from relevo_contract import mlflow_rest, names
from relevo_contract.profile import Profile
from relevo_contract.record import DecisionRecord
from relevo_ui.errors import MlflowAway

PAGE: Final = 1000
FETCHERS: Final = 8


@dataclass(frozen=True)
class BatchRun:
    """The MLflow run of one batch: what its tags say, and where its files lie."""

    run_id: str
    experiment_id: str
    artifact_uri: str
    tags: Mapping[str, str]

    @property
    def decided(self) -> bool:
        """Whether the decision is written: this tag is the last thing that `decide` writes."""
        return names.TAG_TRAIN in self.tags

    @property
    def stamp(self) -> str:
        """Changes whenever a step adds to the run's record."""
        return "/".join(self.tags.get(tag, "") for tag in (names.TAG_TRAIN, names.TAG_VERSION, names.TAG_OUTCOME))


def _run(found: Mapping[str, Any]) -> BatchRun:
    info, tags = found["info"], found.get("data", {}).get("tags", [])
    by_key = {tag["key"]: tag.get("value", "") for tag in tags}
    return BatchRun(info["run_id"], info["experiment_id"], info["artifact_uri"], by_key)


class MlflowRecords:
    """Reads one registered model's history. Every method raises MlflowAway if MLflow does not answer."""

    def __init__(self, tracking_uri: str, model: str, *, timeout: float) -> None:
        self._client = httpx.Client(
            base_url=mlflow_rest.base_url(tracking_uri), timeout=timeout, headers=mlflow_rest.login()
        )
        self._model = model
        self._shown = mlflow_rest.shown(tracking_uri)
        self._kept: dict[tuple[str, str], DecisionRecord | None] = {}

    def batches(self) -> list[BatchRun]:
        """The batches' runs, newest batch first."""
        experiment = self._ask("GET", "mlflow/experiments/get-by-name", params={"experiment_name": self._model})
        if experiment is None:
            return []
        asked: dict[str, Any] = {"experiment_ids": [experiment["experiment"]["experiment_id"]], "max_results": PAGE}
        found: list[BatchRun] = []
        while True:
            page = self._ask("POST", "mlflow/runs/search", json=asked) or {}
            found += [_run(run) for run in page.get("runs", [])]
            if not page.get("next_page_token"):
                break
            asked["page_token"] = page["next_page_token"]
        batches = [run for run in found if run.tags.get(names.TAG_BATCH, "").isdigit()]
        return sorted(batches, key=lambda run: (int(run.tags[names.TAG_BATCH]), run.run_id), reverse=True)

    def production(self) -> int | None:
        """The version that the alias marks; None if there is none yet."""
        asked = {"name": self._model, "alias": names.ALIAS}
        found = self._ask("GET", "mlflow/registered-models/alias", params=asked)
        return int(found["model_version"]["version"]) if found is not None else None

    def records(self, runs: Sequence[BatchRun]) -> list[DecisionRecord | None]:
        """Each run's decision record; None where there is none yet, or it is of another release.

        A record is fetched once: whoever adds to it changes the run's tags.
        """
        wanted = [run for run in runs if run.decided and (run.run_id, run.stamp) not in self._kept]
        with ThreadPoolExecutor(FETCHERS) as pool:
            for run, record in zip(wanted, pool.map(self._record, wanted), strict=True):
                self._kept[run.run_id, run.stamp] = record
        return [self._kept.get((run.run_id, run.stamp)) for run in runs]

    def profile(self, run_id: str) -> Profile | None:
        """What the version of this run was trained on; None if it cannot be read."""
        body = self._version_file(run_id, names.PROFILE_FILE)
        try:
            return Profile.model_validate_json(body) if body is not None else None
        except ValidationError:
            return None

    def picture(self, run_id: str, name: str) -> bytes | None:
        """A picture of the version of this run; None if there is none."""
        return self._version_file(run_id, name)

    def _record(self, run: BatchRun) -> DecisionRecord | None:
        body = self._file(run.artifact_uri, names.RECORD_FILE)
        try:
            return DecisionRecord.model_validate_json(body) if body is not None else None
        except ValidationError:
            return None

    def _version_file(self, run_id: str, name: str) -> bytes | None:
        run = self._ask("GET", "mlflow/runs/get", params={"run_id": run_id})
        return None if run is None else self._file(_run(run["run"]).artifact_uri, f"{names.MODEL_FOLDER}/{name}")

    def _file(self, artifact_uri: str, path: str) -> bytes | None:
        root = mlflow_rest.artifact_root(artifact_uri)
        if root is None:
            return None  # not handed out by the server: written by something that is not Relevo
        above, _, name = f"{root}/{path}".rpartition("/")
        answer = self._send("GET", mlflow_rest.artifact(above, name))
        if not answer.is_success:  # a file that is not there is a 500 to MLflow on S3: the folder tells
            listed = self._ask("GET", f"{mlflow_rest.PROXIED}/artifacts", params={"path": above}) or {}
            if name not in {file["path"].rpartition("/")[2] for file in listed.get("files", [])}:
                return None
        return self._expect(answer).content

    def _ask(self, method: str, endpoint: str, **arguments: Any) -> Any:
        """MLflow's answer; None if it says that there is no such thing."""
        answer = self._send(method, endpoint, **arguments)
        try:
            body = answer.json()
        except ValueError as error:
            raise self._away(f"{answer.status_code}, not JSON") from error
        if answer.is_client_error and body.get("error_code") in mlflow_rest.ABSENT:
            return None
        self._expect(answer)
        return body

    def _send(self, method: str, endpoint: str, **arguments: Any) -> httpx.Response:
        try:
            return self._client.request(method, endpoint, **arguments)
        except httpx.HTTPError as error:
            raise self._away(str(error) or type(error).__name__) from error

    def _expect(self, answer: httpx.Response) -> httpx.Response:
        if not answer.is_success:
            raise self._away(f"{answer.status_code}")
        return answer

    def _away(self, got: str) -> MlflowAway:
        return MlflowAway(
            f"MLflow at {self._shown} does not answer ({got}), so the history cannot be shown. Start it, or check "
            "MLFLOW_TRACKING_URI; predictions are not affected."
        )
