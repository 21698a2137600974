"""A hand-over beside a bare pod, on a real cluster with real pods, taking turns in one run.

The bare pod is the peer and the limit: the very pod that the operator's Deployment makes, created by hand. No hand-over
can be faster than its pod starts; what the figure of a hand-over has beyond it is MLflow's webhook, the operator,
Kubernetes' controllers and its proxies. Every promotion is of a version that was never served before, with a steady
load of requests all the while, for users would be there, too.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from benchmarks.handover.report import Bound, Row, rows, seconds
from benchmarks.handover.watching import Moments, Watch, client
from relevo_operator import names
from tests.e2e import in_cluster_load
from tests.e2e.cluster import Namespace, Object
from tests.e2e.system import System, installed
from tests.operator.cluster.shop import Deployment, Pod
from tests.versions import Versions, trained

NAME = "prices"
REPLICAS = 2
RATIO = 1.2
"""Alias set until the first answer, at most so many times a bare pod's creation until it is ready."""
BARE = "bare pod: created → ready"
STAGES = (
    "alias set → Deployment patched",
    "alias set → first pod created",
    "alias set → first pod ready",
    "alias set → first answer",
    "alias set → every replica ready",
    "alias set → last answer of the old version",
)
PATCHED, POD_CREATED, POD_READY, ANSWERED, WHOLE, LAST = STAGES


@dataclass
class Turn:
    """One promotion, and the bare pod beside it."""

    version: int
    bare: float = 0.0
    """Seconds."""
    set_at: float = 0.0
    """When the alias was set: before MLflow was told, in seconds since 1970."""


def _is_ready(pod: Object) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _watch(namespace: Namespace, moments: Moments) -> Watch:
    def deployment(found: Object, at: float) -> None:
        version = found["metadata"]["labels"].get(names.VERSION_LABEL)
        if found["metadata"]["name"] != NAME or version is None:
            return
        moments.note(f"{PATCHED} {version}", at)
        status, wanted = found.get("status") or {}, found["spec"]["replicas"]
        counts = {status.get(key) for key in ("replicas", "updatedReplicas", "availableReplicas")}
        if status.get("observedGeneration") == found["metadata"]["generation"] and counts == {wanted}:
            moments.note(f"{WHOLE} {version}", at)

    def pod(found: Object, at: float) -> None:
        labels = found["metadata"].get("labels") or {}
        if labels.get(names.OWNER_LABEL) == NAME:
            version = labels[names.VERSION_LABEL]
            moments.note(f"{POD_CREATED} {version}", at)
            if _is_ready(found):
                moments.note(f"{POD_READY} {version}", at)
        elif _is_ready(found):
            moments.note(f"{found['metadata']['name']} ready", at)

    return Watch(client(None, namespace.name), {Deployment: deployment, Pod: pod})


def _bare_pod(namespace: Namespace, moments: Moments, version: int) -> float:
    """Seconds of a pod as the Deployment makes it, pinned to the version, from creation to ready; gone at the end."""
    spec: dict[str, Any] = namespace.get(f"deployment/{NAME}")["spec"]["template"]["spec"]
    for one in spec["containers"][0]["env"]:
        if one["name"] == "RELEVO_VERSION":
            one["value"] = str(version)
    name = f"bare-{version}"
    made = Pod({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec})
    cluster = client(None, namespace.name)
    began = time.time()
    cluster.create(made)
    took = moments.wait(f"{name} ready") - began
    namespace.delete(f"pod/{name}")
    return took


def _hand_over(system: System, versions: Versions, moments: Moments, version: int) -> float:
    """Promote the version and wait until it alone is there; when the alias was set, in seconds since 1970."""
    began = time.time()
    versions.promote(version)
    moments.wait(f"{WHOLE} {version}")
    # The old pods go on answering for some seconds: they are not to take time from the next turn.
    system.namespace.until(
        lambda: len(system.namespace.find("pods", f"{names.OWNER_LABEL}={NAME}")) == REPLICAS, timeout=120, pause=0.3
    )
    return began


