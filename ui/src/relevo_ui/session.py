"""What the pages share: the settings, the language, the two clients, and answers kept for a few seconds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import streamlit as st

from relevo_contract.data_set import DataSet
from relevo_contract.mlflow_rest import RegisteredVersion
from relevo_contract.profile import Profile
from relevo_contract.record import DecisionRecord
from relevo_contract.settings import read
from relevo_contract.version import Example, HoldoutPredictions, ShapleySummary, Vocabulary
from relevo_ui import traffic
from relevo_ui.api import Api, Status
from relevo_ui.errors import ApiAway, MlflowAway, NoModel, SettingsError, UiError
from relevo_ui.language import LANGUAGES, Say, chosen
from relevo_ui.marked import show
from relevo_ui.mlflow_records import BatchRun, MlflowRecords
from relevo_ui.settings import Settings, declared
from relevo_ui.traffic import Counts, Traffic
from relevo_ui.wording import UNDESCRIBED, Wording

FRESH_SECONDS: Final = 5
"""Pages may show MLflow's answers this old: Streamlit runs a page again at every click."""
LOOK_SECONDS: Final = 10
"""An open page looks this often whether something happened."""
LANGUAGE: Final = "language"
PARAMETER: Final = "lang"
AWAY: Final = "away"


@dataclass(frozen=True)
class Story:
    """Every batch's run with the outline of its record, newest first; the versions, and which is in production."""

    runs: list[BatchRun]
    records: list[DecisionRecord | None]
    """Outlines, without the evidence by column and state: `record` has it."""
    versions: list[RegisteredVersion]
    production: int | None

    @property
    def stamp(self) -> str:
        """Changes whenever something happened."""
        return f"{self.production} {len(self.versions)} " + " ".join(f"{r.run_id}/{r.stamp}" for r in self.runs)


def settings() -> Settings:
    """The settings of this process. Raises SettingsError."""
    return read(Settings, SettingsError)


def language() -> str:
    """The code of this visitor's language: as chosen, or as the address says, or as the browser prefers."""
    return chosen(st.session_state.get(LANGUAGE) or st.query_params.get(PARAMETER), st.context.locale)


def say() -> Say:
    """Words a text in this visitor's language."""
    return LANGUAGES[language()]


def api() -> Api:
    """The inference API."""
    read = settings()
    return Api(read.api_url, timeout=read.timeout, key=read.api_key)


@st.cache_resource(show_spinner=False)
def _mlflow(tracking_uri: str, model: str, timeout: float) -> MlflowRecords:
    return MlflowRecords(tracking_uri, model, timeout=timeout)


@st.cache_data(ttl=FRESH_SECONDS, show_spinner=False)
def _story(tracking_uri: str, model: str, timeout: float) -> Story:
    mlflow = _mlflow(tracking_uri, model, timeout)
    runs = mlflow.batches()
    return Story(runs, mlflow.outlines(runs), mlflow.versions(), mlflow.production())


@st.cache_data(max_entries=100, show_spinner=False)
def _picture(tracking_uri: str, model: str, timeout: float, version: int, name: str) -> bytes | None:
    return _mlflow(tracking_uri, model, timeout).picture(version, name)


@st.cache_data(max_entries=60, show_spinner=False)
def _data_set(tracking_uri: str, model: str, timeout: float, version: int) -> DataSet | None:
    return _mlflow(tracking_uri, model, timeout).data_set(version)


@st.cache_data(max_entries=60, show_spinner=False)
def _typical(tracking_uri: str, model: str, timeout: float, version: int) -> Example | None:
    return _mlflow(tracking_uri, model, timeout).typical(version)


@st.cache_data(max_entries=60, show_spinner=False)
def _profile(tracking_uri: str, model: str, timeout: float, version: int) -> Profile | None:
    return _mlflow(tracking_uri, model, timeout).profile(version)


@st.cache_data(max_entries=60, show_spinner=False)
def _shap(tracking_uri: str, model: str, timeout: float, version: int) -> ShapleySummary | None:
    return _mlflow(tracking_uri, model, timeout).shap(version)


# Hundreds of thousands of figures, which `cache_data` would copy at every click.
@st.cache_resource(max_entries=10, show_spinner=False)
def _holdout(tracking_uri: str, model: str, timeout: float, version: int) -> HoldoutPredictions | None:
    return _mlflow(tracking_uri, model, timeout).holdout(version)


@st.cache_resource(max_entries=10, show_spinner=False)
def _vocabulary(tracking_uri: str, model: str, timeout: float, version: int) -> Vocabulary | None:
    return _mlflow(tracking_uri, model, timeout).vocabulary(version)


