from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from relevo_demo.servers import MlflowServer
from tests.operator.registry.hub import Hub, Listener, listening


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as found:
        yield found


@pytest.fixture
def hub(mlflow: MlflowServer) -> Iterator[Hub]:
    """MLflow, without webhooks before and after: it would go on delivering to nobody."""
    hub = Hub(mlflow.url)
    yield hub
    for webhook in hub.webhooks():
        hub.ask("DELETE", f"webhooks/{webhook['webhook_id']}")


@pytest.fixture(scope="module")
def crowd(mlflow: MlflowServer) -> Iterator[list[str]]:
    """300 models, version 1 of each marked `production`; gone after this module, for the server is everybody's."""
    hub = Hub(mlflow.url)
    models = [f"crowd-{number:03}" for number in range(300)]
    hub.model(models[0])
    hub.version(models[0])

    def make(model: str) -> None:
        if model != models[0]:
            hub.model(model)
            hub.version(model)
        hub.mark(model, "production", 1)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(make, models))
        yield models
        list(pool.map(hub.delete, models))
