"""relevo-install as a process against a real API server, with the rights of docs/installing.md and no others."""

from __future__ import annotations

import json
import random
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from lightkube.config.kubeconfig import KubeConfig

from relevo_demo.servers import free_port
from relevo_operator.installing.cluster import Cluster
from relevo_operator.installing.definitions import parse
from relevo_operator.installing.install import Wanted, install
from tests.gate import Gate
from tests.kubernetes_api import KubernetesApi
from tests.operator.installing.release import EXAMPLE, Ended, Release


@pytest.fixture
def release(kube_api: KubernetesApi, tmp_path: Path) -> Release:
    return Release(kube_api, tmp_path)


@pytest.fixture
def kubeconfig(release: Release) -> Path:
    return release.allow()


def done(ended: Ended) -> list[str]:
    assert ended.code == 0, ended.stdout + ended.stderr
    assert ended.stderr == ""
    return ended.events


def refused(ended: Ended) -> str:
    assert ended.code == 1, ended.stdout + ended.stderr
    assert ended.stderr.startswith("relevo-install: ")
    assert "Traceback" not in ended.stderr
    return ended.stderr


def test_the_first_run_makes_all_and_the_second_changes_nothing(release: Release, kubeconfig: Path) -> None:
    events = done(release.install(kubeconfig, RELEVO_PART_OF="spring"))
    made = [f"Secret {name}: made" for name in EXAMPLE]
    assert events == made
    release.whole()
    first = release.secrets()
    for one in first.values():
        labels = {"app.kubernetes.io/managed-by": "relevo-install", "app.kubernetes.io/part-of": "spring"}
        assert one["metadata"]["labels"] == labels
        assert "ownerReferences" not in one["metadata"]
        assert one["type"] == "Opaque"

    events = done(release.install(kubeconfig, RELEVO_PART_OF="autumn"))
    there = [f"Secret {name}: was there" for name in EXAMPLE]
    assert events == there
    assert release.secrets() == first


def test_a_missing_key_is_added_and_fits_the_rest(release: Release, kubeconfig: Path) -> None:
    done(release.install(kubeconfig))
    before = release.values()
    remove = '[{"op": "remove", "path": "/data/url"}]'  # as the page says
    release.api.kubectl("patch", "secret", "relevo-raw", "-n", release.namespace, "--type=json", "-p", remove)
    assert "Secret relevo-raw: was there, url added" in done(release.install(kubeconfig))
    assert release.values() == before


def test_a_users_own_values_are_kept_and_composed_of(release: Release, kubeconfig: Path) -> None:
    own = {"username": "ana", "password": "p@ss/word", "note": "call ana first"}
    release.make("relevo-raw", own)
    release.make("relevo-airflow-login", {"username": "admin", "password": "long enough", "passwords.json": "{}"})
    events = done(release.install(kubeconfig))
    url = "postgresql://ana:p%40ss%2Fword@relevo-raw:5432/raw"
    assert release.values()["relevo-raw"] == own | {"url": url}
    assert release.values()["relevo-airflow-login"]["passwords.json"] == "{}"
    told = {event.split(":")[0]: event for event in events}
    assert "was there, url added; username is not as the settings would make it" in told["Secret relevo-raw"]
    assert (
        "was there, url added; passwords.json is not as the settings would make it"
        in told["Secret relevo-airflow-login"]
    )
    assert release.secrets()["relevo-raw"]["metadata"].get("labels") is None


def test_a_renamed_host_changes_nothing_that_is_there(release: Release, kubeconfig: Path) -> None:
    done(release.install(kubeconfig))
    first = release.secrets()
    renamed = deepcopy(EXAMPLE)
    renamed["relevo-raw"]["url"] = {"url": "postgresql://{username}:{password}@elsewhere/raw"}
    (release.folder / "secrets.yaml").write_text(json.dumps(renamed))
    assert any("relevo-raw: was there; url is not as" in event for event in done(release.install(kubeconfig)))
    assert release.secrets() == first


