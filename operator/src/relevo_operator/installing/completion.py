"""What a Secret lacks, from what it should have and what it has: pure, but for the randomness that is given."""

from __future__ import annotations

import base64
import json
import random
import shlex
import string
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from relevo_operator.installing.definitions import REFERENCE, Definition, Fixed, Format, Random, Url, Value

_LETTERS_AND_DIGITS: Final = string.ascii_letters + string.digits
_PASSWORD_LENGTH: Final = 40
"""238 bits."""
BYTES_AS_TEXT: Final = "surrogateescape"
"""How bytes that are no UTF-8 pass through text and come out as they were."""


def additions(definition: Definition, there: Mapping[str, str], randomness: random.Random) -> dict[str, str]:
    """The keys that a Secret lacks, with values; composed of what is there, if it is there."""
    values = dict(there)
    for key, value in definition.items():
        if key not in there:
            values[key] = _draw(value, randomness) if isinstance(value, Random) else _compose(value, values)
    return {key: values[key] for key in definition if key not in there}


def rotated(definition: Definition, there: Mapping[str, str], randomness: random.Random) -> dict[str, str]:
    """New random values, and what is composed of them; a key that is missing is left to `additions`.

    Fernet keys stay: what is stored was encrypted with them. So does what the definition says in full, such as a user's
    name.
    """
    values = dict(there)
    for key, value in definition.items():
        if key not in there or isinstance(value, Fixed) or value is Random.FERNET:
            continue
        values[key] = _draw(value, randomness) if isinstance(value, Random) else _compose(value, values)
    return {key: value for key, value in values.items() if value != there[key]}


def kept(definition: Definition, there: Mapping[str, str]) -> tuple[str, ...]:
    """The keys whose value is not what the definition says now; nothing says what a random one should be."""
    return tuple(
        key
        for key, value in definition.items()
        if key in there and not isinstance(value, Random) and _composed_otherwise(value, there, there[key])
    )


def complaints(
    required: Mapping[str, tuple[str, ...]], there: Mapping[str, Mapping[str, str] | None], namespace: str
) -> tuple[str, ...]:
    """One for each Secret that is required and is missing, or lacks keys; each with the line that mends it."""
    found = ((name, keys, there[name]) for name, keys in required.items())
    return tuple(
        _complaint(name, lacking, namespace, missing=values is None)
        for name, keys, values in found
        if (lacking := [key for key in keys if key not in (values or {})])
    )


def _complaint(name: str, lacking: list[str], namespace: str, *, missing: bool) -> str:
    if missing:
        literals = " ".join(f"--from-literal={key}=..." for key in lacking)
        mend = f"kubectl create secret generic {name} -n {namespace} {literals}"
        return f"Secret {name} in namespace {namespace}: expected one with {', '.join(lacking)}, found none: {mend}"
    patch = shlex.quote(json.dumps({"stringData": dict.fromkeys(lacking, "...")}))
    mend = f"kubectl patch secret {name} -n {namespace} -p {patch}"
    return f"Secret {name} in namespace {namespace}: expected {', '.join(lacking)} in it, found none: {mend}"


def _composed_otherwise(value: Value, there: Mapping[str, str], found: str) -> bool:
    try:
        return _compose(value, there) != found
    except KeyError:  # composed of a key that is about to be added
        return True


def _draw(kind: Random, randomness: random.Random) -> str:
    if kind is Random.PASSWORD:
        return "".join(randomness.choice(_LETTERS_AND_DIGITS) for _ in range(_PASSWORD_LENGTH))
    drawn = randomness.randbytes(32)
    return drawn.hex() if kind is Random.HEX else base64.urlsafe_b64encode(drawn).decode()


def _compose(value: Value, there: Mapping[str, str]) -> str:
    if isinstance(value, Fixed):
        return value.text
    if isinstance(value, Format):
        return _filled(value.text, there)
    if isinstance(value, Url):
        return _filled(value.text, {key: quote(text, safe="", errors=BYTES_AS_TEXT) for key, text in there.items()})
    assert not isinstance(value, Random)
    return json.dumps(_filled_document(value.document, there))


def _filled(text: str, there: Mapping[str, str]) -> str:
    return REFERENCE.sub(lambda found: there[found[1]], text)


def _filled_document(document: Any, there: Mapping[str, str]) -> Any:
    if isinstance(document, str):
        return _filled(document, there)
    if isinstance(document, Mapping):
        return {_filled(str(name), there): _filled_document(value, there) for name, value in document.items()}
    if isinstance(document, list):
        return [_filled_document(value, there) for value in document]
    return document
