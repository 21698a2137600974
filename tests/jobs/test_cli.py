"""The steps' command line: help, settings, exit codes, the last line, the termination message."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from relevo_contract.settings import variable
from relevo_contract.texts import legible
from relevo_jobs import errors
from relevo_jobs.cli import EXIT_CODES, STEPS, main, parser
from relevo_jobs.outcome import TERMINATION_MESSAGE_BYTES, Outcome, report
from tests.killing import Ended, base_env, run_step

PASSWORD = "hunter2-S3CR3T"


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Run a step in this process (a start costs half a second) under an environment of its own."""

    def run(step: str, env: Mapping[str, str]) -> Ended:
        for name in os.environ.keys() - env.keys():
            monkeypatch.delenv(name)
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        code = main([step])
        shown = capsys.readouterr()
        return Ended(code, shown.out, shown.err)

    return run


def all_errors() -> list[type[errors.StepError]]:
    found, queue = [], [errors.StepError]
    while queue:
        error = queue.pop()
        found.append(error)
        queue += error.__subclasses__()
    return [error for error in found if error.__module__ == errors.__name__]


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    """Settings that are well formed and lead nowhere: port 1 refuses."""
    return base_env() | {
        "RELEVO_GROUP": "6",
        "RELEVO_SOURCE_URL": "http://127.0.0.1:1",
        "RELEVO_RAW_URL": "postgresql://relevo@127.0.0.1:1/raw",
        "RELEVO_CLEAN_URL": "postgresql://relevo@127.0.0.1:1/clean",
        "MLFLOW_TRACKING_URI": "http://127.0.0.1:1",
        "RELEVO_TERMINATION_LOG": str(tmp_path / "termination-log"),
    }


