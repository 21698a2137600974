"""What MLflow keeps, read by the small client: whichever way a version got there, and wherever its files lie."""

from __future__ import annotations

import secrets
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import mlflow
import onnx
import pytest
from mlflow import MlflowClient

from relevo_contract.mlflow_rest import MlflowError, MlflowRest, RegisteredVersion, Trouble
from relevo_demo.servers import MlflowServer, S3Server
from tests.certificates import Authority
from tests.conftest import BUCKET
from tests.gate import Gate

FILES = {"MLmodel": b"flavors: {}", "model.onnx": bytes(range(256)) * 1000, "relevo/profile.json": b"{}"}
MOST = 2**20


@pytest.fixture(scope="module")
def files_mlflow(s3: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    """An MLflow server whose artifacts are files of its own machine, and which hands none out."""
    folder = tmp_path_factory.mktemp("files")
    options = ("--no-serve-artifacts", "--default-artifact-root", str(folder / "artifacts"))
    with MlflowServer(
        folder, backend=f"sqlite:///{folder}/m.db", s3_url=s3.url, bucket=BUCKET, env=s3.env, options=options
    ) as server:
        yield server


@pytest.fixture(params=["mlflow", "direct_mlflow", "files_mlflow"])
def server(request: pytest.FixtureRequest, s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> MlflowServer:
    """Artifacts handed out from S3; in S3; files. Writers are let into S3, the reader under test asks MLflow alone."""
    for key, value in {**s3.env, "MLFLOW_S3_ENDPOINT_URL": s3.url, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}.items():
        monkeypatch.setenv(key, value)
    found: MlflowServer = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        (tmp_path / "model" / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / "model" / name).write_bytes(content)
    return tmp_path / "model"


def of_a_run(client: MlflowClient, model: str, folder: Path, source: str = "{uri}/model") -> int:
    client.create_registered_model(model)
    run = client.create_run(client.create_experiment(model)).info
    client.log_artifacts(run.run_id, str(folder), "model")
    source = source.format(uri=run.artifact_uri, id=run.run_id)
    return int(client.create_model_version(model, source, run.run_id, await_creation_for=0).version)


def named_by_its_run(client: MlflowClient, model: str, folder: Path) -> int:
    return of_a_run(client, model, folder, "runs:/{id}/model")


def copied(client: MlflowClient, model: str, folder: Path) -> int:
    of_a_run(client, f"{model}-first", folder)
    return int(client.copy_model_version(f"models:/{model}-first/1", model).version)


Origin = Callable[[MlflowClient, str, Path], int]


@pytest.mark.parametrize("origin", [of_a_run, named_by_its_run, copied])
def test_a_versions_files_are_read_wherever_they_lie(
    server: MlflowServer, model_name: str, folder: Path, origin: Origin
) -> None:
    model = f"prices & häuser {model_name}"
    number = origin(MlflowClient(server.url, server.url), model, folder)
    rest = MlflowRest(server.url, timeout=30)
    version = rest.version(model, number)
    assert {name: rest.version_file(version, name, MOST) for name in FILES} == FILES
    assert rest.version_file(version, "no-such-file", MOST) is None
    assert rest.version_file(version, "relevo/no such file (404).json", MOST) is None
    if version.run_id:
        assert rest.run_file(version.run_id, "nothing.json", MOST) is None


def test_a_model_that_mlflow_logged_is_read(server: MlflowServer, model_name: str) -> None:
    """MLflow 3 keeps these below `models/m-…`, not below a run."""
    values = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [None]) for name in "xy"]
    graph = onnx.helper.make_graph([onnx.helper.make_node("Identity", ["x"], ["y"])], "g", values[:1], values[1:])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=9)
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(server.url)
    try:
        mlflow.set_experiment(model_name)
        with mlflow.start_run():
            mlflow.onnx.log_model(model, name="model", registered_model_name=model_name)
    finally:
        mlflow.set_tracking_uri(before)
    rest = MlflowRest(server.url, timeout=30)
    version = rest.version(model_name, 1)
    assert version.source.startswith("models:/m-")
    assert b"onnx" in (rest.version_file(version, "MLmodel", MOST) or b"")
    assert rest.version_file(version, "model.onnx", MOST) == model.SerializeToString()
    assert rest.version_file(version, "relevo/profile.json", MOST) is None


def trouble(ask: Callable[[], object]) -> MlflowError:
    with pytest.raises(MlflowError) as caught:
        ask()
    return caught.value


