"""Which Secrets there must be and what stands in them: what RELEVO_SECRETS_FILE and RELEVO_REQUIRED_SECRETS may say.

Messages name the Secret and the key, and never repeat a value: somebody may have written a password there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final

from relevo_operator.errors import SettingsError

REFERENCE: Final = re.compile(r"\{([-._a-zA-Z0-9]+)\}")
"""A key's name in braces, and nothing else: other braces stand for themselves."""
_KEY: Final = re.compile(r"(?!\.{1,2}$)[-._a-zA-Z0-9]{1,253}")
_NAME: Final = re.compile(r"(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_FILE: Final = "RELEVO_SECRETS_FILE"
_REQUIRED: Final = "RELEVO_REQUIRED_SECRETS"


class Random(StrEnum):
    """How a value is drawn."""

    PASSWORD = "password"  # noqa: S105
    """40 letters and digits: they need no escaping anywhere."""
    HEX = "hex"
    """64 hexadecimal digits."""
    FERNET = "fernet"
    """A Fernet key: 32 bytes as URL-safe base64."""


@dataclass(frozen=True)
class Fixed:
    """A value that stands in the file."""

    text: str


@dataclass(frozen=True)
class Format:
    """A text that names other keys of the same Secret."""

    text: str


@dataclass(frozen=True)
class Url:
    """An address that names other keys; their values are percent-encoded in it."""

    text: str


@dataclass(frozen=True)
class Json:
    """A JSON document whose strings name other keys."""

    document: Any


Value = Fixed | Random | Format | Url | Json
Definition = Mapping[str, Value]
"""A Secret's keys; each stands behind those that it names."""


def parse(document: object) -> dict[str, Definition]:
    """The Secrets that RELEVO_SECRETS_FILE asks for, by name. Raises SettingsError."""
    wanted = _mapping(_FILE, document, "Secrets, each with its keys")
    return {_secret_name(_FILE, name): _definition(f"{_FILE}: {name}", keys) for name, keys in wanted.items()}


def parse_required(document: object) -> dict[str, tuple[str, ...]]:
    """The keys of each Secret that must be there already, by its name. Raises SettingsError."""
    required = {}
    for name, keys in _mapping(_REQUIRED, document or {}, "Secrets, each with a list of keys").items():
        where = f"{_REQUIRED}: {_secret_name(_REQUIRED, name)}"
        if not isinstance(keys, list) or not keys:
            raise SettingsError(f"{where}: expected a list of keys, got {_what(keys)}")
        required[name] = tuple(_key_name(where, key) for key in keys)
    return required


def parts(document: Any) -> Iterator[str]:
    """All strings of a JSON document, the names in it included."""
    if isinstance(document, str):
        yield document
    elif isinstance(document, Mapping):
        for name, value in document.items():
            yield str(name)
            yield from parts(value)
    elif isinstance(document, list):
        for value in document:
            yield from parts(value)


def _definition(where: str, keys: object) -> Definition:
    values = {_key_name(where, key): _value(f"{where}.{key}", value) for key, value in _mapping(where, keys).items()}
    needs = {key: tuple(_named(value)) for key, value in values.items()}
    for key, named in needs.items():
        if unknown := sorted(set(named) - values.keys()):
            raise SettingsError(
                f"{where}.{key}: expected the names of keys of the same Secret between braces, got "
                f"{', '.join(unknown)}; its keys are {', '.join(values)}"
            )
    try:
        order = tuple(TopologicalSorter(needs).static_order())
    except CycleError as error:
        raise SettingsError(
            f"{where}: expected keys that can be made, got a circle: {', '.join(error.args[1])}"
        ) from None
    return {key: values[key] for key in order}


def _named(value: Value) -> Iterator[str]:
    """The keys that a value is composed of."""
    if isinstance(value, Format | Url):
        yield from REFERENCE.findall(value.text)
    elif isinstance(value, Json):
        for text in parts(value.document):
            yield from REFERENCE.findall(text)


def _value(where: str, value: object) -> Value:
    if isinstance(value, str):
        return Fixed(value)
    match value:
        case {"random": str(kind), **rest} if not rest and kind in list(Random):
            return Random(kind)
        case {"format": str(text), **rest} if not rest:
            return Format(text)
        case {"url": str(text), **rest} if not rest:
            return Url(text)
        case {"json": document, **rest} if not rest:
            return Json(document)
    kinds = ", ".join(f"{{random: {kind}}}" for kind in Random)
    raise SettingsError(
        f"{where}: expected a string, {kinds}, {{format: text}}, {{url: text}} or {{json: document}}, "
        f"got {_what(value)}"
    )


def _mapping(where: str, value: object, of: str = "its keys and their values") -> Mapping[Any, Any]:
    if not isinstance(value, Mapping):
        raise SettingsError(f"{where}: expected a mapping of {of}, got {_what(value)}")
    return value


def _secret_name(where: str, name: object) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise SettingsError(
            f"{where}: expected a Secret's name (small letters, digits, - and ., at most 253), got {name!r}"
        )
    return name


def _key_name(where: str, key: object) -> str:
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise SettingsError(f"{where}: expected a key's name (letters, digits, -, _ and ., at most 253), got {key!r}")
    return key


def _what(value: object) -> str:
    if isinstance(value, Mapping):
        return f"a mapping of {', '.join(map(str, value)) or 'nothing'}"
    return "nothing" if value is None else f"a {type(value).__name__}"
