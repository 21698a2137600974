"""Predict: what the served version says of a row, why, and which version it is; one row by hand, many by CSV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from relevo_contract.profile import Profile
from relevo_contract.version import Example, Vocabulary
from relevo_ui import many_rows, one_answer, row_form, session
from relevo_ui.api import Status
from relevo_ui.errors import ApiAway, BadRow, MlflowAway, NoModel, UiError
from relevo_ui.marked import Markdown, marked, marking, show
from relevo_ui.problems import explained
from relevo_ui.row_form import Field, Group
from relevo_ui.wording import capital

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


class Known(NamedTuple):
    """What a version keeps of its training data, as far as it can be had; every part may be missing."""

    profile: Profile | None = None
    typical: Example | None = None
    vocabulary: Vocabulary | None = None


def known(version: int | None) -> Known:
    """What fills the form; it works without."""
    if version is None:
        return Known()
    try:
        return Known(session.profile(version), session.typical(version), session.vocabulary(version))
    except MlflowAway:
        return Known()


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
    if field.kind in {"number", "integer"}:  # a field of whole numbers would cut 3.5 to 3 and say nothing
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


def form(asked: Sequence[Field], vocabulary: Vocabulary | None) -> tuple[dict[str, Any] | None, Slots]:
    """The form; the inputs when it was sent, else None.

    The place is asked for before it, so that what it offers as finer places can be that place's alone.
    """
    inputs: dict[str, Any] = {}
    slots: dict[str, DeltaGenerator] = {}
    place = say.data.place if vocabulary is not None else None

    def grid(fields: Sequence[Field]) -> None:
        for begin in range(0, len(fields), COLUMNS):
            row = fields[begin : begin + COLUMNS]
            rest = [COLUMNS - len(row)] * (len(row) < COLUMNS)  # one empty column, for on a phone each is a gap
            for field, column in zip(row, st.columns([1] * len(row) + rest, gap="medium"), strict=False):
                with column:
                    inputs[field.name] = ask(row_form.within(field, vocabulary, place and inputs.get(place)))
                    slots[field.name] = st.empty()

    def under_titles(groups: Sequence[Group]) -> None:
        for group in groups:
            if group.title:
                show(st.markdown, Markdown(f"##### {marked(capital(group.title))}"))
            grid(group.fields)

    with st.container(border=True):
        show(st.caption, say("Leave empty what you do not know: the model has learnt to do without."))
        if place is not None and (of_place := [field for field in asked if field.name == place]):
            under_titles(row_form.grouped(of_place, say))
        with st.form("row", border=False):
            first, *others = row_form.grouped([field for field in asked[:SHOWN] if field.name != place], say)
            if place is not None and first.title == row_form.grouped(of_place, say)[0].title:
                grid(first.fields)
            else:
                others = [first, *others]
            under_titles(others)
            if len(asked) > SHOWN:
                with st.expander(say("{count} more columns", count=len(asked) - SHOWN)):
                    under_titles(row_form.grouped(asked[SHOWN:], say))
            if (left := len(say.data.inputs) - len(asked)) > 0:
                show(st.caption, say("The other {count} columns can be given in a CSV.", count=left))
            sent = st.form_submit_button(say("Predict"), type="primary", icon=":material/calculate:")
    return (inputs if sent else None), slots


def beside(problems: Mapping[str, str], slots: Slots) -> None:
    """Say what is wrong with a field below it, by its label, and what has no field at the end."""
    for name, problem in problems.items():
        text = f"{capital(say.column(name))}: {explained(problem, say)}"
        show(slots.get(name, st).error, text, icon=":material/error:")


def one_row(status: Status, found: Known) -> None:
    """The form, and the answer to what was last asked."""
    inputs, slots = form(row_form.fields(say.data, found.profile, found.typical), found.vocabulary)
    if inputs is not None:
        st.session_state.pop(ASKED, None)
        row = row_form.row(say.data, inputs)
        if refused := row_form.refused(say.data, row):
            beside(refused, slots)
        else:
            answered(row, slots)
    if ASKED in st.session_state:
        asked, answer, explanation = st.session_state[ASKED]
        for name, reason in answer.predictions[0].blanked.items():
            text = say("{input} is taken as unknown: {reason}", input=say.column(name), reason=explained(reason, say))
            show(slots.get(name, st).warning, text, icon=":material/help:")
        with st.container(border=True):
            if status.serving is not None and status.serving.version != answer.model.version:
                newer = say(
                    "Version {version} serves by now: ask again for its prediction.", version=status.serving.version
                )
                show(st.info, newer, icon=":material/update:")
            one_answer.tell(asked, answer, explanation, known(answer.model.version).profile, say)


def answered(row: Mapping[str, Any], slots: Slots) -> None:
    """Ask for the row, and keep what the API says of it."""
    try:
        answer = session.api().predict([row])
        # The prediction comes without its explanation rather than not at all.
        try:
            explanation = session.api().explain(row).explanations[0]
        except UiError:
            explanation = None
        st.session_state[ASKED] = row, answer, explanation
    except BadRow as error:
        beside({name: problem for (_, name), problem in error.fields.items()}, slots)
        if not error.fields:
            show(st.error, str(error))


show(st.title, say("Predict {target}", target=say.target))
try:
    if isinstance(looked, UiError):
        raise looked
    session.follow(session.serving_stamp, str(looked.serving and looked.serving.version))
    tell_status(looked)
    if say.data.inputs:
        found = known(None if looked.serving is None else looked.serving.version)
        one, many = st.tabs([say("One row"), say("Many rows, from a CSV")])
        with one:
            one_row(looked, found)
        with many:
            many_rows.page(say, found.typical)
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
