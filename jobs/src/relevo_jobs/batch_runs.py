"""The MLflow runs of the batches: one a batch, in the experiment named as the model; tags, figures, decision record."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from relevo_contract import names
from relevo_contract.record import BatchRef, DecisionRecord
from relevo_jobs.errors import StepError
from relevo_jobs.mlflow_api import MlflowApi, Refused

RECENT: Final = 50
"""Runs looked at to find the newest batch; they come newest first, so one would do unless clocks went back."""
MOST: Final = 10_000
LONGEST_TAG: Final = 8_000
"""Characters that MLflow takes as a tag's value."""


@dataclass(frozen=True)
class Run:
    """An MLflow run as it was read."""

    run_id: str
    artifact_uri: str
    tags: Mapping[str, str]
    params: Mapping[str, str]

    @property
    def batch(self) -> int:
        """The batch's number."""
        return int(self.tags[names.TAG_BATCH])

    def numbers(self, tag: str) -> list[int]:
        """The batch numbers that a tag lists."""
        found: list[int] = json.loads(self.tags.get(tag, "[]"))
        return found


def _run(found: Any) -> Run:
    info, data = found["info"], found.get("data", {})
    tags, params = ({one["key"]: one["value"] for one in data.get(kind, [])} for kind in ("tags", "params"))
    return Run(info["run_id"], info["artifact_uri"], tags, params)


