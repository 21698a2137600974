"""The chart's values are written without touching anything else, and what they are to say is a pure decision."""

from __future__ import annotations

import difflib
import json
from pathlib import Path

import pytest
import yaml

from publish.components import Recipe, table
from publish.decisions import bumped
from publish.values import FILE, Published, Unreadable, read, written

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / FILE).read_text()
SMALL = """\
# A comment.
image:
  registry: docker.io/relevo  # where
  tag: ""
  tags:  # written by a machine
    jobs: ""
    ui: 'sha-1'   # a word
ui: {image: {tag: "", registry: other}}
"""
HERE = "docker.io/relevo"
OLD: Recipe = {"a": "1"}
NEW: Recipe = {"a": "2"}


def changed(before: str, after: str) -> list[str]:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    return [line for line in lines if line[0] in "+-" and not line.startswith(("---", "+++"))]


def test_the_charts_own_values_are_of_the_form_that_is_written() -> None:
    values = read(TEXT)
    after = written(TEXT, Published("ghcr.io/acme", {**values.tags, "serving": "1.4"}))
    assert read(after) == Published("ghcr.io/acme", {**values.tags, "serving": "1.4"})
    assert len(changed(TEXT, after)) == 4


def test_every_image_has_its_line_and_the_parts_ask_for_them_by_the_same_names() -> None:
    images = set(table((ROOT / "Makefile").read_text()))
    assert set(read(TEXT).tags) == images
    schema = json.loads((ROOT / "charts/relevo/values.schema.json").read_text())
    assert set(schema["properties"]["image"]["properties"]["tags"]["properties"]) == images
    parts = [part for part in yaml.safe_load(TEXT).values() if isinstance(part, dict) and "image" in part]
    repositories = {part["image"]["repository"] for part in parts}
    assert {name for name in repositories if "/" not in name} == images


def test_only_these_lines_change_and_their_comments_stay() -> None:
    after = written(SMALL, Published("ghcr.io/acme", {"jobs": "1.4", "ui": "sha-2"}))
    assert changed(SMALL, after) == [
        "-  registry: docker.io/relevo  # where",
        "+  registry: ghcr.io/acme  # where",
        '-    jobs: ""',
        "-    ui: 'sha-1'   # a word",
        '+    jobs: "1.4"',
        '+    ui: "sha-2"   # a word',
    ]


def test_what_says_so_already_stays_to_the_letter() -> None:
    assert written(SMALL, read(SMALL)) == SMALL


@pytest.mark.parametrize(
    ("text", "wanted", "problem"),
    [
        ("image: {registry: a}\n", {}, "expected image.registry and image.tags, all strings"),
        ("image: {registry: a, tags: {ui: 1.4}}\n", {}, "expected image.registry and image.tags, all strings"),
        ('image: {registry: a, tags: {ui: ""}}\n', {"ui": "1"}, "expected a line `image:`"),
        ('image:\n  registry: a\n  tags: {ui: ""}\n', {"ui": "1"}, "expected one line for image.registry and for each"),
        (SMALL, {"serving": "1"}, "expected serving in image.tags .* add the line"),
    ],
)  # fmt: skip
def test_values_of_another_form_are_refused(text: str, wanted: dict[str, str], problem: str) -> None:
    with pytest.raises(Unreadable, match=problem):
        written(text, Published("a", wanted))


def after(version: str, *, tip: Recipe = OLD, standing: Recipe | None = None, registry: str = HERE) -> Published:
    values = Published(HERE, {"jobs": "sha-1", "ui": "sha-1"})
    return bumped({"ui": OLD}, registry, version, values=values, tip={"ui": tip}, standing={"ui": standing})


SHA = "sha-0123456789ab"


def test_what_was_published_is_named_and_the_rest_stays() -> None:
    assert after(SHA) == Published(HERE, {"jobs": "sha-1", "ui": SHA})


def test_a_build_that_the_branch_has_left_behind_is_not_named() -> None:
    assert after(SHA, tip=NEW).tags["ui"] == "sha-1"
    assert after("1.3.5", tip=NEW).tags["ui"] == "sha-1"


def test_a_release_takes_the_place_of_the_same_build_and_not_the_other_way_round() -> None:
    assert after("1.4.0", standing=OLD).tags["ui"] == "1.4.0"
    assert after(SHA, standing=OLD).tags["ui"] == "sha-1"
    assert after(f"{SHA}-r17", standing=OLD).tags["ui"] == f"{SHA}-r17"


def test_another_registry_is_named_with_all_that_it_has() -> None:
    assert after(SHA, tip=NEW, registry="ghcr.io/acme") == Published("ghcr.io/acme", {"jobs": "sha-1", "ui": SHA})
