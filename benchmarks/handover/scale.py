"""The operator with 1, 100 and 1,000 ModelDeployments on one registry, against a bare API server and a real MLflow.

one model      all follow the same alias: one promotion is a hand-over of all of them
100 models     each follows one of a hundred, in turns
"""

from __future__ import annotations

import base64
import math
import random
import secrets
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import cycle, islice
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
POLLED_EACH = "1s"
RESTARTS = 3
CALLS = "relevo_operator_registry_calls_total"
PASSED = "relevo_operator_last_pass_timestamp_seconds"
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
    """Requests to the registry at rest."""
    at_rest: float = 0.0
    at_most: float = 0.0
    """Megabytes."""
    cpu: float = 0.0
    """Seconds of processor time a minute, at rest."""
    first_pass: float = 0.0
    looked_at: float = 0.0
    """Seconds from the start of an operator that finds all ready."""
    told_first: list[float] = field(default_factory=list)
    told: list[float] = field(default_factory=list)
    """Seconds from setting an alias until the first and until every follower's Deployment is patched, by webhook."""
    restarted: list[float] = field(default_factory=list)
    """The same, of every follower, for an alias set once a restarted operator's first pass is done."""
    polled: list[float] = field(default_factory=list)
    """The same, of every follower, by polling."""


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


@contextmanager
def _operator(system: System, namespace: str, *, webhook: bool) -> Iterator[Operator]:
    secret = system.folder / "webhook-secret"
    secret.write_text("a secret of the benchmark, long enough")
    told = {
        "RELEVO_WEBHOOK_URL": f"http://127.0.0.1:{system.port}/webhooks/mlflow",
        "RELEVO_REGISTRIES": system.mlflow.url,
        "RELEVO_WEBHOOK_SECRET_FILE": str(secret),
    }
    settings = {"RELEVO_NAMESPACES": namespace} | (told if webhook else {})
    with operating(system.folder, system.kubeconfig, port=system.port, **settings) as operator:
        yield operator


def _promote(crowd: Crowd, model: Versions) -> tuple[float, float]:
    """Promote the model's other version; seconds until its first and its last follower's Deployment is patched."""
    version = 2 if model.client.get_model_version_by_alias(model.model, "production").version == "1" else 1
    began = time.time()
    model.promote(version)
    at = crowd.wait_pinned(model.model, version)
    return at[0] - began, at[-1] - began


def _look_at(system: System, found: Figures, *, rest: float, times: int) -> None:
    models = system.models[: found.models]
    turns = list(islice(cycle(models), times))
    namespace = system.kubernetes.new_namespace("crowd")
    names = [one.model for one in models]
    with Crowd(system.kubernetes.kubeconfig, namespace, system.mlflow.url, names, found.count) as crowd:
        began = time.time()
        with _operator(system, namespace, webhook=True) as operator:
            memory = Memory(operator.process.pid)
            found.all_ready = crowd.wait_ready() - began
            operator.wait_idle(3)
            calls, cpu = operator.metric(CALLS), _cpu(memory.process)
            time.sleep(rest)
            found.cpu = (_cpu(memory.process) - cpu) * 60 / rest
            found.calls = operator.metric(CALLS) - calls
            found.at_rest = memory.now()
            for model in turns:
                first, last = _promote(crowd, model)
                found.told_first.append(first)
                found.told.append(last)
                crowd.wait_ready()
            operator.wait_idle(3)
            found.at_most = memory.most
        began = time.time()
        with _operator(system, namespace, webhook=True) as operator:
            eventually(lambda: operator.metric(PASSED), "a first pass")
            found.first_pass = time.time() - began
            eventually(lambda: operator.metric("relevo_operator_objects") == found.count, "all to be looked at", 300)
            found.looked_at = time.time() - began
        for model in turns[:RESTARTS]:
            with _operator(system, namespace, webhook=True) as operator:
                eventually(lambda o=operator: o.metric(PASSED), "a first pass")  # type: ignore[misc]
                found.restarted.append(_promote(crowd, model)[1])
                crowd.wait_ready()
                operator.wait_idle(3)
        with _operator(system, namespace, webhook=False) as operator:
            crowd.poll_each(POLLED_EACH)
            operator.wait_idle(3)
            for model in turns:
                found.polled.append(_promote(crowd, model)[1])
                crowd.wait_ready()
                time.sleep(random.random())  # not in step with the polls


def measure(counts: Sequence[int], *, rest: float, times: int) -> bool:
    """Print the table; True if the bounds hold."""
    crowds = [Figures(count, models) for count in counts for models in ((1,) if count == 1 else (1, MODELS))]
    with running(MODELS) as system:
        for found in crowds:
            _look_at(system, found, rest=rest, times=times)
            print(f"{found.count:,} ModelDeployments, {found.models} models: measured", flush=True)
    return _table(crowds, rest)


def _table(crowds: Sequence[Figures], rest: float) -> bool:
    print(f"\n{'ModelDeployments':58}" + "".join(f"{one.count:8,}" for one in crowds))
    for what, form, figures in (
        ("models followed", ",", [one.models for one in crowds]),
        (f"registry calls in {rest:g} s at rest", ".0f", [one.calls for one in crowds]),
        ("the operator's memory at rest, MB", ".0f", [one.at_rest for one in crowds]),
        ("  at most, MB", ".0f", [one.at_most for one in crowds]),
        ("processor time a minute at rest, s", ".2f", [one.cpu for one in crowds]),
        ("first start → all ready, s", ".1f", [one.all_ready for one in crowds]),
        ("restart → first pass done, s", ".1f", [one.first_pass for one in crowds]),
        ("restart → all looked at, s", ".1f", [one.looked_at for one in crowds]),
        ("alias set → first follower patched, by webhook, median s", ".2f", _medians(crowds, "told_first")),
        ("alias set → all followers patched, by webhook, median s", ".2f", _medians(crowds, "told")),
        ("  just after a restart, median s", ".2f", _medians(crowds, "restarted")),
        (f"  by polling each {POLLED_EACH}, median s", ".2f", _medians(crowds, "polled")),
    ):
        print(f"{what:58}" + "".join(f"{figure:>8{form}}" for figure in figures))
    largest = max(crowds, key=lambda one: (one.count, one.models))
    followers = math.ceil(largest.count / largest.models)
    of = f"the slowest of {len(largest.told)}; {largest.count:,} there, {followers} follow"
    return rows(
        [
            # The polls are not in step with the seconds at rest: one more or less is no growth.
            Row(
                f"registry calls in {rest:g} s, most − least",
                max(one.calls for one in crowds) - min(one.calls for one in crowds),
                Bound(1),
            ),
            Row("the operator's memory at most, MB", max(one.at_most for one in crowds), Bound(MEGABYTES)),
            Row("alias set → patched by webhook, s", max(largest.told), Bound(SEEN), of),
            Row("alias set → patched by polling, s", max(largest.polled), Bound(SEEN), of),
        ]
    )


def _medians(crowds: Sequence[Figures], of: str) -> list[float]:
    return [statistics.median(getattr(one, of)) for one in crowds]
