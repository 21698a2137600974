"""`relevo-job train` on real servers: killed at any point and run again, MLflow holds one version of a training."""

from __future__ import annotations

import resource
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np
import pytest

from relevo_contract import names
from relevo_contract.estimates import Estimate
from relevo_contract.record import BatchRef, DecisionRecord, ErrorEvidence, TrainReason, TrainVerdict
from relevo_contract.version import HoldoutPredictions, Residuals, Vocabulary
from relevo_jobs.errors import Unavailable
from relevo_jobs.registry import Registry
from relevo_jobs.scoring import Scorer
from relevo_jobs.settings import TrainSettings
from relevo_jobs.stores.clean import CleanPart, CleanStore
from relevo_jobs.train import step
from tests.houses import HOUSES, LISTINGS
from tests.killing import run_killed, run_step
from tests.versions import draw_listings

GROUP = 6
ERROR = Estimate(value=0.2, low=0.18, high=0.22)


def text(value: Any) -> str | None:
    return None if value is None or value != value or str(value) == "NaT" else str(value)


def clean_batch(number: int, rows: int, held_out: bool = True) -> CleanPart:
    """A batch of which every fifth row is held out, or none."""
    table = draw_listings(rows, number)
    listings = [
        (
            str(row),
            *(text(table[name][row]) for name in LISTINGS.typed),
            "true" if held_out and row % 5 == 0 else "false",
        )
        for row in range(rows)
    ]
    return CleanPart(listings)


def ask(
    env: dict[str, str], number: int, rows: int, train: bool = True, broken: bool = False, held_out: bool = True
) -> None:
    """Clean a batch and decide on it."""
    sha256 = f"{number:064x}"
    CleanStore(env["RELEVO_CLEAN_URL"], GROUP, LISTINGS).add(
        number, sha256, rows, [clean_batch(number, rows, held_out)]
    )
    record = DecisionRecord(
        batch=BatchRef(group=GROUP, number=number, sha256=sha256, rows=rows, kept=rows),
        champion_version=None,
        decided_at=datetime(2026, 1, number, tzinfo=UTC),
        decision=TrainVerdict(
            train=train,
            reason=TrainReason.BASELINE if train else TrainReason.BROKEN_COLUMN if broken else TrainReason.QUIET,
            sentence="said by the test",
            excluded=(number,) if broken else (),
            error=ErrorEvidence(now=ERROR, promised=ERROR, rows=rows, worse=False, stretch=1.0 + number / 10),
        ),
    )
    Registry(env["MLFLOW_TRACKING_URI"], env["RELEVO_MODEL"]).save_decision(record)


@pytest.fixture
def asked(step_env: dict[str, str]) -> dict[str, str]:
    """Three batches; the second is broken, the third asks for a training."""
    ask(step_env, 1, 300, train=False)
    ask(step_env, 2, 150, train=False, broken=True)
    ask(step_env, 3, 200)
    return step_env


def versions(env: dict[str, str]) -> list[Any]:
    from mlflow.tracking import MlflowClient  # noqa: PLC0415

    client = MlflowClient(env["MLFLOW_TRACKING_URI"], env["MLFLOW_TRACKING_URI"])
    return list(client.search_model_versions(f"name = '{env['RELEVO_MODEL']}'"))


