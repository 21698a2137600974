"""A use case as the steps work on it: the data set, its cleaning and its model, made of its declaration."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from relevo_contract.data_set import Columns, DataSet
from relevo_contract.identity import Identity
from relevo_contract.use_case import Declaration, read, text_of
from relevo_contract.use_case.data_set import data_set
from relevo_contract.use_case.declaration import Judging
from relevo_contract.use_case.sources import Source
from relevo_jobs.clean.declared import Rules, Sides
from relevo_jobs.clean.fates import Kept, Raw, Rejection
from relevo_jobs.errors import SettingsError
from relevo_jobs.hooks import function
from relevo_jobs.needs import Needs

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Context:
    """What a fit is told beside the rows."""

    data: DataSet
    seed: int
    """Of everything random: the same rows and seed give the same model."""
    threads: int = 0
    """0 takes all there are."""


Fit = Callable[["pd.DataFrame", NDArray[Any], Context], Any]
"""From n rows as the graph takes them (`graph_inputs`) and their targets on the task's scale (n,), the logarithm of a
positive number, 1 and 0 of two outcomes, to a fitted scikit-learn estimator that skl2onnx can convert: of that scale,
or for two outcomes a classifier with `predict_proba`."""


@dataclass(frozen=True)
class ModelOptions:
    """What the default model is told of a data set beyond its columns."""

    ratios: tuple[tuple[str, str], ...] = ()
    """Pairs of numbers whose ratio tells something, such as square feet a bedroom."""
    per: str | None = None
    """A number by which the target is also looked at, such as the price of a square foot."""


@dataclass(frozen=True)
class UseCase:
    """All that the steps are told of what they work on. Each has databases and a registered model of its own."""

    name: str
    """Of the registered model, and of its experiment."""
    source: Source
    """Where its batches come from."""
    data: DataSet
    clean: Callable[[Iterable[Raw]], Iterable[Kept | Rejection]]
    """The fate of each row of a batch, in order; the same rows always meet the same fate. The rows come as they are
    taken, and their fates are stored as they are given: a generator holds few of them."""
    options: ModelOptions = ModelOptions()
    """Of the default model (`relevo_jobs.train.fitting`)."""
    fit: Fit | None = None
    """A model of the team's own instead. The same rows and seed give the same one."""
    needs: Needs = field(default_factory=Needs)
    """The fewest rows that `fit` can make a model of."""
    folder: Path = Path()
    """What a relative path of its declaration begins at."""
    judge: Judging = field(default_factory=Judging)
    """What a training is worth, and when its version takes over; a step's own setting goes before it."""
    leaves_out: bool = True
    """Whether no version learns from a batch with a broken column until it is taken back; else that is told alone."""
    identity: Callable[[Columns], Identity | None] | None = None
    """Which rows are of one thing, from CLEAN's columns: a house listed again is the same house. `clean` holds all rows
    of a thing out, or none, and no interval counts a thing twice. None: each row is its own."""

    @property
    def least(self) -> Needs:
        """The fewest rows that a version can come of: what `fit` needs, and the task."""
        return replace(self.needs, each=max(self.needs.each, self.data.predicts.fewest_each))

    def identity_of(self, columns: Columns) -> Identity | None:
        """Which of the rows are of one thing, (n,); None: each is its own."""
        return None if self.identity is None else self.identity(columns)


def use_case_of(declared: Declaration, folder: Path) -> UseCase:
    """Make the use case of a declaration; hooks are functions of files in the folder.

    Raises SettingsError if a column's type is still to be found, or a hook is not there.
    """
    try:
        data = data_set(declared)
    except ValueError as error:
        raise SettingsError(str(error)) from None
    keep = None if declared.clean.hook is None else function(declared.clean.hook, folder)
    sides = Sides(declared, data)
    return UseCase(
        name=declared.name,
        source=declared.source,
        data=data,
        clean=Rules(declared, data, sides, keep).rows,
        options=ModelOptions(declared.model.ratios, declared.model.per),
        fit=None if declared.model.train is None else function(declared.model.train, folder),
        folder=folder,
        judge=declared.judge,
        leaves_out=declared.quality.broken == "exclude",
        identity=sides.identity,
    )


def load(file: Path) -> UseCase:
    """Read a use case from its file. Raises SettingsError that tells what is wrong with it, by its lines."""
    try:
        return use_case_of(read(text_of(file), file.name), file.parent)
    except OSError as error:
        raise SettingsError(
            f"RELEVO_USE_CASE: expected a readable use_case.yaml at {file}, got: {error.strerror}; name yours, or "
            "write one with `relevo init`"
        ) from None
    except ValueError as error:
        raise SettingsError(f"RELEVO_USE_CASE: {error}") from None
