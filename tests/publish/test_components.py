"""What an image is made of is read where it stands, and an image is built anew if that changed and only then."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from images.requirements import Incomplete
from publish.components import Component, Unreadable, recipe, sources, table
from publish.decisions import stale

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text()
DOCKERFILE = """\
FROM base AS build
COPY images/install dist/images/hatchling.txt \\
     dist/images/relevo-part.txt ./
COPY --chmod=755 contract contract
RUN copy nothing
FROM base
COPY --from=build /opt/relevo /opt/relevo
"""
LOCK = "hatchling==1\na==1\nb==1\nunrelated==1\n"
REQUIRES = {"relevo-part": ["a"], "a": ["b"]}
PART = Component("part", "part/Dockerfile")


def requires(name: str) -> list[str]:
    return REQUIRES.get(name, [])


def made_of(component: Component = PART, dockerfile: str = DOCKERFILE, lock: str = LOCK, folder: str = "1") -> object:
    def objects(paths: Iterable[str]) -> dict[str, str]:
        there = {"part/Dockerfile": dockerfile, "images/install": "i", "contract": folder}
        return {path: there[path] for path in paths if path in there}

    return recipe(component, {"part/Dockerfile": dockerfile, "requirements.lock": lock}.__getitem__, objects, requires)


def test_the_images_are_those_that_make_knows() -> None:
    ask = "all:; @$(foreach one,$(IMAGES),echo $(one) $(DOCKERFILE_$(one)) $(WITHOUT_$(one));)"
    command = ["make", "--no-print-directory", "-f", "-", "all"]
    text = f"include {ROOT / 'Makefile'}\n{ask}"
    own = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    printed = subprocess.run(command, input=text, capture_output=True, text=True, check=True, cwd=ROOT, env=own).stdout
    told = {one.name: (one.dockerfile, *one.without) for one in table(MAKEFILE).values()}
    assert told == {name: tuple(rest) for name, *rest in map(str.split, printed.splitlines())}
    assert len(told) == 7


@pytest.mark.parametrize("component", table(MAKEFILE).values(), ids=str)
def test_every_image_is_made_of_files_that_git_has(component: Component) -> None:
    for path in sources((ROOT / component.dockerfile).read_text()):
        assert path.startswith("dist/images/") or (ROOT / path).exists(), path


def test_what_a_dockerfile_copies_out_of_the_checkout_is_read_from_it() -> None:
    assert sources(DOCKERFILE) == [
        "images/install", "dist/images/hatchling.txt", "dist/images/relevo-part.txt", "contract"
    ]  # fmt: skip


def test_an_image_changes_with_its_files_its_packages_and_what_it_leaves_out() -> None:
    same = made_of()
    assert made_of() == same
    assert made_of(folder="2") != same
    assert made_of(dockerfile=DOCKERFILE + "USER 1\n") != same
    assert made_of(lock=LOCK.replace("b==1", "b==2")) != same
    assert made_of(lock=LOCK.replace("hatchling==1", "hatchling==2")) != same
    assert made_of(Component("part", "part/Dockerfile", without=("b",))) != same


def test_an_image_does_not_change_with_another_ones_packages() -> None:
    assert made_of(lock=LOCK.replace("unrelated==1", "unrelated==2")) == made_of()


def test_what_cannot_be_read_is_named() -> None:
    with pytest.raises(Unreadable, match="expected a line `IMAGES"):
        table("all: nothing\n")
    with pytest.raises(Unreadable, match="expected a line `DOCKERFILE_ui"):
        table("IMAGES := ui\n")
    with pytest.raises(Unreadable, match="copies lost, which its commit does not have"):
        made_of(dockerfile="COPY lost .\n")
    with pytest.raises(Incomplete, match="expected b in requirements"):
        made_of(lock=LOCK.replace("b==1\n", ""))


def test_what_is_built_is_what_changed_was_never_published_or_is_not_known() -> None:
    now = {"same": {"a": "1"}, "changed": {"a": "2"}, "new": {"a": "1"}, "unknown": {"a": "1"}}
    before = {"same": {"a": "1"}, "changed": {"a": "1"}, "unknown": None, "gone": {"a": "1"}}
    assert stale(now, before) == ["changed", "new", "unknown"]
    assert stale(now, now) == []
