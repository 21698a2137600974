"""The written analysis: the best model at each stage, what came of its challengers, as one HTML file. Pure.

Generated from the records alone. Everything that stands in one is escaped; no script, nothing loaded from elsewhere.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Final

from relevo_contract.figures import percent
from relevo_contract.profile import Profile
from relevo_contract.record import DecisionRecord, Promotion
from relevo_contract.version import ShapleySummary
from relevo_ui import history, reasons
from relevo_ui.comparison import new_places, weights
from relevo_ui.language import code_of
from relevo_ui.wording import Wording, listed, moment, sentence

STYLE: Final = """
:root { color-scheme: light dark; }
body { font: 16px/1.55 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 2.5rem; border-top: 1px solid #8888; padding-top: 1.5rem; }
table { border-collapse: collapse; margin: 1rem 0; } td, th { padding: .3rem .8rem; border-bottom: 1px solid #8886;
  text-align: left; } td.figure { text-align: right; font-variant-numeric: tabular-nums; }
figure { margin: 1rem 0; } img { max-width: 100%; background: #fff; }
small { color: #888; }
"""
NAMED: Final = 5
"""Columns and places named in a sentence."""


@dataclass(frozen=True)
class Stage:
    """A version that was promoted, with what it keeps; the challengers that were turned down while it stood."""

    record: DecisionRecord
    profile: Profile | None
    shap: ShapleySummary | None
    pictures: Sequence[bytes]
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
    title = say("{model}: the best model at each stage", model=model)
    body = [f"<h1>{escape(title)}</h1>"]
    made = say("Made {when} from the decision records of {count} promotions.", when=moment(made_at), count=len(told))
    body.append(f"<p><small>{escape(made)}</small></p>")
    if not told:
        body.append(f"<p>{escape(say('No version has been promoted yet.'))}</p>")
    for before, stage in zip([None, *told], told, strict=False):
        body += _stage(before, stage, say)
    return (
        f'<!doctype html>\n<html lang="{code_of(say.say)}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style></head><body>\n" + "\n".join(body) + "\n</body></html>\n"
    )


def _stage(before: Stage | None, stage: Stage, say: Wording) -> list[str]:
    record, judged = stage.record, stage.record.promotion
    assert judged is not None
    version = judged.challenger_version
    heading = say("Version {version}, of batch {batch}", version=version, batch=record.batch.number)
    paragraphs = [
        _why(record, say),
        _saw(before, stage, say),
        _errs(judged, say),
        _looks(before, stage, say),
        *(_turned_down(rejected, say) for rejected in stage.rejected),
    ]
    return [
        f"<h2>{escape(heading)}</h2>",
        f"<p><small>{escape(moment(record.decided_at))}</small></p>",
        *(f"<p>{escape(paragraph)}</p>" for paragraph in paragraphs if paragraph),
        *_places(judged, say),
        *_pictures(stage, version, say),
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
    named = [say.place, *(say(head) for head in ("rows", "before", "now", "difference"))]
    heads = "".join(f"<th>{escape(head)}</th>" for head in named)
    rows = [
        f'<tr><td>{escape(s.state)}</td><td class="figure">{s.rows:,}</td>'
        f'<td class="figure">{escape(say.loss(s.champion))}</td>'
        f'<td class="figure">{escape(say.loss(s.challenger))}</td>'
        f'<td class="figure">{escape(say.difference(s.difference))}'
        f"{' ⚠' if s.worse else ''}</td></tr>"
        for s in judged.states
    ]
    return [f"<table><thead><tr>{heads}</tr></thead><tbody>", *rows, "</tbody></table>"]


def _pictures(stage: Stage, version: int, say: Wording) -> list[str]:
    text = escape(say("What version {version} looks at (Shapley values)", version=version), quote=True)
    return [
        f'<figure><img alt="{text}" src="data:image/png;base64,{base64.b64encode(picture).decode()}"></figure>'
        for picture in stage.pictures
    ]
