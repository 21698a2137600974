"""charts/relevo with a use case of one's own. Needs helm, no cluster."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.docs.commands import ROOT
from tests.e2e.test_chart import CHART, environments, mounted, named, pods, rendered

HOUSE_PRICES = ROOT / "use_cases" / "house-prices" / "use_case.yaml"
LOANS: dict[str, Any] = {
    "name": "bad-loans",
    "source": {"http": {"url": "https://lake.example:8443/loans", "group": 3}},
    "target": {"column": "class", "task": "binary", "positive": "bad"},
    "columns": {"addr_state": {"type": "category", "role": "place"}, "int_rate": "number"},
}
SQL = {"sql": {"secret": "warehouse", "query": "select 1", "watermark": "id"}}
FOLDER, BUCKET = {"files": {"path": "/data/loans"}}, {"files": {"path": "s3://lake/loans/"}}
VOLUME = {"persistentVolumeClaim": {"claimName": "loans"}}


def text(**changes: Any) -> str:
    """The loans' use_case.yaml."""
    return yaml.safe_dump(LOANS | changes, sort_keys=False)


def loans(declared: dict[str, Any] | None = None, **values: Any) -> list[dict[str, Any]]:
    """The chart with them."""
    return rendered({"useCase": text(**({"source": declared} if declared else {}))} | values)


def told(use_case: str, **values: Any) -> str:
    """Why the chart is not installed with a use case."""
    with pytest.raises(pytest.fail.Exception) as failed:
        rendered({"useCase": use_case} | values)
    return str(failed.value)


def test_the_charts_own_use_case_is_house_prices() -> None:
    assert (CHART / "files" / "use_case.yaml").read_text() == HOUSE_PRICES.read_text()


@pytest.mark.parametrize(
    "use_case", [HOUSE_PRICES.read_text(), text(), "# ${X} $(Y) {{ .Values }} <b>'\"\t\n" + text()]
)
def test_whoever_reads_the_use_case_finds_the_text_as_it_was_given(tmp_path: Path, use_case: str) -> None:
    file = tmp_path / "use_case.yaml"
    file.write_text(use_case)
    url = [] if "bad-loans" in use_case else ["--set", "source.url=http://source.example"]
    objects = rendered({}, "--set-file", f"useCase={file}", *url)
    assert named(objects, "ConfigMap", "relevo-use-case")["data"] == {"use_case.yaml": use_case}
    reading = set()
    for name, labels, spec in pods(objects):
        if {"name": "use-case", "configMap": {"name": "relevo-use-case"}} not in spec["volumes"]:
            continue
        reading.add(labels.get("relevo.dev/step") or labels["app.kubernetes.io/component"])
        (mount,) = [one for one in spec["containers"][0]["volumeMounts"] if one["name"] == "use-case"]
        assert mount == {
            "name": "use-case", "mountPath": "/etc/relevo/use_case.yaml", "subPath": "use_case.yaml", "readOnly": True,
        }, f"{name}: a file alone, or it would hide the hooks that an image has beside it"  # fmt: skip
    assert reading == {"prepare", "collect", "clean", "decide", "train", "promote", "ui"}


def test_all_that_is_made_of_a_use_case_has_its_name() -> None:
    objects, env = loans(), environments(loans())
    deployment = named(objects, "ModelDeployment", "bad-loans")["spec"]
    assert (deployment["registry"]["model"], deployment["retraining"]["dag"]) == ("bad-loans", "bad-loans")
    assert env["relevo-mlflow/logins"]["RELEVO_MODELS"] == "bad-loans"
    assert {found["RELEVO_DAGS"] for found in env.values() if "RELEVO_DAGS" in found} == {"bad-loans"}
    assert {found["RELEVO_MODEL"] for found in env.values() if "RELEVO_MODEL" in found} == {"bad-loans"}
    assert env["relevo-ui/ui"]["RELEVO_API_URL"] == "http://bad-loans:8000"
    scheduler = named(objects, "StatefulSet", "relevo-scheduler")["spec"]["template"]["spec"]["containers"][0]
    assert "/etc/relevo/steps/bad-loans" in {one["mountPath"] for one in scheduler["volumeMounts"]}
    assert "house-prices" not in json.dumps([one for one in objects if one["kind"] != "CustomResourceDefinition"])
    assert "house-prices-2" in json.dumps(loans(model={"name": "house-prices-2"}))


