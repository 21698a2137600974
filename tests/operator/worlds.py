"""A ModelDeployment's world for the pure tests: what the operator would observe, built and stepped by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from relevo_operator import names, wire
from relevo_operator.reconcile import reconcile
from relevo_operator.values import Answer, Found, Manifest, Observed, Plan, RegistryRef, RunAnswer, Spec

BEGAN = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
SPEC = Spec(registry=RegistryRef("http://mlflow:5000", "house-prices", "production"), image="relevo/serving:1")


def pod(version: int, *, name: str = "prices-a", ready: bool = False, **status: Any) -> dict[str, Any]:
    """A pod as the kubelet describes it; `status` are fields of its only container's status."""
    return {
        "metadata": {"name": name, "labels": {names.VERSION_LABEL: str(version)}},
        "status": {"containerStatuses": [{"name": "serving", "image": "relevo/serving:1", "ready": ready, **status}]},
    }


SELF_TEST = "self-test: expected 100,000.00 for example 3 of 20 within 0.001, the model says 112,000.00"


def broken(version: int, said: str = SELF_TEST) -> dict[str, Any]:
    """A pod whose version said that it can never be served."""
    return pod(version, lastState={"terminated": {"exitCode": names.BROKEN_VERSION_EXIT, "message": said}})


@dataclass
class World:
    """One ModelDeployment and its surroundings; `look` is a pass of the operator, whose plan is carried out."""

    spec: Spec = SPEC
    answer: Answer = field(default_factory=lambda: Found(1))
    annotations: Mapping[str, str] = field(default_factory=dict)
    generation: int = 1
    deployment: dict[str, Any] | None = None
    service: dict[str, Any] | None = None
    pods: tuple[Manifest, ...] = ()
    status: Manifest = field(default_factory=dict)
    now: datetime = BEGAN
    plans: list[Plan] = field(default_factory=list)
    asked_now: bool = False
    refusal: str = ""
    run: RunAnswer | None = None
    inclusion_run: RunAnswer | None = None

    def observed(self) -> Observed:
        return Observed(
            name="prices",
            namespace="shop",
            uid="uid-1",
            generation=self.generation,
            annotations=self.annotations,
            spec=self.spec,
            past=wire.past_of({"status": self.status}),
            answer=self.answer,
            asked_now=self.asked_now,
            deployment=self.deployment,
            service=self.service,
            pods=self.pods,
            now=self.now,
            refusal=self.refusal,
            run=self.run,
            inclusion_run=self.inclusion_run,
        )

    def look(self, after: float = 0.0) -> Plan:
        self.now += timedelta(seconds=after)
        plan = reconcile(self.observed())
        self.plans.append(plan)
        for manifest in plan.apply:
            copy = dict(manifest)
            if copy["kind"] == "Service":
                self.service = copy
                continue
            before = self.deployment or {"metadata": {"generation": 0}, "status": {}}
            generation = before["metadata"]["generation"] + 1
            copy["metadata"] = {**copy["metadata"], "generation": generation}
            self.deployment = {**copy, "status": before.get("status", {})}
        self.status = plan.status
        return plan

    def pods_ready(self, ready: int | None = None) -> None:
        """The Deployment controller rolled out the newest template; so many of its pods are ready (all)."""
        assert self.deployment is not None
        wanted = self.deployment["spec"]["replicas"]
        self.deployment["status"] = {
            "observedGeneration": self.deployment["metadata"]["generation"],
            "replicas": wanted,
            "updatedReplicas": wanted,
            "availableReplicas": wanted if ready is None else ready,
        }

    def pods_starting(self) -> None:
        """It made a pod of the newest template beside those that serve."""
        assert self.deployment is not None
        wanted = self.deployment["spec"]["replicas"]
        serving = self.deployment["status"].get("availableReplicas", 0)
        self.deployment["status"] = {
            "observedGeneration": self.deployment["metadata"]["generation"],
            "replicas": serving + 1,
            "updatedReplicas": 1,
            "availableReplicas": serving,
        }
        assert serving <= wanted

    def serving(self, version: int = 1) -> World:
        """Bring it to where this version serves."""
        self.answer = Found(version)
        self.look()
        self.pods_ready()
        self.look(2)
        assert self.status["servedVersion"] == version
        return self

    def change(self, **spec: Any) -> None:
        """Edit the spec."""
        self.spec, self.generation = replace(self.spec, **spec), self.generation + 1

    @property
    def pinned(self) -> int | None:
        """The version the Deployment runs."""
        if self.deployment is None:
            return None
        env = {one["name"]: one.get("value") for one in self._container["env"]}
        return int(str(env["RELEVO_VERSION"]))

    @property
    def _container(self) -> Any:
        assert self.deployment is not None
        return self.deployment["spec"]["template"]["spec"]["containers"][0]

    def condition(self, name: str) -> tuple[str, str]:
        found = {one["type"]: (one["status"], one["reason"]) for one in self.status["conditions"]}
        return found[name]

    def message(self, name: str) -> str:
        return str(next(one["message"] for one in self.status["conditions"] if one["type"] == name))

    def history(self) -> list[tuple[int, str]]:
        return [(one["version"], one["outcome"]) for one in self.status["history"]]

    def said(self) -> list[str]:
        """The reasons of all Events so far."""
        return [event.reason for plan in self.plans for event in plan.events]
