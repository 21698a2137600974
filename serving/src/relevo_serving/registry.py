"""The only file that knows MLflow: which version to serve, and its files through the server's artifact proxy."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from relevo_contract import names
from relevo_serving.errors import BrokenVersion, NoVersion, RegistryAway
from relevo_serving.following import Wanted
from relevo_serving.model import FILES

MISSING = frozenset({"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"})
"""MLflow's codes for an alias, model or version that is not there (an alias of an unknown model is "invalid")."""

PLAINLY = {
    "Connection refused": "connection refused",
    "timed out": "no answer in time",
    "Name or service not known": "no such host",
    "No address associated": "no such host",
    "RemoteDisconnected": "the connection was cut",
    "Connection reset": "the connection was cut",
}


class Registry:
    """A registered model in an MLflow server."""

    def __init__(self, tracking_uri: str, model: str, *, timeout: int) -> None:
        # Read by MLflow at each request; the follower asks again by itself, so MLflow's own minutes of retries are off.
        os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] = str(timeout)
        os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "1"
        os.environ["MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR"] = "0"
        # Through the server, never by presigned links: only the server need reach the store.
        os.environ["MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD"] = "false"
        os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        from mlflow.exceptions import MlflowException  # noqa: PLC0415  # seconds to import: after the port is open
        from mlflow.tracking import MlflowClient  # noqa: PLC0415

        self._error = MlflowException
        self._client = MlflowClient(tracking_uri, tracking_uri)
        self._model = model
        self._shown = tracking_uri.rpartition("@")[2]  # an address may hold a password

    def by_alias(self, alias: str) -> Wanted:
        """The version the alias marks. Raises NoVersion or RegistryAway."""
        expected = f"expected the alias {alias} on a version of {self._model}"
        return self._version(lambda: self._client.get_model_version_by_alias(self._model, alias), expected)

    def by_number(self, version: int) -> Wanted:
        """A version by its number. Raises NoVersion or RegistryAway."""
        expected = f"expected version {version} of {self._model}"
        return self._version(lambda: self._client.get_model_version(self._model, str(version)), expected)

    def _version(self, ask: Any, expected: str) -> Wanted:
        try:
            found = ask()
        except self._error as error:
            if error.error_code in MISSING:
                raise NoVersion(f"{expected}, MLflow has none yet: it comes with the first promotion") from error
            raise self._away(error) from error
        except OSError as error:  # requests' errors are of this family
            raise self._away(error) from error
        return Wanted(int(found.version), str(found.run_id))

    def download(self, run_id: str, folder: Path) -> Path:
        """Download what serving needs of the run's version; returns the folder it lies in.

        Raises BrokenVersion naming a file the run does not have, RegistryAway if MLflow or its store fails: that can
        pass, so the version is not given up for it.
        """
        try:
            listed = self._client.list_artifacts(run_id, names.MODEL_FOLDER)
            missing = sorted(set(FILES) - {Path(artifact.path).name for artifact in listed})
            if missing:
                raise BrokenVersion(
                    f"expected {', '.join(missing)} in the version's run {run_id}, found none: train it again"
                )
            for file in FILES:
                self._client.download_artifacts(run_id, f"{names.MODEL_FOLDER}/{file}", str(folder))
        except (self._error, OSError) as error:
            raise self._away(error) from error
        return folder

    def _away(self, error: Exception) -> RegistryAway:
        # MLflow repeats the address, the path and the reason three times over; one of the words tells them apart.
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        reason = next((plain for sign, plain in PLAINLY.items() if sign in said), said[:300])
        return RegistryAway(f"expected an answer from MLflow at {self._shown}, got: {reason}; is it running?")
