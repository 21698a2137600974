"""What collect does next."""

from __future__ import annotations

import pytest

from relevo_jobs.collect.plan import Action, Came, Situation, next_action, starts_with_restart, when_exhausted
from relevo_jobs.errors import ConflictingBatch, MalformedAnswer


def held(number: int) -> Came:
    """A batch that RAW holds."""
    return Came(number, f"body {number}", number, f"body {number}")


def new(number: int) -> Came:
    """A batch that RAW does not hold."""
    return Came(number, f"body {number}", None, None)


@pytest.mark.parametrize(
    ("newest", "previous", "restarted", "came", "expected"),
    [
        (None, None, True, new(0), Action.KEEP),
        (None, None, True, new(1), Action.KEEP),
        (3, None, False, new(4), Action.KEEP),
        (3, 3, True, new(4), Action.KEEP),
        (0, None, False, new(1), Action.KEEP),
        # A replay: what RAW holds is skipped.
        (3, None, False, held(1), Action.ASK),
        (3, 1, True, held(2), Action.ASK),
        (3, None, False, held(3), Action.ASK),
        # The same again: the source repeats itself.
        (3, 3, False, held(3), Action.WAIT),
        (3, 2, True, held(2), Action.WAIT),
        # Backwards without our asking for it: a source that goes round, or somebody else restarted it.
        (3, 3, False, held(1), Action.WAIT),
        # A gap: an answer was lost.
        (3, None, False, new(5), Action.RESTART),
        (3, 3, False, new(9), Action.RESTART),
        # A number that was skipped and is not the next one: replay in order as well.
        (3, None, False, new(2), Action.RESTART),
    ],
)
def test_next_action(newest: int | None, previous: int | None, restarted: bool, came: Came, expected: Action) -> None:
    assert next_action(Situation(newest, previous, restarted), came) is expected


@pytest.mark.parametrize("newest", [None, 3])
def test_a_source_that_leaves_numbers_out_is_told_after_one_replay(newest: int | None) -> None:
    with pytest.raises(MalformedAnswer, match="leaves numbers out"):
        next_action(Situation(newest, newest, restarted=True), new(7))


def test_a_known_number_with_another_body_is_a_conflict_whatever_else_holds() -> None:
    for restarted in (False, True):
        with pytest.raises(ConflictingBatch, match="batch 2") as caught:
            next_action(Situation(3, 1, restarted), Came(2, "other", None, "body 2"))
        assert "RELEVO_SOURCE_DAY" in str(caught.value)


@pytest.mark.parametrize(
    ("lost", "restarted", "expected"),
    [
        (False, False, Action.STOP),
        (True, False, Action.RESTART),
        (True, True, Action.STOP),
        (False, True, Action.STOP),
    ],
)
def test_exhausted_replays_once_if_an_answer_is_not_accounted_for(
    lost: bool, restarted: bool, expected: Action
) -> None:
    assert when_exhausted(lost=lost, restarted=restarted) is expected


def test_an_empty_raw_restarts_the_count() -> None:
    assert starts_with_restart(None)
    assert not starts_with_restart(0)