def test_a_training_is_registered_with_its_files_and_its_facts(asked: dict[str, str], tmp_path: Any) -> None:
    code, line, said = run_step("train", asked)
    assert code == 0
    (version,) = versions(asked)
    assert (line["version"], line["batch"], line["rows"], line["run_id"]) == (1, 3, 400, version.run_id)
    assert version.tags[names.TAG_BATCHES_SEEN] == "[1, 3]"
    assert line["onnx_difference"] < 1e-3
    assert "fitting 400 rows of 2 batches, 100 held out" in said

    registry = Registry(asked["MLFLOW_TRACKING_URI"], asked["RELEVO_MODEL"])
    registry.download(version.run_id, [*Scorer.FILES, names.HOLDOUT_FILE, names.VOCABULARY_FILE], tmp_path)
    assert np.isfinite(Scorer(tmp_path).predict(draw_listings(10, 5))).all()
    registry.download(version.run_id, [names.RESIDUALS_FILE], tmp_path)
    found = Residuals.model_validate_json((tmp_path / names.RESIDUALS_FILE).read_bytes())
    assert found.stretch == 1.3, "what the batch that asks called for counts; a broken one's does not"

    # What held-out rows are of, in the order of their predictions; and which places have which finer ones.
    kept = HoldoutPredictions.model_validate_json((tmp_path / names.HOLDOUT_FILE).read_bytes())
    held = CleanStore(asked["RELEVO_CLEAN_URL"], GROUP, LISTINGS).columns([1, 3], holdout=True)
    assert kept.described == 100
    assert kept.inputs["city"] == tuple(held["city"].tolist())
    assert sorted(kept.inputs) == sorted(set(LISTINGS.inputs) - {"street"})
    predicted = np.log(Scorer(tmp_path).answer({name: held[name] for name in LISTINGS.inputs}))
    np.testing.assert_allclose(kept.predicted, predicted, atol=1e-3)
    vocabulary = Vocabulary.model_validate_json((tmp_path / names.VOCABULARY_FILE).read_bytes())
    assert sorted(vocabulary.within["city"]["puerto rico"]) == ["adjuntas", "san juan"]
    assert vocabulary.within["zip_code"]["connecticut"] == ("06103",)

    # Not settled by promote yet: a retry says the same version, and trains nothing.
    code, again, _ = run_step("train", asked)
    assert (code, again["version"], again["run_id"]) == (0, 1, version.run_id)
    assert len(versions(asked)) == 1


def test_killed_again_and_again_there_is_one_version(asked: dict[str, str]) -> None:
    points: list[tuple[str, Literal["before", "after"]]] = [
        ("relevo_jobs.train.writing:write", "after"),
        ("relevo_jobs.mlflow_api:MlflowApi.keep", "after"),
        ("relevo_jobs.registry:Registry._create_version", "before"),
        ("relevo_jobs.registry:Registry._create_version", "after"),
        ("relevo_jobs.registry:Registry.register", "after"),
    ]
    for target, when in points:
        run_killed("train", asked, target, when)
    code, line, _ = run_step("train", asked)
    assert code == 0
    (version,) = versions(asked)
    assert (line["version"], line["run_id"]) == (1, version.run_id)
    pending = Registry(asked["MLFLOW_TRACKING_URI"], asked["RELEVO_MODEL"]).pending_promotion(GROUP)
    assert pending is not None
    assert pending[0] == version.run_id
    assert pending[1].training is not None
    assert (pending[1].training.version, pending[1].training.rows) == (1, 400)


def test_nothing_asked_for_is_nothing_to_do(step_env: dict[str, str]) -> None:
    ask(step_env, 1, 100, train=False)
    code, line, _ = run_step("train", step_env)
    assert (code, line["status"]) == (99, "nothing")


def test_too_few_rows_say_so_and_register_nothing(step_env: dict[str, str]) -> None:
    ask(step_env, 1, 17)
    code, line, _ = run_step("train", step_env)
    assert code == 1
    assert "at least 20 rows to train on and 1 held out, there are 13 and 4" in line["sentence"]
    assert not versions(step_env)


def test_without_held_out_rows_nothing_is_registered(step_env: dict[str, str]) -> None:
    ask(step_env, 1, 40, held_out=False)
    code, line, _ = run_step("train", step_env)
    assert code == 1
    assert "1 held out, there are 40 and 0" in line["sentence"]
    assert not versions(step_env)


def test_clean_away_is_said_and_can_be_retried(asked: dict[str, str]) -> None:
    code, line, _ = run_step("train", asked | {"RELEVO_CLEAN_URL": "postgresql://relevo@127.0.0.1:1/clean"})
    assert (code, line["retry"]) == (69, True)
    assert not versions(asked)


def test_a_full_disk_is_said_and_nothing_is_registered(asked: dict[str, str]) -> None:
    settings = TrainSettings(
        group=GROUP,
        clean_url=asked["RELEVO_CLEAN_URL"],
        tracking_uri=asked["MLFLOW_TRACKING_URI"],
        model=asked["RELEVO_MODEL"],
    )
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))  # no file may grow beyond, as on a full disk
    try:
        with pytest.raises(Unavailable, match="expected room for a version's files"):
            step.run(settings, HOUSES)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not versions(asked)
