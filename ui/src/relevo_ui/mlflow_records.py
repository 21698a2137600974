"""The only file of the UI that asks MLflow: the batches' runs, their decision records, versions and their files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from relevo_contract import data_set, names
from relevo_contract.data_set import DataSet
from relevo_contract.mlflow_rest import MlflowError, MlflowRest, RegisteredVersion, registered_version
from relevo_contract.profile import Profile
from relevo_contract.record import DecisionRecord
from relevo_contract.version import Example, HoldoutPredictions, ShapleySummary, Vocabulary
from relevo_ui.errors import MlflowAway

PAGE: Final = 1000
STAMPS: Final = (names.TAG_TRAIN, names.TAG_VERSION, names.TAG_OUTCOME, names.TAG_INCLUDED)
FETCHERS: Final = 8
LARGEST_FILE: Final = 64 * 2**20
"""Bytes of a record, a picture or a profile."""
AWAY: Final = (
    "MLflow at {url} does not answer ({got}), so the history cannot be shown. Start it, or check MLFLOW_TRACKING_URI; "
    "predictions are not affected."
)


@dataclass(frozen=True)
class BatchRun:
    """The MLflow run of one batch, and what its tags say."""

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
        return "/".join(self.tags.get(tag, "") for tag in STAMPS)

    @property
    def outline(self) -> DecisionRecord | None:
        """The record's outline, which stands in a tag; None where there is none, or it is of another release."""
        try:
            return DecisionRecord.model_validate_json(self.tags.get(names.TAG_OUTLINE, "")) if self.decided else None
        except ValidationError:
            return None


T = TypeVar("T")


def _run(found: Mapping[str, Any]) -> BatchRun:
    info = found["info"]
    tags = {tag["key"]: tag.get("value", "") for tag in found.get("data", {}).get("tags", [])}
    return BatchRun(info["run_id"], info["experiment_id"], tags)


