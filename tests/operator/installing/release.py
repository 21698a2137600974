"""A namespace of a real API server, for what docs/installing.md shows as its example, with the rights it gives."""

from __future__ import annotations

import base64
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.kubernetes_api import KubernetesApi

DOCS = Path(__file__).parents[3] / "docs"
CRD = Path(__file__).parents[3] / "crds" / "modeldeployments.yaml"
PAGE = (DOCS / "installing.md").read_text()
_EXAMPLE, _RIGHTS = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
EXAMPLE: dict[str, Any] = yaml.safe_load(_EXAMPLE)
RIGHTS: list[dict[str, Any]] = list(yaml.safe_load_all(_RIGHTS))
COMMAND = (sys.executable, "-m", "relevo_operator.installing")
KILLED = """
import os, signal, sys
from relevo_operator.installing.__main__ import main
from relevo_operator.installing.cluster import Cluster

method, when, call = sys.argv[1:]
original, left = getattr(Cluster, method), int(call)

def die():
    sys.stdout.flush()
    os.kill(os.getpid(), signal.SIGKILL)

def killed(*arguments):
    global left
    left -= 1
    if left == 0 and when == "before":
        die()
    result = original(*arguments)
    if left == 0:
        die()
    return result

setattr(Cluster, method, killed)
sys.exit(main([]))
"""
"""relevo-install, killed before or after one call of one method of its edge."""


@dataclass(frozen=True)
class Ended:
    """How a process ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def events(self) -> list[str]:
        return [json.loads(line)["event"] for line in self.stdout.splitlines()]


@dataclass
class Release:
    """One namespace; `rights` are the rules of the page, which a test may change before it installs."""

    api: KubernetesApi
    folder: Path
    namespace: str = field(init=False)

    def __post_init__(self) -> None:
        self.namespace = self.api.new_namespace("install")

    def allow(self, without: str = "") -> Path:
        """A kubeconfig with the rights of the page, less one verb."""
        rights = deepcopy(RIGHTS)
        for one in rights:
            one["metadata"]["namespace"] = self.namespace
            for subject in one.get("subjects", ()):
                subject["namespace"] = self.namespace
            for rule in one.get("rules", ()):
                resource = rule["resources"][0]
                rule["verbs"] = [verb for verb in rule["verbs"] if f"{verb} {resource}" != without]
            if "rules" in one:
                one["rules"] = [rule for rule in one["rules"] if rule["verbs"]]
        self.api.kubectl("apply", "-f", "-", input=yaml.safe_dump_all(rights))
        return self.api.kubeconfig_for_service_account(self.namespace, "relevo-install")

    def env(self, kubeconfig: Path, **settings: str) -> dict[str, str]:
        """The environment of the process: what the page shows, and the settings given."""
        secrets_file = self.folder / "secrets.yaml"
        if not secrets_file.exists():
            secrets_file.write_text(_EXAMPLE)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("RELEVO_", "KUBE"))}
        return {
            **inherited,
            "KUBECONFIG": str(kubeconfig),
            "RELEVO_NAMESPACE": self.namespace,
            "RELEVO_SECRETS_FILE": str(secrets_file),
            **settings,
        }

    def start(self, kubeconfig: Path, *command: str, **settings: str) -> subprocess.Popen[str]:
        """Start relevo-install, or what is given instead of it."""
        return subprocess.Popen(
            command or COMMAND,
            env=self.env(kubeconfig, **settings),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def finish(self, process: subprocess.Popen[str]) -> Ended:
        """Wait for its end; whatever happened, it told no value."""
        stdout, stderr = process.communicate(timeout=120)
        told = stdout + stderr
        for name, values in self.values().items():
            for key, value in values.items():
                drawn = "random" in EXAMPLE.get(name, {}).get(key, {}) or len(value) > len("relevo")
                assert not drawn or value not in told, f"the value of {key} in {name} is told"
        return Ended(process.returncode, stdout, stderr)

    def install(self, kubeconfig: Path, **settings: str) -> Ended:
        """Run it to its end."""
        return self.finish(self.start(kubeconfig, **settings))

    def install_killed(self, kubeconfig: Path, method: str, when: str, call: int) -> None:
        """Run it to where it is killed."""
        ended = self.finish(self.start(kubeconfig, sys.executable, "-c", KILLED, method, when, str(call)))
        assert ended.code == -9, f"expected it to be killed, it ended with {ended.code}: {ended.stdout}{ended.stderr}"

    def secrets(self) -> dict[str, dict[str, Any]]:
        """The namespace's Secrets, whole."""
        return {one["metadata"]["name"]: one for one in self.api.get("secrets", "-n", self.namespace)["items"]}

    def values(self) -> dict[str, dict[str, str]]:
        """What stands in them."""
        return {
            name: {key: base64.b64decode(value).decode() for key, value in (one.get("data") or {}).items()}
            for name, one in self.secrets().items()
        }

    def make(self, name: str, values: Mapping[str, str]) -> None:
        """Make a Secret as a user does."""
        literals = [f"--from-literal={key}={value}" for key, value in values.items()]
        self.api.kubectl("create", "secret", "generic", name, "-n", self.namespace, *literals)

    def mend(self, line: str, value: str) -> None:
        """Do what a message says, with a value where it leaves one to the user."""
        program, *arguments = shlex.split(line.replace("...", value))
        assert program == "kubectl"
        self.api.kubectl(*arguments)

    def whole(self) -> dict[str, dict[str, str]]:
        """What stands in the Secrets of the page, which must be complete and fit together."""
        values = self.values()
        assert {name: set(keys) for name, keys in EXAMPLE.items()} == {name: set(values[name]) for name in EXAMPLE}
        raw, login, s3 = values["relevo-raw"], values["relevo-airflow-login"], values["relevo-s3"]
        assert raw["url"] == f"postgresql://{raw['username']}:{raw['password']}@relevo-raw:5432/raw"
        assert json.loads(login["passwords.json"]) == {login["username"]: login["password"]}
        identity = json.loads(s3["identities.json"])["identities"][0]
        assert identity["credentials"] == [{"accessKey": s3["access-key"], "secretKey": s3["secret-key"]}]
        return values
