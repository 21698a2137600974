"""docs/serving.md says what is true: every setting, endpoint, answer and log event; its examples are asked for real."""

from __future__ import annotations

import json
import re
import shlex
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import BaseModel
from starlette.testclient import TestClient

import relevo_serving
from relevo_contract.settings import Settings, variable
from relevo_serving import model, schema
from relevo_serving import settings as serving_settings
from relevo_serving.__main__ import EXIT_CODES
from relevo_serving.app import create_app
from relevo_serving.following import Wanted
from relevo_serving.state import Served, State
from relevo_ui import settings as ui_settings
from tests.docs.commands import Command, typed

EXAMPLES = tuple(
    typed(f"curl -s http://127.0.0.1:8000{begins}")
    for begins in (
        "/predict -H 'Content-Type: application/json' -d '{\"houses\": [\n",
        "/predict -H 'Content-Type: application/json' -d \\",
        "/explain", "/invocations", "/model", "/healthz", "/readyz",
    )
)  # fmt: skip
ROOT = Path(__file__).parents[2]
SERVING = (ROOT / "docs" / "serving.md").read_text()
UI = (ROOT / "docs" / "ui.md").read_text()


ANSWERS: dict[str, type[BaseModel]] = {
    "/predict": schema.PredictResponse,
    "/explain": schema.ExplainResponse,
    "/invocations": schema.InvocationsResponse,
    "/model": schema.ModelStatus,
}


@pytest.fixture(scope="module")
def client(bundles: tuple[Path, Path]) -> TestClient:
    state = State(served=Served(Wanted(2, "run"), model.load(bundles[0]), datetime.now(UTC)))
    settings = serving_settings.Settings(tracking_uri="http://127.0.0.1:9")
    return TestClient(create_app(settings, state))


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
    if options:
        assert options[:3] == ["-H", "Content-Type: application/json", "-d"]
        response = client.post(path, content=options[3], headers={"Content-Type": "application/json"})
    else:
        response = client.get(path)
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
