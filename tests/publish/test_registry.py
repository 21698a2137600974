"""How an image gets into the registry, and a release onto GitHub: docker, cosign and gh are played, and what they are
told is read. What they do then is theirs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from publish.changelog import section

ROOT = Path(__file__).parents[2]
DIGESTS = ROOT / "dist" / "digests"
PLATFORM, INDEX = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"
WORKFLOW = "acme/relevo/.github/workflows/publish.yml@refs/tags/v1.4.0"
SETTINGS = {
    "IMAGE_REGISTRY": "registry.example/acme",
    "VERSION": "1.4.0",
    "TAGS": "1.4.0 1.4 latest",
    "ARCH": "arm64",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_WORKFLOW_REF": WORKFLOW,
}
PLAYED = f"""\
#!/usr/bin/env python3
import json, os, sys
name, told = os.path.basename(sys.argv[0]), sys.argv[1:]
stdin = sys.stdin.read() if "-" in told else ""
open(os.environ["TOLD"], "a").write(json.dumps([name, *told, *([stdin] if stdin else [])]) + "\\n")
if "--metadata-file" in told:
    where = told[told.index("--metadata-file") + 1]
    about = {{"containerimage.descriptor": {{"digest": "sha256:0"}}, "containerimage.digest": "{PLATFORM}"}}
    json.dump(about, open(where, "w"), indent=2)
if told[:3] == ["buildx", "imagetools", "inspect"]:
    # As docker does: without a function before it, the whole listing.
    print("{INDEX}" if "{{{{print .Manifest.Digest}}}}" in told else "Name: ...")
if told[:1] == ["verify"]:
    sys.exit("UNVERIFIABLE" in os.environ)
if told[:2] == ["image", "inspect"]:
    print("65532:65532")
if told[:2] == ["release", "view"]:
    sys.exit("RELEASED" not in os.environ)
"""


@dataclass
class Machine:
    """A machine of GitHub's, with programs that only write down what they are told."""

    folder: Path

    def __call__(self, *command: str, **settings: str) -> subprocess.CompletedProcess[str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
        env = {**own, "PATH": f"{self.folder}:{own['PATH']}", "TOLD": str(self.folder / "told"), **SETTINGS, **settings}
        return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)

    def told(self) -> list[list[str]]:
        return [json.loads(line) for line in (self.folder / "told").read_text().splitlines()]


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    for name in ("docker", "cosign", "gh"):
        (tmp_path / name).write_text(PLAYED)
        (tmp_path / name).chmod(0o755)
    shutil.rmtree(DIGESTS, ignore_errors=True)
    yield Machine(tmp_path)
    shutil.rmtree(DIGESTS, ignore_errors=True)


def test_an_image_is_built_and_tried_under_its_local_name_before(machine: Machine) -> None:
    assert machine("make", "image-ui", "BUILDER=docker buildx", "BUILD_FLAGS=--load", "TAG=sha-1").returncode == 0
    assert machine("make", "image-smoke-ui", "BUILDER=docker", "TAG=sha-1").stdout == "relevo/ui:sha-1: ok\n"
    build, run, user = machine.told()
    assert build[:4] == ["docker", "buildx", "build", "--load"]
    assert build[-5:] == ["-t", "relevo/ui:sha-1", "-f", "ui/Dockerfile", "."]
    assert {"--read-only", "--cap-drop", "relevo/ui:sha-1"} <= set(run)
    assert user == ["docker", "image", "inspect", "--format", "{{.Config.User}}", "relevo/ui:sha-1"]


def test_an_image_is_pushed_by_its_digest_with_sbom_and_provenance(machine: Machine) -> None:
    done = machine("make", "image-push-operator")
    assert done.returncode == 0, done.stderr
    (build,) = [told for told in machine.told() if "build" in told]
    assert build[:3] == ["docker", "buildx", "build"]
    assert build[-3:] == ["-f", "operator/Dockerfile", "."]
    pairs = list(pairwise(build))
    assert ("--attest", "type=sbom") in pairs
    assert ("--attest", "type=provenance,mode=max") in pairs
    assert ("--build-arg", "VERSION=1.4.0") in pairs
    named = "type=image,name=registry.example/acme/operator,push-by-digest=true,name-canonical=true,push=true"
    assert ("--output", named) in pairs
    assert "-t" not in build, "what is pushed by digest has no name yet"
    assert (DIGESTS / "operator" / "arm64").read_text() == f"{PLATFORM}\n"
    assert f"pushed registry.example/acme/operator@{PLATFORM} (arm64)" in done.stdout


