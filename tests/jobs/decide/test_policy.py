"""What a batch of a known market makes the policy say."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from relevo_contract.estimates import Estimate
from relevo_contract.profile import LearningCurve, Profile
from relevo_contract.record import BatchRef, DefectKind, TrainReason, TrainVerdict
from relevo_jobs.decide.case import Case, Champion, Limits
from relevo_jobs.decide.gain import Measured
from relevo_jobs.decide.policy import FEWEST_ROWS, decide, judged_together
from tests.houses import LISTINGS
from tests.jobs.champions import champion, profile
from tests.jobs.market import STATES, Table, changed, listings


@pytest.fixture(scope="module")
def known() -> Profile:
    return profile()


def gains(share: float, reach: float = 0.02) -> Measured:
    """A correction that takes so much off the loss."""
    return Measured(Estimate(value=share, low=share - reach, high=share + reach), 420, 280)


def judge(
    known: Profile,
    rows: Table,
    *,
    untrained: int | None = None,
    limits: Limits | None = None,
    measured: Measured | None = None,
    learns: int = 0,
) -> TrainVerdict:
    count = len(rows["price"])
    case = Case(
        rows, (2,), count if untrained is None else untrained, LISTINGS, measured=measured, learns=learns or count
    )
    return decide(champion(known, rows), case, limits or Limits())


def lost(rows: Table) -> Table:
    return changed(rows, house_size=np.full(len(rows["price"]), np.nan))


def times(factor: float) -> Callable[[Table], Table]:
    return lambda rows: changed(rows, house_size=rows["house_size"] * factor)


def stuck(rows: Table) -> Table:
    return changed(rows, house_size=np.full(len(rows["price"]), 1500.0))


def cities_nobody_saw(rows: Table) -> Table:
    """Half the rows in new cities, worth the same."""
    city = rows["city"].copy()
    half = len(city) // 2
    city[:half] = [f"New {name}" for name in city[:half]]
    return changed(rows, city=city)


def without(rows: Table, *names: str) -> Table:
    return {name: column for name, column in rows.items() if name not in names}


@pytest.mark.parametrize("name", ["house_size", "prev_sold_date", "zip_code", "status"])
def test_a_column_that_the_data_set_no_longer_has_is_no_defect(known: Profile, name: str) -> None:
    rows = listings(700, 51)
    verdict = decide(champion(known, rows), Case(without(rows, name), (2,), 700, LISTINGS), Limits())
    assert verdict.reason is TrainReason.QUIET
    assert name not in {e.column for e in verdict.columns}


@pytest.mark.parametrize("name", ["house_size", "prev_sold_date", "state", "zip_code"])
def test_a_column_that_the_champion_never_had_tells_nothing(known: Profile, name: str) -> None:
    """Least of all that every place is new."""
    before = known.model_copy(update={"columns": {n: c for n, c in known.columns.items() if n != name}})
    verdict = judge(before, listings(700, 51))
    assert verdict.reason is TrainReason.QUIET
    assert name not in {e.column for e in verdict.columns}


@pytest.mark.parametrize("seed", range(5))
def test_the_same_market_again_is_quiet(known: Profile, seed: int) -> None:
    verdict = judge(known, listings(700, 50 + seed))
    assert (verdict.train, verdict.reason) == (False, TrainReason.QUIET)


def test_batches_of_the_same_market_almost_never_move() -> None:
    """The rate of false alarms is stated: 1 % of batches. Training rows are drawn anew, for they are a sample too."""
    moved = 0
    rounds = 60
    for seed in range(rounds):
        of = profile(listings(2000, 5000 + seed))
        moved += bool(judge(of, listings(500, 9000 + seed)).moved)
    assert moved <= 4  # binomial(60, 0.01) exceeds 4 once in 2,600 runs


def test_a_new_state_that_can_be_learnt_trains_and_is_named(known: Profile) -> None:
    rows = listings(700, 60, states={**STATES, "Ohio": 11.5})
    verdict = judge(known, rows, measured=gains(0.2))
    assert (verdict.train, verdict.reason) == (True, TrainReason.NEW_STATE)
    assert "Ohio" in verdict.sentence
    assert verdict.new_places == ("Ohio",)
    assert verdict.in_new_places == pytest.approx(0.25, abs=0.06)
    assert judge(known, listings(700, 69)).in_new_places is None
    assert "takes 20.0 % (18.0 % to 22.0 %) off its mean log error" in verdict.sentence
    assert "state" in verdict.moved
    evidence = next(e for e in verdict.columns if e.column == "state")
    assert evidence.new_categories == ("Ohio",)
    assert evidence.unseen == pytest.approx(0.25, abs=0.06)


@pytest.mark.parametrize(
    "rows",
    [
        listings(700, 60, states={**STATES, "Ohio": 11.5}),
        listings(700, 63, level=1.5),
        cities_nobody_saw(listings(700, 68)),
        listings(700, 69),
    ],
    ids=["new state", "higher prices", "new cities", "the same"],
)
@pytest.mark.parametrize("measured", [gains(0.01, 0.001), gains(0.2, 0.21), None], ids=["little", "noise", "unknown"])
def test_nothing_trains_that_is_not_expected_to_gain(known: Profile, rows: Table, measured: Measured | None) -> None:
    """However many rows wait, and whatever moved."""
    verdict = judge(known, rows, untrained=30_000, measured=measured)
    assert (verdict.train, verdict.reason) == (False, TrainReason.QUIET)
    assert verdict.expected is not None


def test_what_is_worth_a_training_is_a_setting(known: Profile) -> None:
    rows = listings(700, 69)
    assert judge(known, rows, measured=gains(0.02), limits=Limits(worth=0.019, least_gain=-0.1)).train
    assert not judge(known, rows, measured=gains(0.05), limits=Limits(worth=0.06)).train
    assert not judge(known, rows, measured=gains(0.05), limits=Limits(least_gain=0.04)).train


def test_a_few_rows_of_a_new_state_are_not_why(known: Profile) -> None:
    rows = listings(700, 62)
    state = rows["state"].copy()
    state[:20] = "Ohio"
    verdict = judge(known, changed(rows, state=state), measured=gains(0.1))
    assert (verdict.train, verdict.reason) == (True, TrainReason.DRIFT)


@pytest.mark.parametrize("level", [0.65, 1.5])
def test_prices_that_shift_train_for_the_error(known: Profile, level: float) -> None:
    verdict = judge(known, listings(700, 63, level=level), measured=gains(0.3))
    assert (verdict.train, verdict.reason) == (True, TrainReason.ERROR)
    assert verdict.error is not None
    assert verdict.error.worse
    assert verdict.error.now.low > verdict.error.promised.high
    assert "price" in verdict.moved


def test_seventeen_odd_rows_never_train(known: Profile) -> None:
    for states, level in (({"Ohio": 11.0}, 1.0), (STATES, 4.0), ({"Guam": 15.0}, 0.1)):
        rows = listings(17, 64, states=states, level=level)
        verdict = judge(known, rows, untrained=5000, measured=gains(0.5))
        assert (verdict.train, verdict.reason) == (False, TrainReason.TOO_FEW_ROWS)
        assert "17 rows" in verdict.sentence


@pytest.mark.parametrize(
    ("break_it", "says"),
    [
        (lost, "house_size is there in 0 of 700 rows"),
        (times(10), "house_size has its median at"),
        (times(100), "house_size has its median at"),
        (times(0.1), "house_size has its median at"),
        (times(0.0929), "its unit may have changed"),
        (stuck, "house_size holds 1,500 in every row"),
        (lambda rows: changed(rows, price=rows["price"] * 100), "price has its median at"),
        (lambda rows: changed(rows, price=np.full(700, 900_000.0)), "price holds 900,000 in every row"),
    ],
    ids=["lost", "x10", "x100", "/10", "square metres", "constant", "cents", "one price"],
)
def test_a_broken_column_that_the_error_tells_of_never_trains_and_is_named(
    known: Profile, break_it: Callable[[Table], Table], says: str
) -> None:
    verdict = judge(known, break_it(listings(700, 65)), untrained=5000, measured=gains(0.5))
    assert (verdict.train, verdict.reason) == (False, TrainReason.BROKEN_COLUMN)
    assert says in verdict.sentence
    assert "take them back (relevo-job include 2)" in verdict.sentence
    assert verdict.excluded == (2,)
    assert verdict.error is not None
    assert verdict.error.worse
    assert [defect.what in verdict.sentence for defect in verdict.defects] == [True]


@pytest.mark.parametrize(
    ("change", "kind", "says"),
    [
        (lambda rows: changed(rows, city=np.full(700, None)), DefectKind.LOST, "city is there in 0 of 700 rows"),
        (lambda rows: changed(rows, acre_lot=np.full(700, 0.37)), DefectKind.STUCK, "acre_lot holds 0.37 in every row"),
        (lambda rows: changed(rows, acre_lot=rows["acre_lot"] * 100), DefectKind.UNIT, "acre_lot has its median at"),
        (lambda rows: changed(rows, acre_lot=-rows["acre_lot"]), DefectKind.UNIT, "acre_lot has its median at"),
    ],
    ids=["no city", "one plot", "larger plots", "plots below all"],
)
@pytest.mark.parametrize(("measured", "reason"), [(None, TrainReason.QUIET), (gains(0.1), TrainReason.DRIFT)])
def test_a_column_that_only_looks_broken_is_a_warning_and_its_rows_are_used(
    known: Profile,
    change: Callable[[Table], Table],
    kind: DefectKind,
    says: str,
    measured: Measured,
    reason: TrainReason,
) -> None:
    """As a summer looks to a model of the winter that prices it as well as ever."""
    verdict = judge(known, change(listings(700, 65)), measured=measured)
    assert (verdict.reason, verdict.excluded) == (reason, ())
    assert f"warning: {says}" in verdict.sentence
    assert "but the error does not say that it is broken" in verdict.sentence
    assert [defect.kind for defect in verdict.defects] == [kind]
    assert verdict.defects[0].column in verdict.moved


def test_where_a_use_case_only_warns_no_batch_is_left_out(known: Profile) -> None:
    verdict = judge(known, times(10)(listings(700, 65)), limits=Limits(leaves_out=False))
    assert (verdict.reason, verdict.excluded) == (TrainReason.QUIET, ())
    assert "warning: house_size has its median at" in verdict.sentence
    assert "and the error says that it is broken" in verdict.sentence


def test_a_target_that_jumped_and_is_predicted_right_is_no_defect(known: Profile) -> None:
    """The champion vouches for it: its error is of that very column."""
    rows = listings(700, 65, states={"Massachusetts": 14.5})
    sees = Champion(1, known, np.log(rows["price"]))
    verdict = decide(sees, Case(rows, (2,), 700, LISTINGS), Limits())
    assert verdict.excluded == ()
    assert [(defect.column, defect.kind) for defect in verdict.defects] == [("price", DefectKind.UNIT)]


def test_without_an_error_to_be_had_nothing_is_called_broken() -> None:
    """No champion, no profile to be broken against."""
    rows = times(10)(listings(700, 65))
    assert decide(None, Case(rows, (1,), 700, LISTINGS), Limits()).defects == ()


def test_a_column_somebody_vouches_for_is_not_called_broken(known: Profile) -> None:
    rows = listings(700, 66)
    trusting = Limits(trusted=frozenset({"house_size"}))
    assert judge(known, times(10)(rows), limits=trusting).reason is not TrainReason.BROKEN_COLUMN


def test_a_column_often_missing_may_be_missing(known: Profile) -> None:
    """Real listings of a whole region have no earlier sale."""
    rows = changed(listings(700, 67), prev_sold_date=np.full(700, np.datetime64("NaT"), dtype="datetime64[D]"))
    verdict = judge(known, rows)
    assert verdict.reason is TrainReason.QUIET
    assert "prev_sold_date" in verdict.moved


def test_what_moved_trains_if_it_can_be_learnt(known: Profile) -> None:
    verdict = judge(known, cities_nobody_saw(listings(700, 68)), measured=gains(0.05))
    assert (verdict.train, verdict.reason) == (True, TrainReason.DRIFT)
    assert "city (" in verdict.sentence


def test_a_model_that_is_still_learning_trains_though_nothing_moved(known: Profile) -> None:
    verdict = judge(known, listings(700, 69), measured=gains(0.05))
    assert (verdict.train, verdict.reason) == (True, TrainReason.LEARNING)
    assert "the model is still learning" in verdict.sentence


def learning(known: Profile, last: float, reach: float = 0.002) -> Profile:
    curve = LearningCurve(
        rows=(750, 1500, 3000),
        losses=(0.3, 0.25, 0.25 + last),
        last=Estimate(value=last, low=last - reach, high=last + reach),
    )
    return known.model_copy(update={"learning": curve})


def test_a_learning_curve_that_still_falls_trains_and_tells_to_where(known: Profile) -> None:
    """It falls by a fifth a doubling: 3,000 more rows are one doubling, of which three tenths are believed."""
    falling = learning(known, -0.05)
    verdict = judge(falling, listings(700, 69), learns=3000)
    assert (verdict.train, verdict.reason) == (True, TrainReason.LEARNING)
    now = 100 * falling.promised.value
    assert f"3,000 more rows would take its median error from {now:.1f} % to {0.94 * now:.1f} %" in verdict.sentence
    assert verdict.expected is not None
    assert verdict.expected.by_curve is not None
    assert verdict.expected.by_curve.value == pytest.approx(0.06)


@pytest.mark.parametrize(
    ("last", "reach", "learns"), [(-0.05, 0.06, 3000), (0.0, 0.002, 3000), (0.02, 0.002, 3000), (-0.05, 0.002, 300)]
)
def test_one_that_is_flat_or_noise_or_of_few_more_rows_does_not(
    known: Profile, last: float, reach: float, learns: int
) -> None:
    """More rows alone are never a reason."""
    assert judge(learning(known, last, reach), listings(700, 69), learns=learns).reason is TrainReason.QUIET


@pytest.mark.parametrize(
    ("rows", "untrained", "reason"),
    [(FEWEST_ROWS, FEWEST_ROWS, "baseline"), (17, 17, "too_few_rows"), (17, 117, "baseline"), (0, 0, "too_few_rows")],
)
def test_without_a_model_the_first_is_trained_on_what_there_is(rows: int, untrained: int, reason: str) -> None:
    verdict = decide(None, Case(listings(rows, 70), (1,), untrained, LISTINGS), Limits())
    assert verdict.reason == reason
    assert verdict.train is (reason == "baseline")


def test_a_batch_of_which_cleaning_kept_nothing_does_not_train(known: Profile) -> None:
    assert judge(known, listings(0, 71)).reason is TrainReason.TOO_FEW_ROWS


def test_the_verdict_is_the_same_for_the_same_rows(known: Profile) -> None:
    rows = listings(700, 72, level=1.1)
    assert judge(known, rows) == judge(known, rows)


@pytest.mark.parametrize(
    ("kept", "together"),
    [
        ([500], [1]),
        ([500, 17], [2]),
        ([60, 60], [1, 2]),
        ([500, 60, 60], [2, 3]),
        ([150, 150, 150, 150], [2, 3, 4]),
        ([60, 500], [2]),
        ([17, 500, 17], [3]),
    ],
)
def test_small_batches_are_judged_together_until_they_are_enough(kept: list[int], together: list[int]) -> None:
    refs = [BatchRef(group=6, number=n, sha256="", rows=k, kept=k) for n, k in enumerate(kept, 1)]
    assert [ref.number for ref in judged_together(refs[::-1], 400)] == together


def test_small_batches_together_tell_what_one_cannot(known: Profile) -> None:
    rows = listings(500, 73, level=1.5)
    case = Case(rows, (2, 3, 4), 500, LISTINGS, measured=gains(0.2))
    verdict = decide(champion(known, rows), case, Limits())
    assert verdict.reason is TrainReason.ERROR
    assert "batches 2, 3 and 4 together" in verdict.sentence
