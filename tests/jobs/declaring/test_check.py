"""What `check` says of a declaration is what the steps would make of its first batches, and nothing is written."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from relevo_contract.use_case import read
from relevo_contract.use_case.data_set import data_set
from relevo_jobs.cli import main
from relevo_jobs.declaring.batches import first
from relevo_jobs.declaring.init import drafted
from relevo_jobs.settings import SourceSettings
from relevo_jobs.use_case import load
from tests.houses import HOUSE_PRICES, LISTINGS
from tests.jobs.declaring.guessed import GENERATED
from tests.jobs.holdings import query
from tests.jobs.scripted_source import Script, body
from tests.jobs.sources.conftest import Site, csv, settle, site

__all__ = ["site"]  # a fixture

HEAD = """\
name: loans
source:
  files: {path: data, pattern: "*.csv"}
target: {column: outcome, task: binary, positive: bad, negative: good}
"""
COLUMNS = """\
columns:
  loan_id: {role: key}
  state: {type: category, role: place}
  amount: {type: number, range: [0, 1000]}
  rate: number
"""


def table(n: int = 200, **more: Any) -> pd.DataFrame:
    draw = np.random.default_rng(1)
    own = {
        "loan_id": np.arange(n) + 1_000,
        "state": draw.choice(["CA", "NY"], n),
        "amount": draw.integers(1, 900, n),
        "rate": draw.normal(9, 2, n).round(3),
        "outcome": np.where(np.arange(n) % 4 == 0, "bad", "good"),
    }
    return pd.DataFrame({**own, **more})


def placed(folder: Path, *tables: pd.DataFrame, declared: str = HEAD + COLUMNS) -> Path:
    (folder / "data").mkdir()
    for place, one in enumerate(tables):
        one.to_csv(folder / "data" / f"part-{place}.csv", index=False)
        settle(folder / "data" / f"part-{place}.csv")
    (folder / "use_case.yaml").write_text(declared)
    return folder / "use_case.yaml"


def checked(file: Path, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, dict[str, Any]]:
    before = {one: one.read_bytes() for one in file.parent.rglob("*") if one.is_file()}
    code = main(["check", str(file), "--json", *more])
    if "--write" not in more:
        assert {one: one.read_bytes() for one in file.parent.rglob("*") if one.is_file()} == before
    return code, json.loads(capsys.readouterr().out)


def test_rows_are_counted_as_the_steps_clean_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = table()
    twice = pd.concat([good, good.head(3)])
    odd = table().astype(object)
    odd.loc[[0, 1], "outcome"] = [None, "perhaps"]
    odd.loc[[2, 3, 4], "amount"] = ["many", 5_000, None]
    file = placed(tmp_path, twice, odd, good, good)
    code, said = checked(file, capsys, "--batches", "2")
    assert (code, said["holds"], len(said["batches"])) == (0, True, 2)
    use_case = load(file)
    for batch, came in zip(said["batches"], (twice, odd), strict=True):
        ordered = came[list(use_case.data.columns)].itertuples(index=False)
        rows = [[None if pd.isna(cell) else str(cell) for cell in row] for row in ordered]
        fates = list(use_case.clean(rows))
        assert batch["rows"] == len(rows)
        assert batch["kept"] == sum(not hasattr(fate, "reason") for fate in fates)
        assert batch["held_out"] == sum(getattr(fate, "holdout", False) for fate in fates)
    assert said["batches"][0]["left_out"] == {"duplicate": 3}
    assert said["batches"][1]["left_out"] == {"outcome_missing": 2}
    amount = next(one for one in said["columns"] if one["name"] == "amount")
    assert amount["blanked"] == 2
    assert "many" in amount["why"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"outcome": "good"}, "outcome is never bad in all 200 rows looked at: nothing is trained until"),
        ({"outcome": ["bad"] * 3 + ["good"] * 197}, "one of outcome's outcomes came 3 times"),
        ({"state": "CA"}, "state is always 'CA': nothing can be learnt from it yet"),
        ({"rate": None}, "rate is empty in every row that is kept"),
        ({"rate": [1.5, *[None] * 199]}, "rate is missing in 99.5 % of the rows"),
        ({"amount": "much"}, "amount: 100.0 % of its values become missing: expected a number"),
        ({"note": "x", "other": 1}, "nobody declared note, other: kept in the body alone"),
        ({"rate": np.where(np.arange(200) % 4 == 0, 9.5, 1.5)}, "rate: it tells the target in 100.0 % of the rows"),
    ],
)
def test_what_a_person_should_look_at_is_said(
    more: dict[str, Any], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, found = checked(placed(tmp_path, table(**more)), capsys)
    assert code == 0
    assert any(said in one for one in found["look_at"]), found["look_at"]


def test_a_category_that_hardly_comes_again_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    many = table(4_000, city=[f"c{place}" for place in range(4_000)])
    file = placed(tmp_path, many, declared=HEAD + COLUMNS + "  city: category\n")
    _, found = checked(file, capsys)
    assert any("city has 4,000 different values in 4,000 rows" in one for one in found["look_at"])


@pytest.mark.parametrize(
    ("change", "more", "said"),
    [
        (("rate: number", "rates: number"), {}, "rates is in no batch looked at; it has rate, which nobody declared"),
        (("positive: bad, negative: good", "positive: poor, negative: fine"), {}, "all 200 are left out"),
        (("outcome", "result"), {}, "result is in no batch looked at"),
        (("path: data", "path: nowhere"), {}, "expected a folder of files at"),
        (('"*.csv"', '"*.parquet"'), {}, r"no file is called \*.parquet in data, which has part-0.csv"),
        (("task: binary", "task: class"), {}, "line 4: .*expected 'positive-number'"),
        (("rate: number", '"*": auto'), {}, "expected the type of every column, 1 are auto: --write writes them"),
        (("rate: number", "rat: auto"), {}, "expected a column rat in part-0.csv, for its type is auto"),
        (("columns:", "clean: {hook: 'clean:keep'}\ncolumns:"), {}, "expected .*clean.py"),
    ],
)
def test_what_would_not_run_is_told_and_ends_with_2(
    change: tuple[str, str], more: dict[str, Any], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = placed(tmp_path, table(**more), declared=(HEAD + COLUMNS).replace(*change))
    assert main(["check", str(file)]) == 2
    assert re.search(said, capsys.readouterr().err)
    code, found = checked(file, capsys)
    assert (code, found["holds"]) == (2, False)
    assert re.search(said, "\n".join(found["problems"]))


AUTO = [
    """columns:
  # which
  loan_id: {role: key}   # its number
  rate: auto
  "*": auto   # the rest
