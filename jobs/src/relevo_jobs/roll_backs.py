"""Roll backs in MLflow: which version served before, how it has done since, and the alias given back to it.

Each method may be killed at any line and called again: what is to be done is written into the batch's record first, and
the tag `relevo.roll_back` says last that it is done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from relevo_contract import names
from relevo_contract.mlflow_rest import registered_version
from relevo_contract.previous import PairedBatch, RolledBack
from relevo_contract.record import BatchRef, DecisionRecord
from relevo_jobs.batch_runs import BatchRuns, Run
from relevo_jobs.mlflow_api import MlflowApi, Refused


@dataclass(frozen=True)
class Version:
    """A registered version and the run that holds its files."""

    number: int
    run_id: str


def roll_back_tags(run: Run, record: DecisionRecord) -> dict[str, str]:
    """A decision's tags on its run; what promote did of an earlier one for the same batch stays done."""
    previous, state = record.decision.previous, run.tags.get(names.TAG_ROLL_BACK)
    tags = {}
    if previous is not None:
        tags[names.TAG_PAIR] = _pair(previous.version, record.champion_version)
    if previous is not None and previous.roll_back:
        tags[names.TAG_ROLL_BACK] = state or names.ROLL_BACK_DUE
    elif state == names.ROLL_BACK_DUE:
        tags[names.TAG_ROLL_BACK] = names.ROLL_BACK_VOID
    return tags


def _pair(previous: int, champion: int | None) -> str:
    return f"{previous} before {champion}"


class RollBacks:
    """Of one registered model. Every method raises Unavailable if MLflow does not answer, StepError if it refuses."""

    def __init__(self, tracking_uri: str, model: str) -> None:
        self._api = MlflowApi(tracking_uri)
        self._runs = BatchRuns(self._api, model)
        self._model = model

    def before(self, champion: Version) -> Version | None:
        """The version from which the champion took over, if it could serve again.

        None for a champion that took over from none; for one that lost the alias by evidence once and has it from a
        person; and where the version before is gone, cannot serve, or lost the alias so itself: so no version gets it
        by evidence that lost it by evidence, and the alias never goes round.
        """
        promotion = self._runs.record(self._runs.get(champion.run_id)).promotion
        taken_over = promotion is not None and promotion.promoted and promotion.challenger_version == champion.number
        if promotion is None or not taken_over or promotion.champion_version is None:
            return None
        if names.TAG_ROLLED_BACK_AT in self._tags(champion.number)[1]:
            return None
        run_id, tags = self._tags(promotion.champion_version)
        unfit = names.TAG_MANIFEST not in tags or tags.get(names.TAG_SERVING) == names.SERVING_FAILED
        return None if unfit or names.TAG_ROLLED_BACK_AT in tags else Version(promotion.champion_version, run_id)

    def figures(self, group: int, previous: int, champion: int, but: BatchRef) -> list[PairedBatch]:
        """The figures of both versions, a batch each, oldest first, without this batch's own."""
        found: dict[str, PairedBatch] = {}
        for run in self._runs.where(group, f"tags.`{names.TAG_PAIR}` = '{_pair(previous, champion)}'"):
            sha256 = run.tags[names.TAG_BATCH_SHA256]
            told = self._runs.outlined(run).decision.previous
            if told is not None and told.version == previous and sha256 != but.sha256:
                found[sha256] = told.this
        return sorted(found.values(), key=lambda one: one.batch)

    def pending(self, group: int) -> tuple[str, DecisionRecord] | None:
        """The newest decision that asks for the alias to be given back and is not settled; None if there is none."""
        run = self._runs.newest(group, f"tags.`{names.TAG_ROLL_BACK}` = '{names.ROLL_BACK_DUE}'")
        return None if run is None or names.TAG_TRAIN not in run.tags else (run.run_id, self._runs.record(run))

    def settle(self, run_id: str, record: DecisionRecord, champion: int | None) -> RolledBack | None:
        """Give the alias back as the record asks; None if it has moved on since, which is then noted.

        `champion` is the version that has it now.
        """
        run, previous, told = self._runs.get(run_id), record.decision.previous, record.rolled_back
        if previous is None:
            raise ValueError(f"expected run {run_id}, which asks for a roll back, to tell of the version before")
        expected = {record.champion_version} if told is None else {told.from_version, told.to_version}
        if champion is None or record.champion_version is None or champion not in expected:
            self._runs.tag(run, names.TAG_ROLL_BACK, names.ROLL_BACK_VOID)
            return None
        if told is None:
            told = RolledBack(
                from_version=record.champion_version,
                to_version=previous.version,
                at=datetime.now(UTC),
                why=previous.sentence,
            )
            record = record.model_copy(update={"rolled_back": told})
            self._runs.put_record(run, record)
        at = told.at.isoformat(timespec="seconds")
        # First, so that whatever comes between, this version is never given the alias back.
        self._tag(told.from_version, names.TAG_ROLLED_BACK_AT, at)
        self._tag(told.from_version, names.TAG_ROLL_BACK_WHY, told.why)
        marked = {"name": self._model, "alias": names.ALIAS, "version": str(told.to_version)}
        self._api.post(f"give {names.ALIAS} back to version {told.to_version}", "registered-models/alias", **marked)
        self._tag(told.to_version, names.TAG_GIVEN_BACK_AT, at)
        self._tag(told.to_version, names.TAG_ROLL_BACK_WHY, told.why)
        self._tag(told.to_version, names.STAGE_TAG, names.STAGE_PRODUCTION)
        self._tag(told.from_version, names.STAGE_TAG, names.STAGE_ARCHIVED)
        self._runs.log(run, record, {})
        self._runs.tag(run, names.TAG_ROLL_BACK, names.ROLL_BACK_DONE)
        return told

    def _tags(self, version: int) -> tuple[str, Mapping[str, str]]:
        """A version's run and tags; none if it is gone."""
        try:
            asked = {"name": self._model, "version": str(version)}
            found = registered_version(self._api.get("find a version", "model-versions/get", **asked)["model_version"])
        except Refused as error:
            if error.code in names.ABSENT:
                return "", {}
            raise
        return found.run_id, found.tags

    def _tag(self, version: int, key: str, value: str) -> None:
        tag = {"name": self._model, "version": str(version), "key": key, "value": value}
        self._api.post(f"set {key} on version {version}", "model-versions/set-tag", **tag)
