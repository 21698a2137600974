"""What is chosen on a page stands in its address, so that a link shows the same; a language changes no address."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import streamlit as st

T = TypeVar("T", int, str)


def _as_chosen(key: str, options: Sequence[T], default: T) -> None:
    """As chosen, or as the address says, or the default."""
    if st.session_state.get(key) not in options:
        asked = st.query_params.get(key)
        st.session_state[key] = next((option for option in options if str(option) == asked), default)


def selectbox(label: str, options: Sequence[T], key: str, told: Callable[[T], str], default: T | None = None) -> T:
    """One of the options, at least one, from a list; the first one, if no other is the default."""
    _as_chosen(key, options, options[0] if default is None else default)
    chosen: T = st.selectbox(label, options, format_func=told, key=key)
    st.query_params[key] = str(chosen)
    return chosen


def segmented(label: str, options: Sequence[T], key: str, told: Callable[[T], str]) -> T:
    """One of a few options, side by side; the first one by default."""
    _as_chosen(key, options, options[0])
    st.segmented_control(label, options, format_func=told, key=key, required=True)
    chosen: T = st.session_state[key]
    st.query_params[key] = str(chosen)
    return chosen
