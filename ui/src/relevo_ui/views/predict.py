"""Predict: what the served version says of a row, why, and which version it is; one row by hand, many by CSV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from relevo_contract.profile import Profile
from relevo_contract.version import Example
from relevo_ui import contributions, many_rows, model_charts, row_form, session, spreadsheet
from relevo_ui.api import Answer, Explanation, Serving, Status
from relevo_ui.errors import ApiAway, BadRow, MlflowAway, NoModel, UiError
from relevo_ui.marked import Markdown, marked, marking, show
from relevo_ui.problems import explained
from relevo_ui.row_form import Field
from relevo_ui.wording import capital, listed, moment, since

# In the session: the last row asked for, its answer and its explanation.
ASKED = "asked"
COLUMNS, SHOWN = 3, 12
"""Of the form; what is over is folded."""


def look() -> Status | UiError:
    """What the API says of itself, or why it says nothing."""
    try:
        return session.api().status()
    except UiError as error:
        return error


looked = look()
say = session.served_wording(looked)
mark = marking(say)


def tell_status(status: Status) -> None:
    """Which version answers, and what is not as it should be."""
    if status.serving is None:
        why = Markdown(f" {marked(status.registry.problem)}." if status.registry.problem else "")
        show(
            st.info,
            mark(
                "**No model is being served yet.**{why} The first version that is promoted appears here by itself; "
                "the history tells how far it is.",
                why=why,
            ),
            icon=":material/hourglass_empty:",
        )
    if status.refused is not None:
        show(
            st.warning,
            mark(
                "**Version {version} should be served, and was refused**: {reason}. What served before goes on "
                "serving.",
                version=status.refused.version,
                reason=status.refused.reason,
            ),
            icon=":material/gpp_maybe:",
        )
    elif status.serving is not None and status.registry.reachable is False:
        show(
            st.warning,
            mark(
                "**The inference API cannot reach MLflow**; version {version} goes on serving, a newer one waits until "
                "MLflow is back.",
                version=status.serving.version,
            ),
            icon=":material/cloud_off:",
        )


def known(status: Status) -> tuple[Profile | None, Example | None]:
    """What the served version has seen, and its typical row, to fill the form; it works without."""
    if status.serving is None:
        return None, None
    try:
        return session.profile(status.serving.version), session.typical(status.serving.version)
    except MlflowAway:
        return None, None


# By input the place below its field, for what is wrong with it.
Slots = Mapping[str, DeltaGenerator]


def ask(field: Field) -> Any:
    """The field of one input. Limits are the API's to tell, beside the field."""
    label, default = str(marked(capital(say.with_unit(field.name)))), field.default
    # By key, so that what was typed stays if the language changes or the lists of categories grow.
    options: dict[str, Any] = {"key": f"input_{field.name}", "help": row_form.hint(field, say)}
    if field.kind == "text":
        return st.text_input(label, **options)
    if field.kind == "date":
        return st.date_input(label, value=default, min_value=field.low, max_value=field.high, **options)
    if field.kind == "integer":
        whole = None if default is None else int(default)
        return st.number_input(label, value=whole, step=max(1, int(field.step)), **options)
    if field.kind == "number":
        return st.number_input(label, value=default, step=field.step, format="%g", **options)
    if field.kind == "category":
        options |= {"accept_new_options": True, "placeholder": say("choose or type any")}
    told = {option: say.category(field.name, option) for option in field.options}
    return st.selectbox(
        label,
        field.options,
        index=None if default is None else field.options.index(default),
        format_func=lambda value: told.get(value, value),  # what was typed stays as it was typed
        **options,
    )


