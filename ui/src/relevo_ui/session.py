"""What the pages share: the settings, the two clients, and MLflow's answers kept for a few seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import streamlit as st

from relevo_contract.profile import Profile
from relevo_contract.record import DecisionRecord
from relevo_contract.settings import read
from relevo_ui.api import Api
from relevo_ui.errors import SettingsError
from relevo_ui.mlflow_records import BatchRun, MlflowRecords
from relevo_ui.settings import Settings

FRESH_SECONDS: Final = 5
"""Pages may show MLflow's answers this old: Streamlit runs a page again at every click."""


@dataclass(frozen=True)
class Story:
    """Every batch's run with its record, newest first, and the version in production."""

    runs: list[BatchRun]
    records: list[DecisionRecord | None]
    production: int | None


def settings() -> Settings:
    """The settings of this process. Raises SettingsError."""
    return read(Settings, SettingsError)


def api() -> Api:
    """The inference API."""
    read = settings()
    return Api(read.api_url, timeout=read.timeout)


@st.cache_resource(show_spinner=False)
def _mlflow(tracking_uri: str, model: str, timeout: float) -> MlflowRecords:
    return MlflowRecords(tracking_uri, model, timeout=timeout)


@st.cache_data(ttl=FRESH_SECONDS, show_spinner=False)
def _story(tracking_uri: str, model: str, timeout: float) -> Story:
    mlflow = _mlflow(tracking_uri, model, timeout)
    runs = mlflow.batches()
    return Story(runs, mlflow.records(runs), mlflow.production())


@st.cache_data(max_entries=100, show_spinner=False)
def _picture(tracking_uri: str, model: str, timeout: float, run_id: str, name: str) -> bytes | None:
    return _mlflow(tracking_uri, model, timeout).picture(run_id, name)


@st.cache_data(max_entries=20, show_spinner=False)
def _profile(tracking_uri: str, model: str, timeout: float, run_id: str) -> Profile | None:
    return _mlflow(tracking_uri, model, timeout).profile(run_id)


def _key() -> tuple[str, str, float]:
    read = settings()
    return read.tracking_uri, read.model, read.timeout


def story() -> Story:
    """What MLflow tells. Raises MlflowAway."""
    return _story(*_key())


def picture(run_id: str, name: str) -> bytes | None:
    """A picture of the version that this run trained. Raises MlflowAway."""
    return _picture(*_key(), run_id, name)


def profile(run_id: str) -> Profile | None:
    """What the version that this run trained has seen. Raises MlflowAway."""
    return _profile(*_key(), run_id)
