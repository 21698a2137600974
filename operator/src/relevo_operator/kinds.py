"""The kinds of objects that are read and written, as plain dictionaries; lightkube knows each once in a process."""

from __future__ import annotations

from typing import Any, Final

from lightkube.generic_resource import create_namespaced_resource

from relevo_operator import names

MODEL_DEPLOYMENT: Final[Any] = create_namespaced_resource(names.GROUP, "v1alpha1", names.KIND, names.PLURAL)
DEPLOYMENT: Final[Any] = create_namespaced_resource("apps", "v1", "Deployment", "deployments")
SERVICE: Final[Any] = create_namespaced_resource("", "v1", "Service", "services")
POD: Final[Any] = create_namespaced_resource("", "v1", "Pod", "pods")
SECRET: Final[Any] = create_namespaced_resource("", "v1", "Secret", "secrets")
EVENT: Final[Any] = create_namespaced_resource("", "v1", "Event", "events")
