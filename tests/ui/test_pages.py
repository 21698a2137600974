from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import relevo_ui
from relevo_contract import names
from relevo_contract.profile import NumericProfile, Profile
from relevo_contract.record import Criterion, TrainReason
from relevo_contract.version import HoldoutPredictions
from relevo_demo.servers import MlflowServer
from relevo_jobs.registry import Registry
from relevo_ui import row_form
from tests.gate import Gate
from tests.houses import HOUSE_PRICES, LISTINGS
from tests.serving_process import Running, serving
from tests.ui import story
from tests.ui.words import EN
from tests.versions import Versions

HERE = Path(relevo_ui.__file__).parent


def page(name: str) -> AppTest:
    """A page alone; the overview with all the others, for it has links to them."""
    file = HERE / "app.py" if name == "overview" else HERE / "views" / f"{name}.py"
    return AppTest.from_file(str(file), default_timeout=60)


def shown(app: AppTest) -> str:
    """Every text on the page."""
    assert not app.exception, app.exception
    elements = [
        *app.title,
        *app.subheader,
        *app.markdown,
        *app.caption,
        *app.info,
        *app.warning,
        *app.success,
        *app.error,
        *app.metric,
    ]
    return "\n".join(f"{e.label} {e.value}" if e.type == "metric" else str(e.value) for e in elements)


def type_in(app: AppTest, name: str, text: str) -> None:
    """Type what a list does not have; AppTest only chooses."""
    box = app.selectbox(key=f"input_{name}")
    box.options.append(text)
    box.set_value(text)


def test_a_row_is_predicted_by_the_api_and_the_answer_says_by_which_version(
    env: pytest.MonkeyPatch, told: str, serving_told: Running
) -> None:
    env.setenv("RELEVO_API_URL", serving_told.url)
    env.setenv("RELEVO_MODEL", told)
    app = page("predict").run()
    assert "Predicted price" not in shown(app)
    app.number_input(key="input_house_size").set_value(1800)
    app.button[0].click().run()
    typed = {
        field.key.removeprefix("input_"): field.value for field in (*app.number_input, *app.selectbox, *app.date_input)
    }
    row = row_form.row(LISTINGS, typed)
    assert row["house_size"] == 1800
    (prediction,) = serving_told.predict(row).json()["predictions"]
    said = shown(app)
    assert f"Predicted price ${prediction['prediction']:,.0f}" in said
    assert rf"\${prediction['low']:,.0f}" in said
    assert rf"\${prediction['high']:,.0f}" in said
    assert f"**version 2** of {told}" in said
    assert not app.warning


def test_what_made_a_prediction_is_told_by_the_columns_and_the_values_that_were_typed(
    env: pytest.MonkeyPatch, told: str, serving_told: Running
) -> None:
    env.setenv("RELEVO_API_URL", serving_told.url)
    env.setenv("RELEVO_MODEL", told)
    app = page("predict").run()
    app.number_input(key="input_house_size").set_value(1800)
    app.button[0].click().run()
    assert "the prediction for a typical row" in shown(app)
    table = app.dataframe[0].value.set_index("column")
    assert sorted(table.index) == sorted(EN.column(name) for name in LISTINGS.inputs)
    assert table["this row"]["house size"] == "1,800"
    assert table["this row"]["status"] == "for sale"
    assert table["this row"]["street"] == "(no value)"
    assert table["effect"].str.match(r"[+−]\$[\d,]+").all()
    dollars = table["effect"].str.replace(r"[+$,]", "", regex=True).str.replace("−", "-").astype(int).abs()
    assert dollars.is_monotonic_decreasing


def test_two_versions_are_set_side_by_side_by_column(env: pytest.MonkeyPatch, told: str) -> None:
    env.setenv("RELEVO_MODEL", told)
    app = page("models").run()
    assert "What they look at" in shown(app)
    assert "keeps no Shapley values" not in shown(app)
    charts = len(app.get("vega_lite_chart"))
    for name in ("house_size", "city", "prev_sold_date"):
        app.selectbox(key="column").select(name).run()
        assert "by how much that moved the prediction" in shown(app)
        assert len(app.get("vega_lite_chart")) == charts


