"""docs/serving.md says what is true: every setting, endpoint, answer and log event; its examples are asked for real."""

from __future__ import annotations

import json
import os
import re
import shlex
from pathlib import Path

import pytest
from pydantic import BaseModel
from starlette.testclient import TestClient

import relevo_serving
from relevo_contract.settings import Settings, variable
from relevo_serving import schema
from relevo_serving import settings as serving_settings
from relevo_serving.__main__ import EXIT_CODES
from relevo_serving.model import Model
from relevo_ui import settings as ui_settings
from tests.docs.commands import Command, typed
from tests.serving.conftest import hosted

EXAMPLES = tuple(
    typed(f"curl -s http://127.0.0.1:8000{begins}")
    for begins in (
        "/predict -H 'Content-Type: application/json' -d '{\"instances\": [\n",
        "/predict -H 'Content-Type: application/json' -d \\",
        "/explain", "/invocations",
    )
)  # fmt: skip
WITH_KEY = typed("curl -s http://127.0.0.1:8000/model -H")
ROOT = Path(__file__).parents[2]
SERVING = (ROOT / "docs" / "serving.md").read_text()
UI = (ROOT / "docs" / "ui.md").read_text()


PREDICTIONS, INVOCATIONS = schema.answers_of("f", single=True)
ANSWERS: dict[str, type[BaseModel]] = {
    "/predict": PREDICTIONS,
    "/explain": schema.ExplainResponse,
    "/invocations": INVOCATIONS,
}


@pytest.fixture(scope="module")
def client(models: tuple[Model, Model]) -> TestClient:
    return TestClient(hosted(models[0]))


def documented(text: str) -> dict[str, str]:
    """Variable to default, as the tables say."""
    return dict(re.findall(r"^\| `([A-Z_]+)` \| (.+?) \|", text, re.MULTILINE))


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        (SERVING, serving_settings.Settings),
        (UI, ui_settings.Settings),
    ],
)
def test_every_setting_is_documented_with_its_default(text: str, settings: type[Settings]) -> None:
    said = documented(text)
    for name, field in settings.model_fields.items():
        default = "required" if field.is_required() else "none" if field.default is None else f"`{field.default}`"
        assert said.pop(variable(settings, name)) == default
    assert not said, "documented, and no longer there"


def test_every_endpoint_and_answer_is_documented(client: TestClient) -> None:
    for path, methods in client.get("/openapi.json").json()["paths"].items():
        for method, operation in methods.items():
            assert f"`{method.upper()} {path}`" in SERVING
            for status in operation["responses"]:
                assert re.search(rf"\b{status}\b", SERVING)


def test_every_event_of_the_log_is_documented() -> None:
    source = "".join(file.read_text() for file in Path(relevo_serving.__file__).parent.rglob("*.py"))
    events = set(re.findall(r'(?:log\.\w+|self\._tell)\(\s*"(\w+)"', source))
    assert {"listening", "version_served"} <= events
    for event in events:
        assert f"`{event}`" in SERVING


def test_every_exit_code_is_documented() -> None:
    said = re.findall(r"^\| (\d+) \| (.+) \|$", SERVING.split("| exit code |")[1].split("## ")[0], re.MULTILINE)
    assert [int(code) for code, _ in said] == list(EXIT_CODES)


def answer_shown(command: Command) -> str | None:
    """The answer that the page shows below a command's block, if the command is all of it."""
    shown = re.search(rf"```sh\n{re.escape(command.text)}\n```\n\n```json\n(.*?)```", SERVING, re.DOTALL)
    return shown[1] if shown else None


@pytest.mark.parametrize("command", EXAMPLES, ids=lambda one: one.text[:60])
def test_the_examples_answer_as_documented(command: Command, client: TestClient) -> None:
    """What curl would send is sent, without curl, which not every machine has."""
    curl, silent, url, *options = shlex.split(command.text.replace("\\\n", " "))
    assert (curl, silent) == ("curl", "-s")
    path = url.removeprefix("http://127.0.0.1:8000")
    assert options[:3] == ["-H", "Content-Type: application/json", "-d"]
    response = client.post(path, content=options[3], headers={"Content-Type": "application/json"})
    shown = answer_shown(command)
    if shown is None:
        assert response.status_code == 200
        return
    said = json.loads(shown)
    if "error" in said:
        assert response.json() == said
    else:
        kind = ANSWERS[path]
        kind.model_validate(said)
        kind.model_validate(response.json())


def test_a_key_opens_as_documented(models: tuple[Model, Model], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", "a-key-of-the-tests-that-is-long-enough")
    client = TestClient(hosted(models[0], api_keys=os.path.expandvars("ui=$KEY")))
    _curl, _silent, url, _option, header = shlex.split(os.path.expandvars(WITH_KEY.text))
    path, (name, value) = url.removeprefix("http://127.0.0.1:8000"), header.split(": ")
    assert client.get(path).status_code == 401
    assert client.get(path, headers={name: value}).status_code == 200
