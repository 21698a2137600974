"""docs/policies/verify-images.yaml asks for what publish.yml signs with, of every image that is published."""

from __future__ import annotations

import fnmatch
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
POLICY: dict[str, Any] = yaml.safe_load((ROOT / "docs" / "policies" / "verify-images.yaml").read_text())
SPEC = POLICY["spec"]
PUBLISHES = (ROOT / ".github" / "workflows" / "publish.yml").read_text()
IMAGES = yaml.safe_load(PUBLISHES)["jobs"]["sign"]["strategy"]["matrix"]["image"]
WORKFLOW = "https://github.com/acme/relevo/.github/workflows/publish.yml"


def test_the_policy_asks_for_the_identity_that_signs() -> None:
    (attestor,) = SPEC["attestors"]
    (identity,) = attestor["cosign"]["keyless"]["identities"]
    assert identity["issuer"] in PUBLISHES
    page = (ROOT / "docs" / "publishing.md").read_text()
    assert f"--certificate-identity-regexp '{identity['subjectRegExp']}'" in page, "the page says another"
    for ref in ("refs/heads/main", "refs/tags/v1.4.0"):
        assert re.search(identity["subjectRegExp"], f"{WORKFLOW}@{ref}")
    for other in (
        f"{WORKFLOW}@refs/heads/somebody",
        f"{WORKFLOW}@refs/pull/7/merge",
        WORKFLOW.replace("publish.yml", "check.yml") + "@refs/heads/main",
        WORKFLOW.replace("acme", "evil") + "@refs/heads/main",
        f"https://evil.example/?{WORKFLOW}@refs/heads/main",
    ):
        assert not re.search(identity["subjectRegExp"], other), other


@pytest.mark.parametrize("image", IMAGES)
def test_it_holds_for_every_image_that_is_published(image: str) -> None:
    registry = yaml.safe_load((ROOT / "charts" / "relevo" / "values.yaml").read_text())["image"]["registry"]
    (match,) = SPEC["matchImageReferences"]
    assert fnmatch.fnmatch(f"{registry}/{image}:1.4.0", match["glob"])
    assert not fnmatch.fnmatch("docker.io/library/postgres:17.6", match["glob"])


def test_it_refuses_and_looks_at_every_container_of_pods_alone() -> None:
    assert (POLICY["kind"], SPEC["validationActions"], SPEC["failurePolicy"]) == (
        "ImageValidatingPolicy", ["Deny"], "Fail"
    )  # fmt: skip
    (rule,) = SPEC["matchConstraints"]["resourceRules"]
    assert rule["resources"] == ["pods", "pods/ephemeralcontainers"]
    assert SPEC["autogen"]["podControllers"]["controllers"] == []
    (validation,) = SPEC["validations"]
    for containers in ("containers", "initContainers", "ephemeralContainers"):
        assert f"images.{containers}" in validation["expression"]
    assert f"attestors.{SPEC['attestors'][0]['name']}" in validation["expression"]
    assert all(SPEC["validationConfigurations"][name] for name in ("mutateDigest", "verifyDigest", "required"))
