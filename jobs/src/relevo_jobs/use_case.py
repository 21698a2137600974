"""A use case: the data set, its cleaning and its model. All that the steps are told of what they work on.

The steps get one as an argument: house prices (`relevo_jobs.houses`), unless `relevo_jobs.cli.main` is given another.
docs/your-own.md has an example.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from relevo_contract import names
from relevo_contract.data_set import Columns, DataSet
from relevo_contract.identity import Identity
from relevo_contract.record import BatchRef, Estimate
from relevo_jobs.clean.fates import Kept, Raw, Rejection
from relevo_jobs.errors import StepError
from relevo_jobs.needs import Needs


class Scorer(Protocol):
    """A version that is loaded."""

    def predict(self, columns: Columns) -> NDArray[np.float64]:
        """Natural logarithm of the target for each of n >= 0 rows, (n,)."""


@dataclass(frozen=True)
class Lesson:
    """What a version is trained on, and measured on."""

    rows: Columns
    """With the target."""
    held_out: Columns
    """Rows that no version is ever trained on, at least one."""
    batches: tuple[int, ...]
    """The numbers they came in."""
    seed: int
    """Of everything random: the same lesson gives the same model."""
    threads: int
    """0 is all there are."""
    identity: Identity | None = None
    """Which of the held-out rows are of one thing, for `median_error`; None: each is its own."""


@dataclass(frozen=True)
class SharedLesson:
    """What the workers of a Dask cluster train a version on; each reads its own rows from CLEAN."""

    scheduler: str
    """Its address."""
    group: int
    batches: tuple[BatchRef, ...]
    """Oldest first."""
    seed: int
    threads: int
    """Of each worker; 0 is all it has."""
    say: Callable[[str], None]
    """Tells a person how far it is."""


@dataclass(frozen=True)
class Trained:
    """What came of a lesson."""

    predicted: NDArray[np.float64]
    """Natural logarithm of the target for the held-out rows, (n,)."""
    promised: Estimate
    """Median error on them, as the profile has it."""
    parameters: Mapping[str, float | int | str]
    """For the record."""
    onnx_difference: float = 0.0
    """Largest difference between the model as trained and as served, in the logarithm; 0 where they are one file."""


@dataclass(frozen=True)
class TrainedVersion:
    """What came of a training, and the rows it came of."""

    rows: int
    """It was trained on."""
    actual: NDArray[np.float64]
    """Natural logarithm of the target of the held-out rows, in the order of CLEAN, (n > 0,)."""
    trained: Trained
    identity: Identity | None = None
    """Which of them are of one thing, (n,); None: each is its own."""


@dataclass(frozen=True)
class UseCase:
    """What a team changes. Each has databases and a registered model of its own."""

    data: DataSet
    clean: Callable[[Iterable[Raw]], Iterable[Kept | Rejection]]
    """The fate of each row of a batch, in order; the same rows always meet the same fate. The rows come as they are
    taken, and their fates are stored as they are given: a generator holds few of them."""
    train: Callable[[Path, Lesson], Trained]
    """Write a version's files into an existing folder, `profile.json` (`build_profile`) among them."""
    load: Callable[[Path], Scorer]
    """Load a version from a folder with its `files`."""
    files: tuple[str, ...]
    """What `load` needs of a version."""
    needs: Needs = field(default_factory=Needs)
    """The fewest rows that `train` can make a version of."""
    train_together: Callable[[Path, SharedLesson], TrainedVersion] | None = None
    """The same as `train` on a Dask cluster; None: there is no such way, and RELEVO_DASK is refused."""
    identity: Callable[[Columns], Identity] | None = None
    """Which rows are of one thing, from CLEAN's columns: a house listed again is the same house. `clean` holds all rows
    of a thing out, or none, and no interval counts a thing twice. None: each row is its own."""

    def identity_of(self, columns: Columns) -> Identity | None:
        """Which of the rows are of one thing, (n,); None: each is its own."""
        return None if self.identity is None else self.identity(columns)

    def expect_whole(self, folder: Path, trained: Trained, held_out: int) -> None:
        """Raise StepError unless `train` wrote what a version needs and answered for every held-out row."""
        missing = [file for file in (names.PROFILE_FILE, *self.files) if not (folder / file).is_file()]
        if missing:
            raise StepError(f"expected the use case's train to write {', '.join(missing)}, it did not: correct it")
        answers = trained.predicted
        if answers.shape != (held_out,) or not np.isfinite(answers).all():
            raise StepError(
                f"expected the use case's train to answer a finite logarithm for each of {held_out} held-out rows, got "
                f"shape {answers.shape} with {int(np.isfinite(answers).sum())} finite: correct it"
            )
