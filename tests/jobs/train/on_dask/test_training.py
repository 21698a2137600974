"""`relevo-job train` on a real Dask cluster of two worker processes: the version of one process, registered once.

The workers are told where CLEAN is by their own environment, as in a cluster; their memory is Dask's to hold.
"""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from mlflow.tracking import MlflowClient

from relevo_contract import names
from relevo_contract.graph_inputs import columns_of, values_of
from relevo_contract.profile import Profile
from relevo_contract.profiling import column_profiles
from relevo_contract.record import BatchRef, DecisionRecord, TrainReason, TrainVerdict
from relevo_contract.version import HoldoutPredictions, SelfTest, ShapleySummary
from relevo_jobs.errors import SettingsError, Unavailable
from relevo_jobs.registry import Registry
from relevo_jobs.scoring import Scorer
from relevo_jobs.settings import TrainSettings
from relevo_jobs.stores.clean import CleanStore
from relevo_jobs.train import cluster, explaining, on_dask, step
from tests.certificates import Authority
from tests.houses import HOUSES, LISTINGS
from tests.jobs.train.on_dask.dask_cluster import Peaks, running
from tests.jobs.train.on_dask.many_listings import GROUP, fill
from tests.killing import finish, run_step, start_step

Env = dict[str, str]
MB: Final = 1_000_000
ROWS: Final = 120_000
BATCH: Final = 40_000
LIMIT: Final = 520 * MB
"""Of a worker's memory, its libraries among it."""


def ask(env: Mapping[str, str]) -> None:
    """Decide that the newest batch of CLEAN calls for a training."""
    newest = CleanStore(env["RELEVO_CLEAN_URL"], GROUP, LISTINGS).newest()
    assert newest is not None
    record = DecisionRecord(
        batch=BatchRef(group=GROUP, number=newest.number, sha256=newest.sha256, rows=newest.rows, kept=newest.kept),
        champion_version=None,
        decided_at=datetime(2026, 1, 1, tzinfo=UTC),
        decision=TrainVerdict(train=True, reason=TrainReason.BASELINE, sentence="said by the test"),
    )
    Registry(env["MLFLOW_TRACKING_URI"], env["RELEVO_MODEL"]).save_decision(record)


def versions(env: Mapping[str, str]) -> list[Any]:
    client = MlflowClient(env["MLFLOW_TRACKING_URI"], env["MLFLOW_TRACKING_URI"])
    return list(client.search_model_versions(f"name = '{env['RELEVO_MODEL']}'"))


def files_of(env: Mapping[str, str], run_id: str, folder: Path) -> Path:
    """The version's files, in a folder."""
    folder.mkdir()
    client = MlflowClient(env["MLFLOW_TRACKING_URI"], env["MLFLOW_TRACKING_URI"])
    return Path(client.download_artifacts(run_id, names.MODEL_FOLDER, str(folder)))


def files_below(folder: Path) -> set[str]:
    return {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}


def measured(
    env: Mapping[str, str], trees: Mapping[str, int], until: str = ""
) -> tuple[dict[str, Any], dict[str, int]]:
    """Train: the last line, and the most memory of the step and of each tree, at the end or when it says something."""
    process = start_step("train", env)
    with Peaks({"step": process.pid, **trees}) as peaks:
        if until:
            read_until(process, until)
            peaks.__exit__()
        code, line, said = finish(process, timeout=400)
    assert code == 0, f"{line}\n{said}"
    return line, peaks.largest


