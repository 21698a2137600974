"""Which RBAC rule is missing, from what the API server says when it forbids something."""

from __future__ import annotations

import re
from typing import Final

_FORBIDDEN: Final = re.compile(
    r'"(?P<name>[^"]*)" is forbidden: User "(?P<user>[^"]+)" cannot (?P<verb>\w+) resource "(?P<resource>[^"]+)" '
    r'in API group "(?P<group>[^"]*)"(?: in the namespace "(?P<namespace>[^"]+)")?'
)


def missing_rule(message: str) -> str | None:
    """What to do about it; None if it is not for want of a right that the request is refused."""
    found = _FORBIDDEN.search(message)
    if found is None:
        return None
    namespace = found["namespace"]
    role = f"a Role of {found['user']} in namespace {namespace}" if namespace else f"a ClusterRole of {found['user']}"
    rule = (
        f'{{apiGroups: ["{found["group"]}"], resources: [{found["resource"]}], resourceNames: [{found["name"]}], '
        f"verbs: [{found['verb']}]}}"
    )
    return f"add the rule {rule} to {role}"
