"""The commands that README.md, CONTRIBUTING.md and docs/ tell people to type, and the tests that type them.

A command is what stands in a fenced `sh` block: one line, or several where a quote, a loop or a backslash goes on; and
what follows a `$` in a `text` block. A test takes it from its page by its beginning (`typed`) and runs what it gets, so
page and test cannot drift apart: a command that is no longer there fails the test's import, and one that no test takes
fails tests/docs/test_commands.py.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = ("README.md", "CONTRIBUTING.md", *sorted(f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")))
_FENCE: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_OPENS: Final = re.compile(r"(?:^|;|\bdo\b)\s*(?:for|while|until|if)\b", re.MULTILINE)
_CLOSES: Final = re.compile(r"(?:^|;)\s*(?:done|fi)\b", re.MULTILINE)


@dataclass(frozen=True)
class Command:
    """What is typed, as it stands on its page, without the comment at its end."""

    page: str
    text: str

    def run(
        self, env: Mapping[str, str], folder: Path = ROOT, timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Type it into bash in a folder, the checkout's root if none is named; what it printed, whatever its end."""
        return run([self], env, folder, timeout)


def run(
    commands: Sequence[Command], env: Mapping[str, str], folder: Path = ROOT, timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    """Type several into one bash that ends with the first that fails."""
    script = "set -eo pipefail\n" + "\n".join(one.text for one in commands)
    return subprocess.run(
        ["bash", "-c", script], env=dict(env), cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=timeout, check=False,
    )  # fmt: skip


def blocks(page: str, language: str = "sh") -> list[str]:
    """The fenced blocks of a language on a page, in order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return [body for found, body in _FENCE.findall(text) if found == language]


def commands(page: str) -> list[Command]:
    """Every command of a page, in order."""
    shown = [line[2:] for block in blocks(page, "text") for line in block.splitlines() if line.startswith("$ ")]
    return [Command(page, text) for block in (*blocks(page), *shown) for text in split(block)]


def split(block: str) -> Iterator[str]:
    """The commands of a block: a line, and those that follow while a quote, a loop or a backslash is open."""
    held: list[str] = []
    for line in block.splitlines():
        if not held and (not line.strip() or line.lstrip().startswith("#")):
            continue
        held.append(line)
        text = "\n".join(held)
        stands_in, open_at_end = _quotes(text)
        bare = "".join(letter for letter, quote in zip(text, stands_in, strict=True) if not quote)
        if open_at_end or bare.endswith("\\") or len(_OPENS.findall(bare)) > len(_CLOSES.findall(bare)):
            continue
        yield "".join(letter for letter, quote in zip(text, stands_in, strict=True) if quote != "#").rstrip()
        held = []
    if held:
        raise ValueError(f"a command that never ends: {held[0]}")


def _quotes(text: str) -> tuple[list[str], str]:
    """For each character the quote it stands in, `#` for a comment's; and the quote that is open at the end."""
    stands_in: list[str] = []
    quote, before = "", "\n"
    for letter in text:
        ends = (quote == "#" and letter == "\n") or (
            quote in {"'", '"'} and letter == quote and not (quote == '"' and before == "\\")
        )
        if not quote and ((letter in "'\"" and before != "\\") or (letter == "#" and before.isspace())):
            quote = letter
        stands_in.append("" if ends and letter == "\n" else quote)
        quote, before = "" if ends else quote, letter
    return stands_in, "" if quote == "#" else quote


@dataclass(frozen=True)
class Claim:
    """A command that a test took to run it."""

    text: str
    test: str
    """The test's file."""


CLAIMS: Final[list[Claim]] = []


def typed(begins: str, page: str | None = None) -> Command:
    """The command that begins so, on a page or on any, for the test that runs it.

    The same command on several pages is one. Raises LookupError if there is none, or if there are several.
    """
    found = {
        one.text: one for where in ([page] if page else PAGES) for one in commands(where) if one.text.startswith(begins)
    }
    if len(found) != 1:
        raise LookupError(
            f"expected one command that begins with {begins!r} on {page or 'a page'}, found {list(found)}"
        )
    command = next(iter(found.values()))
    CLAIMS.append(Claim(command.text, Path(sys._getframe(1).f_code.co_filename).name))
    return command
