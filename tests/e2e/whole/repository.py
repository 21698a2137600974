"""A git repository inside the cluster: what Argo CD syncs from and Airflow's DAGs follow, on any cluster alike."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from tests.e2e.cluster import RESTRICTED, Namespace

ROOT: Final = Path(__file__).parents[3]
IMAGE: Final = "relevo/airflow:dev"
"""It holds git."""
PUBLISHED: Final = ("charts", "dags")
SERVE: Final = """\
git init --quiet --bare --initial-branch=main /srv/relevo.git && touch /srv/relevo.git/git-daemon-export-ok &&
exec git daemon --reuseaddr --base-path=/srv --enable=receive-pack --port=9418 /srv
"""


@dataclass(frozen=True)
class Repository:
    """A checkout here, and the address under which the cluster reads what is pushed from it."""

    folder: Path
    url: str
    _push: str

    def commit(self, why: str) -> str:
        """Commit what changed in the folder and push it; returns the commit."""
        self._git("add", "--all")
        self._git("commit", "--quiet", "--message", why)
        self._git("push", "--quiet", self._push, "HEAD:main")
        return self._git("rev-parse", "HEAD").strip()

    def edit(self, file: str, change: Callable[[Any], None], why: str) -> str:
        """Change a YAML file in place, commit and push it."""
        path = self.folder / file
        body = yaml.safe_load(path.read_text()) if path.exists() else {}
        change(body)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(body, sort_keys=False))
        return self.commit(why)

    def _git(self, *arguments: str) -> str:
        identity = ["-c", "user.name=e2e", "-c", "user.email=e2e@localhost", "-c", "commit.gpgsign=false"]
        command = ["git", "-C", str(self.folder), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout


@contextmanager
def served(namespace: Namespace, folder: Path, files: Mapping[str, Any]) -> Iterator[Repository]:
    """Publish this checkout's charts and DAGs, and YAML files besides, from a pod of the namespace."""
    namespace.apply(_pod(), _service())
    namespace.wait("condition=Ready", "pod/git")
    for name in PUBLISHED:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name, body in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(yaml.safe_dump(body, sort_keys=False))
    # By address: a repository server outside the cluster's pods knows none of its names.
    address = namespace.get("service/git")["spec"]["clusterIP"]
    with namespace.port_forward("svc/git", 9418) as port:
        made = Repository(folder, f"git://{address}/relevo.git", f"git://127.0.0.1:{port}/relevo.git")
        made._git("init", "--quiet", "--initial-branch=main")
        made.commit("What is installed first")
        yield made


def _pod() -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "git", "labels": {"app": "git"}},
        "spec": {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "containers": [
                {
                    "name": "git",
                    "image": IMAGE,
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["sh", "-c", SERVE],
                    "securityContext": RESTRICTED,
                    "readinessProbe": {"tcpSocket": {"port": 9418}, "periodSeconds": 1},
                    "resources": {"requests": {"cpu": "20m", "memory": "32Mi"}, "limits": {"memory": "256Mi"}},
                    "volumeMounts": [{"name": "srv", "mountPath": "/srv"}, {"name": "tmp", "mountPath": "/tmp"}],
                }
            ],
            "volumes": [{"name": "srv", "emptyDir": {}}, {"name": "tmp", "emptyDir": {}}],
        },
    }


def _service() -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "git"},
        "spec": {"selector": {"app": "git"}, "ports": [{"port": 9418}]},
    }
