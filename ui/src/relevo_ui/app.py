"""The pages, and the way between them. Streamlit runs this file; `relevo-ui` starts Streamlit."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from relevo_ui import session
from relevo_ui.language import NAMES
from relevo_ui.marked import Markdown, show

# A file of ours: Streamlit's own icons come from a foreign host.
st.set_page_config(page_title="Relevo", page_icon=str(Path(__file__).with_name("icon.svg")), layout="wide")
say = session.say()
page = st.navigation(
    [
        st.Page("views/overview.py", title=say("Overview"), icon=":material/monitor_heart:", default=True),
        st.Page("views/history.py", title=say("Batches"), icon=":material/history:", url_path="history"),
        st.Page("views/predict.py", title=say("Predict"), icon=":material/calculate:", url_path="predict"),
        st.Page("views/models.py", title=say("Models"), icon=":material/compare_arrows:", url_path="models"),
        st.Page("views/data.py", title=say("Data"), icon=":material/table_rows:", url_path="data"),
    ],
    position="top",
)
page.run()
st.divider()
# At the end, where a keyboard meets it last; the browser's own language is what most people want.
st.session_state.setdefault(session.LANGUAGE, session.language())
st.segmented_control(
    "Language · Idioma", list(NAMES), format_func=NAMES.__getitem__, key=session.LANGUAGE, required=True
)
# Streamlit's document is English whatever is said in it; whoever listens to a page needs its language.
spoken = Markdown(f"<script>document.documentElement.lang = '{session.language()}'</script>")
show(st.html, spoken, unsafe_allow_javascript=True)
