"""A declaration from its file: each thing that is wrong is told by its line. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from relevo_contract import strict_yaml
from relevo_contract.texts import shown
from relevo_contract.use_case.declaration import Declaration


def text_of(file: Path) -> str:
    """The text of a declaration, as much as `read` takes of a file. Raises OSError, ValueError if it is no UTF-8."""
    with file.open("rb") as opened:
        body = opened.read(strict_yaml.LARGEST + 1)
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise ValueError(f"expected UTF-8 in {file}, got something else: save it as UTF-8") from None


def read(text: str, where: str = "use_case.yaml") -> Declaration:
    """Read a declaration. Raises ValueError that tells each thing that is wrong, by its line."""
    try:
        came, lines = strict_yaml.read(text)
    except strict_yaml.YamlError as error:
        raise ValueError(f"{where}: {error}") from None
    if not isinstance(came, dict):
        said = "nothing" if came is None else shown(str(came))
        raise ValueError(f"{where}: expected name, source, target and columns, got {said}")  # noqa: TRY004  # as all
    try:
        return Declaration.model_validate(came)
    except ValidationError as error:
        raise ValueError("\n".join(_told(where, problem, came, lines) for problem in error.errors())) from None


def _told(where: str, problem: Any, came: Any, lines: Mapping[strict_yaml.Path, int]) -> str:
    """A problem by its line."""
    path: list[str | int] = []
    value = came
    for step in (
        *problem["loc"],
        *problem.get("ctx", {}).get("at", ()),
    ):  # pydantic's own steps, such as the kind in a union, are none of the file's
        named = isinstance(value, dict) and step in value
        placed = isinstance(value, list) and isinstance(step, int) and step < len(value)
        if named or placed:
            value = value[step]
            path.append(step)
    line, told = lines.get(tuple(path), 1), ".".join(map(str, path))
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "missing":
        missing = problem["loc"][-1]
        return f"{where}, line {line}: expected {missing} in {told or 'the file'}, it is missing: write it"
    if problem["type"] == "extra_forbidden":
        return f"{where}, line {line}: expected no {told or problem['loc'][-1]}: it is no field, see docs/use-case.md"
    if problem["type"] == "string_pattern_mismatch":
        message = f"expected a text that matches {problem['ctx']['pattern']}"
    own = problem["type"] in {"value_error", "contradiction"}  # it says itself what came
    got = "" if own or isinstance(value, dict | list) else f", got {shown(value)}"
    return f"{where}, line {line}: {told + ': ' if told else ''}{_lowered(message)}{got}"


def _lowered(message: str) -> str:
    """A sentence of pydantic's in our form."""
    return f"expected {message[16:]}" if message.startswith("Input should be ") else message
