"""The operator with 1, 100 and 1,000 ModelDeployments on one registry, against a bare API server and a real MLflow.

one model      all follow the same alias: one promotion is a hand-over of all of them
100 models     each follows one of a hundred, in turns
"""

from __future__ import annotations

import base64
import secrets
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from benchmarks.handover.crowd import Crowd
from benchmarks.handover.report import Bound, Row, rows
from relevo_demo.servers import MlflowServer, PostgresServer, S3Server, free_port
from tests.kubernetes_api import KubernetesApi, find_assets
from tests.operator.cluster.shop import Operator, eventually, operating
from tests.versions import Versions

ROOT = Path(__file__).parents[2]
BUCKET = "relevo"
INTERVAL = 30.0
"""The default pollInterval."""
POLLED_EACH = "1s"
MODELS = 100
MEGABYTES = 150
SEEN = 2.0
"""Seconds from setting an alias until the Deployment is patched."""


@dataclass
class System:
    """The servers that every crowd meets."""

    folder: Path
    kubernetes: KubernetesApi
    kubeconfig: Path
    mlflow: MlflowServer
    models: list[Versions]
    port: int
    """The operator's: MLflow would go on trying to reach one that is no more."""


@contextmanager
def running(models: int) -> Iterator[System]:
    """Kubernetes' API, MLflow on PostgreSQL and S3, and models with two versions each, the first in production."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-handover-")))
        kubernetes = stack.enter_context(KubernetesApi(find_assets(), folder / "kubernetes"))
        kubernetes.apply_crds(ROOT / "crds" / "modeldeployments.yaml")
        kubernetes.kubectl("create", "namespace", "relevo")
        kubernetes.kubectl("apply", "-n", "relevo", "-f", str(ROOT / "operator" / "deploy" / "operator.yaml"))
        postgres = stack.enter_context(PostgresServer(folder / "postgres"))
        s3 = stack.enter_context(S3Server(folder / "s3"))
        s3.create_bucket(BUCKET)
        webhooks = {
            "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http,https",
            "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
            "MLFLOW_WEBHOOK_CACHE_TTL": "0",  # it knows of a webhook at once: that is waited for once, in real life
            "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        }
        env = postgres.env | s3.env | webhooks
        mlflow = stack.enter_context(
            MlflowServer(folder / "mlflow", backend=postgres.url("metadata"), s3_url=s3.url, bucket=BUCKET, env=env)
        )
        made = [Versions(mlflow.url, f"house-prices-{number}") for number in range(models)]
        for one in made:
            one.promote(one.register_empty())
            one.register_empty()
        kubeconfig = kubernetes.kubeconfig_for_service_account("relevo", "relevo-operator")
        yield System(folder, kubernetes, kubeconfig, mlflow, made, free_port())


@dataclass
class Figures:
    """What one crowd costs."""

    count: int
    models: int
    all_ready: float = 0.0
    calls: float = 0.0
    """Requests to the registry in an interval, at rest."""
    at_rest: float = 0.0
    at_most: float = 0.0
    """Megabytes."""
    cpu: float = 0.0
    """Seconds of processor time a minute, at rest."""
    first_pass: float = 0.0
    looked_at: float = 0.0
    """Seconds from the start of an operator that finds all ready."""
    told: list[float] = field(default_factory=list)
    polled: list[float] = field(default_factory=list)
    """Seconds from setting an alias until every follower's Deployment is patched."""
    told_first: list[float] = field(default_factory=list)
    """The same for the first of them."""


class Memory:
    """The most memory that a process held, looked at ten times a second."""

    def __init__(self, pid: int) -> None:
        self.process, self.most = psutil.Process(pid), 0.0
        threading.Thread(target=self._look, daemon=True).start()

    def now(self) -> float:
        """Megabytes."""
        return float(self.process.memory_info().rss) / 1e6

    def _look(self) -> None:
        while True:
            try:
                self.most = max(self.most, self.now())
            except psutil.NoSuchProcess:
                return
            time.sleep(0.1)


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _settle(operator: Operator) -> None:
    """Wait until nothing was looked at for three seconds."""
    before = -1.0
    while (now := operator.metric("relevo_operator_reconcile_seconds_count")) != before:
        before = now
        time.sleep(3)


