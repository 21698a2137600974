"""`relevo-job prepare` on real servers: what is missing is made, once; who may not is told what to do."""

from __future__ import annotations

import json
import secrets
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import psycopg
import pytest

from relevo_demo.servers import S3Server
from relevo_jobs.collect import step as collect
from relevo_jobs.errors import SettingsError, Unavailable
from relevo_jobs.prepare import step
from relevo_jobs.settings import CollectSettings, PrepareSettings
from relevo_jobs.stores import clean, raw
from relevo_jobs.stores.bucket import PROOF, Bucket
from relevo_jobs.stores.postgres import Schema, bring_up_to_date
from relevo_serving.storing.keeping import RequestIds, line, version_fields
from relevo_serving.storing.store import InferenceStore
from tests.conftest import Databases
from tests.gate import Gate
from tests.houses import HOUSES, LISTINGS
from tests.jobs.holdings import query
from tests.jobs.scripted_source import Script
from tests.killing import base_env, finish, run_killed, run_step, start_step

Env = dict[str, str]


@pytest.fixture
def env(databases: Databases, s3: S3Server, bucket: str, tmp_path: Path) -> Env:
    return {
        **base_env(),
        **databases.env,
        **s3.env,
        "RELEVO_RAW_URL": databases.raw_url,
        "RELEVO_CLEAN_URL": databases.clean_url,
        "RELEVO_BUCKET": bucket,
        "RELEVO_S3_ENDPOINT_URL": s3.url,
        "RELEVO_TERMINATION_LOG": str(tmp_path / "termination-log"),
        "RELEVO_WAIT": "60",
    }


@pytest.fixture
def settings(env: Env, databases: Databases, s3: S3Server, bucket: str) -> PrepareSettings:
    """The same, for a run in this process; it waits for nothing."""
    return PrepareSettings(
        raw_url=databases.raw_url, clean_url=databases.clean_url, bucket=bucket, s3_endpoint_url=s3.url, wait=0
    )


def assert_prepared(databases: Databases, s3: S3Server, bucket: str) -> None:
    assert query(databases.raw_url, "select max(version) from raw.schema_versions") == [
        (len(raw.schema(LISTINGS).migrations),)
    ]
    assert query(databases.clean_url, "select max(version) from clean.schema_versions") == [
        (len(clean.schema(LISTINGS).migrations),)
    ]
    client = boto3.client("s3", endpoint_url=s3.url, region_name="us-east-1")
    assert [entry["Key"] for entry in client.list_objects_v2(Bucket=bucket)["Contents"]] == [PROOF]


def serving_login(databases: Databases, password: str) -> tuple[str, str]:
    """A login of this test's own, and the address with it."""
    name = f"serving_{secrets.token_hex(4)}"
    parts = urlsplit(databases.raw_url)
    return name, parts._replace(netloc=f"{name}:{password}@{parts.hostname}:{parts.port}").geturl()


