"""The operator's passes: observe one ModelDeployment, let `reconcile` decide, carry it out."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

from relevo_operator import names, wire
from relevo_operator.cluster import Cluster
from relevo_operator.conditions import PROGRESSING, READY, Reason, conditions
from relevo_operator.dag_runs import DagRuns
from relevo_operator.diagnosis import progress
from relevo_operator.errors import ClusterAway, InvalidSpec, RefusedByCluster
from relevo_operator.following import Following
from relevo_operator.metrics import Metrics
from relevo_operator.reconcile import reconcile
from relevo_operator.values import Manifest, Observed, Plan, Spec
from relevo_operator.workqueue import Key, WorkQueue

log = logging.getLogger("relevo.operator")
PASS_RETRY = 5.0
"""Seconds after which a pass that failed is made again."""


def key_of(body: Manifest) -> Key:
    """Namespace and name of an object."""
    return body["metadata"]["namespace"], body["metadata"]["name"]


class Controller:
    """Looks at every ModelDeployment that is named to it, several side by side."""

    def __init__(
        self,
        cluster: Cluster,
        following: Following,
        runs: DagRuns,
        queue: WorkQueue,
        metrics: Metrics,
        *,
        inclusions: DagRuns,
        namespaces: tuple[str, ...],
    ) -> None:
        self._cluster, self._following, self._runs = cluster, following, runs
        self._inclusions = inclusions
        self._queue, self._metrics = queue, metrics
        self._namespaces = namespaces or ("*",)
        self._seen: dict[Key, tuple[str, str]] = {}
        """By ModelDeployment the resource versions, its own and its Deployment's, that it was last looked at with."""
        self.last_pass = time.monotonic()
        self.passed = asyncio.Event()
        """A first pass succeeded: the API server answers and knows ModelDeployments."""

    async def run(self, workers: int, pass_seconds: float) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._queue.keep_time())
            tasks.create_task(self._pass_again_and_again(pass_seconds))
            for _ in range(workers):
                tasks.create_task(self._work())

    def named(self, body: Manifest) -> None:
        """A ModelDeployment is new or changed."""
        key = key_of(body)
        with suppress(InvalidSpec):  # told when it is looked at
            spec = wire.spec_of(body)
            self._following.watch(key, spec.registry, spec.poll_seconds)  # now, so that all are asked for at once
        self._queue.add(key)

    def gone(self, key: Key) -> None:
        """A ModelDeployment was deleted; what it owned is removed by Kubernetes' garbage collection."""
        self._following.forget(key)
        self._runs.see_to(key, None)
        self._inclusions.see_to(key, None)
        self._queue.forget(key)
        self._metrics.forget(*key)
        self._seen.pop(key, None)
        self._metrics.objects.set(len(self._seen))

    async def _work(self) -> None:
        while True:
            key = await self._queue.take()
            try:
                with self._metrics.reconcile_seconds.time():
                    again = await self._look(key)
            except Exception as error:  # whatever it is, the other objects must not suffer
                delay = self._queue.failed(key)
                self._metrics.reconcile_errors.inc()
                foreseen = isinstance(error, ClusterAway | RefusedByCluster)
                log.warning(
                    "look_failed",
                    extra={"object": "/".join(key), "why": str(error), "again_in": delay},
                    exc_info=None if foreseen else error,
                )
            else:
                self._queue.succeeded(key)
                if again is not None:
                    self._queue.add_after(key, again)
            finally:
                self._queue.done(key)

    async def _look(self, key: Key) -> float | None:
        """One look at one object; returns in how many seconds to look again, if nothing happens before."""
        body = await self._cluster.model_deployment(*key)
        if body is None or body["metadata"].get("deletionTimestamp"):
            self.gone(key)
            return None
        try:
            spec = wire.spec_of(body)
        except InvalidSpec as error:
            await self._tell_invalid(key, body, str(error))
            return None
        self._following.watch(key, spec.registry, spec.poll_seconds)
        seen = await self._observe(key, body, spec)
        plan = reconcile(seen)
        # Status first: a pass that is cut off in between is then made again, not decided anew.
        told = await self._write_status(key, body, plan)
        if told is None:
            return None
        self._runs.see_to(key, plan.run)
        self._inclusions.see_to(key, plan.inclusion_run)
        try:
            await self._apply(seen, plan)
        except RefusedByCluster as error:
            again = reconcile(replace(seen, past=wire.past_of(told), refusal=str(error)))
            plan = replace(again, events=(*plan.events, *again.events))  # what happened before is told too
            told = await self._write_status(key, told, plan) or told
        await self._tell(told, spec, seen, plan)
        self._seen[key] = (_version_of(told), _version_of(seen.deployment))
        self._metrics.objects.set(len(self._seen))
        return plan.look_again

    async def _observe(self, key: Key, body: Manifest, spec: Spec) -> Observed:
        annotations = body["metadata"].get("annotations") or {}
        past = wire.past_of(body)
        ask = annotations.get(names.REFRESH, "") != past.refreshed
        answer, deployment, service = await asyncio.gather(
            self._following.answer(spec.registry, now=ask),
            self._cluster.owned("Deployment", *key),
            self._cluster.owned("Service", *key),
        )
        starting = deployment is not None and not progress(deployment).complete
        return Observed(
            name=key[1],
            namespace=key[0],
            uid=body["metadata"]["uid"],
            generation=body["metadata"]["generation"],
            annotations=annotations,
            spec=spec,
            past=past,
            answer=answer,
            asked_now=ask,
            deployment=deployment,
            service=service,
            pods=await self._cluster.pods(*key) if starting else (),
            now=datetime.now(UTC),
            run=self._runs.answer(key, past.retraining.run_id) if past.retraining else None,
            registry_keys=self._following.registry_keys(spec.registry),
            inclusion_run=self._inclusions.answer(key, past.inclusion.run_id) if past.inclusion else None,
        )

    async def _write_status(self, key: Key, body: Manifest, plan: Plan) -> Manifest | None:
        """Write the status if it is another; returns the object as it is then, None if it is gone."""
        self._metrics.observe(*key, plan.status)
        old = body.get("status") or {}
        if old == plan.status:
            return body
        return await self._cluster.write_status(*key, old, plan.status)

    async def _apply(self, seen: Observed, plan: Plan) -> None:
        for manifest in plan.apply:
            live = seen.deployment if manifest["kind"] == "Deployment" else seen.service
            await self._cluster.write(manifest, live)
            log.info(
                "applied",
                extra={
                    "object": f"{seen.namespace}/{seen.name}",
                    "kind": manifest["kind"],
                    "version": manifest["metadata"]["labels"].get(names.VERSION_LABEL),
                },
            )

    async def _tell(self, body: Manifest, spec: Spec, seen: Observed, plan: Plan) -> None:
        for tag in plan.tags:
            self._following.tag(spec.registry, tag)
        if plan.handed_over is not None:
            self._metrics.handover_seconds.observe(plan.handed_over)
        for note in plan.events:
            said = {"object": f"{seen.namespace}/{seen.name}", "reason": note.reason, "why": note.message}
            log.log(logging.WARNING if note.kind == "Warning" else logging.INFO, "told", extra=said)
            try:
                await self._cluster.event(body, note, seen.now)
            except RefusedByCluster as error:  # a namespace that is being deleted takes no Events
                log.warning("event_refused", extra={"object": said["object"], "why": str(error)})

    async def _tell_invalid(self, key: Key, body: Manifest, why: str) -> None:
        old = body.get("status") or {}
        generation = body["metadata"]["generation"]
        past = wire.past_of(body)
        found = conditions(
            past.conditions,
            [(name, "False", Reason.INVALID, why) for name in (READY, PROGRESSING)],
            generation=generation,
            now=datetime.now(UTC),
        )
        told = wire.status_of(
            replace(past, conditions=found),
            generation=generation,
            endpoint=old.get("endpoint"),
            replicas=old.get("replicas", 0),
            ready_replicas=old.get("readyReplicas", 0),
            selector=old.get("selector", ""),
        )
        if told != old:
            await self._cluster.write_status(*key, old, told)

    async def _pass_again_and_again(self, seconds: float) -> None:
        while True:
            wait = seconds
            try:
                await self._pass()
            except (ClusterAway, RefusedByCluster) as error:
                wait = min(seconds, PASS_RETRY)
                log.warning("pass_failed", extra={"why": str(error), "again_in": wait})
            await asyncio.sleep(wait)

    async def _pass(self) -> None:
        """Name every object that changed since it was looked at: the net for what watching may have missed."""
        there: set[Key] = set()
        for namespace in self._namespaces:
            deployments = {key_of(one): _version_of(one) async for one in self._cluster.deployments(namespace)}
            async for body in self._cluster.model_deployments(namespace):
                key = key_of(body)
                there.add(key)
                if self._seen.get(key) != (_version_of(body), deployments.get(key, "")):
                    self.named(body)
        for key in self._seen.keys() - there:
            self._queue.add(key)  # gone, unless it was made after the list was
        self.last_pass = time.monotonic()
        self.passed.set()
        self._metrics.last_pass.set_to_current_time()


def _version_of(live: Manifest | None) -> str:
    return "" if live is None else str(live["metadata"]["resourceVersion"])