@contextmanager
def _operator(system: System, namespace: str, *, webhook: bool) -> Iterator[Operator]:
    secret = system.folder / "webhook-secret"
    secret.write_text("a secret of the benchmark, long enough")
    told = {
        "RELEVO_WEBHOOK_URL": f"http://127.0.0.1:{system.port}/webhooks/mlflow",
        "RELEVO_WEBHOOK_SECRET_FILE": str(secret),
    }
    settings = {"RELEVO_NAMESPACES": namespace} | (told if webhook else {})
    with operating(system.folder, system.kubeconfig, port=system.port, **settings) as operator:
        yield operator


def _promote(crowd: Crowd, models: Sequence[Versions], times: int, waits: float) -> tuple[list[float], list[float]]:
    """Seconds until the first and the last follower's Deployment is patched, of one model's promotion after another."""
    first, last = [], []
    for number in range(times):
        model = models[number % len(models)]
        version = 2 if model.client.get_model_version_by_alias(model.model, "production").version == "1" else 1
        began = time.time()
        model.promote(version)
        at = crowd.wait_pinned(model.model, version)
        first.append(at[0] - began)
        last.append(at[-1] - began)
        crowd.wait_ready()
        time.sleep(waits)
    return first, last


def _look_at(system: System, found: Figures, *, rest: float, times: int, polling: bool) -> None:
    models = system.models[: found.models]
    namespace = system.kubernetes.new_namespace("crowd")
    names = [one.model for one in models]
    with Crowd(system.kubernetes.kubeconfig, namespace, system.mlflow.url, names, found.count) as crowd:
        began = time.time()
        with _operator(system, namespace, webhook=True) as operator:
            memory = Memory(operator.process.pid)
            found.all_ready = crowd.wait_ready() - began
            _settle(operator)
            calls, cpu = operator.metric("relevo_operator_registry_calls_total"), _cpu(memory.process)
            time.sleep(rest)
            found.cpu = (_cpu(memory.process) - cpu) * 60 / rest
            found.calls = (operator.metric("relevo_operator_registry_calls_total") - calls) * INTERVAL / rest
            found.at_rest = memory.now()
            found.told_first, found.told = _promote(crowd, models, times, waits=0.5)
            _settle(operator)
            found.at_most = memory.most
        began = time.time()
        with _operator(system, namespace, webhook=False) as operator:
            eventually(lambda: operator.metric("relevo_operator_last_pass_timestamp_seconds"), "a first pass")
            found.first_pass = time.time() - began
            eventually(lambda: operator.metric("relevo_operator_objects") == found.count, "all to be looked at", 300)
            found.looked_at = time.time() - began
            if polling:
                crowd.poll_each(POLLED_EACH)
                _settle(operator)
                _, found.polled = _promote(crowd, models, times, waits=0.37)


def measure(counts: Sequence[int], *, rest: float, times: int) -> bool:
    """Print the table; True if the bounds hold."""
    crowds = [Figures(count, models) for count in counts for models in ((1,) if count == 1 else (1, MODELS))]
    with running(MODELS) as system:
        for found in crowds:
            _look_at(system, found, rest=rest, times=times, polling=True)
            print(f"{found.count} ModelDeployments, {found.models} models: measured", flush=True)
    return _table(crowds)


def _table(crowds: Sequence[Figures]) -> bool:
    print(
        f"\n{'objects':>7} {'models':>6} {'calls/30 s':>10} {'MB rest':>7} {'MB most':>7} {'CPU s/min':>9} "
        f"{'ready s':>7} {'restart s':>9} {'webhook: first s':>16} {'all s':>6} {f'polled {POLLED_EACH}: all s':>19}"
    )
    for one in crowds:
        print(
            f"{one.count:7,} {one.models:6} {one.calls:10.1f} {one.at_rest:7.0f} {one.at_most:7.0f} {one.cpu:9.2f} "
            f"{one.all_ready:7.1f} {one.looked_at:9.1f} {statistics.median(one.told_first):16.2f} "
            f"{statistics.median(one.told):6.2f} {statistics.median(one.polled):19.2f}"
        )
    most = max(crowds, key=lambda one: one.count)
    spread = max(crowds, key=lambda one: (one.count, one.models))
    least = min(one.calls for one in crowds)
    return rows(
        [
            Row("registry calls an interval, most / least", max(one.calls for one in crowds) / least, Bound(1.2)),
            Row("the operator's memory, MB at most", most.at_most, Bound(MEGABYTES), f"{most.count:,} objects"),
            Row(
                "alias set → a follower's Deployment patched, s",
                statistics.median(spread.told_first),
                Bound(SEEN),
                f"{spread.count:,} objects, {spread.models} models, by webhook",
            ),
        ]
    )
