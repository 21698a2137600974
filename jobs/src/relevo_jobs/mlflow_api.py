"""MLflow by its own client (mlflow-skinny), set so that nothing is written twice and nothing is waited for for ever.

The client's import takes two CPU seconds, so only a step that asks MLflow pays for it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from relevo_contract import settings
from relevo_contract.texts import address, line, without_passwords
from relevo_jobs.errors import StepError, Unavailable

if TYPE_CHECKING:
    from mlflow import MlflowClient

DEFAULTS: Final = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",  # it would also repeat a POST whose answer was lost: a second run, say
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "120",  # seconds
    "MLFLOW_ALLOW_HTTP_REDIRECTS": "false",  # the login would go along
    "MLFLOW_TRACKING_AUTH": "relevo",  # no login: relevo_jobs.mlflow_bounds, which counts an answer's bytes
    # Else it goes round a server that hands out its artifacts, to a store that may be out of a step's reach.
    "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "false",
    "MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD": "false",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # stdout's last line is the step's own
    "MLFLOW_DISABLE_TELEMETRY": "true",
}
"""MLflow's own variables, where nobody has set them."""


class Refused(StepError):
    """MLflow answered that the request is wrong; `code` is its error code, empty if something before it answered."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class MlflowApi:
    """One server."""

    def __init__(self, tracking_uri: str) -> None:
        for name, default in DEFAULTS.items():
            os.environ.setdefault(name, default)
        for name in (*settings.MLFLOW_LOGIN, *settings.S3_KEYS):
            if os.environ.get(name + settings.IN_FILE):  # MLflow and boto3 know their variables, and no files of them
                os.environ[name] = settings.value(name) or ""
                del os.environ[name + settings.IN_FILE]
        from mlflow import MlflowClient  # noqa: PLC0415  # after the variables, some of which it reads at import

        self._tracking_uri, self._shown = tracking_uri, address(tracking_uri)
        self._client = MlflowClient(tracking_uri, tracking_uri)

    @contextmanager
    def asked(self, to: str) -> Iterator[MlflowClient]:
        """Give MLflow's client, `to` do one thing.

        Raises Unavailable if MLflow or its artifact store does not answer or fails, Refused if it says no.
        """
        try:
            yield self._client
        except Exception as error:  # each artifact store's client raises errors of its own
            if type(error).__module__ == "builtins" and not isinstance(error, OSError):
                raise
            raise self._failure(to, error) from None  # it may repeat an address, password and all

    def download(self, artifact_uri: str, path: str, into: Path) -> Path:
        """Write a file of a run into a folder, made if it is missing, under its last name.

        Not by the run's id: MLflow's client would then call every failure a file that is not there.
        """
        from mlflow.artifacts import download_artifacts  # noqa: PLC0415

        with self.asked(f"hand out {path}"):
            uri = f"{artifact_uri}/{path}"
            return Path(download_artifacts(artifact_uri=uri, dst_path=str(into), tracking_uri=self._tracking_uri))

    def _failure(self, to: str, error: Exception) -> StepError:
        status, code = _status(error)
        said = line(without_passwords(str(error)), 500)
        if 400 <= status < 500 and status not in {408, 429}:
            return Refused(f"expected MLflow at {self._shown} to {to}, it refused with {status} {code}: {said}", code)
        return Unavailable(
            f"expected MLflow at {self._shown} to {to}, got: {said}; start it or check MLFLOW_TRACKING_URI, look "
            "whether its database and its artifact store are up and TMPDIR has room, then run the step again: it goes "
            "on where it stopped"
        )


def _status(error: Exception) -> tuple[int, str]:
    """HTTP's status, 0 if there was none, and MLflow's own error code, empty if it is not MLflow that said so."""
    from mlflow.exceptions import MlflowException, RestException  # noqa: PLC0415

    if isinstance(error, MlflowException):
        code = error.json.get("error_code") if isinstance(error, RestException) else ""
        return int(error.get_http_status_code()), str(code or "")
    answer = getattr(error, "response", None)
    if isinstance(answer, dict):  # botocore's
        return int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)), ""
    return int(getattr(answer, "status_code", 0)), ""  # requests'
