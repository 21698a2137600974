from __future__ import annotations

import pytest

from relevo_serving.state import Next, Wanted, after_look, is_new

ONE, TWO = Wanted(1, "run-1"), Wanted(2, "run-2")


@pytest.mark.parametrize(
    ("wanted", "served", "refused"),
    [
        (ONE, None, None),
        (TWO, ONE, None),
        (TWO, ONE, ONE),
        (Wanted(1, "run-9"), ONE, None),
        (ONE, TWO, None),  # back to an older version is a move like any other
    ],
)
def test_a_version_that_is_wanted_and_neither_served_nor_refused_is_loaded(
    wanted: Wanted, served: Wanted | None, refused: Wanted | None
) -> None:
    assert is_new(wanted, served, refused)


@pytest.mark.parametrize(
    ("wanted", "served", "refused"), [(ONE, ONE, None), (ONE, ONE, TWO), (TWO, ONE, TWO), (TWO, None, TWO)]
)
def test_otherwise_nothing_changes(wanted: Wanted, served: Wanted | None, refused: Wanted | None) -> None:
    assert not is_new(wanted, served, refused)


@pytest.mark.parametrize(
    ("pinned", "served", "refused", "following"),
    [
        (False, None, None, Next.ASK_AGAIN),
        (False, ONE, None, Next.ASK_AGAIN),
        (False, None, ONE, Next.ASK_AGAIN),
        (False, ONE, TWO, Next.ASK_AGAIN),
        (True, None, None, Next.ASK_AGAIN),  # the registry or its store is away
        (True, ONE, None, Next.REST),
        (True, None, ONE, Next.GIVE_UP),
    ],
)
def test_only_a_pinned_version_is_ever_settled(
    pinned: bool, served: Wanted | None, refused: Wanted | None, following: Next
) -> None:
    assert after_look(pinned=pinned, served=served, refused=refused) is following
