"""What is done, in order. Killed at any line and run again, or run twice at once, it comes to the same."""

from __future__ import annotations

import logging
import random
from collections.abc import Mapping
from dataclasses import dataclass

from relevo_operator.errors import MissingSecrets
from relevo_operator.installing.cluster import MANAGER, ROTATE, Cluster
from relevo_operator.installing.completion import additions, complaints, kept, rotated
from relevo_operator.installing.definitions import Definition

log = logging.getLogger("relevo.install")


@dataclass(frozen=True)
class Wanted:
    """What there must be when it ends."""

    secrets: Mapping[str, Definition]
    required: Mapping[str, tuple[str, ...]]
    """Secrets that others make."""
    part_of: str


def install(wanted: Wanted, cluster: Cluster, randomness: random.Random) -> None:
    """Refuse if a Secret that others make is missing; then the Secrets that are made here.

    Raises MissingSecrets, RefusedByCluster, ClusterAway.
    """
    require(wanted.required, cluster)
    labels = {"app.kubernetes.io/managed-by": MANAGER, "app.kubernetes.io/part-of": wanted.part_of}
    for name, definition in wanted.secrets.items():
        complete(name, definition, labels, cluster, randomness)


def require(required: Mapping[str, tuple[str, ...]], cluster: Cluster) -> None:
    """Look whether the Secrets that others make are there. Raises MissingSecrets, which tells all that is missing."""
    found = {name: cluster.secret(name) for name in required}
    there = {name: None if secret is None else secret.values for name, secret in found.items()}
    if lacking := complaints(required, there, cluster.namespace):
        raise MissingSecrets("make what is missing, and run again:\n  " + "\n  ".join(lacking))


def complete(
    name: str, definition: Definition, labels: Mapping[str, str], cluster: Cluster, randomness: random.Random
) -> None:
    """Add what a Secret lacks; what it has is never changed, unless its annotation asks for new passwords."""
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
    if found.rotate:
        new = _rotate(name, definition, cluster, randomness)
        did += f", {', '.join(new) or 'nothing'} made anew as {ROTATE} asked: restart who uses it (docs/operating.md)"
    if other := kept(definition, found.values):
        did += (
            f"; {', '.join(other)} is not as the settings would make it, and is kept: remove the key from the Secret "
            "and run again to have it made anew"
        )
    log.info("Secret %s: %s", name, did)


def _rotate(name: str, definition: Definition, cluster: Cluster, randomness: random.Random) -> dict[str, str]:
    """Give a Secret the new passwords that somebody asked for; what is new, nothing if another run was faster."""
    while True:
        found = cluster.secret(name)
        if found is None or not found.rotate:
            return {}
        new = rotated(definition, found.values, randomness)
        if cluster.rotate(name, found.version, new):
            return new
        cluster.pause(f"Secret {name}: expected to give it new passwords, others keep changing it")
