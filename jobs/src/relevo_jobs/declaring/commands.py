"""`init` and `check` as a person meets them: what is printed, and how they end."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import wrap
from typing import Any, Final

from relevo_contract.texts import legible, shown
from relevo_jobs.declaring.guessing import Guess
from relevo_jobs.declaring.init import Drafted, drafted, write
from relevo_jobs.errors import SettingsError, StepError

WIDTH: Final = 100


def run(given: Mapping[str, Any]) -> int:
    """Run a command and return its exit code: 0, or that of the error, whose sentence is on stderr."""
    try:
        return _init(given)
    except StepError as error:
        _say(f"relevo {given['step']}: {error}", sys.stderr)
        return error.exit_code


def _say(text: str, where: Any = None) -> None:
    (where or sys.stdout).write("\n".join(map(legible, text.split("\n"))) + "\n")


def _init(given: Mapping[str, Any]) -> int:
    output: Path = given["output"]
    if not output.parent.is_dir():
        raise SettingsError(f"expected the folder {output.parent} to write {output.name} into, there is none")
    if output.exists() and not given["force"]:
        raise SettingsError(f"expected no {output} yet, there is one: --force writes over it, --output writes another")
    made = drafted(
        given["file"],
        given["target"],
        output.parent,
        task=given["task"],
        positive=given["positive"],
        name=given["name"],
    )
    write(made.text, output, force=given["force"])
    _say(_told(made, output))
    return 0


def _told(made: Drafted, output: Path) -> str:
    """What a person reads of what was written."""
    table, target = made.table, made.target
    looked_at = f"all {table.rows:,}" if table.whole else f"the first {table.rows:,} of some {table.rows_in_file:,}"
    what = f"{target.name}: {target.task}"
    if target.positive is not None:
        what += f", the probability of {shown(target.positive)}, {target.fact}"
    else:
        what += f", {target.fact}"
    by_role = {role: [one for one in made.guesses if one.role == role] for role in ("key", "time", "place", "ignored")}
    said = [("target", what)]
    said += [(role, _names(by_role[role])) for role in ("key", "time", "place") if by_role[role]]
    said.append(
        ("inputs", _types([one for one in made.guesses if one.role in {"input", "place"} and one.type != "text"]))
    )
    texts = [one for one in made.guesses if one.role == "input" and one.type == "text"]
    said += [(title, _names(of)) for title, of in (("text", texts), ("ignored", by_role["ignored"])) if of]
    lines = [f"wrote {output}: {made.name}, of {looked_at} rows of {len(made.guesses) + 1} columns", ""]
    for title, text in said:
        first, *rest = wrap(text, WIDTH - 11) or [""]
        lines += [f"  {title:<9}{first}", *(f"{'':11}{more}" for more in rest)]
    doubts = [(target.name, doubt) for doubt in target.doubts]
    doubts += [(one.name, doubt) for one in made.guesses for doubt in one.doubts]
    if doubts:
        lines += ["", "look at"]
        for name, doubt in doubts[:MOST_DOUBTS]:
            lines += wrap(f"{name}: {doubt}", WIDTH, initial_indent="  ", subsequent_indent="    ")
        if len(doubts) > MOST_DOUBTS:
            lines.append(f"  and {len(doubts) - MOST_DOUBTS} more, which the file tells")
    return "\n".join([*lines, "", f"next: correct {output.name}, then `relevo check {output}`"])


MOST_DOUBTS: Final = 12


def _names(guesses: Sequence[Guess]) -> str:
    named = [one.name + (f", in it {', '.join(one.within)}" if one.within else "") for one in guesses]
    return ", ".join(named[:20]) + (f" and {len(named) - 20} more" if len(named) > 20 else "")


_PLURALS: Final = {"category": "categories"}


def _types(guesses: Sequence[Guess]) -> str:
    counts = Counter(one.type for one in guesses)
    return ", ".join(
        f"{count} {_PLURALS.get(kind, kind + 's') if count > 1 else kind}" for kind, count in counts.items()
    )
