"""The pages in a real browser, before the demo's real servers. Its pictures are what docs/ui.md shows."""

from __future__ import annotations

import csv
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from relevo_contract.record import Criterion, TrainReason
from relevo_demo.servers import MlflowServer
from relevo_demo.servers.apps import AppServer, ui
from relevo_jobs.registry import Registry
from tests.gate import Gate
from tests.serving_process import Running, serving
from tests.ui import story
from tests.ui.browser import PHONE, opened, picture, settled, text_of
from tests.ui.loop import BATCHES, Loop

pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def pages(tmp_path: Path, mlflow: MlflowServer, model_name: str) -> Iterator[AppServer]:
    """A UI before a model of the test's own, and no API."""
    env = {"MLFLOW_TRACKING_URI": mlflow.url, "RELEVO_API_URL": "http://127.0.0.1:9", "RELEVO_MODEL": model_name}
    with ui(tmp_path / "ui", env) as server:
        yield server


def predict(page: Page) -> None:
    page.get_by_role("button", name="Predict", exact=True).click()
    page.wait_for_timeout(300)  # until the page's script has begun
    settled(page)


def selected(page: Page, label: str) -> str:
    """What a list shows as chosen."""
    box = page.get_by_test_id("stSelectbox").filter(has_text=label)
    return str(box.evaluate("e => e.innerText + ' ' + (e.querySelector('input')?.value ?? '')"))


def test_a_house_gets_its_price_its_range_its_version_and_what_made_it(
    loop: Loop, browser: Browser, tmp_path: Path
) -> None:
    with opened(browser, f"{loop.ui.url}/predict") as page:
        page.get_by_role("spinbutton", name="House size, square feet").fill("2400")
        predict(page)
        expect(page.get_by_test_id("stMetricValue")).to_contain_text("$")
        said = text_of(page)
        assert "In nine of ten such rows, price is between $" in said
        assert "Answered by version" in said
        assert "just now" in said or "ago" in said
        assert "What raised and lowered this prediction" in said
        expect(page.get_by_test_id("stVegaLiteChart")).to_have_count(2)
        picture(page, "predict", tmp_path)


def steps_drawn(page: Page) -> list[tuple[str, float]]:
    """What the waterfall shows, from above: each step's label and its dollars."""
    chart = page.get_by_test_id("stVegaLiteChart").last
    labels, amounts = (
        chart.locator(f"{what} text").evaluate_all(
            "all => all.map(e => [e.getBoundingClientRect().top, e.textContent]).sort((a, b) => a[0] - b[0])"
        )
        for what in (".role-axis:has(text:text('this row')) .role-axis-label", ".mark-text.role-mark")
    )
    dollars = [float(re.sub(r"[+$,]", "", text).replace("−", "-")) for _, text in amounts]
    return list(zip([text for _, text in labels], dollars, strict=True))


def test_a_second_price_is_explained_in_its_own_order(
    browser: Browser, mlflow: MlflowServer, told: str, serving_told: Running, tmp_path: Path
) -> None:
    env = {"MLFLOW_TRACKING_URI": mlflow.url, "RELEVO_API_URL": serving_told.url, "RELEVO_MODEL": told}
    orders = []
    with ui(tmp_path / "ui", env) as server, opened(browser, f"{server.url}/predict") as page:
        for size in ("9000", "1300", "300"):
            page.get_by_role("spinbutton", name="House size, square feet").fill(size)
            predict(page)
            expect(page.get_by_test_id("stVegaLiteChart").last).to_contain_text(f"house size {int(size):,}")
            picture(page, f"size-{size}", tmp_path)
            (first, base), *steps, (last, price) = steps_drawn(page)
            assert (first, last) == ("a typical row", "this row")
            assert base + sum(amount for _, amount in steps) == pytest.approx(price, abs=10)
            assert [abs(amount) for _, amount in steps] == sorted((abs(a) for _, a in steps), reverse=True)
            orders.append([label.split()[0] for label, _ in steps])
    assert orders[0] != orders[1], "else nothing is tried"


