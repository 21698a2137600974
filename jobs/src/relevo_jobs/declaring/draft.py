"""A first use_case.yaml, with what was guessed and what to look at beside each line. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Final

import yaml

from relevo_contract.texts import legible, shown
from relevo_jobs.declaring.guessing import Guess
from relevo_jobs.declaring.targets import GuessedTarget

WIDTH: Final = 116
_PLAIN: Final = re.compile(r"[A-Za-z_](?:[A-Za-z0-9_ ./-]*[A-Za-z0-9_./-])?\Z", re.ASCII)
_FIGURE: Final = re.compile(r"(?:0|[1-9]\d{0,14})\Z", re.ASCII)
_LEGEND: Final = (
    "# number, integer, category, boolean and date are learnt from; text is kept, and what is ignored stays in RAW.",
    "# A comment tells what was seen. What lies beyond is believed too, until you say what is: range: [0, 100].",
)
_WORDS: Final = frozenset({"null", "true", "false"})


@dataclass(frozen=True)
class File:
    """The file that batches are made of."""

    folder: str
    """As the declaration names it."""
    pattern: str
    rows: int
    """Of a batch."""
    title: str
    """The file, and how much of it was looked at."""
    batches: int


def scalar(text: str, *, outcome: bool = False) -> str:
    """A text as YAML has it: plain where it cannot be taken for anything else, else in quotes.

    An outcome such as 1 may stand as a number does.
    """
    if (_PLAIN.match(text) and text.casefold() not in _WORDS) or (outcome and _FIGURE.match(text)):
        return text
    return yaml.dump(text, Dumper=yaml.SafeDumper, default_style='"', allow_unicode=True, width=10**9).rstrip("\n")


def fields(guess: Guess) -> list[tuple[str, str]]:
    """A column's fields, by name, as YAML has them."""
    needless = guess.role in {"key", "ignored"} and guess.type == "text"
    found: list[tuple[str, str]] = [] if needless else [("type", guess.type)]
    if guess.role != "input":
        found.append(("role", guess.role))
    if guess.within:
        found.append(("within", f"[{', '.join(guess.within)}]"))
    if guess.spelling:
        found.append(("spelling", guess.spelling))
    if guess.format:
        found.append(("format", scalar(guess.format)))
    if guess.name != guess.seen.source:
        found.append(("from", scalar(guess.seen.source)))
    return found


def entry(guess: Guess) -> str:
    """A column's entry, without its name."""
    found = fields(guess)
    return found[0][1] if [name for name, _ in found] == ["type"] else f"{{{', '.join(map(': '.join, found))}}}"


def comment(text: str) -> str:
    """A text as a comment may have it."""
    return yaml.reader.Reader.NON_PRINTABLE.sub("?", legible(text))


def _wrapped(text: str, before: str) -> list[str]:
    return [f"{before}# {line}" for line in wrap(comment(text), WIDTH, break_on_hyphens=False)]


def remarks(doubts: Sequence[str], indent: str, name: str = "") -> list[str]:
    """What is to be looked at, as lines above what it is about."""
    about = f"{name}: " if name else ""
    return [line for doubt in doubts for line in _wrapped(f"LOOK {about}{doubt}", indent)]


def draft(name: str, file: File, target: GuessedTarget, guesses: Sequence[Guess], left_out: Sequence[str]) -> str:
    """The file's text."""
    head = (
        f"Written by `relevo init` from {file.title}. It is a guess: go through it, most of all where it says LOOK, "
        "correct what is wrong, then run `relevo check`. Every field: docs/use-case.md."
    )
    said = [f"column: {target.name}"]
    if target.name != target.source:
        said.append(f"from: {scalar(target.source)}")
    said.append(f"task: {target.task}")
    if target.positive is not None:
        said.append(f"positive: {scalar(target.positive, outcome=True)}")
    if target.negative is not None:
        said.append(f"negative: {scalar(target.negative, outcome=True)}")
    about = "positive" if target.positive is not None else "task"
    lines = [f"{line}   # {comment(target.fact)}" if line.startswith(about) else line for line in said]
    entries = [f"  {one.name}: {entry(one)}" for one in guesses]
    widest = min(60, max(map(len, entries)))
    columns: list[str] = []
    for one, line in zip(guesses, entries, strict=True):
        fact = f"{line:<{widest}}   # {comment(one.fact)}" if one.fact else line
        columns += [*remarks(one.doubts, "  ", one.name), fact]
    return "\n".join(
        [
            *_wrapped(head, ""),
            f"name: {scalar(name)}",
            "source:",
            f"  files: {{path: {scalar(file.folder)}, pattern: {scalar(file.pattern)}, rows: {file.rows}}}"
            f"   # about {file.batches} batches of {file.rows:,} rows",
            "target:",
            *remarks(target.doubts, "  "),
            *(f"  {line}" for line in lines),
            *_LEGEND,
            "columns:",
            *(f"  # left out: {comment(shown(one))}, which has no name to call it by" for one in left_out),
            *columns,
            "",
        ]
    )
