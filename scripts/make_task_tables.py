"""Writes the tables of predictions in docs/evaluation.md from benchmarks/results/tasks.json.

python scripts/make_task_tables.py          write them
python scripts/make_task_tables.py --check  exit 1 when they are out of date
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from generated_part import write_or_check
from make_log_tables import TITLES

ROOT: Final = Path(__file__).parent.parent
RESULTS: Final = ROOT / "benchmarks" / "results" / "tasks.json"
PAGE: Final = ROOT / "docs" / "evaluation.md"
BEGIN: Final = "<!-- Predictions: made by scripts/make_task_tables.py; do not edit. -->\n"
END: Final = "<!-- End of predictions. -->\n"
OURS: Final = "ours"
TRUTH: Final = "truth"
# By kind of task: the columns (metric, heading, digits), and what ours is ahead by.
CHANCE: Final = (
    ("auc", "AUC", 4),
    ("pr_auc", "PR-AUC", 4),
    ("log_loss", "log loss", 4),
    ("brier", "Brier", 4),
    ("ece", "ECE", 3),
)
AMOUNT: Final = (
    ("mae", "MAE", 1),
    ("spearman", "Spearman", 4),
    ("gini", "Gini", 4),
    ("total_error_size", "total's error", 3),
)
NEXT: Final = (
    ("hit_rate@3", "hit rate@3", 4),
    ("accuracy", "accuracy", 4),
    ("mrr", "MRR", 4),
    ("log_loss", "log loss", 4),
)
HEADLINES: Final = (("auc", CHANCE), ("mae", AMOUNT), ("hit_rate@3", NEXT))
Found = Mapping[str, Any]


def tables(document: Mapping[str, Found]) -> str:
    """Return the tables of every shop."""
    sections = []
    for name, row in document.items():
        sections.append(f"### {TITLES.get(name, name.capitalize())}: predictions\n")
        sections += [task_table(task, found) for task, found in row["tasks"].items()]
    return "\n".join(sections)


def task_table(name: str, found: Found) -> str:
    """Return a sentence, the means over cuts and the cuts one by one."""
    columns = next(shown for metric, shown in HEADLINES if metric in found["mean"][OURS])
    compared = next(iter(found["differences"].values()))
    header = ["who", *(heading for _, heading, _ in columns)]
    header += [f"ours ahead, {metric.replace('_', ' ')}" for metric in compared]
    lines = [
        f"`{name}`: {found['asks']}. Means over {cuts_text(found)}.\n",
        row_text(header),
        row_text(["---"] * len(header)),
        *(contender(who, found, columns) for who in found["mean"]),
        "",
    ]
    if "base_rate" in found["cuts"][0]:
        lines += each_cut(found, columns[0])
    if "against_truth" in found:
        lines += against_truth(found["against_truth"])
    return "\n".join(lines)


def cuts_text(found: Found) -> str:
    """Return how many cuts there are, and of how many persons."""
    cuts = found["cuts"]
    persons = sorted(cut["persons"] for cut in cuts)
    if len(cuts) == 1:
        return f"one cut, {cuts[0]['cut']}, {persons[0]:,} persons"
    return (
        f"{len(cuts)} cuts, {cuts[0]['cut']} to {cuts[-1]['cut']}, {persons[0]:,} to "
        f"{persons[-1]:,} persons"
    )


def contender(who: str, found: Found, columns: tuple[tuple[str, str, int], ...]) -> str:
    """Return one contender's row."""
    means = found["mean"][who]
    cells = [f"**{who}**" if who == OURS else f"`{who}`"]
    cells += [number(means[metric], digits) for metric, _, digits in columns]
    ahead = found["differences"].get(who, {})
    for metric in next(iter(found["differences"].values())):
        digits = 1 if metric == "mae" else 4
        cells.append(difference(ahead[metric], digits) if ahead else "")
    return row_text(cells)


def difference(one: Found, digits: int) -> str:
    """Return the mean and its interval."""
    low, high = one["interval"]
    return f"{one['mean']:+.{digits}f} ({low:+.{digits}f} to {high:+.{digits}f})"


def each_cut(found: Found, column: tuple[str, str, int]) -> list[str]:
    """Return a row a cut: the rate, ours and the rival that is best on average."""
    metric, heading, digits = column
    means = found["mean"]
    rivals = [who for who in means if who not in (OURS, TRUTH)]
    better = min if metric == "mae" else max
    best = better(rivals, key=lambda who: means[who][metric])
    second = "log_loss" if metric == "auc" else "total_error"
    rated = min(
        rivals, key=lambda who: means[who]["log_loss" if metric == "auc" else "total_error_size"]
    )
    named = second.replace("_", " ").replace("total error", "total's error")
    header = ["cut", "came" if metric == "auc" else "mean amount", f"{heading}, ours", f"`{best}`"]
    header += [f"{named}, ours", f"`{rated}`"]
    header += ["ECE, ours"] if metric == "auc" else []
    is_held = all("interval_held" in cut for cut in found["cuts"])
    header += ["interval held", "season unseen"] if is_held else []
    lines = [row_text(header), row_text(["---"] * len(header))]
    for cut in found["cuts"]:
        told = cut["contenders"]
        cells = [
            cut["cut"],
            number(cut["base_rate"], 3 if metric == "auc" else 1),
            number(told[OURS][metric], digits),
            number(told[best][metric], digits),
            number(told[OURS][second], 4),
            number(told[rated][second], 4),
        ]
        cells += [number(told[OURS]["ece"], 3)] if metric == "auc" else []
        if is_held:
            cells += [
                f"{cut['interval_held']:.0%}",
                "told" if cut["is_unseen_season"] else "",
            ]
        lines.append(row_text(cells))
    return [*lines, ""]


def against_truth(found: Found) -> list[str]:
    """Return how near each contender comes to the true probabilities."""
    header = ["beside the true probabilities", "Spearman", "mean distance", "mean told / mean true"]
    lines = [row_text(header), row_text(["---"] * len(header))]
    for who, one in found.items():
        cells = [f"**{who}**" if who == OURS else f"`{who}`"]
        cells += [number(one[key], 3) for key in ("spearman", "mean_distance", "mean_ratio")]
        lines.append(row_text(cells))
    return [*lines, ""]


def number(value: float, digits: int) -> str:
    """Return a number without the zero before its point."""
    return (
        f"{value:,.{digits}f}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:,.{digits}f}"
    )


def row_text(cells: list[str]) -> str:
    """Return a line of a Markdown table."""
    return "| " + " | ".join(cells) + " |"


def main() -> int:
    """Write the tables, or say whether they are out of date."""
    return write_or_check(PAGE, BEGIN, END, tables(json.loads(RESULTS.read_text())))


if __name__ == "__main__":
    sys.exit(main())