def test_an_unknown_place_can_be_typed_and_is_predicted_with_a_warning(loop: Loop, browser: Browser) -> None:
    with opened(browser, f"{loop.ui.url}/predict") as page:
        city = page.get_by_role("combobox", name="City")
        city.fill("Nowhere upon Sea")
        city.press("Enter")
        predict(page)
        expect(page.get_by_test_id("stMetricValue")).to_contain_text("$")
        assert "The model never saw this city “Nowhere upon Sea”" in text_of(page)


def below(field: Locator, told: Locator) -> bool:
    """Whether what is told stands right below the field."""
    above, under = field.bounding_box(), told.bounding_box()
    assert above is not None
    assert under is not None
    return 0 < under["y"] - above["y"] < 120 and abs(under["x"] - above["x"]) < 60


def test_a_wrong_value_is_explained_beside_its_field_and_kept(loop: Loop, browser: Browser, tmp_path: Path) -> None:
    with opened(browser, f"{loop.ui.url}/predict") as page:
        code = page.get_by_role("combobox", name="Zip code")
        code.fill("0" * 21)
        code.press("Enter")
        predict(page)
        told = page.get_by_role("alert").filter(has_text="at most 20 characters")
        expect(told).to_have_count(1)
        assert below(code, told)
        expect(page.get_by_test_id("stMetricValue")).to_have_count(0)
        expect(code).to_have_value("0" * 21)
        picture(page, "wrong-value", tmp_path)
        code.fill("00601")
        code.press("Enter")
        predict(page)
        expect(page.get_by_test_id("stMetricValue")).to_contain_text("$")


@pytest.mark.parametrize(
    ("typed", "said"), [("-2", "expected 1 to 100, got -2"), ("3.5", "expected a whole number, got 3.5")]
)
def test_what_cannot_be_is_refused_beside_its_field_and_kept(
    loop: Loop, browser: Browser, typed: str, said: str
) -> None:
    with opened(browser, f"{loop.ui.url}/predict") as page:
        bedrooms = page.get_by_role("spinbutton", name="Bedrooms")
        bedrooms.fill(typed)
        bedrooms.press("Tab")
        predict(page)
        told = page.get_by_role("alert").filter(has_text=f"Bedrooms: {said}")
        expect(told).to_have_count(1)
        assert below(bedrooms, told)
        expect(page.get_by_test_id("stMetricValue")).to_have_count(0)
        expect(bedrooms).to_have_value(typed)


def test_the_cities_offered_are_those_of_the_chosen_state(loop: Loop, browser: Browser) -> None:
    offered = {}
    with opened(browser, f"{loop.ui.url}/predict") as page:
        for state in ("Puerto Rico", "Massachusetts"):
            choose(page, "State", state)
            page.get_by_role("combobox", name="City").click()
            offered[state] = set(page.get_by_role("option").all_inner_texts())
            page.keyboard.press("Escape")
    assert all(offered.values())
    assert offered["Puerto Rico"] != offered["Massachusetts"]


def test_the_form_is_filled_and_sent_by_keyboard_alone(loop: Loop, browser: Browser) -> None:
    with opened(browser, f"{loop.ui.url}/predict") as page:
        page.get_by_role("spinbutton", name="House size, square feet").focus()
        page.keyboard.press("ControlOrMeta+a")
        page.keyboard.type("2400")
        reached = []
        for _ in range(40):
            page.keyboard.press("Tab")
            name = page.evaluate("document.activeElement.innerText || document.activeElement.ariaLabel || ''")
            reached.append(name)
            if name.strip().endswith("Predict"):
                break
        else:
            raise AssertionError(f"the button is not reached by Tab: {reached}")
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("stMetricValue")).to_contain_text("$")


