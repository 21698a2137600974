"""Steps killed in the demo's hands at the worst moment, after their work and before their word: nothing is missed."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from relevo_demo.loop import next_step, run_batches
from relevo_demo.recall import from_mlflow
from relevo_demo.screen import Screen
from relevo_demo.state import State, opened
from relevo_demo.steps import StepFailedError, Steps
from relevo_demo.story import Row
from relevo_demo.system import Options, System, running
from tests.houses import LISTINGS
from tests.killing import WRAPPER

pytestmark = pytest.mark.timeout(600)

KILLS = {
    1: {"collect": "relevo_jobs.stores.raw:RawStore.add", "train": "relevo_jobs.registry:Registry.register"},
    2: {"clean": "relevo_jobs.stores.clean:CleanStore.add", "decide": "relevo_jobs.registry:Registry.save_decision"},
    3: {"promote": "relevo_jobs.registry:Registry.settle"},
}
"""By batch and step, the function after which the step's process is killed, the first time it gets there."""

DYING = f"""#!{sys.executable}
import json, os, pathlib, sys
step, orders = sys.argv[1], pathlib.Path(os.environ["TEST_KILLS"])
kills = json.loads(orders.read_text())
batch = next((number for number, targets in sorted(kills.items()) if step in targets), None)
if batch is None or any(kills[earlier] for earlier in kills if earlier < batch):
    from relevo_jobs.cli import main
    sys.exit(main())
target = kills[batch].pop(step)
orders.write_text(json.dumps(kills))
sys.argv = ["-c", step, target, "after", "1"]
exec({WRAPPER!r})
"""


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[State]:
    with opened(tmp_path_factory.mktemp("state")) as made:
        yield made


@pytest.fixture(scope="module")
def system(state: State) -> Iterator[System]:
    with running(state.folder, Options(("--batches", "4"))) as made:
        yield made


@pytest.fixture(scope="module")
def rows(state: State, system: System) -> list[Row]:
    """The rows of a demo whose steps were killed, and whose fourth batch was collected without its knowing."""
    orders, command = state.folder / "kills.json", state.folder / "dying-job"
    orders.write_text(json.dumps(KILLS))
    command.write_text(DYING)
    command.chmod(0o700)
    steps = Steps(command, {**system.env, "TEST_KILLS": str(orders)}, state.folder / "steps.log")
    recall = from_mlflow(system.mlflow_url, system.group, system.model)

    class StoppedError(Exception):
        """The demo is stopped after its third batch."""

    def stop_after_three() -> None:
        if len(state.rows) == 3:
            raise StoppedError

    with pytest.raises(StoppedError):
        run_batches(state, steps, Screen(LISTINGS), recall, stop_after_three)
    assert not any(json.loads(orders.read_text()).values()), "every kill was carried out"
    steps.run("collect", print)
    again = State(state.folder)
    run_batches(again, steps, Screen(LISTINGS), recall, lambda: None)
    return again.rows


def test_every_batch_is_told_once(rows: list[Row]) -> None:
    assert [row.number for row in rows] == [1, 2, 3, 4]
    assert rows[0].rows == 1500, "collect was killed after its commit"
    assert rows[3].rows == 17, "collect was killed together with the demo"


def test_a_training_that_was_registered_is_settled(rows: list[Row]) -> None:
    assert (rows[0].trained, rows[0].version, rows[0].promoted) == (True, 1, True)


def test_a_decision_whose_word_was_lost_is_told_from_its_record(rows: list[Row]) -> None:
    assert not rows[1].trained
    assert "version 1" in rows[1].why
    assert rows[1].champion_error is not None


def test_a_promotion_whose_word_was_lost_is_told_from_its_record(rows: list[Row]) -> None:
    assert (rows[2].version, rows[2].promoted, rows[2].criterion) == (2, True, "better")
    assert rows[2].challenger_error is not None
    assert rows[2].champion_version == 1


def test_a_step_that_cannot_be_helped_stops_the_demo_with_its_sentence(system: System, tmp_path: Path) -> None:
    env = {**system.env, "RELEVO_GROUP": "99"}
    steps = Steps(Path(sys.executable).parent / "relevo-job", env, tmp_path / "log")
    with pytest.raises(StepFailedError, match=r"^collect: .*Número de grupo inválido"):
        steps.run("collect", print)


def test_what_follows_a_step() -> None:
    done = {"status": "done"}
    assert next_step({}) == "collect"
    assert next_step({"collect": done, "clean": done}) == "decide"
    assert next_step({"collect": done, "clean": done, "decide": {"status": "nothing"}}) is None
    assert next_step({"collect": done, "clean": done, "decide": done}) == "train"
    assert next_step(dict.fromkeys(("collect", "clean", "decide", "train", "promote"), done)) is None