def test_what_cannot_be_handed_out_has_its_reason(mlflow: MlflowServer, model_name: str, folder: Path) -> None:
    client, rest = MlflowClient(mlflow.url, mlflow.url), MlflowRest(mlflow.url, timeout=30)
    version = rest.version(model_name, of_a_run(client, model_name, folder))
    assert version.tags == {}
    assert rest.version_file(version, "model.onnx", 256_000) == FILES["model.onnx"]
    large = trouble(lambda: rest.version_file(version, "model.onnx", 255_999))
    assert large.trouble is Trouble.BAD_ANSWER
    assert "expected at most 255,999 bytes" in str(large)
    assert trouble(lambda: rest.version_file(version, "../../secret", MOST)).trouble is Trouble.REFUSED
    assert trouble(lambda: rest.version_file(version, "relevo", MOST)).trouble is Trouble.REFUSED
    assert trouble(lambda: rest.version(model_name, 2)).absent
    assert trouble(lambda: rest.version_by_alias(model_name, "production")).absent
    assert trouble(lambda: rest.version_by_alias("nobody's", "production")).absent
    client.set_registered_model_alias(model_name, "production", "1")
    assert rest.version_by_alias(model_name, "production") == rest.version(model_name, 1)
    elsewhere = trouble(lambda: MlflowRest(f"{mlflow.url}/other", timeout=5).version(model_name, 1))
    assert (elsewhere.trouble, elsewhere.absent) == (Trouble.BAD_ANSWER, False)


def test_a_store_that_is_away_is_no_missing_file(
    s3: S3Server, tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, value in s3.env.items():
        monkeypatch.setenv(key, value)
    gate = Gate(int(s3.url.rpartition(":")[2]))
    env = s3.env | {"AWS_MAX_ATTEMPTS": "1"}
    backend = f"sqlite:///{tmp_path}/m.db"
    with MlflowServer(tmp_path / "server", backend=backend, s3_url=gate.url, bucket=BUCKET, env=env) as server:
        number = of_a_run(MlflowClient(server.url, server.url), "prices (404)", folder)
        rest = MlflowRest(server.url, timeout=30)
        version = rest.version("prices (404)", number)
        assert rest.version_file(version, "nothing", MOST) is None
        gate.close()
        for name in ("MLmodel", "nothing"):
            away = trouble(lambda name=name: rest.version_file(version, name, MOST))  # type: ignore[misc]
            assert (away.trouble, away.status) == (Trouble.UNREACHABLE, 500)
        gate.open()
        assert rest.version_file(version, "MLmodel", MOST) == FILES["MLmodel"]
        gate.close()


def test_a_password_in_an_address_is_not_told() -> None:
    away = trouble(lambda: MlflowRest("http://ann:ge@heim@127.0.0.1:9/", timeout=1).version("m", 1))
    assert away.trouble is Trouble.UNREACHABLE
    assert "http://127.0.0.1:9" in str(away)
    assert "heim" not in f"{away} {away.said}"


# MLflow's own variables for TLS


@contextmanager
def behind_tls(authority: Authority, folder: Path) -> Iterator[str]:
    """A server that shows a certificate, asks for one, and answers version 7 to whoever shows one too."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.connection.getpeercert() if isinstance(self.connection, ssl.SSLSocket) else None
            body = b'{"model_version": {"name": "m", "version": "7"}}' if known else b"{}"
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    for name, issued in (("server", authority.server("127.0.0.1")), ("client", authority.peer("127.0.0.1"))):
        (folder / f"{name}.pem").write_bytes(issued.certificate + issued.key)
    (folder / "ca.pem").write_bytes(authority.certificate)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(folder / "ca.pem"))
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_cert_chain(folder / "server.pem")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"https://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_whom_to_believe_and_as_whom_to_come_are_mlflows_own_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def version(url: str) -> RegisteredVersion:
        return MlflowRest(url, timeout=5).version("m", 7)

    with behind_tls(Authority(), tmp_path) as url:
        unknown = trouble(lambda: version(url))
        assert unknown.trouble is Trouble.UNREACHABLE
        assert "certificate" in str(unknown)
        monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", str(tmp_path / "ca.pem"))
        assert trouble(lambda: version(url)).trouble is Trouble.BAD_ANSWER, "believed, but nobody came"
        monkeypatch.setenv("MLFLOW_TRACKING_CLIENT_CERT_PATH", str(tmp_path / "client.pem"))
        assert version(url).number == 7
        monkeypatch.setenv("MLFLOW_TRACKING_INSECURE_TLS", "true")
        with pytest.raises(ValueError, match="MLFLOW_TRACKING_SERVER_CERT_PATH: expected one of them"):
            version(url)
        monkeypatch.delenv("MLFLOW_TRACKING_SERVER_CERT_PATH")
        assert version(url).number == 7
    secret = secrets.token_hex()
    (tmp_path / "client.pem").write_text(secret)
    with pytest.raises(ValueError, match="MLFLOW_TRACKING_CLIENT_CERT_PATH: expected certificates in PEM") as caught:
        version("https://127.0.0.1:9")
    assert secret not in str(caught.value)
