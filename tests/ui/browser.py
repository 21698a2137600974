"""A real browser: the machine's own Chromium, driven by Playwright, with nothing of anybody's profile."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, Request, expect, sync_playwright

EXECUTABLES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
GIVEN = "RELEVO_CHROMIUM"
PICTURES = "RELEVO_PICTURES"
"""Names a folder in which the tests leave their pictures: docs/pictures is made so."""
LAPTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
PATIENCE = 30_000
"""Milliseconds to wait for what a page should show; two cores may be busy."""
CHANGED = "ERR_NETWORK_CHANGED"
QUIET = [
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]


# What `expect` waits for has to survive the ten seconds after which an open page looks again.
expect.set_options(timeout=PATIENCE)


def executable() -> str | None:
    """The browser to run; None is Playwright's own, if it was installed."""
    given = os.environ.get(GIVEN)
    return given or next((found for name in EXECUTABLES if (found := shutil.which(name))), None)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser until the block ends; without one it fails, and says what to install."""
    with sync_playwright() as playwright:
        path = executable()
        if path is None and not Path(playwright.chromium.executable_path).exists():
            raise AssertionError(
                f"expected Chromium ({', '.join(EXECUTABLES)}) on PATH, in {GIVEN} or of `playwright install chromium`"
                ", found none: install Debian's package chromium, say"
            )
        browser = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield browser
        browser.close()


def settled(page: Page) -> Page:
    """Wait until the page's script has run to its end."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning", timeout=PATIENCE)
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0, timeout=PATIENCE)
    return page


def load(page: Page, url: str) -> None:
    """Go there; once more if a network interface came or went, for then Chromium gives up what it is loading."""
    changed: list[str] = []

    def note(request: Request) -> None:
        if CHANGED in (request.failure or ""):
            changed.append(request.url)

    page.on("requestfailed", note)
    page.goto(url)
    try:
        settled(page)
    except AssertionError:
        if not changed:
            raise
    if changed:  # some part of the page may be missing for good, however whole the rest looks
        page.reload()
        settled(page)


@contextmanager
def opened(
    browser: Browser, url: str, *, size: dict[str, int] | None = None, dark: bool = False, locale: str = "en-US"
) -> Iterator[Page]:
    """A page in a window of its own. Whatever the page's scripts complain of fails the test."""
    width, height = (size or LAPTOP)["width"], (size or LAPTOP)["height"]
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light", locale=locale
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    load(page, url)
    yield page
    context.close()
    assert not problems


def picture(page: Page, name: str, folder: Path, *, whole: bool = True) -> Path:
    """Take a picture of the page as a person sees it, the whole length of it if asked."""
    kept = Path(os.environ.get(PICTURES) or folder)
    kept.mkdir(parents=True, exist_ok=True)
    settled(page)
    page.wait_for_timeout(700)  # charts are drawn after the script's end
    if whole:  # Streamlit scrolls a part of the page, which a picture of the whole would not follow
        height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight") + 40
        before = page.viewport_size
        page.set_viewport_size({"width": before["width"] if before else 1280, "height": min(int(height), 6000)})
        page.wait_for_timeout(500)
        page.screenshot(path=kept / f"{name}.png")
        if before:
            page.set_viewport_size(before)
    else:
        page.screenshot(path=kept / f"{name}.png")
    return kept / f"{name}.png"


def text_of(page: Page) -> str:
    """Everything that stands on the page, spaces folded."""
    return re.sub(r"\s+", " ", page.get_by_test_id("stMain").inner_text())
