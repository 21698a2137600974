"""A bound on the memory of what reads bytes of others in a library that has no bound of its own."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_NOW: Final = Path("/proc/self/statm")


@contextmanager
def at_most(more: int) -> Iterator[None]:
    """Let this process have so many bytes more than it has now, and refuse an allocation beyond them.

    What allocates says so by an error of its own, MemoryError or a library's. It is the kernel that refuses
    (setrlimit(2), RLIMIT_DATA), so no size that a file claims is believed. Without /proc, there is none.
    """
    if not _NOW.exists():
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    data_and_stack = int(_NOW.read_text().split()[5]) * resource.getpagesize()
    bound = data_and_stack + more
    tighter = [bound, *(limit for limit in (soft, hard) if limit != resource.RLIM_INFINITY)]
    resource.setrlimit(resource.RLIMIT_DATA, (min(tighter), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
