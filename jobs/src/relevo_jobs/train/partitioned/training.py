"""A training on the workers of a Dask cluster: `fitting.fit` and `bundle.write` of rows that are never all here.

What comes to this process: the vocabulary, the encoder, the boosters, the profile, the prices of held-out rows and what
is predicted for them, and some two hundred rows to explain and to test with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import xgboost
from numpy.typing import NDArray

from relevo_contract import names
from relevo_contract.data_set import Columns
from relevo_contract.identity import Identity
from relevo_contract.record import BatchRef
from relevo_jobs.train import bundle
from relevo_jobs.train.averaging import average
from relevo_jobs.train.fitting import (
    CANDIDATES,
    FIXED,
    MEMBER_ROUNDS,
    MEMBERS,
    VALIDATION,
    Fitted,
    Parameters,
)
from relevo_jobs.train.partitioned import agreement, boosting, learning, partition, profiles, sums, tasks
from relevo_jobs.train.partitioned.boosting import Encoded
from relevo_jobs.train.partitioned.cluster import Cluster, Future, connected
from relevo_jobs.train.partitioned.grouping import ALL, Grouping
from relevo_jobs.train.partitioned.partition import Part
from relevo_jobs.train.partitioned.statistics import centers, inputs, statistics
from relevo_jobs.use_case import SharedLesson, Trained, TrainedVersion


def train(folder: Path, lesson: SharedLesson) -> TrainedVersion:
    """Train a version on the cluster and write its files into an existing folder.

    Raises SettingsError if the cluster does not fit this step, Unavailable if the cluster or CLEAN is away.
    """
    newest = lesson.batches[-1].number if lesson.batches else 0
    with agreeing(lesson.scheduler, lesson.group, newest) as cluster:
        made = Training(cluster, lesson.group, lesson.batches, seed=lesson.seed, threads=lesson.threads, say=lesson.say)
        fitted = made.fit()
        lesson.say("measuring it and writing the version's files")
        written, identity = made.write(folder, fitted)
    trained = Trained(written.predicted, written.promised, fitted.parameters, written.onnx_difference)
    return TrainedVersion(made.rows, written.actual, trained, identity)


@contextmanager
def agreeing(address: str, group: int, newest: int) -> Iterator[Cluster]:
    """The cluster, if it has this step's code and reads the same CLEAN.

    Raises SettingsError if not, Unavailable if the cluster or CLEAN is away.
    """
    with connected(address) as cluster:
        ours = agreement.identity(group, newest)
        asked = [cluster.submit(agreement.identity, group, newest, on=w, nowhere_else=True) for w in cluster.workers]
        found = cluster.results(asked, needed=cluster.workers)
        agreement.expect_agreement(ours, dict(zip(cluster.workers, found, strict=True)))
        yield cluster


@dataclass(frozen=True)
class _Placed:
    """A part on its worker."""

    part: Part
    worker: str
    partition: Future
    rows: int


class Training:
    """One training. The same batches and seed draw the same folds, whatever the workers are."""

    def __init__(
        self,
        cluster: Cluster,
        group: int,
        batches: Sequence[BatchRef],
        *,
        seed: int,
        threads: int,
        say: Callable[[str], None],
    ) -> None:
        """Have the workers read the rows, as many as `relevo_jobs.needs` says."""
        self._cluster, self._group, self._seed, self._threads, self._say = cluster, group, seed, threads, say
        self._batches = tuple(batch.number for batch in batches)
        parts = partition.plan(batches)
        say(f"{len(parts)} partitions of {len(batches)} batches on {len(cluster.workers)} workers")
        # One after the other, so that each worker has about the same number of rows.
        workers = [cluster.workers[number % len(cluster.workers)] for number in range(len(parts))]
        read = [cluster.submit(tasks.read_part, p, group, on=w) for p, w in zip(parts, workers, strict=True)]
        self._vocabulary = cluster.added(
            partition.joined_vocabulary, [cluster.submit(tasks.vocabulary_of, found) for found in read]
        )
        self._counts = cluster.added(profiles.added_counts, [cluster.submit(tasks.counts_of, found) for found in read])
        coded = [
            cluster.submit(tasks.code, number, found, self._vocabulary, on=worker)
            for number, (found, worker) in enumerate(zip(read, workers, strict=True))
        ]
        found = cluster.results([cluster.submit(inputs, one) for one in coded])
        rows = [one.rows for one in found]
        self._placed = [_Placed(*one) for one in zip(parts, workers, coded, rows, strict=True)]
        self._sizes = cluster.result(cluster.submit(partition.sizes, self._vocabulary))
        self._around = centers(found)
        self.rows = sum(rows)

    def fit(self) -> Fitted:
        """The encoder and the booster."""
        vocabulary, everything = self._cluster.results([self._vocabulary, self._encoded(ALL)])
        (model,) = everything.models
        fixed: Parameters = FIXED | {"seed": self._seed, "base_score": model.overall["log_price"]}
        search = self._encoded(Grouping(seed=self._seed, validation=VALIDATION))
        attempts = boosting.added_attempts(self._together(boosting.search, search, fixed))
        best = boosting.best(attempts)
        rounds, chosen = round(attempts.rounds[best] * MEMBER_ROUNDS), fixed | CANDIDATES[best]
        boosters = []
        for number, whole in enumerate(MEMBERS):
            self._say(f"booster {number + 1} of {len(MEMBERS)}: {rounds} rounds")
            encoded = self._encoded(Grouping(seed=self._seed + number, whole=whole))
            trained, *_ = self._together(boosting.member, encoded, chosen | {"seed": self._seed + number}, rounds)
            boosters.append(xgboost.Booster(model_file=bytearray(trained)))
        found: Parameters = {
            "rounds": rounds,
            "members": len(MEMBERS),
            "validation_mae": float(attempts.errors[best] / attempts.rows),
            "workers": len(self._partitions()),
        }
        return Fitted(model.encoder(vocabulary), average(boosters), chosen | found)

    def write(self, folder: Path, fitted: Fitted) -> tuple[bundle.Written, Identity]:
        """As `bundle.write`: every file of the version, measured on the workers; and the held-out rows' identity."""
        bundle.write_model(folder, fitted)
        files = self._cluster.spread(
            tasks.Files(*((folder / n).read_bytes() for n in (names.XGBOOST_FILE, names.ONNX_FILE, names.ENCODER_FILE)))
        )
        by_worker = {worker: [p for p in self._placed if p.worker == worker] for worker in self._cluster.workers}
        scored = self._cluster.results(
            [
                self._cluster.submit(
                    tasks.score, [p.partition for p in mine], [p.part for p in mine], self._group, files, on=worker
                )
                for worker, mine in by_worker.items()
                if mine
            ]
        )
        of_part = {
            one.part: held
            for mine, (found, _) in zip(filter(None, by_worker.values()), scored, strict=True)
            for one, held in zip(mine, found, strict=True)
        }
        held = [of_part[placed.part] for placed in self._placed]
        identity = np.concatenate([one.identity for one in held])
        measured = bundle.Measured(
            np.concatenate([one.actual for one in held]),
            np.concatenate([one.predicted for one in held]),
            max(difference for _, difference in scored),
            identity,
        )
        trained = bundle.TrainedOn(self.rows, self._batches, profiles.profiles(self._cluster.result(self._counts)))
        ends = np.cumsum([len(one.actual) for one in held])
        written = bundle.write_evidence(
            folder, fitted, measured, trained, held_out=lambda rows: self._held_out(rows, ends), seed=self._seed
        )
        return written, identity

    def _held_out(self, rows: NDArray[np.int64], ends: NDArray[np.int64]) -> Columns:
        """Held-out rows by their place among those of all parts, whose ends are given."""
        part_of = np.searchsorted(ends, rows, side="right")
        starts = np.append(0, ends)[part_of]
        wanted = np.unique(part_of)
        pieces = self._cluster.results(
            [
                self._cluster.submit(
                    tasks.held_out,
                    self._placed[n].part,
                    self._group,
                    (rows - starts)[part_of == n],
                    on=self._placed[n].worker,
                )
                for n in wanted
            ]
        )
        order = np.argsort(np.concatenate([np.flatnonzero(part_of == n) for n in wanted]))
        return {name: np.concatenate([piece[name] for piece in pieces])[order] for name in pieces[0]}

    def _partitions(self) -> dict[str, list[Future]]:
        """By worker those that have rows."""
        found: dict[str, list[Future]] = {}
        for placed in self._placed:
            if placed.rows:
                found.setdefault(placed.worker, []).append(placed.partition)
        return found

    def _together(self, function: Any, *given: Any) -> list[Any]:
        return self._cluster.together(function, self._partitions(), self._threads, *given)

    def _encoded(self, grouping: Grouping) -> Future:
        """How a grouping's rows become features: its models are learnt on the cluster, and stay there."""
        submit, given = self._cluster.submit, (grouping, self._sizes, self._around)
        found = self._cluster.added(
            sums.added_statistics, [submit(statistics, placed.partition, *given) for placed in self._placed]
        )
        if grouping.whole is not None and not self._cluster.result(submit(learning.can_learn, found, grouping)):
            return self._encoded(replace(grouping, whole=None))  # all rows are of one category
        return submit(Encoded, grouping, submit(learning.learn_models, found, *given), self._sizes)
