"""Cut what one part needs out of requirements.lock, hashes and all, for its image.

`requirements.py PART [WITHOUT...]` writes dist/images/PART.txt; PART is a distribution that `make install` installed,
with the extras that the image has (relevo-serving, relevo-jobs[dask], hatchling), WITHOUT a package that the part's
dependencies ask for and its image does not need.
Which package needs which is read from the checkout's own environment, which holds exactly what the lock names: no index
is asked, so the same lock gives the same file at any time.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
OURS = "relevo-"
Requires = Callable[[str], Iterable[str]]
"""What a package requires, by its name, as its metadata says it."""
LINUX = [
    {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "platform_machine": machine}
    for machine in ("x86_64", "aarch64")
]
"""What an image's interpreter is, whatever machine the file is cut on; its version is the checkout's."""


class Incomplete(Exception):
    """The lock or the environment lacks a package that the part needs."""


def needs(requirement: Requirement, extra: str) -> bool:
    """Whether an image needs it."""
    marker = requirement.marker
    return marker is None or any(marker.evaluate(machine | {"extra": extra}) for machine in LINUX)


def closure(part: str, requires: Requires, without: Collection[str]) -> set[str]:
    """The names of all that the part, or its extras, needs, itself among them; what is left out is not looked into."""
    found: set[tuple[str, str]] = set()
    asked = Requirement(part)
    waiting = [(canonicalize_name(asked.name), extra) for extra in ("", *asked.extras)]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in found:
            continue
        found.add((name, extra))
        for text in requires(name):
            requirement = Requirement(text)
            if needs(requirement, extra):
                needed = canonicalize_name(requirement.name)
                waiting += [(needed, wanted) for wanted in ("", *requirement.extras) if needed not in without]
    return {name for name, _ in found}


def pins(lock: str) -> dict[str, str]:
    """Each package's lines in the lock, by its name."""
    blocks = re.findall(r"^\S.*(?:\n[ \t]+.*)*$", lock, re.MULTILINE)
    return {canonicalize_name(re.split(r"[=\[ ]", block, maxsplit=1)[0]): block for block in blocks}


def cut(part: str, locked: Mapping[str, str], requires: Requires, without: Collection[str] = ()) -> str:
    """The lock's lines for all that the part needs, less the project's own parts. Raises Incomplete."""
    names = {name for name in closure(part, requires, without) if not name.startswith(OURS)}
    if missing := sorted(names - locked.keys()):
        raise Incomplete(f"expected {', '.join(missing)} in requirements.lock, found none: run make lock")
    return "".join(f"{locked[name]}\n" for name in sorted(names))


def installed(name: str) -> list[str]:
    """What an installed package requires. Raises Incomplete."""
    try:
        return metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        raise Incomplete(f"expected {name} in the checkout's environment, found none: run make install") from None


def main(arguments: list[str]) -> int:
    """Write the part's file; returns the exit code."""
    if not arguments:
        sys.stderr.write("expected a part, got none: images/requirements.py PART [WITHOUT...]\n")
        return 2
    part, *without = arguments
    try:
        text = cut(part, pins((ROOT / "requirements.lock").read_text()), installed, without)
    except Incomplete as error:
        sys.stderr.write(f"images/requirements.py {part}: {error}\n")
        return 1
    file = ROOT / "dist" / "images" / f"{Requirement(part).name}.txt"
    file.parent.mkdir(parents=True, exist_ok=True)
    # Images may be built side by side: whoever reads it finds it whole.
    written = file.with_suffix(f".{os.getpid()}")
    written.write_text(text)
    written.replace(file)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
