"""History: one line per batch, and the evidence behind each."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from relevo_contract import names
from relevo_contract.record import DecisionRecord
from relevo_ui import column_charts, evidence, history, links, service, session
from relevo_ui.history import Row
from relevo_ui.marked import Markdown, marked, marking, show
from relevo_ui.mlflow_records import BatchRun
from relevo_ui.session import Story
from relevo_ui.spreadsheet import harmless
from relevo_ui.wording import listed, moment

CHOSEN = "batch"
ROW_PIXELS = 118  # six lines: what the longest sentences of `decide` take
TABLE_PIXELS = 640
looked = session.looked()
say = session.wording(looked)
mark = marking(say)


def label(row: Row, groups: int) -> str:
    """A batch's name in the list."""
    told = {"batch": row.batch, "group": row.group, "verdict": say(row.verdict), "version": row.version}
    if groups > 1 and row.version:
        return say("Batch {batch} of group {group}: {verdict}, version {version}", **told)
    if groups > 1:
        return say("Batch {batch} of group {group}: {verdict}", **told)
    if row.version:
        return say("Batch {batch}: {verdict}, version {version}", **told)
    return say("Batch {batch}: {verdict}", **told)


def overview(rows: list[Row]) -> None:
    """One line per batch; choosing a line opens its batch below."""
    here = say("{figure} on this batch; 95 % interval", figure=say.figure)
    text, number = st.column_config.TextColumn, st.column_config.NumberColumn
    shown = {
        say("Batch"): ([r.batch for r in rows], number(width=45)),
        say("Rows"): (pd.array([r.rows for r in rows], dtype="Int64"), number(width=52, format="localized")),
        say("Outcome"): ([r.outcome for r in rows], text(width=96)),
        say("Why"): ([harmless(r.why) for r in rows], text(width=296)),
        say("Origin"): (
            [harmless(r.origin) for r in rows],
            text(width=106, help=say("{place}: where its rows come from", place=say.place)),
        ),
        say("What moved"): ([r.moved for r in rows], text(width=90)),
        say("Version"): (["" if r.version is None else str(r.version) for r in rows], text(width=52)),
        say("Criterion"): ([r.criterion for r in rows], text(width=106)),
        say("Champion here"): ([r.champion_here for r in rows], text(width=92, help=here)),
        say("Champion"): (
            [r.champion for r in rows],
            text(width=78, help=say("{figure} on the held-out rows that decided", figure=say.figure)),
        ),
        say("Challenger"): (
            [r.challenger for r in rows],
            text(width=78, help=say("{figure} on the same rows", figure=say.figure)),
        ),
    }

    def choose() -> None:
        picked = st.session_state["overview"]["selection"]["rows"]
        if picked:
            st.session_state[CHOSEN] = rows[picked[0]].run_id

    st.dataframe(
        pd.DataFrame({name: values for name, (values, _) in shown.items()}),
        key="overview",
        on_select=choose,
        selection_mode="single-row",
        hide_index=True,
        row_height=ROW_PIXELS,
        height=min(TABLE_PIXELS, ROW_PIXELS * len(rows) + 40),
        column_config={name: config for name, (_, config) in shown.items()},
    )


def served(story: Story) -> None:
    """Which version was in production when, and whether it truly serves."""
    status = session.status()
    serving = None if status is None else status.serving
    version = None if serving is None else serving.version
    terms = service.terms({version.number: version.tags for version in story.versions})
    given_up = [term.version for term in terms if term.given_up]
    if status is None:
        told = say("The inference API does not answer, so what truly serves cannot be told.")
        show(st.warning, told, icon=":material/cloud_off:")
    else:
        show(st.markdown, service.agreement(story.production, version, given_up, say))
    if not terms:
        return
    with st.expander(say("Which version served when")):
        times = [service.words(term, say) for term in terms]
        now = None if serving is None else (serving.version, serving.since)
        table = {
            say("Version"): [term.version for term in terms],
            say("Promoted"): [since for since, _ in times],
            say("Replaced"): [until for _, until in times],
            say("Truly serving"): [service.truly(term, now, say) for term in terms],
        }
        st.dataframe(pd.DataFrame(table), hide_index=True)


def what_moved(record: DecisionRecord) -> None:
    """The batch's columns against the champion's training data."""
    st.subheader(say("What moved"))
    evidence = record.decision.columns
    chart = column_charts.distances(evidence, say)
    if chart is None:
        nothing = say("No column was compared.")
        first = record.champion_version is None
        show(st.caption, say("There was no model to compare this batch with.") if first else nothing)
        return
    st.altair_chart(chart)
    for one in evidence:
        if one.new_categories and one.moved:
            new = listed(list(one.new_categories), 10, say)
            told = mark("New in **{column}**: {categories}", column=say.column(one.column), categories=new)
            show(st.markdown, told)
    pictured = {one.column: one for one in evidence if one.distribution is not None}
    if pictured:
        name = st.selectbox(say("A column before and now"), list(pictured), format_func=say.column, key="column")
        before = say("training data of version {version}", version=record.champion_version)
        now = say("batch {batch}", batch=record.batch.number)
        if (picture := column_charts.distribution(pictured[name], before, now, say)) is not None:
            st.altair_chart(picture)
    with st.expander(say("The figures")):
        st.dataframe(column_charts.columns_table(evidence, say), hide_index=True)


