"""What is done, in order. Killed at any line and run again, or run twice at once, it comes to the same."""

from __future__ import annotations

import logging
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from relevo_operator.errors import MissingSecrets, RefusedByCluster
from relevo_operator.installing import crd
from relevo_operator.installing.cluster import MANAGER, Cluster
from relevo_operator.installing.completion import additions, complaints, kept
from relevo_operator.installing.definitions import Definition

log = logging.getLogger("relevo.install")


@dataclass(frozen=True)
class Wanted:
    """What there must be when it ends."""

    secrets: Mapping[str, Definition]
    required: Mapping[str, tuple[str, ...]]
    """Secrets that others make."""
    definition: Mapping[str, Any] | None
    part_of: str


def install(wanted: Wanted, cluster: Cluster, randomness: random.Random) -> None:
    """Refuse if a Secret that others make is missing; then the definition, then the Secrets that are made here.

    Raises MissingSecrets, RefusedByCluster, ClusterAway.
    """
    require(wanted.required, cluster)
    if wanted.definition is not None:
        define(wanted.definition, cluster)
    labels = {"app.kubernetes.io/managed-by": MANAGER, "app.kubernetes.io/part-of": wanted.part_of}
    for name, definition in wanted.secrets.items():
        complete(name, definition, labels, cluster, randomness)


def require(required: Mapping[str, tuple[str, ...]], cluster: Cluster) -> None:
    """Look whether the Secrets that others make are there. Raises MissingSecrets, which tells all that is missing."""
    found = {name: cluster.secret(name) for name in required}
    there = {name: None if secret is None else secret.values for name, secret in found.items()}
    if lacking := complaints(required, there, cluster.namespace):
        raise MissingSecrets("make what is missing, and run again:\n  " + "\n  ".join(lacking))


def define(definition: Mapping[str, Any], cluster: Cluster) -> None:
    """Bring the CustomResourceDefinition up to date, and wait until the API server serves it."""
    name = definition["metadata"]["name"]
    before = cluster.definition(name)
    live: Mapping[str, Any] | None = cluster.apply_definition(definition)
    while live is None or not crd.established(live):
        if live is not None and (conflict := crd.name_conflict(live)):
            raise RefusedByCluster(
                f"{crd.KIND} {name}: its names are taken: {conflict}; remove the definition that has them"
            )
        cluster.pause(f"{crd.KIND} {name}: expected the condition Established, it has not come")
        live = cluster.definition(name)
    if before is None:
        did = "made"
    else:
        changed = before["metadata"]["generation"] != live["metadata"]["generation"]
        did = "brought up to date" if changed else "was up to date"
    log.info("%s %s: %s", crd.KIND, name, did)


def complete(
    name: str, definition: Definition, labels: Mapping[str, str], cluster: Cluster, randomness: random.Random
) -> None:
    """Add what a Secret lacks; what it has is never changed."""
    made = False
    while True:
        found = cluster.secret(name)
        if found is None:
            made, found = True, cluster.make_empty(name, labels)
        added = additions(definition, found.values, randomness)
        if not added or cluster.add(name, found.version, added):
            break
        # Somebody wrote to it since it was read.
        cluster.pause(f"Secret {name}: expected to add {', '.join(added)}, others keep changing it")
    did = "was there"
    if added:
        did = "made" if made else f"was there, {', '.join(added)} added"
    if other := kept(definition, found.values):
        did += (
            f"; {', '.join(other)} is not as the settings would make it, and is kept: remove the key from the Secret "
            "and run again to have it made anew"
        )
    log.info("Secret %s: %s", name, did)
