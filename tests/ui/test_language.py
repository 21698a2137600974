from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import relevo_ui
from relevo_contract.strict_csv import Fault
from relevo_contract.tasks import TASKS
from relevo_ui import (
    batches,
    mlflow_records,
    problems,
    promises,
    reasons,
    refusals,
    rehearsals,
    sentences,
    terms,
    wording,
)
from relevo_ui.history import Verdict
from relevo_ui.language import SPANISH, chosen, english, spanish
from relevo_ui.wording import Wording
from tests.ui.words import ES

HERE = Path(relevo_ui.__file__).parent


def constants(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.IfExp):
        yield from constants(node.body)
        yield from constants(node.orelse)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value


def spoken() -> set[str]:
    """Every text that the code says, and those that tables hold for it to say."""
    found = {
        *reasons.REASONS.values(),
        *reasons.CRITERIA.values(),
        *reasons.DEFECTS.values(),
        *(words for task in TASKS.values() for words in (task.figure, task.errs, task.decides, task.baseline_words)),
        *(task.told_change(by) for task in TASKS.values() for by in (rehearsals.SOME, rehearsals.MUCH)),
        *rehearsals.RANGES.values(),
        *promises.OF_ONE.values(),
        *(said for _, said in sentences.DEFECTS.values()),
        *(text for both in wording.COUNTED.values() for text in both),
        *(text for name, text in vars(terms).items() if name.isupper()),
        *(place.value for place in promises.Place),
        *batches.REJECTIONS.values(),
        *(verdict.value for verdict in Verdict),
        *problems.TEXTS,
        *("1 day ago", "{count} days ago", "1 hour ago", "{count} hours ago", "1 minute ago", "{count} minutes ago"),
        *("rows", "before", "now", "difference"),
        *(text for name, text in vars(refusals).items() if name.isupper() and isinstance(text, str)),
        *refusals.STATUSES.values(),
        *(fault.value for fault in Fault),
        mlflow_records.AWAY,
    }
    for file in sorted(HERE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if (
                isinstance(node, ast.Call)
                and node.args
                and isinstance(node.func, ast.Name)
                and node.func.id in {"say", "mark", "spoken", "self", "FileError"}
            ):
                found.update(constants(node.args[0]))
    return found


def places(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))


def test_every_text_has_its_spanish_form_with_the_same_figures() -> None:
    texts = spoken()
    assert len(texts) > 150
    assert sorted(texts - SPANISH.keys()) == []
    assert sorted(SPANISH.keys() - texts) == [], "nobody says these any more"
    assert [text for text in texts if places(text) != places(SPANISH[text])] == []


SEVERAL = {
    "It learnt from {rows} rows of {batches} batches in {seconds} seconds.",
    "Made {when} from the decision records of {count} promotions.",
    "On {rows} held-out rows of the {batches} batches that both learnt from, {newer} is the closer one for {better} of "
    "them.",
    "{rows} rows came in {batches} batches, {kept} are in CLEAN.",
    "the last {rows} requests",
    "{column}: moved in {count} of {all} batches",
    "How far each column of a batch lay from what the version in production then was trained on, in multiples of the "
    "most that noise alone gives at its size: the larger, the further. The newest {count} batches at most.",
}
"""What is said of several, but for the shortest of histories."""


def test_one_of_a_thing_is_not_said_as_several() -> None:
    counted = {text for both in wording.COUNTED.values() for text in both}
    several = {text for text in spoken() if re.search(r"\{\w+\} (batches|trainings|promotions|requests)\b", text)}
    assert several - counted == SEVERAL
    assert (ES.count("batch", 1), ES.count("row", 1470)) == ("1 lote", "1,470 filas")


def test_what_has_no_spanish_form_is_said_in_english_rather_than_not_at_all() -> None:
    assert spanish("A {thing} nobody translated", thing="text") == "A text nobody translated"
    assert english("Left {alone}") == "Left {alone}"


@pytest.mark.parametrize(
    ("asked", "browser", "code"),
    [
        (None, None, "en"),
        (None, "es-PR", "es"),
        (None, "de-DE", "en"),
        ("es", "en-US", "es"),
        ("en", "es", "en"),
        ("../etc", "es_MX", "es"),
    ],
)
def test_the_language_is_what_was_asked_for_then_the_browsers(
    asked: str | None, browser: str | None, code: str
) -> None:
    assert chosen(asked, browser) == code


def test_figures_and_lists_are_worded_in_spanish() -> None:
    assert wording.listed(["a", "b", "c"], say=spanish) == "a, b y c"
    assert ES.with_unit("house_size") == "superficie, pies cuadrados"
    assert ES.category("status", "for_sale") == "en venta"
    assert Wording().column("house_size") == "house size", "without a label"
