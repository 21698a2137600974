"""One run per batch, one version per training, the alias where it belongs: also if every write is the last."""

from __future__ import annotations

import resource
from pathlib import Path
from typing import Any

import httpx
import pytest

from relevo_contract import names
from relevo_contract.record import DecisionRecord
from relevo_demo.servers import MlflowServer
from relevo_jobs.errors import StepError, Unavailable
from relevo_jobs.registry import Registry
from tests.jobs.registry.conftest import GROUP, decision, promotion, ref, trained
from tests.jobs.registry.told import Told

NESTED = "relevo/profile.json"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A version's files; what is in them is not the registry's business."""
    made = tmp_path / "version"
    made.mkdir()
    (made / "relevo").mkdir()
    (made / names.MANIFEST_FILE).write_text("{}")
    (made / names.ONNX_FILE).write_bytes(bytes(range(256)))
    (made / NESTED).write_text('{"rows": 3}')
    return made


def step_decide(registry: Registry, record: DecisionRecord) -> None:
    if registry.decided(record.batch) is None:
        registry.save_decision(record)


def step_train(registry: Registry, folder: Path) -> None:
    if (pending := registry.pending_training(GROUP)) is not None:
        registry.register(pending[0], folder, trained(pending[1], (pending[1].batch.number,)))


def step_promote(registry: Registry, *, promoted: bool) -> None:
    if (pending := registry.pending_promotion(GROUP)) is not None:
        run_id, record = pending
        if record.promotion is None:
            assert record.training is not None
            assert record.training.version is not None
            champion = registry.champion()
            verdict = promotion(record.training.version, champion and champion.number, promoted=promoted)  # type: ignore[arg-type]
            record = record.model_copy(update={"promotion": verdict})
        registry.settle(run_id, record)


def story(registry: Registry, folder: Path) -> None:
    """Two versions promoted, one rejected, and a quiet batch; as the steps go about it."""
    for number, promoted in ((1, True), (2, None), (3, True), (4, False)):
        step_decide(registry, decision(number, train=promoted is not None))
        if promoted is not None:
            step_train(registry, folder)
            step_promote(registry, promoted=promoted)


def check(told: Told) -> None:
    """What MLflow must hold after the story, whatever happened on the way."""
    runs, versions = told.runs(), told.versions()
    assert sorted(runs) == [1, 2, 3, 4]
    assert {n: run.data.tags[names.TAG_OUTCOME] for n, run in runs.items()} == {
        1: "promoted", 2: "kept", 3: "promoted", 4: "rejected",
    }  # fmt: skip
    assert all(run.info.status == "FINISHED" for run in runs.values())
    assert sorted(versions) == [1, 2, 3]
    assert [versions[n].run_id for n in (1, 2, 3)] == [runs[b].info.run_id for b in (1, 3, 4)]
    assert told.production() == 2
    assert versions[1].tags[names.STAGE_TAG] == names.STAGE_ARCHIVED
    assert versions[2].tags[names.STAGE_TAG] == names.STAGE_PRODUCTION
    assert names.STAGE_TAG not in versions[3].tags
    assert versions[3].tags[names.TAG_OUTCOME] == "rejected"
    assert versions[3].tags[names.TAG_CRITERION] == "not_better"
    assert versions[2].tags[names.TAG_BATCHES_SEEN] == "[3]"
    record = told.record(3)
    assert record.training is not None
    assert record.training.version == 2
    assert record.promotion is not None
    assert record.promotion.champion_version == 1


class Died(BaseException):
    """Not an Exception, so that nothing on the way can catch it: as SIGKILL."""


class Mortal:
    """Lets the registry make so many writes, and die after the last; before one is after the one before.

    The registry keeps nothing between calls, so this is to MLflow what SIGKILL is; the steps' tests use SIGKILL itself.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left: float = float("inf")
        self.writes = 0
        send = httpx.Client.send

        def dying(client: httpx.Client, request: httpx.Request, **arguments: Any) -> httpx.Response:
            answer = send(client, request, **arguments)
            if request.method != "GET" and not request.url.path.endswith("/search"):
                self.writes += 1
                self.left -= 1
                if self.left == 0:
                    raise Died
            return answer

        monkeypatch.setattr(httpx.Client, "send", dying)


def one_batch(registry: Registry, number: int, folder: Path) -> None:
    """A batch that trains and is promoted."""
    step_decide(registry, decision(number, train=True))
    step_train(registry, folder)
    step_promote(registry, promoted=True)


def test_the_whole_story_is_in_mlflow(registry: Registry, told: Told, folder: Path) -> None:
    story(registry, folder)
    check(told)
    run_id = told.runs()[3].info.run_id
    assert told.files(run_id) == {f"model/{names.ONNX_FILE}", "model/relevo"}
    figures = told.runs()[3].data.metrics
    assert {"champion_error", "challenger_error", "difference", "rows", "training_rows"} <= set(figures)