def test_the_inference_api_may_add_what_it_was_asked_and_read_nothing(
    settings: PrepareSettings, databases: Databases
) -> None:
    name, url = serving_login(databases, "one")
    try:
        told = step.run(settings.model_copy(update={"serving_url": url}), HOUSES)
        assert name in told.sentence
        url = url.replace(":one@", ":two@")  # another password
        step.run(settings.model_copy(update={"serving_url": url}), HOUSES)
        now = time.time_ns() // 1000
        of = version_fields("house-prices", 1, "run")
        told_price = b'[{"price":1.5,"low":1.0,"high":2.0,"unseen":[],"missing":[]}]'
        store, record = InferenceStore(url), line(RequestIds().at(now), now, of, b'[{"city":"San Juan"}]', told_price)
        assert store.deliver(uuid.uuid4(), 0, record) == (len(record), 1)
        store.close()
        assert query(databases.raw_url, "select city from raw.inferences") == [("San Juan",)]
        for refused in (
            "select segment from raw.inference_spools",
            "update raw.inference_spools set bytes = 1000000000",
            "insert into raw.inference_spools (segment) values (gen_random_uuid())",
            "delete from raw.inference_spools",
            "select * from raw.inferences",
            "delete from raw.inferences",
            "update raw.inferences set prediction = 0",
            "select * from raw.listings",
            "insert into raw.in_flight (group_number) values (1)",
            "create table raw.mine (x int)",
            "create table public.mine (x int)",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                query(url, refused)
        ((hashed,),) = query(databases.raw_url, f"select rolpassword from pg_authid where rolname = '{name}'")
        assert hashed.startswith("SCRAM-SHA-256$")
    finally:
        query(databases.raw_url, f"drop owned by {name}; drop role {name}")


def test_pods_of_the_release_before_deliver_until_they_are_replaced(
    settings: PrepareSettings, databases: Databases
) -> None:
    """They write to the table itself, which shows nothing any more a day after the upgrade."""
    name, url = serving_login(databases, "one")
    before = Schema("raw", raw.VARIABLE, raw.schema(LISTINGS).migrations[:3])
    noted = "update raw.inference_spools set bytes = bytes + 1 returning bytes"
    try:
        bring_up_to_date(databases.raw_url, before)
        query(databases.raw_url, f"create role {name} login password 'one'; grant usage on schema raw to {name}")
        query(databases.raw_url, f"grant insert on raw.inferences to {name}")
        query(databases.raw_url, f"grant select, insert, update on raw.inference_spools to {name}")
        query(url, "insert into raw.inference_spools (segment) values (gen_random_uuid())")
        bring_up_to_date(databases.raw_url, raw.schema(LISTINGS))
        assert query(url, noted) == [(1,)]
        assert query(url, "select raw.open_spool(gen_random_uuid())") == [(0,)], (
            "a login of one's own has the new right"
        )
        ((until,),) = query(databases.raw_url, "select qual from pg_policies where tablename = 'inference_spools'")
        later = str(until).replace("now()", "now() + interval '1 day'")
        query(databases.raw_url, f"alter policy of_the_release_before on raw.inference_spools using ({later})")
        assert query(url, noted) == []
    finally:
        query(databases.raw_url, f"drop owned by {name}; drop role {name}")


@pytest.mark.parametrize(
    "url", ["postgresql://127.0.0.1/raw", "postgresql://u@127.0.0.1/raw", "postgresql://u:p@[/raw"]
)
def test_a_login_without_name_or_password_is_not_made(settings: PrepareSettings, url: str) -> None:
    with pytest.raises(SettingsError, match=r"RELEVO_SERVING_URL: expected an address with a user and a password"):
        step.run(settings.model_copy(update={"serving_url": url}), HOUSES)


def test_the_owner_is_not_the_inference_apis_login(settings: PrepareSettings, databases: Databases) -> None:
    parts = urlsplit(databases.raw_url)
    url = parts._replace(netloc=f"{parts.username}:x@{parts.hostname}:{parts.port}").geturl()
    with pytest.raises(SettingsError, match="expected a login of its own"):
        step.run(settings.model_copy(update={"serving_url": url}), HOUSES)


def test_what_is_missing_is_made_and_what_is_there_stays(
    env: Env, databases: Databases, s3: S3Server, bucket: str
) -> None:
    code, line, stderr = run_step("prepare", env)
    assert code == 0, stderr
    assert line["sentence"] == f"bucket {bucket} made; RAW at schema version 5 (new), CLEAN at schema version 2 (new)"
    assert (line["bucket_made"], line["raw_version"], line["clean_version"]) == (True, 5, 2)
    assert_prepared(databases, s3, bucket)
    code, line, _ = run_step("prepare", env)
    assert (code, line["status"], line["bucket_made"]) == (0, "done", False)  # 99 would fail the Job
    assert line["sentence"] == f"bucket {bucket} was there; RAW at schema version 5, CLEAN at schema version 2"
    assert_prepared(databases, s3, bucket)


def test_it_changes_nothing_of_a_loop_that_runs(
    settings: PrepareSettings, collect_settings: CollectSettings, source: Script
) -> None:
    collect.run(collect_settings, HOUSES)
    before = query(settings.raw_url, "select * from raw.batches")
    assert step.run(settings, HOUSES).details["bucket_made"] is False
    assert query(settings.raw_url, "select * from raw.batches") == before
    assert collect.run(collect_settings, HOUSES).batch == 2


@pytest.mark.parametrize(
    ("target", "call"),
    [
        ("relevo_jobs.stores.postgres:_migrate", 1),
        ("relevo_jobs.stores.postgres:_migrate", 2),
        ("relevo_jobs.stores.postgres:_version", 2),
        ("relevo_jobs.stores.bucket:Bucket._make", 1),
        ("relevo_jobs.stores.bucket:Bucket._write", 1),
    ],
)
def test_killed_and_run_again_it_comes_to_the_same(
    env: Env, databases: Databases, s3: S3Server, bucket: str, target: str, call: int
) -> None:
    run_killed("prepare", env, target, "after", call=call)
    assert run_step("prepare", env)[0] == 0
    assert_prepared(databases, s3, bucket)


def test_two_at_once(env: Env, databases: Databases, s3: S3Server, bucket: str) -> None:
    both = [start_step("prepare", env) for _ in range(2)]
    assert [finish(process)[0] for process in both] == [0, 0]
    assert_prepared(databases, s3, bucket)


@pytest.mark.parametrize("server", ["RAW", "CLEAN", "the bucket"])
def test_a_server_that_is_not_up_yet_is_waited_for(
    server: str, env: Env, databases: Databases, s3: S3Server, bucket: str
) -> None:
    name = {"RAW": "RELEVO_RAW_URL", "CLEAN": "RELEVO_CLEAN_URL", "the bucket": "RELEVO_S3_ENDPOINT_URL"}[server]
    port = int(env[name].rsplit(":", 1)[-1].split("/")[0])
    gate = Gate(port)
    gate.close()
    password = Path(env["PGPASSFILE"]).read_text().strip().rsplit(":", 1)[-1]  # the file names the true port
    process = start_step(
        "prepare", env | {name: env[name].replace(f":{port}", f":{gate.port}"), "PGPASSWORD": password}
    )
    try:
        assert process.stderr is not None
        waiting = next(line for line in process.stderr if "waiting for" in line)
        assert waiting.startswith(f"prepare: waiting for {server}, ")
        assert name in waiting
        gate.open()
        code, line, stderr = finish(process)
    finally:
        process.kill()
        gate.close()
    assert code == 0, stderr
    assert "made" in line["sentence"]
    assert_prepared(databases, s3, bucket)


@pytest.mark.parametrize(
    ("field", "away", "named"),
    [
        ("raw_url", "postgresql://relevo@127.0.0.1:1/raw", "RELEVO_RAW_URL"),
        ("clean_url", "postgresql://relevo@127.0.0.1:1/clean", "RELEVO_CLEAN_URL"),
        ("s3_endpoint_url", "http://127.0.0.1:1", "RELEVO_S3_ENDPOINT_URL"),
    ],
)
def test_a_server_that_does_not_come_is_told_when_the_time_is_up(
    settings: PrepareSettings, field: str, away: str, named: str
) -> None:
    with pytest.raises(Unavailable, match=rf"{named}.*run this step again; waited 0 s in all \(RELEVO_WAIT\)"):
        step.run(settings.model_copy(update={field: away}), HOUSES)


def test_a_wrong_password_is_told_at_once(settings: PrepareSettings) -> None:
    wrong = settings.clean_url.replace("relevo@", "relevo:secret-word@")
    with pytest.raises(SettingsError, match=r"RELEVO_CLEAN_URL.*PGPASSFILE") as caught:
        step.run(settings.model_copy(update={"clean_url": wrong, "wait": 300}), HOUSES)
    assert "secret-word" not in str(caught.value)


@pytest.fixture(scope="module")
def strict_s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """An S3 with an admin, whose bucket is `there`, and with keys that may only write to it or only read."""
    server = S3Server(tmp_path_factory.mktemp("strict-s3"))
    rights = {
        "admin": ["Admin", "Read", "Write", "List"],
        "writer": ["Write:there"],
        "lister": ["Write:there", "Read", "List"],
        "reader": ["Read", "List"],
    }
    identities = [
        {"name": name, "credentials": [{"accessKey": name, "secretKey": secrets.token_hex(8)}], "actions": actions}
        for name, actions in rights.items()
    ]
    server.identities.write_text(json.dumps({"identities": identities}))
    with server:
        server.create_bucket("there")
        yield server


@pytest.fixture
def as_user(
    settings: PrepareSettings, strict_s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str, str], PrepareSettings]:
    """The settings of one user of that S3, for a bucket."""

    def use(user: str, bucket: str) -> PrepareSettings:
        identities = json.loads(strict_s3.identities.read_text())["identities"]
        keys: dict[str, str] = next((i["credentials"][0] for i in identities if i["name"] == user), {})
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys.get("accessKey", "nobody"))
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys.get("secretKey", "guessed"))
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
        return settings.model_copy(update={"bucket": bucket, "s3_endpoint_url": strict_s3.url})

    return use


