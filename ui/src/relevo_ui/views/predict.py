"""Predict: one house's price, its range, and the version that says so."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from relevo_contract.profile import Profile
from relevo_ui import house_form, session
from relevo_ui.api import Answer, Status
from relevo_ui.charts import BLUE, ORANGE
from relevo_ui.errors import ApiAway, BadHouse, MlflowAway, NoModel, UiError
from relevo_ui.wording import column, dollars, listed, plain, since


def tell_status(status: Status) -> None:
    """Which version answers, and what is not as it should be."""
    if status.serving is None:
        why = f" {status.registry.problem}." if status.registry.problem else ""
        st.info(
            f"**No model is being served yet.**{why} The first version that is promoted appears here by itself; "
            "the history tells how far it is.",
            icon=":material/hourglass_empty:",
        )
    if status.refused is not None:
        st.warning(
            f"**Version {status.refused.version} should be served, and was refused**: {status.refused.reason}. "
            "What served before goes on serving.",
            icon=":material/gpp_maybe:",
        )
    elif status.serving is not None and status.registry.reachable is False:
        st.warning(
            f"**The inference API cannot reach MLflow**; version {status.serving.version} goes on serving, a newer one "
            "waits until MLflow is back.",
            icon=":material/cloud_off:",
        )


def known(status: Status) -> Profile | None:
    """What the served version has seen, to fill the lists; the form works without."""
    if status.serving is None:
        return None
    try:
        return session.profile(status.serving.run_id)
    except MlflowAway:
        return None


def form(profile: Profile | None) -> dict[str, Any] | None:
    """The form; the inputs when it was sent, else None."""
    states, cities = house_form.offered(profile, "state"), house_form.offered(profile, "city")
    with st.form("house", border=True):
        st.caption("Leave empty what you do not know: the model has learnt to do without.")
        place, size, more = st.columns(3, gap="medium")
        with place:
            state = st.selectbox(
                "State", states, index=0 if states else None, accept_new_options=True, placeholder="choose or type"
            )
            city = st.selectbox("City", cities, index=None, accept_new_options=True, placeholder="choose or type any")
            zip_code = st.text_input("Zip code", placeholder="for example 00601", max_chars=20)
        with size:
            bed = st.number_input("Bedrooms", min_value=0, max_value=500, value=3, step=1)
            bath = st.number_input("Bathrooms", min_value=0, max_value=500, value=2, step=1)
            house_size = st.number_input(
                "House size, square feet", min_value=0, max_value=10_000_000, value=1500, step=100
            )
        with more:
            acre_lot = st.number_input(
                "Lot, acres", min_value=0.0, max_value=1e6, value=None, step=0.1, placeholder="unknown"
            )
            status = st.selectbox("Status", house_form.STATUSES, index=0, format_func=column)
            sold = st.date_input("Sold before on", value=None, min_value=date(1900, 1, 1), max_value=date.today())
        sent = st.form_submit_button("Predict the price", type="primary", icon=":material/sell:")
    if not sent:
        return None
    return {
        "state": state,
        "city": city,
        "zip_code": zip_code,
        "bed": bed,
        "bath": bath,
        "house_size": house_size,
        "acre_lot": acre_lot,
        "status": status,
        "prev_sold_date": sold,
    }


def interval_chart(low: float, price: float, high: float) -> alt.LayerChart:
    """The price within its interval."""
    data = pd.DataFrame({"low": [low], "price": [price], "high": [high]})
    axis = alt.Axis(format="$,.0f", tickCount=5)
    base = alt.Chart(data)
    bar = base.mark_bar(height=10, color=BLUE, opacity=0.5, cornerRadius=5).encode(
        x=alt.X("low:Q", title=None, axis=axis, scale=alt.Scale(zero=True)), x2="high:Q"
    )
    dot = base.mark_point(size=180, filled=True, color=ORANGE, opacity=1).encode(x="price:Q")
    return alt.LayerChart(layer=[bar, dot]).properties(height=70)


def tell(answer: Answer, house: dict[str, Any]) -> None:
    """The answer, and how far to trust it."""
    prediction, model = answer.predictions[0], answer.model
    with st.container(border=True):
        st.metric("Predicted price", dollars(prediction.price))
        low, high = dollars(prediction.low), dollars(prediction.high)
        st.markdown(plain(f"Nine of ten such houses cost between **{low}** and **{high}**."))
        st.altair_chart(interval_chart(prediction.low, prediction.price, prediction.high))
        if prediction.unseen:
            inputs = listed([f"{column(name)} “{house.get(name, '')}”" for name in prediction.unseen])
            st.warning(
                f"The model never saw this {inputs}: it prices the house by the rest, so expect it to be further off "
                "than the range says.",
                icon=":material/travel_explore:",
            )
        ago = since(model.since, datetime.now(UTC))
        st.caption(
            f"Answered by **version {model.version}** of {model.name}, which serves since "
            f"{model.since:%Y-%m-%d %H:%M} UTC ({ago})."
        )


st.title("What is this house worth?")
try:
    status = session.api().status()
    tell_status(status)
    inputs = form(known(status))
    if inputs is not None:
        house = house_form.house(inputs)
        tell(session.api().predict(house), house)
except BadHouse as error:
    st.error("**The house was not accepted.** " + "; ".join(f"{column(n)}: {p}" for n, p in error.fields.items()))
except NoModel as error:
    st.info(f"**No prediction yet**: {error}.", icon=":material/hourglass_empty:")
except ApiAway as error:
    st.error(str(error), icon=":material/cloud_off:")
    st.button("Ask again")
except UiError as error:
    st.error(str(error))
