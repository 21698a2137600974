"""History: one line per batch, and the evidence behind each."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from relevo_contract import names
from relevo_contract.record import DecisionRecord
from relevo_ui import charts, history, session
from relevo_ui.errors import MlflowAway, UiError
from relevo_ui.history import Row
from relevo_ui.mlflow_records import BatchRun
from relevo_ui.session import Story
from relevo_ui.wording import column, estimate, listed, literal, plain, points, sentence

CHOSEN = "batch"
ROW_PIXELS = 98  # five lines: what the longest sentences of `decide` take
TABLE_PIXELS = 640


def label(row: Row, groups: int) -> str:
    """A batch's name in the list."""
    group = f" of group {row.group}" if groups > 1 else ""
    version = f", version {row.version}" if row.version else ""
    return f"Batch {row.batch}{group}: {row.verdict}{version}"


def overview(rows: list[Row]) -> None:
    """One line per batch; choosing a line opens its batch below."""
    table = pd.DataFrame(
        {
            "Batch": [r.batch for r in rows],
            "Rows": [r.rows for r in rows],
            "What moved": [r.moved for r in rows],
            "Why": [r.why for r in rows],
            "Version": ["" if r.version is None else str(r.version) for r in rows],
            "Outcome": [r.outcome for r in rows],
            "Criterion": [r.criterion for r in rows],
            "Champion here": [r.champion_here for r in rows],
            "Champion": [r.champion for r in rows],
            "Challenger": [r.challenger for r in rows],
        }
    ).astype({"Rows": "Int64"})

    def choose() -> None:
        picked = st.session_state["overview"]["selection"]["rows"]
        if picked:
            st.session_state[CHOSEN] = rows[picked[0]].run_id

    st.dataframe(
        table,
        key="overview",
        on_select=choose,
        selection_mode="single-row",
        hide_index=True,
        row_height=ROW_PIXELS,
        height=min(TABLE_PIXELS, ROW_PIXELS * len(rows) + 40),
        column_config={
            "Batch": st.column_config.NumberColumn(width=45),
            "Rows": st.column_config.NumberColumn(width=55, format="localized"),
            "What moved": st.column_config.TextColumn(width=110),
            "Why": st.column_config.TextColumn(width=385),
            "Version": st.column_config.TextColumn(width=55),
            "Outcome": st.column_config.TextColumn(width=90),
            "Criterion": st.column_config.TextColumn(width=135),
            "Champion here": st.column_config.TextColumn(width=120, help="median error on this batch; 95 % interval"),
            "Champion": st.column_config.TextColumn(width=100, help="median error on the held-out rows that decided"),
            "Challenger": st.column_config.TextColumn(width=100, help="median error on the same rows"),
        },
    )


def what_moved(record: DecisionRecord) -> None:
    """The batch's columns against the champion's training data."""
    st.subheader("What moved")
    evidence = record.decision.columns
    chart = charts.distances(evidence)
    if chart is None:
        st.caption(
            "There was no model to compare this batch with."
            if record.champion_version is None
            else "No column was compared."
        )
        return
    st.altair_chart(chart)
    new = [(c.column, c.new_categories) for c in evidence if c.new_categories and c.moved]
    for name, categories in new:
        st.markdown(f"New in **{column(name)}**: {listed(list(categories), 10)}")
    with st.expander("The figures"):
        st.dataframe(charts.columns_table(evidence), hide_index=True)


def promise(record: DecisionRecord) -> None:
    """The champion's error on the batch against its promise."""
    error = record.decision.error
    if error is None:
        return
    st.subheader("Does the champion keep its promise?")
    st.markdown(
        f"{history.promise(error)}. On {error.rows:,} of its rows version {record.champion_version} errs by "
        f"{estimate(error.now)}; it promised {estimate(error.promised)}."
    )
    st.altair_chart(charts.promise(error))


