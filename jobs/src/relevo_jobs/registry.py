"""What the steps keep in MLflow: one run per batch with its decision record, one version per training, the alias.

Each method may be killed at any line and called again. What marks a thing as done is written last:

| done | mark on the batch's run |
| --- | --- |
| decided | tag `relevo.train` |
| trained and registered | tag `relevo.version` |
| settled | tag `relevo.outcome`; where no training was asked for, it is written with the decision |
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from relevo_contract import names
from relevo_contract.mlflow_rest import registered_version
from relevo_contract.record import BatchRef, DecisionRecord, Promotion, TakenBack, Training
from relevo_jobs.batch_runs import BatchRuns, Run, batch_tags, pairs, quoted
from relevo_jobs.errors import Unavailable
from relevo_jobs.mlflow_api import MlflowApi, Refused
from relevo_jobs.roll_backs import Version, roll_back_tags


class Registry:
    """One registered model (and the experiment of the same name) in an MLflow server.

    Every method raises Unavailable if MLflow does not answer, StepError if it refuses.
    """

    def __init__(self, tracking_uri: str, model: str) -> None:
        self._api = MlflowApi(tracking_uri)
        self._runs = BatchRuns(self._api, model)
        self._model = model

    def champion(self) -> Version | None:
        """The version that the alias marks; None before the first promotion, or if it is not one of this format.

        Such a version, an earlier release's or somebody's own, has promised nothing that it could be judged by: the
        next one is judged as the first.
        """
        try:
            asked = {"name": self._model, "alias": names.ALIAS}
            found = registered_version(
                self._api.get("find the champion", "registered-models/alias", **asked).get("model_version")
            )
        except Refused as error:
            if error.code in names.ABSENT:
                return None
            raise
        return Version(found.number, found.run_id) if names.TAG_MANIFEST in found.tags else None

    def download(self, run_id: str, files: Sequence[str], folder: Path) -> None:
        """Write these of a version's files, such as `relevo/profile.json`, below an existing folder."""
        for file in files:
            body = self._api.file(run_id, f"{names.MODEL_FOLDER}/{file}")
            try:
                (folder / file).parent.mkdir(parents=True, exist_ok=True)
                (folder / file).write_bytes(body)
            except OSError as error:
                raise Unavailable(
                    f"expected room for {file} in {folder}, got: {error.strerror}; free some, or name another folder "
                    "with TMPDIR, and run the step again"
                ) from error

    def decided(self, batch: BatchRef) -> tuple[str, DecisionRecord] | None:
        """The run and record of this very batch (its body's hash counts), None until its decision is complete."""
        run = self._runs.of_batch(batch)
        if run is None or names.TAG_TRAIN not in run.tags:
            return None
        record = self._runs.record(run)
        # They differ if a batch that was kept was asked for, and that was cut short.
        return (run.run_id, record) if run.tags[names.TAG_TRAIN] == _spelled(record.decision.train) else None

    def history(self, before: BatchRef) -> list[DecisionRecord]:
        """The outlines of the newest decisions on batches before this one, at most RECENT, oldest first."""
        runs = self._runs.recent(before.group, f"tags.`{names.TAG_TRAIN}` != ''")
        records = [self._runs.outlined(run) for run in runs if run.batch < before.number]
        return sorted(records, key=lambda one: one.batch.number)

    def honoured(self, group: int, ask: str) -> tuple[str, DecisionRecord] | None:
        """The run and record of the training that this ask led to, None if it led to none yet."""
        condition = f"tags.`{names.TAG_ASKED}` = {quoted(ask)} and tags.`{names.TAG_TRAIN}` = 'true'"
        if (run := self._runs.newest(group, condition)) is None:
            return None
        record = self._runs.record(run)
        # The tag alone may be left over from a decision that was cut short and made anew without the ask.
        asked = record.decision.asked
        return (run.run_id, record) if asked is not None and asked.id == ask else None

    def save_decision(self, record: DecisionRecord) -> str:
        """Write the batch's decision into its one run, made if it is missing; returns the run's id.

        A batch that was kept may be decided again, for a training: its run is open again then.
        """
        run = self._runs.of_batch(record.batch) or self._runs.create(record.batch)
        decision = record.decision
        self._runs.put_record(run, record)
        tags = {names.TAG_WHY: decision.sentence, names.TAG_REASON: decision.reason.value}
        if decision.excluded:
            tags[names.TAG_EXCLUDED] = json.dumps(decision.excluded)
        if decision.asked is not None:
            tags[names.TAG_ASKED] = decision.asked.id
        if not decision.train:
            tags[names.TAG_OUTCOME] = names.OUTCOME_KEPT
        tags |= roll_back_tags(run, record)
        self._runs.log(run, record, _decision_figures(record), tags=tags)
        if not decision.train:
            self._runs.finish(run)
        elif names.TAG_OUTCOME in run.tags:
            self._runs.reopen(run)
        self._runs.tag(run, names.TAG_TRAIN, _spelled(decision.train))
        return run.run_id

    def excluded(self, group: int) -> set[int]:
        """The batches that no training uses, for a column of theirs is broken."""
        runs = self._left_out(group)
        return {n for run in runs for n in run.numbers(names.TAG_EXCLUDED)} - _included(runs)

    def included(self, group: int) -> set[int]:
        """The batches that were left out and somebody took back."""
        return _included(self._left_out(group))

    def include(self, group: int, told: TakenBack) -> None:
        """Use batches again that were left out, and say so in each record that left some of them out."""
        for run in self._left_out(group):
            mine = set(told.batches) & set(run.numbers(names.TAG_EXCLUDED))
            before = set(run.numbers(names.TAG_INCLUDED))
            if mine <= before:
                continue
            record = self._runs.record(run)
            # Of one that was cut short the record tells already.
            if new := mine - {number for one in record.taken_back for number in one.batches}:
                more = told.model_copy(update={"batches": tuple(sorted(new))})
                record = record.model_copy(update={"taken_back": (*record.taken_back, more)})
                self._runs.put_record(run, record)
            self._runs.log(run, record, {})
            self._runs.tag(run, names.TAG_INCLUDED, json.dumps(sorted(before | mine)))

    def _left_out(self, group: int) -> list[Run]:
        """The runs whose decision left batches out."""
        return self._runs.where(group, f"tags.`{names.TAG_EXCLUDED}` != ''")

    def pending_training(self, group: int) -> tuple[str, DecisionRecord] | None:
        """The newest decision that asked for a training, None if there is none or it is registered already."""
        run = self._runs.newest(group, f"tags.`{names.TAG_TRAIN}` = 'true'")
        return None if run is None or names.TAG_VERSION in run.tags else (run.run_id, self._runs.record(run))

    def register(self, run_id: str, folder: Path, record: DecisionRecord) -> int:
        """Register what a folder holds, folders in it included, as the run's one version and return its number.

        `record.training` says what was trained. If the run has a version already, that one stays as it is.
        """
        run = self._runs.get(run_id)
        version = self._version_of(run_id)
        if version is None:
            files = (file for file in sorted(folder.rglob("*")) if file.is_file())
            named = {f"{names.MODEL_FOLDER}/{file.relative_to(folder)}": file.read_bytes() for file in files}
            self._api.keep(run.artifact_uri, named)
            # Before the version exists: once it does, it is told by what trained it and not by a second try.
            self._runs.put_record(run, record)
            version = self._create_version(
                run, record, hashlib.sha256((folder / names.MANIFEST_FILE).read_bytes()).hexdigest()
            )
        else:
            record = self._runs.record(run)
        training = _training(record).model_copy(update={"version": version})
        record = record.model_copy(update={"training": training})
        self._runs.put_record(run, record)
        parameters = {key: str(value) for key, value in training.parameters.items()}
        parameters |= {"seed": str(training.seed), "batches": json.dumps(training.batches)}
        self._runs.log(run, record, _training_figures(training), parameters=parameters)
        self._runs.tag(run, names.TAG_VERSION, str(version))
        return version

    def pending_promotion(self, group: int) -> tuple[str, DecisionRecord] | None:
        """The newest version that is neither promoted nor rejected yet, None if there is none.

        Its record holds a promotion already if settling it was cut short: settle that one.
        """
        run = self._runs.newest(group, f"tags.`{names.TAG_VERSION}` != ''")
        return None if run is None or names.TAG_OUTCOME in run.tags else (run.run_id, self._runs.record(run))

    def settle(self, run_id: str, record: DecisionRecord) -> None:
        """Make the challenger production, or mark it rejected, as `record.promotion` says."""
        promotion = record.promotion
        if promotion is None:
            raise ValueError("expected a record with its promotion, got one without")
        run = self._runs.get(run_id)
        self._runs.put_record(run, record)
        outcome = names.OUTCOME_PROMOTED if promotion.promoted else names.OUTCOME_REJECTED
        tags = {names.TAG_CRITERION: promotion.criterion.value, names.TAG_PROMOTION_WHY: promotion.sentence}
        self._runs.log(run, record, _promotion_figures(promotion), tags=tags)
        challenger, champion = promotion.challenger_version, promotion.champion_version
        if promotion.promoted:
            tags[names.TAG_PROMOTED_AT] = datetime.now(UTC).isoformat(timespec="seconds")
        for key, value in (tags | {names.TAG_OUTCOME: outcome}).items():
            self._tag_version(challenger, key, value)
        if promotion.promoted:
            marked = {"name": self._model, "alias": names.ALIAS, "version": str(challenger)}
            self._api.post(f"mark version {challenger} {names.ALIAS}", "registered-models/alias", **marked)
            self._tag_version(challenger, names.STAGE_TAG, names.STAGE_PRODUCTION)
            if champion is not None and champion != challenger:
                self._tag_version(champion, names.STAGE_TAG, names.STAGE_ARCHIVED)
        self._runs.finish(run)
        self._runs.tag(run, names.TAG_OUTCOME, outcome)

    def _version_of(self, run_id: str) -> int | None:
        asked = {"filter": f"run_id = {quoted(run_id)}"}
        found = self._api.get("search its versions", "model-versions/search", **asked).get("model_versions", [])
        return min((int(one["version"]) for one in found if one["name"] == self._model), default=None)

    def _create_version(self, run: Run, record: DecisionRecord, manifest: str) -> int:
        try:
            self._api.post("make the registered model", "registered-models/create", name=self._model)
        except Refused as error:
            if error.code != names.EXISTS:
                raise
        tags = batch_tags(record.batch) | {
            names.TAG_BATCHES_SEEN: json.dumps(_training(record).batches),
            names.TAG_WHY: record.decision.sentence,
            names.TAG_MANIFEST: manifest,
        }
        source = f"{run.artifact_uri}/{names.MODEL_FOLDER}"
        asked = {"name": self._model, "source": source, "run_id": run.run_id, "tags": pairs(tags)}
        return int(self._api.post("make a version", "model-versions/create", **asked)["model_version"]["version"])

    def _tag_version(self, version: int, key: str, value: str) -> None:
        tag = {"name": self._model, "version": str(version), "key": key, "value": value}
        self._api.post(f"set {key} on version {version}", "model-versions/set-tag", **tag)


