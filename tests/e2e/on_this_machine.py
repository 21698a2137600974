"""A pod of the rendered chart as processes of this machine, with other addresses and its Secrets as files."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from relevo_operator.installing.completion import additions
from relevo_operator.installing.definitions import parse
from tests.e2e.test_chart import secrets_of_volume
from tests.e2e.whole.repository import ROOT


def made_secrets(objects: list[dict[str, Any]], said: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """What relevo-install makes of the chart's file, other addresses `said` for those of the cluster."""
    (file,) = (
        one["data"]["secrets.yaml"]
        for one in objects
        if (one["kind"], one["metadata"]["name"]) == ("ConfigMap", "relevo-install")
    )
    wanted = parse(yaml.safe_load(replaced(file, said)))
    return {name: additions(definition, {}, random.SystemRandom()) for name, definition in wanted.items()}


def replaced(text: str, said: Mapping[str, str]) -> str:
    """A text with other addresses."""
    for ours, theirs in said.items():
        text = text.replace(ours, theirs)
    return text


class Pod:
    """One pod's folders and environment."""

    def __init__(
        self, spec: dict[str, Any], secrets: Mapping[str, Mapping[str, str]], folder: Path, said: Mapping[str, str]
    ) -> None:
        self.spec, self.folder = spec, folder
        (folder / "tmp").mkdir(parents=True, exist_ok=True)
        self._said = {"/secrets/": f"{folder}/secrets/", "/tmp/": f"{folder}/tmp/", "$$": "$", **said}
        self.write(secrets)

    def write(self, secrets: Mapping[str, Mapping[str, str]]) -> None:
        """Mount what its volumes say, or mount it anew."""
        folders = {
            mount["name"]: self.folder / mount["mountPath"].removeprefix("/")
            for one in (*self.spec.get("initContainers", ()), *self.spec["containers"])
            for mount in one["volumeMounts"]
            if mount["mountPath"].startswith("/secrets")
        }
        for volume in self.spec["volumes"]:
            for secret, items in secrets_of_volume(volume):
                for item in items:
                    path = folders[volume["name"]] / item["path"]
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text(secrets[secret][item["key"]])

    def container(self, wanted: str) -> tuple[list[str], dict[str, str]]:
        """A container's command and environment."""
        (found,) = [
            one for one in (*self.spec.get("initContainers", ()), *self.spec["containers"]) if one["name"] == wanted
        ]
        given = {one["name"]: one.get("value", "127.0.0.1") for one in found.get("env", ())}
        for name, value in list(given.items()):
            given = {key: text.replace(f"$({name})", value) for key, text in given.items()}
        env = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": f"{self.folder}/tmp",
            "PYTHONPATH": str(ROOT / "images" / "mlflow" / "door"),
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "PYTHONWARNINGS": "ignore",
        } | {key: replaced(value, self._said) for key, value in given.items()}
        return [replaced(part, self._said) for part in (*found["command"], *found.get("args", ()))], env

    def run(self, name: str) -> str:
        """Run a container to its end; what it says."""
        command, env = self.container(name)
        ended = subprocess.run(command, env=env, cwd=self.folder, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout
