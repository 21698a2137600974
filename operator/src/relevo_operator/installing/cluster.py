"""The Kubernetes API as the installation uses it: a few Secrets by name.

A Secret is made empty, by server-side apply, and filled by a patch that holds only for the version that was read. So
two at once cannot overwrite each other's values, and, unlike a POST, the right to create can be limited by name.
"""

from __future__ import annotations

import base64
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import httpx2
from lightkube import ApiError, Client
from lightkube.config.kubeconfig import SingleConfig
from lightkube.types import PatchType

from relevo_operator import kinds
from relevo_operator.errors import ClusterAway, RefusedByCluster
from relevo_operator.installing.completion import BYTES_AS_TEXT
from relevo_operator.rights import missing_rule

log = logging.getLogger("relevo.install")
MANAGER: Final = "relevo-install"
ROTATE: Final = "relevo.dev/rotate"
"""The annotation by which a person asks for new passwords in a Secret; it is removed with their arrival."""
_MISSING: Final = 404
_CONFLICT: Final = 409
_PASSING: Final = (408, 409, 429)
"""Refusals that the same request may not meet again."""
_ONE_ANSWER: Final = 10.0
_PAUSE: Final = 0.5
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Found:
    """A Secret as it was read."""

    version: str
    values: Mapping[str, str]
    rotate: bool = False
    """Whether somebody asked for new passwords in it."""


class Cluster:
    """One API server. Each method waits for one that is away, until the time is up.

    Each raises ClusterAway, or RefusedByCluster.
    """

    def __init__(self, config: SingleConfig, namespace: str, timeout: float) -> None:
        """All requests together have `timeout` seconds from now."""
        self.namespace = namespace or config.namespace
        self._seconds = timeout
        self._deadline = time.monotonic() + timeout
        # Any: its overloads know no objects that are plain dictionaries.
        self._client: Any = Client(
            config,
            namespace=self.namespace,
            field_manager=MANAGER,
            timeout=httpx2.Timeout(min(timeout, _ONE_ANSWER)),
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def secret(self, name: str) -> Found | None:
        """A Secret; None if there is none."""
        found = self._ask(f"reading Secret {self.namespace}/{name}", lambda: self._get(kinds.SECRET, name))
        return None if found is None else _found(found)

    def make_empty(self, name: str, labels: Mapping[str, str]) -> Found:
        """Make a Secret without keys, or read the one that somebody made meanwhile."""
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "labels": dict(labels)}}
        return _found(
            self._ask(
                f"making Secret {self.namespace}/{name}",
                lambda: self._client.patch(kinds.SECRET, name, body, patch_type=PatchType.APPLY),
            )
        )

    def add(self, name: str, version: str, values: Mapping[str, str]) -> bool:
        """Add keys to a Secret; False, and nothing added, if it is no longer as it was read."""
        return self._write(f"adding keys to Secret {self.namespace}/{name}", name, {"resourceVersion": version}, values)

    def rotate(self, name: str, version: str, values: Mapping[str, str]) -> bool:
        """Write what was asked for by the annotation, and remove that; False, and nothing written, as `add`."""
        metadata = {"resourceVersion": version, "annotations": {ROTATE: None}}
        return self._write(f"rotating Secret {self.namespace}/{name}", name, metadata, values)

    def _write(self, what: str, name: str, metadata: Mapping[str, Any], values: Mapping[str, str]) -> bool:
        data = {key: base64.b64encode(text.encode(errors=BYTES_AS_TEXT)).decode() for key, text in values.items()}
        body = {"metadata": metadata, "data": data}

        def patch() -> bool:
            try:
                self._client.patch(kinds.SECRET, name, body, patch_type=PatchType.MERGE)
            except ApiError as error:
                if error.status.code in (_CONFLICT, _MISSING):
                    return False
                raise
            return True

        return self._ask(what, patch)

    def pause(self, waiting_for: str) -> None:
        """Wait a little before asking again. Raises ClusterAway if the time is up."""
        if time.monotonic() + _PAUSE > self._deadline:
            raise ClusterAway(f"{waiting_for} (waited {self._seconds:g} s, RELEVO_TIMEOUT)")
        time.sleep(_PAUSE)

    def _get(self, kind: Any, name: str) -> dict[str, Any] | None:
        try:
            return dict(self._client.get(kind, name))
        except ApiError as error:
            if error.status.code == _MISSING:
                return None
            raise

    def _ask(self, what: str, request: Callable[[], Answer]) -> Answer:
        """Turn the client's errors into the operator's, once waiting is of no use."""
        while True:
            try:
                return request()
            except ApiError as error:
                said = f"{what}: the API server answers {error.status.code} {error.status.message}"
                if error.status.code is not None and error.status.code < 500 and error.status.code not in _PASSING:
                    rule = missing_rule(error.status.message or "")
                    raise RefusedByCluster(f"{said}; {rule}" if rule else said) from error
            except httpx2.HTTPError as error:
                said = f"{what}: expected the API server to answer, got: {error or type(error).__name__}"
            log.warning("waiting for the API server: %s", said)
            self.pause(said)


def _found(secret: Mapping[str, Any]) -> Found:
    data = secret.get("data") or {}
    values = {key: base64.b64decode(value).decode(errors=BYTES_AS_TEXT) for key, value in data.items()}
    metadata = secret["metadata"]
    return Found(metadata["resourceVersion"], values, ROTATE in (metadata.get("annotations") or {}))
