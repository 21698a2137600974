"""Everything that can be set, measured or told is on a page: what is missing is named here, for all parts at once.

What a row must say (defaults, meaning) each part's own tests hold: tests/jobs/test_jobs_docs.py,
tests/serving/test_docs.py, tests/operator/test_docs.py and the others. Here nothing can be forgotten with its page.
"""

from __future__ import annotations

import argparse
import fnmatch
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from relevo_contract.settings import IN_FILE, Settings, variable
from relevo_demo import arguments as demo
from relevo_demo import cli as demo_cli
from relevo_demo.source import __main__ as source
from relevo_jobs import errors
from relevo_jobs.cli import STEPS
from relevo_operator.conditions import Reason
from relevo_operator.installing import __main__ as installing
from relevo_operator.installing.settings import Settings as InstallingSettings
from relevo_operator.settings import Settings as OperatorSettings
from relevo_serving import __main__ as serving
from relevo_serving.settings import Settings as ServingSettings
from relevo_ui.settings import Settings as UiSettings
from tests.docs.commands import PAGES, ROOT

PRODUCT = ("contract", "jobs", "operator", "serving", "ui", "demo", "dags", "charts", "images", "tests", "Makefile")
"""Where a variable of ours may be read or set."""
SETTINGS: dict[str, list[type[Settings]]] = {
    "docs/jobs.md": [step.settings for step in STEPS.values()],
    "docs/modeldeployment.md": [OperatorSettings],
    "docs/installing.md": [InstallingSettings],
    "docs/serving.md": [ServingSettings],
    "docs/ui.md": [UiSettings],
}
EXIT_CODES = {
    "docs/jobs.md": {errors.DONE, errors.NOTHING_TO_DO, 1, 2, 65, 69, 75, 77},
    "docs/serving.md": set(serving.EXIT_CODES),
    "docs/installing.md": {installing.DONE, installing.FAILED, installing.WRONG_SETTING},
    "docs/demo.md": {0, demo_cli.FAILED, demo_cli.WRONG, demo_cli.INTERRUPTED},
    "docs/modeldeployment.md": {0, 2},
    "docs/ui.md": {0, 2},
}
VALUES = yaml.safe_load((ROOT / "charts" / "relevo" / "values.yaml").read_text(encoding="utf-8"))


@cache
def text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


@cache
def in_ticks() -> frozenset[str]:
    """Every word or phrase in backticks on any page."""
    return frozenset(word for page in PAGES for word in re.findall(r"`([^`\n]+)`", text(page)))


def sources() -> Iterator[Path]:
    for name in PRODUCT:
        path = ROOT / name
        yield from [path] if path.is_file() else (one for one in path.rglob("*") if one.is_file())


def leaves(values: dict[str, Any], above: str = "") -> Iterator[str]:
    """The paths of the chart's values; a container's resources are one."""
    for name, value in values.items():
        if isinstance(value, dict) and value and name != "resources":
            yield from leaves(value, f"{above}{name}.")
        else:
            yield above + name


@pytest.mark.parametrize("page", SETTINGS)
def test_every_setting_has_its_row_on_the_parts_page(page: str) -> None:
    for settings in SETTINGS[page]:
        for name in settings.model_fields:
            assert f"| `{variable(settings, name)}` |" in text(page), f"{page} lacks {variable(settings, name)}"


def test_every_variable_of_ours_is_on_a_page_and_none_that_is_not() -> None:
    """Also those that no settings class has: of the DAG, of the tests, of the Makefile."""
    pattern = re.compile(r"\bRELEVO_[A-Z0-9]+(?:_[A-Z0-9]+)*\b")
    read = {name for path in sources() if path.suffix != ".pyc" for name in pattern.findall(_read(path))}
    told = {name for page in PAGES for name in pattern.findall(text(page))}
    in_files = {f"{name}{IN_FILE}" for name in told}  # any of them may be in a file, docs/jobs.md says
    assert not read - told - in_files, "read somewhere, and on no page"
    settings = {variable(one, name) for page in SETTINGS for one in SETTINGS[page] for name in one.model_fields}
    assert not told - read - settings - in_files, "on a page, and read nowhere"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""  # a picture


def test_every_value_of_the_chart_is_on_a_page() -> None:
    """In full, or by a pattern of docs/values.md such as `postgres.databases.*.size`."""
    patterns = [one for one in re.findall(r"^\| `([^`]+)` \|", text("docs/values.md"), re.MULTILINE) if "*" in one]
    missing = [
        path
        for path in leaves(VALUES)
        if path not in in_ticks() and not any(fnmatch.fnmatch(path, pattern) for pattern in patterns)
    ]
    assert not missing, "values of the chart that no page names"


