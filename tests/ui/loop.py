"""The whole loop, ten batches through every step as processes on real servers, with the API and the UI beside it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from relevo_demo import state as states
from relevo_demo.arguments import STEP_COMMAND
from relevo_demo.loop import run_batches
from relevo_demo.recall import from_mlflow
from relevo_demo.screen import Screen
from relevo_demo.servers.apps import AppServer, api, ui
from relevo_demo.steps import Steps
from relevo_demo.system import Options, System, running
from tests.houses import HOUSES

BATCHES = 10
ASKED = 250
"""Houses asked for before the last batch, so that it has something to tell of what customers ask."""
LISTINGS = "RELEVO_TEST_LISTINGS"
"""Names a copy of the public listings; without it they are generated."""


@dataclass
class Loop:
    """It ran; what it left is served."""

    system: System
    api: AppServer
    ui: AppServer

    @property
    def mlflow_url(self) -> str:
        return self.system.mlflow_url


@contextmanager
def ran(folder: Path) -> Iterator[Loop]:
    """Run all batches, then serve until the block ends."""
    source = ["--batches", str(BATCHES), "--seed", "0", "--delay", "0"]
    if given := os.environ.get(LISTINGS):
        source += ["--data", str(Path(given).resolve())]
    with ExitStack() as stack:
        state = stack.enter_context(states.opened(folder))
        system = stack.enter_context(running(folder, Options(tuple(source))))
        serving = api(folder / "serving", system.env)
        pages = ui(folder / "ui", {**system.env, "RELEVO_API_URL": serving.url})

        def start(server: AppServer) -> None:
            stack.callback(server.stop)
            server.start().wait()

        def told() -> None:
            if len(state.rows) == BATCHES - 1:
                start(serving)
                _ask(serving.url)

        steps = Steps(STEP_COMMAND, system.env, folder / "steps.log")
        recall = from_mlflow(system.mlflow_url, system.group, system.model)
        run_batches(state, steps, Screen(HOUSES.data), recall, told)
        start(pages)
        yield Loop(system, serving, pages)


def _ask(url: str) -> None:
    """Price houses that differ from what was listed, and wait until RAW has them."""
    houses = [{"bed": 6, "house_size": 6000 + n, "city": "Springfield", "state": "Oregon"} for n in range(ASKED)]
    answer = httpx.post(f"{url}/predict", json={"instances": houses}, timeout=30)
    assert answer.json()["stored"], answer.text
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        figures = httpx.get(f"{url}/metrics", timeout=10).text
        if f"relevo_serving_inferences_delivered_total {ASKED}.0" in figures:
            return
        time.sleep(0.2)
    raise AssertionError(f"expected {ASKED} houses in RAW:\n{figures}")
