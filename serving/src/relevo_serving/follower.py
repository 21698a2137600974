"""The thread that follows the registry: observe, plan (see following.py), act. It outlives every failure.

With a pinned version it ends as soon as that version is loaded, or can never be.
"""

from __future__ import annotations

import gc
import logging
import tempfile
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from relevo_serving import model as model_module
from relevo_serving.errors import BrokenVersion, NoSuchVersion, NoVersion, RegistryAway
from relevo_serving.following import Load, Next, Observed, Wanted, after_look, plan
from relevo_serving.settings import Settings
from relevo_serving.state import Refused, Served, State

log = logging.getLogger("relevo.follower")


class VersionSource(Protocol):
    """What the follower asks of a registry; Registry is the real one."""

    def by_alias(self, alias: str) -> Wanted:
        """The version an alias marks."""

    def by_number(self, version: int) -> Wanted:
        """A version by its number."""

    def download(self, run_id: str, folder: Path) -> Path:
        """A version's files."""


def now() -> datetime:
    """The time in UTC, to the second: it is shown to people."""
    return datetime.now(UTC).replace(microsecond=0)


class Follower:
    """Keeps `state` in step with the registry until stopped.

    `give_up` is called once, from the follower's thread, with the reason why the pinned version can never be served.
    """

    def __init__(self, settings: Settings, state: State, source: VersionSource, give_up: Callable[[str], None]) -> None:
        self._settings = settings
        self._state = state
        self._source = source
        self._give_up = give_up
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="follower", daemon=True)

    def start(self) -> None:
        """Start following."""
        self._thread.start()

    def stop(self, timeout: float = 1) -> None:
        """Stop following; a download under way is left to die with the process."""
        self._stopping.set()
        self._thread.join(timeout)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.look()
            except Exception:  # whatever it was, what serves goes on serving, and the next look may do better
                log.exception("look_failed")
            served, refused = self._state.served, self._state.refused
            following = after_look(
                pinned=self._settings.version is not None,
                served=served.target if served else None,
                refused=refused.target if refused else None,
            )
            if following is Next.GIVE_UP and refused is not None:
                self._give_up(refused.reason)
            if following is not Next.ASK_AGAIN:
                return
            self._stopping.wait(self._settings.poll_seconds)

    def look(self) -> None:
        """One look at the registry, and what follows of it."""
        state = self._state
        try:
            wanted = self._wanted()
            state.saw(wanted, now())
            observed = Observed(
                wanted,
                state.served.target if state.served else None,
                state.refused.target if state.refused else None,
            )
            step = plan(observed)
            if isinstance(step, Load):
                self._load(step.target)
            elif state.refused is not None and state.refused.target != wanted:
                state.refused = None  # the alias moved on: the refusal is history
        except NoVersion as error:
            self._tell("no_version", str(error))
            state.saw_none(str(error), now())
        except NoSuchVersion as error:
            state.saw_none(str(error), now())
            self._refuse(Wanted(error.version, run_id=""), error)
        except RegistryAway as error:
            self._tell("registry_away", str(error))
            state.away(str(error))

    def _tell(self, event: str, problem: str) -> None:
        if self._state.registry.problem != problem:  # once, not at every poll
            log.warning(event, extra={"problem": problem})

    def _refuse(self, target: Wanted, error: BrokenVersion) -> None:
        self._state.refused = Refused(target, str(error), now())
        log.error("version_refused", extra={"version": target.version, "problem": str(error)})

    def _wanted(self) -> Wanted:
        pinned = self._settings.version
        return self._source.by_alias(self._settings.alias) if pinned is None else self._source.by_number(pinned)

    def _load(self, target: Wanted) -> None:
        try:
            with tempfile.TemporaryDirectory(prefix="relevo-serving-") as folder:
                model = model_module.load(self._source.download(target.run_id, Path(folder)))
            model.self_test()
        except BrokenVersion as error:
            self._refuse(target, error)
            return
        old = self._state.served
        self._state.served = Served(target, model, now())
        self._state.refused = None
        gc.freeze()  # what serves is no garbage: looking through it again and again would stop requests for 50 ms
        log.info("version_served", extra={"version": target.version, "before": old.target.version if old else None})
