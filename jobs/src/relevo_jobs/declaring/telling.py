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
    target = made.target
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
    lines = [f"wrote {output}: {made.name}, of {made.table.looked_at} rows of {len(made.guesses) + 1} columns", ""]
    for title, text in said:
        first, *rest = wrap(text, WIDTH - 11) or [""]
        lines += [f"  {title:<9}{first}", *(f"{'':11}{more}" for more in rest)]
    all_doubts = {target.name: target.doubts} | {one.name: one.doubts for one in made.guesses}
    doubts = [f"{name}: {doubt}" for name, of in all_doubts.items() for doubt in of]
    lines += _doubts(doubts, "the file tells")
    return "\n".join([*lines, "", f"next: correct {output.name}, then `relevo check {output}`"])


def _doubts(doubts: Sequence[str], where: str) -> list[str]:
    """What is to be looked at, as much of it as a screen shows."""
    lines = [
        line for doubt in doubts[:MOST_DOUBTS]
        for line in wrap(doubt, WIDTH, initial_indent="  ", subsequent_indent="    ")
    ]  # fmt: skip
    more = [f"  and {len(doubts) - MOST_DOUBTS} more, which {where}"] if len(doubts) > MOST_DOUBTS else []
    return ["", "look at", *lines, *more] if doubts else []


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
    lines += _doubts(found.doubts, "--json tells")
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
        "batches": [vars(one) for one in found.batches],
        "left_out": found.examples,
        "columns": [
            {**vars(one), "counts": None, "different": len(one.counts), "seen": _seen(one, found)}
            for one in found.columns.values()
        ],
        "undeclared": found.undeclared,
        "auto": {one.name: draft.entry(one) for one in guesses},
        "written": written,
    }