def test_help_names_every_step(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert all(f"  {step} " in shown for step in STEPS)
    assert "collect → clean → decide → train → promote" in shown


@pytest.mark.parametrize("step", STEPS)
def test_a_steps_help_teaches_its_settings_and_exit_codes(step: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([step, "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    for name, field in STEPS[step].settings.model_fields.items():
        assert variable(STEPS[step].settings, name) in shown
        assert field.description is not None
        assert field.description in shown
    assert EXIT_CODES in shown


def test_every_exit_code_is_in_the_help() -> None:
    listed = {int(line.split()[0]) for line in EXIT_CODES.splitlines() if line.startswith("  ")}
    assert listed == {errors.DONE, errors.NOTHING_TO_DO} | {error.exit_code for error in all_errors()}


@pytest.mark.parametrize("arguments", [[], ["fly"], ["collect", "--now"]])
def test_a_wrong_command_line_ends_with_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parser().parse_args(arguments)
    assert ended.value.code == 2


@pytest.mark.parametrize("step", STEPS)
def test_missing_settings_are_all_named_at_once(step: str, here: Callable[..., Ended]) -> None:
    ended = here(step, base_env())
    line, stderr = ended.line, ended.stderr
    assert ended.returncode == errors.SettingsError.exit_code
    assert (line["step"], line["status"], line["error"], line["retry"]) == (step, "failed", "SettingsError", False)
    for name, field in STEPS[step].settings.model_fields.items():
        if field.is_required():
            assert variable(STEPS[step].settings, name) in line["sentence"]
            assert variable(STEPS[step].settings, name) in stderr
    assert "Traceback" not in stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RELEVO_GROUP", "six"),
        ("RELEVO_GROUP", "0"),
        ("RELEVO_GROUP", "99999999999"),
        ("RELEVO_SOURCE_TIMEOUT", "-1"),
        ("RELEVO_SOURCE_TIMEOUT", "soon"),
        ("RELEVO_REPEAT_WAIT", "-1"),
        ("RELEVO_SOURCE_DAY", ""),
        ("RELEVO_BUCKET", "x"),
        ("RELEVO_SOURCE_URL", f"ftp://user:{PASSWORD}@source"),
        ("RELEVO_RAW_URL", f"mysql://user:{PASSWORD}@host/raw"),
        ("RELEVO_RAW_URL", f"postgresql://user:{PASSWORD}%zz@host/raw"),
        ("RELEVO_RAW_URL", f"postgresql://user:{PASSWORD}/1@host/raw"),
        ("RELEVO_RAW_URL", f"postgresql://user:1@{PASSWORD}@host/raw"),
        ("RELEVO_RAW_URL", f"postgresql://host/raw?pasword={PASSWORD}"),
    ],
)
def test_a_wrong_setting_is_named_and_no_password_is_repeated(
    settings: dict[str, str], here: Callable[..., Ended], name: str, value: str
) -> None:
    ended = here("collect", settings | {name: value})
    assert ended.returncode == errors.SettingsError.exit_code, ended
    assert name in ended.line["sentence"]
    assert PASSWORD not in ended.stdout + ended.stderr


def test_a_server_that_is_away_is_told_without_the_password(settings: dict[str, str]) -> None:
    url = f"postgresql://relevo:{PASSWORD}@127.0.0.1:1/raw"
    code, line, stderr = run_step("collect", settings | {"RELEVO_RAW_URL": url})
    assert code == errors.Unavailable.exit_code
    assert line["retry"] is True
    assert "127.0.0.1:1/raw" in line["sentence"]
    assert "RELEVO_RAW_URL" in line["sentence"]
    assert PASSWORD not in json.dumps(line) + stderr
    assert "Traceback" not in stderr


@pytest.mark.parametrize("changes", [{}, {"RELEVO_GROUP": "none"}], ids=["server away", "settings wrong"])
def test_the_termination_message_holds_the_last_line(
    settings: dict[str, str], here: Callable[..., Ended], changes: dict[str, str]
) -> None:
    message = Path(settings["RELEVO_TERMINATION_LOG"])
    here("clean", settings | changes)
    assert not message.exists(), "where there is no such file, there is no Kubernetes: none is made"
    message.touch()
    ended = here("clean", settings | changes)
    assert json.loads(message.read_text()) == ended.line


def test_a_termination_message_that_cannot_be_written_costs_the_step_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(Outcome.done("clean", "all well", 3), tmp_path) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["sentence"] == "all well"
    assert "termination message" in shown.err


@pytest.mark.parametrize("character", ["a", "é", "🏠", "\x01", '"'])
def test_a_long_outcome_is_shortened_to_what_kubernetes_keeps(character: str) -> None:
    outcome = Outcome.done("clean", character * 10_000, 3, reasons={"x": "y" * 5_000})
    short = outcome.line(TERMINATION_MESSAGE_BYTES)
    assert len(short.encode()) <= TERMINATION_MESSAGE_BYTES
    body = json.loads(short)
    assert (body["step"], body["status"], body["batch"]) == ("clean", "done", 3)
    assert body["sentence"].startswith(legible(character) * 500)
    assert json.loads(outcome.line())["reasons"] == {"x": "y" * 5_000}


def test_an_error_that_nobody_foresaw_still_ends_with_a_line(settings: dict[str, str]) -> None:
    program = (
        "import sys, relevo_jobs.clean.step as step\n"
        "def run(settings, use_case): raise ZeroDivisionError('one row too few')\n"
        "step.run = run\n"
        "from relevo_jobs.cli import main\n"
        "sys.exit(main(['clean']))"
    )
    done = subprocess.run([sys.executable, "-c", program], env=settings, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    line = json.loads(done.stdout.splitlines()[-1])
    assert line["sentence"] == "ZeroDivisionError: one row too few"
    assert "Traceback" in done.stderr


HEAVY = {"mlflow", "xgboost", "onnxruntime", "pandas", "sklearn", "matplotlib", "shap", "boto3", "botocore", "scipy"}


@pytest.mark.parametrize("step", ["prepare", "collect", "clean", "decide"])
def test_only_what_a_step_needs_is_imported(step: str) -> None:
    program = f"import sys, relevo_jobs.cli, {STEPS[step].module}; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    imported = {module.split(".")[0] for module in done.stdout.split()}
    assert not imported & HEAVY


@pytest.mark.parametrize("step", ["prepare", "collect"])
@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name: loans\nsource: {http: {}}\n", "RELEVO_USE_CASE: use_case.yaml, line 1: expected target in the file"),
        ("name: loans\nname: loans\n", "RELEVO_USE_CASE: use_case.yaml: line 2: expected 'name' once"),
        (
            "name: loans\nsource: {http: {}}\ntarget: {column: bad, task: ternary}\ncolumns: {rate: number}\n",
            "RELEVO_USE_CASE: use_case.yaml, line 3: target.task: ",
        ),
        (None, "RELEVO_USE_CASE: expected a readable use_case.yaml at "),
    ],
)
def test_a_use_case_that_is_refused_is_the_pods_last_word(
    here: Callable[..., Ended], settings: dict[str, str], tmp_path: Path, step: str, text: str | None, says: str
) -> None:
    """What Helm cannot see is told by `prepare`, whose Job `helm install` starts."""
    file, log = tmp_path / "use_case.yaml", tmp_path / "termination-log"
    log.touch()
    if text is not None:
        file.write_text(text)
    ended = here(step, settings | {"RELEVO_USE_CASE": str(file)})
    assert ended.returncode == 2
    last = json.loads(log.read_text())
    assert says in last["sentence"]
    assert last["retry"] is False
