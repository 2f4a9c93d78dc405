"""Draws what was told against what came at rolling cuts: docs/figures/reliability.svg.

    python scripts/plot_reliability.py [FILE.svg|FILE.png]

Needs matplotlib (`pip install "habitue[figures]"`). Reads benchmarks/results/tasks.json, which
`benchmarks/tasks.py` writes. A panel a cut, a point a tenth of the persons as ranked by ours; the
bar is the 90 % interval that was told of them. Where everybody was told the same, nothing is drawn.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
import matplotlib.pyplot as plt
from make_log_tables import TITLES
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

ROOT: Final = Path(__file__).parent.parent
RESULTS: Final = ROOT / "benchmarks" / "results" / "tasks.json"
COLUMNS: Final = 6
HELD, MISSED, BAR, LEVEL = "#2a6f97", "#d1495b", "#9aa5b1", "#cccccc"
Found = Mapping[str, Any]
Row = tuple[str, list[Found]]


def rows_of(document: Mapping[str, Found]) -> list[Row]:
    """Return a title and the cuts of each task of chances, shop by shop."""
    rows = []
    for shop, found in document.items():
        for task, figures in found["tasks"].items():
            cuts = [cut for cut in figures["cuts"] if "reliability" in cut]
            told = {one["told"] for cut in cuts for one in cut["reliability"]}
            if len(told) > len(cuts):
                rows.append((f"{TITLES.get(shop, shop.capitalize())}\n{task}", cuts))
    return rows


def places(rows: list[Row]) -> list[int]:
    """Return the number of each task's first panel; a task stays within a line of panels."""
    found, free = [], 0
    for _, cuts in rows:
        if free % COLUMNS + len(cuts) > COLUMNS:
            free += COLUMNS - free % COLUMNS
        found.append(free)
        free += len(cuts)
    return found


def draw(axes: Axes, cut: Found) -> None:
    """Draw one cut: the diagonal, the intervals, and what came."""
    tenths = cut["reliability"]
    top = 1.08 * max(max(one["high"], one["came"]) for one in tenths)
    top = min(top, 1.0)
    axes.plot([0, top], [0, top], color=LEVEL, linewidth=0.8, zorder=1)
    for one in tenths:
        is_held = one["low"] <= one["came"] <= one["high"]
        axes.vlines(one["told"], one["low"], one["high"], color=BAR, linewidth=2.2, zorder=2)
        axes.plot(one["told"], one["came"], "o", color=HELD if is_held else MISSED, markersize=3)
    axes.set(xlim=(0, top), ylim=(0, top))
    axes.set_aspect("equal")
    axes.set_xlabel("told", labelpad=1)
    axes.locator_params(nbins=4)
    axes.tick_params(length=2)
    warned = ", unseen" if cut["is_unseen_season"] else ""
    axes.set_title(f"{cut['cut']}{warned}", fontsize=7)
    axes.spines[["top", "right"]].set_visible(False)


def plot(rows: list[Row], out: Path) -> None:
    """Write the figure."""
    mpl.rcParams.update({"font.size": 7, "svg.hashsalt": "habitue", "svg.fonttype": "none"})
    first = places(rows)
    lines = 1 + (first[-1] + len(rows[-1][1]) - 1) // COLUMNS
    figure, grid = plt.subplots(
        lines, COLUMNS, figsize=(10.5, 1.9 * lines), squeeze=False, layout="constrained"
    )
    panels = list(grid.flat)
    for axes in panels:
        axes.set_axis_off()
    for (title, cuts), start in zip(rows, first, strict=True):
        for axes, cut in zip(panels[start:], cuts, strict=False):
            axes.set_axis_on()
            draw(axes, cut)
        panels[start].set_ylabel(f"{title}\n\ncame")
    marks = [
        Line2D([], [], color=HELD, marker="o", linestyle="", markersize=3, label="rate that came"),
        Line2D([], [], color=MISSED, marker="o", linestyle="", markersize=3, label="… outside"),
        Line2D([], [], color=BAR, linewidth=2.2, label="90 % interval told"),
    ]
    figure.legend(handles=marks, loc="outside upper right", ncols=3, frameon=False)
    figure.savefig(out, dpi=110, metadata={"Date": None} if out.suffix == ".svg" else None)


def main() -> None:
    """Draw the figure into the file named, or into docs/figures."""
    default = ROOT / "docs" / "figures" / "reliability.svg"
    plot(rows_of(json.loads(RESULTS.read_text())), Path((sys.argv[1:] or [str(default)])[0]))


if __name__ == "__main__":
    main()
