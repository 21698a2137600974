"""The commands of docs/scaling.md that change a release: what helm makes of them. tests/e2e/test_dask.py trains."""

from __future__ import annotations

import json

from tests.docs.commands import typed
from tests.e2e.upgrades import upgraded

PAGE = "docs/scaling.md"
DASK = typed("helm upgrade relevo charts/relevo -n relevo --reset-then-reuse-values \\\n  --set dask.scheduler", PAGE)
BUCKET = typed("helm upgrade relevo charts/relevo -n relevo --reset-then-reuse-values --set bucket", PAGE)


def test_helm_tells_train_of_the_cluster_of_the_page() -> None:
    objects = upgraded(DASK)
    (steps,) = [one for one in objects if one["kind"] == "ConfigMap" and one["metadata"]["name"] == "relevo-steps"]
    assert [name for name, pod in steps["data"].items() if "tcp://training-scheduler:8786" in pod] == ["train.yaml"]


def test_helm_takes_the_bucket_of_the_page_and_installs_none() -> None:
    objects = upgraded(BUCKET)
    assert "https://s3.eu-west-1.amazonaws.com" in json.dumps(objects)
    assert not [one for one in objects if one["kind"] == "StatefulSet" and "seaweedfs" in json.dumps(one)]
