"""The registry in MLflow, and the thread that follows it: look, decide (see state.py), act."""

from __future__ import annotations

import gc
import logging
import tempfile
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from relevo_contract import names
from relevo_contract.graph_check import LARGEST_GRAPH
from relevo_contract.mlflow_rest import TOO_MUCH, MlflowError, MlflowRest, RegisteredVersion
from relevo_serving.errors import BrokenVersion, NoSuchVersion, NoVersion, RegistryAway
from relevo_serving.model import FILES
from relevo_serving.schema import RefusedVersion, RegistryStatus
from relevo_serving.self_test import load_tested
from relevo_serving.settings import Settings
from relevo_serving.state import Next, Served, State, Wanted, after_look, is_new
from relevo_serving.trial import attempt

log = logging.getLogger("relevo.follower")


class Registry:
    """The registered model of the settings, in its MLflow server."""

    def __init__(self, settings: Settings) -> None:
        self._mlflow = MlflowRest(settings.tracking_uri, timeout=settings.registry_timeout)
        self._model, self._alias, self._pinned = settings.model, settings.alias, settings.version

    def wanted(self) -> Wanted:
        """The pinned version, else the one the alias marks. Raises NoSuchVersion, NoVersion or RegistryAway."""
        try:
            if self._pinned is None:
                found = self._mlflow.version_by_alias(self._model, self._alias)
            else:
                found = self._mlflow.version(self._model, self._pinned)
        except MlflowError as error:
            if not error.absent:
                raise RegistryAway(str(error)) from error
            if self._pinned is None:
                raise NoVersion(
                    f"expected the alias {self._alias} on a version of {self._model}, MLflow has none yet: it comes "
                    "with a promotion"
                ) from error
            raise NoSuchVersion(
                f"expected version {self._pinned} of {self._model}, MLflow at {self._mlflow.shown} answers that it "
                "does not exist; pin a version that is registered there"
            ) from error
        promoted_at = _time(found.tags.get(names.TAG_PROMOTED_AT, ""))
        return Wanted(found.number, found.run_id, promoted_at, found.tags.get(names.TAG_MANIFEST, ""), found.source)

    def download(self, target: Wanted, folder: Path) -> None:
        """Download what serving reads of a version, such as `relevo/profile.json`, as far as it is there.

        Raises BrokenVersion naming a file that is too large, RegistryAway if MLflow or its store fails: that can pass,
        so the version is not given up for it.
        """
        version = RegisteredVersion(self._model, target.version, target.run_id, target.source, {})
        for file in FILES:
            try:
                content = self._mlflow.version_file(version, file, LARGEST_GRAPH)
            except MlflowError as error:
                if error.said == TOO_MUCH:
                    raise BrokenVersion(
                        f"expected {file} of at most {LARGEST_GRAPH:,} bytes in version {target.version}, it is "
                        "larger: train a smaller model"
                    ) from error
                raise RegistryAway(f"{file} of version {target.version}: {error}") from error
            if content is not None:
                (folder / file).parent.mkdir(parents=True, exist_ok=True)
                (folder / file).write_bytes(content)


def _now() -> datetime:
    """The time in UTC, to the second: it is shown to people."""
    return datetime.now(UTC).replace(microsecond=0)


def _time(tag: str) -> datetime | None:
    """A tag's time with its zone; None if it is none, for anybody may write tags."""
    try:
        at = datetime.fromisoformat(tag)
    except ValueError:
        return None
    return at if at.tzinfo else None


class Follower(threading.Thread):
    """Keeps `state` in step with the registry until stopped, or a pinned version is settled. It outlives every failure.

    `serve` swaps a version in, and `state.served` with it; `give_up` is called once, with the reason why the pinned
    version can never be served.
    """

    def __init__(
        self, settings: Settings, state: State, serve: Callable[[Served], None], give_up: Callable[[str], None]
    ) -> None:
        super().__init__(name="follower", daemon=True)
        self._settings, self._state, self._serve, self._give_up = settings, state, serve, give_up
        self._registry = Registry(settings)
        self._stopping = threading.Event()

    def stop(self, timeout: float = 1) -> None:
        """Stop following; a download under way is left to die with the process."""
        self._stopping.set()
        self.join(timeout)

    def run(self) -> None:
        """Look until stopped, or nothing is left to ask."""
        pinned = self._settings.version is not None
        while not self._stopping.is_set():
            try:
                self._look()
            except Exception:  # whatever it was, what serves goes on serving, and the next look may do better
                log.exception("look_failed")
            following = after_look(pinned=pinned, served=self._served(), refused=self._refused())
            if following is Next.GIVE_UP and self._state.refused is not None:
                self._give_up(self._state.refused.reason)
            if following is not Next.ASK_AGAIN:
                return
            self._stopping.wait(self._settings.poll_seconds)

    def _look(self) -> None:
        state = self._state
        try:
            wanted = self._registry.wanted()
            state.registry = RegistryStatus(reachable=True, wanted_version=wanted.version, answered_at=_now())
            if is_new(wanted, self._served(), self._refused()):
                self._load(wanted)
            elif self._refused() != wanted:
                state.refused = None  # the alias moved on: the refusal is history
        except (NoVersion, NoSuchVersion) as error:
            if isinstance(error, NoSuchVersion):
                self._refuse(Wanted(self._settings.version or 0, run_id=""), error)
            else:
                self._tell("no_version", str(error))
            state.registry = RegistryStatus(reachable=True, problem=str(error), answered_at=_now())
        except RegistryAway as error:
            self._tell("registry_away", str(error))
            state.registry = state.registry.model_copy(update={"reachable": False, "problem": str(error)})

    def _served(self) -> Wanted | None:
        return self._state.served.target if self._state.served else None

    def _refused(self) -> Wanted | None:
        refused = self._state.refused
        return Wanted(refused.version, refused.run_id) if refused else None

    def _tell(self, event: str, problem: str) -> None:
        if self._state.registry.problem != problem:  # once, not at every poll
            log.warning(event, extra={"problem": problem})

    def _refuse(self, target: Wanted, error: BrokenVersion) -> None:
        self._state.refused = RefusedVersion(version=target.version, run_id=target.run_id, reason=str(error), at=_now())
        log.error("version_refused", extra={"version": target.version, "problem": str(error)})

    def _load(self, target: Wanted) -> None:
        try:
            with tempfile.TemporaryDirectory(prefix="relevo-serving-") as folder:
                self._registry.download(target, Path(folder))
                if self._state.served is not None:  # else there is nothing that a hostile version could harm
                    attempt(Path(folder), target.manifest)
                model = load_tested(Path(folder), target.manifest)
        except BrokenVersion as error:
            self._refuse(target, error)
            return
        before = self._served()
        self._serve(Served(target, model, _now()))
        gc.freeze()  # what serves is no garbage: looking through it again and again would stop requests for 50 ms
        log.info("version_served", extra={"version": target.version, "before": before.version if before else None})
