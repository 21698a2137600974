"""Airflow takes each of its passwords from the file that the chart mounts, by the command that the chart gives it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from airflow.configuration import conf

TEMPLATE = (Path(__file__).parents[2] / "charts" / "relevo" / "templates" / "_airflow.tpl").read_text()
COMMAND = re.findall(r"value: (sh -c .*)\n", TEMPLATE)
FILES = re.findall(r'"relevo.airflowCommand" \(list "(\w+)" "([-\w/]+)"\)', TEMPLATE)


def test_the_chart_has_them() -> None:
    assert len(COMMAND) == 1
    assert len(FILES) == 4


@pytest.mark.parametrize(("variable", "path"), FILES)
@pytest.mark.parametrize("end", ["", "\n"])
def test_airflow_asks_the_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str, path: str, end: str
) -> None:
    file = tmp_path / path
    file.parent.mkdir()
    file.write_text("postgresql://u:100%25$(X)'\"@h/d" + end)
    command = COMMAND[0].replace("{{ index . 1 }}", path).replace("/secrets", str(tmp_path))
    monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv(f"{variable}_CMD", command.replace("$$", "$"))  # as the kubelet does
    _, section, key = variable.split("__")
    assert conf.get(section.lower(), key.lower()) == "postgresql://u:100%25$(X)'\"@h/d"