def test_a_csv_of_many_houses_comes_back_with_prices_and_what_is_wrong(
    loop: Loop, browser: Browser, tmp_path: Path
) -> None:
    rows = ["bed,house_size,state,remark"] + [f"{1 + n % 5},{900 + n},Massachusetts,mine" for n in range(1200)]
    rows[700] = "four,900,Massachusetts,wrong"
    rows[800] = "-4,900,Massachusetts,mine"
    file = tmp_path / "rows.csv"
    file.write_text("\n".join(rows) + "\n")
    with opened(browser, f"{loop.ui.url}/predict") as page:
        page.get_by_role("tab", name="Many rows, from a CSV").click()
        page.locator("input[type=file]").set_input_files(file)
        expect(page.get_by_text("1,199 of 1,200 rows are predicted.")).to_be_visible()
        assert "Line 701: bedrooms: expected a number such as 1200, 1,200 or 1200.5, got 'four'" in text_of(page)
        assert "Line 801: bedrooms: expected 1 to 100, got -4" in text_of(page)
        assert "Not used: remark." in text_of(page)
        picture(page, "many-houses", tmp_path)
        with page.expect_download() as download:
            page.get_by_role("button", name="Download the predictions").click()
        found = list(csv.DictReader(download.value.path().read_text().splitlines()))
    assert len(found) == 1200
    assert {row["remark"] for row in found} == {"mine", "wrong"}
    assert sum(float(row["predicted_price"] or 0) > 1000 for row in found) == 1199
    assert found[699]["problem"].startswith("bedrooms: expected a number")
    assert found[799]["note"] == "bedrooms: expected 1 to 100, got -4"


def test_a_file_that_is_no_csv_of_houses_is_told(loop: Loop, browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("name,colour\na,b\n")
    with opened(browser, f"{loop.ui.url}/predict") as page:
        page.get_by_role("tab", name="Many rows, from a CSV").click()
        page.locator("input[type=file]").set_input_files(tmp_path / "other.csv")
        expect(page.get_by_role("alert").filter(has_text="Expected a first line with names such as")).to_be_visible()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_overview_tells_whether_all_is_well_and_every_batch(
    loop: Loop, browser: Browser, tmp_path: Path, dark: bool
) -> None:
    with opened(browser, loop.ui.url, dark=dark) as page:
        said = text_of(page)
        assert f"{BATCHES} batches" in said
        assert "All is well." in said
        expect(page.get_by_role("link", name=re.compile("^Batch "))).to_have_count(BATCHES)
        picture(page, "overview-dark" if dark else "overview", tmp_path)


def test_a_click_on_the_timeline_opens_the_batch_and_so_does_a_key_on_its_card(loop: Loop, browser: Browser) -> None:
    with opened(browser, loop.ui.url) as page:
        chart = page.get_by_test_id("stVegaLiteChart").first
        number = chart.locator(".role-axis-label text").filter(has_text=re.compile("^3$"))
        box, whole = number.bounding_box(), chart.bounding_box()
        assert box is not None
        assert whole is not None
        page.mouse.click(box["x"] + box["width"] / 2, whole["y"] + 150)
        expect(page).to_have_url(re.compile(r"/history\?batch=3$"))
        settled(page)
        assert "Batch 3:" in selected(page, "Open a batch")
        page.get_by_role("link", name="Overview").click()
        settled(page)
        page.get_by_role("link", name="Batch 5", exact=True).focus()
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile(r"/history\?batch=5$"))
        settled(page)
        assert "Batch 5:" in selected(page, "Open a batch")


def test_a_batch_is_opened_by_its_address_and_shows_its_evidence(loop: Loop, browser: Browser, tmp_path: Path) -> None:
    with opened(browser, f"{loop.ui.url}/history?batch=3") as page:
        said = text_of(page)
        assert "Batch 3:" in selected(page, "Open a batch")
        for words in ("What changed", "A column before and now", "Does the champion keep its promise?", "MLflow run"):
            assert words in said
        page.get_by_test_id("stHeadingWithActionElements").filter(has_text="What came").get_by_role(
            "button"
        ).first.hover()
        expect(page.get_by_text("no version is ever trained on them")).to_be_visible()
        picture(page, "batch", tmp_path)


