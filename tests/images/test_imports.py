"""What an image's build and its smoke command import is there under that name, before minutes are spent on building."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = ["Makefile", *(f"{part}/Dockerfile" for part in ("jobs", "operator", "serving", "ui", "demo"))]


def modules(text: str) -> list[str]:
    """Of every `python -c "import a, b.c"`, also over several lines."""
    found = re.findall(r'python -c "import ([^"]*)"', text)
    return [name for one in found for name in re.split(r"[,\s\\]+", one) if name.startswith("relevo_")]


@pytest.mark.parametrize("file", FILES)
def test_what_an_image_imports_is_there(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "images" / "mlflow" / "door")
    names = modules((ROOT / file).read_text())
    assert names, "it imports nothing of its own: then nobody knows that it starts"
    assert [name for name in names if importlib.util.find_spec(name) is None] == []
