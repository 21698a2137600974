"""A version is tried in a process of its own, with bounds, before it is loaded where another one serves.

A version is data of strangers: one that takes all memory, never ends or brings its reader down must cost nothing that
serves. The child has neither this process's environment nor its credentials, and is the first that the kernel ends when
memory is short.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path
from typing import Final

from relevo_contract.texts import line
from relevo_serving.errors import BrokenVersion

SECONDS: Final = 120.0
"""For a version to load and pass its self-test; half of it may be CPU time."""
MOST_BYTES: Final = 2**30
"""Memory that the child may have, if the container leaves so much."""
LEAST_BYTES: Final = 2**28
GROUP: Final = Path("/sys/fs/cgroup")
"""Where Linux tells a container its limit of memory."""
BROKEN: Final = 3
NO_MEMORY: Final = 4
LONGEST: Final = 4_000
"""Characters of what the child says."""


def room(group: Path = GROUP) -> int:
    """Bytes of memory for the child: what the container leaves, but for a tenth; between LEAST_BYTES and MOST_BYTES."""
    try:
        limit, current = (int((group / f"memory.{name}").read_text()) for name in ("max", "current"))
    except (OSError, ValueError):  # there is no limit, or nobody tells
        return MOST_BYTES
    return max(LEAST_BYTES, min(MOST_BYTES, (limit - current) * 9 // 10))


def attempt(folder: Path, manifest: str, *, seconds: float = SECONDS, most_bytes: int | None = None) -> None:
    """Load and test a version in a process of its own. Raises BrokenVersion if it cannot be, within the bounds."""
    most = room() if most_bytes is None else most_bytes
    command = [sys.executable, "-I", "-m", "relevo_serving.trial", str(folder), manifest, str(seconds), str(most)]
    try:
        ended = subprocess.run(command, env={}, capture_output=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        raise BrokenVersion(
            f"expected the version to load within {seconds:g} s, it did not: train a smaller one"
        ) from None
    said = line(ended.stderr[-LONGEST:].decode(errors="replace"), LONGEST)
    if ended.returncode == BROKEN:
        raise BrokenVersion(said)
    if ended.returncode == NO_MEMORY:
        raise BrokenVersion(
            f"expected the version to load in {most:,} bytes of memory, it takes more: train a smaller one, or give "
            "the container more"
        )
    if ended.returncode != 0:
        raise BrokenVersion(
            f"expected the version to load, the process that tried ended with {ended.returncode}: {said[-500:]}"
        )


def _bounded(seconds: float, most: int) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds / 2) + 1,) * 2)
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    Path("/proc/self/oom_score_adj").write_text("1000")


def main(folder: str, manifest: str, seconds: str, most: str) -> int:
    """What the child does; its exit code."""
    _bounded(float(seconds), int(most))
    from relevo_serving.self_test import load_tested  # noqa: PLC0415  # within the bounds

    try:
        load_tested(Path(folder), manifest)
    except BrokenVersion as error:
        sys.stderr.write(str(error))
        return BROKEN
    except MemoryError:
        return NO_MEMORY
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
