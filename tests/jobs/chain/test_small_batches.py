"""Whatever the source sends, no step fails and the next run goes on: batches too small for a version."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given

from tests.houses import COLUMNS
from tests.jobs.chain.chain import Chain, chains
from tests.jobs.chain.strangers import SMALL, Stranger, good, strangers

CHAINS: Final = 45


@pytest.mark.timeout(1500)
@given(strangers(SMALL))
@chains(CHAINS)
def test_no_step_fails_and_the_next_run_goes_on(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], stranger: Stranger
) -> None:
    Chain(environment, capsys).goes_on_after(stranger)


def test_good_rows_are_the_sources_columns() -> None:
    assert list(good(2, 0)[0]) == list(COLUMNS)
