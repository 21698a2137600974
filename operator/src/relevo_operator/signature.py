"""Whether a webhook's delivery comes from the registry, is fresh and is new. Pure: the clock is the caller's.

MLflow signs as https://www.standardwebhooks.com asks, under header names of its own: a delivery's id, the second it was
signed in, and one or more `v1,<base64 of HMAC-SHA256(secret, "id.timestamp.body")>`.

MLflow repeats a delivery (three times, unless MLFLOW_WEBHOOK_REQUEST_MAX_RETRIES says otherwise) that was answered
with 429, 500, 502, 503 or 504, or not at all within 30 s: as the same bytes, so with the same id, timestamp and
signature. To tell such a repetition from an attacker's, an accepted id is remembered, and whoever could not act on a
delivery and answers 5xx must `forget` it, or the repetition that it asked for would be refused. If the delivery was
acted upon and only the answer was lost, the repetition is refused as replayed, which loses nothing; MLflow does not
repeat after 4xx. The last repetition comes some 130 s after the first: `tolerance` must be longer.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from relevo_operator.errors import BadSignature, MalformedDelivery, OldTimestamp, Replayed

ID_HEADER: Final = "X-MLflow-Delivery-Id"
TIMESTAMP_HEADER: Final = "X-MLflow-Timestamp"
SIGNATURE_HEADER: Final = "X-MLflow-Signature"
SCHEME: Final = "v1"

MOST_REMEMBERED: Final = 10_000
"""Ids, 2 MB. Only deliveries that the secret signed are remembered; beyond this many the oldest is forgotten."""

# No dot in either: no other id, timestamp and body then make the same "id.timestamp.body", which would pass as new.
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")
_TIMESTAMP: Final = re.compile(r"[0-9]{1,12}")


@dataclass(frozen=True, slots=True)
class Delivery:
    """What the registry says has happened. It names whom to ask about; what holds now is what it answers then."""

    id: str
    entity: str
    action: str
    name: str
    """The registered model's."""
    alias: str
    """Empty for an event that is about no alias."""
    version: int | None
    """None for an event without one, as an alias deleted."""
    secret: str = field(default="", repr=False, compare=False)
    """What it was signed with, and so which registry sent it."""


class Verifier:
    """Checks deliveries and remembers those it accepted."""

    def __init__(self, secrets: Callable[[], Collection[str]], tolerance: float = 300.0) -> None:
        """`secrets` gives those that a delivery may be signed with now; an empty one is none."""
        self.secrets = secrets
        self._tolerance = tolerance
        self._accepted: dict[str, float] = {}
        """Ids and when their timestamp leaves the tolerance, in the order they came."""

    def check(self, headers: Mapping[str, str], body: bytes, now: float) -> Delivery:
        """The delivery, remembered as accepted. Raises a RefusedDelivery; `now` in seconds since 1970."""
        given = {name.lower(): value for name, value in headers.items()}
        delivery_id = _shaped(_ID, ID_HEADER, given)
        timestamp = _shaped(_TIMESTAMP, TIMESTAMP_HEADER, given)
        signed = f"{delivery_id}.{timestamp}.".encode() + body
        secret = self._signed_with(given.get(SIGNATURE_HEADER.lower(), ""), signed)
        age = now - int(timestamp)
        if abs(age) > self._tolerance:
            raise OldTimestamp(
                f"expected a delivery signed within {self._tolerance:g} s, delivery {delivery_id} was signed "
                f"{abs(age):.0f} s {'ago' if age > 0 else 'from now'}: compare MLflow's clock with this one's"
            )
        if delivery_id in self._accepted:
            raise Replayed(
                f"expected a new delivery, {delivery_id} was accepted before: either its answer was lost and MLflow "
                "repeats it, or somebody else does; nothing to do"
            )
        delivery = replace(_parse(delivery_id, body), secret=secret)
        self._remember(delivery_id, until=int(timestamp) + self._tolerance, now=now)
        return delivery

    def forget(self, delivery_id: str) -> None:
        """Accept this delivery once more: it could not be acted upon, and the answer asks MLflow to repeat it."""
        self._accepted.pop(delivery_id, None)

    def _signed_with(self, signatures: str, signed: bytes) -> str:
        made = [text for scheme, _, text in (one.partition(",") for one in signatures.split()) if scheme == SCHEME]
        for secret in filter(None, self.secrets()):
            expected = base64.b64encode(hmac.digest(secret.encode(), signed, hashlib.sha256))
            if any(hmac.compare_digest(expected, text.encode(errors="replace")) for text in made):
                return secret
        raise BadSignature(
            f"expected {SIGNATURE_HEADER}: {SCHEME},... made with a secret that this operator knows, got "
            f"{f'{len(made)} signature(s) of another' if made else 'none'}: if the secret was changed, MLflow "
            "signs with the new one within its cache's 60 s; if this goes on, somebody else is calling"
        )

    def _remember(self, delivery_id: str, *, until: float, now: float) -> None:
        # An id that stays too long does no harm, its timestamp is refused before: so only the oldest are looked at.
        while self._accepted:
            oldest = next(iter(self._accepted))
            if self._accepted[oldest] >= now and len(self._accepted) < MOST_REMEMBERED:
                break
            del self._accepted[oldest]
        self._accepted[delivery_id] = until


def _shaped(shape: re.Pattern[str], header: str, given: Mapping[str, str]) -> str:
    value = given.get(header.lower(), "")
    if not shape.fullmatch(value):
        raise MalformedDelivery(
            f"expected {header} of the form {shape.pattern}, got {value[:40]!r}: is it MLflow that calls?"
        )
    return value


def _parse(delivery_id: str, body: bytes) -> Delivery:
    try:
        said: dict[str, Any] = json.loads(body)
        data: dict[str, Any] = said["data"]
        version = data.get("version")
        delivery = Delivery(
            id=delivery_id,
            entity=_text(said["entity"]),
            action=_text(said["action"]),
            name=_text(data["name"]),
            alias=_text(data.get("alias", "")),
            version=None if version is None else int(_text(version)),
        )
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise MalformedDelivery(
            'expected {"entity", "action", "data": {"name", ...}}, got a signed delivery that is something else '
            f"({type(error).__name__}: {str(error)[:80]}): is this MLflow newer than what this operator knows?"
        ) from error
    if not delivery.name:
        raise MalformedDelivery("expected the name of a registered model in a signed delivery, got an empty one")
    return delivery


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected a text, got {value!r}"[:80])
    return value
