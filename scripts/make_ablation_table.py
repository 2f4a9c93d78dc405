"""Writes the table of options in docs/experiments.md from the results of benchmarks/ablations.py.

python scripts/make_ablation_table.py          write it
python scripts/make_ablation_table.py --check  exit 1 when it is out of date
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any, Final

from generated_part import write_or_check

ROOT: Final = Path(__file__).parent.parent
RESULTS: Final = ROOT / "benchmarks" / "results" / "ablations"
PAGE: Final = ROOT / "docs" / "experiments.md"
BEGIN: Final = "<!-- Options: made by scripts/make_ablation_table.py; do not edit. -->\n"
END: Final = "<!-- End of options. -->\n"
GROUPS: Final = ("recipe", "loss", "penalty", "step", "windows", "network")
Result = Mapping[str, Any]


def section(results: Sequence[Result]) -> str:
    """Return the table, and what tells how little a small difference means."""
    by_name = {result["name"]: result for result in results}
    if "baseline" not in by_name:
        return "No row has been measured yet.\n"
    lines = [
        heading(by_name["baseline"]) + noise(results),
        "",
        "| option | changed | validation N@10 / R@10 | test N@10 / R@10 | change | seconds |",
        "|---|---|---|---|---|---|",
    ]
    order = sorted(results, key=lambda result: GROUPS.index(result["group"]))
    for group in GROUPS:
        lines += [row(one, by_name.get(one["against"])) for one in order if one["group"] == group]
    return "\n".join([*lines, ""])


def heading(baseline: Result) -> str:
    """Say what all rows share."""
    return (
        f"{baseline['persons']:,} persons, {baseline['epochs']} epochs, seed 0, "
        f"{baseline['threads']} thread(s), Habitue {baseline['version']}."
    )


def noise(results: Sequence[Result]) -> str:
    """Say how far seeds of the same recipe differ, where there are some."""
    names = ("baseline", "seed 1", "seed 2")
    found = [one["test_ndcg"] for one in results if one["name"] in names]
    if len(found) < 2:
        return ""
    spread = f"{digits(mean(found))} ± {digits(stdev(found))}"
    return f" {len(found)} seeds of the recipe reach a test N@10 of {spread}."


def row(found: Result, other: Result | None) -> str:
    """Return one recipe's line."""
    change = ""
    if other is not None and other is not found:
        change = f"{found['test_ndcg'] - other['test_ndcg']:+.4f}".replace("0.", ".")
        if other["name"] != "baseline":
            change += f" (to {other['name']})"
    changes = [f"`{pair}`" for pair in found["changes"]]
    told = [
        found["name"],
        ", ".join(changes) if found["has_attributes"] else "no attributes of items",
        f"{digits(found['valid_ndcg'])} / {digits(found['valid_recall'])}",
        f"{digits(found['test_ndcg'])} / {digits(found['test_recall'])}",
        change,
        f"{found['seconds']:,.0f}",
    ]
    return f"| {' | '.join(told)} |"


def digits(value: float) -> str:
    """Return four digits after the point."""
    return f"{value:.4f}".removeprefix("0")


def main() -> int:
    """Write or check the page."""
    results = [json.loads(path.read_bytes()) for path in sorted(RESULTS.glob("*.json"))]
    return write_or_check(PAGE, BEGIN, END, section(results))


if __name__ == "__main__":
    sys.exit(main())