def pictures(record: DecisionRecord) -> None:
    """What the version of this batch looks at; where none was trained, the champion."""
    version = record.champion_version if record.training is None else history.version_of(record, {})
    if version is None:
        return
    found = [p for p in (session.picture(version, name) for name in names.SHAPLEY_PICTURES) if p is not None]
    if not found:
        return
    show(st.subheader, say("What version {version} looks at", version=version))
    show(
        st.caption,
        say(
            "Shapley values: by how much each column moves the prediction from that of a typical row, over the "
            "version's own held-out rows."
        ),
    )
    for place, picture in zip(st.columns(len(found)), found, strict=True):
        place.image(picture)


def details(row: Row, run: BatchRun) -> None:
    """The evidence of one batch."""
    settings = session.settings()
    link = Markdown(links.run(settings, run.experiment_id, run.run_id))
    record = session.record(run)
    if record is None:
        show(
            st.info,
            mark(
                "Batch {batch} is being decided, or its record is of another release. [Its MLflow run]({link})",
                batch=row.batch,
                link=link,
            ),
        )
        return
    show(st.markdown, Markdown(f"#### {marked(history.headline(record, say))}"))
    show(st.markdown, history.why(record, say))
    for told in history.warnings(record, say):
        show(st.warning, told, icon=":material/rule:")
    if told := history.left_out(record, mark):
        show(st.info, told, icon=":material/undo:")
    facts = [
        say("{rows} rows came, {kept} kept", rows=f"{record.batch.rows:,}", kept=f"{record.batch.kept:,}"),
        say("decided {moment}", moment=moment(record.decided_at)),
    ]
    if record.training is not None:
        facts.append(
            say(
                "trained on {rows} rows of {batches} batches in {seconds} s",
                rows=f"{record.training.rows:,}",
                batches=len(record.training.batches),
                seconds=f"{record.training.seconds:.0f}",
            )
        )
    facts.append(Markdown(f"[{say('MLflow run')}]({link})"))
    if row.version is not None:
        named = say("version {version}", version=row.version)
        facts.append(Markdown(f"[{named}]({links.version(settings, row.version)})"))
    if (airflow := links.airflow(settings, record.airflow_run)) is not None:
        facts.append(Markdown(f"[{say('Airflow run')}]({airflow})"))
    show(st.caption, Markdown(" · ".join(map(marked, facts))))
    what_moved(record)
    evidence.expected_gain(record, say)
    evidence.promise(record, say)
    evidence.promotion(record, say)
    evidence.rehearsal(record, say)
    pictures(record)


def chosen(rows: list[Row]) -> str:
    """The run that is open: as chosen, as the address says (`?batch=3`), or the newest."""
    if st.session_state.get(CHOSEN) in {row.run_id for row in rows}:
        return str(st.session_state[CHOSEN])
    asked = st.query_params.get("batch")
    return next((row.run_id for row in rows if str(row.batch) == asked), rows[0].run_id)


def page(story: Story) -> None:
    """The whole page."""
    if not story.runs:
        show(
            st.info,
            mark(
                "**No batch has been decided yet.** The history fills as batches arrive: `relevo-job collect`, "
                "`clean`, then `decide` write the first line. If they have run, check that RELEVO_MODEL is the same "
                "here and there."
            ),
            icon=":material/hourglass_empty:",
        )
        st.button(say("Look again"))
        return
    pairs = zip(story.runs, story.records, strict=True)
    rows = [history.row(run.run_id, run.tags, record, say) for run, record in pairs]
    show(st.markdown, history.summary(rows, story.production, say))
    overview(rows)
    served(story)
    # By run, not by place in the list: a batch that arrives meanwhile must not change what is open.
    places = {row.run_id: place for place, row in enumerate(rows)}
    st.session_state[CHOSEN] = chosen(rows)
    evidence.in_time([r for r in story.records if r is not None], rows[places[st.session_state[CHOSEN]]].batch, say)
    groups = len({row.group for row in rows})
    place = places[
        st.selectbox(
            say("Open a batch"),
            list(places),
            key=CHOSEN,
            format_func=lambda run_id: label(rows[places[run_id]], groups),
        )
    ]
    st.query_params["batch"] = str(rows[place].batch)
    details(rows[place], story.runs[place])


st.title(say("What happened, and why"))
session.tell(looked, page)
