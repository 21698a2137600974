"""What `init` writes of a table is what a person would, mostly; and what is no table is told in a sentence."""

from __future__ import annotations

import csv
import io
import math
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from relevo_contract.tasks import TaskName
from relevo_contract.texts import tidy
from relevo_contract.use_case import Declaration, read
from relevo_jobs.cli import main
from relevo_jobs.declaring.arguments import TASKS
from relevo_jobs.declaring.draft import scalar
from relevo_jobs.declaring.init import Drafted, drafted
from relevo_jobs.declaring.naming import column_name, use_case_name
from relevo_jobs.declaring.tables import GUESSED_ROWS
from relevo_jobs.errors import SettingsError
from tests.jobs.declaring.guessed import GENERATED, PACKAGED, Known

ENOUGH = 0.8


def guessed(table: pd.DataFrame, target: str, folder: Path, **said: Any) -> Declaration:
    return read(draft_of(table, target, folder, **said).text)


def draft_of(table: pd.DataFrame, target: str, folder: Path, **said: Any) -> Drafted:
    table.to_csv(folder / "table.csv", index=False)
    return drafted(folder / "table.csv", target, folder, **said)


def right(known: Known, declared: Declaration) -> tuple[int, int]:
    """Types and roles that are as expected, of all that there are; a whole number is a number, too."""
    count = of = 0
    assert set(declared.columns) == set(known.columns)
    for name, answer in known.columns.items():
        kind, role = [*answer.split(), "input"][:2]
        found = declared.columns[name]
        count += (found.type == kind) or (kind == "number" and found.type == "integer")
        count += found.role == role
        of += 2
    return count, of


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "parquet"])
def test_four_of_five_types_and_roles_of_packaged_tables_are_right(tmp_path: Path, kind: str) -> None:
    """The bar of each table, and it is the same for a Parquet file of it."""
    for known in PACKAGED:
        table = known.table()
        file = tmp_path / f"{known.name}.{kind}"
        if kind.startswith("csv"):
            table.to_csv(file, index=False)
        else:
            table.to_parquet(file, index=False)
        declared = read(drafted(file, known.target, tmp_path).text)
        count, of = right(known, declared)
        assert count >= ENOUGH * of, (known.name, count, of, declared.columns)
        assert (declared.target.task, declared.target.positive) == (known.task, known.positive), known.name
        assert declared.name == known.name.replace("_", "-")


@pytest.mark.parametrize("known", GENERATED, ids=lambda known: known.name)
def test_all_types_and_roles_of_tables_made_for_it_are_right(known: Known, tmp_path: Path) -> None:
    declared = guessed(known.table(), known.target, tmp_path)
    count, of = right(known, declared)
    assert count == of, declared.columns
    assert (declared.target.task, declared.target.positive) == (known.task, known.positive)


def test_a_finer_place_is_within_the_coarser_and_a_file_is_some_ten_batches(tmp_path: Path) -> None:
    declared = guessed(GENERATED[0].table(), "class", tmp_path)
    assert declared.columns["addr_state"].within == ("zip_code",)
    assert declared.columns["loan_amnt"].source_name == "loan amnt"
    files = declared.source.files
    assert files is not None
    assert (files.path, files.pattern, files.rows) == (".", "table.csv", 500)


DAYS = pd.date_range("2019-01-01", periods=400, freq="D")


@pytest.mark.parametrize(
    "spelt",
    ["%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%Y%m%d", "%d-%b-%Y", "%b %d, %Y", "%d %B %Y", "%m/%d/%y",
     "%d.%m.%Y %H:%M", "%m/%d/%Y %I:%M %p", "%Y/%m/%d", "%b-%Y", "%Y-%m-%dT%H:%M:%S"],
)  # fmt: skip
def test_days_are_read_however_they_are_spelt(spelt: str, tmp_path: Path) -> None:
    draw = np.random.default_rng(3)
    days = pd.Series(draw.permutation(DAYS))
    table = pd.DataFrame({"seen": days.dt.strftime(spelt), "x": draw.normal(size=400), "y": draw.normal(size=400)})
    seen = guessed(table, "y", tmp_path).columns["seen"]
    assert seen.type == "date"
    assert seen.format == (None if spelt.startswith("%Y-%m-%d") else spelt)


