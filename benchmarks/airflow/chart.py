"""What the chart gives Airflow and the steps' pods: read from the chart, so that there is one source."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
STEPS = ("collect", "clean", "decide", "train", "promote")
COMMAND = """\
began=$(date +%s.%N)
echo "a step of $0 seconds and a bit"
sleep "$0" "0.$(date +%N)"
ended=$(date +%s.%N)
printf '{"step": "bench", "sentence": "slept", "began": %s, "ended": %s}' "$began" "$ended" >/dev/termination-log
"""
"""What a step does here: nothing for so many seconds and up to one more: the kubelet looks at its containers once a
second, and steps of one length would all end at the same moment of that. It tells exactly when it began and ended."""


def _rendered(template: str, tag: str) -> list[dict[str, Any]]:
    helm = shutil.which("helm")
    if helm is None:
        raise SystemExit("expected helm on PATH, found none: install it, or add its folder to PATH")
    command = [helm, "template", "relevo", str(ROOT / "charts/relevo"), "--kube-version", "1.30", "--set"]
    ended = subprocess.run(
        [*command, f"image.tag={tag}", "--show-only", template], capture_output=True, text=True, check=False
    )
    if ended.returncode:
        raise SystemExit(f"expected helm to render {template}, it says: {ended.stderr.strip()}")
    return [one for one in yaml.safe_load_all(ended.stdout) if one]


def environment() -> dict[str, str]:
    """The scheduler's environment, without what comes from Secrets."""
    (scheduler,) = [one for one in _rendered("templates/scheduler.yaml", "dev") if one["kind"] == "StatefulSet"]
    given = scheduler["spec"]["template"]["spec"]["containers"][0]["env"]
    return {one["name"]: one["value"] for one in given if "value" in one and "/secrets/" not in one["value"]}


def following(bundles: str, folder: Path) -> str:
    """The chart's bundle of DAGs, in a folder of this machine."""
    found = json.loads(bundles)
    found[0]["kwargs"]["path"] = str(folder)
    return json.dumps(found)


def pod(namespace: str, tag: str, seconds: float) -> dict[str, Any]:
    """The pod of the step collect, with its image, resources and security, that sleeps instead."""
    (steps,) = [one for one in _rendered("templates/steps.yaml", tag) if one["kind"] == "ConfigMap"]
    found: dict[str, Any] = yaml.safe_load(steps["data"]["collect.yaml"])
    found["metadata"] |= {"name": "relevo-bench", "namespace": namespace}
    found["spec"]["volumes"] = [one for one in found["spec"]["volumes"] if "emptyDir" in one]
    kept = {one["name"] for one in found["spec"]["volumes"]}
    mounts = [one for one in found["spec"]["containers"][0]["volumeMounts"] if one["name"] in kept]
    found["spec"]["containers"][0] |= {"volumeMounts": mounts}
    found["spec"]["containers"][0] |= {"command": ["sh", "-c", COMMAND, f"{seconds:g}"], "args": [], "env": []}
    return found
