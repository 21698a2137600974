"""The model card of a version (Mitchell et al. 2019, Model Cards for Model Reporting): what it is for, how good it is
where, what it does not know, and where it comes from. Pure; the page and the file show the same parts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np

from relevo_contract import names
from relevo_contract.figures import percent
from relevo_contract.profile import CategoricalProfile, ColumnProfile, Profile
from relevo_contract.record import Estimate
from relevo_contract.version import HoldoutPredictions, ShapleySummary
from relevo_ui import history, html_file, likeness, probability_charts, reasons, segments
from relevo_ui.comparison import Weight, median, weights
from relevo_ui.versions import Told
from relevo_ui.wording import Wording, capital, listed, moment, sentence

SHOWN: Final = 12
"""Columns whose weight is drawn."""
NAMED: Final = 8
"""Columns, places or batches named in a sentence."""
FEW: Final = 30
"""Training rows of a place, below which it is told as one that the version hardly knows."""
OFF: Final = 1.25
"""How many times the error of all rows a segment's is at least, beyond its interval, to be told as a limit."""


@dataclass(frozen=True)
class Kept:
    """What a version keeps beside its graph; each may be missing."""

    profile: Profile | None
    shapley: ShapleySummary | None
    holdout: HoldoutPredictions | None


@dataclass(frozen=True)
class Table:
    """Figures; the first column says what a line is of."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Part:
    """A part of the card."""

    heading: str
    paragraphs: tuple[str, ...]
    tables: tuple[Table, ...] = ()
    weights: tuple[Weight, ...] = ()
    """Shares to be drawn, each as `newer`."""


def card(told: Told, kept: Kept, say: Wording) -> list[Part]:
    """The parts in the order in which people ask."""
    by_segment = _segments(kept.holdout, say)
    found = (
        _use(told, say),
        _data(told, kept.profile, say),
        _metrics(kept, by_segment, say),
        _looks(kept.shapley, say),
        _limits(kept, by_segment, say),
        _lineage(told, say),
    )
    return [part for part in found if part.paragraphs or part.tables or part.weights]


def _use(told: Told, say: Wording) -> Part:
    inputs = listed([say.column(name) for name in say.data.inputs], len(say.data.inputs), say)
    what = say.target_axis if say.outcome is None else say.target
    return Part(
        say("What it is for"),
        (
            say(
                "Version {version} predicts {target} of a row from {count} columns: {columns}. Any of them may be "
                "empty.",
                version=told.number,
                target=what,
                count=len(say.data.inputs),
                columns=inputs,
            ),
            say(
                "It is meant for rows like those it was trained on, which are told below. It finds what goes together, "
                "and not what causes what: it does not say what would become of {target} if a column were changed.",
                target=say.column(say.data.target),
            ),
        ),
    )


def _data(told: Told, profile: Profile | None, say: Wording) -> Part:
    if profile is None:
        return Part("", ())
    batches = say("1 batch") if len(profile.batches) == 1 else say("{count} batches", count=len(profile.batches))
    row = say(
        "It was trained on {rows} rows of {batches} ({numbers}). Rows held out of them were never trained on, by this "
        "version or any other.",
        rows=f"{profile.rows:,}",
        batches=batches,
        numbers=listed([str(number) for number in profile.batches], 12, say),
    )
    heads = say("column"), say("what it holds"), say("missing")
    rows = tuple(
        (capital(say.with_unit(name)), _holds(name, held, profile, say), _missing(held, profile))
        for name in (say.data.target, *say.data.inputs)
        if (held := profile.columns.get(name)) is not None
    )
    return Part(say("The data it saw"), (row,), (Table(heads, rows),))


def _holds(name: str, held: ColumnProfile, profile: Profile, say: Wording) -> str:
    if isinstance(held, CategoricalProfile):
        frequent = sorted((one for one in held.counts if one), key=lambda one: -held.counts[one])
        most = [f"{say.category(name, one)} ({percent(held.counts[one] / profile.rows)})" for one in frequent[:3]]
        return say("{count} values, most often {values}", count=f"{len(frequent):,}", values=listed(most, 3, say))
    if name == say.data.target and say.outcome is not None:
        ones = sum(n for edge, n in zip(held.edges, held.counts[1:], strict=False) if edge >= 1)
        return say("{share} are {outcome}", share=percent(ones / max(1, profile.rows)), outcome=say.outcome)
    if not held.edges:
        return say("nothing")
    middle = median(profile, name)
    low, mid, high = (
        _shown(name, one, say) for one in (held.edges[0], held.edges[0] if middle is None else middle, held.edges[-1])
    )
    return say("{low} to {high}, half of them up to {middle}", low=low, high=high, middle=mid)


def _shown(name: str, value: float, say: Wording) -> str:
    if name == say.data.target:
        return say.amount(value)
    return str(likeness.day_of(value)) if name in say.data.dates else say.figure_of(value)


def _missing(held: ColumnProfile, profile: Profile) -> str:
    return percent(held.missing / profile.rows) if profile.rows else ""


BySegment = Mapping[str, Sequence[tuple[str, int, Estimate]]]


def _segments(kept: HoldoutPredictions | None, say: Wording) -> BySegment:
    """By column its segments' errors: of the place, and of what else has few values."""
    if kept is None or not kept.described:
        return {}
    names = [
        name
        for name in segments.columns(kept.inputs, say)
        if name not in say.data.within and (name in say.data.numeric or name in say.data.compared)
    ]
    return {name: segments.errors(kept, name, say, NAMED) for name in names}


