from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from relevo_contract import names
from relevo_contract.record import (
    Asked,
    Criterion,
    DecisionRecord,
    Defect,
    DefectKind,
    Distribution,
    ErrorEvidence,
    Estimate,
    TakenBack,
    TrainReason,
)
from relevo_ui import (
    batch_charts,
    batches,
    column_charts,
    error_charts,
    history,
    overview,
    promises,
    reasons,
    sentences,
    wording,
)
from relevo_ui.history import Verdict
from relevo_ui.wording import literal
from tests.ui import story
from tests.ui.words import EN, ES


def tags(number: int, **more: str) -> dict[str, str]:
    return {names.TAG_GROUP: "6", names.TAG_BATCH: str(number)} | more


BASELINE = story.decided(1, TrainReason.BASELINE, "No model yet.")
QUIET = story.decided(2, TrainReason.QUIET, "Nothing moved.", champion=1)
TINY = story.decided(5, TrainReason.TOO_FEW_ROWS, "17 rows.", champion=1, rows=17)
MOVED = story.decided(3, TrainReason.NEW_STATE, "New.", moved=("state", "city", "house_size"), champion=1)


def promoted(record: DecisionRecord, version: int, criterion: Criterion) -> DecisionRecord:
    return story.judged(story.trained(record), version, criterion, "So it is.")


@pytest.mark.parametrize(
    ("record", "verdict", "headline"),
    [
        (QUIET, Verdict.KEPT, "No training: nothing changed enough to call for one."),
        (TINY, Verdict.KEPT, "No training: too few rows to tell a change from noise."),
        (
            MOVED,
            Verdict.TRAINING,
            "A training was asked for: much of it lies in a state the model hardly knew. It has not finished.",
        ),
        (story.trained(MOVED), Verdict.JUDGING, "The version has not been judged yet."),
        (
            promoted(BASELINE, 1, Criterion.FIRST_BEATS_BASELINE),
            Verdict.PROMOTED,
            "Trained: there was no model yet. Version 1 went to production: the first model, better than always saying "
            "the median price.",
        ),
        (promoted(MOVED, 2, Criterion.BETTER), Verdict.PROMOTED, "Version 2 went to production in place of version 1"),
        (promoted(MOVED, 3, Criterion.STATE_WORSE), Verdict.REJECTED, "was rejected: much worse in a state"),
        (promoted(MOVED, 3, Criterion.NOT_BETTER), Verdict.REJECTED, "version 1 stays"),
    ],
)
def test_a_batch_is_told_as_far_as_it_has_come(record: DecisionRecord, verdict: Verdict, headline: str) -> None:
    assert history.row("run", tags(record.batch.number), record, EN).verdict is verdict
    assert headline in history.headline(record, EN)


@pytest.mark.parametrize(
    ("now", "worse", "said"),
    [(0.48, True, "No: "), (0.29, False, "Not quite: "), (0.25, False, "Yes, "), (0.1, False, "Yes, ")],
)
def test_a_promise_is_kept_broken_or_strained(now: float, worse: bool, said: str) -> None:
    error = ErrorEvidence(now=story.near(now, 0.02), promised=story.near(0.24, 0.02), rows=100, worse=worse)
    assert history.promise(error, EN).startswith(said)


def test_every_verdict_has_its_mark() -> None:
    assert set(history.MARKS) == set(Verdict)


def test_what_somebody_asked_for_is_told_in_their_words_beside_what_the_data_said() -> None:
    asked = Asked(id="a", reason="a hunch", data_alone=TrainReason.TOO_FEW_ROWS, data_alone_sentence="17 rows.")
    verdict = TINY.decision.model_copy(update={"train": True, "reason": TrainReason.ASKED, "asked": asked})
    record = TINY.model_copy(update={"decision": verdict})
    assert "“a hunch”; the data alone said: too few rows" in history.why(record, EN)
    assert history.headline(record, EN) == (
        "A training was asked for: somebody wanted it, whatever the data say. It has not finished."
    )


def test_what_somebody_typed_is_shown_as_it_is() -> None:
    typed = 'asked for: "![x](http://y) **now** <b> $1 and $2"; house_size moved'
    assert literal(typed) == (r'asked for: "!\[x\](http://y) \*\*now\*\* \<b> \$1 and \$2"; house_size moved')


def test_a_card_holds_what_a_person_asks_for() -> None:
    row = history.row("run", tags(3), promoted(MOVED, 2, Criterion.BETTER), EN)
    assert (row.batch, row.group, row.version, row.outcome) == (3, 6, 2, "promoted, version 2")
    assert row.why.endswith(
        "Version 2 errs by 23.0 % (21.0 to 25.0) where the champion (version 1) errs by 29.0 % (27.0 to 31.0), on 590 "
        "rows held out."
    )
    assert row.facts == ["1,500 rows", "moved: state, city and house size", "2026-11-04 15:03 UTC"]
    first = history.row("run", tags(1), promoted(BASELINE, 1, Criterion.FIRST_BEATS_BASELINE), EN)
    assert "where the median price errs by 61.0 %" in first.why


