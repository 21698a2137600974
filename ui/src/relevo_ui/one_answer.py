"""What the served version says of one row: the part of Predict that tells an answer, how far to trust it, and why."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import streamlit as st

from relevo_contract.profile import Profile
from relevo_ui import contributions, likeness, model_charts, session, spreadsheet
from relevo_ui.api import Answer, Explanation, Serving
from relevo_ui.errors import MlflowAway
from relevo_ui.marked import Markdown, marked, marking, show
from relevo_ui.wording import Wording, capital, listed, moment, since


def why(explanation: Explanation, blanked: Mapping[str, str], say: Wording) -> None:
    """What raised and lowered this prediction."""
    base, steps = explanation.base, contributions.steps(explanation, say, blanked)
    show(st.markdown, Markdown(f"##### {say('What raised and lowered this prediction')}"))
    st.altair_chart(model_charts.waterfall(base.prediction, steps, explanation.prediction, say))
    largest = [f"{step.label} {say.change(step.amount, explanation.prediction)}" for step in steps[:3]]
    show(
        st.caption,
        say(
            "From {base}, the prediction for a typical row, where every explanation of this version begins ({row}): "
            "{largest}.",
            base=say.amount_with_unit(base.prediction),
            row=contributions.described(base.inputs, say),
            largest=listed(largest, say=say),
        ),
    )
    with st.expander(say("Every column")):
        parts = explanation.contributions

        def told(came: float | str | None, name: str) -> str:
            return str(spreadsheet.harmless(say.value(name, came)))

        table = pd.DataFrame(
            {
                say("column"): [say.column(part.column) for part in parts],
                say("this row"): [told(part.value, part.column) for part in parts],
                say("a typical row"): [told(base.inputs.get(part.column), part.column) for part in parts],
                say("effect"): [say.change(part.contribution, explanation.prediction) for part in parts],
            }
        )
        st.dataframe(table, hide_index=True)


def version(model: Serving, say: Wording) -> Markdown:
    """Who answered, and since when it serves."""
    mark = marking(say)
    return mark(
        "Answered by **version {version}** of {name}, which serves since {moment} ({ago}).",
        version=model.version,
        name=model.name,
        moment=moment(model.since),
        ago=since(model.since, datetime.now(UTC), say),
    )


def meaning(answer: Answer, say: Wording, *, usual: bool) -> None:
    """The prediction, and what it says of a row that is like those of the training, or unlike them."""
    prediction, mark = answer.predictions[0], marking(say)
    heading = capital(say.target) if say.outcome is not None else say("Predicted {target}", target=say.target)
    st.metric(str(marked(heading)), say.amount_with_unit(prediction.prediction))
    if say.outcome is not None:
        count = f"{1000 * prediction.prediction:,.0f}"
        told = mark("Of 1,000 such rows, **{outcome}** is true of about **{count}**.", outcome=say.outcome, count=count)
        show(st.markdown, told)
    if prediction.low is not None and prediction.high is not None:
        low, high = say.amount_with_unit(prediction.low), say.amount_with_unit(prediction.high)
        ends = {"target": say.target, "low": low, "high": high}
        told = (
            mark("In nine of ten such rows, {target} is between **{low}** and **{high}**.", **ends)
            if usual
            else mark(
                "For rows like those it learnt from, {target} would be between **{low}** and **{high}** in nine of "
                "ten. This row is not like them, so that is no promise.",
                **ends,
            )
        )
        show(st.markdown, told)
        st.altair_chart(model_charts.interval(prediction.low, prediction.prediction, prediction.high, say))


def unlike(row: Mapping[str, Any], answer: Answer, profile: Profile | None, say: Wording) -> list[str]:
    """What of the row the model never saw, in sentences; none if it saw the like of all of it."""
    prediction, told = answer.predictions[0], []
    if prediction.unseen:
        unseen = listed([f"{say.column(name)} “{row.get(name, '')}”" for name in prediction.unseen], say=say)
        told.append(
            say(
                "The model never saw this {inputs}: it predicts by the rest, so expect it to be further off than it "
                "says.",
                inputs=unseen,
            )
        )
    told += [
        say(
            "{column} {value} lies outside of what version {version} was trained on, {low} to {high}: beyond that it "
            "only guesses.",
            column=capital(say.column(one.column)),
            value=say.figure_of(one.value),
            version=answer.model.version,
            low=say.figure_of(one.low),
            high=say.figure_of(one.high),
        )
        for one in likeness.outside(say.data, profile, row)
    ]
    return told


def checked(row: Mapping[str, Any], answer: Answer, say: Wording) -> None:
    """Held-out rows like this one, whose target is known: the check that anybody can make."""
    version = answer.model.version
    try:
        kept, shapley = session.holdout(version), session.shap(version)
    except MlflowAway:
        return
    found = likeness.alike(say.data, kept, shapley, row)
    if not found:
        return
    show(st.markdown, Markdown(f"##### {say('Check it by rows like this one')}"))
    table = likeness.table(row, answer.predictions[0].prediction, found, say)
    pinned = {table.columns[0]: st.column_config.Column(pinned=True)}
    alt = say("Check it by rows like this one")
    st.dataframe(table, hide_index=True, height="content", column_config=pinned, alt=alt)
    show(
        st.caption,
        say(
            "Version {version} was trained on none of them. They are the nearest of {rows} held-out rows, by how far "
            "each column is from this row's, weighed by how much the version looks at it.",
            version=version,
            rows=f"{kept.described if kept is not None else 0:,}",
        ),
    )


def tell(
    row: Mapping[str, Any], answer: Answer, explanation: Explanation | None, profile: Profile | None, say: Wording
) -> None:
    """The answer, how far to trust it, and why; `profile` is of the version that gave it."""
    warnings = unlike(row, answer, profile, say)
    meaning(answer, say, usual=not warnings)
    for told in warnings:
        show(st.warning, told, icon=":material/travel_explore:")
    show(st.caption, version(answer.model, say))
    if explanation is not None:
        why(explanation, answer.predictions[0].blanked, say)
    checked(row, answer, say)
