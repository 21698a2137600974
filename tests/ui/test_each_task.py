"""The pages of use cases that are not about houses: a number of any sign, and the probability of an outcome."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from relevo_contract import names
from relevo_contract.data_set import DataSet
from relevo_contract.record import Criterion, TrainReason
from relevo_demo.servers import MlflowServer
from relevo_jobs.registry import Registry
from relevo_jobs.train.holdout import KEPT, chosen, holdout_predictions, inputs_of
from relevo_jobs.train.writing import write
from tests.jobs.train.test_each_task import BINARY, NUMBER, POSITIVE, fitted, table
from tests.serving_process import Running, serving
from tests.ui import story
from tests.ui.test_many_rows import given
from tests.ui.test_pages import page, shown

OF_HOUSES = re.compile(
    r"house|casa\b|precio|\bprice|listing|anuncio|dollar|dólar|\$\d|\bstates?\b|\bestado", re.IGNORECASE
)


@dataclass(frozen=True)
class Told:
    """A use case with two versions, the second of which serves."""

    data: DataSet
    model: str
    api: Running


@pytest.fixture(scope="module", params=[POSITIVE, NUMBER, BINARY], ids=lambda data: data.task)
def case(
    request: pytest.FixtureRequest, mlflow: MlflowServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Told]:
    data: DataSet = request.param
    model = f"days-{data.task}"
    registry = Registry(mlflow.url, model)
    for number, rows in ((1, 600), (2, 2000)):
        folder = tmp_path_factory.mktemp("version")
        known, held = table(data, rows, number), table(data, 800, 9)
        measured, _ = write(folder, fitted(data, known), data, known, held_out=held, batches=(1,), seed=0)
        kept = holdout_predictions({1: len(held["warm"])}, measured.actual, measured.predicted)
        told = inputs_of(data, held, chosen(1, len(held["warm"])))
        kept = kept.model_copy(update={"inputs": told})
        (folder / names.HOLDOUT_FILE).write_text(kept.model_dump_json())
        reason = TrainReason.BASELINE if number == 1 else TrainReason.DRIFT
        record = story.decided(number, reason, "So it is.", champion=number - 1 or None)
        record = record.model_copy(update={"decision": record.decision.model_copy(update={"columns": ()})})
        criterion = Criterion.FIRST_BEATS_BASELINE if number == 1 else Criterion.BETTER
        story.save(registry, record, folder, criterion, "It is better.", places=False)
    with serving(tmp_path_factory.mktemp("serving"), mlflow.url, model) as api:
        api.wait_for_version(2)
        yield Told(data, model, api)


@pytest.fixture
def pages(env: pytest.MonkeyPatch, case: Told) -> Told:
    env.setenv("RELEVO_API_URL", case.api.url)
    env.setenv("RELEVO_MODEL", case.model)
    st.cache_data.clear()
    return case


def asked(app: AppTest) -> AppTest:
    app.number_input(key="input_heat").set_value(1.5)
    app.selectbox(key="input_shop").set_value("shop 3")
    return app.button[0].click().run()


def test_a_prediction_is_told_in_the_tasks_terms(pages: Told) -> None:
    app = asked(page("predict").run())
    said = shown(app)
    found = pages.api.predict({"heat": 1.5, "shop": "shop 3"}).json()["predictions"][0]
    if pages.data.task == "binary":
        assert f"Chance of warm {100 * found['prediction']:.1f} %" in said
        assert "Of 1,000 such rows, **warm** is true of about **" in said
        assert "nine of ten" not in said
        assert app.dataframe[0].value["effect"].str.fullmatch(r"[+−][\d.]+ points").all()
    else:
        assert re.search(r"Predicted warm −?[\d,.]+ degrees", said)
        assert "In nine of ten such rows, warm is between **" in said
    assert "**version 2** of" in said
    assert "What raised and lowered this prediction" in said
    assert len(app.dataframe[0].value) == 2


def test_a_file_of_rows_comes_back_with_predictions(pages: Told) -> None:
    app = page("predict").run()
    assert "**1 of 2 rows are predicted.**" in given(app, "Heat,shop,mine\n1.5,shop 3,a\nhot,shop 3,b\n")
    given_back = app.dataframe[0].value
    found = pages.api.predict({"heat": 1.5, "shop": "shop 3"}).json()["predictions"][0]["prediction"]
    assert given_back["predicted_warm"][0] == pytest.approx(found, rel=1e-6)
    assert given_back["problem"][1].startswith("heat: expected a number")


def test_models_tell_how_good_probabilities_are_where_there_are_any(pages: Told) -> None:
    app = page("models").run()
    said = shown(app)
    tables = [table.value for table in app.dataframe]
    is_binary = pages.data.task == "binary"
    assert ("How good the probabilities are" in said) == is_binary
    drawn = "".join(chart.proto.spec for chart in app.get("vega_lite_chart"))
    assert f"{pages.data.predicts.figure}, " in drawn
    assert "What they look at" in said
    if is_binary:
        figures = next(table for table in tables if "figure" in table)
        assert list(figures["figure"]) == ["AUC", "average precision", "Brier score", "share of warm", "rows"]
        assert float(figures["version 2"].iloc[0]) > 0.8
        assert list(figures.iloc[-1]) == ["rows", f"{KEPT}", f"{KEPT}"]
        assert "of the rows that were given 20 %, warm is true of 20 %" in said
        acted = next(table for table in tables if "from a probability of" in table)
        assert acted["found of all warm"].str.rstrip(" %").astype(float).is_monotonic_increasing


def test_a_model_card_tells_how_good_the_version_is_by_segment(pages: Told) -> None:
    app = page("models")
    app.query_params["show"] = "card"
    app.run()
    said = shown(app)
    for heading in (
        "What it is for",
        "The data it saw",
        "How good it is",
        "What it does not know",
        "Where it comes from",
    ):
        assert heading in said
    by_shop = next(table.value for table in app.dataframe if "shop" in table.value)
    assert (by_shop["rows"].astype(int) >= 10).all()
    assert ("found of all warm" in "".join(map(str, (list(t.value) for t in app.dataframe)))) == (
        pages.data.task == "binary"
    )


@pytest.mark.parametrize("language", ["en", "es"])
def test_no_page_speaks_of_houses(pages: Told, language: str) -> None:
    for name in ("overview", "predict", "history", "models", "data"):
        app = page(name)
        app.query_params["lang"] = language
        app.run()
        if name == "predict":
            asked(app)
        tables = [table.value.to_csv() for table in app.dataframe]
        charts = [chart.proto.spec for chart in app.get("vega_lite_chart")]
        labels = [widget.label for widget in (*app.selectbox, *app.number_input, *app.button)]
        for text in (shown(app), *tables, *charts, *labels):
            assert not (found := OF_HOUSES.search(text)), text[max(0, found.start() - 80) : found.end() + 80]


def test_before_the_first_version_the_declaration_names_the_columns(
    env: pytest.MonkeyPatch, mlflow: MlflowServer, model_name: str, tmp_path: Path
) -> None:
    file = tmp_path / "use_case.yaml"
    file.write_text(
        "name: days\nsource: {files: {path: /data}}\ntarget: {column: ill, task: binary, positive: ja}\n"
        "columns: {heat: {type: number, unit: {en: degrees, es: grados}, label: {es: calor}}, on: boolean, day: date}\n"
    )
    env.setenv("RELEVO_MODEL", model_name)
    env.setenv("RELEVO_USE_CASE", str(file))
    with serving(tmp_path, mlflow.url, model_name) as api:
        env.setenv("RELEVO_API_URL", api.url)
        app = page("predict")
        app.query_params["lang"] = "es"
        app.run()
    assert "Predecir probabilidad de ja" in shown(app)
    assert app.number_input(key="input_heat").label == "Calor, grados"
    assert list(app.selectbox(key="input_on").options) == ["sí", "no"]
    assert app.date_input(key="input_day").label == "Day"


def test_where_mlflow_is_away_the_api_names_the_columns(pages: Told, env: pytest.MonkeyPatch) -> None:
    env.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    app = page("predict").run()
    app.text_input(key="input_heat").set_value("1.5")
    app.text_input(key="input_shop").set_value("shop 3")
    app.button[0].click().run()
    assert "Predicted warm" in shown(app)
