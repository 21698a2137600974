"""axe-core finds no serious fault on the pages: light and dark, in both languages, before real servers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from relevo_demo.servers import MlflowServer
from relevo_demo.servers.apps import AppServer, ui
from tests.serving_process import Running
from tests.ui.browser import opened, settled

pytestmark = pytest.mark.timeout(900)
PATHS = (
    "",
    "history?batch=3",
    "predict",
    "models",
    "models?show=card",
    "data",
    "data?show=columns",
    "data?show=live",
)
"""Another page is another line."""
GRAVE = {"serious", "critical"}


@pytest.fixture(scope="module")
def pages(
    mlflow: MlflowServer, told: str, serving_told: Running, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AppServer]:
    env = {"MLFLOW_TRACKING_URI": mlflow.url, "RELEVO_API_URL": serving_told.url, "RELEVO_MODEL": told}
    with ui(tmp_path_factory.mktemp("ui"), env | {"RELEVO_TIMEOUT": "30"}) as server:
        yield server


def answered(page: Page) -> None:
    """Where there is a form, its answer is looked at, too: of a value outside of the training, so that it warns."""
    page.locator("input[aria-label^='House size'], input[aria-label^='Superficie']").fill("350000")
    page.get_by_test_id("stFormSubmitButton").get_by_role("button").click()
    expect(page.get_by_test_id("stMetricValue")).to_contain_text("$")
    settled(page)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("locale", "dark"), [("en-US", False), ("es-PR", True)], ids=["light", "dark, in Spanish"])
def test_no_page_has_a_serious_fault(pages: AppServer, browser: Browser, path: str, dark: bool, locale: str) -> None:
    with opened(browser, f"{pages.url}/{path}", dark=dark, locale=locale) as page:
        if path == "predict":
            answered(page)
        page.wait_for_timeout(700)  # charts are drawn after the script's end
        drawn = page.locator("[data-testid=stVegaLiteChart]:visible").evaluate_all(
            "all => all.map(chart => chart.querySelectorAll('svg text').length)"
        )
        assert all(drawn), "no chart is blank, as one is that Vega cannot read"
        found = Axe().run(page).response["violations"]
        told = [f"{one['id']}: {node['html']}" for one in found if one["impact"] in GRAVE for node in one["nodes"]]
        assert told == []
        ground = page.evaluate("getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor")
        assert (sum(map(int, ground[4:-1].split(","))) < 200) == dark, "the page follows the system"
