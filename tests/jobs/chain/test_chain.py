"""Whatever the source sends, every step of the chain ends well or says what is wrong, and the next run goes on."""

from __future__ import annotations

import json
from itertools import count
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, example, given, note, settings

from relevo_contract.listing import COLUMNS
from relevo_contract.texts import legible
from relevo_jobs.cli import main
from tests.jobs.chain.strangers import STRANGERS, Stranger, Told, _one_house, _without, good
from tests.jobs.scripted_source import serving

CHAINS: Final = 200
SOURCE_IS_WRONG: Final = 65
_groups = count(1000)

ONE_BUILDING: Final = Stranger(130, 1, (_one_house(("street", "city", "state", "zip_code")),), as_lists=False)
NO_ROOMS: Final = Stranger(130, 2, tuple(map(_without, ("bed", "bath", "house_size", "acre_lot"))), as_lists=False)
LONG_ZIP: Final = Stranger(
    130, 3, (Told("long zip codes", lambda rows: [row | {"zip_code": "x" * 230} for row in rows]),), as_lists=False
)


class Chain:
    """The steps as Airflow runs them for one group: a step that has nothing to do ends the run."""

    def __init__(self, group: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        monkeypatch.setenv("RELEVO_GROUP", str(group))
        monkeypatch.setenv("RELEVO_MODEL", f"chain-{group}")

    def step(self, name: str) -> tuple[int, dict[str, Any]]:
        """A step's exit code and its last line."""
        code = main([name])
        line: dict[str, Any] = json.loads(self._capsys.readouterr().out.splitlines()[-1])
        note(f"{name}: {code} {line['sentence']}")
        assert legible(line["sentence"]) == line["sentence"]
        return code, line

    def run(self) -> dict[str, dict[str, Any]]:
        """One run; what each of its steps said. A step after collect ends with 0 or 99."""
        told: dict[str, dict[str, Any]] = {}
        for name in ("collect", "clean", "decide", "train", "promote"):
            code, told[name] = self.step(name)
            if name == "collect" and code == SOURCE_IS_WRONG:
                assert "batch" in told[name]["sentence"] or "source" in told[name]["sentence"]
                return told
            assert code in {0, 99}, told[name]
            if code == 99:
                return told
        return told


@pytest.fixture
def step_environment(step_env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in (step_env | {"RELEVO_REPEAT_WAIT": "0", "RELEVO_THREADS": "1"}).items():
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.mark.timeout(1500)
@example(ONE_BUILDING)
@example(NO_ROOMS)
@example(LONG_ZIP)
@given(STRANGERS)
@settings(
    max_examples=CHAINS,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate),  # to make an example smaller takes longer than to read it
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_whatever_the_source_sends_no_step_fails_and_the_next_run_goes_on(
    step_environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], stranger: Stranger
) -> None:
    group = next(_groups)
    try:
        body = stranger.body(1, group)
    except (ValueError, OverflowError):  # Python cannot write it, so no source of ours can send it
        return
    after = json.dumps({"group_number": group, "day": "", "batch_number": 2, "data": good(40, 99)}).encode()
    with serving([body, after]) as script:
        step_environment.setenv("RELEVO_SOURCE_URL", script.url)
        chain = Chain(group, step_environment, capsys)
        first = chain.run()
        if "clean" not in first:  # the answer is none; once the source has mended it, the run goes on
            script.bodies[0] = json.dumps(
                {"group_number": group, "day": "", "batch_number": 1, "data": good(5, 1)}
            ).encode()
            assert chain.run()["clean"]["status"] == "done"
        second = chain.run()
        assert second["collect"]["batch"] == 2, second
        assert second["clean"]["status"] == "done"
        assert second["clean"]["kept"] == 40
        assert second["decide"]["status"] in {"done", "nothing"}


def test_a_training_is_not_asked_for_that_lacks_rows_and_comes_once_there_are_enough(
    step_environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    group = next(_groups)
    later = json.dumps({"group_number": group, "day": "", "batch_number": 2, "data": good(130, 5)}).encode()
    with serving([ONE_BUILDING.body(1, group), later]) as script:
        step_environment.setenv("RELEVO_SOURCE_URL", script.url)
        chain = Chain(group, step_environment, capsys)
        first = chain.run()
        assert first["decide"]["reason"] == "too_few_rows"
        assert "held out" in first["decide"]["sentence"]
        assert "train" not in first
        second = chain.run()
        assert second["train"]["status"] == "done"
        assert second["promote"]["status"] == "done"


def test_good_rows_are_the_sources_columns() -> None:
    assert list(good(2, 0)[0]) == list(COLUMNS)
