"""The only file that asks MLflow: which version to serve, and its files through the server's artifact proxy."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from relevo_contract import mlflow_rest, names
from relevo_serving.errors import BrokenVersion, NoSuchVersion, NoVersion, RegistryAway
from relevo_serving.following import Wanted


class Registry:
    """A registered model in an MLflow server."""

    def __init__(self, tracking_uri: str, model: str, *, timeout: float, files: Sequence[str]) -> None:
        """`files` are those that serving needs of a version."""
        self._client = httpx.Client(
            base_url=mlflow_rest.base_url(tracking_uri), timeout=timeout, headers=mlflow_rest.login()
        )
        self._model, self._files = model, files
        self._shown = mlflow_rest.shown(tracking_uri)

    def by_alias(self, alias: str) -> Wanted:
        """The version the alias marks. Raises NoVersion or RegistryAway."""
        found = self._version("registered-models/alias", alias=alias)
        if found is None:
            raise NoVersion(
                f"expected the alias {alias} on a version of {self._model}, MLflow has none yet: it comes with a "
                "promotion"
            )
        return found

    def by_number(self, version: int) -> Wanted:
        """A version by its number. Raises NoSuchVersion or RegistryAway."""
        found = self._version("model-versions/get", version=str(version))
        if found is None:
            raise NoSuchVersion(
                f"expected version {version} of {self._model}, MLflow at {self._shown} answers that it does not exist; "
                "pin a version that is registered there",
                version,
            )
        return found

    def download(self, run_id: str, folder: Path) -> Path:
        """Download what serving needs of the run's version into the folder, and return it.

        Raises BrokenVersion naming a file the run does not have, RegistryAway if MLflow or its store fails: that can
        pass, so the version is not given up for it.
        """
        run = self._get("mlflow/runs/get", run_id=run_id)
        if _absent(run):
            raise BrokenVersion(f"expected the run {run_id or 'of the version'}, MLflow has none: train it again")
        artifact_uri = str(self._json(run)["run"]["info"]["artifact_uri"])
        root = mlflow_rest.artifact_root(artifact_uri)
        if root is None:
            raise BrokenVersion(
                f"expected MLflow to hand out run {run_id}'s files itself, they lie at "
                f"{artifact_uri.partition(':')[0]}:/…; start MLflow with --serve-artifacts and train the version again"
            )
        above = f"{root}/{names.MODEL_FOLDER}"
        listed = self._json(self._get(f"{mlflow_rest.PROXIED}/artifacts", path=above)).get("files", [])
        sizes = {Path(file["path"]).name: int(file.get("file_size", 0)) for file in listed}
        missing = sorted(set(self._files) - set(sizes))
        if missing:
            raise BrokenVersion(
                f"expected {', '.join(missing)} in the version's run {run_id}, found none: train it again"
            )
        for file in self._files:
            answer = self._get(mlflow_rest.artifact(above, file))
            if not answer.is_success:
                raise self._away(f"{answer.status_code} for {file}: {answer.text[:200]}")
            if len(answer.content) != sizes[file]:  # cut on its way: in the store it is whole, or cut there too
                raise self._away(f"{len(answer.content)} of the {sizes[file]} bytes of {file}")
            (folder / file).write_bytes(answer.content)
        return folder

    def _version(self, path: str, **which: str) -> Wanted | None:
        answer = self._get(f"mlflow/{path}", name=self._model, **which)
        if _absent(answer):
            return None
        found = self._json(answer)["model_version"]
        tags = {tag["key"]: tag["value"] for tag in found.get("tags", [])}
        return Wanted(int(found["version"]), str(found.get("run_id", "")), _time(tags.get(names.TAG_PROMOTED_AT, "")))

    def _get(self, endpoint: str, **parameters: str) -> httpx.Response:
        try:
            answer = self._client.get(endpoint, params=parameters)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._away(str(error) or type(error).__name__) from error
        if answer.is_server_error:
            raise self._away(f"{answer.status_code} for {endpoint}: {answer.text[:200]}")
        return answer

    def _json(self, answer: httpx.Response) -> Any:
        if not answer.is_success:
            raise self._away(f"{answer.status_code}: {answer.text[:200]}")
        try:
            return answer.json()
        except ValueError as error:
            raise self._away(f"something that is not JSON: {answer.text[:80]!r}") from error

    def _away(self, got: str) -> RegistryAway:
        return RegistryAway(f"expected an answer from MLflow at {self._shown}, got: {got}; is it running?")


def _time(tag: str) -> datetime | None:
    """A tag's time with its zone; None if it is none, for anybody may write tags."""
    try:
        at = datetime.fromisoformat(tag)
    except ValueError:
        return None
    return at if at.tzinfo else None


def _absent(answer: httpx.Response) -> bool:
    """Whether MLflow itself says that there is no such thing; a proxy's 404 says nothing about what MLflow has."""
    try:
        return answer.is_client_error and answer.json()["error_code"] in mlflow_rest.ABSENT
    except (ValueError, KeyError, TypeError):
        return False
