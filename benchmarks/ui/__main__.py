"""How soon a page is there, in a real browser: `make bench-ui`.

Two hundred batches and fifty versions in a real MLflow; the UI as a process. For each page the time from asking for its
address until what it tells stands on it, in a new window: at first (nothing is kept of MLflow's answers), and again
(within their five seconds). Beside it, in the same run, the limit: a Streamlit page that says one word.
"""

from __future__ import annotations

import argparse
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import httpx
from playwright.sync_api import Browser, expect

from relevo_demo.servers import MlflowServer, PostgresServer, S3Server, free_port
from relevo_demo.servers.apps import ui
from relevo_demo.servers.process import Server
from relevo_ui.__main__ import command
from relevo_ui.session import FRESH_SECONDS
from relevo_ui.settings import Settings
from tests.serving_process import serving
from tests.ui import long_history
from tests.ui.browser import chromium
from tests.versions import trained

FIRST_VIEW = 2.0
"""Seconds, at 200 batches."""
PAGES = {
    "": "200 batches, 50 trainings",
    "history": "What came",
    "models": "On the same rows",
    "data": "rows came in 200 batches",
    "predict": "Leave empty what you do not know",
}


def seconds(browser: Browser, url: str, words: str) -> float:
    """From asking for the address until the words stand on the page."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-US")
    page = context.new_page()
    began = time.monotonic()
    page.goto(url, wait_until="commit")
    expect(page.get_by_text(words).first).to_be_visible(timeout=60_000)
    taken = time.monotonic() - began
    context.close()
    return taken


def limit(folder: Path) -> tuple[Server, str]:
    """A Streamlit page that says one word."""
    (folder / "word.py").write_text("import streamlit as st\nst.title('word')\n")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    settings = Settings.model_validate({"tracking_uri": url, "api_url": url, "port": port})
    told = [str(folder / "word.py") if part.endswith("app.py") else part for part in command(settings)]

    def answers() -> bool:
        try:
            return httpx.get(f"{url}/_stcore/health").is_success
        except httpx.HTTPError:
            return False

    return Server("the limit", [sys.executable, "-m", "streamlit", *told], log=folder / "word.log", ready=answers), url


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; returns 1 if the first view of the overview is above its bound."""
    parser = argparse.ArgumentParser(prog="bench-ui", description=__doc__)
    parser.add_argument("--repeats", type=int, default=5, help="first views of each page (default 5)")
    parser.add_argument("--batches", type=int, default=200)
    given = parser.parse_args(arguments)
    model = f"house-prices-{secrets.token_hex(4)}"
    state = Path(__file__).parents[2] / ".relevo"
    state.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=state, prefix="bench-ui-") as name, ExitStack() as stack:
        folder = Path(name)
        postgres = stack.enter_context(PostgresServer(folder / "postgres"))
        s3 = stack.enter_context(S3Server(folder / "s3"))
        s3.create_bucket("relevo")
        mlflow = stack.enter_context(
            MlflowServer(
                folder / "mlflow",
                backend=postgres.url("metadata"),
                s3_url=s3.url,
                bucket="relevo",
                env=postgres.env | s3.env,
            )
        )
        began = time.monotonic()
        long_history.write(mlflow.url, model, trained()[0], batches=given.batches, versions=given.batches // 4)
        print(f"{given.batches} batches and {given.batches // 4} versions written in {time.monotonic() - began:.0f} s")
        api = stack.enter_context(serving(folder, mlflow.url, model))
        api.wait(lambda said: bool(said["serving"]))
        env = {"MLFLOW_TRACKING_URI": mlflow.url, "RELEVO_API_URL": api.url, "RELEVO_MODEL": model}
        pages = stack.enter_context(ui(folder / "ui", env))
        server, bare = limit(folder)
        stack.enter_context(server)
        browser = stack.enter_context(chromium())
        cold = seconds(browser, pages.url, PAGES[""])
        print(f"{'page':10} {'first view s':>13} {'most':>6} {'again s':>8} {'limit s':>8}")
        medians = {}
        for path, words in PAGES.items():
            first, again, least = [], [], []
            for _ in range(given.repeats):
                time.sleep(FRESH_SECONDS + 0.5)
                first.append(seconds(browser, f"{pages.url}/{path}", words))
                again.append(seconds(browser, f"{pages.url}/{path}", words))
                least.append(seconds(browser, bare, "word"))
            medians[path] = statistics.median(first)
            print(
                f"{path or 'overview':10} {medians[path]:13.2f} {max(first):6.2f} {statistics.median(again):8.2f} "
                f"{statistics.median(least):8.2f}"
            )
        print(f"the very first view of a new process: {cold:.2f} s")
    met = medians[""] <= FIRST_VIEW
    print(f"first view of the overview {medians['']:.2f} s, at most {FIRST_VIEW}: {'met' if met else 'MISSED'}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
