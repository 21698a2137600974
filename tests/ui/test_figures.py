"""Whoever has only the UI can say for each batch what moved, whether and why it trained and was promoted; and the
figures that the pages show are those that RAW and CLEAN give when they are computed anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psycopg
import pytest
import streamlit as st
from numpy.typing import NDArray
from streamlit.testing.v1 import AppTest

from relevo_contract import names
from relevo_contract.median_error import median_error, percentage_errors
from relevo_contract.names import MODEL
from relevo_contract.profile import Profile
from relevo_contract.record import DecisionRecord
from relevo_jobs.registry import Registry
from relevo_jobs.scoring import Scorer
from relevo_jobs.stores.clean import CleanStore
from relevo_ui import column_charts, comparison
from relevo_ui.mlflow_records import MlflowRecords
from tests.houses import HOUSES, LISTINGS
from tests.ui.loop import BATCHES, Loop
from tests.ui.test_pages import page, shown
from tests.ui.words import EN

pytestmark = pytest.mark.timeout(900)
GROUP = 6


@dataclass
class Stores:
    """RAW, CLEAN and the versions, as the steps read them."""

    raw: psycopg.Connection
    clean: CleanStore
    clean_sql: psycopg.Connection
    registry: Registry
    folder: Path
    runs: Mapping[int, str]
    """By version."""

    def predicted(self, version: int, rows: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
        """What a version says of rows."""
        folder = self.folder / str(version)
        if not folder.exists():
            folder.mkdir()
            self.registry.download(self.runs[version], [*Scorer.FILES, names.PROFILE_FILE], folder)
        return Scorer(folder).predict(rows)

    def trained_on(self, version: int) -> set[int]:
        profile = (self.folder / str(version) / names.PROFILE_FILE).read_bytes()
        return set(Profile.model_validate_json(profile).batches)


@pytest.fixture
def stores(loop: Loop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stores]:
    env = loop.system.env
    for key, value in env.items():
        if key.startswith(("PG", "RELEVO_", "MLFLOW_", "AWS_")):
            monkeypatch.setenv(key, value)
    monkeypatch.setenv("RELEVO_API_URL", loop.api.url)
    monkeypatch.setenv("RELEVO_TIMEOUT", "20")
    st.cache_data.clear()
    versions = MlflowRecords(loop.mlflow_url, MODEL, timeout=20).versions()
    with psycopg.connect(env["RELEVO_RAW_URL"]) as raw, psycopg.connect(env["RELEVO_CLEAN_URL"]) as clean:
        yield Stores(
            raw,
            CleanStore(env["RELEVO_CLEAN_URL"], GROUP, LISTINGS),
            clean,
            Registry(loop.mlflow_url, MODEL),
            tmp_path,
            {v.number: v.run_id for v in versions},
        )


@pytest.fixture
def records(stores: Stores, loop: Loop) -> dict[int, DecisionRecord]:
    """Each batch's whole record."""
    mlflow = MlflowRecords(loop.mlflow_url, MODEL, timeout=20)
    found = [mlflow.record(run) for run in mlflow.batches()]
    return {record.batch.number: record for record in found if record is not None}


def lines(app: AppTest) -> dict[int, dict[str, Any]]:
    """The page's first table, by batch."""
    assert not app.exception, app.exception
    table: pd.DataFrame = app.dataframe[0].value
    return {int(row["Batch"]): {str(name): value for name, value in row.items()} for row in table.to_dict("records")}


def test_rows_origins_and_rejections_are_those_of_raw_and_clean(stores: Stores) -> None:
    told = lines(page("data").run())
    assert sorted(told) == list(range(1, BATCHES + 1))
    for number, line in told.items():
        (rows, sha256) = stores.raw.execute(
            "select count(*), min(b.body_sha256) from raw.batches b join raw.listings l using (batch_id)"
            " where b.group_number = %s and b.batch_number = %s",
            (GROUP, number),
        ).fetchone() or (0, "")
        clean = stores.clean.columns([number])
        rejected = stores.clean_sql.execute(
            "select reason, count(*) from clean.rejections where batch_number = %s group by 1 order by 2 desc, 1",
            (number,),
        ).fetchall()
        kept = len(clean["price"])
        assert (line["RAW rows"], line["CLEAN rows"], line["Left out"]) == (rows, kept, rows - kept)
        assert line["SHA-256 of the body"] == sha256
        assert sum(count for _, count in rejected) == rows - kept
        assert [int(n) for n in re.findall(r"(?:^|; )(\d+): ", line["Why left out"])] == [n for _, n in rejected]
        states = pd.Series(clean["state"]).value_counts()
        assert line["Origin"].startswith(f"{states.index[0]} {100 * states.iloc[0] / kept:.0f} %")


def judged_rows(stores: Stores, record: DecisionRecord) -> dict[str, NDArray[Any]]:
    """The rows that were judged: the batch's, with those of small ones before it that waited for it."""
    assert record.decision.error is not None
    number = record.batch.number
    for first in range(number, 0, -1):
        rows = stores.clean.columns(list(range(first, number + 1)))
        if len(rows["price"]) == record.decision.error.rows:
            return rows
    raise AssertionError(f"no batches up to {number} have {record.decision.error.rows} rows")


