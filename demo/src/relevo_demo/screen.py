"""What a person sees: progress while it works, one table row a batch, and a summary."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from relevo_contract.data_set import DataSet
from relevo_contract.record import Estimate
from relevo_contract.texts import legible
from relevo_demo.story import Row, production

STEPS = ("collect", "clean", "decide", "train", "promote")
WHY = "trained, and why"
WIDTHS = {"#": 3, "rows": 7, "moved": 12, WHY: 0, "v": 3, "champion": 12, "challenger": 12, "promoted?": 10, "s": 5}
"""Columns of text by column of the table; the reason gets what the terminal has left."""
NUMBERS = frozenset({"#", "rows", "v", "s"})
_BETWEEN = 3
NARROWEST_WHY = 30
WIDEST_WHY = 90
"""Longer lines are harder to read."""
NARROWEST = sum(WIDTHS.values()) + _BETWEEN * (len(WIDTHS) - 1) + NARROWEST_WHY
"""Columns that the table needs; a narrower terminal gets a few lines a batch instead."""
WITHOUT_TERMINAL = 120


def told(data: DataSet, value: float | None, interval: Sequence[float] | None) -> str:
    """An error with its interval, in the task's terms."""
    if value is None or interval is None:
        return "–"
    return data.predicts.told(Estimate(value=value, low=interval[0], high=interval[1]), data.unit)


def error(data: DataSet, value: float | None, interval: Sequence[float] | None) -> str:
    """The same on two lines."""
    return told(data, value, interval).replace(" (", "\n").removesuffix(")")


def _champion(data: DataSet, row: Row) -> str:
    """Who the champion's error is of."""
    if row.champion_version is not None:
        return f"v{row.champion_version}"
    return f"{data.predicts.baseline_words} {data.target}" if row.trained and row.champion_error is not None else ""


def _moved(data: DataSet, row: Row, most: int) -> str:
    shown = (data.labels.get(name, {}).get("en", name) for name in row.moved[:most])
    return ", ".join(shown) + (f" +{len(row.moved) - most}" if len(row.moved) > most else "")


def _verdict(row: Row) -> str:
    return "[bold green]promoted[/]" if row.promoted else "[bold yellow]rejected[/]"


def _criterion(row: Row) -> str:
    return (row.criterion or "").replace("_", " ")


def _why(row: Row) -> str:
    return ("[bold]trained[/]: " if row.trained else "not trained: ") + escape(legible(row.why))


def cells(data: DataSet, row: Row) -> list[str]:
    """A row's cells, in the order of WIDTHS, with rich's markup."""
    champion, whose = error(data, row.champion_error, row.champion_interval), _champion(data, row)
    return [
        str(row.number),
        "–" if row.rows is None else f"{row.rows:,}",
        escape(_moved(data, row, 4) or "–"),
        _why(row),
        "–" if row.version is None else str(row.version),
        f"{champion}\n({whose})" if whose else champion,
        error(data, row.challenger_error, row.challenger_interval),
        "–" if row.promoted is None else f"{_verdict(row)}\n{_criterion(row)}",
        f"{row.seconds:.1f}",
    ]


def lines(data: DataSet, row: Row) -> list[str]:
    """A row as a few lines with rich's markup, for a terminal too narrow for the table."""
    rows = "rows unknown" if row.rows is None else f"{row.rows:,} rows"
    said = [
        f"[bold]batch {row.number}[/]: {rows}, {row.seconds:.1f} s",
        f"  moved: {escape(_moved(data, row, 8) or '–')}",
    ]
    said.append(f"  {_why(row)}")
    if row.champion_error is not None:
        said.append(f"  champion ({_champion(data, row)}): {told(data, row.champion_error, row.champion_interval)}")
    if row.challenger_error is not None:
        said.append(f"  challenger (v{row.version}): {told(data, row.challenger_error, row.challenger_interval)}")
    if row.promoted is not None:
        said.append(f"  {_verdict(row)}: {_criterion(row)}")
    return said


