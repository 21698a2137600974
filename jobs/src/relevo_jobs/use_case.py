"""A use case: the data set, its cleaning and its model. All that the steps are told of what they work on.

The steps get one as an argument: house prices (`relevo_jobs.houses`), unless `relevo_jobs.cli.main` is given another.
docs/your-own.md has an example.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from relevo_contract.data_set import Columns, DataSet
from relevo_contract.identity import Identity
from relevo_jobs.clean.fates import Kept, Raw, Rejection
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
    """What a team changes. Each has databases and a registered model of its own."""

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
    identity: Callable[[Columns], Identity] | None = None
    """Which rows are of one thing, from CLEAN's columns: a house listed again is the same house. `clean` holds all rows
    of a thing out, or none, and no interval counts a thing twice. None: each row is its own."""

    @property
    def least(self) -> Needs:
        """The fewest rows that a version can come of: what `fit` needs, and the task."""
        return replace(self.needs, each=max(self.needs.each, self.data.predicts.fewest_each))

    def identity_of(self, columns: Columns) -> Identity | None:
        """Which of the rows are of one thing, (n,); None: each is its own."""
        return None if self.identity is None else self.identity(columns)
