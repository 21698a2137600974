"""What `init` and `check` say: to a person in a terminal, and to a program."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap
from typing import Any, Final

from relevo_contract.figures import percent
from relevo_contract.texts import shown
from relevo_jobs.declaring import draft
from relevo_jobs.declaring.checking import Checked, CheckedColumn
from relevo_jobs.declaring.guessing import Guess, figure
from relevo_jobs.declaring.init import Drafted

WIDTH: Final = 100
MOST_DOUBTS: Final = 12
"""Things to look at that a screen shows."""
MOST_COLUMNS: Final = 60
"""Columns that a screen shows."""


def of_draft(made: Drafted, output: Path) -> str:
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


def _names(guesses: Sequence[Guess]) -> str:
    named = [one.name + (f", in it {', '.join(one.within)}" if one.within else "") for one in guesses]
    return ", ".join(named[:20]) + (f" and {len(named) - 20} more" if len(named) > 20 else "")


_PLURALS: Final = {"category": "categories"}


def _types(guesses: Sequence[Guess]) -> str:
    counts = Counter(one.type for one in guesses)
    return ", ".join(
        f"{count} {_PLURALS.get(kind, kind + 's') if count > 1 else kind}" for kind, count in counts.items()
    )


def as_text(found: Checked, guesses: Sequence[Guess], file: str, *, written: bool) -> str:
    """What a person reads of a declaration that was looked at."""
    many = len(found.batches)
    title = f"{found.name}: {many} {'batch' if many == 1 else 'batches'} looked at"
    lines = [f"{title}, {found.rows:,} rows, {found.kept:,} kept", ""]
    lines += _table(
        ("batch", "rows", "kept", "held out", "left out"),
        [
            (
                batch.title if batch.whole else f"{batch.title}, its beginning",
                f"{batch.rows:,}",
                f"{batch.kept:,}",
                f"{batch.held_out:,}",
                ", ".join(f"{count:,} {reason}" for reason, count in batch.left_out.items()),
            )
            for batch in found.batches
        ],
        right={1, 2, 3},
    )
    for reason, example in found.examples.items():
        lines.append(f"  {reason}: such as {example}")
    columns = list(found.columns.values())
    ordered = [found.target, *(one for one in columns if one is not found.target)][:MOST_COLUMNS]
    lines.append("")
    lines += _table(
        ("column", "type", "role", "missing", "different", "values"),
        [
            (
                one.name,
                one.type,
                "" if one.role == "input" else one.role,
                percent(1 - one.values / found.kept) if one.values < found.kept else "",
                f"{len(one.counts):,}" if one.counts else "",
                _seen(one, found),
            )
            for one in ordered
        ],
        right={3, 4},
    )
    if len(columns) > len(ordered):
        lines.append(f"  and {len(columns) - len(ordered)} more, which --json tells")
    blanked = [one for one in columns if one.blanked]
    if blanked:
        lines += ["", "values that become missing"]
        lines += [f"  {one.name}: {one.blanked:,}, such as: {one.why}" for one in blanked[:MOST_COLUMNS]]
    if guesses:
        where = f"written into {file}, look at it" if written else "--write writes it into the file"
        lines += ["", f"auto stands for ({where})"]
        lines += [f"  {one.name}: {draft.entry(one)}" for one in guesses[:MOST_COLUMNS]]
    if found.doubts:
        lines += ["", "look at"]
        for doubt in found.doubts[:MOST_DOUBTS]:
            lines += wrap(doubt, WIDTH, initial_indent="  ", subsequent_indent="    ")
        if len(found.doubts) > MOST_DOUBTS:
            lines.append(f"  and {len(found.doubts) - MOST_DOUBTS} more, which --json tells")
    lines += ["", f"{file} {'does not hold yet' if found.problems else 'holds'}"]
    return "\n".join(lines)


def _seen(column: CheckedColumn, found: Checked) -> str:
    """What came, in few words."""
    counts = column.counts
    if column.role == "target" and found.positive is not None:
        return f"{percent(counts[1.0] / found.kept)} {found.positive}" if found.kept else ""
    if not counts:
        return ""
    numbers = [value for value in counts if isinstance(value, float)]
    if len(numbers) == len(counts):
        return f"{figure(min(numbers))} to {figure(max(numbers))}"
    if column.type == "date":
        return f"{min(counts)} to {max(counts)}"
    most = counts.most_common(3)
    if column.type == "text":
        return f"such as {shown(str(most[0][0]))}"
    return ", ".join(shown(str(value))[1:-1][:24] for value, _ in most) + (", …" if len(counts) > 3 else "")


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], right: set[int]) -> list[str]:
    widths = [max(len(row[at]) for row in (head, *rows)) for at in range(len(head))]
    widths = [min(width, 40) for width in widths]
    lines = []
    for row in (head, *rows):
        cells = [
            f"{cell:>{width}}" if at in right else f"{cell:<{width}}"
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append(f"  {'  '.join(cells)}".rstrip())
    return lines


def as_json(found: Checked, guesses: Sequence[Guess], *, written: bool) -> dict[str, Any]:
    """The same for a program."""
    return {
        "name": found.name,
        "task": found.task,
        "holds": not found.problems,
        "problems": found.problems,
        "look_at": found.doubts,
        "batches": [
            {
                "title": one.title,
                "rows": one.rows,
                "whole": one.whole,
                "kept": one.kept,
                "held_out": one.held_out,
                "left_out": one.left_out,
            }
            for one in found.batches
        ],
        "left_out": found.examples,
        "columns": [
            {
                "name": one.name,
                "type": one.type,
                "role": one.role,
                "there": one.there,
                "values": one.values,
                "different": len(one.counts),
                "blanked": one.blanked,
                "why": one.why,
                "seen": _seen(one, found),
            }
            for one in found.columns.values()
        ],
        "undeclared": found.undeclared,
        "auto": {one.name: draft.entry(one) for one in guesses},
        "written": written,
    }