def test_required_secrets_are_checked_before_anything_is_made(release: Release, kubeconfig: Path) -> None:
    release.make("my-database", {"username": "ana"})
    required = json.dumps({"my-database": ["username", "url"]})
    before = release.secrets()
    said = refused(release.install(kubeconfig, RELEVO_REQUIRED_SECRETS=required))
    assert f"Secret my-database in namespace {release.namespace}: expected url in it, found none: kubectl patch" in said
    assert release.secrets() == before

    release.mend(said.split("found none: ")[1], "postgresql://db/raw")
    before = release.secrets()["my-database"]
    done(release.install(kubeconfig, RELEVO_REQUIRED_SECRETS=required))
    assert release.secrets()["my-database"] == before
    release.whole()


def test_the_line_that_is_told_makes_the_missing_secret(release: Release, kubeconfig: Path) -> None:
    required = json.dumps({"my-database": ["username", "url"]})
    said = refused(release.install(kubeconfig, RELEVO_REQUIRED_SECRETS=required))
    assert "my-database in namespace " in said
    release.mend(said.split("found none: ")[1], "x")
    done(release.install(kubeconfig, RELEVO_REQUIRED_SECRETS=required))
    assert release.values()["my-database"] == {"username": "x", "url": "x"}


@pytest.mark.parametrize(
    ("method", "when", "call"),
    [
        ("make_empty", "before", 2),
        ("make_empty", "after", 2),
        ("add", "after", 1),
        ("add", "after", 4),
    ],
)
def test_killed_and_run_again_it_comes_to_the_same(
    release: Release, kubeconfig: Path, method: str, when: str, call: int
) -> None:
    release.install_killed(kubeconfig, method, when, call)
    before = {name: values for name, values in release.values().items() if values}
    done(release.install(kubeconfig))
    after = release.whole()
    assert {name: after[name] for name in before} == before
    assert not any("added" in event or "made" in event for event in done(release.install(kubeconfig)))


def ask_for_new_passwords(release: Release, name: str) -> None:
    release.api.kubectl("annotate", "secret", name, "-n", release.namespace, "relevo.dev/rotate=asked")


def changed(release: Release, before: dict[str, dict[str, str]]) -> dict[str, set[str]]:
    """By Secret, the keys that are not as they were; all of them must fit together."""
    after = release.whole()
    found = {name: {key for key in after[name] if after[name][key] != before[name][key]} for name in before}
    return {name: keys for name, keys in found.items() if keys}


@pytest.mark.parametrize(
    ("name", "new"),
    [
        ("relevo-raw", {"password", "url"}),
        ("relevo-airflow-login", {"password", "passwords.json"}),
        ("relevo-s3", {"access-key", "secret-key", "identities.json"}),
        ("relevo-airflow", {"jwt-secret"}),  # what is stored was encrypted with its Fernet key
    ],
)
def test_a_secret_whose_annotation_asks_for_it_gets_new_passwords_once(
    release: Release, kubeconfig: Path, name: str, new: set[str]
) -> None:
    done(release.install(kubeconfig))
    before = release.values()
    ask_for_new_passwords(release, name)
    told = done(release.install(kubeconfig))
    assert changed(release, before) == {name: new}
    assert [one for one in told if "made anew" in one and one.startswith(f"Secret {name}: was there, ")]
    assert "relevo.dev/rotate" not in release.secrets()[name]["metadata"].get("annotations", {})
    after = release.values()
    assert all("made anew" not in one for one in done(release.install(kubeconfig)))
    assert release.values() == after


def test_a_users_own_name_stays_when_its_password_is_made_anew(release: Release, kubeconfig: Path) -> None:
    release.make("relevo-raw", {"username": "ana", "password": "p@ss/word", "note": "call ana first"})
    ask_for_new_passwords(release, "relevo-raw")
    done(release.install(kubeconfig))
    values = release.values()["relevo-raw"]
    assert (values["username"], values["note"]) == ("ana", "call ana first")
    assert values["password"] != "p@ss/word"
    assert values["url"] == f"postgresql://ana:{values['password']}@relevo-raw:5432/raw"


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_while_it_gives_new_passwords_they_fit_together(release: Release, kubeconfig: Path, when: str) -> None:
    done(release.install(kubeconfig))
    before = release.values()
    ask_for_new_passwords(release, "relevo-raw")
    release.install_killed(kubeconfig, "rotate", when, 1)
    assert changed(release, before) == ({} if when == "before" else {"relevo-raw": {"password", "url"}})
    done(release.install(kubeconfig))
    assert changed(release, before) == {"relevo-raw": {"password", "url"}}


