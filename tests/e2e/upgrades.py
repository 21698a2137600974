"""The `helm upgrade`s of the pages, without a release to upgrade: the same values, rendered. Needs helm."""

from __future__ import annotations

import os
import re
from typing import Any

import yaml

from tests.docs.commands import Command


def objects(command: Command) -> list[dict[str, Any]]:
    """What a `helm template` writes."""
    ended = command.run({**os.environ, "HELM_KUBEVERSION": "1.34.0"})
    assert ended.returncode == 0, ended.stderr
    return [one for one in yaml.safe_load_all(ended.stdout) if one]


def upgraded(command: Command) -> list[dict[str, Any]]:
    """What a `helm upgrade` would make of a release of the chart's own values."""
    template = r"helm template \1 --kube-version 1.34.0"
    return objects(
        Command(command.page, re.sub(r"^helm upgrade (.*?) --reset-then-reuse-values", template, command.text))
    )
