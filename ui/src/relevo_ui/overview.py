"""Is all well? What the overview says of the system as a whole. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from relevo_contract.record import DecisionRecord, Estimate
from relevo_ui import history, promises, sentences, service
from relevo_ui.api import Status
from relevo_ui.history import Verdict
from relevo_ui.service import Term
from relevo_ui.traffic import Traffic
from relevo_ui.wording import Wording, listed, moment, sentence, since

NAMED: Final = 8
"""Batches named of each mark, the newest."""


@dataclass(frozen=True)
class Seen:
    """What the pages were told by MLflow and by the API, at a moment."""

    records: Sequence[DecisionRecord]
    """Newest first; outlines will do."""
    production: int | None
    terms: Sequence[Term]
    status: Status | None
    """None: the API does not answer."""
    traffic: Traffic | None

    @property
    def serving(self) -> int | None:
        """The version that truly serves."""
        return None if self.status is None or self.status.serving is None else self.status.serving.version

    @property
    def tried(self) -> DecisionRecord | None:
        """The newest batch on which the version in production was tried before anything was trained on it."""
        return next(
            (r for r in self.records if r.champion_version == self.production and r.decision.error is not None), None
        )


def promised(seen: Seen, otherwise: Estimate | None) -> Estimate | None:
    """What the version in production promises; `otherwise` is of its profile, while no batch says it."""
    error = seen.tried.decision.error if seen.tried is not None else None
    return otherwise if error is None else error.promised


def troubles(seen: Seen, say: Wording) -> list[str]:
    """Everything that is not as it should be, what matters most first; empty if all is well."""
    found = [*_service(seen, say), *_newest(seen, say)]
    if seen.traffic is not None and seen.traffic.failed:
        found.append(
            say(
                "Of {requests} since {moment} the inference API failed to answer {failed}.",
                requests=say.count("request", seen.traffic.answered),
                moment=moment(seen.traffic.since),
                failed=f"{seen.traffic.failed:,}",
            )
        )
    return found


def _service(seen: Seen, say: Wording) -> list[str]:
    status = seen.status
    if status is None:
        return [say("The inference API does not answer, so what truly serves cannot be told.")]
    found = []
    if seen.serving != seen.production:
        given_up = [term.version for term in seen.terms if term.given_up]
        found.append(service.agreement(seen.production, seen.serving, given_up, say))
    if status.refused is not None:
        told = {"version": status.refused.version, "reason": status.refused.reason}
        found.append(sentence(say("version {version} was refused by the inference API: {reason}", **told)))
    if status.registry.reachable is False:
        found.append(say("The inference API cannot reach MLflow: a newer version would wait until it is back."))
    return found


def _newest(seen: Seen, say: Wording) -> list[str]:
    """What the newest decided batch says."""
    if not seen.records:
        return []
    newest, found = seen.records[0], []
    if history.blocked(newest):
        found.append(broken(newest, seen.records[1:], say))
    elif (back := newest.rolled_back) is not None:
        told = {"batch": newest.batch.number, "lost": back.from_version, "gained": back.to_version}
        found.append(say("At batch {batch} the alias was given back by version {lost} to version {gained}.", **told))
    else:
        found += sentences.warnings(newest, say)
    tried = seen.tried
    if tried is newest and not history.blocked(newest) and newest.decision.error is not None:
        error = newest.decision.error
        if error.worse or promises.place(error) is promises.Place.ABOVE:
            found.append(sentence(sentences.against(newest, say)))
    return found


def broken(record: DecisionRecord, older: Sequence[DecisionRecord], say: Wording) -> str:
    """What is broken, since when, what it looks like, and what becomes of the rows."""
    return " ".join(
        [
            sentence("; ".join(sentences.defect(one, say) for one in record.decision.defects)),
            say(
                "So it is since batch {since}; of batch {batch} no training uses {rows}.",
                since=history.broken_since(record, older),
                batch=record.batch.number,
                rows=say.count("row", record.batch.kept),
            ),
        ]
    )


def well(seen: Seen, say: Wording) -> str:
    """Said where there is no trouble."""
    if seen.production is None:
        return say("Nothing is wrong; no version is in production yet, so none serves.")
    if seen.tried is None:
        return say(
            "All is well. Version {version} is in production, and it is what truly serves; no batch has tried it yet.",
            version=seen.production,
        )
    return say(
        "All is well. Version {version} is in production, and it is what truly serves; on batch {batch} it kept its "
        "promise.",
        version=seen.production,
        batch=seen.tried.batch.number,
    )


def figures(seen: Seen, promise: Estimate | None, now: datetime, say: Wording) -> list[tuple[str, str, str]]:
    """What is told at a glance, each as its heading, its figure and what stands below."""
    term = next((one for one in seen.terms if one.version == seen.serving), None)
    serves = say("none") if seen.serving is None else say("version {version}", version=seen.serving)
    since_when = "" if term is None else say("in production since {moment}", moment=moment(term.since))
    real = seen.tried.decision.error if seen.tried is not None else None
    hour = seen.traffic
    newest = seen.records[0] if seen.records else None
    return [
        (say("Serves"), serves, since_when),
        (
            say("Promised error"),
            "–" if promise is None else say.loss(promise.value),
            "" if promise is None else interval(promise, say),
        ),
        (
            say("Real error"),
            "–" if real is None else say.loss(real.now.value),
            say("no batch has tried it yet")
            if real is None or seen.tried is None
            else f"{interval(real.now, say)}, {say('on batch {batch}', batch=seen.tried.batch.number)}",
        ),
        (
            say("Answers"),
            "–" if hour is None else f"{hour.answered:,}",
            say("the inference API tells none")
            if hour is None
            else say(
                "since {moment}: {refused} refused, {failed} failed",
                moment=moment(hour.since),
                refused=f"{hour.refused:,}",
                failed=f"{hour.failed:,}",
            ),
        ),
        (
            say("Last run"),
            "–" if newest is None else since(newest.decided_at, now, say),
            ""
            if newest is None
            else say("batch {batch}, {moment}", batch=newest.batch.number, moment=moment(newest.decided_at)),
        ),
    ]


def interval(figure: Estimate, say: Wording) -> str:
    """A figure's interval alone."""
    return say("{low} to {high}", low=say.loss(figure.low), high=say.loss(figure.high))


def marks(rows: Sequence[history.Row], say: Wording) -> str:
    """What the timeline's marks mean and which batches have them; for who cannot see it, all that they say."""
    told = []
    for far in (Verdict.PROMOTED, Verdict.REJECTED, Verdict.BLOCKED, Verdict.ROLLED_BACK, Verdict.JUDGING):
        found = [str(row.batch) for row in rows if row.verdict is far]
        if found:
            batches = listed(found, NAMED, say)
            told.append(
                f"{history.MARKS[far][0]} {say('{verdict}: batch {batches}', verdict=say(far), batches=batches)}"
            )
    return " · ".join(told)
