"""The version that served before the champion, asked for each batch that neither was trained on."""

from __future__ import annotations

from pathlib import Path

from relevo_contract import names
from relevo_contract.data_set import Columns
from relevo_contract.previous import Previous
from relevo_contract.profile import Profile
from relevo_contract.record import BatchRef
from relevo_contract.tasks import Floats
from relevo_jobs.decide.previous import Rule, judge, paired
from relevo_jobs.registry import Registry
from relevo_jobs.roll_backs import RollBacks, Version
from relevo_jobs.scoring import Scorer
from relevo_jobs.use_case import UseCase


class Before:
    """Holds the champion against the version before, batch by batch, oldest first."""

    def __init__(self, registry: Registry, backs: RollBacks, champion: Version, folder: Path, *, use_case: UseCase):
        """Load the version before into the folder, if there is one that could serve again."""
        self._backs, self._champion, self._use_case = backs, champion.number, use_case
        self._version = backs.before(champion)
        if self._version is not None:
            folder.mkdir()
            registry.download(self._version.run_id, [names.PROFILE_FILE, *Scorer.FILES], folder)
            self._trained = Profile.model_validate_json((folder / names.PROFILE_FILE).read_bytes()).batches
            self._scorer = Scorer(folder)

    def evidence(self, ref: BatchRef, columns: Columns, champion: Floats, rule: Rule) -> Previous | None:
        """What the batch says, together with those before it; None if it says nothing.

        `columns` are the batch's n rows, `champion` the champion's answers to them on the task's scale, (n,).
        """
        if self._version is None or ref.number in self._trained:
            return None
        data, previous = self._use_case.data, self._scorer.predict(columns)
        task, identity = data.predicts, self._use_case.identity_of(columns)
        actual = task.scaled(columns[data.target])
        figure = paired(ref.number, task.losses(actual, previous), task.losses(actual, champion), identity)
        if figure is None:
            return None
        known = self._backs.figures(ref.group, self._version.number, self._champion, ref)
        before, now = (task.headline(actual, one, identity) for one in (previous, champion))
        versions = (self._version.number, self._champion)
        return judge(versions, (before, now), [*known, figure], rule, task=task, unit=data.unit)
