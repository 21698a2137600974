"""Predict: what a house costs, its range, why, and the version that says so; one house by hand, many by CSV."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from relevo_contract.profile import Profile
from relevo_ui import contributions, house_file, house_form, model_charts, pricing, session, spreadsheet
from relevo_ui.api import Answer, Explanation, Serving, Status
from relevo_ui.errors import ApiAway, BadHouse, MlflowAway, NoModel, UiError
from relevo_ui.marked import Markdown, marked, marking, show
from relevo_ui.problems import explained
from relevo_ui.wording import STATUSES, column, dollars, listed, moment, signed_dollars, since, value

# In the session: the last house asked for, its answer and its explanation.
ASKED = "asked"
LINES_TOLD = 10
say = session.say()
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


def known(status: Status) -> Profile | None:
    """What the served version has seen, to fill the lists; the form works without."""
    if status.serving is None:
        return None
    try:
        return session.profile(status.serving.version)
    except MlflowAway:
        return None


# By input the place below its field, for what is wrong with it.
Slots = Mapping[str, DeltaGenerator]


def form(profile: Profile | None) -> tuple[dict[str, Any] | None, Slots]:
    """The form; the inputs when it was sent, else None. Limits are the API's to tell, beside the field."""
    states, cities = house_form.offered(profile, "state"), house_form.offered(profile, "city")
    inputs: dict[str, Any] = {}
    slots: dict[str, DeltaGenerator] = {}

    def ask(name: str, widget: Callable[..., Any], label: str, **options: Any) -> None:
        # By key, so that what was typed stays if the language changes or the lists of places grow.
        inputs[name] = widget(label, key=f"house_{name}", **options)
        slots[name] = st.empty()

    with st.form("house", border=True):
        show(st.caption, say("Leave empty what you do not know: the model has learnt to do without."))
        place, size, more = st.columns(3, gap="medium")
        typed = {"accept_new_options": True, "placeholder": say("choose or type any")}
        with place:
            ask("state", st.selectbox, say("State"), options=states, index=0 if states else None, **typed)
            ask("city", st.selectbox, say("City"), options=cities, index=None, **typed)
            ask("zip_code", st.text_input, say("Zip code"), placeholder=say("for example 00601"))
        with size:
            ask("bed", st.number_input, say("Bedrooms"), value=3, step=1)
            ask("bath", st.number_input, say("Bathrooms"), value=2.0, step=0.5, format="%g")
            ask("house_size", st.number_input, say("House size, square feet"), value=1500, step=100)
        with more:
            ask("acre_lot", st.number_input, say("Lot, acres"), value=None, step=0.1, placeholder=say("unknown"))
            ask(
                "status",
                st.selectbox,
                say("Status"),
                options=house_form.STATUSES,
                format_func=lambda name: say(STATUSES[name]),
            )
            days = {"min_value": date(1900, 1, 1), "max_value": date.today()}
            ask("prev_sold_date", st.date_input, say("Sold before on"), value=None, **days)
        sent = st.form_submit_button(say("Predict the price"), type="primary", icon=":material/sell:")
    return (inputs if sent else None), slots


def beside(error: BadHouse, slots: Slots) -> None:
    """Say what is wrong with a field below it, and what has no field at the end."""
    for (_, name), problem in error.fields.items():
        text = f"{column(name, say)}: {explained(problem, say)}"
        show(slots.get(name, st).error, text, icon=":material/error:")
    if not error.fields:
        show(st.error, str(error))