def test_an_unknown_place_is_predicted_with_a_warning(
    env: pytest.MonkeyPatch, told: str, serving_told: Running
) -> None:
    env.setenv("RELEVO_API_URL", serving_told.url)
    env.setenv("RELEVO_MODEL", told)
    app = page("predict").run()
    type_in(app, "zip_code", "98765")
    app.button[0].click().run()
    assert "never saw this zip code “98765”" in app.warning[0].value
    assert "Predicted price" in shown(app)


def test_a_row_that_is_not_accepted_names_the_field(env: pytest.MonkeyPatch, told: str, serving_told: Running) -> None:
    env.setenv("RELEVO_API_URL", serving_told.url)
    env.setenv("RELEVO_MODEL", told)
    app = page("predict").run()
    type_in(app, "city", "x" * 201)
    app.button[0].click().run()
    assert app.error[0].value == "City: expected at most 200 characters, got 201"
    assert "Predicted price" not in shown(app)


def test_what_cannot_be_is_refused_beside_its_field_by_its_label(
    env: pytest.MonkeyPatch, told: str, serving_told: Running
) -> None:
    env.setenv("RELEVO_API_URL", serving_told.url)
    env.setenv("RELEVO_MODEL", told)
    app = page("predict").run()
    app.number_input(key="input_house_size").set_value(0)
    app.number_input(key="input_bed").set_value(3.5)
    app.button[0].click().run()
    assert sorted(error.value for error in app.error) == [
        "Bedrooms: expected a whole number, got 3.5",
        "House size: expected 50 to 500,000, got 0",
    ]
    assert "Predicted price" not in shown(app)


@pytest.mark.parametrize("language", ["en", "es"])
def test_what_lies_outside_of_the_training_is_said_with_its_range_and_nothing_is_promised(
    env: pytest.MonkeyPatch, told: str, serving_told: Running, bundles: tuple[Path, Path], language: str
) -> None:
    env.setenv("RELEVO_API_URL", serving_told.url)
    env.setenv("RELEVO_MODEL", told)
    app = page("predict")
    app.query_params["lang"] = language
    app.run()
    app.number_input(key="input_house_size").set_value(350_000)
    app.button[0].click().run()
    seen = Profile.model_validate_json((bundles[1] / names.PROFILE_FILE).read_bytes()).columns["house_size"]
    assert isinstance(seen, NumericProfile)
    for figure in ("350,000", f"{seen.edges[0]:,.6g}", f"{seen.edges[-1]:,.6g}"):
        assert figure in app.warning[0].value
    assert ("no promise" if language == "en" else "no es una promesa") in shown(app)
    assert "In nine of ten such rows" not in shown(app)


def test_the_cities_offered_are_the_chosen_states(env: pytest.MonkeyPatch, told: str, serving_told: Running) -> None:
    env.setenv("RELEVO_API_URL", serving_told.url)
    env.setenv("RELEVO_MODEL", told)
    app = page("predict").run()
    for state, city in (("massachusetts", "Boston"), ("connecticut", "Hartford")):
        app.selectbox(key="input_state").set_value(state).run()
        assert list(app.selectbox(key="input_city").options) == [city]


def test_three_held_out_rows_stand_beside_a_prediction_with_what_they_truly_cost(
    env: pytest.MonkeyPatch, told: str, serving_told: Running, bundles: tuple[Path, Path]
) -> None:
    env.setenv("RELEVO_API_URL", serving_told.url)
    env.setenv("RELEVO_MODEL", told)
    app = page("predict").run()
    app.number_input(key="input_house_size").set_value(1800)
    app.button[0].click().run()
    table = app.dataframe[-1].value.set_index("what")
    assert list(table.columns) == ["this row", "held-out row 1", "held-out row 2", "held-out row 3"]
    kept = HoldoutPredictions.model_validate_json((bundles[1] / names.HOLDOUT_FILE).read_bytes())
    real = {f"${price:,.0f}" for price in np.exp(kept.actual)}
    assert set(table.loc["real price"][1:]) <= real
    assert table.loc["state"].nunique() == 1


def test_without_the_api_it_says_so_and_what_to_do(env: pytest.MonkeyPatch) -> None:
    said = shown(page("predict").run())
    assert "http://127.0.0.1:9 does not answer" in said
    assert "RELEVO_API_URL" in said


def test_a_server_that_is_not_the_api_is_told_from_it(env: pytest.MonkeyPatch, mlflow: MlflowServer) -> None:
    env.setenv("RELEVO_API_URL", mlflow.url)
    assert "to be Relevo's inference API" in shown(page("predict").run())