def test_nothing_comes_twice_whichever_write_was_the_last_before_a_kill(
    mlflow: MlflowServer, model_name: str, folder: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batch after batch, each killed one write later than the batch before, then run again."""
    mortal = Mortal(monkeypatch)
    number = 0
    killed = True
    while killed:
        number += 1
        mortal.left = number
        try:
            one_batch(Registry(mlflow.url, model_name), number, folder)
            killed = False
        except Died:
            mortal.left = float("inf")
            one_batch(Registry(mlflow.url, model_name), number, folder)
    assert number > 15
    runs, versions = told.runs(), told.versions()
    assert sorted(runs) == sorted(versions) == list(range(1, number + 1))
    assert [versions[n].run_id for n in versions] == [runs[n].info.run_id for n in versions]
    assert {run.data.tags[names.TAG_OUTCOME] for run in runs.values()} == {"promoted"}
    assert {run.info.status for run in runs.values()} == {"FINISHED"}
    assert told.production() == number
    stages = {n: versions[n].tags[names.STAGE_TAG] for n in versions}
    assert stages == dict.fromkeys(range(1, number), "Archived") | {number: "Production"}
    for n in runs:
        promotion = told.record(n).promotion
        assert promotion is not None
        assert promotion.champion_version == (n - 1 or None)


def test_a_first_batch_killed_anywhere_is_there_once(
    mlflow: MlflowServer, model_name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first batch makes the experiment and the model as well."""
    mortal = Mortal(monkeypatch)
    for last in (1, 2, 8, 9):
        name = f"{model_name}-{last}"
        mortal.left = last
        with pytest.raises(Died):
            one_batch(Registry(mlflow.url, name), 1, folder)
        mortal.left = float("inf")
        one_batch(Registry(mlflow.url, name), 1, folder)
        told = Told(mlflow.url, name)
        assert (len(told.runs()), len(told.versions()), told.production()) == (1, 1, 1)


def test_a_story_told_again_changes_nothing(registry: Registry, told: Told, folder: Path) -> None:
    story(registry, folder)
    story(registry, folder)
    check(told)


def test_the_same_number_with_another_content_is_another_batch(registry: Registry) -> None:
    registry.save_decision(decision(1, train=False))
    assert registry.decided(ref(1)) is not None
    assert registry.decided(ref(1, "f" * 64)) is None


def test_another_group_is_another_story(registry: Registry) -> None:
    registry.save_decision(decision(1, train=True))
    assert registry.pending_training(GROUP) is not None
    assert registry.pending_training(GROUP + 1) is None


def test_only_the_newest_call_for_training_counts(registry: Registry, folder: Path) -> None:
    registry.save_decision(decision(1, train=True))
    registry.save_decision(decision(2, train=True))
    step_train(registry, folder)
    assert registry.pending_training(GROUP) is None


def test_broken_batches_are_remembered(registry: Registry) -> None:
    for number in (1, 2, 3):
        record = decision(number, train=False)
        excluded = () if number == 1 else (number,)
        verdict = record.decision.model_copy(update={"excluded": excluded})
        registry.save_decision(record.model_copy(update={"decision": verdict}))
    assert registry.excluded(GROUP) == {2, 3}


def test_an_empty_mlflow_has_nothing(registry: Registry) -> None:
    assert registry.champion() is None
    assert registry.decided(ref(1)) is None
    assert registry.pending_training(GROUP) is None
    assert registry.pending_promotion(GROUP) is None
    assert registry.excluded(GROUP) == set()


def test_files_come_back_as_they_went(registry: Registry, folder: Path, tmp_path: Path) -> None:
    story(registry, folder)
    champion = registry.champion()
    assert champion is not None
    registry.download(champion.run_id, [names.ONNX_FILE, NESTED], tmp_path / "there")
    assert (tmp_path / "there" / names.ONNX_FILE).read_bytes() == bytes(range(256))
    assert (tmp_path / "there" / NESTED).read_text() == '{"rows": 3}'


def test_mlflow_away_says_what_to_do_and_no_password() -> None:
    with pytest.raises(Unavailable, match="MLFLOW_TRACKING_URI") as caught:
        Registry("http://somebody:secret@127.0.0.1:9", "m").champion()
    assert "127.0.0.1:9" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_something_else_at_the_address_is_told(mlflow: MlflowServer) -> None:
    with pytest.raises(StepError, match="refused with 404"):
        Registry(f"{mlflow.url}/no/such/path", "m").pending_training(GROUP)


def test_a_disk_that_takes_no_more_is_told(registry: Registry, folder: Path, tmp_path: Path) -> None:
    story(registry, folder)
    champion = registry.champion()
    assert champion is not None
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, hard))
    try:
        with pytest.raises(Unavailable, match=r"room for model\.onnx.*File too large.*TMPDIR"):
            registry.download(champion.run_id, [names.ONNX_FILE], tmp_path / "full")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