def test_a_run_without_a_record_is_being_decided() -> None:
    row = history.row("run", tags(7), None, EN)
    assert (row.batch, row.verdict, row.facts) == (7, Verdict.DECIDING, ())
    assert row.why == "its decision is not written yet"


def test_the_summary_counts() -> None:
    records = [QUIET, promoted(MOVED, 2, Criterion.BETTER), promoted(BASELINE, 1, Criterion.FIRST_BEATS_BASELINE)]
    rows = [history.row("run", tags(r.batch.number), r, EN) for r in records]
    assert history.summary(rows, 2, EN) == "3 batches, 2 trainings, 2 promoted; version 2 is in production."
    assert history.summary(rows[:1], None, EN) == "1 batch, 0 trainings, 0 promoted; no version is in production yet."


def test_charts_show_each_column_and_state_and_leave_out_what_was_not_compared() -> None:
    judged = promoted(MOVED, 3, Criterion.STATE_WORSE)
    assert judged.promotion is not None
    distances = column_charts.distances(MOVED.decision.columns, EN)
    assert distances is not None
    drawn = str(distances.to_dict())
    assert all(EN.column(c.column) in drawn for c in MOVED.decision.columns)
    states = error_charts.places(error_charts.worst_first(judged.promotion.states), EN).to_dict()
    assert "Virgin Islands (60 rows), worse" in str(states)
    assert column_charts.distances((), EN) is None
    table = error_charts.places_table(judged.promotion.states, EN)
    assert dict(zip(table["state"], table["rows"], strict=True)) == {s.state: s.rows for s in judged.promotion.states}
    assert len(column_charts.columns_table(MOVED.decision.columns, EN)) == len(MOVED.decision.columns)


@pytest.mark.parametrize(
    ("figure", "said"),
    [
        (Estimate(value=0.2241, low=0.2, high=0.2499), "22.4 % (20.0 to 25.0)"),
        (Estimate(value=0, low=0, high=0), "0.0 % (0.0 to 0.0)"),
        (Estimate(value=3.5, low=1, high=12), "350.0 % (100.0 to 1200.0)"),
    ],
)
def test_an_error_is_said_with_its_interval(figure: Estimate, said: str) -> None:
    assert EN.estimate(figure) == said


@pytest.mark.parametrize(
    ("words", "said"),
    [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c", "d", "e"], "a, b, c and 2 more")],
)
def test_lists_are_said_as_a_person_says_them(words: list[str], said: str) -> None:
    assert wording.listed(words) == said


@pytest.mark.parametrize(
    ("ago", "said"),
    [
        (timedelta(seconds=-5), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=1), "1 minute ago"),
        (timedelta(hours=5, minutes=59), "5 hours ago"),
        (timedelta(days=40), "40 days ago"),
    ],
)
def test_times_are_said_as_a_person_says_them(ago: timedelta, said: str) -> None:
    now = datetime(2026, 11, 4, tzinfo=UTC)
    assert wording.since(now - ago, now) == said


def test_errors_of_records_before_ranges_were_kept_are_drawn_against_their_promise() -> None:
    kept = ErrorEvidence(now=story.near(0.25, 0.03), promised=story.near(0.24, 0.02), rows=1400, worse=False)
    told = story.decided(2, TrainReason.QUIET, "Quiet.", champion=1, error=kept)
    came = [batch_charts.Happened(r.batch.number, "", "gray", "", 1) for r in (told, BASELINE)]
    drawn = batch_charts.timeline(promises.forward([told, BASELINE]), came, "", EN)
    assert drawn is not None
    for words in ("25.0 % (22.0 to 28.0)", "24.0 % (22.0 to 26.0)"):
        assert words in str(drawn.to_dict())
    assert promises.errors(promises.forward([told]), EN) == ""


def test_a_batch_names_the_states_it_comes_from() -> None:
    of_two = QUIET.model_copy(update={"origin": {"Puerto Rico": 1323, "": 147}})
    assert history.origin(of_two, EN) == "Puerto Rico 90 %, no state 10 %"
    many = QUIET.model_copy(update={"origin": dict.fromkeys("ABCDE", 294)})
    assert history.origin(many, EN) == "A 20 %, B 20 %, C 20 %, 2 more"
    assert history.origin(QUIET.model_copy(update={"origin": {"A": 1469, "B": 1}}), EN) == "A 100 %, B <1 %"
    assert history.origin(QUIET, EN) == ""


def test_what_the_source_sent_is_no_formula_in_tables_that_can_be_downloaded() -> None:
    sent = MOVED.model_copy(update={"origin": {"=1+1": 900, "@a": 600}})
    assert batches.lines([sent], EN)[0]["Origin"].startswith("'=1+1 ")
    new = MOVED.decision.columns[0].model_copy(update={"new_categories": ("=1", "+2")})
    assert list(column_charts.columns_table([new], EN)["new categories"]) == ["'=1,' +2"]


