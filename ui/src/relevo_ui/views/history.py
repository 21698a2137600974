"""A batch, by its address (`/history?batch=3`), in the order in which people ask: what became of it, and why."""

from __future__ import annotations

import streamlit as st

from relevo_contract.record import DecisionRecord
from relevo_ui import evidence, history, links, overview, service, session, terms
from relevo_ui.history import MARKS, Row
from relevo_ui.marked import Markdown, marked, marking, show
from relevo_ui.mlflow_records import BatchRun
from relevo_ui.session import Story
from relevo_ui.wording import moment

CHOSEN, ADDRESS = "batch", "batch_address"
looked = session.looked()
say = session.wording(looked)
mark = marking(say)


def label(row: Row, groups: int) -> str:
    """A batch's name in the list."""
    told = {"batch": row.batch, "group": row.group, "outcome": row.outcome}
    if groups > 1:
        return say("Batch {batch} of group {group}: {outcome}", **told)
    return say("Batch {batch}: {outcome}", **told)


def verdict(record: DecisionRecord, row: Row, older: list[DecisionRecord]) -> None:
    """What became of the batch, in a sentence; if a column is broken, what that means and what to do."""
    sign, color = MARKS[row.verdict]
    badge = f":{color}-badge[{marked(f'{sign} {row.outcome}')}]"
    show(st.markdown, Markdown(f"#### {badge} {marked(history.headline(record, say))}"))
    if history.blocked(record):
        told = Markdown(f"{marked(overview.broken(record, older, say))} {history.left_out(record, mark)}")
        show(st.error, told, icon=":material/block:")


def served(record: DecisionRecord, version: int | None, story: Story) -> None:
    """Since when and until when the batch's version served, and what failed."""
    show(st.subheader, say("Since when it served, and what failed"), help=say(terms.SERVED))
    found = service.terms({one.number: one.tags for one in story.versions})
    if version is None or not any(term.version == version for term in found):
        stays = record.champion_version
        none = say("No version of this batch served.")
        told = say("Version {version} stayed in production.", version=stays) if stays is not None else ""
        show(st.markdown, f"{none} {told} {say('Nothing failed.')}")
        return
    status = session.status()
    serving = None if status is None or status.serving is None else (status.serving.version, status.serving.since)
    show(st.markdown, " ".join(service.served(version, found, serving, say)))


def written(record: DecisionRecord, row: Row, run: BatchRun) -> None:
    """Where the record is, and what stands in it."""
    settings = session.settings()
    parts = [
        Markdown(f"[{say('MLflow run')}]({links.run(settings, run.experiment_id, run.run_id)})"),
        say("decided {moment}", moment=moment(record.decided_at)),
    ]
    if row.version is not None:
        named = say("version {version}", version=row.version)
        parts.append(Markdown(f"[{named}]({links.version(settings, row.version)})"))
    if (airflow := links.airflow(settings, record.airflow_run)) is not None:
        parts.append(Markdown(f"[{say('Airflow run')}]({airflow})"))
    if (training := record.training) is not None:
        parts.append(
            say(
                "trained on {rows} of {batches} in {seconds} s",
                rows=say.count("row", training.rows),
                batches=say.count("batch", len(training.batches)),
                seconds=f"{training.seconds:.0f}",
            )
        )
    show(st.caption, Markdown(" · ".join(map(marked, parts))))
    with st.expander(say("As the steps wrote it, in English")):
        show(st.markdown, record.decision.sentence)
        if record.promotion is not None:
            show(st.markdown, record.promotion.sentence)


def details(row: Row, run: BatchRun, story: Story) -> None:
    """Everything that is known of one batch."""
    record = session.record(run)
    if record is None:
        link = Markdown(links.run(session.settings(), run.experiment_id, run.run_id))
        show(
            st.info,
            mark(
                "Batch {batch} is being decided, or its record is of another release. [Its MLflow run]({link})",
                batch=row.batch,
                link=link,
            ),
        )
        return
    version = history.version_of(record, run.tags)
    place = story.runs.index(run)
    verdict(record, row, [one for one in story.records[place + 1 :] if one is not None])
    evidence.came(record, say)
    evidence.changed(record, say)
    evidence.decided(record, say)
    evidence.promotion(record, say)
    evidence.by_segment(record, say)
    evidence.rehearsal(record, say)
    served(record, version, story)
    evidence.looks(record, version, say)
    written(record, row, run)


def chosen(rows: list[Row]) -> str:
    """The run that is open: as the address says (`?batch=3`) when it is new, as chosen, or the newest."""
    asked = st.query_params.get("batch")
    held = st.session_state.get(CHOSEN)
    if held in {row.run_id for row in rows} and asked in (None, st.session_state.get(ADDRESS)):
        return str(held)
    return next((row.run_id for row in rows if str(row.batch) == asked), rows[0].run_id)


def page(story: Story) -> None:
    """The whole page."""
    if not story.runs:
        show(
            st.info,
            mark(
                "**No batch has been decided yet.** Each batch is told here once `relevo-job decide` has looked at it."
            ),
            icon=":material/hourglass_empty:",
        )
        st.button(say("Look again"))
        return
    pairs = zip(story.runs, story.records, strict=True)
    rows = [history.row(run.run_id, run.tags, record, say) for run, record in pairs]
    # By run, not by place in the list: a batch that arrives meanwhile must not change what is open.
    places = {row.run_id: place for place, row in enumerate(rows)}
    st.session_state[CHOSEN] = chosen(rows)
    groups = len({row.group for row in rows})
    place = places[
        st.selectbox(
            say("Open a batch"),
            list(places),
            key=CHOSEN,
            format_func=lambda run_id: label(rows[places[run_id]], groups),
        )
    ]
    st.query_params["batch"] = st.session_state[ADDRESS] = str(rows[place].batch)
    details(rows[place], story.runs[place], story)


st.title(say("What became of a batch, and why"))
session.tell(looked, page)