def opened(number: int) -> str:
    """What a batch's page says."""
    app = page("history")
    app.query_params["batch"] = str(number)
    return shown(app.run()).replace("\\", "")


def test_the_errors_shown_are_those_of_the_models_on_clean(stores: Stores, records: dict[int, DecisionRecord]) -> None:
    for number, record in records.items():
        said = opened(number)
        if record.decision.error is not None:
            assert record.champion_version is not None
            rows = judged_rows(stores, record)
            predicted = stores.predicted(record.champion_version, rows)
            now = median_error(percentage_errors(np.log(rows["price"]), predicted), HOUSES.identity_of(rows))
            assert f"ersion {record.champion_version} errs by {EN.estimate(now)} here, promised " in said
        judged = record.promotion
        if judged is None:
            assert "Who was better" not in said
            continue
        assert record.training is not None
        challenger = judged.challenger_version
        batches = list(record.training.batches)
        if judged.champion_version is not None:
            stores.predicted(judged.champion_version, stores.clean.columns([1], holdout=True))
            new = [n for n in batches if n not in stores.trained_on(judged.champion_version)]
            if len(stores.clean.columns(new, holdout=True)["price"]) >= 30:
                batches = new
        rows = stores.clean.columns(batches, holdout=True)
        price, identity = np.log(rows["price"]), HOUSES.identity_of(rows)
        error = median_error(percentage_errors(price, stores.predicted(challenger, rows)), identity)
        if judged.champion_version is None:
            median = np.median(stores.clean.columns(record.training.batches, holdout=False)["price"])
            champion = median_error(percentage_errors(price, np.full(len(price), np.log(median))), identity)
        else:
            told_of = stores.predicted(judged.champion_version, rows)
            champion = median_error(percentage_errors(price, told_of), identity)
        assert f"on {EN.count('row', len(price))} held out: median error {EN.estimate(error)} against" in said
        assert f"against {EN.estimate(champion)}; " in said


def test_any_two_versions_are_compared_on_rows_of_clean(stores: Stores, loop: Loop) -> None:
    mlflow = MlflowRecords(loop.mlflow_url, MODEL, timeout=20)
    older, newer = min(stores.runs), max(stores.runs)
    assert older < newer
    common = comparison.common(mlflow.holdout(older), mlflow.holdout(newer))
    assert common is not None
    shared = comparison.shared(common, LISTINGS.predicts)
    rows = stores.clean.columns(shared.batches, holdout=True)
    price = np.log(rows["price"])
    if len(price) == shared.rows:  # no batch holds more than is kept of it
        for version, told in ((older, shared.older), (newer, shared.newer)):
            expected = median_error(percentage_errors(price, stores.predicted(version, rows)))
            assert told.value == pytest.approx(expected.value, abs=2e-4)


def test_what_moved_is_shown_by_counts_of_clean(stores: Stores, records: dict[int, DecisionRecord]) -> None:
    compared = 0
    for record in records.values():
        if record.decision.error is None:
            continue
        rows = judged_rows(stores, record)
        for one in record.decision.columns:
            kept = one.distribution
            assert kept is not None
            values = rows[one.column]
            missing = pd.isna(values)
            assert one.missing_now == pytest.approx(missing.mean())
            assert sum(kept.now) == (~missing).sum()
            if one.column in ("price", "house_size"):
                there = values[~missing].astype(float)
                assert kept.now[0] == (there < kept.edges[0]).sum()
                assert kept.now[-1] == (there >= kept.edges[-1]).sum()
            compared += 1
    assert compared > 50


def test_each_batch_can_be_told_from_the_pages_alone(stores: Stores, records: dict[int, DecisionRecord]) -> None:
    assert f"{BATCHES} batches" in shown(page("overview").run())
    for number, record in records.items():
        said = opened(number)
        assert f"{record.batch.rows:,} rows came, {record.batch.kept:,} were kept" in said
        assert record.decision.sentence[1:40] in said
        assert ("No training" if not record.decision.train else "Trained:") in said
        if record.promotion is not None:
            went = "went to production" if record.promotion.promoted else "was rejected"
            assert f"Version {record.promotion.challenger_version} {went}" in said
            assert f"Criterion `{record.promotion.criterion}`" in said
            served = f"Version {record.promotion.challenger_version} was promoted on"
            assert (served in said) == record.promotion.promoted
        if record.decision.new_places:
            assert f"of its rows lie in {record.decision.new_places[0]}" in said
        for one in column_charts.largest_first(record.decision.columns)[:3]:
            if one.moved and one.new_categories:
                assert f"never seen: {EN.category(one.column, one.new_categories[0])}" in said
        assert "Nothing failed." in said
    last = records[BATCHES]
    assert last.decision.live is not None, "rows were asked for before the last batch"
    app = page("data")
    app.query_params["show"] = "live"
    assert "rows asked for, from" in shown(app.run())
