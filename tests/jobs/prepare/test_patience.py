"""How long prepare waits, and what it says meanwhile; the clock is the test's own."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from relevo_jobs.errors import SettingsError, Unavailable
from relevo_jobs.prepare.patience import PAUSE, REMINDER, Patience


class Time:
    """A clock that moves by sleeping alone."""

    now = 100.0

    def __init__(self) -> None:
        self.said: list[str] = []

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds

    def patience(self, seconds: float) -> Patience:
        return Patience(seconds, self.said.append, lambda: self.now, self.sleep)


def up_at(time: Time, moment: float, says: Callable[[], str] = lambda: "refused") -> Callable[[], int]:
    def attempt() -> int:
        if time.now < moment:
            raise Unavailable(says())
        return 7

    return attempt


def test_a_server_that_is_up_is_not_waited_for() -> None:
    time = Time()
    assert time.patience(0).until_it_answers("RAW", up_at(time, 0)) == 7
    assert (time.now, time.said) == (100.0, [])


def test_a_server_that_comes_up_is_waited_for_and_told_once() -> None:
    time = Time()
    assert time.patience(300).until_it_answers("RAW", up_at(time, 110)) == 7
    assert time.said == ["waiting for RAW, 300 s more at most: refused"]
    assert 110 <= time.now <= 110 + PAUSE


def test_what_is_waited_for_is_told_when_it_changes_and_again_after_a_while() -> None:
    time = Time()
    time.patience(300).until_it_answers("RAW", up_at(time, 200, lambda: "unknown" if time.now < 120 else "refused"))
    assert [said.rsplit(" ", 1)[-1] for said in time.said[:3]] == ["unknown", "refused", "refused"]
    assert len(time.said) == 2 + int((200 - 120) // REMINDER)


def test_the_time_is_for_all_servers_together() -> None:
    time = Time()
    patience = time.patience(60)
    patience.until_it_answers("RAW", up_at(time, 140))
    with pytest.raises(Unavailable, match=r"refused; waited 60 s in all \(RELEVO_WAIT\)"):
        patience.until_it_answers("CLEAN", up_at(time, 200))
    assert time.now == 160


def test_what_no_waiting_helps_is_told_at_once() -> None:
    time = Time()

    def attempt() -> int:
        raise SettingsError("wrong password")

    with pytest.raises(SettingsError, match="wrong password"):
        time.patience(300).until_it_answers("RAW", attempt)
    assert (time.now, time.said) == (100.0, [])
