"""A second use case beside the first, on its servers: it goes through the loop, then its columns change by an upgrade.

The tests stand in order of time, and come after those that watch the first alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import yaml
from mlflow.tracking import MlflowClient

from tests.e2e.whole.airflow import Airflow
from tests.e2e.whole.conftest import BATCHES
from tests.e2e.whole.release import MODEL, NAME, Release, helm
from tests.e2e.whole.repository import ROOT
from tests.e2e.whole.test_whole import DONE, LOOP, RESTING, UNTRAINED, wait_runs
from use_cases import packaged_data

GUEST, LOANS = "loans", "lending-club"
"""The guest's release, and its use case."""
FIRST_ROWS = 8_000
"""Of the loans, those of the first batch: enough bad ones among them for a version to be promoted."""
ADDED, REMOVED, RETYPED = "all_util", "revol_util", "inq_last_6mths"
"""Columns that the use case's second text has more, has no more, and has as a category that was a number."""
LOAN = {"funded_amnt": 16100, "int_rate": 13.99, "addr_state": "CT", REMOVED: 67.4, RETYPED: 2}


@dataclass(frozen=True)
class Guest:
    """The release of the loans."""

    release: Release
    airflow: Airflow
    lines: list[str]
    """The loans as CSV, the columns' names first."""

    def upgrade(self, use_case: Path) -> None:
        """Install it with a use case, or upgrade it."""
        volume = json.dumps({"configMap": {"name": LOANS}})
        helm(
            "upgrade", "--install", GUEST, str(ROOT / "charts" / "relevo"), "-n", self.release.namespace.name,
            "--set", f"platform={NAME},image.tag=dev,serving.replicas=1,serving.pollInterval=5s",
            "--set-json", f"source.volume={volume}", "--set-file", f"useCase={use_case}", "--timeout", "110s",
        )  # fmt: skip

    def files(self, **rows: list[str]) -> None:
        """What the source's folder has: a file of each name with these rows."""
        data = {f"{name}.csv": "".join([self.lines[0], *some]) for name, some in rows.items()}
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": LOANS}, "data": data}
        self.release.namespace.delete(f"configmap/{LOANS}")
        self.release.namespace.kubectl("create", "-f", "-", stdin=json.dumps(body))  # too large for apply's annotation

    def ask(self) -> dict[str, Any]:
        """What the inference API answers for a loan."""
        with self.release.namespace.port_forward(f"svc/{LOANS}", 8000) as port:
            asked = {"instances": [LOAN]}
            answer = httpx.post(f"http://127.0.0.1:{port}/predict", json=asked, timeout=30).raise_for_status()
        (found,) = answer.json()["predictions"]
        return {"version": answer.json()["model"]["version"], **found}

    def status(self) -> dict[str, Any]:
        """Its ModelDeployment's."""
        found: dict[str, Any] = self.release.namespace.get(f"modeldeployment/{LOANS}").get("status") or {}
        return found

    def values(self, database: str, statement: str) -> list[Any]:
        """A column of RAW or CLEAN."""
        with self.release.database(database, GUEST) as connection:
            return [value for (value,) in connection.execute(statement.encode()).fetchall()]


def written(folder: Path, *, second: bool) -> Path:
    """The loans' use case, of one folder in the cluster and a file a batch; or its second text."""
    body = yaml.safe_load((packaged_data.HERE / LOANS / "use_case.yaml").read_text())
    body["source"] = {"files": {"path": "/loans", "pattern": "*.csv"}}
    if second:
        body["columns"][REMOVED] = {"role": "ignored"}
        body["columns"][RETYPED] = "category"
    else:
        del body["columns"][ADDED]
    file = folder / f"use_case_{'second' if second else 'first'}.yaml"
    file.write_text(yaml.safe_dump(body, sort_keys=False))
    return file


def everything(release: Release) -> dict[str, Any]:
    """Of the first use case, what the guest must leave alone."""
    found: dict[str, Any] = {}
    for database, tables in (("raw", ("batches", "listings")), ("clean", ("batches", "listings", "rejections"))):
        with release.database(database) as connection:
            for table in tables:
                digest = f"select count(*), sum(hashtext(t::text)) from {database}.{table} t"
                found[f"{database}.{table}"] = connection.execute(digest.encode()).fetchone()
    versions = MlflowClient(release.mlflow).search_model_versions(f"name='{MODEL}'")
    found["versions"] = sorted((one.version, one.run_id, sorted(one.tags.items())) for one in versions)
    found["served"] = release.status()["servedVersion"]
    return found


def refusal(address: str) -> str | None:
    """What PostgreSQL says to who connects; None while the way there is broken, as it is after each refusal."""
    try:
        psycopg.connect(address, connect_timeout=10).close()
    except psycopg.OperationalError as error:
        return None if re.search("closed the connection|Connection refused", str(error)) else str(error)
    return "welcome"


@pytest.fixture(scope="module")
def before(release: Release) -> dict[str, Any]:
    """What the first use case has once it rests."""
    release.namespace.until(lambda: release.status().get("servedVersion"), timeout=LOOP, pause=1)
    wait_runs(release, BATCHES + 1)
    return everything(release)


