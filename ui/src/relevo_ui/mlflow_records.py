"""The only file of the UI that asks MLflow: the batches' runs, their decision records, versions and their files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from relevo_contract import mlflow_rest, names
from relevo_contract.bundle import HoldoutPredictions, ShapSummary
from relevo_contract.profile import Profile
from relevo_contract.record import DecisionRecord
from relevo_ui.errors import MlflowAway

PAGE: Final = 1000
STAMPS: Final = (names.TAG_TRAIN, names.TAG_VERSION, names.TAG_OUTCOME, names.TAG_INCLUDED)
FETCHERS: Final = 8
AWAY: Final = (
    "MLflow at {url} does not answer ({got}), so the history cannot be shown. Start it, or check MLFLOW_TRACKING_URI; "
    "predictions are not affected."
)


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
        return "/".join(self.tags.get(tag, "") for tag in STAMPS)

    @property
    def outline(self) -> DecisionRecord | None:
        """The record's outline, which stands in a tag; None where there is none, or it is of another release."""
        try:
            return DecisionRecord.model_validate_json(self.tags.get(names.TAG_OUTLINE, "")) if self.decided else None
        except ValidationError:
            return None


@dataclass(frozen=True)
class Version:
    """A registered version: its number, its run, its tags."""

    number: int
    run_id: str
    tags: Mapping[str, str]


Parsed = TypeVar("Parsed", bound=BaseModel)


def _tags(found: Mapping[str, Any]) -> dict[str, str]:
    return {tag["key"]: tag.get("value", "") for tag in found.get("tags", [])}


def _run(found: Mapping[str, Any]) -> BatchRun:
    info = found["info"]
    return BatchRun(info["run_id"], info["experiment_id"], info["artifact_uri"], _tags(found.get("data", {})))


class MlflowRecords:
    """Reads one registered model's history. Every method raises MlflowAway if MLflow does not answer."""

    def __init__(self, tracking_uri: str, model: str, *, timeout: float) -> None:
        self._client = httpx.Client(
            base_url=mlflow_rest.base_url(tracking_uri), timeout=timeout, headers=mlflow_rest.login()
        )
        self._model = model
        self._shown = mlflow_rest.shown(tracking_uri)
        self._kept: dict[tuple[str, str], DecisionRecord | None] = {}
        self._experiment: str | None = None
        self.calls = 0
        """Requests made so far."""

    def batches(self) -> list[BatchRun]:
        """The batches' runs, newest batch first."""
        if self._experiment is None:
            found = self._ask("GET", "mlflow/experiments/get-by-name", params={"experiment_name": self._model})
            if found is None:
                return []
            self._experiment = str(found["experiment"]["experiment_id"])
        asked = {"experiment_ids": [self._experiment]}
        runs = [_run(run) for run in self._pages("POST", "mlflow/runs/search", "runs", asked)]
        batches = [run for run in runs if run.tags.get(names.TAG_BATCH, "").isdigit()]
        return sorted(batches, key=lambda run: (int(run.tags[names.TAG_BATCH]), run.run_id), reverse=True)

    def versions(self) -> list[Version]:
        """The registered versions, newest first."""
        quoted = self._model.replace("'", "''")
        found = self._pages("GET", "mlflow/model-versions/search", "model_versions", {"filter": f"name = '{quoted}'"})
        versions = [Version(int(one["version"]), str(one.get("run_id", "")), _tags(one)) for one in found]
        return sorted(versions, key=lambda version: version.number, reverse=True)

    def production(self) -> int | None:
        """The version that the alias marks; None if there is none yet."""
        asked = {"name": self._model, "alias": names.ALIAS}
        found = self._ask("GET", "mlflow/registered-models/alias", params=asked)
        return int(found["model_version"]["version"]) if found is not None else None

    def outlines(self, runs: Sequence[BatchRun]) -> list[DecisionRecord | None]:
        """What each run's tag says of its record, or the record where it says nothing: one request for such a run."""
        found = [run.outline for run in runs]
        missing = [run for run, outline in zip(runs, found, strict=True) if outline is None and run.decided]
        with ThreadPoolExecutor(FETCHERS) as pool:
            fetched = iter(list(pool.map(self.record, missing)))
        return [
            next(fetched) if outline is None and run.decided else outline
            for run, outline in zip(runs, found, strict=True)
        ]

    def record(self, run: BatchRun) -> DecisionRecord | None:
        """The run's whole decision record; None where there is none yet, or it is of another release.

        It is fetched once: whoever adds to it changes the run's tags.
        """
        key = run.run_id, run.stamp
        if run.decided and key not in self._kept:
            self._kept[key] = _parse(DecisionRecord, self._file(run.artifact_uri, names.RECORD_FILE))
        return self._kept.get(key)

    def profile(self, run_id: str) -> Profile | None:
        """What the version of this run was trained on; None if it cannot be read."""
        return _parse(Profile, self._version_file(run_id, names.PROFILE_FILE))

    def shap(self, run_id: str) -> ShapSummary | None:
        """What moves the predictions of the version of this run; None if it cannot be read."""
        return _parse(ShapSummary, self._version_file(run_id, names.SHAP_FILE))

    def holdout(self, run_id: str) -> HoldoutPredictions | None:
        """Its predictions for held-out rows; None if it has none, as those of earlier releases."""
        return _parse(HoldoutPredictions, self._version_file(run_id, names.HOLDOUT_FILE))

    def picture(self, run_id: str, name: str) -> bytes | None:
        """A picture of the version of this run; None if there is none."""
        return self._version_file(run_id, name)

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

    def _pages(self, method: str, endpoint: str, field: str, asked: Mapping[str, Any]) -> list[Any]:
        """Every page of a search."""
        found: list[Any] = []
        asking: dict[str, Any] = {**asked, "max_results": PAGE}
        while True:
            page = self._ask(method, endpoint, **{"json" if method == "POST" else "params": asking}) or {}
            found += page.get(field, [])
            if not page.get("next_page_token"):
                return found
            asking["page_token"] = page["next_page_token"]

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
        self.calls += 1
        try:
            return self._client.request(method, endpoint, **arguments)
        except httpx.HTTPError as error:
            raise self._away(str(error) or type(error).__name__) from error

    def _expect(self, answer: httpx.Response) -> httpx.Response:
        if not answer.is_success:
            raise self._away(f"{answer.status_code}")
        return answer

    def _away(self, got: str) -> MlflowAway:
        return MlflowAway(AWAY, url=self._shown, got=got)


def _parse(kind: type[Parsed], body: bytes | None) -> Parsed | None:
    """The file's content; None without a file, or where another release wrote it."""
    try:
        return kind.model_validate_json(body) if body is not None else None
    except ValidationError:
        return None