def why(explanation: Explanation, blanked: Mapping[str, str]) -> None:
    """What raised and lowered this price."""
    base, steps = explanation.base, contributions.steps(explanation, blanked, say)
    show(st.markdown, Markdown(f"##### {say('What raised and lowered this price')}"))
    st.altair_chart(model_charts.waterfall(base.prediction, steps, explanation.prediction, say))
    largest = [f"{step.label} {signed_dollars(step.dollars)}" for step in steps[:3]]
    show(
        st.caption,
        say(
            "From {base}, the price of a typical listing, where every explanation of this version begins "
            "({listing}): {largest}.",
            base=dollars(base.prediction),
            listing=contributions.described(base.inputs, say),
            largest=listed(largest, say=say),
        ),
    )
    with st.expander(say("Every column")):
        parts = explanation.contributions

        def told(came: float | str | None, name: str) -> str:
            return str(spreadsheet.harmless(value(name, came, say)))

        table = pd.DataFrame(
            {
                say("column"): [column(part.column, say) for part in parts],
                say("this house"): [told(part.value, part.column) for part in parts],
                say("a typical listing"): [told(base.inputs.get(part.column), part.column) for part in parts],
                say("dollars"): [signed_dollars(part.contribution) for part in parts],
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


def tell(house: Mapping[str, Any], answer: Answer, explanation: Explanation | None, status: Status) -> None:
    """The answer, how far to trust it, and why."""
    prediction, model = answer.predictions[0], answer.model
    with st.container(border=True):
        st.metric(say("Predicted price"), dollars(prediction.prediction))
        if prediction.low is not None and prediction.high is not None:
            low, high = dollars(prediction.low), dollars(prediction.high)
            between = mark("Nine of ten such houses cost between **{low}** and **{high}**.", low=low, high=high)
            show(st.markdown, between)
            st.altair_chart(model_charts.interval(prediction.low, prediction.prediction, prediction.high))
        if prediction.unseen:
            unseen = listed([f"{column(name, say)} “{house.get(name, '')}”" for name in prediction.unseen], say=say)
            show(
                st.warning,
                say(
                    "The model never saw this {inputs}: it prices the house by the rest, so expect it to be further "
                    "off than the range says.",
                    inputs=unseen,
                ),
                icon=":material/travel_explore:",
            )
        show(st.caption, version(model))
        if status.serving is not None and status.serving.version != model.version:
            show(
                st.info,
                say("Version {version} serves by now: ask again for its price.", version=status.serving.version),
                icon=":material/update:",
            )
        if explanation is not None:
            why(explanation, prediction.blanked)


def one_house(status: Status) -> None:
    """The form, and the answer to what was last asked."""
    inputs, slots = form(known(status))
    if inputs is not None:
        st.session_state.pop(ASKED, None)
        house = house_form.house(inputs)
        try:
            answer = session.api().predict([house])
            # The price comes without its explanation rather than not at all.
            try:
                explanation = session.api().explain(house).explanations[0]
            except UiError:
                explanation = None
            st.session_state[ASKED] = house, answer, explanation
        except BadHouse as error:
            beside(error, slots)
    if ASKED in st.session_state:
        asked, answer, explanation = st.session_state[ASKED]
        for name, reason in answer.predictions[0].blanked.items():
            text = say("{input} is priced as unknown: {reason}", input=column(name, say), reason=explained(reason, say))
            show(slots.get(name, st).warning, text, icon=":material/help:")
        tell(asked, answer, explanation, status)


def priced_once(key: str, file: house_file.HouseFile) -> pricing.Priced:
    """Price once a file, not at every click: what is asked is kept as asked. What was stopped goes on when told to."""
    priced: pricing.Priced | None = st.session_state["priced"] if st.session_state.get("priced_file") == key else None
    if priced is None or st.session_state.pop("go_on", False):
        count = f"{len(file.houses):,}"
        bar = st.progress(0.0, say("Pricing {count} houses", count=count))

        def tell(so_far: pricing.Priced) -> None:
            words = say("Pricing {count} houses: {done} are done", count=count, done=f"{so_far.done:,}")
            bar.progress(so_far.done / len(file.houses), words)

        priced = pricing.price(file.houses, session.api().predict, tell, priced)
        bar.empty()
        st.session_state["priced"], st.session_state["priced_file"] = priced, key
    return priced


def in_words(found: Mapping[str, str]) -> str:
    """What is wrong with a house, or not believed of it, input by input."""
    told = {name: explained(problem, say) for name, problem in found.items()}
    return "; ".join(text if name == pricing.WHOLE else f"{column(name, say)}: {text}" for name, text in told.items())


def stopped(priced: pricing.Priced) -> None:
    """Why some houses were not asked for, and a way to go on."""
    if priced.stopped is None:
        return
    show(st.error, priced.stopped.told(say), icon=":material/cloud_off:")
    st.button(say("Go on"), on_click=lambda: st.session_state.update(go_on=True))


def lines_told(file: house_file.HouseFile, found: Mapping[int, str]) -> Markdown:
    """The first rows that something is said of, by the file's own lines."""
    first = sorted(found.items())[:LINES_TOLD]
    told = [mark("Line {line}: {problem}", line=file.lines[number], problem=said) for number, said in first]
    if len(found) > LINES_TOLD:
        told.append(mark("and {count} more, in the download", count=f"{len(found) - LINES_TOLD:,}"))
    return Markdown("  \n".join(told))


def many_houses() -> None:
    """A CSV in, the same with prices out."""
    names = Markdown(", ".join(f"`{name}`" for name in house_file.INPUTS))
    hint = mark(
        "A CSV with a line of names; any of {names}, in any order. Other columns are kept as they are.", names=names
    )
    show(st.markdown, hint)
    show(
        st.caption,
        say(
            "At most {megabytes} MB, {rows} houses, {columns} columns and {characters} characters a value; separated "
            "by commas, semicolons or tabs; in UTF-8.",
            megabytes=house_file.MOST_MEGABYTES,
            rows=f"{house_file.MOST_ROWS:,}",
            columns=house_file.MOST_COLUMNS,
            characters=f"{house_file.MOST_CHARACTERS:,}",
        ),
    )
    st.download_button(say("An example to fill in"), house_file.EXAMPLE, "houses.csv", "text/csv", on_click="ignore")
    given = st.file_uploader(
        say("Houses as CSV"), type=["csv", "tsv", "txt"], max_upload_size=house_file.MOST_MEGABYTES
    )
    if given is None:
        return
    try:
        file = house_file.read(given.getvalue())
    except house_file.FileError as error:
        show(st.error, error.told(say), icon=":material/error:")
        return
    priced = priced_once(given.file_id, file)
    problems = {number: in_words(found) for number, found in priced.problems.items()}
    blanked = {number: in_words(one.blanked) for number, (one, _) in priced.predictions.items() if one.blanked}
    told = house_file.table(file, priced.predictions, blanked, problems)
    counted = {"count": f"{len(priced.predictions):,}", "all": f"{len(file.rows):,}"}
    ignored = [name or say("(no name)") for name in file.ignored]
    done = mark("**{count} of {all} houses are priced.**", **counted)
    unused = mark("Not used: {columns}.", columns=listed(ignored, 6, say)) if ignored else ""
    show(st.markdown, Markdown(f"{done} {unused}".rstrip()))
    stopped(priced)
    if problems:
        show(st.error, lines_told(file, problems), icon=":material/error:")
    if blanked:
        begins = marked(say("Values that are not believed are priced as unknown."))
        show(st.warning, Markdown(f"{begins}  \n{lines_told(file, blanked)}"), icon=":material/help:")
    st.download_button(
        say("Download the predictions"),
        lambda: spreadsheet.written(told, file.delimiter, marked=file.marked),
        "predictions" + Path(given.name).suffix,
        "text/tab-separated-values" if file.delimiter == "\t" else "text/csv",
        type="primary",
        icon=":material/download:",
        on_click="ignore",
    )
    # As it is downloaded, for the table on the page can be downloaded, too.
    shown = [[spreadsheet.harmless(value) for value in row] for row in told]
    st.dataframe(pd.DataFrame(shown[1:], columns=house_file.unique(shown[0])), hide_index=True)


st.title(say("What is this house worth?"))
try:
    found = session.api().status()
    session.follow(session.serving_stamp, str(found.serving and found.serving.version))
    tell_status(found)
    one, many = st.tabs([say("One house"), say("Many houses, from a CSV")])
    with one:
        one_house(found)
    with many:
        many_houses()
except NoModel as error:
    show(st.info, mark("**No prediction yet**: {why}.", why=str(error)), icon=":material/hourglass_empty:")
except ApiAway as error:
    show(st.error, error.told(say), icon=":material/cloud_off:")
    st.button(say("Ask again"))
    session.follow(session.serving_stamp, session.AWAY)
except UiError as error:
    show(st.error, error.told(say))
