"""Every command that README.md, CONTRIBUTING.md and docs/ tell people to type is typed by a test as it stands there."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.commands import CLAIMS, PAGES, ROOT, Command, commands, split, typed

NOT_RUN = {
    "docker buildx build --platform linux/amd64,linux/arm64": "it pushes to a registry, by a docker with emulators",
    "docker buildx imagetools inspect": "it asks DockerHub for an image that is published",
    "cosign verify": "the same",
}
"""By its beginning, a command that no test types, and why."""
HERE = Path(__file__)


def files() -> list[Path]:
    """The files of tests that take commands from pages."""
    calls = re.compile(r"(?<![\w.])typed\(")
    found = sorted(path for path in (ROOT / "tests").rglob("*.py") if calls.search(path.read_text(encoding="utf-8")))
    return [path for path in found if path not in {HERE, HERE.with_name("commands.py")}]


@pytest.fixture(scope="module")
def taken() -> set[str]:
    """The commands that tests take, in `make test` or in `make e2e`."""
    for path in files():
        importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    return {claim.text for claim in CLAIMS}


def all_commands() -> Iterator[Command]:
    for page in PAGES:
        yield from commands(page)


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_a_page_is_typed_by_a_test(page: str, taken: set[str]) -> None:
    untyped = [one.text for one in commands(page) if one.text not in taken and not one.text.startswith(tuple(NOT_RUN))]
    assert not untyped, f"take each by typed(...) in a test that runs it: {untyped}"


def test_what_is_said_not_to_be_run_is_there_and_is_not(taken: set[str]) -> None:
    for begins in NOT_RUN:
        assert [one for one in all_commands() if one.text.startswith(begins)]
        assert not [text for text in taken if text.startswith(begins)]


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_test_runs_what_it_takes(path: Path) -> None:
    """A command that is taken at a file's top has a name, and the name is used."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    named = [node for node in tree.body if isinstance(node, ast.Assign) and "typed(" in ast.unparse(node.value)]
    for node in named:
        assert {target.id for target in node.targets if isinstance(target, ast.Name)} <= used
    assert sum(ast.unparse(node).count("typed(") for node in named), "it takes commands inside its functions alone"


def test_a_command_is_taken_by_its_beginning_and_must_be_the_only_one() -> None:
    with pytest.raises(LookupError, match="expected one command"):
        typed("make no-such-target")
    with pytest.raises(LookupError, match="expected one command"):
        typed("kubectl", "docs/operating.md")


@pytest.mark.parametrize(
    ("block", "found"),
    [
        ("make  # says what\n\n# a remark\nmake test\n", ["make", "make test"]),
        ("a \\\n  b\nc\n", ["a \\\n  b", "c"]),
        ("for x in 1 2; do\n  echo $x  # it's one\ndone\necho\n", ["for x in 1 2; do\n  echo $x  \ndone", "echo"]),
        ("curl -d '{\n  \"a\": 1}'\nb\n", ["curl -d '{\n  \"a\": 1}'", "b"]),
        ('echo "a # b" # c\n', ['echo "a # b"']),
        ('echo "it\'s"\nb\n', ['echo "it\'s"', "b"]),
        ('echo "{\\"a\\": 1}"\nb\n', ['echo "{\\"a\\": 1}"', "b"]),
    ],
)
def test_a_block_is_split_where_its_commands_end(block: str, found: list[str]) -> None:
    assert list(split(block)) == found


def test_a_command_that_never_ends_is_told() -> None:
    with pytest.raises(ValueError, match="never ends"):
        list(split("echo 'a\nb\n"))
