"""Who may reach whom by NetworkPolicies, as a network that enforces them decides. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

Policy = dict[str, Any]


@dataclass(frozen=True)
class Pod:
    """A pod, as a policy sees it."""

    labels: dict[str, str] = field(hash=False)
    namespace: str


Address = str
"""Of something that is no pod."""


def selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    """Whether a label selector selects what has these labels; an empty one selects everything."""
    return selector.get("matchLabels", {}).items() <= labels.items() and all(
        _holds(one, labels) for one in selector.get("matchExpressions", ())
    )


def _holds(expression: dict[str, Any], labels: dict[str, str]) -> bool:
    key, values = expression["key"], expression.get("values", ())
    match expression["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case other:
            raise ValueError(f"expected an operator of a label selector, got {other}")


def _is_peer(peer: dict[str, Any], who: Pod | Address, namespace: str) -> bool:
    if block := peer.get("ipBlock"):
        if isinstance(who, Pod):  # some networks compare pods' addresses, too; none that we rely on
            return False
        address = ipaddress.ip_address(who)
        return address in ipaddress.ip_network(block["cidr"]) and not any(
            address in ipaddress.ip_network(one) for one in block.get("except", ())
        )
    if not isinstance(who, Pod):
        return False
    if "namespaceSelector" in peer:
        there = selects(peer["namespaceSelector"], {"kubernetes.io/metadata.name": who.namespace})
    else:
        there = who.namespace == namespace
    return there and selects(peer.get("podSelector", {}), who.labels)


def _allows(rule: dict[str, Any], peers: Sequence[Any], who: Pod | Address, asked: tuple[str, int], name: str) -> bool:
    protocol, port = asked
    ports = rule.get("ports")
    if ports and not any((one.get("protocol", "TCP"), one["port"]) == (protocol, port) for one in ports):
        return False
    return not peers or any(_is_peer(peer, who, name) for peer in peers)


def _passes(
    policies: list[Policy], pod: Pod, other: Pod | Address, asked: tuple[str, int], direction: tuple[str, str, str]
) -> bool:
    kind, rules, peers = direction
    here = [
        one
        for one in policies
        if one["metadata"]["namespace"] == pod.namespace
        and kind in one["spec"]["policyTypes"]
        and selects(one["spec"]["podSelector"], pod.labels)
    ]
    return not here or any(
        _allows(rule, rule.get(peers, ()), other, asked, pod.namespace)
        for one in here
        for rule in one["spec"].get(rules, ())
    )


def reaches(
    policies: list[Policy], source: Pod | Address, target: Pod | Address, port: int, protocol: str = "TCP"
) -> bool:
    """Whether the source's policies let it go there, and the target's let it in."""
    asked = (protocol, port)
    out = not isinstance(source, Pod) or _passes(policies, source, target, asked, ("Egress", "egress", "to"))
    return out and (
        not isinstance(target, Pod) or _passes(policies, target, source, asked, ("Ingress", "ingress", "from"))
    )
