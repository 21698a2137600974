"""One batch after another, step by step, until the source is exhausted."""

from __future__ import annotations

import time
from collections.abc import Callable

from relevo_demo.screen import STEPS, Screen
from relevo_demo.state import State
from relevo_demo.steps import Steps
from relevo_demo.story import WALL, row


def run_batches(state: State, steps: Steps, screen: Screen, told: Callable[[], None]) -> None:
    """Run the loop until collect has nothing new; `told` is called after each batch's row.

    A batch that an earlier run left half-way is finished first: the steps it has behind it are not run again.
    """
    while True:
        for position, step in enumerate(STEPS):
            if step in state.current:
                continue
            screen.doing(step, position)
            started = time.monotonic()
            body = steps.run(step, screen.doing)
            if step == "collect" and body.get("status") == "nothing":
                return
            state.current[step] = {**body, WALL: round(time.monotonic() - started, 3)}
            state.save()
            if step == "decide" and body.get("status") == "nothing":
                break
        screen.doing("", len(STEPS))
        finished = row(state.current, sum(body.get(WALL, 0.0) for body in state.current.values()))
        state.rows.append(finished)
        state.current = {}
        state.save()
        screen.row(finished)
        told()
