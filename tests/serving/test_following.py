from __future__ import annotations

import pytest

from relevo_serving.following import Keep, Load, Next, Observed, Wanted, after_look, plan

ONE, TWO = Wanted(1, "run-1"), Wanted(2, "run-2")


@pytest.mark.parametrize(
    ("observed", "target"),
    [
        (Observed(wanted=ONE, served=None, refused=None), ONE),
        (Observed(wanted=TWO, served=ONE, refused=None), TWO),
        (Observed(wanted=TWO, served=ONE, refused=ONE), TWO),
        (Observed(wanted=Wanted(1, "run-9"), served=ONE, refused=None), Wanted(1, "run-9")),
        (Observed(wanted=ONE, served=TWO, refused=None), ONE),  # back to an older version is a move like any other
    ],
)
def test_a_version_that_is_wanted_and_neither_served_nor_refused_is_loaded(observed: Observed, target: Wanted) -> None:
    assert plan(observed) == Load(target)


@pytest.mark.parametrize(
    ("observed", "why"),
    [
        (Observed(wanted=None, served=ONE, refused=None), "names no version"),
        (Observed(wanted=None, served=None, refused=TWO), "names no version"),
        (Observed(wanted=ONE, served=ONE, refused=None), "version 1 is what the registry wants"),
        (Observed(wanted=ONE, served=ONE, refused=TWO), "version 1 is what the registry wants"),
        (Observed(wanted=TWO, served=ONE, refused=TWO), "version 2 was refused"),
        (Observed(wanted=TWO, served=None, refused=TWO), "version 2 was refused"),
    ],
)
def test_otherwise_nothing_changes(observed: Observed, why: str) -> None:
    kept = plan(observed)
    assert isinstance(kept, Keep)
    assert why in kept.why


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
