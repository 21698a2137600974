"""The rendered chart's MLflow with its logins: who may do what, and where its webhooks go. Needs helm, no cluster."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from relevo_demo.servers import PostgresServer, S3Server
from relevo_demo.servers.ports import free_port
from relevo_demo.servers.process import Server
from relevo_jobs.errors import StepError
from relevo_jobs.registry import Registry
from tests.conftest import BUCKET
from tests.e2e.on_this_machine import Pod, made_secrets
from tests.e2e.test_chart import named, rendered
from tests.jobs.registry.conftest import decision, promotion, trained

PARTS = ("admin", "operator", "people", "promote", "serving", "steps", "ui")
API = "/api/2.0/mlflow"


@dataclass
class Heard:
    """A server that notes what comes, and sends those who ask for /away elsewhere."""

    port: int
    paths: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def heard() -> Iterator[Heard]:
    found = Heard(0)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            found.paths.append(self.path)
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(307 if "away" in self.path else 200)
            self.send_header("Location", f"http://127.0.0.1:{found.port}/redirected")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found.port = server.server_port
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield found
        server.shutdown()
        thread.join()


@dataclass
class Door:
    """MLflow behind its door."""

    url: str
    pod: Pod
    server: Server
    secrets: dict[str, dict[str, str]]

    def login(self, part: str | None) -> dict[str, Any]:
        if part is None:
            return {}
        secret = self.secrets[f"relevo-mlflow-{part}"]
        return {"auth": (secret["username"], secret["password"])}

    def ask(self, part: str | None, method: str, path: str, **given: Any) -> httpx.Response:
        """Ask as the user of a part, or as nobody."""
        return httpx.request(method, f"{self.url}{path}", timeout=60, **self.login(part), **given)

    def done(self, part: str, method: str, path: str, **given: Any) -> Any:
        """Ask for what is granted."""
        answer = self.ask(part, method, path, **given)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(scope="module")
def door(
    postgres: PostgresServer, s3: S3Server, heard: Heard, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Door]:
    folder, port = tmp_path_factory.mktemp("door"), free_port()
    postgres.create_database("metadata_door")
    said = {
        "relevo-s3:8333": s3.url.removeprefix("http://"),
        "relevo-operator.shop.svc:8080": f"127.0.0.1:{heard.port}",
        "--host=0.0.0.0": "--host=127.0.0.1",
        "--port=5000": f"--port={port}",
    }
    objects = rendered({"bucket": {"name": BUCKET}})
    secrets = made_secrets(objects, {})
    # The test's PostgreSQL and S3 have keys of their own; a password with a % is somebody's, some day.
    odd = "a%b/c-a%b/c-a%b/c"
    with psycopg.connect(postgres.url("postgres"), passfile=str(postgres.passfile), autocommit=True) as connection:
        connection.execute(f"create role door login password '{odd}'")
        connection.execute("alter database metadata_door owner to door")
    written = f"postgresql+psycopg2://door:a%25b%2Fc-a%25b%2Fc-a%25b%2Fc@127.0.0.1:{postgres.port}/metadata_door"
    secrets["relevo-metadata"]["url"] = written
    secrets["relevo-s3"]["mlflow-access-key"] = s3.env["AWS_ACCESS_KEY_ID"]
    secrets["relevo-s3"]["mlflow-secret-key"] = s3.env["AWS_SECRET_ACCESS_KEY"]
    pod = Pod(named(objects, "Deployment", "relevo-mlflow")["spec"]["template"]["spec"], secrets, folder, said)
    pod.run("migrate")
    pod.run("logins")
    assert "users" in pod.run("logins"), "again, and nothing is made twice"
    command, env = pod.container("mlflow")
    url = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        try:
            return httpx.get(f"{url}/health", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    with Server("MLflow of the chart", command, log=folder / "log", ready=answers, env=env, cwd=folder) as server:
        yield Door(url, pod, server, secrets)


@pytest.fixture(scope="module")
def version(door: Door) -> str:
    """A version that steps registered; production is promote's to say."""
    run = a_run(door)
    made = door.done("steps", "POST", f"{API}/model-versions/create", json=a_version(run))
    return str(made["model_version"]["version"])


def a_run(door: Door) -> dict[str, Any]:
    experiment = door.done("steps", "GET", f"{API}/experiments/get-by-name?experiment_name=house-prices")
    asked = {"experiment_id": experiment["experiment"]["experiment_id"]}
    return dict(door.done("steps", "POST", f"{API}/runs/create", json=asked)["run"]["info"])


def a_version(run: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": "house-prices",
        "run_id": run["run_id"],
        "source": f"{run['artifact_uri']}/model",
        "tags": [{"key": "relevo.manifest", "value": "0" * 64}],
    }


def artifact(run: dict[str, Any], name: str = "model/MLmodel") -> str:
    return str(
        "/api/2.0/mlflow-artifacts/artifacts/" + run["artifact_uri"].removeprefix("mlflow-artifacts:/") + f"/{name}"
    )


