"""promtool, which checks the alerts and runs their tests."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import nullcontext
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
BUILD: Final = ("toolchain/build", "promtool")


class NoPromtool(Exception):
    """It is not to be had; the message says what to do."""


def find_promtool() -> str:
    """PROMTOOL, or the one on PATH, or the checkout's own, built if need be. Raises NoPromtool."""
    if named := os.environ.get("PROMTOOL"):
        if not os.access(named, os.X_OK):
            raise NoPromtool(f"PROMTOOL: expected a program, got {named}: correct it, or unset it and one is built")
        return named
    if found := shutil.which("promtool"):
        return found
    if code := subprocess.run(BUILD, cwd=ROOT, stdin=subprocess.DEVNULL, check=False).returncode:
        raise NoPromtool(
            f"expected {' '.join(BUILD)} to build it, it ended with code {code}: run it by itself to see "
            "why, or put promtool on PATH (Debian's package prometheus has it), or name it in PROMTOOL"
        )
    return str(ROOT / ".tools" / "promtool" / "promtool")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Have it built before the first test: a first build takes longer than a test may, and tells so."""
    wanted = any("promtool" in getattr(item, "fixturenames", ()) for item in session.items)
    if session.config.option.collectonly or not wanted:
        return
    capture = session.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled() if capture else nullcontext():
        try:
            find_promtool()
        except NoPromtool as error:  # the tests that need it fail and say so, too
            print(error)


@pytest.fixture(scope="session")
def promtool() -> str:
    """The program."""
    try:
        return find_promtool()
    except NoPromtool as error:
        pytest.fail(str(error), pytrace=False)
