"""What Dask's workers do with rows: each reads its own from CLEAN, by the address in its own environment."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xgboost
from numpy.typing import NDArray

from relevo_contract import names
from relevo_contract.features import Features
from relevo_contract.identity import Identity
from relevo_contract.settings import read
from relevo_jobs.errors import SettingsError
from relevo_jobs.houses import identity
from relevo_jobs.scoring import Scorer
from relevo_jobs.settings import WithClean
from relevo_jobs.stores.clean import CleanStore
from relevo_jobs.train.encoding import Rows
from relevo_jobs.train.fitting import predict
from relevo_jobs.train.partitioned.partition import Part, Partition, Vocabulary, recoded
from relevo_jobs.train.partitioned.profiles import Counts, counted


class Read(NamedTuple):
    """A partition before the vocabulary of all rows is known."""

    rows: Rows
    counts: Counts


class Files(NamedTuple):
    """What predicts, as it lies in a version."""

    booster: bytes
    onnx: bytes
    encoder: bytes


class Scored(NamedTuple):
    """What a part's held-out rows are worth, and what the model says."""

    actual: NDArray[np.float64]
    predicted: NDArray[np.float64]
    identity: Identity


def clean_of(group: int) -> CleanStore:
    """CLEAN by this process's own RELEVO_CLEAN_URL: no address with a password goes over Dask's wire."""
    return CleanStore(read(WithClean, SettingsError).clean_url, group)


def read_part(part: Part, group: int) -> Read:
    """The part's training rows."""
    columns = clean_of(group).columns(part.batches, holdout=False, within=(part.first, part.end))
    return Read(Rows.of(columns), counted(columns))


def vocabulary_of(found: Read) -> Vocabulary:
    """The partition's own."""
    return found.rows.vocabulary


def counts_of(found: Read) -> Counts:
    """For the profile."""
    return found.counts


def code(number: int, found: Read, vocabulary: Vocabulary) -> Partition:
    """The partition over the vocabulary of all rows."""
    return recoded(number, found.rows, vocabulary)


def score(
    partitions: Sequence[Partition], parts: Sequence[Part], group: int, files: Files
) -> tuple[list[Scored], float]:
    """Each part's held-out rows by ONNX Runtime, and how far that is from XGBoost at most, on training rows too."""
    store = clean_of(group)
    booster = xgboost.Booster(model_file=bytearray(files.booster))
    with tempfile.TemporaryDirectory(prefix="relevo-score-") as name:
        folder = Path(name)
        (folder / names.ONNX_FILE).write_bytes(files.onnx)
        (folder / names.ENCODER_FILE).write_bytes(files.encoder)
        scorer = Scorer(folder)
    features = Features(scorer.encoder)
    furthest, scored = 0.0, []
    for part in parts:
        held = store.columns(part.batches, holdout=True, within=(part.first, part.end))
        made = scorer.encoder.transform(held)
        predicted = scorer.predict_features(made)
        furthest = np.abs(predicted - predict(booster, made)).max(initial=furthest)
        scored.append(Scored(np.log(np.asarray(held["price"], dtype=np.float64)), predicted, identity(held)))
    for partition in partitions:
        made = features.of(partition.given, partition.codes)
        furthest = np.abs(scorer.predict_features(made) - predict(booster, made)).max(initial=furthest)
    return scored, float(furthest)


def held_out(part: Part, group: int, rows: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """Some of a part's held-out rows, by their place among them."""
    columns = clean_of(group).columns(part.batches, holdout=True, within=(part.first, part.end))
    return {name: column[rows] for name, column in columns.items()}
