"""Relevo's own servers as the demo runs them: the inference API and the UI."""

from __future__ import annotations

import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from relevo_demo.servers.ports import expect_free, free_port
from relevo_demo.servers.process import HOST, Server


class AppServer(Server):
    """`python -m MODULE` on 127.0.0.1, told its address by RELEVO_HOST and RELEVO_PORT."""

    def __init__(
        self, name: str, module: str, health: str, *, folder: Path, env: Mapping[str, str], port: int | None = None
    ) -> None:
        self.port = port or free_port()
        self.url = f"http://{HOST}:{self.port}"
        self._health = health
        command = [sys.executable, "-m", module]
        told = {**env, "RELEVO_HOST": HOST, "RELEVO_PORT": str(self.port)}
        super().__init__(name, command, log=folder.resolve() / f"{module}.log", ready=self._answers, env=told)

    def start(self) -> AppServer:
        """Start."""
        expect_free(self.port, self.name)
        super().start()
        return self

    def _answers(self) -> bool:
        try:
            urllib.request.urlopen(self.url + self._health, timeout=2).close()  # noqa: S310
        except OSError:
            return False
        return True


def api(folder: Path, env: Mapping[str, str], port: int | None = None) -> AppServer:
    """The inference API; `env` names MLflow, the model and RAW."""
    told = {**env, "RELEVO_SPOOL": str(folder.resolve() / "spool")}
    return AppServer("the inference API", "relevo_serving", "/readyz", folder=folder, env=told, port=port)


def ui(folder: Path, env: Mapping[str, str], port: int | None = None) -> AppServer:
    """The UI; `env` names MLflow, the model and the API."""
    return AppServer("the UI", "relevo_ui", "/_stcore/health", folder=folder, env=env, port=port)
