"""Every error a step can end with.

    StepError                    1   something nobody foresaw
    ├── SettingsError            2   a setting is missing or wrong: no retry can help
    ├── MalformedAnswer         65   the source's answer breaks its contract
    ├── ConflictingBatch        65   a batch number came again with another content
    ├── Unavailable             69   a server did not answer or failed: a retry can help
    │   └── DeadlineExceeded    69   the step took longer than it may
    ├── RepeatedBatch           75   the source has no new batch yet: try again later
    └── BadGroup                77   the source does not know the group or day

The figures are the exit codes of `relevo-job`, after BSD's sysexits.h; 0 is done and 99 is nothing to do.
"""

from __future__ import annotations

from typing import ClassVar

DONE = 0
NOTHING_TO_DO = 99


class StepError(Exception):
    """A step failed. The message says what was expected, what came and what to do."""

    exit_code: ClassVar[int] = 1
    retry: ClassVar[bool] = False
    """Whether running the same step again may help without anybody changing anything."""


class SettingsError(StepError):
    """A setting is missing or wrong."""

    exit_code = 2


class MalformedAnswer(StepError):
    """The source answered something that is not a batch."""

    exit_code = 65


class ConflictingBatch(MalformedAnswer):
    """A batch number that RAW already holds came with another content."""


class Unavailable(StepError):
    """A server could not be reached, failed, or its disk is full."""

    exit_code = 69
    retry = True


class DeadlineExceeded(Unavailable):
    """The step took longer than it may: most likely a server took the connection and never answered."""


class RepeatedBatch(StepError):
    """The source keeps answering a batch that RAW already holds."""

    exit_code = 75
    retry = True


class BadGroup(StepError):
    """The source refused the group or the day."""

    exit_code = 77