quality: {broken: warn}
""",
    """columns: {loan_id: {role: key}, rate: {label: rate, type: auto}, "*": auto}   # all
""",
    """columns:
  loan_id: {role: key}
  rate: {label: rate}
  "*":
    type: auto

# the end
""",
    """columns:
  loan_id:
    role: key
  rate:
    label: rate
    type: auto
  state: category
  amount: auto
  seen: auto
""",
    'columns:\r\n  "*": auto\r\n  loan_id: {role: key}\r\n',
]


@pytest.mark.parametrize("columns", AUTO)
def test_what_auto_stands_for_is_written_and_every_comment_is_kept(
    columns: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    days = pd.date_range("2020-01-01", periods=200).strftime("%d.%m.%Y")
    head = HEAD.replace("\n", "\r\n") if "\r\n" in columns else HEAD
    file = placed(tmp_path, table(seen=days), declared="# mine\n" + head + columns)
    file.write_bytes(file.read_bytes().replace(b"\r\r\n", b"\r\n"))
    before = file.read_text()
    code, found = checked(file, capsys)
    assert (code, found["written"]) == (2, False)
    assert {"rate", "amount", "seen"} <= set(found["auto"])
    code, found = checked(file, capsys, "--write")
    assert (code, found["written"]) == (0, True)
    text = file.read_text()
    declared = read(text)
    data_set(declared)
    types = {name: one.type for name, one in declared.columns.items()}
    assert types == {"loan_id": "text", "rate": "number", "state": "category", "amount": "integer", "seen": "date"}
    assert (declared.columns["loan_id"].role, declared.columns["seen"].format) == ("key", "%d.%m.%Y")
    if "label" in columns:
        assert declared.columns["rate"].label == "rate"
    kept = [line[line.index("#") :] for line in before.splitlines() if "#" in line]
    assert all(comment in text for comment in kept)
    assert checked(file, capsys)[0] == 0
    assert list(file.parent.glob("tmp*")) == []


def test_files_are_cut_into_batches_and_read_by_name_in_order(tmp_path: Path) -> None:
    file = placed(tmp_path, table(70), table(30), declared=(HEAD + COLUMNS).replace('"*.csv"', '"*.csv", rows: 40'))
    (tmp_path / "data" / ".hidden.csv").write_text("no table")
    batches = list(first(read(file.read_text()), tmp_path, SourceSettings(), 10))
    assert [(one.title, len(one.rows)) for one in batches] == [
        ("part-0.csv, rows 1 to 40", 40), ("part-0.csv, rows 41 to 70", 30), ("part-1.csv, rows 1 to 30", 30),
    ]  # fmt: skip


def test_what_init_writes_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A CSV, and the same as Parquet: from the table to a declaration that needs no hand."""
    for known in GENERATED:
        for kind in ("csv", "parquet"):
            file = tmp_path / f"{known.name}.{kind}"
            known.table().to_csv(file, index=False) if kind == "csv" else known.table().to_parquet(file, index=False)
            settle(file)
            (tmp_path / "use_case.yaml").write_text(drafted(file, known.target, tmp_path).text)
            code, found = checked(tmp_path / "use_case.yaml", capsys)
            assert (code, found["look_at"]) == (0, []), found
            assert len(found["batches"]) == 3
            assert all(one["kept"] == one["rows"] for one in found["batches"])
            assert not any(one["blanked"] for one in found["columns"])


