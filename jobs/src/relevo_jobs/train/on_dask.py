"""A training on the workers of a Dask cluster, of rows that are never all in one process.

Each worker reads its share of the batches from CLEAN, by the address in its own environment: once to count, once to
code what is trained on, which it keeps, and once to measure what came of it. What comes to this process are counts and
sums by category, boosters, the held-out rows' targets with their predictions, and some rows to explain and test with.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from relevo_contract.data_set import Columns, DataSet
from relevo_contract.graph_inputs import graph_inputs
from relevo_contract.identity import Identity
from relevo_contract.profile import ColumnProfile
from relevo_contract.profiling import categorical_profile, categories, counted_profile, numbers
from relevo_contract.record import BatchRef
from relevo_contract.settings import read
from relevo_jobs.errors import SettingsError
from relevo_jobs.needs import Sides
from relevo_jobs.scoring import Scorer
from relevo_jobs.settings import TrainSettings, WithClean
from relevo_jobs.stores.clean import CleanStore, open_clean
from relevo_jobs.train import explaining
from relevo_jobs.train.cluster import Cluster, connected, release
from relevo_jobs.train.features import CodedRows, TabularFeatures, vocabulary
from relevo_jobs.train.fitting import blank, fit_parts
from relevo_jobs.train.measuring import Made, Measured, compared, take
from relevo_jobs.use_case import Context, UseCase

PIECE: Final = 10_000
"""Rows of a batch that are read at once: some 15 MB."""
FEWEST: Final = 1000
"""Rows that a worker must have on average: fewer are not worth its while."""


@dataclass(frozen=True)
class Share:
    """The rows of a worker: one of so many equal stretches of the batches."""

    data: DataSet
    batches: Sequence[BatchRef]
    number: int
    of: int

    def pieces(self, *, holdout: bool) -> Iterator[dict[str, NDArray[Any]]]:
        """Read its held-out rows, or the others, in their order and a piece at a time."""
        total, before = sum(batch.kept for batch in self.batches), 0
        ends = [total * number // self.of for number in (self.number, self.number + 1)]
        with _clean(self) as store:
            for batch in self.batches:  # whose rows that were kept lie evenly among its rows, as good as
                inside = [min(max(end - before, 0), batch.kept) for end in ends]
                first, end = (batch.rows * kept // max(1, batch.kept) for kept in inside)
                for row in range(first, end, PIECE):
                    within = (batch.number, row), (batch.number, min(row + PIECE, end))
                    yield store.columns((batch.number,), holdout, within)
                before += batch.kept


def _clean(share: Share) -> AbstractContextManager[CleanStore]:
    """CLEAN by this process's own RELEVO_CLEAN_URL: no address with a password goes over Dask's wire."""
    return open_clean(read(WithClean, SettingsError).clean_url, share.batches[-1].group, share.data)


@contextmanager
def agreeing(settings: TrainSettings, data: DataSet, batches: Sequence[BatchRef]) -> Iterator[Cluster]:
    """The cluster, its workers each with its share, if they have this step's code and read the same CLEAN.

    Raises SettingsError if not, Unavailable if the cluster or CLEAN is away.
    """
    with connected(settings.dask, settings.threads) as cluster:
        workers = max(1, min(len(cluster.workers), sum(batch.kept for batch in batches) // FEWEST))
        shares = cluster.holding([Share(data, batches, number, workers) for number in range(workers)])
        shares.expect_same(found_by)
        yield shares


def found_by(share: Share, _: int) -> dict[str, str]:
    """What this process is made of, and the body's hash of the newest batch that it finds in CLEAN.

    Raises SettingsError if it was not told where CLEAN is, Unavailable if CLEAN is away.
    """
    with _clean(share) as store:
        found = store.newest_first(1, share.batches[-1].number + 1)
    return release() | {"newest batch of CLEAN": found[0].sha256 if found else "none"}


@dataclass(frozen=True)
class Counts:
    """How often each value of each profiled column comes in rows that are trained on, None where it is missing."""

    rows: int
    columns: dict[str, Counter[Any]]
    example: Columns
    """The first of them."""

    def profiles(self, data: DataSet) -> dict[str, ColumnProfile]:
        """As `relevo_contract.profiling.column_profiles` of the rows that were counted."""
        found: dict[str, ColumnProfile] = {}
        for name in data.numbers:
            counter = self.columns[name]
            values = np.array(sorted(value for value in counter if value is not None), dtype=np.float64)
            counts = np.array([counter[value] for value in values.tolist()], dtype=np.int64)
            found[name] = counted_profile(values, counts, counter[None])
        return found | {name: categorical_profile(self.columns[name]) for name in data.compared}

    def vocabularies(self, data: DataSet) -> list[tuple[str, ...]]:
        """Of each compared column, as the graph has its texts: a missing one is a category, too."""
        return [vocabulary({text or "": n for text, n in self.columns[name].items()}) for name in data.compared]


def counted(share: Share, _: int) -> Counts:
    """Of a worker's rows."""
    data, rows = share.data, 0
    example: Columns = {}
    found: dict[str, Counter[Any]] = {name: Counter() for name in (*data.numbers, *data.compared)}
    for columns in share.pieces(holdout=False):
        for name in data.numbers:
            found[name].update(None if np.isnan(value) else value for value in numbers(columns, name).tolist())
        for name in data.compared:
            found[name].update(categories(columns, name))
        example = example if rows else {name: column[:1] for name, column in columns.items()}
        rows += len(columns[data.target])
    return Counts(rows, found, example)