WHAT = (
    "has its median at 14,000: 93.0 % of its values are above 5,000, in training 0.5 % were; its unit may have changed"
)


def looking_broken(*excluded: int) -> DecisionRecord:
    defect = Defect(column="house_size", kind=DefectKind.UNIT, what=WHAT)
    reason = TrainReason.BROKEN_COLUMN if excluded else TrainReason.QUIET
    record = story.decided(3, reason, "The sentence.", champion=1)
    verdict = record.decision.model_copy(update={"defects": (defect,), "excluded": excluded})
    return record.model_copy(update={"decision": verdict})


def test_what_was_left_out_says_how_it_is_taken_back_and_who_did() -> None:
    record = looking_broken(2, 3)
    assert "the data of batch 2 and 3 are right after all" in history.left_out(record, EN)
    assert "`relevo-job include 2 3`" in history.left_out(record, EN)
    assert "`relevo.dev/include` on the ModelDeployment, with the value `2 3: why`" in history.left_out(record, EN)
    assert "recupérelo con la orden `relevo-job include 2 3`" in history.left_out(record, ES)
    assert sentences.warnings(record, EN) == []
    assert "puede haber cambiado su unidad" in history.why(record, ES)
    at = datetime(2026, 11, 28, 16, 0, tzinfo=UTC)
    one = TakenBack(batches=(3,), by="Ana", at=at, reason="it is right")
    some = record.model_copy(update={"taken_back": (one,)})
    assert "`relevo-job include 2`" in history.left_out(some, EN)
    assert history.why(some, EN).endswith("Batch 3 was taken back by Ana on 2026-11-28 16:00 UTC: it is right.")
    assert "Ana recuperó el lote 3 el 2026-11-28 16:00 UTC: it is right." in history.why(some, ES)
    both = some.model_copy(update={"taken_back": (one, one.model_copy(update={"batches": (2,), "reason": ""}))})
    assert history.left_out(both, EN) == ""
    assert history.why(both, EN).endswith("Batch 2 was taken back by Ana on 2026-11-28 16:00 UTC.")
    assert [history.verdict(one, {}) for one in (record, some, both)] == [
        Verdict.BLOCKED, Verdict.BLOCKED, Verdict.KEPT,
    ]  # fmt: skip


def test_a_batch_with_a_broken_column_says_which_one_since_when_and_what_becomes_of_its_rows() -> None:
    three = looking_broken(3)
    two = three.model_copy(update={"batch": three.batch.model_copy(update={"number": 2})})
    two = two.model_copy(update={"decision": two.decision.model_copy(update={"excluded": (2,)})})
    row = history.row("run", tags(3), three, EN)
    assert (row.verdict, row.outcome) == (Verdict.BLOCKED, "blocked: house size")
    assert history.MARKS[row.verdict][1] == "red"
    assert history.headline(three, EN) == "Blocked: house size looks broken, so no training uses these rows."
    assert history.headline(three, ES).startswith("Bloqueado: parece dañado esto: superficie.")
    assert overview.broken(three, [two, QUIET, BASELINE], EN) == (
        "House size has its median at 14,000: 93.0 % of its values are above 5,000, in training 0.5 % were; its unit "
        "may have changed. So it is since batch 2; of batch 3 no training uses 1,470 rows."
    )
    assert history.broken_since(three, [QUIET, two]) == 3, "a good batch lies between"
    assert history.stay_out([three, QUIET], EN) == "Left out of trainings: batch 3 (house size)."
    assert history.stay_out([QUIET], EN) == ""


def test_what_only_looks_broken_is_a_warning_in_both_languages() -> None:
    record = looking_broken()
    (told,) = sentences.warnings(record, EN)
    assert told.startswith("House size has its median at 14,000")
    assert told.endswith("; a warning, for the model does not err more than it promised.")
    assert "es un aviso" in history.why(record, ES)
    assert history.left_out(record, EN) == ""
    assert set(reasons.DEFECTS) == set(sentences.DEFECTS) == set(DefectKind)


def test_days_are_said_as_days_and_logarithms_not_as_per_cent() -> None:
    days = Distribution(edges=(1990.27, 2004.0), before=(0, 3, 0), now=(1, 2, 0))
    assert column_charts.bins("prev_sold_date", days, EN) == [
        "below 1990-04", "1990-04–2004-01", "above 2004-01",
    ]  # fmt: skip
    judged = promoted(MOVED, 3, Criterion.BETTER).promotion
    assert judged is not None
    far = judged.model_copy(update={"difference": Estimate(value=-1.2, low=-1.4, high=-1.0)})
    drawn = str(error_charts.difference(far, EN).to_dict())
    assert "points" in drawn
    assert "%" not in drawn
