"""Progress in the terminal: a bar with rate and time left, on stderr.

Knows nothing about the work.
"""

import sys
import time

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

from habitue.cli.tables import number
from habitue.cli.texts import say, work
from habitue.display import inert
from habitue.languages import told


class Bars:
    """A `compute.Progress` of bars with rate and time left; plain lines without a terminal."""

    def __init__(self) -> None:
        self.console = Console(stderr=True, emoji=False)
        self._bars: Progress | None = None
        self._task = TaskID(0)
        self._label, self._unit, self._done = "", "", 0
        self._total: int | None = None
        self._started = 0.0

    def start(self, label: str, total: int | None, unit: str) -> None:
        """Begin a stretch of work, ending the one before."""
        self.finish()
        label, unit = work(label), work(unit)
        self._label, self._unit, self._total, self._done = label, unit, total, 0
        self._started = time.monotonic()
        if self.console.is_terminal:
            self._bars = Progress(
                SpinnerColumn(finished_text="✓"),
                TextColumn("{task.description}"),
                BarColumn(bar_width=24),
                TextColumn("{task.fields[rate]}"),
                TimeElapsedColumn(),
                TextColumn(say("left")),
                TimeRemainingColumn(),
                TextColumn("{task.fields[note]}", style="dim", markup=False),
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
                self._bars.update(self._task, note=inert(note))

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
            line = say(
                "{label}{amount} in {seconds} s",
                label=self._label,
                amount=self._amount(),
                seconds=f"{seconds:.1f}",
            )
            print(line, file=sys.stderr, flush=True)
        self._label = ""

    def _amount(self) -> str:
        if not self._done:
            return ""
        unit = self._unit.removesuffix("s") if self._done == 1 else self._unit
        return told({"en": f": {self._done:,} {unit}", "zh": f"：{self._done:,}{unit}"})

    def _rate(self) -> str:
        seconds = time.monotonic() - self._started
        rate = self._done / seconds if seconds > 0 else 0.0
        return f"{number(rate)} {self._unit}/s"
