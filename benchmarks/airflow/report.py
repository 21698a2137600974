"""Tables: what was measured, with its target beside it."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from itertools import pairwise

from benchmarks.airflow.steps import STAGES, Pod, Step
from benchmarks.handover.report import Bound, Row, rows

TARGET = 2.5
"""Seconds that a step may take beyond its command."""
NAMES = {"defaults": "Airflow's and the provider's defaults", "relevo": "Relevo"}


def _quartiles(what: str, taken: Sequence[float]) -> None:
    low, middle, high = statistics.quantiles(taken, n=4) if len(taken) > 1 else (taken[0],) * 3
    print(f"{what:45} {middle:8.2f} {low:8.2f} {high:8.2f}")


def _between(steps: Sequence[Step]) -> list[float]:
    """From the end of each step to the begin of the next one of its run."""
    return [two.began - one.ended for one, two in pairwise(steps) if one.run == two.run]


def tables(bare: Sequence[Pod], steps: Mapping[str, Sequence[Step]]) -> bool:
    """Print what each took and where it went; True if Relevo is within its target, or was not asked for."""
    print(f"\n{'seconds beyond the step itself':45} {'median':>8} {'quartiles':>17}")
    _quartiles("limit: a bare pod, created → Succeeded", [one.overhead for one in bare])
    for kind, found in steps.items():
        _quartiles(NAMES[kind], [one.overhead for one in found])
    print(f"\n{'seconds from a task to the next one':45} {'median':>8} {'quartiles':>17}")
    for kind, found in steps.items():
        _quartiles(NAMES[kind], _between(found))
    for kind, found in steps.items():
        print(f"\n{'where it goes: ' + kind:45} {'median':>8} {'quartiles':>17}")
        for number, stage in enumerate(STAGES):
            _quartiles(stage, [one.stages[number] for one in found])
    print(f"\n{'where it goes: bare pod':45} {'median':>8} {'quartiles':>17}")
    _quartiles(STAGES[1], [one.began - one.created for one in bare])
    _quartiles(STAGES[2], [one.succeeded - one.ended for one in bare])
    if "relevo" not in steps:
        return True
    taken = [one.overhead for one in steps["relevo"]]
    most = f"most {max(taken):.2f}"
    return rows([Row("Relevo's step beyond itself, median", statistics.median(taken), Bound(TARGET), most)])