def added(parts: Sequence[Counts]) -> Counts:
    """Of all workers."""
    return Counts(
        sum(part.rows for part in parts),
        {name: sum((part.columns[name] for part in parts), Counter()) for name in parts[0].columns},
        next(part.example for part in parts if part.rows),
    )


def coded(share: Share, _: int, features: TabularFeatures, known: Sequence[Sequence[str]]) -> CodedRows:
    """A worker's rows to train on, over the vocabularies of all."""
    scaled = share.data.predicts.scaled
    pieces = [
        features.coded(pd.DataFrame(graph_inputs(share.data, columns)), scaled(columns[share.data.target]), known)
        for columns in share.pieces(holdout=False)
    ]
    return CodedRows(
        np.concatenate([piece.given for piece in pieces]),
        tuple(map(np.concatenate, zip(*(piece.codes for piece in pieces), strict=True))),
        pieces[0].sizes,
        tuple(map(np.concatenate, zip(*(piece.targets for piece in pieces), strict=True))),
        pieces[0].place,
    )


def measured(  # noqa: PLR0917  # what a worker is told, by place
    share: Share,
    number: int,
    files: Mapping[str, bytes],
    fitted: Pipeline,
    identity_of: Callable[[Columns], Identity | None],
    rows: Sides,
    seed: int,
) -> Measured:
    """Of a worker's rows; `rows` are those of all workers, of which some are brought along."""
    scorer = Scorer(files)
    draw, target = np.random.default_rng([seed, number]), share.data.target

    def some(columns: Columns, wanted: int, of: int) -> Columns:
        have = len(columns[target])
        return take(columns, np.sort(draw.permutation(have)[: -(-have * wanted // of)]))

    def of_piece(columns: Columns, held: bool) -> Measured:
        predicted, difference = compared(fitted, scorer, columns)
        none = take(columns, np.arange(0))
        if not held:
            sample = some(columns, explaining.TYPICAL_OF, rows.training)
            return Measured(difference, np.empty(0), np.empty(0), identity_of(none), none, sample)
        explained = some(columns, explaining.SAMPLE, rows.held_out)
        actual = share.data.predicts.scaled(columns[target])
        return Measured(difference, actual, predicted, identity_of(columns), explained, none)

    return Measured.joined(
        [of_piece(columns, held) for held in (False, True) for columns in share.pieces(holdout=held)]
    )


def train(
    folder: Path,
    settings: TrainSettings,
    use_case: UseCase,
    batches: Sequence[BatchRef],
    *,
    say: Callable[[str], None],
    stretch: float = 1.0,
) -> Made:
    """Train the default model on the cluster and write its version into an empty folder.

    The version has no learning curve: no process has all of its rows.

    Raises SettingsError if the cluster does not fit this step, Unavailable if the cluster or CLEAN is away.
    """
    from relevo_jobs.train import writing  # noqa: PLC0415  # 43 MB, which no worker needs

    data, seed = use_case.data, settings.seed
    with agreeing(settings, data, batches) as shares:
        counts = added(shares.each(counted))
        rows = Sides(counts.rows, sum(batch.kept for batch in batches) - counts.rows)
        say(f"fitting {rows.training} rows of {len(batches)} batches on {len(shares.workers)} workers")
        features, known = blank(data, use_case.options, seed), counts.vocabularies(data)
        parts = shares.made(coded, features, known)
        fitted = fit_parts(parts, features, known, Context(data, seed, shares.threads), say)
        say("measuring it and writing the version")
        scorer = writing.write_graph(folder, fitted, data, counts.example)
        files = {name: (folder / name).read_bytes() for name in Scorer.FILES}
        found = Measured.joined(shares.each(measured, files, fitted, use_case.identity_of, rows, seed))
    numbers = [batch.number for batch in batches]
    promised = writing.write_files(
        folder, scorer, found, rows.training, counts.profiles(data), batches=numbers, seed=seed, stretch=stretch
    )
    return Made(rows.training, found, promised, fitted.parameters_ | {"workers": len(shares.workers)})
