"""`make bench-handover`: what a hand-over costs users, and what many ModelDeployments cost operator and registry."""

from __future__ import annotations

import argparse
import os
import sys

EPILOG = """\
parts:
  cluster  on the cluster of KUBECONFIG, which has the images that `make images` builds: a bare pod and a hand-over by
           turns, under a steady load of requests (about half a minute a turn)
  scale    an API server and MLflow on this machine, no pods: 1, 100 and 1,000 ModelDeployments on one registry
           (about twenty-five minutes)

exit codes: 0 every target holds, 1 one is missed"""


def main() -> int:
    """Measure, print the tables, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="make bench-handover",
        description="A hand-over beside a bare pod, and the operator with many ModelDeployments.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", choices=("cluster", "scale"), help="measure one part")
    parser.add_argument("--turns", type=int, default=10, metavar="N", help="hand-overs and bare pods (default 10)")
    parser.add_argument("--rate", type=float, default=50, metavar="R", help="requests a second meanwhile (default 50)")
    parser.add_argument(
        "--counts", type=int, nargs="+", default=[1, 100, 1000], metavar="N", help="ModelDeployments (1 100 1000)"
    )
    parser.add_argument("--rest", type=float, default=60, metavar="S", help="seconds at rest, measured (default 60)")
    parser.add_argument("--times", type=int, default=5, metavar="N", help="promotions of each crowd (default 5)")
    given = parser.parse_args()
    if given.turns < 2 or given.rate <= 0 or min(given.counts) < 1 or given.rest < 1 or given.times < 1:
        parser.error("expected at least 2 turns, and figures above zero")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")  # a line for each version it registers
    holds = True
    if given.only != "cluster":
        from benchmarks.handover import scale  # noqa: PLC0415  # each part needs servers' clients of its own

        holds = scale.measure(given.counts, rest=given.rest, times=given.times)
    if given.only != "scale":
        from benchmarks.handover import cluster  # noqa: PLC0415

        holds = cluster.measure(given.turns, given.rate) and holds
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
