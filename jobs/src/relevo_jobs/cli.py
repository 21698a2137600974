"""`relevo-job STEP`: one step of the loop as a process, the same on a laptop and in a pod."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from relevo_contract.settings import read, table, variable
from relevo_jobs.deadline import Deadline
from relevo_jobs.declaring import arguments as declaring
from relevo_jobs.errors import SettingsError, StepError
from relevo_jobs.outcome import Outcome, report
from relevo_jobs.settings import (
    CleanSettings,
    CollectSettings,
    DecideSettings,
    IncludeSettings,
    PrepareSettings,
    PromoteSettings,
    Settings,
    TrainSettings,
)


class Step(NamedTuple):
    """A step: where it lives (imported only when it runs), its settings, and what it is for."""

    module: str
    settings: type[Settings]
    summary: str


STEPS = {
    "prepare": Step("relevo_jobs.prepare.step", PrepareSettings, "before the first batch: the bucket, both schemas"),
    "collect": Step("relevo_jobs.collect.step", CollectSettings, "ask the source for one new batch; RAW"),
    "clean": Step("relevo_jobs.clean.step", CleanSettings, "typed rows of each new batch; CLEAN"),
    "decide": Step("relevo_jobs.decide.step", DecideSettings, "whether the newest batch calls for a training"),
    "include": Step("relevo_jobs.include.step", IncludeSettings, "take back batches that decide left out"),
    "train": Step("relevo_jobs.train.step", TrainSettings, "train and register the version asked for"),
    "promote": Step("relevo_jobs.promote.step", PromoteSettings, "whether that version becomes production"),
}

EXIT_CODES = """\
exit codes:
  0   done
  99  nothing to do (Airflow: skip_on_exit_code=99)
  2   a setting is missing or wrong
  65  the source's answer breaks its contract
  69  a server is away or failed; a retry can help
  75  the source has no new batch yet; try again later
  77  the source does not know the group or day
  1   anything else

The last line of stdout is JSON: step, status (done, nothing, failed), batch, sentence, and the step's own facts.
Every step finds its work by itself and may be killed and run again at any point: it writes the same data, once."""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(
        prog="relevo-job",
        description="One step of the loop, collect → clean → decide → train → promote; prepare, before the first; "
        "include, when you ask for it; init and check, to declare what they work on.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    steps = top.add_subparsers(dest="step", required=True, metavar="STEP")
    for name, step in STEPS.items():
        own = steps.add_parser(
            name,
            help=step.summary,
            description=f"relevo-job {name}: {step.summary}.",
            epilog=f"settings, from the environment:\n{table(step.settings)}\n\n{EXIT_CODES}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if name == "include":
            own.add_argument("include", nargs="*", metavar="BATCH", help="instead of RELEVO_INCLUDE: numbers, or all")
    declaring.add(steps)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one step and return its exit code."""
    # A thread that waits for another sleeps. By default it spins, and where the processors are shared, as on a node
    # with other pods, a training of one second takes ten. XGBoost and scikit-learn read this as they are imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    given = vars(parser().parse_args(arguments))
    if given["step"] in declaring.SUMMARIES:
        return int(importlib.import_module("relevo_jobs.declaring.commands").run(given))
    name: str = given.pop("step")
    step = STEPS[name]
    log = variable(step.settings, "termination_log")  # needed even if the settings are wrong
    termination_log = Path(os.environ.get(log) or step.settings.model_fields["termination_log"].default)
    try:
        own = {field: " ".join(words) for field, words in given.items() if words}
        settings: Any = read(step.settings, SettingsError, **own)
    except SettingsError as error:
        return tell(Outcome.failed(name, error), termination_log)
    deadline = Deadline(settings.deadline, lambda error: tell(Outcome.failed(name, error), termination_log))
    deadline.start()
    outcome = run(name, settings)
    deadline.met()
    return tell(outcome, termination_log)


def run(name: str, settings: Any) -> Outcome:
    """What a step's run came to, whatever happens in it: the last line must be JSON."""
    try:
        from relevo_jobs.use_case import load  # noqa: PLC0415  # --help needs no numpy

        step = importlib.import_module(STEPS[name].module)
        outcome: Outcome = step.run(settings, load(settings.use_case))
    except StepError as error:
        return Outcome.failed(name, error)
    except Exception as error:
        traceback.print_exc()
        return Outcome.failed(name, StepError(f"{type(error).__name__}: {error}"))
    return outcome


def tell(outcome: Outcome, termination_log: Path) -> int:
    """Say what the step came to, a failure also on stderr, and return the exit code."""
    if outcome.status == "failed":
        print(f"relevo-job {outcome.step}: {outcome.sentence}", file=sys.stderr)  # noqa: T201
    return report(outcome, termination_log)


if __name__ == "__main__":
    sys.exit(main())