def test_no_page_asks_a_foreign_host_and_each_says_its_language(loop: Loop, browser: Browser) -> None:
    asked: list[str] = []
    for locale in ("en-US", "es-PR"):
        context = browser.new_context(locale=locale)
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        for path in ("", "history?batch=3", "predict", "models", "data"):
            page.goto(f"{loop.ui.url}/{path}")
            settled(page)
            expect(page.locator("html")).to_have_attribute("lang", locale[:2])
        icon = page.locator("link[rel~=icon]").first.get_attribute("href") or ""
        assert icon.startswith("data:image/svg")
        context.close()
    assert [url for url in asked if not url.startswith((loop.ui.url, "data:", "blob:"))] == []


def drawn(page: Page, unlike: list[str]) -> list[str]:
    """What stands beside the lines of the last chart of segments, from above, once it is drawn anew."""
    ends, labels = time.monotonic() + 30, unlike
    while labels in ([], unlike):
        assert time.monotonic() < ends, f"still {labels}"
        page.wait_for_timeout(300)
        for chart in page.get_by_test_id("stVegaLiteChart").all():
            found = chart.locator(".role-axis-label text").evaluate_all(
                "all => all.map(e => [e.getBoundingClientRect().top, e.textContent])"
            )
            told = [text for _, text in sorted(found) if text.endswith("rows)")]
            labels = told or labels
    return labels


def choose(page: Page, label: str, option: str) -> None:
    page.wait_for_timeout(700)  # charts are drawn after the script's end, and what is below them moves
    page.get_by_role("combobox", name=label).click()  # which scrolls to it, and that shuts the list again
    page.wait_for_timeout(300)
    page.keyboard.type(option)
    page.get_by_role("option", name=option, exact=True).click()
    page.wait_for_timeout(300)  # until the page's script has begun
    settled(page)


def downloaded(page: Page, button: str) -> str:
    with page.expect_download() as download:
        page.get_by_role("button", name=button).click()
    return download.value.path().read_text()


def loads_nothing(browser: Browser, html: str, folder: Path) -> None:
    """Whether a file is whole by itself, in a browser."""
    (folder / "file.html").write_text(html)
    asked: list[str] = []
    with browser.new_page() as page:
        page.on("request", lambda request: asked.append(request.url))
        page.goto((folder / "file.html").as_uri())
        page.screenshot(path=folder / "file.png", full_page=True)
    assert asked == [(folder / "file.html").as_uri()]


def test_two_versions_stand_side_by_side_and_the_analysis_is_one_file(
    loop: Loop, browser: Browser, tmp_path: Path
) -> None:
    with opened(browser, f"{loop.ui.url}/models") as page:
        said = text_of(page)
        for words in (
            "On the same rows",
            "Segment by segment",
            "The rows that moved most",
            "The data they saw",
            "What they look at",
            "How one column moves the prediction",
        ):
            assert words in said
        assert "held-out rows of the" in said
        picture(page, "models", tmp_path)
        html = downloaded(page, "Written analysis of the best model at each stage (HTML)")
    assert html.startswith("<!doctype html>")
    assert "Version 1, of batch 1" in html
    assert "<img" not in html
    loads_nothing(browser, html, tmp_path)


def test_segments_are_drawn_anew_for_each_column_and_the_address_opens_the_same(loop: Loop, browser: Browser) -> None:
    """Categories change under a chart that stays in its place: each must be drawn in its own order."""
    with opened(browser, f"{loop.ui.url}/models") as page:
        orders = [drawn(page, [])]
        for column in ("house size", "status", "state"):
            choose(page, "Segments by", column)
            orders.append(drawn(page, orders[-1]))
        assert next(label for label in orders[1] if "rows" in label).startswith("below")
        assert orders[3] == orders[0]
        assert len({tuple(order) for order in orders}) == 3
        choose(page, "Segments by", "house size")
        where = page.url
    assert "by=house_size" in where
    with opened(browser, where) as page:
        assert "house size" in selected(page, "Segments by")


