"""The command line of relevo-install, and the settings and files it refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from relevo_contract import logs
from relevo_operator.installing.__main__ import WRONG_SETTING, main
from tests.operator.installing.release import CRD


@pytest.fixture
def right_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings that are right, and a kubeconfig that is not there; returns the Secrets file."""
    monkeypatch.setattr(logs, "configure", lambda **_: None)  # the tests' own logging stays
    file = tmp_path / "secrets.json"
    file.write_text(json.dumps({"db": {"password": {"random": "password"}}}))
    monkeypatch.setenv("RELEVO_SECRETS_FILE", str(file))
    monkeypatch.setenv("RELEVO_REQUIRED_SECRETS", '{"other": ["url"]}')
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    for name in ("RELEVO_TIMEOUT", "RELEVO_PART_OF", "RELEVO_NAMESPACE"):
        monkeypatch.delenv(name, raising=False)
    return file


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("RELEVO_SECRETS_FILE", None, "RELEVO_SECRETS_FILE: not set"),
        ("RELEVO_SECRETS_FILE", "/missing", "RELEVO_SECRETS_FILE: expected a readable file, got No such file"),
        ("RELEVO_SECRETS_FILE", str(CRD), "RELEVO_SECRETS_FILE: expected a Secret's name"),
        ("RELEVO_SECRETS_FILE", "", "RELEVO_SECRETS_FILE: expected a readable file, got Is a directory"),
        ("RELEVO_SECRETS_FILE", sys.executable, "expected a readable file, got bytes that are no UTF-8"),
        ("RELEVO_REQUIRED_SECRETS", "{", "RELEVO_REQUIRED_SECRETS: expected YAML or JSON, got: "),
        ("RELEVO_REQUIRED_SECRETS", '{"db": ["url"]}', "got db, which RELEVO_SECRETS_FILE says are made here"),
        ("RELEVO_TIMEOUT", "soon", "RELEVO_TIMEOUT: "),
        ("RELEVO_TIMEOUT", "0", "RELEVO_TIMEOUT: "),
        ("RELEVO_PART_OF", "-", "RELEVO_PART_OF: "),
        ("KUBECONFIG", "/missing", "expected a pod's credentials or a kubeconfig (KUBECONFIG), got: "),
    ],
)
def test_what_is_wrong_is_named(
    right_settings: Path,
    variable: str,
    value: str | None,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if value is None:
        monkeypatch.delenv(variable)
    else:
        monkeypatch.setenv(variable, value)
    assert main([]) == WRONG_SETTING
    said = capsys.readouterr().err
    assert said.startswith("relevo-install: ")
    assert words in said


def test_the_package_brings_the_command_and_its_help_names_settings_and_exit_codes() -> None:
    command = Path(sys.executable).with_name("relevo-install")
    told = subprocess.run([command, "--help"], capture_output=True, text=True, check=True).stdout
    for word in ("relevo-install", "RELEVO_SECRETS_FILE", "exit codes: 0 ", "2 a setting", "1 a Secret"):
        assert word in told
