"""Settings from the environment and from files: what is read, and what is said of one that cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import Field

from relevo_contract import mlflow_login, settings


class Refused(Exception):
    """What a part raises."""


class Some(settings.Settings):
    """Settings of a part."""

    raw_url: str = Field(pattern=r"^postgresql://", description="RAW, e.g. postgresql://relevo@raw:5432/raw")
    key: str | None = Field(default=None, alias="AWS_SECRET_ACCESS_KEY", description="S3's secret")
    workers: int = Field(default=7, ge=1, description="how many")


URL = "postgresql://relevo:geheim@raw:5432/raw"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What RELEVO_RAW_URL_FILE names."""
    path = tmp_path / "url"
    monkeypatch.delenv("RELEVO_RAW_URL", raising=False)
    monkeypatch.setenv("RELEVO_RAW_URL_FILE", str(path))
    return path


def said() -> str:
    with pytest.raises(Refused) as caught:
        settings.read(Some, Refused)
    assert "geheim" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n"])
def test_a_file_is_read_without_its_last_line_end(file: Path, end: str) -> None:
    file.write_bytes((URL + end).encode())
    assert settings.read(Some, Refused).raw_url == URL


def test_every_setting_may_be_in_a_file(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text(URL)
    for name, text in (("AWS_SECRET_ACCESS_KEY", "geheim "), ("RELEVO_WORKERS", "9")):
        (tmp_path / name).write_text(text)
        monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv(f"{name}_FILE", str(tmp_path / name))
    read = settings.read(Some, Refused)
    assert (read.key, read.workers) == ("geheim ", 9)
    assert "_FILE" in settings.table(Some)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "got nothing in"),
        (b"\n", "got nothing in"),
        (b"geheim\ngeheim", "got line ends or control characters"),
        (b"geheim\0", "got line ends or control characters"),
        (b"geheim\xff", "got bytes that are no UTF-8"),
        (b"geheim" * 20_000, "got more than 65,536 bytes"),
        (b"mysql://geheim@raw/raw", "RELEVO_RAW_URL: String should match"),
    ],
    ids=["empty", "a line end alone", "two lines", "NUL", "no UTF-8", "too long", "no such address"],
)
def test_a_file_that_holds_no_value_is_refused_without_repeating_it(file: Path, content: bytes, sentence: str) -> None:
    file.write_bytes(content)
    assert sentence in said()
    assert "RELEVO_RAW_URL" in said()


@pytest.mark.parametrize(
    ("path", "why"), [("missing", "No such file"), ("", "Is a directory"), ("held/url", "Not a directory")]
)
def test_a_file_that_cannot_be_read_is_named(file: Path, monkeypatch: pytest.MonkeyPatch, path: str, why: str) -> None:
    (file.parent / "held").touch()
    monkeypatch.setenv("RELEVO_RAW_URL_FILE", str(file.parent / path))
    assert (
        f"RELEVO_RAW_URL_FILE: expected a readable file with one line, the value of RELEVO_RAW_URL, got {why}" in said()
    )


def test_a_required_one_that_is_missing_is_named_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RELEVO_RAW_URL", "RELEVO_RAW_URL_FILE"):
        monkeypatch.delenv(name, raising=False)
    assert "RELEVO_RAW_URL: not set, and RELEVO_RAW_URL_FILE names no file; expected: RAW" in said()
    monkeypatch.setenv("RELEVO_RAW_URL_FILE", "")
    assert "RELEVO_RAW_URL: not set, and RELEVO_RAW_URL_FILE names no file" in said()


def test_both_are_one_too_many(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text(URL)
    monkeypatch.setenv("RELEVO_RAW_URL", URL)
    assert "RELEVO_RAW_URL, RELEVO_RAW_URL_FILE: expected one of them, both are set" in said()
    assert settings.read(Some, Refused, raw_url="postgresql://given").raw_url == "postgresql://given"


def test_a_wrong_value_of_a_file_is_not_repeated(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text(URL)
    (tmp_path / "workers").write_text("geheim")
    monkeypatch.setenv("RELEVO_WORKERS_FILE", str(tmp_path / "workers"))
    assert "RELEVO_WORKERS: Input should be a valid integer" in said()


def test_mlflows_login_may_be_in_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TOKEN", "USERNAME", "PASSWORD"):
        monkeypatch.delenv(f"MLFLOW_TRACKING_{name}", raising=False)
    for name, text in (("USERNAME", "ann\n"), ("PASSWORD", "geheim\n")):
        (tmp_path / name).write_text(text)
        monkeypatch.setenv(f"MLFLOW_TRACKING_{name}_FILE", str(tmp_path / name))
    assert mlflow_login.login() == {"Authorization": "Basic YW5uOmdlaGVpbQ=="}
    (tmp_path / "TOKEN").write_text("t0ken\n")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN_FILE", str(tmp_path / "TOKEN"))
    assert mlflow_login.login() == {"Authorization": "Bearer t0ken"}
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN_FILE", "/nowhere")
    with pytest.raises(ValueError, match="MLFLOW_TRACKING_TOKEN_FILE: expected a readable file"):
        mlflow_login.login()
    assert "MLFLOW_TRACKING_TOKEN_FILE: expected a readable file" in said(), "told at start, too"
