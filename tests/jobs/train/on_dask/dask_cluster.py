"""A Dask cluster as a user runs it: a scheduler and workers, each a process of `dask` on 127.0.0.1."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import psutil

from relevo_demo.servers import free_port
from relevo_demo.servers.process import die_with_parent


@dataclass
class DaskCluster:
    """What runs, with this environment; its logs lie in the folder."""

    address: str
    folder: Path
    env: Mapping[str, str]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, *arguments: str) -> None:
        """Run `dask ARGUMENTS`."""
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", "dask", *arguments],
                env=dict(self.env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                preexec_fn=partial(die_with_parent, signal.SIGKILL),  # noqa: PLW1509  # nothing is left of a killed run
            )

    def worker(self, name: str, memory: str) -> None:
        """Start a worker of one thread that Dask holds to this memory."""
        self.start(
            name, "worker", self.address, "--host=127.0.0.1", "--nthreads=1", f"--memory-limit={memory}",
            f"--name={name}", "--no-dashboard", f"--local-directory={self.folder / name}",
        )  # fmt: skip

    def wait_for(self, workers: int) -> None:
        """Until so many workers are there: a process of its own asks, with the certificates of its environment."""
        asks = "import sys, distributed as d; d.Client(sys.argv[1], timeout=60).wait_for_workers(int(sys.argv[2]), 60)"
        subprocess.run([sys.executable, "-c", asks, self.address, str(workers)], env=self.env, check=True)

    def tree(self, name: str) -> list[psutil.Process]:
        """A worker's nanny and the process that works; none if it has ended."""
        try:
            nanny = psutil.Process(self.processes[name].pid)
            return [nanny, *nanny.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def kill(self, name: str) -> None:
        """Kill a worker as a node that dies does: with its nanny, so that none takes its place."""
        for process in self.tree(name):
            process.kill()
        self.processes.pop(name).wait()

    def logs(self) -> str:
        """The ends of all logs."""
        return "\n".join(f"---- {file.name}\n{file.read_text()[-3000:]}" for file in sorted(self.folder.glob("*.log")))


@contextmanager
def running(
    folder: Path, env: Mapping[str, str], workers: int = 2, memory: str = "2GiB", protocol: str = "tcp"
) -> Iterator[DaskCluster]:
    """A scheduler and workers, stopped at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    cluster = DaskCluster(f"{protocol}://127.0.0.1:{port}", folder, env)
    with ExitStack() as stack:
        stack.callback(_stop, cluster)
        cluster.start("scheduler", "scheduler", f"--host={protocol}://127.0.0.1", f"--port={port}", "--no-dashboard")
        for number in range(workers):
            cluster.worker(f"worker-{number}", memory)
        if workers:
            cluster.wait_for(workers)
        yield cluster


def _stop(cluster: DaskCluster) -> None:
    for name in list(cluster.processes):
        for process in reversed(cluster.tree(name)):
            process.kill()
    for started in cluster.processes.values():
        started.wait()


class Peaks:
    """The largest memory (resident, bytes) that each of some processes' trees took while the block ran."""

    def __init__(self, trees: Mapping[str, int], pause: float = 0.05) -> None:
        self._trees, self._pause = trees, pause
        self._ended = threading.Event()
        self.largest = dict.fromkeys(trees, 0)
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Peaks:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(self._pause):
            for name, pid in self._trees.items():
                self.largest[name] = max(self.largest[name], memory(pid))


def memory(pid: int) -> int:
    """What a process and those it started hold of their own now, the largest of them; bytes, 0 if it is gone."""
    largest = 0
    try:
        top = psutil.Process(pid)
        for process in [top, *top.children(recursive=True)]:
            largest = max(largest, process.memory_info().rss)
    except psutil.NoSuchProcess:
        pass
    return largest