def _key() -> tuple[str, str, float]:
    read = settings()
    return read.tracking_uri, read.model, read.timeout


def story() -> Story:
    """What MLflow tells. Raises MlflowAway."""
    return _story(*_key())


def looked() -> Story | UiError:
    """What MLflow tells, or why it tells nothing: a page looks once."""
    try:
        return story()
    except UiError as error:
        return error


def wording(found: Story | UiError) -> Wording:
    """Words in this visitor's language, of what the newest version predicts."""
    newest = found.versions[0].number if isinstance(found, Story) and found.versions else None
    return Wording((None if isinstance(found, UiError) else data_set(newest)) or UNDESCRIBED, say())


def served_wording(status: Status | UiError) -> Wording:
    """The same of what the version that serves predicts; where none does, of the newest one."""
    if isinstance(status, UiError) or status.serving is None:
        return wording(looked())
    try:
        found = data_set(status.serving.version) or api().data_set(status.serving.name)
    except UiError:
        found = None
    return Wording(found or UNDESCRIBED, say())


def record(run: BatchRun) -> DecisionRecord | None:
    """A batch's whole record. Raises MlflowAway."""
    return _mlflow(*_key()).record(run)


def records(runs: Sequence[BatchRun]) -> list[DecisionRecord | None]:
    """Batches' whole records, asked for side by side. Raises MlflowAway."""
    return _mlflow(*_key()).whole(runs)


def picture(version: int, name: str) -> bytes | None:
    """A picture of the version. Raises MlflowAway."""
    return _picture(*_key(), version, name)


def data_set(version: int | None) -> DataSet | None:
    """What the version says of its columns; without a version, or its word, what RELEVO_USE_CASE declares."""
    try:
        found = None if version is None else _data_set(*_key(), version)
    except MlflowAway:
        found = None
    return found or declared(settings())


def typical(version: int) -> Example | None:
    """The row that the version's explanations begin with. Raises MlflowAway."""
    return _typical(*_key(), version)


def profile(version: int) -> Profile | None:
    """What the version has seen. Raises MlflowAway."""
    return _profile(*_key(), version)


def shap(version: int) -> ShapleySummary | None:
    """What the version looks at. Raises MlflowAway."""
    return _shap(*_key(), version)


def holdout(version: int) -> HoldoutPredictions | None:
    """What the version predicted for held-out rows. Raises MlflowAway."""
    return _holdout(*_key(), version)


def vocabulary(version: int) -> Vocabulary | None:
    """Which finer places the version knows in each place. Raises MlflowAway."""
    return _vocabulary(*_key(), version)


def status() -> Status | None:
    """What the API says of itself; None where it does not answer: a history is told without it too."""
    try:
        return api().status()
    except (ApiAway, NoModel):
        return None


@st.cache_resource(show_spinner=False)
def _looks(api_url: str) -> list[Counts]:
    """What the API had counted when somebody looked, of late."""
    return []


def last_hour() -> Traffic | None:
    """What the API answered in the last hour, as far as somebody looked; None where it does not say."""
    try:
        now = api().counts()
    except UiError:
        return None
    if now is None:
        return None
    looks = _looks(settings().api_url)
    found = traffic.last_hour(looks, now)
    looks[:] = traffic.kept(looks, now)
    return found


def history_stamp() -> str:
    """Changes whenever something happened that MLflow tells, or it goes away or comes back."""
    try:
        return story().stamp
    except MlflowAway:
        return AWAY


def serving_stamp() -> str:
    """Changes whenever another version serves, or the API goes away or comes back."""
    found = status()
    return AWAY if found is None else str(found.serving and found.serving.version)


@st.fragment(run_every=LOOK_SECONDS)
def follow(look: Callable[[], str], seen: str) -> None:
    """Run the page again once what it shows is no longer so; what is typed and chosen on it stays."""
    if look() != seen:
        st.rerun()


def tell(found: Story | UiError, page: Callable[[Story], None]) -> None:
    """Show a page of what MLflow tells, and again once something happened; where MLflow is away, that it is."""
    spoken = LANGUAGES[language()]
    try:
        if isinstance(found, UiError):
            raise found
        follow(history_stamp, found.stamp)
        page(found)
    except MlflowAway as error:
        show(st.error, error.told(spoken), icon=":material/cloud_off:")
        st.button(spoken("Look again"))
        follow(history_stamp, AWAY)
    except UiError as error:
        show(st.error, error.told(spoken))
