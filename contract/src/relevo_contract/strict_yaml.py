"""YAML as people write settings in it, read strictly: what is doubtful is refused by its line. Pure.

Scalars are those of YAML 1.2: `no` and `on` are texts, and so is `007`, whose zeros a number would lose. An alias, a
tag, a name that stands twice and what is nested too deep are refused: none is needed, and each has hidden something.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import yaml

from relevo_contract.texts import shown

LARGEST: Final = 1_000_000
"""Characters of a file."""
DEEPEST: Final = 12
LONGEST_INTEGER: Final = 40
MOST: Final = 50_000
"""Values in a file."""

Path = tuple[str | int, ...]
"""The way to a value: names and places."""


class YamlError(ValueError):
    """A line that is not what is read here; the message names it."""


class _Scalars(yaml.SafeLoader):
    """YAML 1.2's core schema."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012  # the library's own form


_Scalars.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"(?:~|null|Null|NULL|)\Z"), ["~", "n", "N", ""])
_Scalars.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z"), list("tTfF")
)
_Scalars.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z"), list("-+0123456789"))
_Scalars.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?\Z"),
    list("-+0123456789."),
)


_SCALARS: Final[Mapping[str, Callable[[str], Any]]] = {
    "null": lambda _: None,
    "bool": lambda text: text.lower() == "true",
    "int": lambda text: int(text) if len(text) <= LONGEST_INTEGER else text,
    "float": float,
    "str": str,
}


def read(text: str) -> tuple[Any, Mapping[Path, int]]:
    """Read one document, and by the way to each value the line that it is in, from 1. Raises YamlError."""
    if len(text) > LARGEST:
        raise YamlError(f"expected at most {LARGEST:,} characters, got {len(text):,}")
    try:
        loader = _Scalars(text)
    except yaml.reader.ReaderError as error:
        at = text.count("\n", 0, error.position) + 1
        raise YamlError(f"line {at}: expected text, got the character U+{error.character:04X}: leave it out") from None
    try:
        _refuse_events(text)
        node = loader.get_single_node()
        lines: dict[Path, int] = {}
        return (None if node is None else _value(loader, node, (), lines)), lines
    except yaml.MarkedYAMLError as error:
        mark: Any = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}: " if mark else ""
        raise YamlError(f"{where}expected YAML, got something else: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise YamlError(f"expected YAML, got something else: {error}") from None
    finally:
        loader.dispose()


def _refuse_events(text: str) -> None:
    """Look at the text once before anything is made of it."""
    depth = 0
    event: Any
    for count, event in enumerate(yaml.parse(text, _Scalars)):
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise YamlError(f"line {line}: expected no anchor (&) and no alias (*): write it out")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise YamlError(f"line {line}: expected at most {DEEPEST} levels within each other")
        if count > MOST:
            raise YamlError(f"line {line}: expected at most {MOST:,} values")


def _value(loader: yaml.SafeLoader, node: yaml.Node, path: Path, lines: dict[Path, int]) -> Any:
    line = lines[path] = node.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode):
        _expect_plain(node.tag, "seq", line)
        return [_value(loader, one, (*path, place), lines) for place, one in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        _expect_plain(node.tag, "map", line)
        found: dict[str, Any] = {}
        for key, value in node.value:
            at = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise YamlError(f"line {at}: expected a name before the colon, got a list or a mapping")
            if key.value in found:
                raise YamlError(f"line {at}: expected {shown(key.value)} once, it stands here again: leave one out")
            found[key.value] = _value(loader, value, (*path, key.value), lines)
            lines[(*path, key.value)] = at
        return found
    kind = node.tag.removeprefix("tag:yaml.org,2002:")
    if kind not in _SCALARS:
        _expect_plain(node.tag, "str", line)
    return _SCALARS[kind](node.value)


def _expect_plain(tag: str, kind: str, line: int) -> None:
    if tag != f"tag:yaml.org,2002:{kind}":
        raise YamlError(f"line {line}: expected no tag, got {shown(tag)}: leave it out")
