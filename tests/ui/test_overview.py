"""Is all well? What the overview says of figures that MLflow and the inference API told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from relevo_contract import names
from relevo_contract.record import DecisionRecord, TrainReason
from relevo_ui import overview, service, traffic
from relevo_ui.api import RegistryStatus, Serving, Status
from relevo_ui.traffic import Counts, Traffic
from tests.ui import judgement
from tests.ui.test_history import looking_broken
from tests.ui.words import EN, ES

NOW = datetime(2026, 11, 4, 18, tzinfo=UTC)
HOUR = timedelta(hours=1)
GOOD = judgement.decided(5, champion=2)


def status(version: int | None = 2, *, reachable: bool = True) -> Status:
    serving = None if version is None else Serving(name="houses", version=version, run_id="r", since=NOW - HOUR)
    registry = RegistryStatus(reachable=reachable, problem=None)
    return Status(serving=serving, follows="alias production", refused=None, registry=registry)


def seen(*records: DecisionRecord, told: Status | None = None, failed: int = 0) -> overview.Seen:
    hour = Traffic(NOW - HOUR, rows=900, answered=300, refused=4, failed=failed)
    return overview.Seen(records, 2, (), told, hour)


def test_where_all_is_well_it_says_so_with_what_serves_and_how_well() -> None:
    found = seen(GOOD, told=status())
    assert overview.troubles(found, EN) == []
    assert overview.well(found, EN) == (
        "All is well. Version 2 is in production, and it is what truly serves; on batch 5 it kept its promise."
    )
    told = {heading: (figure, below) for heading, figure, below in overview.figures(found, None, NOW, EN)}
    assert told["Serves"][0] == "version 2"
    assert told["Real error"] == ("25.0 %", "23.0 % to 27.0 %, on batch 5")
    assert told["Answers"] == ("300", "since 2026-11-04 17:00 UTC: 4 refused, 0 failed")
    assert told["Last run"] == ("2 hours ago", "batch 5, 2026-11-04 15:05 UTC")
    assert overview.promised(found, None) == GOOD.decision.error.promised  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (seen(GOOD), "does not answer"),
        (seen(GOOD, told=status(1)), "Version 2 is in production; version 1 truly serves"),
        (seen(GOOD, told=status(reachable=False)), "cannot reach MLflow"),
        (seen(GOOD, told=status(), failed=3), "Of 300 requests since 2026-11-04 17:00 UTC"),
        (seen(judgement.decided(5, champion=2, now=0.41), told=status()), "Version 2 errs by 41.0 %"),
        (
            seen(looking_broken(3), GOOD, told=status()),
            "So it is since batch 3; of batch 3 no training uses 1,470 rows.",
        ),
        (seen(judgement.given_back(GOOD, 3, 2), told=status()), "given back by version 3 to version 2"),
    ],
    ids=["api away", "another serves", "mlflow away", "answers fail", "errs more", "blocked", "rolled back"],
)
def test_whatever_is_not_well_is_said_in_both_languages(found: overview.Seen, said: str) -> None:
    told = overview.troubles(found, EN)
    assert said in " ".join(told)
    assert len(told) == len(overview.troubles(found, ES)) == 1


def test_an_error_of_a_version_that_serves_no_more_is_no_trouble() -> None:
    before = judgement.decided(5, TrainReason.ERROR, champion=1, now=0.41)
    assert overview.troubles(seen(before, told=status()), EN) == []
    assert "no batch has tried it yet" in overview.well(seen(before, told=status()), EN)


def exposed(answered: int, refused: int, failed: int) -> str:
    """As the API shows it to Prometheus."""
    return (
        "# TYPE relevo_serving_requests counter\n"
        f'relevo_serving_requests_total{{route="/predict",status="200"}} {answered}.0\n'
        f'relevo_serving_requests_total{{route="/predict",status="422"}} {refused}.0\n'
        f'relevo_serving_requests_total{{route="/explain",status="503"}} {failed}.0\n'
        'relevo_serving_requests_total{route="/metrics",status="200"} 5000.0\n'
        'relevo_serving_requests_total{route="/healthz",status="500"} 7.0\n'
        "relevo_serving_rows_total 1.5e+03\n"
        f"process_start_time_seconds {(NOW - 5 * HOUR).timestamp()}\n"
    )


def test_requests_for_predictions_alone_are_counted() -> None:
    assert traffic.counts(exposed(90, 4, 2), NOW) == Counts(NOW - 5 * HOUR, NOW, 1500, 96, 4, 2)
    assert traffic.counts("<html>", NOW) is None


def counted(minutes: int, answered: int, began: datetime = NOW - 5 * HOUR) -> Counts:
    return Counts(began, NOW + timedelta(minutes=minutes), answered=answered)


def test_the_last_hour_is_what_two_looks_differ_by_and_until_then_all_since_the_start() -> None:
    looks: list[Counts] = []
    told = []
    for minutes, answered in ((0, 1000), (1, 1010), (30, 1100), (90, 1400)):
        now = counted(minutes, answered)
        found = traffic.last_hour(looks, now)
        told.append((found.answered, round((now.at - found.since) / timedelta(minutes=1))))
        looks = traffic.kept(looks, now)
    assert told == [(1000, 300), (1010, 301), (100, 30), (300, 60)]


def test_of_several_processes_each_is_held_against_itself() -> None:
    other = NOW - timedelta(minutes=20)
    looks = [counted(-50, 1000), counted(-5, 40, other), counted(-4, 1200)]
    found = traffic.last_hour(looks, counted(0, 60, other))
    assert found.answered == 200 + 60, "the second began within the hour"
    assert found.since == NOW - timedelta(minutes=50)


def test_looks_are_kept_for_an_hour_one_a_minute() -> None:
    looks: list[Counts] = []
    for second in range(0, 3 * 3600, 10):
        looks = traffic.kept(looks, Counts(NOW, NOW + timedelta(seconds=second)))
    assert 60 <= len(looks) <= 62


AT = [f"2026-11-04T{hour:02d}:00:00+00:00" for hour in range(24)]


def test_a_version_served_from_when_until_when_and_what_failed() -> None:
    versions = {
        1: {names.TAG_PROMOTED_AT: AT[1], names.TAG_GIVEN_BACK_AT: AT[9], names.TAG_SERVING: names.SERVING_READY}
        | {names.TAG_SERVING_AT: AT[10]},
        2: {names.TAG_PROMOTED_AT: AT[5], names.TAG_ROLLED_BACK_AT: AT[9], names.TAG_SERVING: names.SERVING_READY}
        | {names.TAG_SERVING_AT: AT[6]},
        3: {names.TAG_PROMOTED_AT: AT[12], names.TAG_SERVING: names.SERVING_FAILED, names.TAG_SERVING_AT: AT[13]},
        4: {names.TAG_OUTCOME: names.OUTCOME_REJECTED},
    }
    found = service.terms(versions)
    assert [(term.version, term.given_back, term.rolled_back) for term in found] == [
        (3, False, False),
        (1, True, False),
        (2, False, True),
        (1, False, False),
    ]
    day = "2026-11-04 {}:00 UTC".format
    assert service.served(1, found, None) == [
        f"Version 1 was promoted on {day('01')}.",
        f"It was relieved by version 2 on {day('05')}.",
        f"Version 1 got the alias back on {day('09')}.",
        f"Serving was handed over to it on {day('10')}.",
        f"It was relieved by version 3 on {day('12')}.",
        "Nothing failed.",
    ]
    assert service.served(2, found, None)[-1] == (
        f"On {day('09')} the alias was given back to version 1, which did better on what came since."
    )
    assert service.served(3, found, (1, NOW))[1:] == [
        "It is in production still.",
        f"It could not serve and was given up on {day('13')}; what served before went on.",
    ]
    assert service.served(1, service.terms({1: versions[1] | {names.TAG_GIVEN_BACK_AT: ""}}), (1, NOW))[1] == (
        "It serves now, since 2026-11-04 18:00 UTC."
    )