@pytest.mark.timeout(900)
def test_two_workers_train_the_version_of_one_process_on_data_that_is_too_large_for_one(
    step_env: Env, tmp_path: Path
) -> None:
    alone = step_env | {"RELEVO_MODEL": f"{step_env['RELEVO_MODEL']}-alone"}
    fill(step_env["RELEVO_CLEAN_URL"], ROWS, BATCH)
    for env in (step_env, alone):
        ask(env)
    # What writes a version is no worker's business: until then the step has loaded what a worker has.
    by_one, memory = measured(alone, {}, until="writing the version")
    with running(tmp_path / "dask", step_env, memory=str(LIMIT)) as dask:
        workers = {name: started.pid for name, started in dask.processes.items() if name.startswith("worker")}
        at_work = {name: dask.tree(name)[-1].pid for name in workers}
        by_two, peaks = measured(step_env | {"RELEVO_DASK": dask.address, "RELEVO_THREADS": "0"}, workers)
        assert {name: dask.tree(name)[-1].pid for name in workers} == at_work, "a worker was ended for its memory"
    print(f"one process: {memory['step'] / MB:.0f} MB;", {name: f"{peak / MB:.0f} MB" for name, peak in peaks.items()})
    assert memory["step"] > LIMIT, "the rows would fit into one worker: more of them"
    assert all(peaks[name] < LIMIT for name in workers)

    assert (by_two["version"], by_two["rows"], by_two["batch"]) == (1, by_one["rows"], by_one["batch"])
    assert by_two["onnx_difference"] < 1e-3
    one, two = (
        files_of(env, line["run_id"], tmp_path / name)
        for name, env, line in (("one", alone, by_one), ("two", step_env, by_two))
    )
    assert files_below(two) == files_below(one)
    mine, theirs = (Profile.model_validate_json((f / names.PROFILE_FILE).read_bytes()) for f in (two, one))
    assert (mine.rows, mine.batches, mine.columns) == (theirs.rows, theirs.batches, theirs.columns)

    # The trees differ as two seeds' do: the folds are drawn by worker, and the bins' edges come of two sketches.
    kept, other = (HoldoutPredictions.model_validate_json((f / names.HOLDOUT_FILE).read_bytes()) for f in (two, one))
    assert (kept.batches, kept.counts, kept.actual, kept.things) == (
        other.batches,
        other.counts,
        other.actual,
        other.things,
    )
    assert mine.promised.value == pytest.approx(theirs.promised.value, rel=0.05)
    assert np.corrcoef(kept.predicted, other.predicted)[0, 1] > 0.98
    tested = SelfTest.model_validate_json((two / names.SELF_TEST_FILE).read_bytes())
    rows = columns_of(LISTINGS, [values_of(LISTINGS, example.inputs) for example in tested.examples])
    expected = [example.prediction for example in tested.examples]
    np.testing.assert_allclose(Scorer(two).answer(rows), expected, rtol=tested.relative_tolerance)
    assert len(ShapleySummary.model_validate_json((two / names.SHAPLEY_FILE).read_bytes()).values) == explaining.SAMPLE

    promoted = {model["RELEVO_MODEL"]: run_step("promote", model)[1] for model in (alone, step_env)}
    verdicts = {(line["promoted"], line["criterion"]) for line in promoted.values()}
    assert verdicts == {(True, "first_beats_baseline")}


@pytest.fixture
def secured(step_env: Env, tmp_path: Path) -> Env:
    """Certificates of Dask's in the environment, as its configuration names them; and leases that end soon."""
    authority = Authority()
    issued = authority.peer("127.0.0.1")
    for name, content in (("ca.crt", authority.certificate), ("tls.crt", issued.certificate), ("tls.key", issued.key)):
        (tmp_path / name).write_bytes(content)
    tls = "DASK_DISTRIBUTED__COMM__TLS__"
    return step_env | {
        "DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION": "true",
        f"{tls}CA_FILE": str(tmp_path / "ca.crt"),
        **{f"{tls}{role}__CERT": str(tmp_path / "tls.crt") for role in ("SCHEDULER", "WORKER", "CLIENT")},
        **{f"{tls}{role}__KEY": str(tmp_path / "tls.key") for role in ("SCHEDULER", "WORKER", "CLIENT")},
        "DASK_DISTRIBUTED__SCHEDULER__LOCKS__LEASE_TIMEOUT": "4s",
        "DASK_DISTRIBUTED__SCHEDULER__LOCKS__LEASE_VALIDATION_INTERVAL": "1s",
    }


def read_until(process: subprocess.Popen[str], words: str) -> None:
    """Follow a step's stderr up to the line that has these words."""
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line)
        if words in line:
            return
    pytest.fail(f"expected the step to say {words!r}, it said:\n{''.join(lines)}{process.communicate()[0]}")


@pytest.mark.timeout(900)
def test_a_step_that_was_killed_and_a_worker_that_is_gone_leave_one_version(secured: Env, tmp_path: Path) -> None:
    fill(secured["RELEVO_CLEAN_URL"], 60_000, 20_000)  # three partitions
    ask(secured)
    with running(tmp_path / "dask", secured, protocol="tls") as dask:
        env = secured | {"RELEVO_DASK": dask.address, "RELEVO_THREADS": "0"}
        killed = start_step("train", env)
        read_until(killed, "booster 1 of 8")
        killed.send_signal(signal.SIGKILL)
        killed.communicate()

        bereft = start_step("train", env)
        read_until(bereft, "booster 2 of 8")
        dask.kill("worker-1")
        code, line, said = finish(bereft, timeout=280)
        assert (code, line.get("retry")) in {(0, None), (69, True)}, f"{line}\n{said}\n{dask.logs()}"
        assert code == 0 or "nothing was registered, run this step again" in line["sentence"]
        assert len(versions(secured)) == (code == 0)

        code, line, said = run_step("train", env, timeout=280)  # on the worker that is left
        assert code == 0, f"{line}\n{said}"
        (version,) = versions(secured)
        assert (line["version"], line["run_id"], line["rows"]) == (1, version.run_id, 48_000)


