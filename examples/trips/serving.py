"""`python -m examples.trips.serving`: a server of one version of the model, as the operator expects one.

Not a copy of relevo-serving, but the least that keeps the contract of docs/your-own.md.
"""

from __future__ import annotations

import signal
import sys
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import uvicorn
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, Field

from examples.trips import model as trip_model
from examples.trips.data import MODEL, Trip
from relevo_contract import names, settings
from relevo_contract.logs import configure
from relevo_serving.draining import Server
from relevo_serving.errors import BROKEN_VERSION, STOPPED, WRONG_SETTING, BrokenVersion, RegistryAway, SettingsError
from relevo_serving.last_words import leave
from relevo_serving.registry import Registry

FILES = (trip_model.MODEL_FILE, names.SELF_TEST_FILE)
POLL_SECONDS = 2.0


class Settings(settings.Settings):
    """What the operator sets in a pod."""

    tracking_uri: str = Field(alias="MLFLOW_TRACKING_URI", pattern=r"^https?://", description="http://mlflow:5000")
    model: str = Field(default=MODEL, min_length=1, description="the registered model's name")
    version: int = Field(ge=1, description="the version to serve, and no other")
    host: str = Field(default="127.0.0.1", description="address to listen on")
    port: int = Field(default=8000, ge=1, le=65535, description="port to listen on")
    termination_log: Path = Field(default=Path("/dev/termination-log"), description="where a pod's last words go")


@dataclass
class State:
    """What the process serves."""

    model: trip_model.TripModel | None = None
    problem: str = "the version is being loaded"
    code: int = STOPPED
    ending: threading.Event = field(default_factory=threading.Event)


class Question(BaseModel):
    """What `POST /predict` takes."""

    trips: Annotated[list[Trip], Field(min_length=1, max_length=1000)]


def load(registry: Registry, version: int) -> trip_model.TripModel:
    """The version, loaded and tested. Raises BrokenVersion if it can never be served, RegistryAway if not now."""
    with tempfile.TemporaryDirectory() as name:
        folder = registry.download(registry.by_number(version).run_id, Path(name))
        try:
            model = trip_model.load(folder)
            cases = trip_model.SelfTest.model_validate_json((folder / names.SELF_TEST_FILE).read_bytes())
            problem = cases.problem(model)
        except ValueError as error:
            raise BrokenVersion(f"expected {' and '.join(FILES)} of this release, got: {error}; train again") from error
    if problem is not None:
        raise BrokenVersion(f"{problem}: its files do not belong together; train again")
    return model


def create_app(given: Settings, state: State) -> FastAPI:
    """The API."""
    app = FastAPI(title="Minutes of a trip")

    def ready() -> trip_model.TripModel:
        if state.model is None:
            raise HTTPException(503, state.problem)
        return state.model

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/readyz")
    def readyz() -> dict[str, str | int]:
        ready()
        return {"status": "ready", "version": given.version}

    @app.get("/model")
    def model() -> dict[str, dict[str, str | int]]:
        ready()
        return {"serving": {"name": given.model, "version": given.version}}

    @app.post("/predict")
    def predict(question: Question) -> dict[str, list[float] | int]:
        return {"minutes": ready().minutes(question.trips), "version": given.version}

    return app


def main() -> int:
    """Serve until told to stop; returns the exit code."""
    try:
        given = settings.read(Settings, SettingsError)
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return WRONG_SETTING
    configure(quiet=("httpx",))
    for number in (signal.SIGTERM, signal.SIGINT):  # uvicorn finishes the requests, then raises the signal again
        signal.signal(number, lambda *_: sys.exit(STOPPED))
    state = State()
    registry = Registry(given.tracking_uri, given.model, timeout=10, files=FILES)
    server = Server(uvicorn.Config(create_app(given, state), host=given.host, port=given.port, log_config=None))

    def follow() -> None:
        while state.model is None and not state.ending.is_set():
            try:
                state.model = load(registry, given.version)
            except BrokenVersion as error:  # no waiting helps: the operator gives the version up and says why
                state.code = BROKEN_VERSION
                leave(str(error), given.termination_log)
                server.should_exit = True
                return
            except RegistryAway as error:  # says nothing about the version
                state.problem = str(error)
                state.ending.wait(POLL_SECONDS)

    threading.Thread(target=follow, daemon=True).start()
    server.run()
    state.ending.set()
    return state.code


if __name__ == "__main__":
    sys.exit(main())