def test_a_model_card_is_a_page_with_an_address_and_one_file(loop: Loop, browser: Browser, tmp_path: Path) -> None:
    with opened(browser, f"{loop.ui.url}/models?show=card&version=1") as page:
        said = text_of(page)
        assert "Version 1" in selected(page, "Version")
        for heading in ("What it is for", "How good it is", "What it does not know", "Where it comes from"):
            assert heading in said
        picture(page, "card", tmp_path)
        html = downloaded(page, "The model card as one file (HTML)")
    assert "version 1: model card" in html
    loads_nothing(browser, html, tmp_path)


@pytest.mark.parametrize(
    ("show", "said"),
    [
        ("batches", f"rows came in {BATCHES} batches"),
        ("columns", "Columns over batches"),
        ("live", "rows asked for, from"),
    ],
)
def test_the_data_are_told_from_raw_to_clean_and_what_customers_ask(
    loop: Loop, browser: Browser, tmp_path: Path, show: str, said: str
) -> None:
    with opened(browser, f"{loop.ui.url}/data?show={show}") as page:
        assert said in text_of(page)
        picture(page, f"data-{show}", tmp_path)


@pytest.mark.parametrize("path", ["", "predict", "history", "models", "models?show=card", "data", "data?show=columns"])
def test_on_a_phone_nothing_is_wider_than_the_screen(loop: Loop, browser: Browser, tmp_path: Path, path: str) -> None:
    with opened(browser, f"{loop.ui.url}/{path}", size=PHONE) as page:
        if path == "predict":
            predict(page)
            expect(page.get_by_test_id("stVegaLiteChart")).to_have_count(2)
        wide = page.evaluate(
            "[...document.querySelectorAll('[data-testid=stMain] *')].filter(e => "
            "e.getBoundingClientRect().right > window.innerWidth + 1 && "
            "!e.closest('[data-testid=stDataFrame], [data-testid=stTabs]')).length"
        )
        assert wide == 0
        name = re.sub(r"\W", "-", path) or "overview"
        picture(page, f"phone-{name}", tmp_path, whole=path not in {"history", "models"} and "?" not in path)


@pytest.mark.parametrize("path", ["", "predict", "history", "models", "data"])
def test_a_browser_that_prefers_spanish_gets_spanish(loop: Loop, browser: Browser, tmp_path: Path, path: str) -> None:
    headings = {
        "": "¿Va todo bien?",
        "predict": "Predecir precio",
        "history": "Qué fue de un lote y por qué",
        "models": "Qué modelo y por qué",
        "data": "Qué datos llegaron",
    }
    with opened(browser, f"{loop.ui.url}/{path}", locale="es-PR") as page:
        expect(page.get_by_role("heading", name=headings[path])).to_be_visible()
        expect(page.get_by_role("link", name="Lotes")).to_be_visible()
        picture(page, f"es-{path or 'overview'}", tmp_path)
        page.get_by_text("English", exact=True).click()
        expect(page.get_by_role("link", name="Batches")).to_be_visible()
        expect(page.locator("html")).to_have_attribute("lang", "en")


def test_before_the_first_batch_every_page_says_what_is_awaited(
    pages: AppServer, browser: Browser, tmp_path: Path
) -> None:
    for path, said in {
        "history": "No batch has been decided yet.",
        "models": "No version has been trained yet.",
        "data": "No batch has been decided yet.",
        "": "The inference API does not answer",
        "predict": "The inference API at http://127.0.0.1:9 does not answer",
    }.items():
        with opened(browser, f"{pages.url}/{path}") as page:
            expect(page.get_by_text(said)).to_be_visible()
            picture(page, f"empty-{path or 'overview'}", tmp_path)