@pytest.fixture
def small(step_env: Env, monkeypatch: pytest.MonkeyPatch) -> Iterator[Env]:
    """A small CLEAN, and this process with the environment of a step."""
    fill(step_env["RELEVO_CLEAN_URL"], 200, 200)
    monkeypatch.setenv("RELEVO_CLEAN_URL", step_env["RELEVO_CLEAN_URL"])
    yield step_env


def meet(address: str, env: Env) -> None:
    url = env["RELEVO_CLEAN_URL"]
    settings = TrainSettings(group=GROUP, clean_url=url, tracking_uri="http://mlflow.example", dask=address)
    with on_dask.agreeing(settings, LISTINGS, CleanStore(url, GROUP, LISTINGS).batches()):
        pytest.fail("expected the cluster to be refused")


def test_a_scheduler_that_is_away_is_said_and_can_be_retried(small: Env) -> None:
    ask(small)
    code, line, _ = run_step("train", small | {"RELEVO_DASK": "tcp://127.0.0.1:1"})
    assert (code, line["retry"]) == (69, True)
    assert "expected a Dask scheduler at tcp://127.0.0.1:1 (RELEVO_DASK), got: " in line["sentence"]
    assert not versions(small)


def test_an_address_that_cannot_be_one_is_refused_before_anything_is_done(small: Env) -> None:
    code, line, _ = run_step("train", small | {"RELEVO_DASK": "dask-scheduler"})
    assert (code, line["retry"]) == (2, False)
    assert "RELEVO_DASK: " in line["sentence"]
    with pytest.raises(SettingsError, match="for tls:// its certificates in Dask's configuration"):
        meet("tls://127.0.0.1:1", small)


def test_a_model_of_the_use_case_s_own_is_refused(small: Env) -> None:
    settings = TrainSettings(
        group=GROUP, clean_url=small["RELEVO_CLEAN_URL"], tracking_uri="http://mlflow.example", dask="tcp://dask:8786"
    )
    with pytest.raises(SettingsError, match="RELEVO_DASK: the use case of listings has a model of its own"):
        step.on_workers(settings, replace(HOUSES, fit=lambda *_: None), (), Path("nowhere"), say=print, stretch=1.0)


def test_without_dask_the_setting_says_what_to_install(small: Env, tmp_path: Path) -> None:
    ask(small)
    (tmp_path / "distributed.py").write_text("raise ModuleNotFoundError('No module named distributed')")
    code, line, _ = run_step("train", small | {"RELEVO_DASK": "tcp://127.0.0.1:1", "PYTHONPATH": str(tmp_path)})
    assert (code, line["retry"]) == (2, False)
    assert "RELEVO_DASK is set: expected Dask to be installed" in line["sentence"]


@pytest.mark.timeout(300)
def test_workers_that_are_not_there_cannot_read_clean_or_are_of_another_release_are_said(
    small: Env, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    untold = {name: value for name, value in small.items() if name != "RELEVO_CLEAN_URL"}
    with running(tmp_path / "dask", untold, workers=0) as dask:
        monkeypatch.setattr(cluster, "WORKERS", 1)
        with pytest.raises(
            Unavailable, match=r"most likely there are none.*nothing was registered, run this step again"
        ):
            meet(dask.address, small)
        dask.worker("untold", "2GiB")
        dask.wait_for(1)
        with pytest.raises(SettingsError, match="RELEVO_CLEAN_URL: not set"):
            meet(dask.address, small)
        dask.kill("untold")
        dask.env = small
        dask.worker("told", "2GiB")
        dask.wait_for(1)
        monkeypatch.setattr(cluster, "_code", lambda: "other")
        with pytest.raises(
            SettingsError, match=r"code of Relevo's that this step has, other, tcp://.* has [0-9a-f]{64}"
        ):
            meet(dask.address, small)


def test_shares_have_each_row_once_and_count_what_one_process_counts(small: Env) -> None:
    store = CleanStore(small["RELEVO_CLEAN_URL"], GROUP, LISTINGS)
    for rows, batch, workers in ((200, 200, 1), (203, 11, 3), (20, 2, 7), (500, 400, 2)):
        fill(small["RELEVO_CLEAN_URL"], rows, batch)
        shares = [on_dask.Share(LISTINGS, store.batches(), number, workers) for number in range(workers)]
        for held in (False, True):
            expected = store.columns(holdout=held)
            pieces = [piece for share in shares for piece in share.pieces(holdout=held)]
            for name, column in expected.items():
                np.testing.assert_array_equal(np.concatenate([piece[name] for piece in pieces]), column)
        found = on_dask.added([on_dask.counted(share, 0) for share in shares])
        training = store.columns(holdout=False)
        assert (found.rows, found.profiles(LISTINGS)) == (len(training["price"]), column_profiles(LISTINGS, training))
