"""What a person gets to read who installs it wrong."""

from __future__ import annotations

import shutil
import subprocess

from tests.e2e.cluster import new_namespace
from tests.e2e.whole.repository import ROOT


def install(namespace: str, *values: str) -> subprocess.CompletedProcess[str]:
    """Install the chart with values such as image.tag=dev."""
    command = [shutil.which("helm") or "helm", "install", "relevo", str(ROOT / "charts" / "relevo"), "-n", namespace]
    command += [part for value in ("image.tag=dev", *values) for part in ("--set", value)]
    return subprocess.run([*command, "--timeout=90s"], capture_output=True, text=True, timeout=120, check=False)


def test_a_secret_that_is_missing_is_named_before_anything_is_made() -> None:
    with new_namespace("e2e-wrong") as namespace:
        ended = install(namespace.name, "postgres.databases.raw.existingSecret=my-raw")
        assert ended.returncode != 0
        said = namespace.logs("job/relevo-install")
        assert "my-raw" in said
        assert "kubectl create secret" in said
        assert not namespace.find("statefulsets")
        assert not namespace.find("secrets", "app.kubernetes.io/part-of=relevo")


def test_a_wrong_value_is_refused_in_a_sentence() -> None:
    with new_namespace("e2e-wrong") as namespace:
        for value, sentence in (
            ("serving.replicas=two", "'/serving/replicas': got string, want null or integer"),
            ("model.nam=x", "'/model': additional properties 'nam' not allowed"),
            ("bucket.endpoint=https://s3.example", "expected bucket.existingSecret"),
            ("source.data.file=listings.csv", "expected existingClaim"),
            ("grafana.enabled=true", "expected prometheus.enabled, or grafana.prometheusUrl"),
            ("alerts.change.RelevoNothing=false", "expected the name of an alert"),
        ):
            ended = install(namespace.name, value)
            assert ended.returncode != 0
            assert sentence in ended.stderr, ended.stderr
