"""The use cases that ship without a line of Python, and one with a target of any sign, through the whole loop."""

from __future__ import annotations

import csv
import random
from pathlib import Path
from typing import Any

import pytest

from tests.examples.conftest import Loop
from tests.jobs.holdings import query
from tests.use_cases.conftest import Through
from use_cases import packaged_data

pytestmark = pytest.mark.timeout(1200)


def promoted(loop: Loop) -> list[dict[str, Any]]:
    """What promote said of each version that went to production."""
    return [run["promote"][1] for run in loop.runs if run.get("promote", (1,))[0] == 0]


def shown(loop: Loop) -> None:
    for run in loop.runs:
        for step, (code, said) in run.items():
            print(step, code, said["sentence"])


def test_bikeshare(through: Through) -> None:
    packaged_data.write("bikeshare")
    loop = through(packaged_data.HERE / "bikeshare" / "use_case.yaml")
    shown(loop)
    assert promoted(loop)


def test_lending_club(through: Through) -> None:
    packaged_data.write("lending-club")
    loop = through(packaged_data.HERE / "lending-club" / "use_case.yaml")
    shown(loop)
    assert promoted(loop)