def test_one_batch_without_a_promotion_is_a_history_too(
    pages: AppServer, browser: Browser, mlflow: MlflowServer, model_name: str
) -> None:
    sentence = "no model yet, and 17 rows in all are too few for one"
    registry = Registry(mlflow.url, model_name)
    registry.save_decision(story.decided(1, TrainReason.TOO_FEW_ROWS, sentence, rows=17))
    with opened(browser, pages.url) as page:
        said = text_of(page)
        assert "1 batch, 0 trainings, 0 promoted; no version is in production yet." in said
        page.get_by_role("link", name="Batch 1", exact=True).click()
        expect(page.get_by_text("No training: too few rows to tell a change from noise.")).to_be_visible()
        said = text_of(settled(page))
        assert "There was no model to compare this batch with." in said


def test_mlflow_goes_away_and_comes_back_while_the_page_is_open(
    browser: Browser, gate: Gate, told: str, tmp_path: Path
) -> None:
    env = {"MLFLOW_TRACKING_URI": gate.url, "RELEVO_API_URL": "http://127.0.0.1:9", "RELEVO_MODEL": told}
    with ui(tmp_path / "ui", env) as server, opened(browser, server.url) as page:
        expect(page.get_by_text("6 batches, 3 trainings, 2 promoted")).to_be_visible()
        expect(page.get_by_text("what truly serves cannot be told")).to_be_visible()
        gate.close()
        expect(page.get_by_text("does not answer").filter(has_text="MLflow at")).to_be_visible()
        picture(page, "mlflow-away", tmp_path)
        gate.open()
        expect(page.get_by_text("6 batches, 3 trainings, 2 promoted")).to_be_visible()


def test_a_promotion_that_happens_while_the_pages_are_open_shows_by_itself(
    pages: AppServer,
    browser: Browser,
    mlflow: MlflowServer,
    model_name: str,
    bundles: tuple[Path, Path],
    tmp_path: Path,
) -> None:
    registry = Registry(mlflow.url, model_name)

    def settle(number: int, reason: TrainReason, criterion: Criterion, champion: int | None) -> None:
        record = story.decided(number, reason, f"What batch {number} is like.", champion=champion)
        story.save(registry, record, bundles[number - 1], criterion, "So it is.")

    settle(1, TrainReason.BASELINE, Criterion.FIRST_BEATS_BASELINE, None)
    with serving(tmp_path, mlflow.url, model_name) as api:
        api.wait_for_version(1)
        env = {"MLFLOW_TRACKING_URI": mlflow.url, "RELEVO_API_URL": api.url, "RELEVO_MODEL": model_name}
        with ui(tmp_path / "second", env) as server:
            url = server.url
            with (
                opened(browser, url) as page,
                opened(browser, f"{url}/history") as batch,
                opened(browser, f"{url}/predict") as form,
            ):
                expect(page.get_by_text("1 batch, 1 training, 1 promoted; version 1 is in production.")).to_be_visible()
                code = form.get_by_role("combobox", name="Zip code")
                code.fill("00601")
                code.press("Enter")
                predict(form)
                expect(form.get_by_text("Answered by version 1")).to_be_visible()
                settle(2, TrainReason.ERROR, Criterion.BETTER, 1)
                api.wait_for_version(2)
                expect(
                    page.get_by_text("2 batches, 2 trainings, 2 promoted; version 2 is in production.")
                ).to_be_visible()
                expect(page.get_by_role("link", name="Batch 2", exact=True)).to_be_visible()
                expect(batch.get_by_text("It was relieved by version 2")).to_be_visible()
                assert "Batch 1:" in selected(batch, "Open a batch"), "it stays open"
                expect(form.get_by_text("Version 2 serves by now: ask again for its prediction.")).to_be_visible()
                expect(code).to_have_value("00601")
                predict(form)
                expect(form.get_by_text("Answered by version 2")).to_be_visible()