def say(what: str) -> None:
    """A line of its own."""
    Console(highlight=False).print(what, soft_wrap=True)


def wrong(what: str) -> None:
    """What is wrong, as it stands."""
    shown = "\n".join(map(legible, what.splitlines()))
    Console(highlight=False).print(f"relevo: {shown}", style="bold red", markup=False, soft_wrap=True)


class Screen:
    """Prints to a terminal or, without one, plain lines."""

    def __init__(self, data: DataSet, console: Console | None = None) -> None:
        self._data = data
        self.console = console or Console(highlight=False)
        if not self.console.is_terminal and self.console.width < WITHOUT_TERMINAL:
            self.console = Console(highlight=False, width=WITHOUT_TERMINAL, file=self.console.file)
        self._header_shown = False
        self._progress: Progress | None = None
        self._batches: TaskID | None = None
        self._steps: TaskID | None = None

    @contextmanager
    def waiting(self, what: str) -> Iterator[None]:
        """Show that something is under way which has no steps to count; a line where there is no terminal."""
        if not self.console.is_terminal:
            self.say(what)
            yield
            return
        with self.console.status(escape(what)):
            yield

    @contextmanager
    def working(self, batches: int | None, done: int) -> Iterator[None]:
        """Show the two bars, batches and steps of the batch, while something runs."""
        progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description:8}"),
            BarColumn(24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[doing]}", table_column=None),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
        )
        with progress:
            self._progress = progress
            self._batches = progress.add_task("batches", total=batches, completed=done, doing="")
            self._steps = progress.add_task("steps", total=len(STEPS), doing="")
            try:
                yield
            finally:
                self._progress = self._batches = self._steps = None

    def doing(self, what: str, step: int | None = None) -> None:
        """Say what goes on now; `step` counts the batch's finished steps."""
        if self._progress is not None and self._steps is not None:
            most = max(10, self.console.width - 60)
            shown = what if len(what) < most else what[: most - 1] + "…"
            self._progress.update(self._steps, doing=escape(shown), completed=step)

    def row(self, row: Row) -> None:
        """Print a batch's row, under the header the first time."""
        if self.console.width < NARROWEST:
            for line in lines(self._data, row):
                self.console.print(line)
        else:
            self._table_row(row)
        if self._progress is not None and self._batches is not None and self._steps is not None:
            self._progress.advance(self._batches)
            self._progress.reset(self._steps, doing="")

    def _table_row(self, row: Row) -> None:
        left = self.console.width - NARROWEST + NARROWEST_WHY
        widths = WIDTHS | {WHY: min(left, WIDEST_WHY)}
        table = Table(show_header=not self._header_shown, pad_edge=False, show_edge=False, header_style="bold")
        for name, width in widths.items():
            table.add_column(name, width=width, justify="right" if name in NUMBERS else "left", overflow="fold")
        table.add_row(*cells(self._data, row))
        self._header_shown = True
        self.console.print(table)
        self.console.print("─" * (sum(widths.values()) + _BETWEEN * (len(widths) - 1)), style="dim")

    def say(self, what: str) -> None:
        """A line of its own."""
        self.console.print(what, soft_wrap=True)

    def summary(self, rows: Sequence[Row]) -> None:
        """What came of it all."""
        now = production(rows)
        trained, promoted = sum(row.trained for row in rows), sum(bool(row.promoted) for row in rows)
        counts = {"batch": len(rows), "training": trained, "promotion": promoted}
        many = {"batch": "batches"}
        said = [f"{n} {what if n == 1 else many.get(what, what + 's')}" for what, n in counts.items()]
        self.say("\n" + ", ".join(said) + ".")
        if now["version"] is None:
            self.say("Nothing is in production yet.")
        else:
            came = told(self._data, now["error"], now["interval"])
            self.say(
                f"In production: [bold]version {now['version']}[/], {self._data.predicts.figure} {came} on the "
                "held-out rows it was last compared on."
            )
