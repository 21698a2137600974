"""docs/use-case.md tells every field of a declaration with its default, and its commands do what it says."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from relevo_contract.use_case.schema import schema
from relevo_jobs import cli
from relevo_jobs.declaring.arguments import SUMMARIES
from tests.docs.commands import ROOT, blocks, typed
from tests.jobs.declaring.guessed import GENERATED
from tests.killing import base_env

PAGE = "docs/use-case.md"
TEXT = (ROOT / PAGE).read_text(encoding="utf-8")
INIT, CHECK = typed("relevo-job init loans.csv"), typed("relevo-job check use_case.yaml")
ROWS = re.findall(r"^\| `([\w.]+)` \| (.+?) \| (.+?) \| (.+?) \|$", TEXT, re.MULTILINE)


def fields(part: Mapping[str, Any], whole: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str, Any]]:
    """The path of each field, its default as the page has it, and what the schema says of it."""
    for name, one in part["properties"].items():
        path = f"{above}{name}"
        default = one.get("default")
        plain = default is None or isinstance(default, list | dict)
        yield path, "required" if name in part.get("required", ()) else "none" if plain else f"`{default}`", one
        by_name = one.get("additionalProperties") or {}
        refs = [one, *one.get("anyOf", ()), *by_name.get("anyOf", ())]
        for ref in refs:
            if "$ref" in ref:
                inner = whole["$defs"][ref["$ref"].rsplit("/", 1)[1]]
                yield from fields(inner, whole, f"{path}{'.NAME' if path == 'columns' else ''}.")


def test_every_field_has_its_row_with_its_default_and_no_row_is_without_a_field() -> None:
    made = {path: default for path, default, _ in fields(schema(), schema())}
    assert len(made) > 45
    assert {path: default for path, _, default, _ in ROWS} == made
    assert len(ROWS) == len(made)


def test_every_value_of_a_choice_is_told() -> None:
    told = {path: f"{what} {meaning}" for path, what, _, meaning in ROWS}
    for path, _, one in fields(schema(), schema()):
        for part in (one, *one.get("anyOf", ())):
            for value in (*part.get("enum", ()), *([part["const"]] if "const" in part else [])):
                assert value in told[path], (path, value)


def test_every_option_of_the_commands_is_on_the_page() -> None:
    commands: Any = next(action for action in cli.parser()._actions if action.dest == "step")
    for name in SUMMARIES:
        for action in commands.choices[name]._actions:
            for option in action.option_strings:
                assert option in {"-h", "--help"} or f"| `{option}" in TEXT, option


def test_its_commands_write_a_declaration_that_holds(tmp_path: Path) -> None:
    GENERATED[0].table().to_csv(tmp_path / "loans.csv", index=False)
    env = {**base_env(), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    made = INIT.run(env, tmp_path)
    (shown,) = blocks(PAGE, "text")
    assert made.returncode == 0, made.stderr
    assert made.stdout.startswith(shown)
    looked_at = CHECK.run(env, tmp_path)
    assert looked_at.returncode == 0, looked_at.stderr
    assert looked_at.stdout.endswith("use_case.yaml holds\n")