def test_before_the_first_promotion_both_pages_say_what_is_awaited(
    env: pytest.MonkeyPatch, mlflow: MlflowServer, model_name: str, tmp_path: Path
) -> None:
    env.setenv("RELEVO_MODEL", model_name)
    env.setenv("RELEVO_USE_CASE", str(HOUSE_PRICES))
    assert "No batch has been decided yet" in shown(page("history").run())
    with serving(tmp_path, mlflow.url, model_name) as api:
        api.wait(lambda said: bool(said["registry"]["reachable"]))
        env.setenv("RELEVO_API_URL", api.url)
        app = page("predict").run()
        assert "No model is being served yet" in shown(app)
        app.button[0].click().run()
        assert "No prediction yet" in shown(app)


def test_when_only_mlflow_is_away_it_predicts_and_says_that_nothing_newer_comes(
    env: pytest.MonkeyPatch, gate: Gate, told: str, tmp_path: Path
) -> None:
    env.setenv("RELEVO_MODEL", told)
    env.setenv("MLFLOW_TRACKING_URI", gate.url)
    with serving(tmp_path, gate.url, told) as api:
        api.wait_for_version(2)
        env.setenv("RELEVO_API_URL", api.url)
        gate.close()
        api.wait(lambda said: said["registry"]["reachable"] is False)
        app = page("predict").run()
        assert "cannot reach MLflow" in app.warning[0].value
        app.button[0].click().run()
        assert "Predicted price" in shown(app)
        said = shown(page("history").run())
        assert "does not answer" in said
        assert "MLFLOW_TRACKING_URI" in said


def test_the_overview_has_a_card_a_batch_newest_first(env: pytest.MonkeyPatch, told: str) -> None:
    env.setenv("RELEVO_MODEL", told)
    app = page("overview").run()
    assert "6 batches, 3 trainings, 2 promoted; version 2 is in production." in shown(app)
    assert [link.proto.query_string for link in app.get("page_link")] == [f"batch={n}" for n in range(6, 0, -1)]
    assert [card.split("-badge[", 1)[1].removesuffix("]") for card in badges(app)] == [
        "… training asked for", "= no training", "✕ rejected, version 3", "▲ promoted, version 2", "= no training",
        "▲ promoted, version 1",
    ]  # fmt: skip
    assert (
        "Version 2 errs by 23.0 % (21.0 to 25.0) where the champion (version 1) errs by 29.0 % (27.0 to 31.0)"
        in shown(app)
    )
    assert "▲ promoted: batch 3 and 1 · ✕ rejected: batch 4" in shown(app)
    assert len(app.get("vega_lite_chart")) == 1
    batches = page("history").run()
    assert list(batches.selectbox[0].options) == [
        "Batch 6: training asked for",
        "Batch 5: no training",
        "Batch 4: rejected, version 3",
        "Batch 3: promoted, version 2",
        "Batch 2: no training",
        "Batch 1: promoted, version 1",
    ]


def badges(app: AppTest) -> list[str]:
    return [str(one.value) for one in app.markdown if "-badge[" in str(one.value)]


def test_the_overview_says_what_serves_and_what_is_not_well(
    env: pytest.MonkeyPatch, told: str, serving_told: Running
) -> None:
    env.setenv("RELEVO_MODEL", told)
    without = shown(page("overview").run())
    assert "The inference API does not answer" in without
    env.setenv("RELEVO_API_URL", serving_told.url)
    serving_told.predict({"house_size": 1800})
    app = page("overview").run()
    said = shown(app)
    assert "Serves version 2" in said
    assert "Promised error 24.0 %" in said
    assert "Real error 48.0 %" in said
    assert re.search(r"Answers [1-9]", said)
    assert re.search(r"\d refused, 0 failed", said)
    assert "All is well" not in said, "it errs more than it promised on the newest batch"
    assert "Version 2 errs by 48.0 % (45.0 to 51.0) here, promised 24.0 % (22.0 to 26.0)." in said


