"""The published images in the chart's values: read, and written without touching another character."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

FILE: Final = "charts/relevo/values.yaml"


class Unreadable(Exception):
    """The values are not of the form that is written here."""


@dataclass(frozen=True)
class Published:
    """Where the chart finds Relevo's images."""

    registry: str
    tags: Mapping[str, str]
    """By image; empty where none was published yet."""


def read(text: str) -> Published:
    """What the values say. Raises Unreadable."""
    match yaml.safe_load(text):
        case {"image": {"registry": str(registry), "tags": dict(tags)}} if all(
            isinstance(one, str) for one in tags.values()
        ):
            return Published(registry, tags)
    raise Unreadable(f"expected image.registry and image.tags, all strings, in {FILE}: correct it")


def written(text: str, wanted: Published) -> str:
    """The same values with these images in them: comments, order and all other lines stay. Raises Unreadable."""
    before = read(text)
    if missing := sorted(wanted.tags.keys() - before.tags.keys()):
        raise Unreadable(f"expected {', '.join(missing)} in image.tags of {FILE}, found none: add the line")
    lines = text.splitlines(keepends=True)
    at = next((number for number, line in enumerate(lines) if re.match(r"image:\s*(#.*)?$", line)), None)
    if at is None:
        raise Unreadable(f"expected a line `image:` in {FILE}, found none")
    inside = ""
    for number in range(at + 1, len(lines)):
        line = lines[number]
        if re.match(r"[^\s#]", line):
            break
        if match := re.match(r"  (\w+):", line):
            inside = match[1]
        if match := re.match(r"  registry:", line):
            lines[number] = _with(line, wanted.registry)
        elif inside == "tags" and (match := re.match(r"    ([\w-]+):", line)):
            lines[number] = _with(line, wanted.tags.get(match[1], before.tags[match[1]]))
    after = "".join(lines)
    expected: dict[str, Any] = yaml.safe_load(text)
    expected["image"] |= {"registry": wanted.registry, "tags": {**before.tags, **wanted.tags}}
    if yaml.safe_load(after) != expected:
        raise Unreadable(
            f'expected one line for image.registry and for each of image.tags in {FILE}, such as `    jobs: ""`: '
            "write them so"
        )
    return after


def _with(line: str, value: str) -> str:
    """The line of a key with another value; a comment after it stays. An unchanged value stays as it was written."""
    match = re.fullmatch(r"(\s*[\w-]+:\s*)(\"[^\"]*\"|'[^']*'|[^\s#]*)(\s.*)?", line.rstrip("\n"))
    if match is None or yaml.safe_load(match[2] or '""') == value:
        return line
    # Quoted, or a tag such as 1.4 would be a number.
    text = json.dumps(value) if match[2].startswith(('"', "'")) else value
    return f"{match[1]}{text}{match[3] or ''}\n"
