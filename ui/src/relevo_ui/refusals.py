"""What an answer of the inference API, or of a proxy before it, means if it is a refusal: each status its own. Pure."""

from __future__ import annotations

import json
from typing import Any, Final
from urllib.parse import urlsplit

from relevo_ui.errors import ApiAway, BadRow, NoModel, TooMuch, UiError

AWAY: Final = (
    "The inference API at {url} does not answer ({error}). Start it with `relevo-serving`, or check RELEVO_API_URL; "
    "this page asks again when you do."
)
LATE: Final = (
    "The inference API at {url} did not answer {path} within {seconds} s: it is busy, or the way to it is slow. Ask "
    "again, or set RELEVO_TIMEOUT to more."
)
OTHER: Final = "Expected {url} to be Relevo's inference API, {path} answered {status}: check RELEVO_API_URL."
NOT_JSON: Final = (
    "Expected {url} to be Relevo's inference API, {path} answered something that is not its JSON: check RELEVO_API_URL "
    "and what stands before it."
)
TOO_LARGE: Final = (
    "Expected {url} to be Relevo's inference API, {path} answered more than {most} MB: check RELEVO_API_URL."
)
REDIRECT: Final = (
    "{url} sends {path} elsewhere ({status}{to}): a login or another address. Set RELEVO_API_URL to where the "
    "inference API itself answers."
)
TOO_MUCH: Final = "The inference API at {url} takes less in one request ({status}){said}: shorten the texts."
PROXY_NOT_READY: Final = (
    "A proxy before the inference API at {url} says that none is ready (503): it may be starting. Ask again in a "
    "moment."
)
FAILED: Final = "The inference API at {url} failed at {path} ({status}){said}: its log says why. Ask again."
STATUSES: Final = {
    400: "The inference API at {url} did not understand a request to {path} (400){said}: a proxy may have changed it.",
    401: (
        "The inference API at {url}, or what stands before it, asks for a login (401): set RELEVO_API_KEY to a key of "
        "the API."
    ),
    403: "What stands before the inference API at {url} does not let the UI in (403): the UI needs the right to ask.",
    408: "The request did not reach the inference API at {url} in time (408){said}: the way to it is slow. Ask again.",
    415: "What answers at {url} takes no JSON at {path} (415): check RELEVO_API_URL and what stands before it.",
    429: "The inference API at {url} is asked too often (429){said}: wait a moment, then ask again.",
    500: FAILED,
    502: "A proxy before the inference API at {url} gets no answer from it (502): see whether it runs, then ask again.",
    504: "A proxy before the inference API at {url} waited for it in vain (504): it is busy. Ask again in a moment.",
}


def refusal(status: int, content: bytes, *, url: str, path: str, location: str = "") -> UiError:
    """The error that an answer other than 200 is."""
    answer = _json(content)
    said = answer.get("error")
    if status == 503:
        return NoModel(said) if isinstance(said, str) else ApiAway(PROXY_NOT_READY, url=url)
    values = {"url": url, "path": path, "status": status, "said": f" – {said}" if isinstance(said, str) else ""}
    if status == 413 or (status == 422 and _too_many(answer)):
        return TooMuch(TOO_MUCH, **values)
    if status == 422 and isinstance(said, str):
        return BadRow(said, _fields(answer))
    if 300 <= status < 400:
        return ApiAway(REDIRECT, **values, to=f", {_address(location)}" if location else "")
    if status in STATUSES:
        return ApiAway(STATUSES[status], **values)
    return ApiAway(FAILED if status >= 500 else OTHER, **values)


def _json(content: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _wrong(answer: dict[str, Any]) -> list[tuple[str, str]]:
    fields = answer.get("fields")
    if not isinstance(fields, list):
        return []
    return [(str(one.get("field", "")), str(one.get("problem", ""))) for one in fields if isinstance(one, dict)]


def _too_many(answer: dict[str, Any]) -> bool:
    """Whether it is the number of rows that is wrong, and no row."""
    return [field for field, _ in _wrong(answer)] == ["instances"]


def _fields(answer: dict[str, Any]) -> dict[tuple[int, str], str]:
    """By row and input what is wrong; `instances.3.bed` is the fourth row's. Empty if it names anything else."""
    found: dict[tuple[int, str], str] = {}
    for field, problem in _wrong(answer):
        _, _, rest = field.partition(".")
        number, _, name = rest.partition(".")
        if not number.isascii() or not number.isdigit():
            return {}
        found[int(number), name.partition(".")[0]] = problem
    return found


def _address(location: str) -> str:
    """Where a redirect leads, without what may be secret in it."""
    try:
        parts = urlsplit(location)
    except ValueError:
        return "?"
    return f"{parts.scheme}://{parts.hostname}{parts.path}" if parts.hostname else parts.path
