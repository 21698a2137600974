"""What decisions are judged by, in a real browser: in both languages, light and dark, wide and narrow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from relevo_demo.servers import MlflowServer
from relevo_demo.servers.apps import AppServer, ui
from tests.ui.browser import LAPTOP, PHONE, opened, picture, text_of

pytestmark = pytest.mark.timeout(900)
CHARTS = 12
"""Errors, intervals and trainings in time; what moved, the expected gain, the learning curve, the promise, the
comparison and that by state, the rehearsal and its two charts of where changes gather, but without a column's
distribution, which these records do not have."""


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
def test_a_batch_shows_what_its_decisions_are_judged_by(
    pages: AppServer, browser: Browser, tmp_path: Path, name: str, size: dict[str, int], dark: bool, locale: str
) -> None:
    spanish = locale.startswith("es")
    with opened(browser, f"{pages.url}/history?batch=4", size=size, dark=dark, locale=locale) as page:
        heading = "Qué notarían los clientes" if spanish else "What customers would notice"
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
        said = text_of(page)
        assert ("De 7 lotes, 5 (71.4 %)" if spanish else "Of 7 batches 5 (71.4 %)") in said
        assert ("40 de 120" if spanish else "40 of 120") in said
        wide = page.evaluate(
            "[...document.querySelectorAll('[data-testid=stMain] *')].filter(e => "
            "e.getBoundingClientRect().right > window.innerWidth + 1 && "
            "!e.closest('[data-testid=stDataFrame]')).length"
        )
        assert wide == 0
        picture(page, name, tmp_path)
        texts = page.get_by_test_id("stVegaLiteChart").evaluate_all("all => all.map(e => e.ariaLabel ?? '')")
        assert len(texts) == CHARTS
        assert min(map(len, texts)) > 30, "who cannot see a chart is told the same"
