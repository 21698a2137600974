"""`make bench-airflow`: what a step costs beyond its own time, with Relevo's settings and with the defaults.

Airflow runs on this machine, its pods on the cluster of KUBECONFIG. Both Airflows run the same five pods one after
another: the step collect's as the chart renders it, with a command that sleeps. Relevo's is dags/relevo.py itself with
the chart's environment; the other has an operator with the manifest and nothing else, in an Airflow that is told where
its database and its DAG are and nothing else. The limit is a pod of that manifest without Airflow. Times of the command
come from the pod itself, those of a task from Airflow; the cluster's nodes are taken to have this machine's clock.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import yaml

from benchmarks.airflow import chart, report, servers
from benchmarks.airflow.steps import Pod, Step
from benchmarks.airflow.watching import Pods
from relevo_demo.servers import PostgresServer
from tests.e2e.cluster import new_namespace

PATIENCE = 180.0
"""Seconds in which the next task has to end."""
KINDS = {"defaults": servers.defaults, "relevo": servers.relevo}
"""The settings of each Airflow, by the name of its DAG."""


def run(airflow: servers.Airflow, pods: Pods, runs: int) -> list[Step]:
    """The steps of so many runs; one before them, in which all is cold, is not counted."""
    with airflow.running():
        last, known = time.monotonic(), 0
        while True:
            tasks = airflow.tasks()
            names = list(dict.fromkeys(one[0] for one in tasks if one[1] == chart.STEPS[-1]))
            if bad := [one for one in tasks if one[2] != "success"]:
                raise SystemExit(f"expected every task to succeed, found {bad[0]}")
            if len(names) > runs:
                break
            if len(tasks) > known:
                last, known = time.monotonic(), len(tasks)
            if time.monotonic() - last > PATIENCE:
                raise SystemExit(f"expected another task's end within {PATIENCE:.0f} s; {airflow.tails()}")
            time.sleep(1)
    counted = [one for one in tasks if one[0] in names[1 : runs + 1] and one[1] in chart.STEPS]
    return [Step(run, name, began, ended, pods.of(name, began, ended)) for run, name, _, began, ended in counted]


def measure(turns: int, runs: int, seconds: float, tag: str, only: str | None) -> bool:
    """Print the tables; True if the target holds."""
    steps: dict[str, list[Step]] = {kind: [] for kind in KINDS if only in (None, kind)}
    bare: list[Pod] = []
    load = [os.getloadavg()[0]]
    with tempfile.TemporaryDirectory(prefix="bench-airflow-") as given, new_namespace("bench-airflow") as namespace:
        folder, pods = Path(given), Pods(namespace.name)
        manifest = chart.pod(namespace.name, tag, seconds)
        for kind in KINDS:
            (folder / kind).mkdir()
            for step in chart.STEPS:
                (folder / kind / f"{step}.yaml").write_text(yaml.safe_dump(manifest))
        with PostgresServer(folder / "postgres") as postgres, pods.watch:
            for turn in range(turns):
                alone = [pods.bare(manifest, f"bare-{turn}-{number}") for number in range(len(chart.STEPS) + 1)]
                bare += alone[1:]  # the first is not counted here, either
                for kind in steps:
                    settings = KINDS[kind]() | {"RELEVO_STEPS": str(folder), "RELEVO_DAGS": "relevo"}
                    airflow = servers.Airflow(kind, folder / f"{kind}{turn}", postgres, settings)
                    steps[kind] += run(airflow, pods, runs)
                    load.append(os.getloadavg()[0])
                    print(f"turn {turn + 1} of {turns}: {kind}", flush=True)
    print(
        f"\n{turns * runs * len(chart.STEPS)} steps of each, {seconds:g} to {seconds + 1:g} s their own; "
        f"load of the machine over 1 min {min(load):.1f} to {max(load):.1f} on {os.cpu_count()} cores"
    )
    return report.tables(bare, steps)


def main() -> int:
    """Measure, print the tables, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="make bench-airflow",
        description="What a step costs beyond its own time, with Relevo's settings and with the defaults.",
        epilog="exit codes: 0 the target holds, 1 it is missed",
    )
    parser.add_argument("--turns", type=int, default=2, metavar="N", help="starts of each Airflow (default 2)")
    parser.add_argument("--runs", type=int, default=1, metavar="N", help="runs of five steps a turn (default 1)")
    parser.add_argument("--seconds", type=float, default=2, metavar="S", help="a step's own time, at least (default 2)")
    parser.add_argument("--tag", default="dev", help="tag of the image relevo/jobs (default dev)")
    parser.add_argument("--only", choices=tuple(KINDS), help="measure one of the two")
    given = parser.parse_args()
    if given.turns < 1 or given.runs < 1 or given.seconds <= 0:
        parser.error("expected figures above zero")
    if not servers.AIRFLOW.exists():
        parser.error("expected Airflow in .airflow, found none: run `make airflow-env`")
    return 0 if measure(given.turns, given.runs, given.seconds, given.tag, given.only) else 1


if __name__ == "__main__":
    sys.exit(main())
