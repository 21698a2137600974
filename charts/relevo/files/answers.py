"""`helm test`: whether the installed release answers, part by part; ends with 1 and says which does not, and why."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import httpx

PATIENCE = 240.0
"""Seconds in which all must have answered: `helm test` is typed right after `helm install`, which waits for nothing."""
LOGIN = Path("/secrets")


def healthy(client: httpx.Client, url: str) -> str:
    """Anything that answers 200."""
    client.get(url).raise_for_status()
    return "answers"


def airflow(client: httpx.Client, url: str, dag: str) -> str:
    """Airflow's parts are healthy, it let us in, and knows the DAG without an error."""
    login = {name: (LOGIN / name).read_text() for name in ("username", "password")}
    token = client.post(f"{url}/auth/token", json=login).raise_for_status().json()["access_token"]

    def get(path: str) -> Any:
        return (
            client.get(f"{url}/api/v2/{path}", headers={"Authorization": f"Bearer {token}"}).raise_for_status().json()
        )

    parts = get("monitor/health")
    for part in ("metadatabase", "scheduler", "dag_processor"):
        if parts[part]["status"] != "healthy":
            raise ValueError(f"expected its {part} to be healthy, got {parts[part]}")
    if errors := get("importErrors")["import_errors"]:
        raise ValueError(f"expected a DAG without errors, got {errors[0]['stack_trace']}")
    try:
        paused = get(f"dags/{dag}")["is_paused"]
    except httpx.HTTPStatusError as error:
        raise ValueError(
            f"expected it to know the DAG {dag}, got {error.response.status_code}: can its dag-processor, whose log "
            "tells, reach the git repository, and is the DAG in the subdirectory that airflow.git names?"
        ) from error
    return f"DAG {dag}, {'paused' if paused else 'running'}"


def prometheus(client: httpx.Client, url: str) -> str:
    """Prometheus reaches each part that it asks, and its rules are sound."""
    targets = client.get(f"{url}/api/v1/targets?state=active").raise_for_status().json()["data"]["activeTargets"]
    for one in targets:
        if one["health"] != "up":
            raise ValueError(f"expected it to reach {one['scrapeUrl']}, got {one['lastError'] or 'no answer yet'}")
    groups = client.get(f"{url}/api/v1/rules").raise_for_status().json()["data"]["groups"]
    for rule in (rule for group in groups for rule in group["rules"]):
        if rule["health"] == "err":
            raise ValueError(f"expected the rule {rule['name']} to be evaluated, got {rule['lastError']}")
    return f"reaches {len(targets)} parts"


def model(client: httpx.Client, url: str) -> str:
    """The inference API; before the first promotion there is none."""
    try:
        serving = client.get(f"{url}/model").raise_for_status().json()["serving"]
    except httpx.TransportError as error:
        return f"no version serves yet ({error})"
    return f"serves version {serving['version']}"


Look = Callable[[httpx.Client, str], str]


def parts(environment: Mapping[str, str]) -> dict[str, tuple[Look, str]]:
    """What is asked of whom."""
    asked: dict[str, tuple[Look, str]] = {
        "MLflow": (healthy, f"{environment['MLFLOW']}/health"),
        "Airflow": (partial(airflow, dag=environment["DAG"]), environment["AIRFLOW"]),
        "operator": (healthy, f"{environment['OPERATOR']}/healthz"),
        "UI": (healthy, f"{environment['UI']}/_stcore/health"),
        "inference API": (model, environment["API"]),
    }
    if url := environment.get("SOURCE"):
        asked["data source"] = (healthy, f"{url}/health")
    if url := environment.get("PROMETHEUS"):
        asked["Prometheus"] = (prometheus, url)
    if url := environment.get("GRAFANA"):
        asked["Grafana"] = (healthy, f"{url}/api/health")
    return asked


def main() -> int:
    """Ask each part until it answers or patience ends."""
    ends = time.monotonic() + PATIENCE
    code = 0
    with httpx.Client(timeout=10) as client:
        for name, (look, url) in parts(os.environ).items():
            while True:
                try:
                    print(f"{name}: {look(client, url)}", flush=True)
                    break
                except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
                    if time.monotonic() > ends:
                        print(f"{name}: expected an answer from {url}, got: {error}", flush=True)
                        code = 1
                        break
                    time.sleep(2)
    return code


if __name__ == "__main__":
    sys.exit(main())
