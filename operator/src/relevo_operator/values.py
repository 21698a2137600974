"""What is observed and what is to be done, as values. Nothing here knows a server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

Manifest = Mapping[str, Any]
"""A Kubernetes object as its JSON."""


SecretRef = tuple[str, str]
"""Namespace and name of a Secret."""


@dataclass(frozen=True, slots=True)
class RegistryRef:
    """Whom to ask for which mark. An address never holds a password: the CRD refuses one."""

    tracking_uri: str
    """Empty: the Secret has it."""
    model: str
    alias: str
    secret: SecretRef | None = None
    """What holds the address and the login for it."""

    @property
    def source(self) -> tuple[SecretRef | None, str]:
        """What tells one registry, as somebody is let in there, from another."""
        return self.secret, self.tracking_uri


@dataclass(frozen=True, slots=True)
class RetrainingRef:
    """Which DAG trains anew, and the Secret with Airflow's address and login, in the ModelDeployment's namespace."""

    url: str
    """Empty: the Secret has it."""
    dag: str
    secret: str


@dataclass(frozen=True, slots=True)
class Spec:
    """A ModelDeployment's spec; defaults are the CRD's. Durations are seconds."""

    registry: RegistryRef
    image: str
    poll_seconds: float = 30.0
    replicas: int = 1
    port: int = 8000
    resources: Manifest = field(default_factory=dict)
    env: tuple[Manifest, ...] = ()
    secret_files: tuple[Manifest, ...] = ()
    progress_deadline: float = 300.0
    on_failure: Literal["Rollback", "Hold"] = "Rollback"
    suspend: bool = False
    retraining: RetrainingRef | None = None


class Absence(StrEnum):
    """Why a registry gave no version."""

    UNREACHABLE = "Unreachable"
    """It did not answer, or failed."""
    DENIED = "Denied"
    """It answered 401 or 403."""
    BAD_ANSWER = "BadAnswer"
    """It answered something that is not MLflow's API, or refused the question as malformed."""
    CREDENTIAL_MISSING = "CredentialMissing"
    """The Secret that has the address and the login cannot be used: nothing was asked."""
    ADDRESS_REFUSED = "AddressRefused"
    """The address is none, or another than the one that the login is for: nothing was asked."""
    MODEL_MISSING = "ModelMissing"
    ALIAS_MISSING = "AliasMissing"


@dataclass(frozen=True, slots=True)
class Found:
    """The registry answered: the alias marks this version."""

    version: int


@dataclass(frozen=True, slots=True)
class Absent:
    """The registry gave no version; `message` says what was expected, what came and what to do.

    `message` goes into status, so it has no word of what the registry sent; `said`, which has, goes into the log alone.
    """

    reason: Absence
    message: str
    said: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class NotAsked:
    """Nobody has asked yet in this process."""


Answer = Found | Absent | NotAsked


class Outcome(StrEnum):
    """What became of a version."""

    ROLLING_OUT = "RollingOut"
    SERVING = "Serving"
    REPLACED = "Replaced"
    FAILED = "Failed"
    SUPERSEDED = "Superseded"
    """The alias moved on before it was ready."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One version in status.history."""

    version: int
    outcome: Outcome
    started_at: datetime
    ready_at: datetime | None = None
    ended_at: datetime | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Rollout:
    """A hand-over under way: the version, the spec's generation it is made for, and since when."""

    version: int
    generation: int
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Condition:
    """One of status.conditions, as https://github.com/kubernetes/community api-conventions define them."""

    type: str
    status: Literal["True", "False", "Unknown"]
    reason: str
    message: str
    since: datetime
    generation: int


class RunState(StrEnum):
    """What became of a retraining that was asked for."""

    REQUESTED = "Requested"
    """Airflow has not confirmed it yet."""
    QUEUED = "Queued"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    REFUSED = "Refused"
    """Airflow has no run for it, and is not asked again."""


