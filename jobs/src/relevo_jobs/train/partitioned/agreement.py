"""Whether the step and the cluster's workers are of one mind: the same code, the same libraries, the same CLEAN."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Final

import relevo_contract
import relevo_jobs
from relevo_jobs.errors import SettingsError
from relevo_jobs.train.partitioned.tasks import clean_of

PACKAGES: Final = ("numpy", "onnxruntime", "psycopg", "xgboost-cpu")
"""Beside Dask's own, which Dask compares."""


@dataclass(frozen=True)
class Identity:
    """What a process is made of, and what it finds."""

    code: str
    """Of Relevo's own modules, a hash."""
    versions: Mapping[str, str]
    clean: str | None
    """The hash of the body of CLEAN's newest batch up to the one asked for; None if it has none."""


@cache
def _code() -> str:
    digest = hashlib.sha256()
    for package in (relevo_contract, relevo_jobs):
        for folder in package.__path__:
            for file in sorted(Path(folder).rglob("*.py")):
                digest.update(str(file.relative_to(folder)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "none"


def identity(group: int, newest: int) -> Identity:
    """Of this process. Raises SettingsError if it was not told where CLEAN is, Unavailable if CLEAN is away."""
    found = clean_of(group).newest_first(1, newest + 1)
    return Identity(_code(), {name: _version(name) for name in PACKAGES}, found[0].sha256 if found else None)


def expect_agreement(ours: Identity, theirs: Mapping[str, Identity]) -> None:
    """Raise SettingsError, naming the worker, unless every one is as we are. Pure."""
    for worker, other in theirs.items():
        for name in PACKAGES:
            if other.versions[name] != ours.versions[name]:
                raise SettingsError(
                    f"expected Dask's workers (RELEVO_DASK) to have {name} {ours.versions[name]} as this step has, "
                    f"{worker} has {other.versions[name]}: run them from the same relevo/jobs image as this step"
                )
        if other.code != ours.code:
            raise SettingsError(
                f"expected Dask's workers (RELEVO_DASK) to have Relevo's code as this step has ({ours.code[:12]}), "
                f"{worker} has another ({other.code[:12]}): run them from the same relevo/jobs image as this step"
            )
        if other.clean != ours.clean:
            raise SettingsError(
                f"expected Dask's workers (RELEVO_DASK) to read the same CLEAN as this step, {worker} finds another "
                "newest batch there: give them the same RELEVO_CLEAN_URL"
            )
