"""Whether an object must be applied, so that it carries what is wanted and nothing that was wanted before. Pure.

The operator writes by server-side apply: the server removes what an earlier apply set and this one lacks, and lets be
what others set. Comparing what is wanted with what is there shows no removal, so each object carries the digest of what
was last applied to it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from relevo_operator import names
from relevo_operator.values import Manifest

_SUFFIXES: Final = {
    "": Decimal(1), "n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3"),
    **{letter: Decimal(1000) ** power for power, letter in enumerate("kMGTPE", 1)},
    **{f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGTPE", 1)},
}  # fmt: skip
_ATOMIC: Final = frozenset({"selector", "secretKeyRef", "configMapKeyRef"})
"""Objects that have one owner: what somebody adds to them makes them another."""


def stamped(manifest: Manifest) -> dict[str, Any]:
    """The object with the digest of what it is, by which a later look knows that it was applied."""
    digest = hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()
    metadata = {**manifest["metadata"], "annotations": {names.APPLIED: digest[:32]}}
    return {**manifest, "metadata": metadata}


def is_applied(wanted: Manifest, live: Manifest) -> bool:
    """Whether a stamped object was the last that the operator wrote, and nobody changed anything of it since."""
    return not differs(wanted, live) and not any(
        # Only an earlier release, which knew no digest, patched what it had made.
        entry.get("time") != live["metadata"].get("creationTimestamp")
        for entry in _updates(live)
    )


def adopted(live: Manifest) -> list[dict[str, Any]] | None:
    """The managedFields in which all that the operator wrote counts as applied; None if it does already.

    What was made by `create`, or patched by a release before this, would stay for good once it is wanted no more.
    """
    updates = _updates(live)
    if not updates:
        return None
    entries = live["metadata"]["managedFields"]
    applied = [one for one in entries if _is_ours(one) and one["operation"] == "Apply"]
    fields: dict[str, Any] = {}
    for one in (*applied, *updates):
        fields = _both(fields, one["fieldsV1"])
    others = [one for one in entries if one not in applied and one not in updates]
    return [{**updates[-1], "operation": "Apply", "fieldsV1": fields}, *others]


def _is_ours(entry: Mapping[str, Any]) -> bool:
    return entry.get("manager") == names.MANAGER and not entry.get("subresource")


def _updates(live: Manifest) -> list[dict[str, Any]]:
    """Entries of what the operator wrote otherwise than by apply."""
    entries = live["metadata"].get("managedFields") or ()
    return [one for one in entries if _is_ours(one) and one["operation"] == "Update"]


def _both(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """The union of two sets of fields."""
    return {**one, **{name: _both(one.get(name, {}), below) for name, below in other.items()}}


def differs(wanted: Any, live: Any) -> bool:
    """Whether something of `wanted` is otherwise in `live`.

    What `live` has beyond it is the API server's defaults or somebody else's, such as the annotation of `kubectl
    rollout restart` or an injected sidecar, and is let be.
    """
    if live is None:  # the API server drops what is empty
        return wanted not in (None, "", [], {})
    if isinstance(wanted, Mapping):
        return not isinstance(live, Mapping) or any(
            value != live.get(key)
            if key in _ATOMIC
            else _quantities_differ(value, live.get(key))
            if key in {"requests", "limits"}
            else _quantity(value) != _quantity(live.get(key))
            if key == "sizeLimit"
            else differs(value, live.get(key))
            for key, value in wanted.items()
        )
    if isinstance(wanted, list) and any(isinstance(one, Mapping) for one in wanted):
        # Their names, ports or paths differ, so that one alone can be as wanted.
        return not isinstance(live, list) or any(all(differs(one, other) for other in live) for one in wanted)
    return bool(wanted != live)


def _quantities_differ(wanted: Mapping[str, Any], live: Any) -> bool:
    """The API server writes quantities its own way: 0.5 becomes 500m, 1024Mi becomes 1Gi."""
    there = {name: _quantity(value) for name, value in (live or {}).items()}
    return any(there.get(name) != _quantity(value) for name, value in wanted.items())


def _quantity(value: object) -> Decimal | str:
    text = str(value)
    number = text.rstrip("numkKMGTPEi")
    try:
        return Decimal(number) * _SUFFIXES[text[len(number) :]]
    except (ArithmeticError, KeyError):
        return text
