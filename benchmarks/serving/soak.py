"""`make soak-serving`: half the peak rate for ten minutes while versions change, and every answer counted in RAW."""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import psycopg

from benchmarks.holdout.__main__ import take
from benchmarks.serving.measuring import post, run
from benchmarks.serving.ours import listings, relevo, rows_of, stores, write_version
from relevo_demo.servers import free_port
from tests.versions import Versions

CONNECTIONS = 8
EPILOG = """\
Two good versions take turns as production, every third turn a broken one is promoted between them, which must be
refused. A request's time counts from when it was due.

exit codes: 0 nothing failed and the counts match to the row, 1 not"""


class Swapper(threading.Thread):
    """Promotes one version after the other until it is stopped."""

    def __init__(self, versions: Versions, good: list[int], broken: int, seconds: float) -> None:
        super().__init__(daemon=True)
        self._versions, self._good, self._broken, self._seconds = versions, good, broken, seconds
        self._stopping = threading.Event()
        self.swaps = 0
        self.refusals = 0

    def run(self) -> None:
        """Promote."""
        while not self._stopping.wait(self._seconds):
            if (self.swaps + self.refusals) % 3 == 2:
                self._versions.promote(self._broken)
                self.refusals += 1
            else:
                self.swaps += 1
                self._versions.promote(self._good[self.swaps % len(self._good)])

    def stop(self) -> None:
        """Promote no more."""
        self._stopping.set()
        self.join()


class Memory(threading.Thread):
    """Looks at a process's memory every five seconds."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._process = psutil.Process(pid)
        self._stopping = threading.Event()
        self.megabytes: list[float] = []

    def run(self) -> None:
        """Look."""
        while not self._stopping.wait(5):
            self.megabytes.append(self._process.memory_info().rss / 1e6)

    def stop(self) -> None:
        """Look no more."""
        self._stopping.set()
        self.join()


def counted(raw_url: str, port: int) -> dict[str, int]:
    """Rows and requests in RAW once it has all that is kept. Raises AssertionError if that takes two minutes."""
    ends = time.monotonic() + 120
    while waiting := waiting_bytes(port):
        assert time.monotonic() < ends, f"{waiting} bytes still wait for RAW"
        time.sleep(0.5)
    with psycopg.connect(raw_url) as connection:
        found = connection.execute("select count(*), count(distinct request) from raw.inferences").fetchone()
    assert found is not None
    return {"rows": found[0], "requests": found[1]}


def waiting_bytes(port: int) -> float:
    """What RAW does not have yet, as the API tells Prometheus."""
    told = httpx.get(f"http://127.0.0.1:{port}/metrics").text
    (line,) = [line for line in told.splitlines() if line.startswith("relevo_serving_spool_waiting_bytes ")]
    return float(line.split()[1])


def main() -> int:
    """Run, print what came of it, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="make soak-serving", description=(__doc__ or "").splitlines()[0], epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--data", type=Path, required=True, help="the listings, a CSV file with the twelve columns")
    parser.add_argument("--minutes", type=float, default=10, metavar="M", help="how long (default 10)")
    parser.add_argument("--swap-seconds", type=float, default=15, metavar="S", help="between promotions (default 15)")
    parser.add_argument("--rate", type=float, metavar="N", help="requests a second (default: half the peak, measured)")
    given = parser.parse_args()
    if not given.data.is_file():
        parser.error(f"--data: expected a CSV file, found none at {given.data}")
    held, training = listings(given.data)
    with tempfile.TemporaryDirectory(prefix="soak-serving-") as temporary:
        folder = Path(temporary)
        every_second = take(training, np.arange(0, len(training["price"]), 2))
        for number, rows in enumerate((training, every_second)):
            write_version(folder / f"version-{number}", rows, held, 300)
        requests = [post("/predict", {"instances": [house]}) for house in rows_of(held)]
        with stores(folder) as (mlflow, raw_url, env):
            versions = Versions(mlflow.url, "house-prices")
            good = [versions.register(folder / f"version-{number}") for number in range(2)]
            broken = versions.register_broken(folder / "version-0")
            versions.promote(good[0])
            port = free_port()
            told = {**env, "MLFLOW_TRACKING_URI": mlflow.url, "RELEVO_RAW_URL": raw_url}
            with relevo(folder, port, told) as server:
                assert server.process is not None
                peak = run("load", requests, port, CONNECTIONS, 5)["rate"]
                before = counted(raw_url, port)
                rate = given.rate or peak / 2
                print(f"peak {peak:,.0f} requests a second; {rate:,.0f} for {given.minutes:g} minutes", file=sys.stderr)
                swapper, memory = Swapper(versions, good, broken, given.swap_seconds), Memory(server.process.pid)
                swapper.start()
                memory.start()
                found = run("pace", requests, port, CONNECTIONS, rate, given.minutes * 60)
                swapper.stop()
                memory.stop()
                after = counted(raw_url, port)
        stored = {what: after[what] - before[what] for what in after}
        return report(found, stored, swapper, memory.megabytes)


def report(found: dict[str, Any], stored: dict[str, int], swapper: Swapper, megabytes: list[float]) -> int:
    """Print what came of it; 1 if something failed or the counts differ."""
    seconds = found["seconds"]
    print(f"{found['answered']:,} answers: {found['statuses']}, {found['lost']} lost; by version {found['versions']}")
    print(f"{swapper.swaps} versions swapped, {swapper.refusals} broken ones promoted")
    print("milliseconds from when due: " + ", ".join(f"{float(q):.1%} {s * 1e3:.2f}" for q, s in seconds.items()))
    print(f"{found['stored']:,} said to be stored; RAW has {stored['rows']:,} of {stored['requests']:,} requests")
    if megabytes:
        print(f"memory, MB: {megabytes[0]:.0f} at first, {megabytes[-1]:.0f} at last, {max(megabytes):.0f} at most")
    good = (
        set(found["statuses"]) == {"200"}
        and not found["lost"]
        and found["answered"] == found["stored"] == stored["rows"] == stored["requests"]
    )
    print("nothing failed, every count matches" if good else "FAILED: see above")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
