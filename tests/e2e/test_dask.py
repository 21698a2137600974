"""A training on a Dask cluster in pods: a scheduler and two workers, none of which may hold all the rows."""

from __future__ import annotations

import json
import secrets
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

import psycopg
import pytest
import yaml

from relevo_contract.record import BatchRef, DecisionRecord, TrainReason, TrainVerdict
from relevo_jobs.registry import Registry
from relevo_jobs.stores.clean import CleanStore
from tests.e2e.cluster import Namespace
from tests.e2e.test_chart import named, rendered
from tests.e2e.whole.repository import ROOT
from tests.houses import LISTINGS
from tests.jobs.train.on_dask.many_listings import GROUP, fill

MODEL: Final = "house-prices"
ROWS: Final = 120_000
LIMIT: Final = "600M"
"""Of a worker's memory; in one process these rows take more (tests/jobs/train/on_dask/test_training.py)."""
SCHEDULER: Final = "tcp://training-scheduler:8786"


def clean(namespace: Namespace) -> str:
    """CLEAN as the chart installs it; its password."""
    password = secrets.token_hex(16)
    url = f"postgresql://relevo:{password}@relevo-clean:5432/clean"
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "relevo-clean"},
        "stringData": {"username": "relevo", "password": password, "url": url},
    }
    superuser = secret | {
        "metadata": {"name": "relevo-clean-superuser"},
        "stringData": {"username": "relevo_superuser", "password": secrets.token_hex(16)},
    }
    objects = [one for one in rendered({}) if one["metadata"]["name"] == "relevo-clean" and one["kind"] != "Secret"]
    namespace.apply(secret, superuser, *(one for one in objects if one["kind"] in ("Service", "StatefulSet")))
    namespace.until(lambda: namespace.get("statefulset/relevo-clean").get("status", {}).get("readyReplicas"), 180)
    return password


def dask(namespace: Namespace) -> None:
    """jobs/deploy/dask.yaml, its workers with less memory."""
    objects = list(yaml.safe_load_all((ROOT / "jobs" / "deploy" / "dask.yaml").read_text()))
    for one in objects:
        if one["metadata"]["name"] == "training-worker" and one["kind"] == "Deployment":
            one["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"] = LIMIT
    namespace.apply(*objects)
    namespace.wait("condition=Available", "deployment/training-scheduler", "deployment/training-worker", timeout=180)


def train_pod() -> dict[str, Any]:
    """The step's pod as the chart has Airflow make it, told of the cluster; MLflow is another one here."""
    given = {"dask": {"scheduler": SCHEDULER, "workerLabels": {"app": "training-worker"}}, "image": {"tag": "dev"}}
    pod = next(one for one in rendered(given) if one["kind"] == "Pod" and one["metadata"]["name"] == "relevo-train")
    container = pod["spec"]["containers"][0]
    container["image"] = container["image"].rpartition(":")[0] + ":dev"
    container["env"] = [one for one in container["env"] if not one["name"].startswith("MLFLOW_TRACKING_")]
    container["env"].append({"name": "MLFLOW_TRACKING_URI", "value": "http://mlflow:5000"})
    for mounts in (container["volumeMounts"], pod["spec"]["volumes"]):
        mounts[:] = [one for one in mounts if one["name"] != "mlflow"]
    pod["metadata"].pop("namespace", None)
    found: dict[str, Any] = pod
    return found


@pytest.mark.timeout(1500)
def test_two_worker_pods_train_what_neither_may_hold_under_the_restricted_level(namespace: Namespace) -> None:
    password = clean(namespace)
    namespace.mlflow()
    dask(namespace)
    namespace.apply(named(rendered({}), "ConfigMap", "relevo-use-case"))
    with namespace.port_forward("svc/relevo-clean", 5432) as port:
        url = f"postgresql://relevo:{password}@127.0.0.1:{port}/clean"
        namespace.until(lambda: _answers(url))
        fill(url, ROWS)
        newest = CleanStore(url, GROUP, LISTINGS).newest()
        assert newest is not None
    with namespace.port_forward("svc/mlflow", 5000) as port:
        registry = Registry(f"http://127.0.0.1:{port}", MODEL)
        record = DecisionRecord(
            batch=BatchRef(group=GROUP, number=newest.number, sha256=newest.sha256, rows=newest.rows, kept=newest.kept),
            champion_version=None,
            decided_at=datetime.now(UTC),
            decision=TrainVerdict(train=True, reason=TrainReason.BASELINE, sentence="said by the test"),
        )
        run_id = registry.save_decision(record)
        namespace.apply(train_pod())
        namespace.until(lambda: _ended(namespace), timeout=1200, pause=2)
        said = json.loads(_ended(namespace)["message"])
        assert said["status"] == "done", f"{said}\n{namespace.describe()}"
        assert (said["version"], said["rows"], said["run_id"]) == (1, ROWS * 4 // 5, run_id)
        pending = registry.pending_promotion(GROUP)
        assert pending is not None and pending[0] == run_id
        assert pending[1].training is not None and pending[1].training.parameters["workers"] == 2
    for pod in namespace.find("pod", "app=training-worker"):
        (worker,) = pod["status"]["containerStatuses"]
        assert (worker["ready"], worker["restartCount"]) == (True, 0), "a worker was ended for its memory"
        assert "exceeded 95% memory budget" not in namespace.logs(f"pod/{pod['metadata']['name']}")


def _answers(url: str) -> bool:
    with suppress(psycopg.OperationalError), psycopg.connect(url, connect_timeout=5):
        return True
    return False


def _ended(namespace: Namespace) -> Any:
    """How the step's container ended; None while it runs."""
    statuses = namespace.get("pod/relevo-train").get("status", {}).get("containerStatuses", [{}])
    return statuses[0].get("state", {}).get("terminated")