@pytest.fixture(scope="module")
def guest(release: Release, before: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    """The platform is told of the guest, which is then installed."""
    lines = packaged_data.write(LOANS).read_text().splitlines(keepends=True)
    found = Guest(release, release.airflow_of(LOANS), lines)

    def named(values: Any) -> None:
        values["guests"] = [{"release": GUEST, "name": LOANS}]

    revision = release.change(named, "Loans, too")
    found.files(a=lines[1 : 1 + FIRST_ROWS])
    release.namespace.until(lambda: release.namespace.get(f"secret/{GUEST}-clean"), timeout=180)
    found.upgrade(written(tmp_path_factory.mktemp("first"), second=False))
    release.namespace.until(lambda: release.synced(revision), timeout=300, pause=1)
    yield found
    helm("uninstall", GUEST, "-n", release.namespace.name, "--wait=false")


def test_a_guest_goes_through_the_loop_on_the_servers_of_the_first(guest: Guest) -> None:
    runs = wait_runs(guest.release, 2, airflow=guest.airflow)
    assert [(run.state, run.tasks) for run in runs] == [("success", DONE), ("success", RESTING)]
    assert "better than always saying the base rate" in guest.airflow.sentence(runs[0].id, "promote")
    guest.release.namespace.until(lambda: guest.status().get("servedVersion") == 1, timeout=180)
    guest.release.namespace.wait("condition=Ready", f"modeldeployment/{LOANS}")
    answered = guest.ask()
    assert answered["version"] == 1
    assert 0 < answered["prediction"] < 1
    assert guest.values("raw", "select row_count from raw.batches") == [FIRST_ROWS]


def test_the_list_of_modeldeployments_tells_both(guest: Guest) -> None:
    lines = guest.release.namespace.kubectl("get", "modeldeployments", "-o", "wide", "--no-headers").splitlines()
    told = {line.split()[0]: line.split()[1:6] for line in lines}
    served = {MODEL: guest.release.status()["servedVersion"], LOANS: 1}
    assert told == {name: [name, "production", str(number), "True", "Serving"] for name, number in served.items()}


def test_no_login_reaches_another_use_cases_rows(guest: Guest) -> None:
    release = guest.release
    for server in ("raw", "clean"):
        ours, theirs = release.address(server), release.address(server, GUEST)
        for login, other in ((theirs, ours), (ours, theirs)):
            there = f"{login.rsplit('/', 1)[0]}/{other.rsplit('/', 1)[1]}"
            said = release.namespace.until(partial(refusal, there), timeout=60)
            assert re.search("rejects connection|permission denied", said), said
    serving = release.address("raw", GUEST, f"{GUEST}-raw-serving")
    with psycopg.connect(serving) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("select * from raw.inferences")


def test_columns_come_go_and_change_their_type_by_an_upgrade(guest: Guest, tmp_path: Path) -> None:
    column = f"select {RETYPED} from raw.{LOANS.replace('-', '_')} order by batch_id, row_number"
    came, asked = guest.values("raw", column), guest.ask()
    guest.upgrade(written(tmp_path, second=True))
    clean = "clean.lending_club where batch_number = 1"
    kept = f"select {RETYPED}::text from {clean} order by row_number"
    numbers = f"select row_number from {clean} order by row_number"
    # prepare derives CLEAN anew; it is a Job of this use case's own.
    typed = (
        f"select data_type from information_schema.columns where table_schema = 'clean' and column_name = '{RETYPED}'"
    )
    guest.release.namespace.until(lambda: guest.values("clean", typed) == ["text"], timeout=180, pause=1)
    assert guest.values("clean", kept) == [came[number] for number in guest.values("clean", numbers)]
    assert guest.values("raw", column) == came, "RAW is never changed"
    assert guest.values("raw", f"select count({REMOVED}) from raw.lending_club")[0] > 0.9 * FIRST_ROWS
    assert guest.values("clean", f"select count({ADDED}) from {clean}") == [0]
    assert guest.ask() == asked, "the version trained before serves on"
    inferences = f"select {RETYPED}, {REMOVED} from raw.inferences"
    with guest.release.database("raw", GUEST) as raw:
        guest.release.namespace.until(lambda: len(raw.execute(inferences.encode()).fetchall()) == 3)
        assert {float(value) for value, _ in raw.execute(inferences.encode()).fetchall()} == {2.0}


def test_the_next_decision_says_what_changed(guest: Guest) -> None:
    guest.files(a=guest.lines[1 : 1 + FIRST_ROWS], b=guest.lines[1 + FIRST_ROWS :])
    guest.airflow.trigger()
    runs = wait_runs(guest.release, 4, airflow=guest.airflow)
    assert [run.state for run in runs] == ["success"] * 4
    assert runs[2].tasks in (DONE, UNTRAINED)
    said = guest.airflow.sentence(runs[2].id, "decide")
    for told in (f"added: {ADDED}", f"taken out: {REMOVED}", f"of another type: {RETYPED} (a number, now a text)"):
        assert told in said
    assert guest.values("clean", f"select count({ADDED}) > 1000 from clean.lending_club where batch_number = 2") == [
        True
    ]


def test_the_first_use_case_is_untouched(guest: Guest, before: dict[str, Any]) -> None:
    assert everything(guest.release) == before
    assert len(guest.release.airflow.runs()) > 0