def _wait_for_webhook(system: System, versions: Versions) -> None:
    """MLflow reads its list of webhooks once a minute: a promotion before that would be seen by polling alone."""
    with system.namespace.port_forward("svc/relevo-operator", 8080) as port:
        ends = time.monotonic() + 180
        while time.monotonic() < ends:
            versions.promote(1)
            time.sleep(1)
            figures = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=10).text
            if 'relevo_operator_webhook_deliveries_total{outcome="accepted"}' in figures:
                return
    raise TimeoutError(
        f"expected a webhook within 180 s, none came\n{system.namespace.logs('deployment/relevo-operator')}"
    )


def _clock(namespace: Namespace) -> tuple[float, float]:
    """How many seconds the load's clock is ahead of this machine's, and how exactly that is known."""
    known = []
    for _ in range(5):
        before = time.time()
        there = float(namespace.kubectl("exec", "load", "--", "date", "+%s.%N"))
        after = time.time()
        known.append((there - (before + after) / 2, (after - before) / 2))
    ahead, give = min(known, key=lambda one: one[1])
    return (ahead, give) if abs(ahead) > give else (0.0, give)


def measure(turns: int, rate: float) -> bool:
    """Print the table; True if the bounds hold."""
    with installed() as system:
        versions = Versions(system.mlflow, "house-prices")
        for number in range(turns + 2):
            versions.register(trained()[number % 2])
        versions.promote(1)
        system.apply(NAME, versions, replicas=REPLICAS, pollInterval="1h")
        system.wait_served(NAME, 1)
        _wait_for_webhook(system, versions)
        in_cluster_load.start(system.namespace, system.url(NAME), rate=rate, at_most=120 * (turns + 2))
        ahead, give = _clock(system.namespace)
        moments = Moments()
        with _watch(system.namespace, moments):
            done = _take_turns(system, versions, moments, turns)
        load = in_cluster_load.stop(system.namespace)
    first = {version: at.timestamp() - ahead for version, at in load.first_answer.items()}
    last = {version: at.timestamp() - ahead for version, at in load.last_answer.items()}
    taken: dict[str, list[float]] = {stage: [] for stage in STAGES}
    for turn in done:
        for stage in (PATCHED, POD_CREATED, POD_READY, WHOLE):
            taken[stage].append(moments.wait(f"{stage} {turn.version}") - turn.set_at)
        taken[ANSWERED].append(first[turn.version] - turn.set_at)
        taken[LAST].append(last[turn.version - 1] - turn.set_at)
    clock = f"is {ahead:+.3f} s off, set right" if ahead else "is this one"
    print(
        f"\na hand-over beside a bare pod: {turns} turns, {REPLICAS} replicas, {load.requests / load.lasted:.0f} "
        f"requests/s all the while; the load's clock {clock} (within {give * 1000:.0f} ms)"
    )
    return _table([turn.bare for turn in done], taken, load)


def _take_turns(system: System, versions: Versions, moments: Moments, turns: int) -> list[Turn]:
    """A bare pod and a hand-over a turn, which take turns in going first, too; a turn before them is not counted."""
    done = []
    for number in range(turns + 1):
        turn = Turn(version=number + 2)
        if number % 2:
            turn.bare = _bare_pod(system.namespace, moments, turn.version)
        turn.set_at = _hand_over(system, versions, moments, turn.version)
        if not number % 2:
            turn.bare = _bare_pod(system.namespace, moments, turn.version)
        print(f"turn {number} of {turns}", flush=True)
        done.append(turn)
    return done[1:]


def _table(bare: Sequence[float], taken: Mapping[str, Sequence[float]], load: in_cluster_load.LoadSummary) -> bool:
    seconds({BARE: bare, **taken})
    ratios = [answered / alone for answered, alone in zip(taken[ANSWERED], bare, strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4)
    slowest = "" if load.longest_seconds is None else f"; the slowest took {load.longest_seconds:.2f} s"
    return rows(
        [
            Row(
                "first answer / bare pod, median of the turns", middle, Bound(RATIO), f"quartiles {low:.2f}–{high:.2f}"
            ),
            Row("failed requests of the load", load.failed, Bound(0), f"of {load.requests:,}{slowest}"),
        ]
    )