def test_a_person_reads_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = placed(tmp_path, table(outcome=["bad"] * 3 + ["good"] * 196 + ["?\x1b[31m"]))
    assert main(["check", str(file)]) == 0
    out = capsys.readouterr().out
    assert "loans: 1 batch looked at, 200 rows, 199 kept" in out
    assert "1 outcome_missing" in out
    assert "1.5 % bad" in out
    assert out.endswith("use_case.yaml holds\n")
    assert "\x1b" not in out


def test_a_server_is_asked_from_its_start_and_left_there(
    source: Script, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RELEVO_SOURCE_URL", source.url)
    source.count = 2
    code, found = checked(HOUSE_PRICES, capsys, "--batches", "9")
    assert code == 0
    assert [one["rows"] for one in found["batches"]] == [3, 3, 3, 3]
    assert (source.count, source.restarts) == (0, 2)


def test_what_a_server_sends_stands_for_auto(
    source: Script, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "use_case.yaml"
    source.bodies[:] = [body(number, 40) for number in range(4)]
    file.write_text(
        f"name: houses\nsource: {{http: {{url: '{source.url}', group: 6}}}}\n"
        "target: {column: price, task: positive-number}\ncolumns:\n  bed: auto\n  '*': auto\n"
    )
    assert checked(file, capsys, "--write")[0] == 0
    columns = read(file.read_text()).columns
    assert set(columns) == set(LISTINGS.columns) - {"price"}
    assert (columns["house_size"].type, columns["city"].type, columns["prev_sold_date"].role) == (
        "integer", "category", "ignored",
    )  # fmt: skip


def test_files_of_a_bucket_and_a_query_are_looked_at_and_nothing_is_kept(
    site: Site, bucket: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As collect takes them, by its settings: the same rows, and what nobody declared is guessed by them."""
    for name in ("RELEVO_SQL_URL", "RELEVO_S3_ENDPOINT_URL"):
        monkeypatch.setenv(name, site.env[name])
    site.client.create_bucket(Bucket=bucket)
    site.client.put_object(Bucket=bucket, Key="lake/a.csv", Body=csv(0, 40))
    site.client.put_object(Bucket=bucket, Key="lake/b.csv.gz", Body=gzip.compress(csv(40, 40)))
    rows = ", ".join(f"({i}, 'p{i % 3}', {i / 10}, {i * 2 - 5})" for i in range(1, 81))
    query(site.warehouse_url, f"create table trips as select * from (values {rows}) as t (id, place, km, minutes)")
    text = "select * from trips where id > :watermark order by id"
    sql = {"secret": "warehouse", "query": text, "watermark": "id", "rows": 50}
    for source, titles in (
        (f"files: {{path: 's3://{bucket}/lake'}}", {"a.csv": 40, "b.csv.gz": 40}),
        (f"files: {{path: 's3://{bucket}/lake', rows: 30}}", {"a.csv, rows 1 to 30": 30, "a.csv, rows 31 to 40": 10}),
        (f"sql: {json.dumps(sql)}", {"rows to 50": 50, "rows to 80": 30}),
    ):
        file = site.folder / "use_case.yaml"
        file.write_text(
            f"name: rides\nsource: {{{source}}}\ntarget: {{column: minutes, task: number}}\n"
            "columns: {id: {role: key}, km: auto, '*': auto}\n"
        )
        code, found = checked(file, capsys, "--write", "--batches", "2")
        assert (code, found["auto"]) == (0, {"place": "{type: category, role: place}", "km": "number"}), found
        assert {one["title"]: one["rows"] for one in found["batches"]} == titles
        assert all(one["whole"] and one["kept"] == one["rows"] for one in found["batches"])
    tables = "select count(*) from pg_class where relnamespace = 'public'::regnamespace"
    assert query(site.warehouse_url, tables) == [(1,)]
    assert query(site.settings.raw_url, tables) == [(0,)], "no schema, no table"
    assert site.client.list_objects_v2(Bucket=bucket)["KeyCount"] == 2


def test_what_collect_would_refuse_of_a_source_is_told_and_ends_as_it(
    site: Site, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RELEVO_SQL_URL", site.warehouse_url)
    monkeypatch.setenv("RELEVO_S3_ENDPOINT_URL", site.s3.url)
    query(site.warehouse_url, "create table trips (id int, place text, km int, minutes int)")
    text = "select * from trips where id > :watermark order by id"
    file = site.folder / "use_case.yaml"
    declared = "name: rides\nsource: {%s}\ntarget: {column: minutes, task: number}\ncolumns: {km: number}\n"
    for source, code, said in (
        (f"sql: {{secret: w, query: '{text}', watermark: id}}", 2, "a superuser"),
        (f"sql: {{secret: w, query: '{text.replace('trips', 'gone')}', watermark: id}}", 65, "gone"),
        ("files: {path: 's3://no-such-bucket/lake'}", 2, "path of source.files"),
        ("files: {path: 's3://lake/rides', secretName: theirs}", 2, "all of the Secret theirs"),
    ):
        file.write_text(declared % source)
        ended, found = checked(file, capsys)
        assert (ended, found["holds"]) == (code, False)
        assert said in "".join(found["problems"]), found


def test_a_server_that_is_away_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "use_case.yaml"
    file.write_text(
        (HEAD + COLUMNS).replace('files: {path: data, pattern: "*.csv"}', "http: {url: 'http://127.0.0.1:9'}")
    )
    code, found = checked(file, capsys)
    assert (code, found["holds"]) == (69, False)
    file.write_text(file.read_text().replace("{url: 'http://127.0.0.1:9'}", "{}"))
    assert checked(file, capsys)[0] == 2


@pytest.mark.parametrize("body", [b"", b"\xff", b"x" * 2_000_000, b"name: [", b"- 1"])
def test_what_is_no_declaration_is_told(body: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "use_case.yaml").write_bytes(body)
    assert main(["check", str(tmp_path / "use_case.yaml")]) == 2
    assert "expected" in capsys.readouterr().err
    assert main(["check", str(tmp_path / "none.yaml")]) == 2
    assert "write one with `relevo init`" in capsys.readouterr().err
