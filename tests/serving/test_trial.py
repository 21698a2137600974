"""A version is tried in a process of its own before it is loaded where another one serves."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from relevo_contract import names
from relevo_serving import trial
from relevo_serving.errors import BrokenVersion
from tests.serving import foreign
from tests.serving_process import Serve
from tests.versions import Versions


def test_a_good_version_passes_within_the_least_memory_that_is_given(bundles: tuple[Path, Path]) -> None:
    trial.attempt(bundles[0], "", most_bytes=trial.LEAST_BYTES)


def test_a_broken_version_is_told_in_its_own_words(bundles: tuple[Path, Path], tmp_path: Path) -> None:
    broken = shutil.copytree(bundles[0], tmp_path / "broken")
    (broken / names.ONNX_FILE).write_bytes(b"no graph")
    with pytest.raises(BrokenVersion, match=r"^expected model\.onnx of"):
        trial.attempt(broken, "")
    with pytest.raises(BrokenVersion, match="SHA-256"):
        trial.attempt(bundles[0], "0" * 64)


def test_one_that_takes_too_long_or_too_much_memory_is_refused(bundles: tuple[Path, Path]) -> None:
    with pytest.raises(BrokenVersion, match=r"within 0\.05 s"):
        trial.attempt(bundles[0], "", seconds=0.05)
    with pytest.raises(BrokenVersion, match=r"memory|the process that tried ended"):
        trial.attempt(bundles[0], "", most_bytes=40 * 2**20)


@pytest.mark.parametrize(
    ("limit", "current", "expected"),
    [
        ("max", "1", trial.MOST_BYTES),
        (str(2**29), str(2**27), (2**29 - 2**27) * 9 // 10),
        (str(2**29), str(2**29), trial.LEAST_BYTES),
        (str(2**40), "0", trial.MOST_BYTES),
    ],
)
def test_it_has_the_memory_that_the_container_leaves(tmp_path: Path, limit: str, current: str, expected: int) -> None:
    (tmp_path / "memory.max").write_text(limit + "\n")
    (tmp_path / "memory.current").write_text(current + "\n")
    assert trial.room(tmp_path) == expected
    assert trial.room(tmp_path / "nowhere") == trial.MOST_BYTES


def test_a_version_that_takes_all_memory_costs_nothing_that_serves(
    serve: Serve, versions: Versions, bundles: tuple[Path, Path], tmp_path: Path
) -> None:
    versions.promote(versions.register(bundles[0]))
    with serve() as api:
        api.wait_for_version(1)
        versions.promote(versions.register(foreign.growing(tmp_path / "growing", times=31)))
        said = api.wait(lambda said: said["refused"] is not None)
        assert (said["serving"]["version"], said["refused"]["version"]) == (1, 2)
        assert api.predict({"bed": 3}).status_code == 200
        peak = Path(f"/proc/{api.process.pid}/status").read_text().partition("VmHWM:")[2].split()[0]
        assert int(peak) < 400_000  # kB
