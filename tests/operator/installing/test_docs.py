"""docs/installing.md names every setting, kind of value and exit code; its rights fit its example."""

from __future__ import annotations

import re

from relevo_contract.settings import variable
from relevo_operator.installing import definitions
from relevo_operator.installing.__main__ import DONE, FAILED, WRONG_SETTING
from relevo_operator.installing.settings import Settings
from tests.operator.installing.release import DOCS, EXAMPLE, PAGE, RIGHTS


def test_every_setting_is_documented_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `(RELEVO_[A-Z_]+)` \| (.+?) \|", PAGE, re.MULTILINE))
    expected = {}
    for name, field in Settings.model_fields.items():
        default = f"{field.default:g}" if isinstance(field.default, float | int) else field.default
        expected[variable(Settings, name)] = (
            "required" if field.is_required() else "none" if default in (None, "") else f"`{default}`"
        )
    assert rows == expected


def test_every_exit_code_is_documented() -> None:
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)} == {DONE, FAILED, WRONG_SETTING}


def test_every_kind_of_value_is_documented() -> None:
    for kind in definitions.Random:
        assert f"| `{{random: {kind}}}` |" in PAGE


def test_the_rights_fit_the_example() -> None:
    role = next(one for one in RIGHTS if one["kind"] == "Role")
    assert set(role["rules"][0]["resourceNames"]) == set(definitions.parse(EXAMPLE))


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\((\w+\.md)\)", PAGE):
        assert (DOCS / target).exists()