def test_keys_that_may_only_write_to_a_bucket_that_is_there_are_enough(
    as_user: Callable[[str, str], PrepareSettings],
) -> None:
    assert step.run(as_user("writer", "there"), HOUSES).details["bucket_made"] is False


@pytest.mark.parametrize(
    ("user", "bucket", "advice"),
    [
        (
            "lister",
            "missing",
            "refused bucket missing.*the bucket is missing: make it there, or give AWS_ACCESS_KEY_ID",
        ),
        ("writer", "missing", "refused bucket missing.*AWS_ACCESS_KEY_ID needs the right to write there"),
        ("reader", "there", "refused bucket there.*AWS_ACCESS_KEY_ID needs the right to write there"),
        ("nobody", "there", "refused bucket there.*AWS_ACCESS_KEY_ID"),
    ],
    ids=["may not make it", "may not even ask whether it is there", "may not write", "unknown keys"],
)
def test_keys_without_rights_are_told_at_once_what_to_do(
    as_user: Callable[[str, str], PrepareSettings], user: str, bucket: str, advice: str
) -> None:
    with pytest.raises(SettingsError, match=advice):
        step.run(as_user(user, bucket).model_copy(update={"wait": 300}), HOUSES)


def test_a_bucket_that_somebody_else_makes_meanwhile_is_taken_as_it_is(
    settings: PrepareSettings, s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made_meanwhile(_: Bucket) -> bool:
        s3.create_bucket(settings.bucket)
        return True

    monkeypatch.setattr(Bucket, "_is_missing", made_meanwhile)
    assert step.run(settings, HOUSES).details["bucket_made"] is False
