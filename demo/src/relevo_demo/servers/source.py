"""The data source as a server of the demo and of the tests."""

from __future__ import annotations

import sys
import urllib.request
from pathlib import Path
from typing import Final

from relevo_demo.servers.ports import expect_free, free_port
from relevo_demo.servers.process import HOST, Server

SOURCE: Final = "relevo_demo.source"
"""The module of the listings' source."""


class SourceServer(Server):
    """`python -m MODULE` on 127.0.0.1; `arguments` are its own beside --port (see `relevo-source --help`)."""

    def __init__(self, folder: Path, *arguments: str, port: int | None = None, module: str = SOURCE) -> None:
        self.port = port or free_port()
        self.url = f"http://{HOST}:{self.port}"
        command = [sys.executable, "-m", module, "--port", str(self.port), *arguments]
        super().__init__("the data source", command, log=folder.resolve() / "source.log", ready=self._answers)

    def start(self) -> SourceServer:
        """Start."""
        expect_free(self.port, self.name)
        super().start()
        return self

    def _answers(self) -> bool:
        try:
            urllib.request.urlopen(f"{self.url}/health", timeout=2).close()  # noqa: S310
        except OSError:
            return False
        return True
