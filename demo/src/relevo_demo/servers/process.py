"""One server as a child process: its log, its readiness, its end.

Each server leads a process group of its own, so that Ctrl-C in the terminal reaches the demo alone, and the demo stops
the servers in order; whatever a server forked ends with its group. If the demo itself is killed (SIGKILL), the kernel
ends the server (PR_SET_PDEATHSIG, Linux only). That takes a moment, in which the demo may be started again: every
server holds a lock beside its log for as long as one of its processes lives, and its successor waits for it.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import IO, Self

HOST = "127.0.0.1"
PRIVATE = 0o700
"""Of a folder that holds data, logs or keys: nobody else on this machine looks in."""
LOOK_EVERY = 0.05
"""Seconds between two looks whether a server answers."""
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None  # loaded here: a forked child must not load libraries


class ServerError(Exception):
    """A server did not start, or ended by itself; the message ends with its log's last lines."""


def last_lines(log: Path, count: int = 15) -> str:
    """The end of a log, indented."""
    try:
        lines = log.read_text(errors="replace").splitlines()[-count:]
    except OSError as error:
        lines = [f"(no log: {error})"]
    return "\n".join("    " + line for line in lines) or "    (the log is empty)"


def die_with_parent(number: signal.Signals = signal.SIGTERM) -> None:
    """To be called in a child: let the kernel send it this signal when its parent ends (Linux only)."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, number)


class Server:
    """A server process. Use it as a context manager; `start` and `stop` may be called alone."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        ready: Callable[[], bool],
        env: Mapping[str, str] | None = None,
        user: str | None = None,
        cwd: Path | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        start_timeout: float = 90,
        stop_timeout: float = 15,
    ) -> None:
        self.name, self.command, self.log, self._ready = name, list(command), log, ready
        self._env, self._user, self._cwd = env, user, cwd
        self._stop_signal, self._start_timeout, self._stop_timeout = stop_signal, start_timeout, stop_timeout
        self.process: subprocess.Popen[bytes] | None = None
        self._asked: float | None = None
        self._started = 0.0
        self.ready_after: float | None = None
        """Seconds from its start to its first answer; None until then."""

    def start(self) -> Self:
        """Start the process without waiting. Raises ServerError if it cannot even be started.

        Call it from a thread that outlives the server: the kernel takes that thread's end for the parent's.
        """
        self.log.parent.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        with self.log.open("ab") as output, self.log.with_suffix(".lock").open("w") as lock:
            self._expect_alone(lock)
            self._started, self.ready_after = time.monotonic(), None
            self._prepare()
            try:
                self.process = subprocess.Popen(
                    self.command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, **(self._env or {})},
                    cwd=self._cwd,
                    user=self._user,
                    group=self._user,
                    extra_groups=[] if self._user else None,
                    start_new_session=True,
                    pass_fds=[lock.fileno()],  # locked until the last process that has it ends
                    preexec_fn=partial(die_with_parent, self._stop_signal),  # noqa: PLW1509  # one system call
                )
            except OSError as error:
                raise ServerError(f"expected to start {self.name}, the system says: {error}") from error
        return self

    def _prepare(self) -> None:
        """Make what the process needs; no other one uses the folder then. Raises ServerError."""

    def _expect_alone(self, lock: IO[str]) -> None:
        """Wait for the server that an earlier, killed demo left behind, and take the lock."""
        deadline = time.monotonic() + self._start_timeout
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise ServerError(
                        f"expected {self.log.parent} for this {self.name} alone, one that an earlier run started is "
                        f"still there after {self._start_timeout:.0f} s: end it, or use another folder"
                    ) from None
                time.sleep(0.1)
            else:
                return

    def wait(self) -> Self:
        """Wait until it answers. Raises ServerError with the log's last lines if it ends or takes too long."""
        wait_for_all([self])
        return self

    def look(self) -> bool:
        """Whether it has answered by now. Raises ServerError as `wait` does."""
        if self.ready_after is not None:
            return True
        waited = time.monotonic() - self._started
        if self._ready():
            self.ready_after = waited
            self.on_ready()
            return True
        if not self.running:
            code = None if self.process is None else self.process.returncode
            raise ServerError(f"{self.name} ended with code {code} before it was ready; its log says:\n{self.tail()}")
        if waited > self._start_timeout:
            raise ServerError(f"{self.name} was not ready after {self._start_timeout:.0f} s:\n{self.tail()}")
        return False

    def on_ready(self) -> None:
        """What a server of this kind needs done once it answers."""

    def tail(self) -> str:
        """The log's last lines."""
        return last_lines(self.log)

    @property
    def running(self) -> bool:
        """Whether the process is alive."""
        return self.process is not None and self.process.poll() is None

    def ask_to_stop(self) -> None:
        """Send the signal it stops by, without waiting: several servers can stop side by side."""
        if self.process is not None and self.process.poll() is None and self._asked is None:
            self.process.send_signal(self._stop_signal)
            self._asked = time.monotonic()

    def stop(self) -> None:
        """Stop the process and all it forked; asks first, then insists."""
        process = self.process
        if process is None:
            return
        try:
            self.ask_to_stop()
            patience = self._stop_timeout - (0.0 if self._asked is None else time.monotonic() - self._asked)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, patience))
        finally:  # also if an impatient Ctrl-C ends the waiting
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            self.process, self._asked = None, None

    def __enter__(self) -> Self:
        self.start()
        try:
            return self.wait()
        except BaseException:
            self.stop()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def wait_for_all(servers: Sequence[Server]) -> None:
    """Wait until each of these answers, whichever comes first. Raises ServerError as `Server.wait` does."""
    waiting = list(servers)
    while waiting := [server for server in waiting if not server.look()]:
        time.sleep(LOOK_EVERY)


def ended(servers: Sequence[Server]) -> str:
    """Of servers that should run, which ended by themselves and their logs' last lines; empty if none did."""
    return "\n".join(f"{s.name} ended by itself; its log says:\n{s.tail()}" for s in servers if not s.running)
