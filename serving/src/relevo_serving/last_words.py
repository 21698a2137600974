"""A process's last words, where Kubernetes reads them: the pod's status shows them as its termination message."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

from relevo_contract.texts import legible

log = logging.getLogger("relevo.serving")
LIMIT: Final = 4096
"""Bytes that Kubernetes keeps of a termination message."""


def shortened(sentence: str, limit: int = LIMIT) -> str:
    """The sentence, legible, on one line of at most so many bytes; what was cut off shows as "…"."""
    line = legible(" ".join(sentence.split()))
    if len(line.encode()) <= limit:
        return line
    return line.encode()[: limit - len("…".encode())].decode(errors="ignore") + "…"


def leave(sentence: str, file: Path) -> None:
    """Write the sentence to the file if that exists: where it does not, there is no Kubernetes."""
    try:
        if file.exists():
            file.write_text(shortened(sentence), encoding="utf-8")
    except OSError as error:  # the log says it all the same, and the exit code stands
        log.warning("termination_log_failed", extra={"problem": str(error)})