def test_day_and_month_are_told_apart_by_the_order_of_the_rows_or_not_at_all(tmp_path: Path) -> None:
    draw = np.random.default_rng(4)
    early = pd.DatetimeIndex([day for day in DAYS if day.day <= 12])
    more = {"x": draw.normal(size=len(early)), "y": draw.normal(size=len(early))}
    ordered = guessed(pd.DataFrame({"seen": early.strftime("%m/%d/%Y"), **more}), "y", tmp_path)
    assert ordered.columns["seen"].format == "%m/%d/%Y"
    shuffled = pd.DataFrame({"seen": pd.Series(draw.permutation(early)).dt.strftime("%m/%d/%Y"), **more})
    text = draft_of(shuffled, "y", tmp_path).text
    assert "LOOK seen: day and month cannot be told apart in these rows: %m/%d/%Y reads them as well" in text


def test_days_in_four_spellings_are_days_and_told(tmp_path: Path) -> None:
    spelt = ["%Y-%m-%d", "%d.%m.%Y", "%b %d, %Y", "%Y/%m/%d"]
    days = [day.strftime(spelt[0 if place % 5 else place % 4]) for place, day in enumerate(DAYS)]
    table = pd.DataFrame({"seen": days, "x": np.arange(400) % 7, "y": np.arange(400) % 11})
    text = draft_of(table, "y", tmp_path).text
    assert read(text).columns["seen"].type == "date"
    assert "LOOK seen: days are spelt in 4 ways" in text


def table_of(**more: Any) -> pd.DataFrame:
    draw = np.random.default_rng(5)
    own = {
        "x": draw.normal(size=500).round(3),
        "kind": draw.choice(list("abc"), 500),
        "y": draw.normal(size=500).round(3),
    }
    return pd.DataFrame({**own, **more})


def test_what_tells_the_target_is_ignored_and_said(tmp_path: Path) -> None:
    table = table_of()
    table["copy"] = table["y"]
    table["scaled"] = table["y"] * 1.8 + 32
    table["part"] = np.arange(500) % 13
    table["rest"] = table["y"] - table["part"]
    draft = draft_of(table, "y", tmp_path)
    columns = read(draft.text).columns
    assert {name for name, one in columns.items() if one.role == "ignored"} == {"copy", "scaled", "part", "rest"}
    assert "LOOK copy: it is the target in 100.0 % of the rows" in draft.text
    assert "part + rest is the target in every row looked at" in draft.text


@pytest.mark.parametrize("flag", [["lost", "kept"], [1, 0], ["yes", "no"]])
def test_what_tells_an_outcome_is_ignored_and_a_rows_number_is_not(flag: list[Any], tmp_path: Path) -> None:
    bad = np.arange(500) >= 450  # the file is sorted by it
    table = table_of(
        y=np.where(bad, "bad", "good"), flag=np.where(bad, *flag), fee=np.where(bad, 9.5, 0.5), id=range(500)
    )
    columns = guessed(table, "y", tmp_path).columns
    assert (columns["flag"].role, columns["fee"].role, columns["id"].role) == ("ignored", "ignored", "key")


def test_the_outcome_that_people_ask_for_is_positive(tmp_path: Path) -> None:
    often = np.arange(500) % 5 > 0
    for outcomes, positive in (
        (("yes", "no"), "yes"),
        (("fraud", "ok"), "fraud"),
        (("red", "blue"), "blue"),
        ((1, 0), "1"),
    ):
        assert guessed(table_of(y=np.where(often, *outcomes)), "y", tmp_path).target.positive == positive
    classes = table_of(y=np.array(["a", "b", "c"])[np.arange(500) % 3])
    target = guessed(classes, "y", tmp_path, positive="B").target
    assert (target.task, target.positive, target.negative) == ("binary", "b", None)


def test_the_task_is_the_targets_or_what_is_said(tmp_path: Path) -> None:
    draw = np.random.default_rng(6)
    skewed = draw.lognormal(3, 1, 500)
    assert guessed(table_of(y=skewed), "y", tmp_path).target.task == "positive-number"
    assert guessed(table_of(y=skewed - 1_000), "y", tmp_path).target.task == "number"
    assert guessed(table_of(y=draw.uniform(5, 6, 500)), "y", tmp_path).target.task == "number"
    assert guessed(table_of(y=skewed), "y", tmp_path, task="number").target.task == "number"
    assert "if they name classes" in draft_of(table_of(y=np.arange(500) % 4), "y", tmp_path).text