def test_it_is_signed_before_it_has_a_name_that_anybody_follows(machine: Machine) -> None:
    (DIGESTS / "ui").mkdir(parents=True)
    for arch in ("amd64", "arm64"):
        (DIGESTS / "ui" / arch).write_text(f"sha256:{arch}\n")
    done = machine("make", "image-index-ui")
    assert done.returncode == 0, done.stderr
    image = "registry.example/acme/ui"
    create = ["docker", "buildx", "imagetools", "create", "--tag"]
    assert machine.told() == [
        [*create, f"{image}:1.4.0", f"{image}@sha256:amd64", f"{image}@sha256:arm64"],
        ["docker", "buildx", "imagetools", "inspect", f"{image}:1.4.0", "--format", "{{print .Manifest.Digest}}"],
        ["cosign", "sign", "--yes", "--recursive", f"{image}@{INDEX}"],
        [
            "cosign", "verify", "--output", "text",
            "--certificate-oidc-issuer", "https://token.actions.githubusercontent.com",
            "--certificate-identity", f"https://github.com/{WORKFLOW}", f"{image}@{INDEX}",
        ],
        [*create, f"{image}:1.4", f"{image}@{INDEX}"],
        [*create, f"{image}:latest", f"{image}@{INDEX}"],
    ]  # fmt: skip


def test_what_nobody_could_verify_gets_no_name_that_anybody_follows(machine: Machine) -> None:
    (DIGESTS / "ui").mkdir(parents=True)
    for arch in ("amd64", "arm64"):
        (DIGESTS / "ui" / arch).write_text(f"sha256:{arch}\n")
    assert machine("make", "image-index-ui", UNVERIFIABLE="yes").returncode != 0
    assert machine.told()[-1][:2] == ["cosign", "verify"]


def test_an_image_of_one_platform_alone_is_not_published(machine: Machine) -> None:
    (DIGESTS / "ui").mkdir(parents=True)
    (DIGESTS / "ui" / "amd64").write_text("sha256:amd64\n")
    done = machine("publish/index", "ui")
    assert done.returncode != 0
    assert "expected the digest of its image for arm64" in done.stderr
    assert not (machine.folder / "told").exists()


@pytest.mark.parametrize(("script", "variable"), [("push", "IMAGE_REGISTRY"), ("push", "ARCH"), ("index", "TAGS")])
def test_what_is_missing_is_named(machine: Machine, script: str, variable: str) -> None:
    done = machine(f"publish/{script}", "ui", **{variable: ""})
    assert done.returncode != 0
    assert f"{variable}: expected" in done.stderr


def release(machine: Machine, version: str, **settings: str) -> subprocess.CompletedProcess[str]:
    command = "import sys, publish.release as r; sys.exit(r.main(__import__('os').environ))"
    python = ROOT / ".venv" / "bin" / "python"
    changelog = machine.folder / "CHANGELOG.md"
    changelog.write_text(f"# Changelog\n\n## [{version}] - 2027-01-01\n\n- Sooner.\n")
    prelude = f"import os, sys; sys.path.insert(0, {str(ROOT)!r}); os.chdir({str(machine.folder)!r}); "
    return machine(str(python), "-c", prelude + command, VERSION=version, **settings)


def test_a_release_has_the_changelogs_section_and_githubs_list(machine: Machine) -> None:
    assert release(machine, "1.4.0").returncode == 0
    ask, make = machine.told()
    assert ask == ["gh", "release", "view", "v1.4.0"]
    assert make == [
        "gh", "release", "create", "v1.4.0", "--verify-tag", "--title", "1.4.0",
        "--notes-file", "-", "--generate-notes", "--latest=true", "- Sooner.",
    ]  # fmt: skip


def test_a_pre_release_and_an_older_series_are_not_the_latest(machine: Machine) -> None:
    release(machine, "2.0.0-rc.1", TAGS="2.0.0-rc.1 sha-1")
    release(machine, "1.3.5", TAGS="1.3.5 1.3 sha-1")
    first, second = [told for told in machine.told() if "create" in told]
    assert {"--latest=false", "--prerelease"} <= set(first)
    assert "--latest=false" in second
    assert "--prerelease" not in second


def test_a_release_that_is_there_is_left_as_it_is(machine: Machine) -> None:
    done = release(machine, "1.4.0", RELEASED="yes")
    assert (done.returncode, done.stdout) == (0, "the release v1.4.0 is there already\n")
    assert len(machine.told()) == 1


def test_this_projects_changelog_is_of_the_form_that_is_read() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert "\n## [Unreleased]\n" in changelog
    assert section(changelog, "Unreleased")
