"""Models: two versions side by side, the card of one, and the written analysis of the best one at each stage."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from relevo_ui import addressed, card, links, model_charts, report, service, session, side_by_side, versions
from relevo_ui.marked import Markdown, marking, show
from relevo_ui.session import Story
from relevo_ui.versions import Told
from relevo_ui.wording import Wording

BESIDE, CARD = "beside", "card"
looked = session.looked()
say = session.wording(looked)
mark = marking(say)


def told(story: Story) -> list[Told]:
    """The versions, newest first, each with its run's outline."""
    records = {run.run_id: record for run, record in zip(story.runs, story.records, strict=True)}
    return [Told(v.number, v.run_id, v.tags, records.get(v.run_id)) for v in story.versions]


def analysis(story: Story, spoken: Wording) -> str:
    """The written analysis as HTML; asks MLflow for what each promoted version keeps.

    It is made when it is asked for, in a thread that knows no visitor: so it is told the words.
    """
    whole = [record for run in story.runs if (record := session.record(run)) is not None]
    stages = []
    for record, rejected in report.stages(whole):
        version = record.promotion.challenger_version if record.promotion is not None else 0
        stages.append(report.Stage(record, session.profile(version), session.shap(version), rejected))
    return report.report(session.settings().model, stages, datetime.now(UTC), spoken)


def chosen(found: list[Told], production: int | None, heading: str, key: str, default: int) -> Told:
    """The version that is chosen; its number stands in the address."""
    by_number = {one.number: one for one in found}

    def label(number: int) -> str:
        return versions.label(by_number[number], production, say)

    return by_number[addressed.selectbox(heading, list(by_number), key, label, default)]


def linked(shown: Sequence[Told]) -> None:
    """The versions in MLflow."""
    settings = session.settings()
    named = [
        f"[{say('version {version}', version=one.number)}]({links.version(settings, one.number)})" for one in shown
    ]
    show(st.markdown, Markdown(f"MLflow: {' · '.join(named)}"))  # a caption's links are too faint


def beside(found: list[Told], production: int | None) -> None:
    """Two versions side by side."""
    pair = versions.pair(found, production)
    if pair is None:
        told = say("There is one version so far; a second one can be set beside it.")
        show(st.info, told, icon=":material/looks_one:")
        return
    left, right = st.columns(2)
    with left:
        older = chosen(found, production, say("One version"), "older", pair[0])
    with right:
        newer = chosen(found, production, say("Another version"), "newer", pair[1])
    if older.number == newer.number:
        show(st.info, say("Choose two different versions to compare them."), icon=":material/compare_arrows:")
        return
    linked((older, newer))
    side_by_side.page(older, newer, say)


def one_card(found: list[Told], production: int | None) -> None:
    """A version's model card, as a page and as a file."""
    numbers = [one.number for one in found]
    default = production if production in numbers else numbers[0]
    one = chosen(found, production, say("Version"), "version", default)
    linked((one,))
    kept = card.Kept(session.profile(one.number), session.shap(one.number), session.holdout(one.number))
    parts = card.card(one, kept, say)
    model = session.settings().model
    st.download_button(
        say("The model card as one file (HTML)"),
        lambda: card.as_html(model, one, parts, datetime.now(UTC), say),
        f"{model}-{one.number}-card.html",
        "text/html",
        icon=":material/description:",
        on_click="ignore",
    )
    for part in parts:
        show(st.subheader, part.heading)
        for text in part.paragraphs:
            show(st.markdown, text)
        if part.weights:
            name = say("version {version}", version=one.number)
            st.altair_chart(model_charts.importance(part.weights, None, name, say))
        for table in part.tables:
            frame = pd.DataFrame(table.rows, columns=list(table.heads))
            st.dataframe(frame, hide_index=True, height="content", alt=f"{part.heading}: {table.heads[0]}")


def page(story: Story) -> None:
    """The whole page."""
    found = told(story)
    if not found:
        show(
            st.info,
            mark(
                "**No version has been trained yet.** The first appears once `relevo-job train` has run; the history "
                "tells how far it is."
            ),
            icon=":material/hourglass_empty:",
        )
        return
    status = session.status()
    serving = status.serving.version if status is not None and status.serving is not None else None
    if status is not None:
        terms = service.terms({one.number: one.tags for one in found})
        given_up = [term.version for term in terms if term.given_up]
        show(st.markdown, service.agreement(story.production, serving, given_up, say))
    st.download_button(
        say("Written analysis of the best model at each stage (HTML)"),
        lambda: analysis(story, say),
        "relevo-analysis.html",
        "text/html",
        icon=":material/description:",
        on_click="ignore",
    )
    kinds = {BESIDE: say("Two versions"), CARD: say("Model card")}
    options = list(kinds) if len(found) > 1 else [CARD, BESIDE]
    if addressed.segmented(say("Show"), options, "show", kinds.__getitem__) == CARD:
        one_card(found, story.production)
    else:
        beside(found, story.production)


st.title(say("Which model, and why"))
session.tell(looked, page)
