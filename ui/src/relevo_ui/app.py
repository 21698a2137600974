"""The pages, and the way between them. Streamlit runs this file; `relevo-ui` starts Streamlit."""

from __future__ import annotations

import streamlit as st

st.set_page_config(page_title="Relevo", page_icon=":material/sports_score:", layout="wide")
st.navigation(
    [
        st.Page("views/predict.py", title="Predict", icon=":material/sell:", default=True),
        st.Page("views/history.py", title="History", icon=":material/history:"),
    ],
    position="top",
).run()