@pytest.mark.parametrize("path", [
    f"{API}/registered-models/search", f"{API}/model-versions/search", f"{API}/users/list", f"{API}/webhooks",
    "/api/2.0/mlflow-artifacts/artifacts", "/", "/graphql", f"{API}/registered-models/get?name=house-prices",
])  # fmt: skip
def test_nobody_without_a_login_is_told_anything(door: Door, path: str) -> None:
    assert door.ask(None, "GET", path).status_code == 401
    wrong = httpx.get(f"{door.url}{path}", auth=("relevo-admin", "password1234"), timeout=60)
    assert wrong.status_code == 401


def test_its_health_and_figures_ask_for_none(door: Door) -> None:
    assert door.ask(None, "GET", "/health").status_code == 200
    told = door.ask(None, "GET", "/metrics")
    assert told.status_code == 200
    assert "mlflow_http_request" in told.text


@pytest.mark.parametrize(
    "host", ["evil.example", "10.evil.example", "relevo-mlflow.evil.example:5000", "192.168.0.evil.example"]
)
def test_it_is_asked_by_its_own_names_alone(door: Door, host: str) -> None:
    answer = door.ask("admin", "GET", f"{API}/registered-models/search", headers={"Host": host})
    assert answer.status_code == 403


@pytest.mark.parametrize("host", ["relevo-mlflow:5000", "relevo-mlflow.shop.svc:5000", "127.0.0.1:5000"])
def test_it_answers_to_its_own_names(door: Door, host: str) -> None:
    door.done("admin", "GET", f"{API}/registered-models/search", headers={"Host": host})


@pytest.mark.parametrize("part", PARTS)
def test_everybody_reads(door: Door, version: str, part: str) -> None:
    query = f"{API}/model-versions/get?name=house-prices&version={version}"
    assert door.done(part, "GET", query)["model_version"]["version"] == version
    found = door.done(part, "GET", f"{API}/registered-models/search")["registered_models"]
    assert [one["name"] for one in found] == ["house-prices"]


@pytest.mark.parametrize("part", sorted(set(PARTS) - {"admin", "promote"}))
def test_only_promote_moves_an_alias(door: Door, version: str, part: str) -> None:
    alias = {"name": "house-prices", "alias": "production", "version": version}
    for api in ("/api", "/ajax-api"):
        path = f"{api}/2.0/mlflow/registered-models"
        assert door.ask(part, "POST", f"{path}/alias", json=alias).status_code == 403
        assert (
            door.ask(
                part, "DELETE", f"{path}/alias", params={"name": "house-prices", "alias": "production"}
            ).status_code
            == 403
        )
        renamed = {"name": "house-prices", "new_name": "elsewhere"}
        assert door.ask(part, "POST", f"{path}/rename", json=renamed).status_code == 403
        assert door.ask(part, "DELETE", f"{path}/delete", json={"name": "house-prices"}).status_code == 403
    door.done("promote", "POST", f"{API}/registered-models/alias", json=alias)


@pytest.mark.parametrize("part", sorted(set(PARTS) - {"admin", "promote", "operator"}))
def test_the_tags_of_a_version_are_written_by_promote_and_the_operator_alone(
    door: Door, version: str, part: str
) -> None:
    """The digest of its files is one of them."""
    tag = {"name": "house-prices", "version": version, "key": "relevo.manifest", "value": "1" * 64}
    assert door.ask(part, "POST", f"{API}/model-versions/set-tag", json=tag).status_code == 403
    told = tag | {"key": "serving", "value": "ready"}
    assert door.done("operator", "POST", f"{API}/model-versions/set-tag", json=told) == {}
    assert door.done("promote", "POST", f"{API}/model-versions/set-tag", json=told) == {}


@pytest.mark.parametrize("part", ["operator", "people", "serving", "ui"])
def test_who_reads_writes_nothing(door: Door, version: str, part: str) -> None:
    run = a_run(door)
    assert door.ask("steps", "PUT", artifact(run), content=b"a").status_code == 200
    assert door.ask(part, "GET", artifact(run)).content == b"a"
    assert door.ask(part, "PUT", artifact(run), content=b"b").status_code == 403
    assert door.ask(part, "DELETE", artifact(run)).status_code == 403
    assert door.ask(part, "POST", f"{API}/model-versions/create", json=a_version(run)).status_code == 403
    assert door.ask(part, "POST", f"{API}/runs/create", json={"experiment_id": run["experiment_id"]}).status_code == 403
    tag = {"run_id": run["run_id"], "key": "relevo.outcome", "value": "promoted"}
    assert door.ask(part, "POST", f"{API}/runs/set-tag", json=tag).status_code == 403


