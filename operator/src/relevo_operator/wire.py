"""A ModelDeployment's JSON to values and back. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from relevo_operator.errors import InvalidSpec
from relevo_operator.values import (
    Condition,
    Entry,
    Manifest,
    Outcome,
    Past,
    RegistryRef,
    Retraining,
    RetrainingRef,
    Rollout,
    RunState,
    Spec,
)

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)", re.ASCII)


def seconds(duration: str) -> float:
    """A duration such as 1m30s in seconds. Raises InvalidSpec."""
    parts = _PART.findall(duration)
    if not parts or "".join(number + unit for number, unit in parts) != duration:
        raise InvalidSpec(f"expected a duration such as 30s or 1m30s, got {duration!r}")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def spec_of(body: Manifest) -> Spec:
    """The spec, with the CRD's defaults where an older object lacks a field. Raises InvalidSpec."""
    try:
        spec: Mapping[str, Any] = body["spec"]
        registry, serving, rollout = spec["registry"], spec["serving"], spec.get("rollout") or {}
        retraining = spec.get("retraining")
        return Spec(
            registry=_registry(registry, body),
            image=serving["image"],
            poll_seconds=seconds(spec.get("pollInterval", "30s")),
            replicas=serving.get("replicas", 1),
            port=serving.get("port", 8000),
            resources=serving.get("resources") or {},
            env=tuple(serving.get("env") or ()),
            secret_files=tuple(serving.get("secretFiles") or ()),
            progress_deadline=seconds(rollout.get("progressDeadline", "5m")),
            on_failure=rollout.get("onFailure", "Rollback"),
            suspend=spec.get("suspend", False),
            retraining=retraining
            and RetrainingRef(retraining.get("url", ""), retraining["dag"], retraining["secretName"]),
        )
    except KeyError as error:
        raise InvalidSpec(f"expected a spec that its CustomResourceDefinition accepts, {error} is missing") from None


def _registry(registry: Mapping[str, Any], body: Manifest) -> RegistryRef:
    name = registry.get("secretName")
    secret = (body["metadata"]["namespace"], name) if name else None
    uri = registry.get("trackingUri", "") if secret else registry["trackingUri"]
    return RegistryRef(uri, registry["model"], registry.get("alias", "production"), secret)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _maybe(text: str | None) -> datetime | None:
    return None if text is None else _time(text)


def written(moment: datetime) -> str:
    """A time as Kubernetes writes it in conditions: RFC 3339, UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def exact(moment: datetime) -> str:
    """A time as status keeps hand-overs: with milliseconds, for people measure them."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def past_of(body: Manifest) -> Past:
    """What status says of earlier passes."""
    status: Mapping[str, Any] = body.get("status") or {}
    rollout = status.get("rollout")
    return Past(
        desired=status.get("desiredVersion"),
        served=status.get("servedVersion"),
        failed=status.get("failedVersion"),
        rollout=Rollout(rollout["version"], rollout["generation"], _time(rollout["startedAt"])) if rollout else None,
        refreshed=status.get("refreshed", ""),
        retried=status.get("retried", ""),
        history=tuple(
            Entry(
                version=entry["version"],
                outcome=Outcome(entry["outcome"]),
                started_at=_time(entry["startedAt"]),
                ready_at=_maybe(entry.get("readyAt")),
                ended_at=_maybe(entry.get("endedAt")),
                message=entry.get("message", ""),
            )
            for entry in status.get("history") or ()
        ),
        conditions=tuple(
            Condition(
                type=condition["type"],
                status=condition["status"],
                reason=condition["reason"],
                message=condition.get("message", ""),
                since=_time(condition["lastTransitionTime"]),
                generation=condition.get("observedGeneration", 0),
            )
            for condition in status.get("conditions") or ()
        ),
        retraining=_retraining_of(status.get("retraining")),
        inclusion=_retraining_of(status.get("inclusion")),
    )


def _retraining_of(status: Mapping[str, Any] | None) -> Retraining | None:
    if status is None:
        return None
    return Retraining(
        asked=status["asked"],
        run_id=status["runId"],
        state=RunState(status["state"]),
        message=status["message"],
        requested_at=_time(status["requestedAt"]),
        finished_at=_maybe(status.get("finishedAt")),
        url=status.get("url", ""),
    )


def status_of(
    past: Past, *, generation: int, endpoint: str | None, replicas: int, ready_replicas: int, selector: str
) -> dict[str, Any]:
    """The status as JSON; what is unknown is left out."""
    known = {
        "observedGeneration": generation,
        "desiredVersion": past.desired,
        "servedVersion": past.served,
        "failedVersion": past.failed,
        "endpoint": endpoint,
        "replicas": replicas,
        "readyReplicas": ready_replicas,
        "selector": selector,
        "rollout": past.rollout
        and {
            "version": past.rollout.version,
            "generation": past.rollout.generation,
            "startedAt": exact(past.rollout.started_at),
        },
        "refreshed": past.refreshed or None,
        "retried": past.retried or None,
        "retraining": past.retraining and _retraining(past.retraining),
        "inclusion": past.inclusion and _retraining(past.inclusion),
        "history": [_entry(entry) for entry in past.history],
        "conditions": [
            {
                "type": condition.type,
                "status": condition.status,
                "reason": condition.reason,
                "message": condition.message,
                "lastTransitionTime": written(condition.since),
                "observedGeneration": condition.generation,
            }
            for condition in past.conditions
        ],
    }
    return {name: value for name, value in known.items() if value is not None}


def _entry(entry: Entry) -> dict[str, Any]:
    known = {
        "version": entry.version,
        "outcome": entry.outcome.value,
        "startedAt": exact(entry.started_at),
        "readyAt": entry.ready_at and exact(entry.ready_at),
        "endedAt": entry.ended_at and exact(entry.ended_at),
        "message": entry.message or None,
    }
    return {name: value for name, value in known.items() if value is not None}


def _retraining(asked: Retraining) -> dict[str, Any]:
    known = {
        "asked": asked.asked,
        "runId": asked.run_id,
        "state": asked.state.value,
        "message": asked.message,
        "requestedAt": exact(asked.requested_at),
        "finishedAt": asked.finished_at and exact(asked.finished_at),
        "url": asked.url or None,
    }
    return {name: value for name, value in known.items() if value is not None}