def promotion(record: DecisionRecord) -> None:
    """The comparison that decided."""
    judged = record.promotion
    if judged is None:
        return
    st.subheader("Promoted or rejected, and by which criterion")
    st.markdown(plain(sentence(judged.sentence)))
    st.caption(
        f"Criterion `{judged.criterion}`: {history.CRITERIA[judged.criterion]}. What decides is the mean error of the "
        f"log price, challenger minus champion, by row on {judged.rows:,} held-out rows: {points(judged.difference)}."
    )
    st.altair_chart(charts.promotion(judged))
    by_state = charts.states(judged.states)
    if by_state is not None:
        st.markdown("**By state**")
        st.altair_chart(by_state)


def pictures(record: DecisionRecord, own: str, story: Story) -> None:
    """What the version of this batch looks at; where none was trained, the champion."""
    version, run_id = record.champion_version, None
    if record.training is not None:
        version, run_id = history.version_of(record, {}), own
    elif version is not None:
        run_id = next((r.run_id for r in story.runs if r.tags.get(names.TAG_VERSION) == str(version)), None)
    if run_id is None:
        return
    found = [p for p in (session.picture(run_id, name) for name in names.SHAP_PICTURES) if p is not None]
    if not found:
        return
    st.subheader(f"What version {version} looks at" if version else "What the trained version looks at")
    st.caption("SHAP: how much each input moves the log price, over the version's own held-out rows.")
    for place, picture in zip(st.columns(len(found)), found, strict=True):
        place.image(picture)


def details(row: Row, run: BatchRun, record: DecisionRecord | None, story: Story) -> None:
    """The evidence of one batch."""
    link = f"{session.settings().tracking_uri}/#/experiments/{run.experiment_id}/runs/{run.run_id}"
    if record is None:
        st.info(f"Batch {row.batch} is being decided, or its record is of another release. [Its MLflow run]({link})")
        return
    st.markdown(f"#### {plain(history.headline(record))}")
    st.markdown(literal(sentence(record.decision.sentence)))
    facts = [
        f"{record.batch.rows:,} rows came, {record.batch.kept:,} kept",
        f"decided {record.decided_at:%Y-%m-%d %H:%M} UTC",
    ]
    if record.training is not None:
        trained = record.training
        facts.append(f"trained on {trained.rows:,} rows of {len(trained.batches)} batches in {trained.seconds:.0f} s")
    st.caption(" · ".join([*facts, f"[MLflow run]({link})"]))
    what_moved(record)
    promise(record)
    promotion(record)
    pictures(record, run.run_id, story)


def page(story: Story) -> None:
    """The whole page."""
    if not story.runs:
        st.info(
            "**No batch has been decided yet.** The history fills as batches arrive: `relevo-job collect`, `clean`, "
            "then `decide` write the first line. If they have run, check that RELEVO_MODEL is the same here and there.",
            icon=":material/hourglass_empty:",
        )
        st.button("Look again")
        return
    rows = [history.row(run.run_id, run.tags, record) for run, record in zip(story.runs, story.records, strict=True)]
    st.markdown(history.summary(rows, story.production))
    overview(rows)
    groups = len({row.group for row in rows})
    # By run, not by place in the list: a batch that arrives meanwhile must not change what is open.
    places = {row.run_id: place for place, row in enumerate(rows)}
    if st.session_state.get(CHOSEN) not in places:
        st.session_state[CHOSEN] = rows[0].run_id
    chosen = places[
        st.selectbox(
            "Open a batch", list(places), key=CHOSEN, format_func=lambda run_id: label(rows[places[run_id]], groups)
        )
    ]
    details(rows[chosen], story.runs[chosen], story.records[chosen], story)


st.title("What happened, and why")
try:
    page(session.story())
except MlflowAway as error:
    st.error(str(error), icon=":material/cloud_off:")
    st.button("Look again")
except UiError as error:
    st.error(str(error))
