"""What the OpenAPI promises holds for whatever is sent: thousands of requests made of it, right ones and wrong ones."""

from __future__ import annotations

from collections import Counter
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

from relevo_serving.model import Model
from tests.serving.conftest import hosted

CHECKS: Final = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
INFER: Final = "/v2/models/{name}/infer"
POSTS: Final = ("/predict", "/explain", "/invocations", INFER)
GETS: Final = ("/model", "/healthz", "/readyz", "/metrics", "/v2", "/v2/health/live", "/v2/health/ready")
OF_MODELS: Final = tuple(
    f"/v2/models/{{name}}{version}{ready}" for version in ("", "/versions/{version}") for ready in ("", "/ready")
)
CASES: Final = 400
"""For each POST, as many right as wrong: 10,000 in all."""


@pytest.fixture(scope="module")
def promised(models: tuple[Model, Model]) -> Any:
    """The description, as the application gives it, with a version served."""
    return schemathesis.openapi.from_asgi("/openapi.json", hosted(models[0]))


def test_every_operation_is_asked(promised: Any) -> None:
    described = {(one.ok().method, one.ok().path) for one in promised.get_all_operations()}
    assert described == {("post", path) for path in (*POSTS, "/v2/models/{name}/versions/{version}/infer")} | {
        ("get", path) for path in (*GETS, *OF_MODELS)
    }


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
        if path == INFER:
            case.path_parameters["name"] = "house-prices"  # any other is not there
        answer = case.call_and_validate(checks=CHECKS)
        answers[answer.status_code] += 1

    ask()
    assert answers.total() >= CASES
    right = mode is GenerationMode.POSITIVE and path != INFER  # a tensor of any name is hardly ever a column's
    assert answers[200 if right else 422] > CASES // 20


@pytest.mark.parametrize("path", GETS)
def test_what_is_only_read_answers_as_described(promised: Any, path: str) -> None:
    promised[path]["GET"].Case().call_and_validate(checks=CHECKS)
