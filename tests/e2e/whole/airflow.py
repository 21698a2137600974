"""Airflow as a person with its login sees it, over its public API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx

DAG = "house-prices"
STEPS = ("collect", "clean", "decide", "train", "promote", "next")


@dataclass(frozen=True)
class Run:
    """One run of the DAG and the state of each of its tasks."""

    id: str
    state: str
    tasks: dict[str, str]
    seconds: float | None


class Airflow:
    """The API at a URL, and one of its DAGs."""

    def __init__(self, url: str, username: str, password: str, dag: str = DAG) -> None:
        self._url, self._login, self._dag = url, {"username": username, "password": password}, dag
        self._client = httpx.Client(timeout=30, transport=httpx.HTTPTransport(retries=3))

    def get(self, path: str, **parameters: Any) -> Any:
        """What a path of the API answers."""
        if "Authorization" not in self._client.headers:
            answer = self._client.post(f"{self._url}/auth/token", json=self._login)
            answer.raise_for_status()
            self._client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        answer = self._client.get(f"{self._url}/api/v2/{path}", params=parameters)
        answer.raise_for_status()
        return answer.json()

    def runs(self) -> list[Run]:
        """All runs, oldest first."""
        found = self.get(f"dags/{self._dag}/dagRuns", order_by="run_after", limit=100)["dag_runs"]
        return [
            Run(one["dag_run_id"], one["state"], self._tasks(one["dag_run_id"]), one.get("duration")) for one in found
        ]

    def trigger(self) -> None:
        """Start a run, as the button does."""
        self.get("version")  # logs in
        answer = self._client.post(f"{self._url}/api/v2/dags/{self._dag}/dagRuns", json={"logical_date": None})
        answer.raise_for_status()

    def _tasks(self, run: str) -> dict[str, str]:
        found = self.get(f"dags/{self._dag}/dagRuns/{run}/taskInstances", limit=100)["task_instances"]
        return {one["task_id"]: one["state"] for one in found}

    def sentence(self, run: str, task: str) -> str:
        """What a step said, as the task's XCom shows it."""
        path = f"dags/{self._dag}/dagRuns/{run}/taskInstances/{task}/xcomEntries/sentence"
        return str(self.get(path)["value"])

    def link(self, run: str, task: str) -> str:
        """Where the task's link to MLflow leads."""
        return str(self.get(f"dags/{self._dag}/dagRuns/{run}/taskInstances/{task}/links")["extra_links"]["MLflow run"])

    def log(self, run: str, task: str) -> str:
        """The log of a task's first try."""
        path = f"dags/{self._dag}/dagRuns/{run}/taskInstances/{task}/logs/1"
        return str(self.get(path, full_content=True))
