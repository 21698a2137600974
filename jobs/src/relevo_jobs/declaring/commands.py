"""`init` and `check` as a person meets them: what is printed, and how they end."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import Any

from relevo_contract import settings
from relevo_contract.texts import legible
from relevo_contract.use_case import Declaration, read, text_of
from relevo_jobs.declaring import telling
from relevo_jobs.declaring.batches import first
from relevo_jobs.declaring.checking import check
from relevo_jobs.declaring.guessing import Guess
from relevo_jobs.declaring.init import drafted, replace
from relevo_jobs.declaring.resolving import resolved
from relevo_jobs.declaring.tables import Batch
from relevo_jobs.errors import SettingsError, StepError
from relevo_jobs.settings import SourceSettings
from relevo_jobs.use_case import use_case_of


def run(given: Mapping[str, Any]) -> int:
    """Run a command and return its exit code: 0, or that of the error, whose sentence is on stderr."""
    try:
        return _check(given) if given["step"] == "check" else _init(given)
    except BrokenPipeError:  # who reads has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except StepError as error:
        if given.get("json"):
            _say(json.dumps({"holds": False, "problems": str(error).splitlines()}, ensure_ascii=False))
        _say(f"relevo {given['step']}: {error}", sys.stderr)
        return error.exit_code


def _say(text: str, where: Any = None) -> None:
    (where or sys.stdout).write("\n".join(map(legible, text.split("\n"))) + "\n")


def _init(given: Mapping[str, Any]) -> int:
    output: Path = given["output"]
    if not output.parent.is_dir():
        raise SettingsError(f"expected the folder {output.parent} to write {output.name} into, there is none")
    if output.exists() and not given["force"]:
        raise SettingsError(f"expected no {output} yet, there is one: --force writes over it, --output writes another")
    said = {name: given[name] for name in ("task", "positive", "name")}
    made = drafted(given["file"], given["target"], output.parent, **said)
    replace(output, made.text)
    _say(telling.of_draft(made, output))
    return 0


def _check(given: Mapping[str, Any]) -> int:
    file: Path = given["file"]
    text = _text(file)
    declared = _declared(text, file)
    guesses: list[Guess] = []
    own = settings.read(SourceSettings, SettingsError)
    with closing(first(declared, file.parent, own, given["batches"])) as came:
        batches: Iterator[Batch] = came
        if declared.unresolved:
            batch = next(came)
            text, guesses = resolved(text, declared, batch)
            declared = _declared(text, file)
            batches = chain((batch,), came)
        found = check(declared, use_case_of(declared, file.parent), batches)
    if guesses and given["write"] and not found.problems:
        replace(file, text)
    elif guesses:
        found.problems.append(f"expected the type of every column, {len(guesses)} are auto: --write writes them")
    written = bool(guesses) and not found.problems
    if given["json"]:
        _say(json.dumps(telling.as_json(found, guesses, written=written), ensure_ascii=False))
    else:
        _say(telling.as_text(found, guesses, file.name, written=written))
    for problem in found.problems:
        _say(f"relevo check: {file.name}: {problem}", sys.stderr)
    return SettingsError.exit_code if found.problems else 0


def _text(file: Path) -> str:
    try:
        return text_of(file)
    except OSError as error:
        raise SettingsError(
            f"expected a use_case.yaml at {file}, got: {error.strerror}; write one with `relevo init`"
        ) from None
    except ValueError as error:
        raise SettingsError(str(error)) from None


def _declared(text: str, file: Path) -> Declaration:
    try:
        return read(text, file.name)
    except ValueError as error:
        raise SettingsError(str(error)) from None