def test_what_a_column_may_hide_is_said(tmp_path: Path) -> None:
    draw = np.random.default_rng(7)
    table = table_of(
        dti=np.where(np.arange(500) % 5 == 0, -999, draw.uniform(0, 40, 500)),
        empty=None,
        same="one",
        rate=[f"{rate:.2f}%" for rate in draw.uniform(1, 30, 500)],
        price=[f"{price:.2f}".replace(".", ",") for price in draw.uniform(1, 30, 500)],
        note="why " * 80,
        age=[str(age) if age > 20 else "unknown" for age in draw.integers(18, 90, 500)],
    )
    text = draft_of(table, "y", tmp_path).text
    columns = read(text).columns
    assert (columns["empty"].role, columns["note"].role) == ("ignored", "ignored")
    assert columns["age"].type == "integer"
    for said in (
        "LOOK dti: -999 stands 100 times", "LOOK empty: it is empty in all 500 rows",
        "LOOK same: it is the same in every row",
        "LOOK rate: these look like numbers with a %", "LOOK price: these look like numbers with a decimal comma",
        "LOOK note: it has texts of up to", "values are no numbers, such as 'unknown': they become missing",
    ):  # fmt: skip
        assert said in text.replace("\n  # ", " "), said


def test_a_thousand_columns_and_a_hundred_thousand_categories_are_bounded(tmp_path: Path) -> None:
    draw = np.random.default_rng(8)
    wide = pd.DataFrame(draw.normal(size=(60, 1_000)).round(3), columns=[f"c{at}" for at in range(1_000)])
    assert len(guessed(wide, "c0", tmp_path).columns) == 999
    with pytest.raises(SettingsError, match=r"at most 1,000 columns, table\.csv has 1,001"):
        guessed(wide.assign(more=1), "c0", tmp_path)
    many = pd.DataFrame(
        {
            "code": [f"c{at % 100_000}" for at in range(120_000)],
            "x": draw.normal(size=120_000),
            "y": draw.normal(size=120_000),
        }
    )
    draft = draft_of(many, "y", tmp_path)
    assert len(draft.table.rows) == GUESSED_ROWS
    assert draft.table.count == pytest.approx(120_000, rel=0.1)
    assert read(draft.text).columns["code"].type == "text"


NOTES = b"note,y\n" + b"".join(b"%d words are here and there %d,%d\n" % (n, n, n) for n in range(99))


