"""docs/jobs.md says what the steps do: every setting with its default, every exit code, every key of the last line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from relevo_contract.postgres import PATIENCE
from relevo_contract.settings import variable
from relevo_jobs import errors
from relevo_jobs.cli import STEPS
from relevo_jobs.outcome import TERMINATION_MESSAGE_BYTES
from relevo_jobs.settings import Settings
from relevo_jobs.stores.raw import LOCK_WAIT
from tests.jobs.test_cli import all_errors

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "jobs.md").read_text(encoding="utf-8")
SECTIONS: dict[str, str] = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", TEXT, re.DOTALL | re.MULTILINE))
COMMON = SECTIONS["Settings of every step"]


def settings_in(text: str) -> dict[str, str]:
    """Variable to default, as the tables say."""
    return dict(re.findall(r"^\| `([A-Z][A-Z0-9_]+)` \| (.+?) \|", text, re.MULTILINE))


def default_of(settings: type[Settings], name: str) -> str:
    field = settings.model_fields[name]
    if field.is_required():
        return "required"
    return {None: "none", "": "empty"}.get(field.default) or f"`{field.default}`"


@pytest.mark.parametrize("step", STEPS)
def test_every_setting_of_a_step_is_documented_with_its_default_and_no_other(step: str) -> None:
    settings = STEPS[step].settings
    documented = settings_in(COMMON) | settings_in(SECTIONS[step])
    assert documented == {variable(settings, name): default_of(settings, name) for name in settings.model_fields}


def test_every_step_says_what_it_reads_and_writes_and_what_a_kill_leaves() -> None:
    for step in STEPS:
        assert "| reads | writes |" in SECTIONS[step]
        assert "| killed | what is left | what the next run does |" in SECTIONS[step]


def test_every_exit_code_and_error_is_documented_and_no_other() -> None:
    documented = set(re.findall(r"^\| (\d+) \| (?:`(\w+)`|–) \|", SECTIONS["Exit codes"], re.MULTILINE))
    defined = {(str(error.exit_code), error.__name__) for error in all_errors()}
    assert documented == defined | {(str(errors.DONE), ""), (str(errors.NOTHING_TO_DO), "")}


def test_every_own_key_of_a_steps_last_line_is_documented() -> None:
    for step in STEPS:
        folder = Path(STEPS[step].module.replace(".", "/"))
        source = (Path(__file__).parents[2] / "jobs" / "src" / folder.with_suffix(".py")).read_text(encoding="utf-8")
        calls = re.findall(r"(?:Outcome\.done|tell)\(\n(.*?)\n    \)", source, re.DOTALL)
        keys = {key for call in calls for key in re.findall(r"^ +(\w+)=", call, re.MULTILINE)}
        assert keys, f"the test no longer finds where {step} says what it did"
        for key in keys:
            assert f"`{key}`" in SECTIONS[step]


def test_figures_are_those_of_the_code() -> None:
    assert f"{TERMINATION_MESSAGE_BYTES:,} bytes" in TEXT
    assert f"waits {LOCK_WAIT:.0f} s" in SECTIONS["collect"]
    assert PATIENCE["connect_timeout"] <= 30, "a server that is away is told within half a minute"


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\((\w+\.md)\)", TEXT):
        assert (DOCS / target).exists()