@dataclass(frozen=True, slots=True)
class Retraining:
    """status.retraining, status.inclusion: the last retraining, or taking back of batches, that was asked for."""

    asked: str
    """The annotation's value."""
    run_id: str
    state: RunState
    message: str
    requested_at: datetime
    finished_at: datetime | None = None
    url: str = ""
    """Where Airflow shows the run, once it has it."""


@dataclass(frozen=True, slots=True)
class RunWanted:
    """A DAG run that Airflow is to be asked for and about, until it is over."""

    ref: RetrainingRef
    run_id: str
    reason: str
    known: bool
    """Airflow has it: it is asked about, and not for."""
    param: str = "retrain"
    """Which of the DAG's parameters the reason is."""


@dataclass(frozen=True, slots=True)
class TaskSeen:
    """A task of a run that is over."""

    name: str
    state: str
    tries: int
    """0 if it never ran: it was skipped, or failed, because of a task before it."""


@dataclass(frozen=True, slots=True)
class RunSeen:
    """Airflow has the run."""

    state: RunState
    url: str
    tasks: tuple[TaskSeen, ...] = ()
    """Once it is over, if Airflow tells them."""
    ended_at: datetime | None = None
    paused: bool = False
    """It is queued, and its DAG is paused."""


@dataclass(frozen=True, slots=True)
class RunRefused:
    """Airflow does not have the run, and said no; or its login is not to be had."""

    message: str


@dataclass(frozen=True, slots=True)
class RunGone:
    """Airflow had the run, and has it no more."""

    message: str


@dataclass(frozen=True, slots=True)
class RunUnheard:
    """Airflow does not tell, and is asked again."""

    message: str
    known: bool
    """It has the run."""


RunAnswer = RunSeen | RunRefused | RunGone | RunUnheard


@dataclass(frozen=True, slots=True)
class Past:
    """What status says of earlier passes: all that outlives the operator."""

    desired: int | None = None
    served: int | None = None
    """The last version of which every replica was available."""
    failed: int | None = None
    rollout: Rollout | None = None
    refreshed: str = ""
    retried: str = ""
    history: tuple[Entry, ...] = ()
    """Newest first."""
    conditions: tuple[Condition, ...] = ()
    retraining: Retraining | None = None
    inclusion: Retraining | None = None


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything one pass looks at."""

    name: str
    namespace: str
    uid: str
    generation: int
    annotations: Mapping[str, str]
    spec: Spec
    past: Past
    answer: Answer
    asked_now: bool
    """The answer was asked for in this very pass."""
    deployment: Manifest | None
    service: Manifest | None
    pods: tuple[Manifest, ...]
    now: datetime
    run: RunAnswer | None = None
    """What Airflow says of the run that status.retraining names; None if it was not asked yet in this process."""
    inclusion_run: RunAnswer | None = None
    """The same of status.inclusion's."""
    registry_keys: tuple[str, ...] | None = None
    """What the Secret of spec.registry holds that pods need; None if there is none, or it cannot be read now."""
    refusal: str = ""
    """What the API server said when this pass tried to write what was planned."""


@dataclass(frozen=True, slots=True)
class EventNote:
    """A Kubernetes Event to be written about the ModelDeployment."""

    kind: Literal["Normal", "Warning"]
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class VersionTag:
    """What a model version is to say of itself in the registry: the tags `serving` and `serving_at`."""

    version: int
    value: Literal["ready", "failed"]
    at: datetime | None = None
    """When it became so; None if history no longer tells."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What one pass decided."""

    status: Manifest
    """The whole new status."""
    apply: tuple[Manifest, ...] = ()
    """Objects to create or to bring back to this, in order."""
    events: tuple[EventNote, ...] = ()
    tags: tuple[VersionTag, ...] = ()
    look_again: float | None = None
    """Seconds until the next look, if nothing happens before."""
    run: RunWanted | None = None
    """The DAG run to see to; nothing is asked of Airflow without one."""
    inclusion_run: RunWanted | None = None
    """That which takes batches back."""
    handed_over: float | None = None
    """Seconds the hand-over that just ended took."""
