"""A real Kubernetes API on this machine: etcd and kube-apiserver, and nothing behind them.

No controller runs: a Deployment makes no pods, nothing is garbage-collected, a namespace is never deleted. Tests play
the controllers by patching status.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from relevo_demo.servers import free_port
from relevo_demo.servers.process import HOST, Server, ServerError
from tests.certificates import Authority, pem, private_key

PROGRAMS: Final = ("etcd", "kube-apiserver", "kubectl")
BUILD: Final = Path(__file__).parent / "kube" / "build-assets"
ROOT: Final = Path(__file__).parents[1]
_ADMIN: Final = ("admin", ["system:masters"])
_ISSUER: Final = "https://kubernetes.default.svc"


def find_assets() -> Path:
    """The folder of etcd, kube-apiserver and kubectl: KUBEBUILDER_ASSETS, or the checkout's own, built if need be.

    Raises ServerError.
    """
    if named := os.environ.get("KUBEBUILDER_ASSETS"):
        folder = Path(named)
        if missing := [name for name in PROGRAMS if not os.access(folder / name, os.X_OK)]:
            raise ServerError(
                f"KUBEBUILDER_ASSETS: expected a folder with {', '.join(PROGRAMS)}, {named} lacks "
                f"{', '.join(missing)}: correct it, or unset it and they are built into the checkout"
            )
        return folder
    script = BUILD.relative_to(ROOT)
    done = subprocess.run([str(BUILD)], stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise ServerError(
            f"expected {script} to build {', '.join(PROGRAMS)}, it ended with code {done.returncode}: run it by itself "
            "to see why, or name a folder that has them in KUBEBUILDER_ASSETS"
        )
    return ROOT / ".tools" / "kube"


class KubernetesApi:
    """The two servers and a way to talk to them. Use it as a context manager."""

    def __init__(self, assets: Path, folder: Path) -> None:
        self._assets, self._folder = assets.resolve(), folder.resolve()
        self._authority = Authority()
        self._port = free_port()
        self.url = f"https://{HOST}:{self._port}"
        self.kubeconfig = self._folder / "kubeconfig"
        """Of a user who may do everything."""
        self._tls = ssl.create_default_context(cadata=self._authority.certificate.decode())
        self._running = ExitStack()

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._write_keys()
        self._write_kubeconfig(self.kubeconfig, *_ADMIN)
        with ExitStack() as starting:
            etcd = f"http://{HOST}:{free_port()}"
            starting.enter_context(self._etcd(etcd))
            starting.enter_context(self._apiserver(etcd))
            self._running = starting.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.close()

    def kubectl(
        self,
        *arguments: str,
        input: str | None = None,  # noqa: A002  # subprocess's name for it
        kubeconfig: Path | None = None,
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl, as administrator if no kubeconfig is given. Raises ServerError if it fails and `check`."""
        command = [
            str(self._assets / "kubectl"),
            f"--kubeconfig={kubeconfig or self.kubeconfig}",
            f"--cache-dir={self._folder / 'kubectl-cache'}",  # the user's own may know another server at this port
            *arguments,
        ]
        env = {key: value for key, value in os.environ.items() if not key.startswith(("KUBE", "KUBECTL_"))}
        done = subprocess.run(command, input=input or "", env=env, capture_output=True, text=True, check=False)
        if check and done.returncode:
            raise ServerError(
                f"expected kubectl {' '.join(arguments)} to succeed, it ended with code {done.returncode} and says:\n"
                f"{done.stderr.strip()}"
            )
        return done

    def get(self, *arguments: str) -> Any:
        """What `kubectl get` finds, as plain JSON."""
        return json.loads(self.kubectl("get", *arguments, "-o", "json").stdout)

    def new_namespace(self, prefix: str = "test") -> str:
        """Make a namespace of one test's own. It stays: nothing here would delete it."""
        name = f"{prefix}-{secrets.token_hex(4)}"
        self.kubectl("create", "namespace", name)
        return name

    def apply_crds(self, path: Path) -> None:
        """Apply CustomResourceDefinitions and wait until the server serves and explains them."""
        applied = self.kubectl("apply", "-f", str(path), "-o", "name").stdout.split()
        self.kubectl("wait", "--for=condition=Established", "--timeout=30s", *applied)
        for name in applied:
            spec = self.get(name)["spec"]
            for version in spec["versions"]:
                published = f"/openapi/v3/apis/{spec['group']}/{version['name']}"
                _wait(partial(self._answers, published), f"{name} in {published}")

    def kubeconfig_for(self, user: str, groups: Sequence[str] = ()) -> Path:
        """A kubeconfig of a user in these groups; what they may do is what RBAC objects in the server say."""
        path = self._folder / f"{secrets.token_hex(4)}.kubeconfig"
        self._write_kubeconfig(path, user, groups)
        return path

    def kubeconfig_for_service_account(self, namespace: str, name: str) -> Path:
        """A kubeconfig of whom a pod with this ServiceAccount is to the server."""
        groups = ["system:serviceaccounts", f"system:serviceaccounts:{namespace}"]
        return self.kubeconfig_for(f"system:serviceaccount:{namespace}:{name}", groups)

    def _write_kubeconfig(self, path: Path, user: str, groups: Sequence[str]) -> None:
        issued = self._authority.client(user, groups)
        cluster = {"server": self.url, "certificate-authority-data": _base64(self._authority.certificate)}
        login = {
            "client-certificate-data": _base64(issued.certificate),
            "client-key-data": _base64(issued.key),
        }
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "tests", "cluster": cluster}],
            "users": [{"name": user, "user": login}],
            "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": user}}],
            "current-context": "tests",
        }
        path.touch(mode=0o600)
        path.write_text(json.dumps(config))

    def _write_keys(self) -> None:
        server, admin = self._authority.server(HOST), self._authority.client(*_ADMIN)
        for name, content in {
            "ca.crt": self._authority.certificate,
            "server.crt": server.certificate,
            "server.key": server.key,
            "accounts.key": pem(private_key()),
            "admin.pem": admin.certificate + admin.key,
        }.items():
            path = self._folder / name
            path.touch(mode=0o600)
            path.write_bytes(content)
        self._tls.load_cert_chain(self._folder / "admin.pem")

    def _etcd(self, url: str) -> Server:
        peers = f"http://{HOST}:{free_port()}"
        command = [
            str(self._assets / "etcd"),
            f"--data-dir={self._folder / 'etcd'}",
            "--unsafe-no-fsync",  # nobody needs these data after a power cut
            f"--listen-client-urls={url}",
            f"--advertise-client-urls={url}",
            f"--listen-peer-urls={peers}",
            f"--initial-advertise-peer-urls={peers}",
            f"--initial-cluster=default={peers}",
            "--log-level=warn",
        ]
        return Server("etcd", command, log=self._folder / "etcd.log", ready=partial(_answers, f"{url}/health"))

    def _apiserver(self, etcd: str) -> Server:
        command = [
            str(self._assets / "kube-apiserver"),
            f"--etcd-servers={etcd}",
            f"--bind-address={HOST}",
            f"--advertise-address={HOST}",
            f"--secure-port={self._port}",
            f"--tls-cert-file={self._folder / 'server.crt'}",
            f"--tls-private-key-file={self._folder / 'server.key'}",
            f"--client-ca-file={self._folder / 'ca.crt'}",
            f"--service-account-issuer={_ISSUER}",
            f"--service-account-key-file={self._folder / 'accounts.key'}",
            f"--service-account-signing-key-file={self._folder / 'accounts.key'}",
            "--authorization-mode=RBAC",
            "--service-cluster-ip-range=10.0.0.0/16",
            "--endpoint-reconciler-type=none",  # the one there is may not be on loopback
            "--disable-admission-plugins=ServiceAccount",  # it waits for accounts that only a controller makes
            "--profiling=false",
        ]
        return Server("kube-apiserver", command, log=self._folder / "kube-apiserver.log", ready=self._is_ready)

    def _is_ready(self) -> bool:
        # The API server's own controllers make namespaces and Services' addresses, and /readyz does not await them.
        found = ("/readyz", "/api/v1/namespaces/default", "/api/v1/namespaces/default/services/kubernetes")
        return all(map(self._answers, found))

    def _answers(self, path: str) -> bool:
        return _answers(self.url + path, self._tls)


def _answers(url: str, tls: ssl.SSLContext | None = None) -> bool:
    """Whether there is something at an address."""
    try:
        with urllib.request.urlopen(url, timeout=5, context=tls):
            return True
    except OSError:  # also what HTTP calls an error
        return False


def _wait(done: Callable[[], bool], what: str, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise ServerError(f"expected {what} within {seconds:g} s, it has not come")
        time.sleep(0.05)


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