@pytest.mark.parametrize("part", sorted(set(PARTS) - {"admin"}))
def test_users_and_webhooks_are_the_administrators(door: Door, part: str) -> None:
    made = {"username": "mallory", "password": "a password of hers"}
    assert door.ask(part, "POST", f"{API}/users/create", json=made).status_code == 403
    admin = {"username": door.secrets[f"relevo-mlflow-{part}"]["username"], "is_admin": True}
    assert door.ask(part, "PATCH", f"{API}/users/update-admin", json=admin).status_code == 403
    hook = {
        "name": "hers",
        "url": "http://169.254.169.254/",
        "events": [{"entity": "REGISTERED_MODEL", "action": "CREATED"}],
    }
    assert door.ask(part, "POST", f"{API}/webhooks", json=hook).status_code == 403


def test_the_operator_is_told_of_an_alias_by_a_webhook_that_nobody_asked_for(
    door: Door, version: str, heard: Heard
) -> None:
    heard.paths.clear()
    alias = {"name": "house-prices", "alias": "production", "version": version}
    door.done("promote", "POST", f"{API}/registered-models/alias", json=alias)
    for _ in range(600):
        if heard.paths:
            break
        threading.Event().wait(0.1)
    assert set(heard.paths) == {"/webhooks/mlflow"}
    (hook,) = door.done("admin", "GET", f"{API}/webhooks")["webhooks"]
    assert hook["url"] == f"http://127.0.0.1:{heard.port}/webhooks/mlflow"


@pytest.mark.parametrize("where", [
    "http://127.0.0.1:{port}/elsewhere", "http://127.0.0.1:{port}/webhooks/mlflow/../../away", "http://169.254.169.254/latest/",
    "http://127.0.0.1:{port}@127.0.0.1:{port}/x", "http://localhost:{port}/webhooks/mlflow", "http://127.0.0.1:{port}/webhooks/mlflow/away",
])  # fmt: skip
def test_a_webhook_has_no_way_to_any_other_address(door: Door, heard: Heard, where: str) -> None:
    """Not even an administrator's: what MLflow reaches, its webhook's test would read out."""
    url = where.format(port=heard.port)
    made = {"name": "another", "url": url, "events": [{"entity": "REGISTERED_MODEL", "action": "CREATED"}]}
    hook = door.done("admin", "POST", f"{API}/webhooks", json=made)["webhook"]["webhook_id"]
    try:
        heard.paths.clear()
        told = door.ask("admin", "POST", f"{API}/webhooks/{hook}/test", json={})
        assert not json.loads(told.text)["result"]["success"], told.text
        assert not [path for path in heard.paths if not path.startswith("/webhooks/mlflow/")]
        assert "/redirected" not in heard.paths
    finally:
        door.done("admin", "DELETE", f"{API}/webhooks/{hook}")


def test_a_password_that_changed_is_the_users_after_a_restart(door: Door) -> None:
    before = door.secrets["relevo-mlflow-ui"]
    after = before | {"password": "x" * 40}
    door.pod.write(door.secrets | {"relevo-mlflow-ui": after})
    door.server.stop()
    door.pod.run("logins")
    door.server.start()
    door.server.wait()
    path = f"{API}/registered-models/get?name=house-prices"
    assert door.ask("ui", "GET", path).status_code == 401
    door.secrets["relevo-mlflow-ui"] = after
    door.done("ui", "GET", path)


@pytest.fixture
def as_part(door: Door, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Log this process in as a part is: by files."""

    def log_in(part: str) -> Registry:
        for name in ("url", "username", "password"):
            (tmp_path / name).write_text(door.secrets[f"relevo-mlflow-{part}"][name])
        monkeypatch.delenv("MLFLOW_TRACKING_USERNAME", raising=False)
        monkeypatch.delenv("MLFLOW_TRACKING_PASSWORD", raising=False)
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME_FILE", str(tmp_path / "username"))
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD_FILE", str(tmp_path / "password"))
        return Registry(door.url, "house-prices")

    return log_in


def test_the_steps_do_their_work_with_their_logins_and_no_other_step_s(
    door: Door, as_part: Any, tmp_path: Path
) -> None:
    steps = as_part("steps")
    record = decision(1, train=True)
    run = steps.save_decision(record)
    record = trained(record)
    folder = tmp_path / "model"
    (folder / "relevo").mkdir(parents=True)
    (folder / "relevo" / "manifest.json").write_text("{}")
    version = steps.register(run, folder, record)
    record = record.model_copy(update={"promotion": promotion(version, None)})
    with pytest.raises(StepError, match="403"):
        steps.settle(run, record)
    promote = as_part("promote")
    promote.settle(run, record)
    serving = as_part("serving")
    champion = serving.champion()
    assert champion is not None
    assert champion.number == version
    into = tmp_path / "loaded"
    serving.download(run, ["relevo/manifest.json"], into)
    assert (into / "relevo" / "manifest.json").read_text() == "{}"