def _metrics(kept: Kept, by_segment: BySegment, say: Wording) -> Part:
    told, tables = [], []
    if kept.profile is not None:
        told.append(
            say(
                "On all its held-out rows it {errs} {figure}, with the interval of 95 %. That is what it promises.",
                errs=say.errs,
                figure=say.estimate(kept.profile.promised),
            )
        )
    if say.outcome is not None and kept.holdout is not None and kept.holdout.actual:
        said = probability_charts.Said(
            say("this version"), np.array(kept.holdout.actual), np.array(kept.holdout.predicted)
        )
        for frame in (probability_charts.figures([said], say), probability_charts.thresholds(said, say)):
            rows = tuple(tuple(map(str, row)) for row in frame.itertuples(index=False))
            tables.append(Table(tuple(map(str, frame.columns)), rows))
    if by_segment:
        rows_of = kept.holdout.described if kept.holdout is not None else 0
        told.append(
            say(
                "By segment, on the {rows} newest of them whose columns it keeps. Segments of fewer than {few} rows "
                "are not told.",
                rows=f"{rows_of:,}",
                few=segments.FEWEST,
            )
        )
    tables += [
        Table(
            (say.column(name), say("rows"), say.figure),
            tuple((label, f"{rows:,}", say.estimate(figure)) for label, rows, figure in found),
        )
        for name, found in by_segment.items()
        if len(found) > 1
    ]
    return Part(say("How good it is"), tuple(told), tuple(tables))


def _looks(shapley: ShapleySummary | None, say: Wording) -> Part:
    shares = weights(None, shapley)[:SHOWN]
    told = (
        say(
            "The share of all Shapley values that each column has, over its own held-out rows: by how much it moves "
            "the prediction from that of a typical row."
        ),
    )
    return Part(say("What it looks at"), told if shares else (), (), tuple(shares))


def _limits(kept: Kept, by_segment: BySegment, say: Wording) -> Part:
    told = []
    if kept.profile is not None:
        far = [
            say("{segment}: {figure}", segment=f"{say.column(name)} {label}", figure=say.estimate(figure))
            for name, found in by_segment.items()
            for label, _, figure in found
            if figure.low > OFF * kept.profile.promised.value
        ]
        if far:
            worse = listed(far, NAMED, say)
            told.append(say("It errs more than it promises, beyond noise, of these: {segments}.", segments=worse))
        place = say.data.place
        held = kept.profile.columns.get(place) if place is not None else None
        if place is not None and isinstance(held, CategoricalProfile):
            few = sorted((one for one, rows in held.counts.items() if one and rows < FEW), key=lambda o: held.counts[o])
            if few:
                told.append(
                    say(
                        "It hardly knows these, of which it saw fewer than {few} rows ({place}): {places}.",
                        few=FEW,
                        place=say.place,
                        places=listed([say.category(place, one) for one in few], NAMED, say),
                    )
                )
        told.append(
            say(
                "Outside of the ranges above it only guesses, and of a place that it never saw it predicts by the "
                "rest; the page that predicts says so beside the answer."
            )
        )
    if say.outcome is None:
        told.append(
            say(
                "The range that nine of ten rows lie in is as wide as its errors on held-out rows were: it is right on "
                "average over such rows, and not for each kind of row."
            )
        )
    else:
        told.append(
            say("A probability is right on average over rows that were given it, and says nothing sure of one row.")
        )
    told.append(say("What it was trained on ends with its newest batch: what changed since, it does not know."))
    return Part(say("What it does not know"), tuple(told))


def _lineage(told: Told, say: Wording) -> Part:
    record = told.record
    rows = [(say("MLflow run"), told.run_id)]
    paragraphs: list[str] = []
    if record is not None:
        rows += [
            (say("came of batch"), str(record.batch.number)),
            (say("decided"), moment(record.decided_at)),
            (say("SHA-256 of the body"), record.batch.sha256),
        ]
        paragraphs.append(
            sentence(say("It was trained because {reason}.", reason=reasons.reason(record, say)))
            + " "
            + history.why(record, say)
        )
        if record.promotion is not None:
            paragraphs.append(history.judged(record.promotion, say))
        if record.training is not None:
            training = record.training
            given = {**training.parameters, "seed": training.seed}
            rows += [
                (say("training took"), f"{training.seconds:.0f} s"),
                (say("parameters"), ", ".join(f"{name} {value}" for name, value in given.items())),
            ]
    tags = (
        (names.TAG_PROMOTED_AT, say("Promoted")),
        (names.TAG_SERVING_AT, say("handed over")),
        (names.TAG_MANIFEST, say("SHA-256 of its list of files")),
    )
    rows += [(label, told.tags[tag]) for tag, label in tags if told.tags.get(tag)]
    return Part(say("Where it comes from"), tuple(paragraphs), (Table((say("what"), say("value")), tuple(rows)),))


def as_html(model: str, told: Told, parts: Sequence[Part], made_at: datetime, say: Wording) -> str:
    """The card as one file."""
    body = [html_file.paragraph(say("Made {when}.", when=moment(made_at)), small=True)]
    for part in parts:
        body.append(html_file.heading(part.heading))
        body += [html_file.paragraph(text) for text in part.paragraphs]
        if part.weights:
            shares = [(say.column(one.column), one.newer) for one in part.weights]
            body.append(html_file.bars((say("column"), say("share of all Shapley values")), shares))
        body += [html_file.table(table.heads, table.rows) for table in part.tables]
    title = say("{model}, version {version}: model card", model=model, version=told.number)
    return html_file.document(title, body, say)
