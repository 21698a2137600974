"""How a step tells its caller what it did: one JSON line, last on stdout and in the pod's termination message."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from relevo_contract.texts import legible
from relevo_jobs.errors import DONE, NOTHING_TO_DO, StepError

TERMINATION_MESSAGE_BYTES = 4096
"""Kubernetes cuts a termination message here."""


@dataclass(frozen=True)
class Outcome:
    """What a step did. `details` are flat, JSON-ready facts that are the step's own."""

    step: str
    status: Literal["done", "nothing", "failed"]
    sentence: str
    """For a person: what was done, or why not."""
    batch: int | None = None
    details: dict[str, Any] = field(default_factory=dict)
    code: int = DONE

    def __post_init__(self) -> None:
        """A sentence repeats what strangers sent, and is read in terminals and in a pod's status."""
        object.__setattr__(self, "sentence", legible(self.sentence))

    @classmethod
    def done(cls, step: str, sentence: str, batch: int | None = None, **details: Any) -> Outcome:
        """The step did its work."""
        return cls(step, "done", sentence, batch, details)

    @classmethod
    def nothing(cls, step: str, sentence: str, batch: int | None = None, **details: Any) -> Outcome:
        """There was nothing to do: exit code 99, which Airflow turns into a skipped task."""
        return cls(step, "nothing", sentence, batch, details, NOTHING_TO_DO)

    @classmethod
    def failed(cls, step: str, error: StepError) -> Outcome:
        """The step failed; nothing was half-written."""
        details = {"error": type(error).__name__, "retry": error.retry}
        return cls(step, "failed", str(error), None, details, error.exit_code)

    def line(self, limit: int | None = None) -> str:
        """One line of JSON; with a limit in bytes, details and then the sentence are shortened to fit."""
        body: dict[str, Any] = {
            "step": self.step,
            "status": self.status,
            "batch": self.batch,
            "sentence": self.sentence,
        }
        text = legible(json.dumps(body | self.details, ensure_ascii=False, default=str))
        if limit is None or len(text.encode()) <= limit:
            return text
        length = len(self.sentence)
        while True:
            text = json.dumps(body, ensure_ascii=False)
            if len(text.encode()) <= limit or length == 0:
                return text
            length = length * 3 // 4  # a character takes one to six bytes
            body["sentence"] = self.sentence[:length] + "…"


def report(outcome: Outcome, termination_log: Path | None) -> int:
    """Print the outcome as the last line, write it where Kubernetes looks if that exists, return the exit code."""
    try:
        if termination_log is not None and termination_log.exists():
            termination_log.write_text(outcome.line(TERMINATION_MESSAGE_BYTES), encoding="utf-8")
    except OSError as error:
        print(f"the termination message was not written: {error}", file=sys.stderr)  # noqa: T201
    print(outcome.line(), flush=True)  # noqa: T201
    return outcome.code
