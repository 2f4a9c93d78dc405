"""Writes the figures of docs/explanations.md from benchmarks/results/explanations.json.

    python scripts/make_explanation_tables.py [--check]

The results hold what `benchmarks/explain_curves.py` and `benchmarks/explain_speed.py` printed.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from generated_part import write_or_check

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "explanations.json"
PAGE = ROOT / "docs" / "explanations.md"
BEGIN = "<!-- written by scripts/make_explanation_tables.py -->"
END = "<!-- end of the written part -->"


def points(value: float, *, is_money: bool) -> str:
    """Return points of probability, or money."""
    return f"{value:,.2f}" if is_money else f"{value * 100:.2f}"


def difference(one: Mapping[str, Any], *, is_money: bool) -> str:
    """Return a mean difference with its interval."""
    low, high = (points(end, is_money=is_money) for end in one["interval"])
    return f"{points(one['mean'], is_money=is_money)} [{low}, {high}]"


def curves(logs: list[Mapping[str, Any]]) -> list[str]:
    """Return the table of areas under the curves."""
    lines = [
        "| log | task | persons | curve | effect | recency | random | effect less recency | "
        "effect less random |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for log in logs:
        for task, found in log["tasks"].items():
            money = task.startswith("value")
            for curve in ("deletion", "insertion"):
                part = found[curve]
                cells = [log["log"], f"`{task}`", f"{found['persons']}", curve]
                cells += [
                    points(part[order], is_money=money)
                    for order in ("explain", "recency", "random")
                ]
                cells += [
                    difference(part[f"less_{rival}"], is_money=money)
                    for rival in ("recency", "random")
                ]
                lines.append("| " + " | ".join(cells) + " |")
    return lines


def second_model(logs: list[Mapping[str, Any]]) -> list[str]:
    """Return the table of what a model of another seed says."""
    lines = [
        "| log | task | columns | entries | correlation | rank correlation | same sign |",
        "|---|---|---|---|---|---|---|",
    ]
    for log in logs:
        for task, found in log["tasks"].items():
            said = found["second_model"]
            lines.append(
                f"| {log['log']} | `{task}` | {found['uses']} | {said['entries']:,} | "
                f"{said['correlation']:.2f} | {said['rank_correlation']:.2f} | "
                f"{said['same_sign']:.0%} |"
            )
    return lines


def speed(found: Mapping[str, Any]) -> list[str]:
    """Return the table of milliseconds."""
    lines = ["| question | median ms | 95th percentile ms |", "|---|---|---|"]
    for question, one in found["questions"].items():
        median, p95 = one["processor_median_ms"], one["processor_p95_ms"]
        lines.append(f"| `{question}` | {median:.0f} | {p95:.0f} |")
    return lines


def main() -> int:
    """Write the part, or check it."""
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    parts = (curves(results["curves"]), second_model(results["curves"]), speed(results["speed"]))
    return write_or_check(PAGE, BEGIN, END, "\n\n".join("\n".join(part) for part in parts))


if __name__ == "__main__":
    sys.exit(main())
