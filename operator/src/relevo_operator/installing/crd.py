"""The CustomResourceDefinition that the installation brings: which file is one, and whether it is served yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from relevo_operator import names
from relevo_operator.errors import SettingsError

API_VERSION: Final = "apiextensions.k8s.io/v1"
KIND: Final = "CustomResourceDefinition"


def parse(document: Any) -> dict[str, Any]:
    """The definition in RELEVO_CRD_FILE. Raises SettingsError if it is none of this project's."""
    match document:
        case {
            "apiVersion": str(version),
            "kind": str(kind),
            "metadata": {"name": str(name)},
            "spec": {"group": str(group)},
        }:
            came = f"{kind} {name} of {version}, group {group}"
            if (version, kind, group) == (API_VERSION, KIND, names.GROUP) and name.endswith(f".{names.GROUP}"):
                return dict(document)
        case _:
            came = "something else"
    raise SettingsError(
        f"RELEVO_CRD_FILE: expected one {KIND} of {API_VERSION} whose group is {names.GROUP}, got {came}: "
        "mount crds/modeldeployments.yaml"
    )


def established(definition: Mapping[str, Any]) -> bool:
    """Whether the API server serves what is defined."""
    return _condition(definition, "Established").get("status") == "True"


def name_conflict(definition: Mapping[str, Any]) -> str | None:
    """Why its names cannot be had, so that it is never served as it stands; None if nothing is against them."""
    accepted = _condition(definition, "NamesAccepted")
    return str(accepted.get("message")) if accepted.get("status") == "False" else None


def _condition(definition: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    conditions = (definition.get("status") or {}).get("conditions") or ()
    return next((one for one in conditions if one["type"] == kind), {})
