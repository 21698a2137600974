"""What is predicted, and what an error of it is: a class per task, and nothing else branches on the task. Pure.

| task | the target is | the loss that decides | people read the |
| --- | --- | --- | --- |
| `positive-number` | above zero; errors are shares of it | absolute error of the logarithm | median percentage error |
| `number` | of any sign; errors are in its unit | absolute error | median error |
| `binary` | one of two outcomes; predictions are probabilities | log loss | mean log loss |

Figures are computed on a task's scale: the logarithm of a positive number, a number itself, the probability of the
positive outcome (1 and 0 where it is known).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from relevo_contract.tasks.binary import BinaryTask
from relevo_contract.tasks.number import NumberTask
from relevo_contract.tasks.positive_number import PositiveNumberTask
from relevo_contract.tasks.task import Floats, Interval, Task, TaskName

TASKS: Final[Mapping[TaskName, Task]] = {task.name: task for task in (PositiveNumberTask(), NumberTask(), BinaryTask())}
"""By the name that a use case declares."""

__all__ = ["TASKS", "Floats", "Interval", "Task", "TaskName"]