@pytest.mark.parametrize("method", ["make_empty", "add"])
def test_another_run_in_between_is_respected(
    release: Release, kubeconfig: Path, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process does all its work between this one's reading of the first Secret and its writing to it."""
    original = getattr(Cluster, method)
    others: dict[str, Any] = {}

    def late(*arguments: Any) -> Any:
        monkeypatch.undo()
        done(release.install(kubeconfig))
        others.update(release.whole())
        return original(*arguments)

    monkeypatch.setattr(Cluster, method, late)
    config = KubeConfig.from_file(kubeconfig).get()
    assert config is not None
    cluster = Cluster(config, release.namespace, 60)
    install(Wanted(parse(EXAMPLE), {}, "relevo"), cluster, random.Random(1))
    cluster.close()
    assert others
    assert release.whole() == others


def test_two_at_once_come_to_one_set_of_values(release: Release, kubeconfig: Path) -> None:
    both = [release.start(kubeconfig) for _ in range(2)]
    for process in both:
        done(release.finish(process))
    values = release.whole()
    assert all("was" in event for event in done(release.install(kubeconfig)))
    assert release.values() == values


@pytest.mark.parametrize("right", ["get", "create", "patch"])
def test_a_missing_right_over_secrets_is_named(release: Release, right: str) -> None:
    said = refused(release.install(release.allow(without=f"{right} secrets")))
    rule = f'{{apiGroups: [""], resources: [secrets], resourceNames: [relevo-raw], verbs: [{right}]}}'
    assert f"add the rule {rule} to a Role of system:serviceaccount:{release.namespace}:relevo-install" in said


def test_its_rights_reach_no_other_secret(release: Release, kubeconfig: Path) -> None:
    release.make("somebodys", {"password": "x"})
    for verb, name in (("get", "somebodys"), ("patch", "somebodys"), ("create", "another"), ("list", "")):
        asked = ["auth", "can-i", verb, f"secret/{name}" if name else "secrets", "-n", release.namespace]
        assert release.api.kubectl(*asked, kubeconfig=kubeconfig, check=False).stdout.strip() == "no"


@pytest.mark.parametrize("verb", ["get", "create", "patch", "list"])
def test_its_rights_reach_nothing_of_the_cluster(release: Release, kubeconfig: Path, verb: str) -> None:
    """The definition is the cluster's: a hook that could write it could give every ModelDeployment another meaning."""
    for what in ("customresourcedefinitions", "clusterrolebindings", "namespaces"):
        asked = release.api.kubectl("auth", "can-i", verb, what, kubeconfig=kubeconfig, check=False)
        assert asked.stdout.strip() == "no"


def through(kubeconfig: Path, port: int) -> Path:
    """The same way to the API server, by another port."""
    config = json.loads(kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{port}"
    other = kubeconfig.with_name(f"{port}.kubeconfig")
    other.touch(mode=0o600)
    other.write_text(json.dumps(config))
    return other


def test_an_api_server_that_is_away_is_waited_for(release: Release, kubeconfig: Path) -> None:
    gate = Gate(int(release.api.url.rsplit(":", 1)[1]))
    gate.close()
    process = release.start(through(kubeconfig, gate.port))
    assert process.stdout is not None
    assert "waiting for the API server" in json.loads(process.stdout.readline())["event"]
    gate.open()
    done(release.finish(process))
    gate.close()
    release.whole()


def test_an_api_server_that_stays_away_ends_it(release: Release, kubeconfig: Path) -> None:
    said = refused(release.install(through(kubeconfig, free_port()), RELEVO_TIMEOUT="2"))
    assert "expected the API server to answer, got: " in said
    assert "(waited 2 s, RELEVO_TIMEOUT); what is done is kept: run it again" in said
