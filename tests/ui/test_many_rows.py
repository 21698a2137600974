"""The page's CSV of many rows, before the process that serves: what a person gets back and is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from relevo_demo.servers import MlflowServer
from tests.houses import HOUSE_PRICES
from tests.serving_process import Running, serving
from tests.ui.test_pages import page, shown
from tests.versions import Versions


@pytest.fixture
def predict(env: pytest.MonkeyPatch, told: str, serving_told: Running) -> AppTest:
    env.setenv("RELEVO_API_URL", serving_told.url)
    env.setenv("RELEVO_MODEL", told)
    return page("predict").run()


def given(app: AppTest, content: str, name: str = "rows.csv") -> str:
    """The page's words once it was given a file."""
    app.file_uploader[0].set_value((name, content.encode(), "text/csv"))
    return shown(app.run())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            "bed,house_size,city,state\n3,1,200,Ponce,Puerto Rico\n3,1200,Ponce,Puerto Rico\n",
            "fewer, and how many: 2 (5)",
        ),
        ('bed,city\n3,"Ponce\n2,Ponce\n4,Ponce\n', "Line 2 is no CSV: a quote is opened and never closed."),
        ("bed,Bed\n3,4\n", "line 1 names bed more than once"),
        ("a,b\n3,4\n", "Expected a first line with names"),
    ],
)
def test_a_file_that_is_no_table_is_refused_by_its_line_and_nothing_is_predicted(
    predict: AppTest, content: str, said: str
) -> None:
    assert said in given(predict, content)
    assert not predict.dataframe


def test_a_row_that_is_wrong_is_told_by_the_files_own_line(predict: AppTest) -> None:
    said = given(predict, f"bed,city\n\n\n3,Ponce\n\n2,{'x' * 30_000}\n4,Ponce\n")
    assert "**2 of 3 rows are predicted.**" in said
    assert "Line 6: city: " in said
    table = predict.dataframe[0].value
    assert list(table["bed"]) == ["3", "2", "4"]
    assert list(table["predicted_price"] > 1000) == [True, False, True]


def test_what_is_no_number_is_a_problem_and_what_is_not_believed_a_note(predict: AppTest) -> None:
    said = given(predict, 'bed,house_size,city\n\nthree,0,N/A\n2,"1,200",Ponce\n4,0,Ponce\n0,"350000,50",Ponce\n')
    assert "**2 of 4 rows are predicted.**" in said
    assert "Line 3: bedrooms: expected a number such as 1200, 1,200 or 1200.5, got 'three'" in said
    assert "Line 6: house size: expected a number such as 1200, 1,200 or 1200.5, got '350000,50'" in said
    assert "Line 5: house size: expected 50 to 500,000, got 0" in said
    table = predict.dataframe[0].value
    assert list(table["note"]) == ["", "", "house size: expected 50 to 500,000, got 0", ""]
    assert [problem.partition(":")[0] for problem in table["problem"]] == ["bedrooms", "", "", "house size"]


def test_two_thousand_rows_with_four_wrong_values_each_take_a_request_a_part(
    predict: AppTest, serving_told: Running
) -> None:
    def asked() -> float:
        lines = serving_told.get("/metrics").text.splitlines()
        counts = [line for line in lines if line.startswith('relevo_serving_requests_total{route="/predict"')]
        return sum(float(line.split()[-1]) for line in counts)

    before = asked()
    said = given(predict, "bed,bath,acre_lot,house_size\n" + "a,b,c,d\n" * 2000)
    assert "**0 of 2,000 rows are predicted.**" in said
    assert "and 1,990 more, in the download" in said
    assert asked() - before == 4
    assert predict.dataframe[0].value["problem"].map(lambda said: said.count("expected a number")).eq(4).all()


def test_columns_of_the_person_stand_beside_ours(predict: AppTest) -> None:
    said = given(predict, "bed;version;low;note;note;\n3;mine;5;a;=b;x\n", "mine.csv")
    assert "Not used: version, low, note, note and (no name)." in said
    table = predict.dataframe[0].value
    assert list(table.columns) == [
        "line", "bed", "version", "low", "note", "note (2)", "", "predicted_price", "relevo_low", "high", "unseen",
        "relevo_version", "relevo_note", "problem",
    ]  # fmt: skip
    assert list(table.iloc[0])[1:7] == ["3", "mine", "5", "a", "'=b", "x"]
    assert table["relevo_version"][0] == 2


def test_the_bounds_are_said_before_anything_is_given(predict: AppTest) -> None:
    assert "At most 20 MB, 20,000 rows, 200 columns and 32,767 characters a value" in shown(predict)


def test_what_stopped_is_gone_on_with_and_nothing_is_lost(
    env: pytest.MonkeyPatch, mlflow: MlflowServer, versions: Versions, model_name: str, bundles: tuple[Path, Path],
    tmp_path: Path,
) -> None:  # fmt: skip
    env.setenv("RELEVO_MODEL", model_name)
    env.setenv("RELEVO_USE_CASE", str(HOUSE_PRICES))  # before the first version it says what may be asked
    with serving(tmp_path, mlflow.url, model_name) as api:
        api.wait(lambda said: bool(said["registry"]["reachable"]))
        env.setenv("RELEVO_API_URL", api.url)
        app = page("predict").run()
        assert "**0 of 2 rows are predicted.**" in given(app, "bed\n3\n2\n")
        assert "no version" in app.error[0].value or "alias" in app.error[0].value
        assert [button.label for button in app.button][-1] == "Go on"
        versions.promote(versions.register(bundles[0]))
        api.wait_for_version(1)
        assert "**0 of 2 rows are predicted.**" in shown(app.run()), "nothing is asked again by itself"
        app.button[-1].click().run()
        assert "**2 of 2 rows are predicted.**" in shown(app)
        assert not app.error


def test_what_is_wrong_is_marked_where_it_stands_and_such_rows_can_be_shown_alone(predict: AppTest) -> None:
    given(predict, "bed,city,house_size\n3,Ponce,900\nfour,Ponce,0\n-2,Ponce,900\n")
    table = predict.dataframe[0].value
    assert list(table["line"]) == [2, 3, 4]
    assert list(table["bed"]) == ["3", "⚠ four", "⚠ -2"]
    assert list(table["house_size"]) == ["900", "0", "900"], "of a row that is refused the API names what refuses it"
    predict.toggle[0].set_value(True).run()
    assert list(predict.dataframe[0].value["line"]) == [3, 4]
