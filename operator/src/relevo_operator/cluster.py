"""The Kubernetes API as the operator uses it: a few requests, objects as plain dictionaries."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final, Literal

import httpx2
from lightkube import ApiError, AsyncClient
from lightkube.config.kubeconfig import KubeConfig
from lightkube.operators import exists
from lightkube.types import PatchType

from relevo_operator import kinds, names
from relevo_operator.applying import adopted
from relevo_operator.errors import ClusterAway, RefusedByCluster
from relevo_operator.values import EventNote, Manifest
from relevo_operator.wire import exact

_KINDS: Final[Mapping[str, Any]] = {"Deployment": kinds.DEPLOYMENT, "Service": kinds.SERVICE}
Owned = Literal["Deployment", "Service"]
PAGE: Final = 100
"""Objects in one answer: a thousand at once are 30 MB, and a process that had them once keeps it."""
_MISSING: Final = 404
_CONFLICT: Final = 409


@asynccontextmanager
async def _asking(what: str) -> AsyncIterator[None]:
    """Turn the client's errors into the operator's."""
    try:
        yield
    except ApiError as error:
        said = f"{what}: the API server answers {error.status.code} {error.status.message}"
        if error.status.code is not None and 400 <= error.status.code < 500 and error.status.code not in (408, 429):
            raise RefusedByCluster(said) from error
        raise ClusterAway(said) from error
    except httpx2.HTTPError as error:
        raise ClusterAway(f"{what}: expected the API server to answer, got: {error or type(error).__name__}") from error


class Cluster:
    """One API server. Each method raises ClusterAway, or RefusedByCluster."""

    def __init__(self, config: KubeConfig | None = None) -> None:
        """Credentials are those of the pod, or KUBECONFIG's."""
        # Any: its overloads know no objects that are plain dictionaries.
        self._client: Any = AsyncClient(config or KubeConfig.from_env(), field_manager=names.MANAGER)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _get(self, kind: Any, namespace: str, name: str) -> dict[str, Any] | None:
        async with _asking(f"reading {namespace}/{name}"):
            try:
                return dict(await self._client.get(kind, name, namespace=namespace))
            except ApiError as error:
                if error.status.code == _MISSING:
                    return None
                raise

    async def model_deployment(self, namespace: str, name: str) -> dict[str, Any] | None:
        """A ModelDeployment; None if there is none."""
        return await self._get(kinds.MODEL_DEPLOYMENT, namespace, name)

    async def owned(self, kind: Owned, namespace: str, name: str) -> dict[str, Any] | None:
        """The object of this kind that has a ModelDeployment's name; None if there is none."""
        found = await self._get(_KINDS[kind], namespace, name)
        return found and {**found, "kind": kind}

    async def secret(self, namespace: str, name: str) -> Mapping[str, str] | None:
        """A Secret's data, in base64 as they come; None if there is none. Needs a right of its own for each."""
        found = await self._get(kinds.SECRET, namespace, name)
        return found and (found.get("data") or {})

    async def pods(self, namespace: str, owner: str) -> tuple[Manifest, ...]:
        """A ModelDeployment's pods."""
        return tuple([pod async for pod in self._list(kinds.POD, namespace, {names.OWNER_LABEL: owner})])

    async def _list(self, kind: Any, namespace: str, labels: dict[str, Any] | None) -> AsyncIterator[dict[str, Any]]:
        where = namespace if namespace != "*" else "all namespaces"
        async with _asking(f"listing {kind.__name__}s of {where}"):
            async for one in self._client.list(kind, namespace=namespace, labels=labels, chunk_size=PAGE):
                yield dict(one)

    def model_deployments(self, namespace: str = "*") -> AsyncIterator[dict[str, Any]]:
        """All ModelDeployments of a namespace, page by page; * is all."""
        return self._list(kinds.MODEL_DEPLOYMENT, namespace, None)

    def deployments(self, namespace: str = "*") -> AsyncIterator[dict[str, Any]]:
        """All Deployments that belong to a ModelDeployment, page by page."""
        return self._list(kinds.DEPLOYMENT, namespace, {names.OWNER_LABEL: exists()})

    async def write(self, manifest: Manifest, live: Manifest | None) -> None:
        """Create the object, or apply it to the one that is there: what an earlier apply set and this lacks is removed.

        What was changed since it was read is not written: the next look, which the change leads to, decides anew.
        """
        kind, namespace, name = manifest["kind"], manifest["metadata"]["namespace"], manifest["metadata"]["name"]
        resource = _KINDS[kind]
        async with _asking(f"writing {kind} {namespace}/{name}"):
            try:
                if live is None:  # no apply, which would take over what somebody made meanwhile
                    await self._client.create(resource(manifest), namespace=namespace)
                    return
                metadata = live["metadata"]
                if (managed := adopted(live)) is not None:
                    changes = {"managedFields": managed, "resourceVersion": metadata["resourceVersion"]}
                    patch = [{"op": "replace", "path": f"/metadata/{key}", "value": it} for key, it in changes.items()]
                    await self._client.patch(resource, name, patch, namespace=namespace, patch_type=PatchType.JSON)
                # The uid: never one that somebody else made in its place.
                wanted = {**manifest, "metadata": {**manifest["metadata"], "uid": metadata["uid"]}}
                await self._client.patch(
                    resource, name, wanted, namespace=namespace, patch_type=PatchType.APPLY, force=True
                )
            except ApiError as error:
                if error.status.code != _CONFLICT:
                    raise

    async def write_status(self, namespace: str, name: str, old: Manifest, new: Manifest) -> dict[str, Any] | None:
        """Replace the status; what the new one lacks is removed. None if the object is gone."""
        async with _asking(f"writing the status of {namespace}/{name}"):
            try:
                return dict(
                    await self._client.patch(
                        kinds.MODEL_DEPLOYMENT.Status, name, {"status": _becoming(old, new)}, namespace=namespace,
                        patch_type=PatchType.MERGE,
                    )
                )  # fmt: skip
            except ApiError as error:
                if error.status.code == _MISSING:
                    return None
                raise

    async def event(self, body: Manifest, note: EventNote, now: datetime) -> None:
        """Write an Event about a ModelDeployment."""
        metadata = body["metadata"]
        event: Any = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"generateName": f"{metadata['name']}.", "namespace": metadata["namespace"]},
            "involvedObject": {
                "apiVersion": names.API_VERSION,
                "kind": names.KIND,
                "name": metadata["name"],
                "namespace": metadata["namespace"],
                "uid": metadata["uid"],
            },
            "type": note.kind,
            "reason": note.reason,
            "message": note.message[:1024],  # the API server's limit
            "source": {"component": names.MANAGER},
            "reportingComponent": names.MANAGER,
            "reportingInstance": names.MANAGER,
            "action": note.reason,
            "firstTimestamp": exact(now),
            "lastTimestamp": exact(now),
            "count": 1,
        }
        async with _asking(f"writing an Event about {metadata['namespace']}/{metadata['name']}"):
            await self._client.create(kinds.EVENT(event), namespace=metadata["namespace"])


def _becoming(old: Manifest, new: Manifest) -> dict[str, Any]:
    """The merge patch that makes one into the other: what is not named in it stays, within objects too."""
    inner = {
        name: _becoming(old[name], value)
        for name, value in new.items()
        if isinstance(value, Mapping) and isinstance(old.get(name), Mapping)
    }
    return {**dict.fromkeys(old.keys() - new.keys()), **new, **inner}