class MlflowRecords:
    """Reads one registered model's history. Every method raises MlflowAway if MLflow does not answer."""

    def __init__(self, tracking_uri: str, model: str, *, timeout: float) -> None:
        self._mlflow = MlflowRest(tracking_uri, timeout=timeout)
        self._model = model
        self._kept: dict[tuple[str, str], DecisionRecord | None] = {}
        self._versions: dict[int, RegisteredVersion] = {}
        self._experiment: str | None = None

    def batches(self) -> list[BatchRun]:
        """The batches' runs, newest batch first."""
        if self._experiment is None:
            found = self._found(lambda m: m.ask("GET", "experiments/get-by-name", {"experiment_name": self._model}))
            if found is None:
                return []
            self._experiment = str(found["experiment"]["experiment_id"])
        asked = {"experiment_ids": [self._experiment]}
        runs = [_run(run) for run in self._pages("POST", "runs/search", "runs", asked)]
        batches = [run for run in runs if run.tags.get(names.TAG_BATCH, "").isdigit()]
        return sorted(batches, key=lambda run: (int(run.tags[names.TAG_BATCH]), run.run_id), reverse=True)

    def versions(self) -> list[RegisteredVersion]:
        """The registered versions, newest first."""
        quoted = self._model.replace("'", "''")
        found = self._pages("GET", "model-versions/search", "model_versions", {"filter": f"name = '{quoted}'"})
        return sorted(map(registered_version, found), key=lambda version: version.number, reverse=True)

    def production(self) -> int | None:
        """The version that the alias marks; None if there is none yet."""
        found = self._found(lambda m: m.version_by_alias(self._model, names.ALIAS))
        return None if found is None else found.number

    def outlines(self, runs: Sequence[BatchRun]) -> list[DecisionRecord | None]:
        """What each run's tag says of its record, or the record where it says nothing: one request for such a run."""
        found = [run.outline for run in runs]
        missing = [run for run, outline in zip(runs, found, strict=True) if outline is None and run.decided]
        fetched = iter(self.whole(missing))
        return [
            next(fetched) if outline is None and run.decided else outline
            for run, outline in zip(runs, found, strict=True)
        ]

    def whole(self, runs: Sequence[BatchRun]) -> list[DecisionRecord | None]:
        """Each run's whole record, as `record` has it."""
        with ThreadPoolExecutor(FETCHERS) as pool:
            return list(pool.map(self.record, runs))

    def record(self, run: BatchRun) -> DecisionRecord | None:
        """The run's whole decision record; None where there is none yet, or it is of another release.

        It is fetched once: whoever adds to it changes the run's tags.
        """
        key = run.run_id, run.stamp
        if run.decided and key not in self._kept:
            body = self._found(lambda m: m.run_file(run.run_id, names.RECORD_FILE, LARGEST_FILE))
            self._kept[key] = _parse(DecisionRecord.model_validate_json, body)
        return self._kept.get(key)

    def data_set(self, version: int) -> DataSet | None:
        """Which columns the version knows, and what it predicts; None if it does not say."""
        return _parse(data_set.from_json, self._version_file(version, names.DATA_SET_FILE))

    def typical(self, version: int) -> Example | None:
        """The row that its explanations begin with; None if it has none."""
        return _parse(Example.model_validate_json, self._version_file(version, names.TYPICAL_FILE))

    def profile(self, version: int) -> Profile | None:
        """What the version was trained on; None if it cannot be read."""
        return _parse(Profile.model_validate_json, self._version_file(version, names.PROFILE_FILE))

    def shap(self, version: int) -> ShapleySummary | None:
        """What moves the version's predictions; None if it cannot be read."""
        return _parse(ShapleySummary.model_validate_json, self._version_file(version, names.SHAPLEY_FILE))

    def holdout(self, version: int) -> HoldoutPredictions | None:
        """Its predictions for held-out rows; None if it has none, as those of earlier releases."""
        return _parse(HoldoutPredictions.model_validate_json, self._version_file(version, names.HOLDOUT_FILE))

    def vocabulary(self, version: int) -> Vocabulary | None:
        """Which finer places it knows in each place; None if it does not say, as those of earlier releases."""
        return _parse(Vocabulary.model_validate_json, self._version_file(version, names.VOCABULARY_FILE))

    def picture(self, version: int, name: str) -> bytes | None:
        """A picture of the version; None if there is none."""
        return self._version_file(version, name)

    def _version_file(self, number: int, name: str) -> bytes | None:
        if number not in self._versions:  # where a version's files are never changes
            version = self._found(lambda m: m.version(self._model, number))
            if version is None:
                return None
            self._versions[number] = version
        return self._found(lambda m: m.version_file(self._versions[number], name, LARGEST_FILE))

    def _pages(self, method: str, endpoint: str, field: str, asked: Mapping[str, Any]) -> list[Any]:
        """Every page of a search."""
        found: list[Any] = []
        asking: dict[str, Any] = {**asked, "max_results": PAGE}
        while True:
            how: dict[str, Any] = {"json" if method == "POST" else "params": asking}
            page = self._found(partial(MlflowRest.ask, method=method, path=endpoint, **how)) or {}
            found += page.get(field, [])
            if not page.get("next_page_token"):
                return found
            asking["page_token"] = page["next_page_token"]

    def _found(self, ask: Callable[[MlflowRest], T]) -> T | None:
        """What MLflow has; None if it says that there is no such thing."""
        try:
            return ask(self._mlflow)
        except MlflowError as error:
            if error.absent:
                return None
            got = f"{error.status or ''} {error.said}".strip()
            raise MlflowAway(AWAY, url=self._mlflow.shown, got=got) from error


def _parse(read: Callable[[bytes], T], body: bytes | None) -> T | None:
    """The file's content; None without a file, or where another release wrote it."""
    try:
        return read(body) if body is not None else None
    except ValueError:
        return None
