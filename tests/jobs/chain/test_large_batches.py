"""Whatever the source sends, no step fails and the next run goes on: batches of which a version may come."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import example, given

from tests.jobs.chain.chain import Chain, answer, chains
from tests.jobs.chain.strangers import LARGE, Stranger, Told, good, one_house, strangers, without
from tests.jobs.scripted_source import serving

CHAINS: Final = 20
ONE_BUILDING: Final = Stranger(130, 1, (one_house(("street", "city", "state", "zip_code")),), as_lists=False)
NO_ROOMS: Final = Stranger(130, 2, tuple(map(without, ("bed", "bath", "house_size", "acre_lot"))), as_lists=False)
LONG_ZIP: Final = Stranger(
    130, 3, (Told("long zip codes", lambda rows: [row | {"zip_code": "x" * 230} for row in rows]),), as_lists=False
)


@pytest.mark.timeout(1500)
@example(ONE_BUILDING)
@example(NO_ROOMS)
@example(LONG_ZIP)
@given(strangers(LARGE))
@chains(CHAINS)
def test_no_step_fails_and_the_next_run_goes_on(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], stranger: Stranger
) -> None:
    Chain(environment, capsys).goes_on_after(stranger)


def test_a_training_is_not_asked_for_that_lacks_rows_and_comes_once_there_are_enough(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    chain = Chain(environment, capsys)
    with serving([answer(chain.group, 1, ONE_BUILDING.data), answer(chain.group, 2, good(130, 5))]) as script:
        environment.setenv("RELEVO_SOURCE_URL", script.url)
        first = chain.run()
        assert first["decide"]["reason"] == "too_few_rows"
        assert "held out" in first["decide"]["sentence"]
        assert "train" not in first
        second = chain.run()
    assert second["train"]["status"] == "done"
    assert second["promote"]["status"] == "done"