def _included(runs: Iterable[Run]) -> set[int]:
    return {number for run in runs for number in run.numbers(names.TAG_INCLUDED)}


def _spelled(train: bool) -> str:
    return "true" if train else "false"


def _training(record: DecisionRecord) -> Training:
    if record.training is None:
        raise ValueError("expected a record with its training, got one without")
    return record.training


def _decision_figures(record: DecisionRecord) -> dict[str, float]:
    figures: dict[str, float] = {"rows": record.batch.rows, "kept": record.batch.kept}
    figures |= {f"distance/{evidence.column}": evidence.distance for evidence in record.decision.columns}
    if (error := record.decision.error) is not None:
        figures |= {"error_on_batch": error.now.value, "error_promised": error.promised.value}
    if (previous := record.decision.previous) is not None:
        figures |= {"previous_error": previous.headline.value, "previous_difference": previous.difference.value}
    return figures


def _training_figures(training: Training) -> dict[str, float]:
    return {
        "training_rows": training.rows,
        "training_seconds": training.seconds,
        "onnx_difference": training.onnx_difference,
    }


def _promotion_figures(promotion: Promotion) -> dict[str, float]:
    figures: dict[str, float] = {"judged_rows": promotion.rows}
    for name, estimate in (
        ("champion_error", promotion.champion),
        ("challenger_error", promotion.challenger),
        ("difference", promotion.difference),
    ):
        figures |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
    if (rehearsal := promotion.rehearsal) is not None:
        figures |= {"rehearsed_rows": rehearsal.told.rows, "changed_much": rehearsal.told.much}
    return figures
