"""Every client of another server, against one that means harm: its answer is refused, for some megabytes."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import Callable

import pytest

from relevo_contract.mlflow_rest import TOO_MUCH, AsyncMlflowRest, MlflowError, MlflowRest, RegisteredVersion, Trouble
from relevo_demo.recall import from_mlflow
from relevo_operator import airflow_api
from relevo_operator.airflow_api import AirflowApi, Login, No
from relevo_operator.credentials import Access
from relevo_operator.registry import Registry
from relevo_operator.values import Absent
from relevo_ui.api import Api
from relevo_ui.errors import ApiAway
from tests.hostile_server import Answering, answering, bomb, dribbling, whole

PACKED = whole("Content-Encoding: gzip\r\nContent-Type: application/json\r\n", bomb(2**27, "gzip"))
LONG = whole("", b" " * 2**26)


def mlflow(url: str) -> None:
    with pytest.raises(MlflowError) as caught:
        MlflowRest(url, timeout=2).version("m", 1)
    assert caught.value.said == TOO_MUCH or caught.value.trouble is Trouble.UNREACHABLE


def file_of_mlflow(url: str) -> None:
    version = RegisteredVersion("m", 1, "", "models:/m-1", {})
    with pytest.raises(MlflowError):
        MlflowRest(url, timeout=2).version_file(version, "model.onnx", 1000)


def mlflow_of_the_operator(url: str) -> None:
    async def ask() -> object:
        registry = Registry(Access(url, denied=""), timeout=2)
        try:
            return await registry.resolve("m", "production")
        finally:
            await registry.aclose()

    assert isinstance(asyncio.run(ask()), Absent)


def mlflow_in_a_loop(url: str) -> None:
    async def ask() -> None:
        rest = AsyncMlflowRest(url, timeout=2)
        try:
            await rest.ask("GET", "experiments/get")
        finally:
            await rest.aclose()

    with pytest.raises(MlflowError):
        asyncio.run(ask())


def airflow(url: str) -> None:
    async def ask() -> None:
        api = AirflowApi(url, Login("relevo", "secret-word"), timeout=2)
        try:
            await api.run("dag", "run")
        finally:
            await api.aclose()

    with pytest.raises(No) as caught:
        asyncio.run(ask())
    assert caught.value.outcome == airflow_api.AWAY


def inference_api(url: str) -> None:
    with pytest.raises(ApiAway):
        Api(url, timeout=2).status()


def demo(url: str) -> None:
    assert from_mlflow(url, "6", "house-prices")("decide", 1) is None


ENDLESS = dribbling(b"HTTP/1.1 200 OK\r\n\r\n{")
CLIENTS = [mlflow, file_of_mlflow, mlflow_of_the_operator, mlflow_in_a_loop, airflow, inference_api, demo]


@pytest.mark.parametrize("answer", [PACKED, LONG, ENDLESS], ids=["gzip", "long", "dribble"])
@pytest.mark.parametrize("client", CLIENTS)
def test_no_client_takes_more_than_it_may(
    answer: Answering, client: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relevo_contract.mlflow_rest.FILE_SECONDS", 2)
    monkeypatch.setattr("relevo_demo.recall.SECONDS", 2)
    with answering(answer) as url:
        tracemalloc.start()
        try:
            client(url)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 2**26
