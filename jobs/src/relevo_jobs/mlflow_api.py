"""MLflow as the steps ask it: by the contract's client, with its troubles as errors of a step.

MLflow's own client takes one and a half CPU seconds to import, which would be most of what decide and promote cost. It
is imported only to write to a store that MLflow does not hand out itself.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from relevo_contract import settings
from relevo_contract.graph_check import LARGEST_GRAPH
from relevo_contract.mlflow_rest import HANDED_OUT, MlflowError, MlflowRest, Trouble
from relevo_contract.texts import address, line, without_passwords
from relevo_jobs.errors import SettingsError, StepError, Unavailable

SECONDS: Final = 120.0
"""For one answer; a file may take longer."""


class Refused(StepError):
    """MLflow answered that the request is wrong; `code` is its error code, empty if something before it answered."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class MlflowApi:
    """One server.

    A method's `to` says what it is to do, in an error's sentence. Every method raises Unavailable if MLflow or its
    artifact store does not answer or fails, Refused if it says no, StepError if it is no MLflow. Nothing is asked
    twice: a request repeated because its first answer was lost would write twice.
    """

    def __init__(self, tracking_uri: str) -> None:
        self._shown = address(tracking_uri)
        try:
            self._rest = MlflowRest(tracking_uri, timeout=SECONDS)
        except ValueError as error:
            raise SettingsError(str(error)) from error

    def get(self, to: str, path: str, **which: str) -> dict[str, Any]:
        """Ask; `path` below `/api/2.0/mlflow/`."""
        return self._asked(to, "GET", path, which, None)

    def post(self, to: str, path: str, **body: Any) -> dict[str, Any]:
        """Tell."""
        return self._asked(to, "POST", path, None, body)

    def file(self, run_id: str, path: str) -> bytes:
        """Read a file of a run. MLflow itself reads its store, whether it hands it out or not."""
        to = f"hand out {path}"
        try:
            body = self._rest.run_file(run_id, path, LARGEST_GRAPH)
        except MlflowError as error:
            raise self._failure(to, error) from None
        if body is None:
            raise StepError(
                f"expected MLflow at {self._shown} to {to} of run {run_id}, there is no such file: was it deleted?"
            )
        return body

    def keep(self, artifact_uri: str, files: Mapping[str, bytes]) -> None:
        """Write files of a run, or write them anew, by their paths below its artifacts."""
        if artifact_uri.startswith(HANDED_OUT):
            for path, body in files.items():
                try:
                    self._rest.keep(artifact_uri, path, body)
                except MlflowError as error:
                    raise self._failure(f"keep {path}", error) from None
            return
        try:
            _write_to_store(artifact_uri, files)
        except Exception as error:  # each artifact store's client raises errors of its own
            said = without_passwords(line(str(error), 500))
            raise Unavailable(
                f"expected the artifact store of MLflow at {self._shown} to keep {', '.join(files)}, got: {said}; see "
                "whether it is up and lets this step in, then run the step again: it goes on where it stopped"
            ) from None

    def _asked(self, to: str, method: str, path: str, which: Mapping[str, str] | None, body: Any) -> dict[str, Any]:
        try:
            return self._rest.ask(method, path, which, json=body)
        except MlflowError as error:
            raise self._failure(to, error) from None

    def _failure(self, to: str, error: MlflowError) -> StepError:
        asked = f"expected MLflow at {self._shown} to {to}"
        if error.trouble is Trouble.UNREACHABLE:
            return Unavailable(
                f"{asked}, got: {error}; start it or check MLFLOW_TRACKING_URI, look whether its database and its "
                "artifact store are up, then run the step again: it goes on where it stopped"
            )
        if error.status >= 400:
            return Refused(f"{asked}, it refused with {error.status} {error.code}: {error.said}", error.code)
        return StepError(f"{asked}, got: {error}")


def _write_to_store(artifact_uri: str, files: Mapping[str, bytes]) -> None:
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    for name in settings.S3_KEYS:
        if os.environ.get(name + settings.IN_FILE):  # boto3 knows its variables, and no files of them
            os.environ[name] = settings.value(name) or ""
            del os.environ[name + settings.IN_FILE]
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository  # noqa: PLC0415  # see above

    store = get_artifact_repository(artifact_uri)
    with tempfile.TemporaryDirectory(prefix="relevo-keep-") as folder:
        for path, body in files.items():
            file = Path(folder) / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(body)
        store.log_artifacts(folder)