@pytest.mark.parametrize(
    ("batch", "said", "charts"),
    [
        (1, ["the first model, better than always saying the median price", "There was no model to compare"], 3),
        (2, ["No training: nothing changed enough to call for one.", "Yes, as far as this batch can tell"], 3),
        (3, ["in place of version 1", "Massachusetts and Connecticut", "No: it errs more here", r"\$410,000"], 6),
        (4, ["Version 3 was rejected", "version 2 stays", "`not_better`", "+0.4 points (-0.6 to +1.4)"], 6),
        (5, ["17 rows came", "too few rows"], 2),
        (6, ["It has not finished"], 3),
    ],
)
def test_opening_a_batch_shows_its_evidence(
    env: pytest.MonkeyPatch, told: str, batch: int, said: list[str], charts: int
) -> None:
    env.setenv("RELEVO_MODEL", told)
    app = page("history")
    app.query_params["batch"] = str(batch)
    app.run()
    text = shown(app)
    for words in said:
        assert words in text
    assert len(app.get("vega_lite_chart")) == charts
    assert "/runs/" in text
    headings = [heading.value for heading in app.subheader]
    order = [
        "What came",
        "What changed",
        "Why it",
        "Who was better",
        "By state",
        "Since when it served",
        "What version",
    ]
    places = [next((n for n, one in enumerate(headings) if one.startswith(begin)), None) for begin in order]
    assert [place for place in places if place is not None] == sorted(place for place in places if place is not None)
    assert "Nothing failed." in text
    assert not app.get("imgs"), "what a version looks at is drawn in the colours of the page"


def test_a_batch_that_arrives_while_the_page_is_open_does_not_change_what_is_open(
    env: pytest.MonkeyPatch, mlflow: MlflowServer, model_name: str
) -> None:
    env.setenv("RELEVO_MODEL", model_name)
    registry = Registry(mlflow.url, model_name)
    registry.save_decision(story.decided(1, TrainReason.QUIET, "Batch one is quiet.", champion=1))
    app = page("history").run()
    assert app.selectbox[0].options == ["Batch 1: no training"]
    registry.save_decision(story.decided(2, TrainReason.QUIET, "Batch two is quiet.", champion=1))
    st.cache_data.clear()  # instead of waiting until the answers are no longer fresh
    app.run()
    assert list(app.selectbox[0].options) == ["Batch 2: no training", "Batch 1: no training"]
    assert "Batch one is quiet." in shown(app)


def test_a_refused_version_is_told_with_its_reason(
    env: pytest.MonkeyPatch, versions: Versions, bundles: tuple[Path, Path], tmp_path: Path
) -> None:
    shutil.copytree(bundles[1], tmp_path / "broken")
    (tmp_path / "broken" / names.ONNX_FILE).write_bytes(b"<html>")
    versions.promote(versions.register(bundles[0]))
    with serving(tmp_path, versions.tracking_uri, versions.model) as api:
        api.wait_for_version(1)
        versions.promote(versions.register(tmp_path / "broken"))
        api.wait(lambda said: bool(said["refused"]))
        env.setenv("RELEVO_API_URL", api.url)
        app = page("predict").run()
        assert "**Version 2 should be served, and was refused**" in app.warning[0].value
        assert "model.onnx" in app.warning[0].value
        app.button[0].click().run()
        assert f"**version 1** of {versions.model}" in shown(app)


def test_a_batch_whose_record_or_pictures_are_gone_does_not_take_the_others_with_it(
    env: pytest.MonkeyPatch, versions: Versions, bundles: tuple[Path, Path], tmp_path: Path
) -> None:
    env.setenv("RELEVO_MODEL", versions.model)
    registry = Registry(versions.tracking_uri, versions.model)
    bare = tmp_path / "bare"
    shutil.copytree(bundles[0], bare, ignore=shutil.ignore_patterns("shapley*", "profile.json"))
    story.save(
        registry,
        story.decided(1, TrainReason.BASELINE, "No model yet."),
        bare,
        Criterion.FIRST_BEATS_BASELINE,
        "Better than the median price.",
    )
    tags = {names.TAG_GROUP: "6", names.TAG_BATCH: "2", names.TAG_TRAIN: "false", names.TAG_WHY: "It was quiet."}
    versions.client.create_run(versions.experiment, tags=tags)
    app = page("history").run()
    assert "its record is of another release" in shown(app)
    app.selectbox[0].select_index(1).run()
    assert "Version 1 went to production" in shown(app)
    assert "What version 1 looks at" not in shown(app)
