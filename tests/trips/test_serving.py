"""relevo-serving serves the trips, of which it knows nothing but what a version says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from relevo_contract import names
from relevo_operator.manifests import deployment
from relevo_operator.values import RegistryRef
from tests.operator.worlds import SPEC, World
from tests.serving_process import serving
from tests.trips.conftest import MODEL, TRIPS, Loop

TRIP = {"district": "Hills", "bike": "city", "hour": 12, "distance_km": 2.0, "temperature": 15}


def container(tracking_uri: str, model: str, version: int, port: int) -> dict[str, Any]:
    """The container that the operator makes for the version."""
    spec = replace(SPEC, registry=RegistryRef(tracking_uri, model, names.ALIAS), port=port)
    pod = deployment(World(spec=spec).observed(), version)["spec"]["template"]["spec"]
    found: dict[str, Any] = pod["containers"][0]
    return found


def test_each_version_is_served_with_the_columns_that_it_learnt(loop: Loop, tmp_path: Path) -> None:
    minutes = {}
    for version in (1, 2):
        with serving(tmp_path, loop.mlflow_url, MODEL, RELEVO_VERSION=str(version)) as api:
            api.wait_for_version(version)
            first, second = api.predict(TRIP, {}).json()["predictions"]
            assert 0 < first["low"] < first["prediction"] < first["high"]
            assert first["missing"] == ["station"]
            assert set(second["missing"]) == set(TRIPS.inputs)
            assert first["unseen"] == (["district"] if version == 1 else [])
            minutes[version] = first["prediction"]
            (wrong,) = api.predict(TRIP | {"hour": "noon"}).json()["fields"]
            assert wrong["field"] == "instances.0.hour"
            assert set(TRIPS.inputs) <= set(str(api.get("/openapi.json").text).split('"'))
    assert minutes[2] > 1.2 * minutes[1], "version 1 never saw the hills"
