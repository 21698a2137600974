"""MLflow's REST API, as little of it as the steps need.

MLflow's own client would also create a run twice: it repeats what it does not know the outcome of.
"""

from __future__ import annotations

from typing import Any, Final

import httpx

from relevo_contract import mlflow_rest
from relevo_jobs.errors import StepError, Unavailable

CONNECT_SECONDS: Final = 10.0
ANSWER_SECONDS: Final = 120.0
"""MLflow's own default (MLFLOW_HTTP_REQUEST_TIMEOUT)."""


class Refused(StepError):
    """MLflow answered that the request is wrong; `code` is its error code."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class MlflowApi:
    """One server. Every method raises Unavailable if it does not answer or fails, Refused if it says no."""

    def __init__(self, tracking_uri: str) -> None:
        self._shown = mlflow_rest.shown(tracking_uri)
        self._client = httpx.Client(
            base_url=mlflow_rest.base_url(tracking_uri),
            timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
            headers=mlflow_rest.login(),
        )

    def get(self, path: str, **parameters: str) -> dict[str, Any]:
        """Ask; `path` below `mlflow/`."""
        return self._json(self._send("GET", f"mlflow/{path}", params=parameters))

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        """Tell; `path` below `mlflow/`."""
        return self._json(self._send("POST", f"mlflow/{path}", json=body))

    def put_file(self, artifact_uri: str, path: str, content: bytes) -> None:
        """Write a file of a run, or write it anew; `path` below the run's artifacts."""
        self._send("PUT", self._artifact(artifact_uri, path), content=content)

    def get_file(self, artifact_uri: str, path: str) -> bytes:
        """Read a file of a run."""
        return self._send("GET", self._artifact(artifact_uri, path)).content

    def _artifact(self, artifact_uri: str, path: str) -> str:
        root = mlflow_rest.artifact_root(artifact_uri)
        if root is None:
            raise StepError(
                f"expected MLflow at {self._shown} to hand out its artifacts itself ({mlflow_rest.PROXIED}:/...), got "
                f"{artifact_uri.partition(':')[0]}:/...; start it with --serve-artifacts and --artifacts-destination "
                "s3://..., and choose another RELEVO_MODEL: an experiment keeps the artifact root it was made with"
            )
        return mlflow_rest.artifact(root, path)

    def _send(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        try:
            answer = self._client.request(method, path, **arguments)
        except httpx.TransportError as error:
            said = str(error) or type(error).__name__
            raise Unavailable(
                f"expected MLflow at {self._shown} to answer, got: {said}; start it or check MLFLOW_TRACKING_URI, then "
                "run the step again: it goes on where it stopped"
            ) from error
        if answer.is_success:
            return answer
        try:
            body = answer.json()
        except ValueError:
            body = {}
        if not isinstance(body, dict):
            body = {}
        code = str(body.get("error_code", answer.status_code))
        said = str(body.get("message") or answer.text)[:500]
        if answer.status_code >= 500 or answer.status_code in {408, 429}:
            raise Unavailable(
                f"expected MLflow at {self._shown} to do {method} {path}, it failed with {answer.status_code}: {said}; "
                "look into its log and whether its database and artifact store are up, then run the step again"
            )
        raise Refused(
            f"expected MLflow at {self._shown} to do {method} {path}, it refused with {answer.status_code} {code}: "
            f"{said}",
            code,
        )

    def _json(self, answer: httpx.Response) -> dict[str, Any]:
        try:
            body = answer.json()
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise Unavailable(
                f"expected MLflow at {self._shown} to answer with JSON, got {answer.text[:80]!r}: is "
                "MLFLOW_TRACKING_URI the address of an MLflow server?"
            )
        return body
