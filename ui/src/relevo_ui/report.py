"""The written analysis: the best model at each stage, what came of its challengers, as one HTML file. Pure.

Generated from the records alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from relevo_contract.figures import percent
from relevo_contract.profile import Profile
from relevo_contract.record import DecisionRecord, Promotion
from relevo_contract.version import ShapleySummary
from relevo_ui import history, html_file, reasons
from relevo_ui.comparison import new_places, weights
from relevo_ui.wording import Wording, listed, moment, sentence

NAMED: Final = 5
"""Columns and places named in a sentence."""
SHOWN: Final = 12
"""Columns whose weight is drawn."""


@dataclass(frozen=True)
class Stage:
    """A version that was promoted, with what it keeps; the challengers that were turned down while it stood."""

    record: DecisionRecord
    profile: Profile | None
    shap: ShapleySummary | None
    rejected: Sequence[DecisionRecord]


def stages(records: Sequence[DecisionRecord]) -> list[tuple[DecisionRecord, list[DecisionRecord]]]:
    """The promotions, oldest first, each with the challengers rejected until the next one."""
    found: list[tuple[DecisionRecord, list[DecisionRecord]]] = []
    for record in sorted(records, key=lambda r: (r.decided_at, r.batch.number)):
        if record.promotion is None:
            continue
        if record.promotion.promoted:
            found.append((record, []))
        elif found:
            found[-1][1].append(record)
    return found


def report(model: str, told: Sequence[Stage], made_at: datetime, say: Wording) -> str:
    """The whole file."""
    made = say("Made {when} from the decision records of {count} promotions.", when=moment(made_at), count=len(told))
    body = [html_file.paragraph(made, small=True)]
    if not told:
        body.append(html_file.paragraph(say("No version has been promoted yet.")))
    for before, stage in zip([None, *told], told, strict=False):
        body += _stage(before, stage, say)
    return html_file.document(say("{model}: the best model at each stage", model=model), body, say)


def _stage(before: Stage | None, stage: Stage, say: Wording) -> list[str]:
    record, judged = stage.record, stage.record.promotion
    assert judged is not None
    version = judged.challenger_version
    paragraphs = [
        _why(record, say),
        _saw(before, stage, say),
        _errs(judged, say),
        _looks(before, stage, say),
        *(_turned_down(rejected, say) for rejected in stage.rejected),
    ]
    return [
        html_file.heading(say("Version {version}, of batch {batch}", version=version, batch=record.batch.number)),
        html_file.paragraph(moment(record.decided_at), small=True),
        *(html_file.paragraph(paragraph) for paragraph in paragraphs if paragraph),
        *_places(judged, say),
        *_weights(stage, version, say),
    ]


def _why(record: DecisionRecord, say: Wording) -> str:
    told = say("It was trained because {reason}.", reason=reasons.reason(record, say)) + " " + history.why(record, say)
    if record.decision.moved:
        moved = listed([say.column(name) for name in record.decision.moved], 8, say)
        told += " " + say("What moved against the data of the version before: {moved}.", moved=moved)
    return told


def _saw(before: Stage | None, stage: Stage, say: Wording) -> str:
    training = stage.record.training
    if training is None:
        return ""
    told = say(
        "It learnt from {rows} rows of {batches} batches in {seconds} seconds.",
        rows=f"{training.rows:,}",
        batches=len(training.batches),
        seconds=f"{training.seconds:.0f}",
    )
    if before is not None:
        for name in say.data.places[:2]:
            new = [say.category(name, place) for place, _ in new_places(before.profile, stage.profile, name)]
            if new:
                told += " " + say(
                    "New to it ({column}): {places}.", column=say.column(name), places=listed(new, NAMED, say)
                )
    return told


def _errs(judged: Promotion, say: Wording) -> str:
    rows, challenger = f"{judged.rows:,}", say.estimate(judged.challenger)
    if judged.champion_version is None:
        told = say(
            "On {rows} held-out rows it {errs} {challenger}; always saying {baseline} {errs} {champion}.",
            rows=rows,
            errs=say.errs,
            baseline=say.baseline,
            challenger=challenger,
            champion=say.estimate(judged.champion),
        )
    else:
        told = say(
            "On the same {rows} held-out rows, which neither was trained on, it {errs} {challenger} where version "
            "{version} {errs} {champion}.",
            rows=rows,
            errs=say.errs,
            challenger=challenger,
            version=judged.champion_version,
            champion=say.estimate(judged.champion),
        )
    return f"{told} " + say(
        "What decided is the {decides}, which differs by {points}: {criterion}.",
        decides=say.decides,
        points=say.difference(judged.difference),
        criterion=reasons.criterion(judged, say),
    )


def _looks(before: Stage | None, stage: Stage, say: Wording) -> str:
    if stage.shap is None:
        return ""
    found = weights(before.shap if before is not None else None, stage.shap)
    most = sorted(found, key=lambda w: -w.newer)[:NAMED]
    named = [f"{say.column(w.column)} ({percent(w.newer)})" for w in most]
    told = say("It looks most at {columns}.", columns=listed(named, NAMED, say))
    if before is not None and before.shap is not None:
        gained = [w for w in sorted(found, key=lambda w: -w.gained)[:NAMED] if w.gained > 0.005]
        if gained:
            named = [f"{say.column(w.column)} (+{percent(w.gained)})" for w in gained]
            told += " " + say("More than the version before: {columns}.", columns=listed(named, NAMED, say))
    return told


def _turned_down(record: DecisionRecord, say: Wording) -> str:
    judged = record.promotion
    assert judged is not None
    return sentence(
        say(
            "Version {version} (batch {batch}) was turned down: {criterion}; it {errs} {challenger} against {champion}",
            errs=say.errs,
            version=judged.challenger_version,
            batch=record.batch.number,
            criterion=reasons.criterion(judged, say),
            challenger=say.estimate(judged.challenger),
            champion=say.estimate(judged.champion),
        )
    )


def _places(judged: Promotion, say: Wording) -> list[str]:
    if not judged.states:
        return []
    heads = [say.place, *(say(head) for head in ("rows", "before", "now", "difference"))]
    rows = [
        (
            s.state,
            f"{s.rows:,}",
            say.loss(s.champion),
            say.loss(s.challenger),
            say.difference(s.difference) + " ⚠" * s.worse,
        )
        for s in judged.states
    ]
    return [html_file.table(heads, rows)]


def _weights(stage: Stage, version: int, say: Wording) -> list[str]:
    if stage.shap is None:
        return []
    heads = (say("column"), say("What version {version} looks at (Shapley values)", version=version))
    shares = [(say.column(w.column), w.newer) for w in weights(None, stage.shap)[:SHOWN]]
    return [html_file.bars(heads, shares)]
