"""The encoder from sums over the rows, as `train.encoding` learns it from the rows themselves. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from relevo_contract.encoder import AdditiveModel, Encoder, Target, TargetEncoding
from relevo_jobs.train.encoding import EFFECTS, ENCODINGS, MIDDLING_SIZE, RIDGE, SWEEPS
from relevo_jobs.train.partitioned.grouping import Grouping
from relevo_jobs.train.partitioned.partition import Sizes, Vocabulary
from relevo_jobs.train.partitioned.statistics import DESIGN, PAIRS, ROWS, Centers, by_model, design_by, pair
from relevo_jobs.train.partitioned.sums import Statistics, Sums, dense

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LearntEncoding:
    """A target encoding; see `relevo_contract.encoder.TargetEncoding`."""

    of: TargetEncoding
    """Without what was learnt."""
    counts: Floats
    means: Floats

    @property
    def feature(self) -> str:
        """The feature's name."""
        return self.of.feature

    @property
    def by(self) -> str:
        """The vocabulary."""
        return self.of.by

    @property
    def target(self) -> Target:
        """What is averaged."""
        return self.of.target

    @property
    def parent(self) -> str | None:
        """The feature it falls back on."""
        return self.of.parent

    @property
    def smoothing(self) -> float:
        """Rows of the parent's."""
        return self.of.smoothing


@dataclass(frozen=True)
class LearntAdditive:
    """The additive model; see `relevo_contract.encoder.AdditiveModel`."""

    centers: tuple[float, ...]
    coefficients: tuple[float, ...]
    effects: Mapping[str, Floats]


@dataclass(frozen=True)
class Model:
    """All that an encoder learnt, its vocabulary aside: what `relevo_contract.features.Features` needs."""

    rows: int
    overall: Mapping[Target, float]
    encodings: tuple[LearntEncoding, ...]
    additive: LearntAdditive

    def encoder(self, vocabulary: Vocabulary) -> Encoder:
        """As data that travels."""
        return Encoder(
            rows=self.rows,
            vocabulary=dict(vocabulary),
            overall=dict(self.overall),
            encodings=tuple(
                e.of.model_copy(
                    update={"counts": tuple(e.counts.astype(np.int64).tolist()), "means": tuple(e.means.tolist())}
                )
                for e in self.encodings
            ),
            additive=AdditiveModel(
                centers=self.additive.centers,
                coefficients=self.additive.coefficients,
                effects={name: tuple(effect.tolist()) for name, effect in self.additive.effects.items()},
            ),
        )


def can_learn(found: Statistics, grouping: Grouping) -> bool:
    """Whether every group that has rows has others to learn from."""
    rows = dense(found[ROWS], grouping.count)[:, 0]
    return bool(((rows == 0) | (by_model(found[ROWS], grouping)[:, 0] > 0)).all())


def learn_models(found: Statistics, grouping: Grouping, sizes: Sizes, around: Centers) -> tuple[Model, ...]:
    """A model a group, from the sums of all rows."""
    return tuple(_learn(model, found, grouping, sizes, around=around) for model in range(grouping.count))


def _learn(model: int, found: Statistics, grouping: Grouping, sizes: Sizes, *, around: Centers) -> Model:
    learns = grouping.sources[model]
    rows, price, sized, per_foot = by_model(found[ROWS], grouping)[model].tolist()
    by = {name: _of_model(found[name], learns, size) for name, size in sizes.items()}
    mean = price / max(rows, 1)
    coefficients, effects = _backfit(by_model(found[DESIGN], grouping)[model], by, found, learns, sizes=sizes)
    return Model(
        rows=int(rows),
        overall={
            "log_price": mean,
            "log_price_per_foot": per_foot / sized if sized else mean - float(np.log(MIDDLING_SIZE)),
        },
        encodings=tuple(_encoding(e, by[e.by]) for e in ENCODINGS),
        additive=LearntAdditive(around, tuple(coefficients.tolist()), effects),
    )


def _of_model(sums: Sums, learns: NDArray[np.bool_], size: int) -> Floats:
    """The sums by category of the groups that a model learns from, (size, sums)."""
    codes, groups = np.divmod(sums.keys, len(learns))
    chosen = learns[groups]
    codes, values = codes[chosen], sums.values[chosen]
    columns = [np.bincount(codes, column, minlength=size) for column in values.T]
    return np.column_stack(columns)


def _encoding(encoding: TargetEncoding, by: Floats) -> LearntEncoding:
    counts, sums = (by[:, 2], by[:, 3]) if encoding.target == "log_price_per_foot" else (by[:, 0], by[:, 1])
    return LearntEncoding(encoding, counts, sums / np.maximum(counts, 1))


def _backfit(
    products: Floats, by: Mapping[str, Floats], found: Statistics, learns: NDArray[np.bool_], *, sizes: Sizes
) -> tuple[Floats, dict[str, Floats]]:
    """As `encoding.learn` does it, sweep by sweep, its sums over rows made of sums by category.

    Returns the design's coefficients and the effects.
    """
    width = round(np.sqrt(len(products) + 0.25) - 0.5)
    gram, with_price = products[:-width].reshape(width, width), products[-width:]
    gram = gram + RIDGE * np.eye(width)
    designs = {name: _of_model(found[design_by(name)], learns, sizes[name]) for name in EFFECTS}
    together = _together(found, learns, sizes)
    effects: dict[str, Floats] = {name: np.zeros(sizes[name]) for name in EFFECTS}
    coefficients = np.zeros(width)
    for _ in range(SWEEPS):
        explained = sum(design.T @ effects[name] for name, design in designs.items())
        coefficients = np.linalg.solve(gram, with_price - explained)
        for name, ridge in EFFECTS.items():
            sums = by[name][:, 1] - designs[name] @ coefficients
            for other, mine, theirs, rows in together[name]:
                sums = sums - np.bincount(mine, rows * effects[other][theirs], minlength=len(sums))
            effects[name] = sums / (by[name][:, 0] + ridge)
    return coefficients, effects


_Together = tuple[str, NDArray[Any], NDArray[Any], Floats]
"""Another effect; of each pair of categories the code of mine, of the other's, and the rows that have both."""


def _together(found: Statistics, learns: NDArray[np.bool_], sizes: Sizes) -> dict[str, list[_Together]]:
    pairs: dict[str, list[_Together]] = {name: [] for name in EFFECTS}
    for one, other in PAIRS:
        keys, values = found[pair(one, other)]
        cells, groups = np.divmod(keys, len(learns))
        chosen = learns[groups]
        mine, theirs = np.divmod(cells[chosen], sizes[other])
        rows = values[chosen, 0]
        pairs[one].append((other, mine, theirs, rows))
        pairs[other].append((one, theirs, mine, rows))
    return pairs