def pairs(of: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags or parameters as MLflow takes them."""
    return [{"key": key, "value": value} for key, value in of.items()]


def _now() -> int:
    return int(time.time() * 1000)


def quoted(text: str) -> str:
    """A text in a search filter."""
    return "'" + text.replace("'", "''") + "'"


def batch_tags(batch: BatchRef) -> dict[str, str]:
    """What tells one batch from every other, also from a later one of the same number with another content."""
    return {
        names.TAG_GROUP: str(batch.group),
        names.TAG_BATCH: str(batch.number),
        names.TAG_BATCH_SHA256: batch.sha256,
    }


class BatchRuns:
    """The runs of one experiment. Raises Unavailable if MLflow is away, StepError if it refuses."""

    def __init__(self, api: MlflowApi, experiment: str) -> None:
        self._api = api
        self._name = experiment
        self._id: str | None = None

    def of_batch(self, batch: BatchRef) -> Run | None:
        """The batch's run; the first, should a lost answer of MLflow ever have led to a second."""
        conditions = " and ".join(f"tags.`{key}` = {quoted(value)}" for key, value in batch_tags(batch).items())
        return next(iter(self._search(conditions, "ASC", 1)), None)

    def newest(self, group: int, condition: str) -> Run | None:
        """The run of the newest batch that meets MLflow's condition."""
        return max(self._where(group, condition, RECENT), key=lambda run: run.batch, default=None)

    def recent(self, group: int, condition: str) -> list[Run]:
        """The runs that meet MLflow's condition, at most RECENT, newest first."""
        return self._where(group, condition, RECENT)

    def where(self, group: int, condition: str) -> list[Run]:
        """The runs that meet MLflow's condition, at most MOST, newest first."""
        return self._where(group, condition, MOST)

    def get(self, run_id: str) -> Run:
        """A run by its id."""
        return _run(self._api.get("find a run", "runs/get", run_id=run_id)["run"])

    def create(self, batch: BatchRef) -> Run:
        """A run for the batch, with the tags it is found by from its first moment on."""
        experiment = self._experiment() or self._make_experiment()
        tags, name = pairs(batch_tags(batch)), f"batch {batch.number}"
        asked = {"experiment_id": experiment, "run_name": name, "start_time": _now(), "tags": tags}
        return _run(self._api.post("make a run", "runs/create", **asked)["run"])

    def record(self, run: Run) -> DecisionRecord:
        """The run's decision record. Raises StepError if it is of another form."""
        body = self._api.file(run.run_id, names.RECORD_FILE)
        try:
            return DecisionRecord.model_validate_json(body)
        except ValidationError as error:
            raise StepError(
                f"expected a decision record in {names.RECORD_FILE} of run {run.run_id}, got something else "
                f"({error.error_count()} errors, first: {error.errors()[0]['msg']}): was it written by another release?"
            ) from error

    def outlined(self, run: Run) -> DecisionRecord:
        """The run's record without its largest parts, by its tag; the whole record where that is too long for one."""
        outline = run.tags.get(names.TAG_OUTLINE)
        try:
            return DecisionRecord.model_validate_json(outline) if outline else self.record(run)
        except ValidationError:
            return self.record(run)  # which says what is wrong

    def put_record(self, run: Run, record: DecisionRecord) -> None:
        """Write the record, or write it anew."""
        self._api.keep(run.artifact_uri, {names.RECORD_FILE: record.model_dump_json(indent=1).encode()})

    def log(
        self,
        run: Run,
        record: DecisionRecord,
        figures: Mapping[str, float],
        *,
        parameters: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Add figures, parameters and tags, the record's outline among them; what is there already stays once."""
        # One time and step for a batch's figures: MLflow keeps a figure that is logged again only once.
        at = {"timestamp": int(record.decided_at.timestamp() * 1000), "step": record.batch.number}
        metrics = [{"key": key, "value": float(value), **at} for key, value in figures.items()]
        # A parameter cannot be changed once written, and need not.
        new = {key: value for key, value in (parameters or {}).items() if key not in run.params}
        outline = record.outline().model_dump_json()
        # Too long for a tag (hundreds of batches left out, say), it is left empty: who reads it takes the record.
        told = {**(tags or {}), names.TAG_OUTLINE: outline if len(outline) <= LONGEST_TAG else ""}
        noted = {"metrics": metrics, "params": pairs(new), "tags": pairs(told)}
        self._api.post("note a batch's figures", "runs/log-batch", run_id=run.run_id, **noted)

    def tag(self, run: Run, key: str, value: str) -> None:
        """Set one tag."""
        self._api.post(f"set {key}", "runs/set-tag", run_id=run.run_id, key=key, value=value)

    def reopen(self, run: Run) -> None:
        """Take back that the batch was kept, and that its run is finished."""
        self._api.post("open a run again", "runs/update", run_id=run.run_id, status="RUNNING")
        self._api.post("open a run again", "runs/delete-tag", run_id=run.run_id, key=names.TAG_OUTCOME)

    def finish(self, run: Run) -> None:
        """Mark the run finished."""
        self._api.post("finish a run", "runs/update", run_id=run.run_id, status="FINISHED", end_time=_now())

    def _experiment(self) -> str | None:
        if self._id is None:
            try:
                asked = self._api.get("find the experiment", "experiments/get-by-name", experiment_name=self._name)
            except Refused as error:
                if error.code == names.MISSING:
                    return None
                raise
            experiment = asked["experiment"]
            if experiment["lifecycle_stage"] == "deleted":
                raise StepError(
                    f"expected the experiment {self._name} to be there, it was deleted in MLflow: restore it there, or "
                    "choose another RELEVO_MODEL"
                )
            self._id = str(experiment["experiment_id"])
        return self._id

    def _make_experiment(self) -> str:
        try:
            return str(self._api.post("make the experiment", "experiments/create", name=self._name)["experiment_id"])
        except Refused as error:
            found = self._experiment() if error.code == names.EXISTS else None  # another process was first
            if found is None:
                raise
            return found

    def _where(self, group: int, condition: str, limit: int) -> list[Run]:
        return self._search(f"tags.`{names.TAG_GROUP}` = '{group}' and {condition}", "DESC", limit)

    def _search(self, conditions: str, order: str, limit: int) -> list[Run]:
        experiment = self._experiment()
        if experiment is None:
            return []
        asked = {"filter": conditions, "max_results": limit, "order_by": [f"attributes.start_time {order}"]}
        found = self._api.post("search its runs", "runs/search", experiment_ids=[experiment], **asked)
        return [_run(run) for run in found.get("runs", [])]
