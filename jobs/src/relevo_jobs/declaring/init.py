"""`init`: a first declaration of the table in a file."""

from __future__ import annotations

import glob
import math
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from relevo_contract.tasks import TaskName
from relevo_contract.texts import shown
from relevo_contract.use_case import read
from relevo_contract.use_case.data_set import data_set
from relevo_contract.use_case.declaration import NAME
from relevo_contract.values import Day, Number
from relevo_jobs.declaring import draft, roles
from relevo_jobs.declaring.batches import beginning
from relevo_jobs.declaring.guessing import Guess, Seen, guess
from relevo_jobs.declaring.naming import column_name, use_case_name
from relevo_jobs.declaring.tables import Batch
from relevo_jobs.declaring.targets import GuessedTarget, target
from relevo_jobs.errors import SettingsError

BATCHES: Final = 10
"""Into so many a file is cut, if it has rows enough."""
FEWEST_ROWS: Final = 30
"""Of a batch."""
MOST_ROWS: Final = 10_000_000


@dataclass(frozen=True)
class Drafted:
    """What was written, and of what."""

    text: str
    name: str
    table: Batch
    target: GuessedTarget
    guesses: Sequence[Guess]


def drafted(
    file: Path,
    column: str,
    folder: Path,
    *,
    task: TaskName | None = None,
    positive: str | None = None,
    name: str | None = None,
) -> Drafted:
    """Write a declaration of the table in a file, to be put into a folder. Raises SettingsError."""
    table = beginning(file)
    place = _find(table.names, column, file)
    names = _names(table.names)
    columns = table.columns()
    aim, own_name = Seen(table.names[place], columns[table.names[place]]), names[place]
    if own_name is None:
        raise SettingsError(
            f"expected a name for the target in the first line of {file.name}, got blanks: write one there"
        )
    guessed = target(aim, own_name, task, positive)
    guesses = [
        guess(Seen(source, columns[source]), own)
        for source, own in zip(table.names, names, strict=True)
        if own is not None and source != aim.source
    ]
    if not guesses:
        raise SettingsError(f"expected columns beside {shown(column)} in {file.name}, got none to learn from")
    roles.assign(guesses, aim)
    if all(one.role in {"key", "time", "ignored"} or one.type == "text" for one in guesses):
        seen = "; ".join(f"{one.name}: {(one.doubts or [one.fact])[0]}" for one in guesses[:3])
        raise SettingsError(f"expected a column of {file.name} to learn {shown(column)} from, found none: {seen}")
    called = name or use_case_name(file.stem.removesuffix(".csv"))
    if re.match(NAME, called) is None:
        raise SettingsError(f"expected small letters, digits and - as --name, at most 50, got {shown(called)}")
    left_out = [f"column {at + 1}" for at, own in enumerate(names) if own is None]
    text = draft.draft(called, _file(file, folder, table), guessed, guesses, left_out)
    try:
        data_set(read(text))
    except ValueError as error:
        raise SettingsError(f"expected a declaration that holds, got one that does not: {error}") from None
    return Drafted(text, called, table, guessed, guesses)


def _names(sources: Sequence[str]) -> list[str | None]:
    """The columns' names; None for one that has none, as a spreadsheet's first."""
    own = {name for at, name in enumerate(sources) if column_name(name, at, ()) == name}
    found: list[str | None] = []
    for at, source in enumerate(sources):
        taken = (own | {one for one in found if one}) - {source}
        found.append(column_name(source, at, taken) if source.strip() else None)
    return found


def _find(names: Sequence[str], column: str, file: Path) -> int:
    if column in names:
        return names.index(column)
    near = [
        at
        for at, name in enumerate(names)
        if column.strip().casefold() in {name.strip().casefold(), column_name(name, at, ())}
    ]
    if len(near) == 1:
        return near[0]
    figures = [name for name in names if Number().read(name).value is not None or Day().read(name).value is not None]
    if figures:
        raise SettingsError(
            f"expected the columns' names in the first line of {file.name}, got what looks like values, such as "
            f"{shown(figures[0])}: write the names above them"
        )
    some = ", ".join(shown(name) for name in names[:20])
    raise SettingsError(
        f"expected a column of {file.name} as --target, got {shown(column)}: it has {some}"
        f"{' and more' if len(names) > 20 else ''}"
    )


def _file(file: Path, folder: Path, table: Batch) -> draft.File:
    """The source, so cut that there are some ten batches."""
    rows = table.count / BATCHES
    scale = 10 ** max(0, math.floor(math.log10(max(1.0, rows))) - 1)
    rows = min(MOST_ROWS, max(FEWEST_ROWS, math.ceil(rows / scale) * scale))
    home = file.resolve().parent
    inside = home.is_relative_to(folder.resolve())
    return draft.File(
        folder=str(home.relative_to(folder.resolve())) if inside else str(home),
        pattern=glob.escape(file.name),
        rows=int(rows),
        title=f"{table.looked_at} rows of {file.name}",
        batches=max(1, round(table.count / rows)),
    )


def replace(output: Path, text: str) -> None:
    """Write a file whole or not at all, with the rights of the one that was there. Raises SettingsError."""
    fresh = output.with_name(f".{output.name}.{os.getpid()}")
    try:
        fresh.write_text(text, encoding="utf-8", newline="")
        if output.exists():
            shutil.copymode(output, fresh)
        fresh.replace(output)
    except OSError as error:
        raise SettingsError(f"expected to write {output}, got: {error.strerror}") from None
    finally:
        fresh.unlink(missing_ok=True)
