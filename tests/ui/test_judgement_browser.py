"""What decisions are judged by, in a real browser: in both languages, light and dark, wide and narrow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from relevo_demo.servers import MlflowServer
from relevo_demo.servers.apps import AppServer, ui
from tests.ui.browser import LAPTOP, PHONE, opened, picture, settled, text_of

pytestmark = pytest.mark.timeout(900)
SHOWN = {
    "history?batch=4": (11, "40 of 120", "40 de 120"),
    "": (3, "Of 7 batches 5 (71.4 %)", "5 de 7 lotes (71.4 %)"),
}
"""By page how many charts it has, and a figure of it: a batch's changes, promise, expected gain, learning curve, the
difference and the errors that decided, states, rehearsal with its two charts, and what the version looks at, without a
column's distribution, which these records do not have; of all batches the timeline, the intervals and the trainings."""


@pytest.fixture(scope="module")
def pages(mlflow: MlflowServer, judged: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    env = {
        "MLFLOW_TRACKING_URI": mlflow.url,
        "RELEVO_API_URL": "http://127.0.0.1:9",
        "RELEVO_MODEL": judged,
        "RELEVO_TIMEOUT": "30",
    }
    with ui(tmp_path_factory.mktemp("ui"), env) as server:
        yield server


@pytest.mark.parametrize(
    ("name", "size", "dark", "locale"),
    [
        ("judgement", LAPTOP, False, "en-US"),
        ("judgement-dark", LAPTOP, True, "en-US"),
        ("judgement-es", LAPTOP, False, "es-PR"),
        ("judgement-phone", PHONE, False, "en-US"),
        ("judgement-phone-es-dark", PHONE, True, "es-PR"),
    ],
)
def test_the_pages_show_what_decisions_are_judged_by(
    pages: AppServer, browser: Browser, tmp_path: Path, name: str, size: dict[str, int], dark: bool, locale: str
) -> None:
    for path, (charts, english, other) in SHOWN.items():
        with opened(browser, f"{pages.url}/{path}", size=size, dark=dark, locale=locale) as page:
            for folded in () if path else page.locator("summary").all():
                folded.click()
                settled(page)
            expect(page.get_by_test_id("stVegaLiteChart")).to_have_count(charts)
            assert (other if locale.startswith("es") else english) in text_of(page)
            wide = page.evaluate(
                "[...document.querySelectorAll('[data-testid=stMain] *')].filter(e => "
                "e.getBoundingClientRect().right > window.innerWidth + 1 && "
                "!e.closest('[data-testid=stDataFrame]')).length"
            )
            assert wide == 0
            picture(page, f"{name}{'' if path else '-overview'}", tmp_path)
            texts = page.get_by_test_id("stVegaLiteChart").evaluate_all("all => all.map(e => e.ariaLabel ?? '')")
            assert min(map(len, texts)) > 30, "who cannot see a chart is told the same"
