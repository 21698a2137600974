"""The demo's state folder: one demo at a time, and what it told so far."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from relevo_demo.servers.process import PRIVATE
from relevo_demo.story import Body, Row


class StateError(Exception):
    """The state folder cannot be used; the message says what was expected, what came and what to do."""


class State:
    """What outlives a run: the rows told, and the steps done of the batch under way."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = folder / "story.json"
        self.went_before = self._file.exists()
        """Whether an earlier run used this folder."""
        told = json.loads(self._file.read_text()) if self.went_before else {}
        self.rows: list[Row] = [Row(**row) for row in told.get("rows", [])]
        self.current: dict[str, Body] = told.get("current", {})
        """The last lines of the steps that the batch under way has behind it."""
        self.served: dict[str, Any] | None = told.get("served")
        """The settings of the data source this state was made with."""

    def expect_same_source(self, served: dict[str, Any]) -> None:
        """Refuse to go on with another source: its batches would not be the ones that RAW holds."""
        if self.served is not None and self.served != served:
            raise StateError(
                f"expected to go on with the data source that {self.folder} was made with ({_told(self.served)}), got "
                f"{_told(served)}: use those again, or another --state"
            )
        self.served = served
        self.save()

    def save(self) -> None:
        """Write it in one stroke: killed at any line, the file is the old one or the new one."""
        told = {"rows": [row.kept() for row in self.rows], "current": self.current, "served": self.served}
        fresh = self._file.with_suffix(".tmp")
        fresh.write_text(json.dumps(told, indent=1))
        os.replace(fresh, self._file)  # noqa: PTH105


def _told(served: dict[str, Any]) -> str:
    use_case, *options = [f"{name} {value}" for name, value in served.items() if value is not None]
    return ", ".join([use_case.replace("use_case ", "the use case "), *(f"--{option}" for option in options)])


@contextmanager
def opened(folder: Path) -> Iterator[State]:
    """The state, locked against another demo. Raises StateError."""
    try:
        folder.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        lock = (folder / "lock").open("w")
    except OSError as error:
        raise StateError(f"expected to write to {folder}: {error.strerror}; give a folder with --state") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StateError(
                f"expected {folder} for this demo alone, another one uses it: give another --state"
            ) from None
        try:
            state = State(folder)
        except (OSError, ValueError, TypeError) as error:
            raise StateError(
                f"expected the story of an earlier demo in {folder}/story.json, it cannot be read ({error}): "
                "remove the folder to start anew, or give another --state"
            ) from error
        yield state
