"""One batch after another, step by step, until the source is exhausted."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from relevo_demo.recall import Recall
from relevo_demo.screen import STEPS, Screen
from relevo_demo.state import State
from relevo_demo.steps import Steps
from relevo_demo.story import WALL, Body, row


def next_step(said: Mapping[str, Body]) -> str | None:
    """The step that follows those which a batch has behind it; None if it is through."""
    if said.get("decide", {}).get("status") == "nothing":
        return None
    return next((step for step in STEPS if step not in said), None)


def run_batches(
    state: State, steps: Steps, screen: Screen, recall: Recall, told: Callable[[], None], *, most: int | None = None
) -> None:
    """Run the loop until collect has nothing new, or there are `most` rows; `told` is called after each batch's row.

    A batch that an earlier run left half-way is finished first: the steps it has behind it are not run again.
    """

    def found_in_raw() -> Body | None:
        """A collect that ended after its commit and before its word left a batch in RAW: clean finds it."""
        code, cleaned = steps.once("clean", screen.doing)
        if code != 0 or cleaned.get("batch") is None:
            return None
        state.current["clean"] = cleaned
        return {"step": "collect", "status": "done", "batch": cleaned["batch"], "rows": cleaned.get("rows")}

    def run(step: str) -> Body:
        screen.doing(step, STEPS.index(step))
        started = time.monotonic()
        body = steps.run(step, screen.doing, found_in_raw) if step == "collect" else steps.run(step, screen.doing)
        return {**body, WALL: round(time.monotonic() - started, 3)}

    if state.went_before and not state.current and (found := found_in_raw()) is not None:
        state.current["collect"] = found
        state.save()
    while most is None or len(state.rows) < most or state.current:
        while (step := next_step(state.current)) is not None:
            body = run(step)
            if step == "collect" and body.get("status") == "nothing":
                return
            if step != "collect" and body.get("status") == "nothing":
                number = state.current["collect"].get("batch")
                if number is not None and body.get("batch") != number:  # done before, and its word got lost
                    body = {**body, **(recall(step, int(number)) or {})}
            state.current[step] = body
            state.save()
        screen.doing("", len(STEPS))
        finished = row(state.current, sum(body.get(WALL, 0.0) for body in state.current.values()))
        state.rows.append(finished)
        state.current = {}
        state.save()
        screen.row(finished)
        told()
