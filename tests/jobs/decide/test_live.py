"""What customers ask counts if it moved, and if the rows judged bring a training nearer to it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import psycopg
import pytest

from relevo_contract.drift import evidence, joined
from relevo_contract.profile import Profile
from relevo_contract.record import TrainReason, TrainVerdict
from relevo_jobs.decide.case import Case, Champion, Limits
from relevo_jobs.decide.live import FEWEST, LiveInputs
from relevo_jobs.decide.policy import decide
from relevo_jobs.stores import inferences, raw
from relevo_jobs.stores.postgres import bring_up_to_date
from tests.conftest import Databases
from tests.houses import COLUMNS, LISTINGS
from tests.jobs.champions import profile
from tests.jobs.market import Table, changed, listings

AT = datetime(2026, 11, 4, tzinfo=UTC)


@pytest.fixture(scope="module")
def known() -> Profile:
    return profile()


def asked(rows: Table) -> LiveInputs:
    return LiveInputs({name: column for name, column in rows.items() if name != LISTINGS.target}, AT, AT)


def mansions(rows: Table, share: float = 1.0) -> Table:
    """Houses three times as large, or a share of them."""
    size = rows["house_size"].copy()
    size[: round(len(size) * share)] *= 3
    return changed(rows, house_size=size)


def judge(known: Profile, rows: Table, live: LiveInputs | None, **limits: Any) -> TrainVerdict:
    case = Case(rows, (2,), len(rows[LISTINGS.target]), LISTINGS, live)
    # It errs as it promised: what is asked says nothing of that.
    right = np.log(rows[LISTINGS.target]) + np.random.default_rng(0).normal(0, 0.2, len(rows[LISTINGS.target]))
    return decide(Champion(1, known, right), case, Limits(**limits))


def test_who_asks_for_what_the_champion_learnt_calls_for_nothing(known: Profile) -> None:
    verdict = judge(known, listings(700, 51), asked(listings(1000, 80)))
    assert verdict.reason is TrainReason.QUIET
    assert verdict.live is not None
    assert not [e.column for e in verdict.live.columns if e.moved]
    assert verdict.live.rows == 1000


def test_who_asks_for_other_houses_calls_for_a_training_if_the_batch_has_some(known: Profile) -> None:
    verdict = judge(known, mansions(listings(700, 51), 0.5), asked(mansions(listings(1000, 80))))
    assert (verdict.train, verdict.reason) == (True, TrainReason.LIVE_DRIFT)
    assert verdict.live is not None
    assert "house_size" in verdict.live.closer
    assert "the last 1,000 rows asked for are far from what version" in verdict.sentence
    assert "house_size (" in verdict.sentence


def test_it_does_not_call_for_one_that_would_not_help(known: Profile) -> None:
    verdict = judge(known, listings(700, 51), asked(mansions(listings(1000, 80))))
    assert verdict.reason is TrainReason.QUIET
    assert verdict.live is not None
    assert "house_size" in [e.column for e in verdict.live.columns if e.moved]
    assert verdict.live.closer == ()


def test_how_much_closer_is_a_setting(known: Profile) -> None:
    rows, live = mansions(listings(700, 51), 0.5), asked(mansions(listings(1000, 80)))
    assert judge(known, rows, live, live_gain=0.9).reason is not TrainReason.LIVE_DRIFT


def test_a_few_houses_tell_nothing(known: Profile) -> None:
    verdict = judge(known, mansions(listings(700, 51), 0.5), asked(mansions(listings(FEWEST - 1, 80))))
    assert verdict.live is None
    assert verdict.reason is not TrainReason.LIVE_DRIFT


def test_without_knowing_what_is_asked_nothing_changes(known: Profile) -> None:
    rows = listings(700, 51)
    assert judge(known, rows, None) == judge(known, rows, asked(listings(10, 80)))


def test_joined_is_the_profile_of_both(known: Profile) -> None:
    both = joined(known, listings(300, 5))
    assert both.rows == known.rows + 300
    for name, column in both.columns.items():
        counts = column.counts.values() if isinstance(column.counts, dict) else column.counts
        assert sum(counts) + column.missing == both.rows, name
    assert not [e.column for e in evidence(both, listings(600, 7), 0.001) if e.moved]


def test_joined_leaves_a_column_that_the_rows_have_not_as_it_is(known: Profile) -> None:
    rows = {name: column for name, column in listings(300, 5).items() if name not in {"bed", "city"}}
    both = joined(known, rows)
    assert both.rows == known.rows + 300
    assert {name for name in known.columns if both.columns[name] == known.columns[name]} == {"bed", "city"}


def test_the_newest_houses_are_read_from_raw(databases: Databases) -> None:
    bring_up_to_date(databases.raw_url, raw.schema(LISTINGS))
    assert inferences.newest(databases.raw_url, "house-prices", LISTINGS) is None
    with psycopg.connect(databases.raw_url, autocommit=True) as connection:
        connection.execute(
            "insert into raw.inferences (request, row_number, at, model, version, run_id, bed, city, prev_sold_date,"
            " prediction, low, high, unseen)"
            " select gen_random_uuid(), 1, timestamptz '2026-11-04 00:00Z' + n * interval '1 minute',"
            " case n % 2 when 0 then 'house-prices' else 'other' end, 1, 'run', n, 'Boston',"
            " case n when 10 then null else date '2020-02-29' end, 1, 1, 1, '{}' from generate_series(1, 10) n"
        )
    found = inferences.newest(databases.raw_url, "house-prices", LISTINGS, 3)
    assert found is not None
    assert found.columns["bed"].tolist() == [10, 8, 6]
    assert np.isnan(found.columns["bath"]).all()
    assert found.columns["city"].tolist() == ["Boston"] * 3
    assert found.columns["street"].tolist() == [None] * 3
    assert np.isnat(found.columns["prev_sold_date"]).tolist() == [True, False, False]
    assert (found.since, found.until) == (
        datetime(2026, 11, 4, 0, 6, tzinfo=UTC),
        datetime(2026, 11, 4, 0, 10, tzinfo=UTC),
    )
    assert set(found.columns) == set(COLUMNS) - {LISTINGS.target}