def test_a_changed_use_case_rolls_what_has_read_it_and_nothing_else() -> None:
    before, after = loans(), rendered({"useCase": text(holdout={"share": 0.3})})

    def made(objects: list[dict[str, Any]], kind: str, name: str) -> set[str]:
        return {json.dumps(one) for one in objects if one["kind"] == kind and name in one["metadata"]["name"]}

    assert made(before, "Job", "relevo-prepare") != made(after, "Job", "relevo-prepare")
    assert made(before, "Deployment", "relevo-ui") != made(after, "Deployment", "relevo-ui")
    for kind, name in (("Deployment", "relevo-mlflow"), ("StatefulSet", "relevo-"), ("ModelDeployment", "bad-loans")):
        assert made(before, kind, name) == made(after, kind, name), name


@pytest.mark.parametrize(
    ("use_case", "says"),
    [
        ("a: [", "expected the text of a use_case.yaml"),
        ("- a\n- b\n", "expected the text of a use_case.yaml"),
        ("loans", "expected the text of a use_case.yaml"),
        ("# nothing\n", "expected name, it is missing"),
        *((text(**{key: None}), f"expected {key}, it is missing") for key in LOANS),
        *((text(**{key: "x"}), f"expected fields below {key}, got x") for key in ("source", "target", "columns")),
        (text(name="Bad Loans"), "got Bad Loans"),
        (text(name=7), "got 7"),
        (text(name="a" * 51), "expected a name of up to 50"),
        (text(source={"kafka": {}}), "expected one source, http, files or sql, with its fields, got none"),
        (text(source=LOANS["source"] | FOLDER), "got http and files"),
        (text(source={"sql": {"query": "select 1"}}), "expected secret in source.sql"),
        (text(source={"files": {"pattern": "*.csv"}}), "expected path in source.files"),
        (text(columns=LOANS["columns"] | {"*": "auto"}), "expected the type of every column, *: auto"),
        (text(columns={"a": {"type": "auto"}, "b": "number"}), "expected the type of every column, a: auto"),
        (text() + "#" * 900_000, "900"),
    ],
)  # fmt: skip
def test_what_can_be_seen_at_template_time_is_refused_there(tmp_path: Path, use_case: str, says: str) -> None:
    file = tmp_path / "use_case.yaml"  # an argument would be too long for the largest
    file.write_text(use_case)
    with pytest.raises(pytest.fail.Exception) as failed:
        rendered({}, "--set-file", f"useCase={file}")
    assert says in " ".join(str(failed.value).split())


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    junk=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda some: st.lists(some, max_size=3) | st.dictionaries(st.text(max_size=5), some, max_size=3),
        max_leaves=5,
    ),
    where=st.sampled_from(list(LOANS)),
)
def test_whatever_stands_in_a_field_it_is_taken_or_refused_in_a_sentence_of_ours(junk: Any, where: str) -> None:
    command = ["template", "relevo", str(CHART), "--namespace", "shop", "--kube-version", "1.34.0", "--set-json"]
    ended = subprocess.run(
        [shutil.which("helm") or "helm", *command, f"useCase={json.dumps(text(**{where: junk}))}"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == 0 or "expected" in ended.stderr, ended.stderr


def test_an_http_source_is_the_declared_one_and_collect_may_go_there() -> None:
    objects, found = loans(), environments(loans())["relevo-collect/base"]
    assert (found["RELEVO_SOURCE_URL"], found["RELEVO_GROUP"]) == ("https://lake.example:8443/loans", "3")
    assert "RELEVO_SOURCE_DAY" not in found, "its default is the steps'"
    assert "relevo-source" not in {one["metadata"]["name"] for one in objects}
    assert ports(objects, "collect") == {5432, 8333, 8443}


def ports(objects: list[dict[str, Any]], step: str) -> set[int]:
    """Where a step may go."""
    rules = named(objects, "NetworkPolicy", f"relevo-step-{step}")["spec"]["egress"]
    return {one["port"] for rule in rules for one in rule["ports"]} - {53}


def test_values_fill_what_is_not_declared_and_contradict_nothing() -> None:
    bare: dict[str, Any] = {"http": {}}
    values = {"url": "http://source.example", "group": 5, "day": "Monday"}
    found = environments(loans(bare, source=values))["relevo-collect/base"]
    assert [found[f"RELEVO_{name}"] for name in ("SOURCE_URL", "GROUP", "SOURCE_DAY")] == [*map(str, values.values())]
    assert "expected the address of your data source" in told(text(source=bare))
    assert "source.group: expected 3, which use_case.yaml declares" in told(text(), source={"group": 4})
    assert "source.group is an http source's" in told(text(source=BUCKET), source={"group": 4})
    with pytest.raises(pytest.fail.Exception, match="expected 6, which use_case"):
        rendered({"source": {"group": 7}})
    assert (
        environments(rendered({"source": {"group": 6, "day": "Wednesday"}}))["relevo-collect/base"]["RELEVO_GROUP"]
        == "6"
    )
    largest = {"http": {"url": "http://x", "group": 2**31 - 1}}
    assert environments(loans(largest))["relevo-train/base"]["RELEVO_GROUP"] == str(2**31 - 1)


def test_the_demos_server_is_for_house_prices_or_for_who_asks() -> None:
    asked = loans({"http": {}}, source={"demo": True})
    assert environments(asked)["relevo-collect/base"]["RELEVO_SOURCE_URL"] == "http://relevo-source:8000"
    assert named(asked, "Deployment", "relevo-source")
    assert "source.demo installs" in told(text(), source={"demo": True})
    assert "source.data is the demo's" in told(text(), source={"data": {"existingClaim": "a", "file": "b"}})


def test_collect_alone_is_given_the_login_of_a_sql_source() -> None:
    objects = loans(SQL)
    files = {pod for pod, found in mounted(objects).items() if ("warehouse", "url") in found.values()}
    assert files == {"relevo-collect/base"}
    assert environments(objects)["relevo-collect/base"]["RELEVO_SQL_URL_FILE"] == "/secrets/sql/url"
    assert "RELEVO_SOURCE_URL" not in environments(objects)["relevo-collect/base"]
    job = named(objects, "Job", "relevo-install")["spec"]["template"]["spec"]["containers"][0]
    required = next(one["value"] for one in job["env"] if one["name"] == "RELEVO_REQUIRED_SECRETS")
    assert json.loads(required) == {"warehouse": ["url"]}
    other = loans(SQL, allowTo={"source": {"to": [], "ports": [6432]}})
    assert ports(other, "collect") - ports(objects, "collect") == {6432}


def test_collect_alone_is_given_the_secret_of_somebody_elses_bucket_and_keeps_its_own() -> None:
    objects = loans({"files": BUCKET["files"] | {"secretName": "lake-of-others"}})
    keys = {"endpoint", "access-key", "secret-key"}
    found = {
        pod: {key for name, key in one.values() if name == "lake-of-others"} for pod, one in mounted(objects).items()
    }
    assert {pod: of for pod, of in found.items() if of} == {"relevo-collect/base": keys}
    env = environments(objects)["relevo-collect/base"]
    assert {name: env[f"RELEVO_FILES_{name}_FILE"] for name in ("ENDPOINT_URL", "ACCESS_KEY", "SECRET_KEY")} == {
        "ENDPOINT_URL": "/secrets/files/endpoint",
        "ACCESS_KEY": "/secrets/files/access-key",
        "SECRET_KEY": "/secrets/files/secret-key",
    }
    assert env["AWS_ACCESS_KEY_ID_FILE"] == "/secrets/s3/access-key"
    job = named(objects, "Job", "relevo-install")["spec"]["template"]["spec"]["containers"][0]
    required = next(one["value"] for one in job["env"] if one["name"] == "RELEVO_REQUIRED_SECRETS")
    assert set(json.loads(required)["lake-of-others"]) == keys
    assert ports(objects, "collect") == {5432, 8333, 443}
    assert not any("_FILES_" in name for name in environments(loans(BUCKET))["relevo-collect/base"])


def test_collect_alone_sees_the_folder_of_a_files_source() -> None:
    objects = loans(FOLDER, source={"volume": VOLUME})
    volume, mount = {"name": "source", **VOLUME}, {"name": "source", "mountPath": "/data/loans", "readOnly": True}
    has = [name for name, _, spec in pods(objects) if volume in spec["volumes"]]
    assert has == ["relevo-collect"]
    collect = next(spec for name, _, spec in pods(objects) if name == "relevo-collect")
    assert mount in collect["containers"][0]["volumeMounts"]
    assert ports(objects, "collect") == {5432, 8333}
    assert "expected both or neither" in told(text(source=FOLDER))
    assert "expected both or neither" in told(text(), source={"volume": VOLUME})
    assert "expected in source.files an absolute path" in told(text(source={"files": {"path": "loans"}}))


def test_collect_goes_to_the_s3_of_a_files_source() -> None:
    s3 = {"endpoint": "https://s3.example:9443", "existingSecret": "keys"}
    assert 9443 in ports(loans(BUCKET, bucket=s3), "collect")
    assert 8333 in ports(loans(BUCKET), "collect")
