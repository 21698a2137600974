"""`relevo-job decide` and `relevo-job promote` as processes, on a real MLflow and PostgreSQL, killed and cut off."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar, Literal

import httpx
import numpy as np
import pytest

from relevo_contract import names
from relevo_contract.record import TrainReason
from relevo_demo.servers import MlflowServer
from relevo_jobs.registry import Registry
from relevo_jobs.stores.clean import CleanStore
from tests.jobs.market import STATES, changed, listings, store
from tests.jobs.registry.conftest import GROUP, Env, Version, last_line
from tests.jobs.registry.told import Told
from tests.killing import run_killed, run_step


def test_nothing_in_clean_is_nothing_to_do(here: Callable[[str], int]) -> None:
    assert here("decide") == here("promote") == 99


def test_the_first_batch_asks_for_a_baseline_and_says_so_again(env: Env, clean: CleanStore, told: Told) -> None:
    store(clean, GROUP, 1, listings(300, 1))
    for _ in range(2):  # Airflow may run the step again before the training
        code, line, _ = run_step("decide", env)
        assert (code, line["train"], line["reason"], line["batch"]) == (0, True, "baseline", 1)
        assert line["run_id"] == told.runs()[1].info.run_id
    assert told.record(1).decision.reason is TrainReason.BASELINE


@pytest.mark.parametrize(
    ("number_two", "code", "reason"),
    [
        (listings(500, 2, states={**STATES, "Ohio": 11.5}), 0, "new_state"),
        (listings(17, 2, states={"Ohio": 11.5}), 99, "too_few_rows"),
        (changed(q := listings(500, 3), price=q["price"] * 100), 99, "broken_column"),
    ],
    ids=["a new state", "17 odd rows", "a broken column"],
)
def test_a_batch_is_held_against_the_champion(
    champion: int,
    clean: CleanStore,
    here: Callable[[str], int],
    told: Told,
    capsys: pytest.CaptureFixture[str],
    number_two: dict[str, Any],
    code: int,
    reason: str,
) -> None:
    store(clean, GROUP, 2, number_two)
    assert here("decide") == code
    line = last_line(capsys)
    assert (line["reason"], line["champion_version"], line["train"]) == (reason, champion, code == 0)
    assert set(line["error"]) == {"value", "low", "high"}
    run = told.runs()[2]
    assert run.data.tags[names.TAG_WHY] == line["sentence"] == told.record(2).decision.sentence
    assert run.data.tags.get(names.TAG_OUTCOME) == (None if code == 0 else "kept")


def test_several_batches_waiting_are_each_decided(
    champion: int, clean: CleanStore, here: Callable[[str], int], told: Told, registry: Registry
) -> None:
    store(clean, GROUP, 2, listings(500, 2, level=2.0))
    store(clean, GROUP, 3, changed(listings(500, 3), price=np.full(500, 5e6)))
    assert here("decide") == 0
    assert [told.record(n).decision.reason.value for n in (2, 3)] == ["error", "broken_column"]
    pending = registry.pending_training(GROUP)
    assert pending is not None
    assert pending[1].batch.number == 2
    assert registry.excluded(GROUP) == {3}
    assert here("decide") == 0  # the training is still due


@pytest.mark.parametrize(
    ("target", "when"),
    [
        ("relevo_jobs.batch_runs:BatchRuns.create", "after"),
        ("relevo_jobs.batch_runs:BatchRuns.put_record", "after"),
        ("relevo_jobs.batch_runs:BatchRuns.log", "after"),
        ("relevo_jobs.batch_runs:BatchRuns.tag", "after"),
    ],
)
def test_decide_killed_and_run_again_leaves_one_run(
    env: Env, clean: CleanStore, told: Told, target: str, when: Literal["before", "after"]
) -> None:
    store(clean, GROUP, 1, listings(300, 1))
    run_killed("decide", env, target, when)
    code, line, _ = run_step("decide", env)
    assert (code, line["reason"]) == (0, "baseline")
    assert list(told.runs()) == [1]
    assert told.runs()[1].data.tags[names.TAG_TRAIN] == "true"


@pytest.mark.parametrize(
    ("target", "when"),
    [
        ("relevo_jobs.registry:Registry.settle", "before"),
        ("relevo_jobs.batch_runs:BatchRuns.put_record", "after"),
        ("relevo_jobs.registry:Registry._tag_version", "after"),
        ("relevo_jobs.batch_runs:BatchRuns.finish", "after"),
        ("relevo_jobs.batch_runs:BatchRuns.tag", "after"),
    ],
)
def test_promote_killed_and_run_again_moves_the_alias_once(
    champion: int,
    env: Env,
    clean: CleanStore,
    version: Version,
    good_bundle: Path,
    told: Told,
    target: str,
    when: Literal["before", "after"],
) -> None:
    store(clean, GROUP, 2, listings(500, 2))
    version(2, good_bundle, (1, 2))
    run_killed("promote", env, target, when)
    settled = target.endswith("BatchRuns.tag")
    assert run_step("promote", env)[0] == (99 if settled else 0)
    assert told.production() == 2
    assert sorted(told.versions()) == [1, 2]
    assert told.versions()[champion].tags[names.STAGE_TAG] == names.STAGE_ARCHIVED
    assert told.versions()[2].tags[names.STAGE_TAG] == names.STAGE_PRODUCTION
    promotion = told.record(2).promotion
    assert promotion is not None
    assert (promotion.champion_version, promotion.promoted) == (champion, True)


def test_a_challenger_that_is_no_better_stays_out(
    champion: int,
    clean: CleanStore,
    version: Version,
    poor_bundle: Path,
    here: Callable[[str], int],
    told: Told,
    capsys: pytest.CaptureFixture[str],
) -> None:
    store(clean, GROUP, 2, listings(500, 2))
    version(2, poor_bundle, (1, 2))
    assert here("promote") == 0
    line = last_line(capsys)
    assert (line["promoted"], line["criterion"], line["version"]) == (False, "not_better", 2)
    assert told.production() == champion
    assert told.versions()[2].tags[names.TAG_OUTCOME] == "rejected"
    assert told.runs()[2].data.tags[names.TAG_CRITERION] == "not_better"


@contextmanager
def cut_off_after(requests: int, target: str) -> Iterator[str]:
    """An MLflow that is gone after so many requests: what comes then finds the connection closed."""

    class Proxy(BaseHTTPRequestHandler):
        left: ClassVar[int] = requests

        def forward(self) -> None:
            Proxy.left -= 1
            if Proxy.left < 0:
                self.close_connection = True
                return
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            kind = {"Content-Type": self.headers.get("Content-Type", "application/octet-stream")}
            answer = httpx.request(self.command, target + self.path, content=body, headers=kind)
            self.send_response(answer.status_code)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_GET = do_POST = do_PUT = forward  # noqa: N815

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("requests", [0, 1, 4, 6])
def test_mlflow_gone_in_mid_step_is_69_and_the_next_try_completes(
    requests: int,
    clean: CleanStore,
    here: Callable[[str], int],
    mlflow: MlflowServer,
    told: Told,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    store(clean, GROUP, 1, listings(300, 1))
    with cut_off_after(requests, mlflow.url) as address:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        assert here("decide") == 69
    line = last_line(capsys)
    assert (line["status"], line["retry"]) == ("failed", True)
    assert "expected MLflow" in line["sentence"]
    assert "run the step again" in line["sentence"]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow.url)
    assert here("decide") == 0
    assert list(told.runs()) == [1]


@pytest.mark.parametrize("step", ["decide", "promote"])
def test_clean_gone_is_69_and_names_its_setting(
    step: str,
    registry: Registry,
    version: Version,
    poor_bundle: Path,
    here: Callable[[str], int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    version(1, poor_bundle, (1,))
    monkeypatch.setenv("RELEVO_CLEAN_URL", "postgresql://relevo@127.0.0.1:9/clean")
    assert here(step) == 69
    assert "RELEVO_CLEAN_URL" in last_line(capsys)["sentence"]
    assert registry.champion() is None