def test_every_value_on_the_page_is_the_charts_with_its_default() -> None:
    for path, default in re.findall(r"^\| `([^`]+)` \| (.+?) \|", text("docs/values.md"), re.MULTILINE):
        found = [one for one in leaves(VALUES) if fnmatch.fnmatch(one, path)]
        assert found, f"{path} is no value of the chart"
        if "*" in path:
            continue
        value: Any = VALUES
        for part in path.split("."):
            value = value[part]
        spelt = {True: "true", False: "false"}.get(value, value) if isinstance(value, bool) else value
        assert default == ("none" if value in ("", [], {}) else f"`{spelt}`"), path


@pytest.mark.parametrize("page", EXIT_CODES)
def test_every_exit_code_is_on_the_parts_page(page: str) -> None:
    for code in EXIT_CODES[page]:
        assert re.search(rf"(^\| {code} \||exit code {code}\b|ends with {code}\b)", text(page), re.MULTILINE) or (
            code == 0 and page in {"docs/modeldeployment.md", "docs/ui.md"}
        ), f"{page} lacks exit code {code}"


def test_the_steps_exit_codes_are_all_there() -> None:
    def below(error: type[errors.StepError]) -> Iterator[type[errors.StepError]]:
        yield error
        for one in error.__subclasses__():
            yield from below(one)

    assert {one.exit_code for one in below(errors.StepError)} <= EXIT_CODES["docs/jobs.md"]


@pytest.mark.parametrize(
    ("part", "page"),
    [("serving", "docs/serving.md"), ("operator", "docs/modeldeployment.md"), ("demo", "docs/demo.md")],
)
def test_every_metric_is_on_the_parts_page_and_none_that_is_not(part: str, page: str) -> None:
    contents = {path: path.read_text(encoding="utf-8") for path in (ROOT / part / "src").rglob("*.py")}
    source = "".join(one for path, one in contents.items() if path.name == "metrics.py" or "# TYPE source_" in one)
    # As Python's client names a counter: `_total` comes with the text.
    made = set(re.findall(r"[\"'# ]((?:relevo|source)_[a-z_]+[a-z])[\"{ ]", source.replace("_total", "")))
    begun = set(re.findall(r'f"(relevo_[a-z_]+_)\{', source))
    rows = re.findall(r"^\| `(?:(relevo_[a-z_]+)|GET /metrics)` \|(.*)$", text(page), re.MULTILINE)
    told = {name for name, _ in rows if name} | {one for _, cell in rows for one in re.findall(r"`(source_\w+)`", cell)}
    told = {name.removesuffix("_total") for name in told}
    assert made, "the test no longer finds where the part names its metrics"
    assert made <= told, "metrics that no page names"
    assert not {name for name in told - made if not name.startswith(tuple(begun))}, "on the page, and nowhere else"
    assert all(any(name.startswith(beginning) for name in told) for beginning in begun)


def test_every_condition_reason_is_on_the_page() -> None:
    for reason in Reason:
        assert f"| `{reason.value}` |" in text("docs/modeldeployment.md")


@pytest.mark.parametrize(
    "parser", [demo.add_options(argparse.ArgumentParser()), source.parser()], ids=["relevo run", "relevo-source"]
)
def test_every_option_of_the_demo_is_on_its_page(parser: argparse.ArgumentParser) -> None:
    for action in parser._actions:
        for option in action.option_strings:
            assert option in {"-h", "--help"} or re.search(rf"`{option}\b", text("docs/demo.md")), option


def test_every_test_that_a_page_names_is_there() -> None:
    for page in PAGES:
        for path, name in re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", text(page)):
            assert (ROOT / path).is_file(), f"{page} names {path}"
            assert not name or f"def {name}(" in (ROOT / path).read_text(encoding="utf-8"), f"{page} names {name}"


def test_every_promise_under_failure_names_its_test() -> None:
    for page in ("docs/architecture.md", "docs/operating.md", "docs/security.md"):
        for table in re.findall(r"^\| [^\n]*\| held by \|\n\|[ -|]+\|\n((?:\|.*\n)+)", text(page), re.MULTILINE):
            for row in table.splitlines():
                assert re.search(r"`tests/[\w/]+\.py::test_\w+`[^|]*\|$", row), f"{page}: {row}"


def test_links_lead_somewhere() -> None:
    for page in PAGES:
        folder = (ROOT / page).parent
        for target, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)]+))?\)", text(page)):
            path = (folder / target) if target else ROOT / page
            assert path.exists(), f"{page} links to {target}"
            if anchor and path.suffix == ".md":
                assert anchor in anchors(path), f"{page} links to {target}#{anchor}"
        for picture in re.findall(r'src="([^"]+)"', text(page)):
            assert (folder / picture).is_file(), f"{page} shows {picture}"


def anchors(path: Path) -> set[str]:
    """What GitHub makes of a page's headings."""
    headings = re.findall(
        r"^#+ (.+)$", re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.S | re.M), re.M
    )
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_is_in_the_readmes_table() -> None:
    for page in PAGES:
        assert page == "README.md" or f"]({page})" in text("README.md"), page
