"""What the OpenAPI promises holds for whatever is sent: ten thousand requests made of it, right ones and wrong ones."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from relevo_serving import model
from relevo_serving.app import create_app
from relevo_serving.following import Wanted
from relevo_serving.settings import Settings
from relevo_serving.state import Served, State

CHECKS: Final = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
POSTS: Final = ("/predict", "/explain", "/invocations")
GETS: Final = ("/model", "/healthz", "/readyz", "/metrics")
CASES: Final = 1667
"""For each POST, as many right as wrong: 10,002 in all."""


@pytest.fixture(scope="module")
def promised(bundles: tuple[Path, Path]) -> Any:
    """The description, as the application gives it, with a version served."""
    state = State(served=Served(Wanted(3, "run-3"), model.load(bundles[0]), datetime.now(UTC)))
    return schemathesis.openapi.from_asgi("/openapi.json", create_app(Settings(tracking_uri="http://x"), state))


def test_every_operation_is_asked(promised: Any) -> None:
    described = {(one.ok().method, one.ok().path) for one in promised.get_all_operations()}
    assert described == {("post", path) for path in POSTS} | {("get", path) for path in GETS}


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["right", "wrong"])
@pytest.mark.parametrize("path", POSTS)
def test_no_request_gives_a_500_or_an_answer_that_is_not_described(
    promised: Any, path: str, mode: GenerationMode
) -> None:
    answers: Counter[int] = Counter()

    @settings(
        max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None
    )
    @given(case=promised[path]["POST"].as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        answer = case.call_and_validate(checks=CHECKS)
        answers[answer.status_code] += 1

    ask()
    assert answers.total() >= CASES
    assert answers[200 if mode is GenerationMode.POSITIVE else 422] > CASES // 20


@pytest.mark.parametrize("path", GETS)
def test_what_is_only_read_answers_as_described(promised: Any, path: str) -> None:
    promised[path]["GET"].Case().call_and_validate(checks=CHECKS)