@pytest.mark.parametrize(
    ("body", "target", "said"),
    [
        (b"", "y", "got an empty file"),
        (b"\n\n", "y", "got an empty file"),
        (b"x,y\n", "y", "got its header alone"),
        (b"5.1,3.5,a\n4.9,3.0,b\n", "y", "expected the columns' names in the first line .* such as '5.1'"),
        (b"x,z\n1,2\n2,3\n", "y", "expected a column of table.csv as --target, got 'y': it has 'x', 'z'"),
        (b"y\n1\n2\n", "y", "expected columns beside 'y' in table.csv, got none"),
        (b"x,y\n1,7\n2,7\n", "y", "at least two different values in 'y', .* it is '7' in all 2 rows"),
        (b"x,y\n1,\n2,\n", "y", "expected values in 'y', the target: it is empty"),
        (b"x,y\n1,a\n2,b\n3,c\n", "y", "'y', the target, has 3 different outcomes, .* got multi-class"),
        (b"x,y\n1,2020-01-01\n2,2020-01-02\n3,2020-01-03\n", "y", "'y' is a date"),
        (b"x,x,y\n1,2,3\n", "y", "expected each column of table.csv once, 'x' stands twice"),
        (b"x,y\n1,2,3\n", "y", "expected 2 values in each row of table.csv, .* got 3 in line 2"),
        (b'x,y\n"1,2\n', "y", "a quote is opened and never closed"),
        (b"x,y\n\xff,2\n", "y", "expected UTF-8 in table.csv, line 2 is none"),
        (b"PK\x03\x04junk and more of it", "y", "is an Excel workbook"),
        (b"\x1f\x8bjunk and more of it", "y", "is packed by gzip: call it .csv.gz"),
        (b"PAR1junk and more of it", "y", "expected CSV in table.csv, it is Parquet: call it .parquet"),
        (NOTES, "y", "expected a column of table.csv to learn 'y' from"),
    ],
)  # fmt: skip
def test_what_is_no_table_to_learn_from_is_told(body: bytes, target: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_bytes(body)
    with pytest.raises(SettingsError, match=said):
        drafted(tmp_path / "table.csv", target, tmp_path)


def test_a_file_that_collect_would_not_read_is_told(tmp_path: Path) -> None:
    for name, body, said in (
        ("table.txt", b"x,y\n1,2\n", "ends in .csv, .csv.gz, .parquet, as collect reads them, got table.txt"),
        ("table.parquet", b"x,y\n1,2\n" * 9, "expected a whole Parquet file in table.parquet"),
        ("table.csv.gz", b"x,y\n1,2\n", "expected a whole gzip file in table.csv.gz"),
    ):
        (tmp_path / name).write_bytes(body)
        with pytest.raises(SettingsError, match=said):
            drafted(tmp_path / name, "y", tmp_path)


def test_separators_and_a_nameless_column_are_understood(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(
        "\ufeff;Größe (cm);version;y\r\n" + "".join(f"{n};{n % 7};{n % 3};{n % 9}\r\n" for n in range(60))
    )
    text = drafted(tmp_path / "t.csv", "Y", tmp_path).text
    declared = read(text)
    assert {name: one.source_name for name, one in declared.columns.items()} == {
        "groe_cm": "Größe (cm)",
        "version_value": "version",
    }
    assert "left out: 'column 1'" in text


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
WORDS = st.sampled_from(["1", "-999", "2020-01-31", "31/01/2020", "yes", "NA", "", "0012", "a b", '"', "# x: {", "1e5"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    names=st.lists(TEXTS, min_size=2, max_size=5, unique=True),
    rows=st.lists(st.lists(WORDS | TEXTS, min_size=5, max_size=5), min_size=1, max_size=40),
    target=st.integers(0, 1),
    parquet=st.booleans(),
)
def test_of_whatever_table_it_writes_what_reads_back_or_says_why_not(
    tmp_path: Path, names: list[str], rows: list[list[str]], target: int, parquet: bool
) -> None:
    file = tmp_path / f"whatever.{'parquet' if parquet else 'csv'}"
    cut = [row[: len(names)] for row in rows]
    if parquet:
        pd.DataFrame(cut, columns=names, dtype=str).to_parquet(file, index=False)
    else:
        out = io.StringIO(newline="")
        csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows([names, *cut])
        file.write_text(out.getvalue(), encoding="utf-8", newline="")
    try:
        draft = drafted(file, names[target], tmp_path)
    except SettingsError as error:
        assert "expected" in str(error)
    else:
        declared = read(draft.text)
        sources = {one.source_name or name for name, one in declared.columns.items()}
        assert sources <= {name if parquet else tidy(name) for name in names}  # as collect knows them


@settings(deadline=None)
@given(st.lists(TEXTS, max_size=30), st.text())
def test_names_are_made_safe_and_stay_apart(sources: list[str], stem: str) -> None:
    taken: list[str] = []
    for place, source in enumerate(sources):
        taken.append(column_name(source, place, taken))
    assert len(taken) == len(set(taken))
    columns = "".join(f"  {name}: number\n" for name in {*taken, "x"} - {"target"})
    name = use_case_name(stem)
    read(f"name: {scalar(name)}\nsource: {{http: {{}}}}\ntarget: {{column: target, task: number}}\ncolumns:\n{columns}")


def test_the_tasks_to_choose_from_are_the_tasks() -> None:
    assert get_args(TaskName) == TASKS or set(get_args(TaskName)) == set(TASKS)


def test_a_person_types_it(tmp_path: Path) -> None:
    """As `relevo-job init` and as a process; what is there is not written over."""
    GENERATED[0].table().to_csv(tmp_path / "loans.csv", index=False)
    command = [sys.executable, "-m", "relevo_jobs.declaring", "init", "loans.csv", "--target", "class"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "wrote use_case.yaml: loans, of all 5,000 rows of 13 columns" in ran.stdout
    assert "key      loan_id" in ran.stdout
    read((tmp_path / "use_case.yaml").read_text())
    again = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (again.returncode, again.stdout) == (2, "")
    assert "--force writes over it" in again.stderr
    other = tmp_path / "other.yaml"
    assert (
        main(["init", str(tmp_path / "loans.csv"), "--target", "class", "--name", "my-loans", "--output", str(other)])
        == 0
    )
    assert read(other.read_text()).name == "my-loans"
    assert main(["init", str(tmp_path / "none.csv"), "--target", "class", "--output", str(tmp_path / "x.yaml")]) == 2
    assert (
        main(
            [
                "init",
                str(tmp_path / "loans.csv"),
                "--target",
                "class",
                "--name",
                "Not A Name",
                "--output",
                str(tmp_path / "x.yaml"),
            ]
        )
        == 2
    )
    assert sorted(one.name for one in tmp_path.iterdir()) == ["loans.csv", "other.yaml", "use_case.yaml"]
    assert math.isclose(other.stat().st_size, (tmp_path / "use_case.yaml").stat().st_size, abs_tol=10)
