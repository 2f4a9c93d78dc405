"""What a person sees in the terminal: progress bars, tables, the score card.

Every verb answers with one JSON document; this module draws such a document as readable tables
on stdout, and progress on stderr. Knows nothing about how the answers come about.
"""

import sys
import time
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

Json = Mapping[str, "Json"] | Sequence["Json"] | str | int | float | bool | None

MAX_CELL = 60


class Bars:
    """A `compute.Progress` of bars with rate and time left; plain lines without a terminal."""

    def __init__(self) -> None:
        self.console = Console(stderr=True)
        self._bars: Progress | None = None
        self._task = TaskID(0)
        self._label, self._unit, self._done = "", "", 0
        self._total: int | None = None
        self._started = 0.0

    def start(self, label: str, total: int | None, unit: str) -> None:
        """Begin a stretch of work, ending the one before."""
        self.finish()
        self._label, self._unit, self._total, self._done = label, unit, total, 0
        self._started = time.monotonic()
        if self.console.is_terminal:
            self._bars = Progress(
                SpinnerColumn(finished_text="✓"),
                TextColumn("{task.description}"),
                BarColumn(bar_width=24),
                TextColumn("{task.fields[rate]}"),
                TimeElapsedColumn(),
                TextColumn("left"),
                TimeRemainingColumn(),
                TextColumn("[dim]{task.fields[note]}"),
                console=self.console,
            )
            self._bars.start()
            self._task = self._bars.add_task(label, total=total, rate="", note="")

    def advance(self, amount: int = 1, note: str = "") -> None:
        """Tell that `amount` more units are done."""
        self._done += amount
        if self._bars is not None:
            self._bars.update(self._task, advance=amount, rate=self._rate())
            if note:
                self._bars.update(self._task, note=note)

    def finish(self) -> None:
        """End the stretch and leave one line of what it took."""
        if not self._label:
            return
        if self._bars is not None:
            self._bars.update(self._task, total=self._done, completed=self._done)
            self._bars.stop()
            self._bars = None
        else:
            seconds = time.monotonic() - self._started
            line = f"{self._label}: {self._done:,} {self._unit} in {seconds:.1f} s"
            print(line, file=sys.stderr, flush=True)
        self._label = ""

    def _rate(self) -> str:
        seconds = time.monotonic() - self._started
        rate = self._done / seconds if seconds > 0 else 0.0
        return f"{number(rate)} {self._unit}/s"


def number(value: float) -> str:
    """Return a number as people read it: 1,234 · 12.3 · 0.0123.

    >>> number(1234567.0), number(12.34), number(0.01234)
    ('1,234,567', '12.3', '0.0123')
    """
    if value != value:  # NaN
        return "–"
    if isinstance(value, int) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.4g}"


def show(document: Mapping[str, Json]) -> None:
    """Print a verb's answer: scalars as a list, lists and nested tables below."""
    console = Console()
    scalars = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, value in document.items():
        if not isinstance(value, Mapping | list | tuple):
            scalars.add_row(f"[dim]{_words(name)}", _cell(value))
    if scalars.row_count:
        console.print(scalars)
    for name, value in document.items():
        if isinstance(value, Mapping) and value:
            console.print(_nested_table(name, value))
        elif isinstance(value, list | tuple) and value:
            console.print(_list_table(name, value))


def _nested_table(name: str, value: Mapping[str, Json]) -> Table:
    rows = {key: _flat(row) for key, row in value.items() if isinstance(row, Mapping)}
    if len(rows) == len(value):
        return _rows_table(_words(name), [{"name": key, **row} for key, row in rows.items()])
    table = Table(title=_words(name), title_justify="left", show_header=False, box=None)
    for key, cell in value.items():
        table.add_row(f"[dim]{_words(key)}", _cell(cell))
    return table


def _list_table(name: str, value: Sequence[Json]) -> Table:
    if all(isinstance(row, Mapping) for row in value):
        return _rows_table(_words(name), [_flat(row) for row in value if isinstance(row, Mapping)])
    table = Table(title=_words(name), title_justify="left", show_header=False, box=None)
    for row in value:
        table.add_row(_cell(row))
    return table


def _rows_table(title: str, rows: list[dict[str, Json]]) -> Table:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    table = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        is_number = all(isinstance(row.get(column), int | float | None) for row in rows)
        table.add_column(_words(column), justify="right" if is_number else "left")
    for row in rows:
        table.add_row(*(_cell(row.get(column)) for column in columns))
    return table


def _flat(row: Mapping[str, Json]) -> dict[str, Json]:
    """One level of nesting becomes columns: {"metrics": {"auc": .8}} → {"auc": .8}."""
    flat: dict[str, Json] = {}
    for key, value in row.items():
        if isinstance(value, Mapping):
            flat.update({k: v for k, v in value.items() if not isinstance(v, Mapping | list)})
        else:
            flat[key] = value
    return flat


def _cell(value: Json) -> str:
    from rich.markup import escape

    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return number(value)
    if isinstance(value, Mapping):
        return escape(", ".join(f"{key} {_cell(cell)}" for key, cell in value.items()))
    if isinstance(value, list | tuple):
        return "; ".join(_cell(cell) for cell in value)
    text = str(value)
    return escape(text)


def _words(name: str) -> str:
    return name.replace("_", " ")
