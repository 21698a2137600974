"""What a person sees: progress while it works, one table row a batch, and a summary."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from relevo_demo.story import Row, production

STEPS = ("collect", "clean", "decide", "train", "promote")
WIDTHS = {
    "#": 3, "rows": 6, "moved": 12, "trained, and why": 36, "v": 3, "champion": 11, "challenger": 11,
    "promoted?": 10, "s": 5,
}  # fmt: skip
NUMBERS = frozenset({"#", "rows", "v", "s"})
NARROWEST = 121
"""Columns of a terminal, at least, that the table is made for."""


def error(value: float | None, interval: Sequence[float] | None) -> str:
    """An error with its interval on two lines."""
    if value is None or interval is None:
        return "–"
    return f"{100 * value:.1f} %\n{100 * interval[0]:.1f}–{100 * interval[1]:.1f} %"


def cells(row: Row) -> list[str]:
    """A row's cells, in the order of WIDTHS, with rich's markup."""
    trained = "[bold]trained[/]: " if row.trained else "not trained: "
    verdict = "–"
    if row.promoted is not None:
        criterion = (row.criterion or "").replace("_", " ")
        verdict = ("[bold green]promoted[/]" if row.promoted else "[bold yellow]rejected[/]") + f"\n{criterion}"
    champion = error(row.champion_error, row.champion_interval)
    if row.trained and row.champion_version is None and row.champion_error is not None:
        champion += "\n(the median)"
    elif row.champion_version is not None:
        champion += f"\n(v{row.champion_version})"
    moved = ", ".join(row.moved[:4]) + (f" +{len(row.moved) - 4}" if len(row.moved) > 4 else "")
    return [
        str(row.number),
        "–" if row.rows is None else f"{row.rows:,}",
        escape(moved or "–"),
        trained + escape(row.why),
        "–" if row.version is None else str(row.version),
        champion,
        error(row.challenger_error, row.challenger_interval),
        verdict,
        f"{row.seconds:.1f}",
    ]


class Screen:
    """Prints to a terminal or, without one, plain lines."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)
        if not self.console.is_terminal and self.console.width < NARROWEST:
            self.console = Console(highlight=False, width=NARROWEST, file=self.console.file)
        self._header_shown = False
        self._progress: Progress | None = None
        self._batches: TaskID | None = None
        self._steps: TaskID | None = None

    @contextmanager
    def working(self, batches: int, done: int) -> Iterator[None]:
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
            shown = what if len(what) < 70 else what[:69] + "…"
            self._progress.update(self._steps, doing=escape(shown), completed=step)

    def row(self, row: Row) -> None:
        """Print a batch's row, under the header the first time."""
        table = Table(show_header=not self._header_shown, pad_edge=False, show_edge=False, header_style="bold")
        for name, width in WIDTHS.items():
            table.add_column(name, width=width, justify="right" if name in NUMBERS else "left", overflow="fold")
        table.add_row(*cells(row), end_section=True)
        self._header_shown = True
        self.console.print(table)
        self.console.print("─" * (sum(WIDTHS.values()) + 3 * (len(WIDTHS) - 1)), style="dim")
        if self._progress is not None and self._batches is not None:
            self._progress.advance(self._batches)

    def say(self, what: str) -> None:
        """A line of its own."""
        self.console.print(what, soft_wrap=True)

    def summary(self, rows: Sequence[Row]) -> None:
        """What came of it all."""
        now = production(rows)
        trained, promoted = sum(row.trained for row in rows), sum(bool(row.promoted) for row in rows)
        self.say(f"\n{len(rows)} batches, {trained} trainings, {promoted} promotions.")
        if now["version"] is None:
            self.say("Nothing is in production yet.")
        else:
            self.say(
                f"In production: [bold]version {now['version']}[/], median error {100 * now['error']:.1f} % on "
                "the held-out rows it was last compared on."
            )
