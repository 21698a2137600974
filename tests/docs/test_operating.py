"""docs/operating.md's backup and restore, typed as they stand there, on real servers of this machine.

A backup is made while the loop goes on, everything is destroyed, new servers get it back, and the loop goes on.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import boto3
import psycopg
import pytest
from mlflow.tracking import MlflowClient

from relevo_contract import names
from relevo_demo.servers.postgres import USER
from relevo_demo.source.__main__ import prepare
from tests.docs.commands import ROOT, Command, typed
from tests.docs.site import BUCKET, DATABASES, Site, installed
from tests.jobs import scripted_source

pytestmark = pytest.mark.timeout(900)

PAGE = "docs/operating.md"
BUCKETS_POD = (
    typed("kubectl create job relevo-backup", PAGE),
    typed("kubectl wait job/relevo-backup", PAGE),
)
BUCKETS_POD_GONE = typed("kubectl delete job relevo-backup", PAGE)
SAVING = (
    typed("mkdir -p backup", PAGE),
    typed("for database in metadata airflow-db clean raw; do\n  kubectl exec -n", PAGE),
    *BUCKETS_POD,
    typed("kubectl exec -n relevo job/relevo-backup", PAGE),
    BUCKETS_POD_GONE,
)
LOOKING = (typed("for dump in backup/*.dump", PAGE), typed("tar -tf backup/bucket.tar", PAGE))
STOPPING = (
    typed("kubectl scale -n relevo --replicas=0 statefulset/relevo-scheduler", PAGE),
    typed('kubectl wait -n relevo --for=delete pod -l "app.kubernetes.io/component in', PAGE),
    typed("kubectl delete pods -n relevo -l app.kubernetes.io/component=step", PAGE),
)
BUCKET_BACK = typed("kubectl exec -i -n relevo job/relevo-backup", PAGE)
NO_MLFLOW = (
    typed("kubectl scale -n relevo --replicas=0 deployment/relevo-mlflow", PAGE),
    typed("kubectl wait -n relevo --for=delete pod -l app.kubernetes.io/component=mlflow", PAGE),
)
DATABASES_BACK = typed("for database in metadata airflow-db clean raw; do\n  kubectl exec -i", PAGE)
UNACCOUNTED = typed("kubectl exec -n relevo relevo-raw-0", PAGE)
STARTING = (
    typed("kubectl scale -n relevo --replicas=1 deployment/relevo-mlflow", PAGE),
    typed("kubectl scale -n relevo --replicas=1 statefulset/relevo-scheduler", PAGE),
    typed("kubectl wait -n relevo --for=condition=Available deployment/relevo-mlflow --timeout=10m", PAGE),
    typed("kubectl rollout restart -n relevo deployment/house-prices", PAGE),
)
ROWS = (500, 500, 40, 40)
"""Of each batch: two that may be trained for, and two that are too small, for a training takes most of the time."""
BATCHES = len(ROWS)


def type_in(command: Command, site: Site, folder: Path) -> str:
    """Type a command beside the folder `backup`; what it printed."""
    charts = folder / "charts"
    if not charts.exists():
        charts.symlink_to(ROOT / "charts")
    ended = command.run(site.typing(folder), folder, timeout=300)
    assert ended.returncode == 0, f"{command.text}\n{ended.stdout}{ended.stderr}"
    return ended.stdout


def rows(site: Site, database: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(site.postgres.url(database), passfile=str(site.postgres.passfile)) as connection:
        return connection.execute(query).fetchall()


def batches(site: Site) -> list[tuple[Any, ...]]:
    return rows(site, "raw", "select batch_number, row_count, body_sha256, body_key from raw.batches order by 1")


def cleaned(site: Site) -> list[tuple[Any, ...]]:
    return rows(site, "clean", "select * from clean.listings order by batch_number, row_number")


def production(site: Site) -> tuple[int, str]:
    """Number and run of the version in production."""
    found = MlflowClient(site.mlflow.url).get_model_version_by_alias(names.MODEL, names.ALIAS)
    return int(found.version), str(found.run_id)


def objects(site: Site) -> dict[str, str]:
    env = site.s3.env
    client = boto3.client(
        "s3",
        endpoint_url=site.s3.url,
        aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
        region_name=env["AWS_DEFAULT_REGION"],
    )
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    return {one["Key"]: one["ETag"] for page in pages for one in page.get("Contents", [])}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("operating")


@pytest.fixture(scope="module")
def source() -> Iterator[str]:
    """A source that outlives the servers, and does not give twice what it gave."""
    dealt = [[json.loads(row) for row in prepare(None, BATCHES, 0)[place][:rows]] for place, rows in enumerate(ROWS)]
    with scripted_source.serving(
        [scripted_source.body(number, rows) for number, rows in enumerate(dealt, 1)]
    ) as script:
        yield script.url


@pytest.fixture(scope="module")
def lost(folder: Path, source: str) -> dict[str, Any]:
    """What there was in the servers that were saved, gone by now: two batches when the backup began, a third that went
    through while it was made, and the fourth after it."""
    with installed(folder / "first", source) as site:
        site.batch()
        site.batch()
        with psycopg.connect(
            site.postgres.url("airflow"), passfile=str(site.postgres.passfile), autocommit=True
        ) as airflow:
            airflow.execute("create table dag_run as select 'manual__1' as run_id")
        found: dict[str, Any] = {"production": production(site)}
        # The third batch goes through just after the first dump, which does not know it.
        site.before = {"relevo-airflow-db-0": site.steps("collect", "clean", "decide", "train", "promote")}
        for command in SAVING:
            type_in(command, site, folder)
        site.before = {}
        for command in LOOKING:
            assert "is whole" in type_in(command, site, folder)
        found |= {"batches": batches(site), "cleaned": cleaned(site), "objects": objects(site)}
        assert len(found["batches"]) == BATCHES - 1
        found["fourth"] = site.batch()
        assert site.step("collect")["status"] == "nothing", "the source gave all it has"
    shutil.rmtree(folder / "first")
    return found


@pytest.fixture(scope="module")
def site(folder: Path, source: str, lost: dict[str, Any]) -> Iterator[Site]:
    """New servers, with other passwords and a decision of their own, to which the backup was restored."""
    with ExitStack() as stack:
        site = stack.enter_context(installed(folder / "second", source))
        for step in ("collect", "clean", "decide"):
            site.step(step)
        for command in (*STOPPING, *BUCKETS_POD, BUCKET_BACK, BUCKETS_POD_GONE):
            type_in(command, site, folder)
        for command in NO_MLFLOW:
            type_in(command, site, folder)
        site.mlflow.stop()
        type_in(DATABASES_BACK, site, folder)
        type_in(UNACCOUNTED, site, folder)
        site.mlflow.start().wait()
        for command in STARTING:
            type_in(command, site, folder)
        yield site


def test_what_was_saved_is_back(site: Site, lost: dict[str, Any]) -> None:
    assert production(site) == lost["production"]
    assert batches(site) == lost["batches"]
    assert cleaned(site) == lost["cleaned"]
    assert rows(site, "airflow", "select run_id from dag_run") == [("manual__1",)]
    assert lost["objects"].items() <= objects(site).items()
    owners = rows(site, "raw", "select datname, pg_get_userbyid(datdba) from pg_database where datname <> 'postgres'")
    assert {owner for name, owner in owners if name in DATABASES.values()} == {USER}, "not the superuser who made them"


def test_the_inference_apis_login_may_do_what_it_could(site: Site) -> None:
    with psycopg.connect(site.serving_url) as connection:
        connection.execute("select raw.open_spool(gen_random_uuid())")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select * from raw.batches")
        connection.rollback()


def test_the_loop_goes_on_with_what_the_backup_did_not_know(site: Site, lost: dict[str, Any]) -> None:
    assert site.step("collect")["sha256"] == lost["fourth"]["collect"]["sha256"], "the source gives it again"
    assert site.step("clean")["batch"] == BATCHES
    decided = site.step("decide")
    if decided["status"] == "done":
        site.step("train")
        site.step("promote")
    client = MlflowClient(site.mlflow.url)
    experiment = client.get_experiment_by_name(names.MODEL)
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    assert sorted(run.data.tags[names.TAG_BATCH] for run in runs) == [str(number + 1) for number in range(BATCHES)]
    assert all(names.TAG_TRAIN in run.data.tags for run in runs)
    assert site.step("decide")["status"] == "nothing", "every batch is decided"
    assert site.step("collect")["status"] == "nothing"


def test_clean_is_derived_anew_from_raw(site: Site) -> None:
    before = cleaned(site)
    with psycopg.connect(site.postgres.url("clean"), passfile=str(site.postgres.passfile), autocommit=True) as clean:
        clean.execute("drop schema clean cascade")
    assert site.step("clean")["batch"] == BATCHES
    assert cleaned(site) == before
    assert site.step("decide")["status"] == "nothing"


def test_a_bucket_is_neither_saved_nor_loaded_without_its_name(site: Site, folder: Path) -> None:
    nameless = Command(PAGE, BUCKET_BACK.text.replace("load relevo", "load"))
    ended = nameless.run(site.typing(folder), folder)
    assert ended.returncode == 2
    assert "expected save or load, and a bucket's name" in ended.stderr


def test_a_backup_that_is_cut_off_is_not_called_whole(site: Site, folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "backup", tmp_path / "backup")
    for name in ("raw.dump", "bucket.tar"):
        with (tmp_path / "backup" / name).open("r+b") as file:
            file.truncate(file.seek(0, 2) // 2)
    said = [command.run(site.typing(folder), tmp_path).stdout for command in LOOKING]
    assert "backup/clean.dump is whole" in said[0]
    assert "raw.dump is whole" not in said[0]
    assert not said[1]