def form(asked: Sequence[Field]) -> tuple[dict[str, Any] | None, Slots]:
    """The form; the inputs when it was sent, else None."""
    inputs: dict[str, Any] = {}
    slots: dict[str, DeltaGenerator] = {}

    def grid(fields: Sequence[Field]) -> None:
        deep = -(-len(fields) // COLUMNS)
        for place, column in enumerate(st.columns(COLUMNS, gap="medium")):
            with column:
                for field in fields[place * deep : (place + 1) * deep]:
                    inputs[field.name] = ask(field)
                    slots[field.name] = st.empty()

    with st.form("row", border=True):
        show(st.caption, say("Leave empty what you do not know: the model has learnt to do without."))
        grid(asked[:SHOWN])
        if len(asked) > SHOWN:
            with st.expander(say("{count} more columns", count=len(asked) - SHOWN)):
                grid(asked[SHOWN:])
        if (left := len(say.data.inputs) - len(asked)) > 0:
            show(st.caption, say("The other {count} columns can be given in a CSV.", count=left))
        sent = st.form_submit_button(say("Predict"), type="primary", icon=":material/calculate:")
    return (inputs if sent else None), slots


def beside(error: BadRow, slots: Slots) -> None:
    """Say what is wrong with a field below it, and what has no field at the end."""
    for (_, name), problem in error.fields.items():
        text = f"{say.column(name)}: {explained(problem, say)}"
        show(slots.get(name, st).error, text, icon=":material/error:")
    if not error.fields:
        show(st.error, str(error))


def why(explanation: Explanation, blanked: Mapping[str, str]) -> None:
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


def version(model: Serving) -> Markdown:
    """Who answered, and since when it serves."""
    return mark(
        "Answered by **version {version}** of {name}, which serves since {moment} ({ago}).",
        version=model.version,
        name=model.name,
        moment=moment(model.since),
        ago=since(model.since, datetime.now(UTC), say),
    )


def meaning(answer: Answer) -> None:
    """The prediction, and what it says."""
    prediction = answer.predictions[0]
    heading = capital(say.target) if say.outcome is not None else say("Predicted {target}", target=say.target)
    st.metric(str(marked(heading)), say.amount_with_unit(prediction.prediction))
    if say.outcome is not None:
        count = f"{1000 * prediction.prediction:,.0f}"
        told = mark("Of 1,000 such rows, **{outcome}** is true of about **{count}**.", outcome=say.outcome, count=count)
        show(st.markdown, told)
    if prediction.low is not None and prediction.high is not None:
        low, high = say.amount_with_unit(prediction.low), say.amount_with_unit(prediction.high)
        told = mark(
            "In nine of ten such rows, {target} is between **{low}** and **{high}**.",
            target=say.target,
            low=low,
            high=high,
        )
        show(st.markdown, told)
        st.altair_chart(model_charts.interval(prediction.low, prediction.prediction, prediction.high, say))


def tell(row: Mapping[str, Any], answer: Answer, explanation: Explanation | None, status: Status) -> None:
    """The answer, how far to trust it, and why."""
    prediction, model = answer.predictions[0], answer.model
    with st.container(border=True):
        meaning(answer)
        if prediction.unseen:
            unseen = listed([f"{say.column(name)} “{row.get(name, '')}”" for name in prediction.unseen], say=say)
            show(
                st.warning,
                say(
                    "The model never saw this {inputs}: it predicts by the rest, so expect it to be further off than "
                    "it says.",
                    inputs=unseen,
                ),
                icon=":material/travel_explore:",
            )
        show(st.caption, version(model))
        if status.serving is not None and status.serving.version != model.version:
            show(
                st.info,
                say("Version {version} serves by now: ask again for its prediction.", version=status.serving.version),
                icon=":material/update:",
            )
        if explanation is not None:
            why(explanation, prediction.blanked)


def one_row(status: Status, example: Example | None, profile: Profile | None) -> None:
    """The form, and the answer to what was last asked."""
    inputs, slots = form(row_form.fields(say.data, profile, example))
    if inputs is not None:
        st.session_state.pop(ASKED, None)
        row = row_form.row(say.data, inputs)
        try:
            answer = session.api().predict([row])
            # The prediction comes without its explanation rather than not at all.
            try:
                explanation = session.api().explain(row).explanations[0]
            except UiError:
                explanation = None
            st.session_state[ASKED] = row, answer, explanation
        except BadRow as error:
            beside(error, slots)
    if ASKED in st.session_state:
        asked, answer, explanation = st.session_state[ASKED]
        for name, reason in answer.predictions[0].blanked.items():
            text = say("{input} is taken as unknown: {reason}", input=say.column(name), reason=explained(reason, say))
            show(slots.get(name, st).warning, text, icon=":material/help:")
        tell(asked, answer, explanation, status)


show(st.title, say("Predict {target}", target=say.target))
try:
    if isinstance(looked, UiError):
        raise looked
    session.follow(session.serving_stamp, str(looked.serving and looked.serving.version))
    tell_status(looked)
    if say.data.inputs:
        profile, typical = known(looked)
        one, many = st.tabs([say("One row"), say("Many rows, from a CSV")])
        with one:
            one_row(looked, typical, profile)
        with many:
            many_rows.page(say, typical)
    elif looked.serving is not None:
        show(st.info, say("Nothing tells which columns this version has, so there is no form: ask the API itself."))
except NoModel as error:
    show(st.info, mark("**No prediction yet**: {why}.", why=str(error)), icon=":material/hourglass_empty:")
except ApiAway as error:
    show(st.error, error.told(say), icon=":material/cloud_off:")
    st.button(say("Ask again"))
    session.follow(session.serving_stamp, session.AWAY)
except UiError as error:
    show(st.error, error.told(say))
