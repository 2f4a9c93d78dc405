"""Writes the table of how often tags come true in docs/profiles.md.

python scripts/make_tag_table.py          write it
python scripts/make_tag_table.py --check  exit 1 when it is out of date

It is made from benchmarks/results/tags.json, which `benchmarks/tags.py` measured.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from generated_part import write_or_check

ROOT: Final = Path(__file__).parent.parent
RESULTS: Final = ROOT / "benchmarks" / "results" / "tags.json"
PAGE: Final = ROOT / "docs" / "profiles.md"
BEGIN: Final = "<!-- Tags: made by scripts/make_tag_table.py; do not edit. -->\n"
END: Final = "<!-- End of tags. -->\n"
TITLES: Final = {
    "complete-journey": "Complete Journey",
    "simulator": "simulator",
    "taobao": "Taobao",
}
RIVALS: Final = {
    "most_frequent": "most frequent",
    "most_visited": "in most visits",
    "popular": "popular",
}
METRICS: Final = ("precision", "recall", "lift")


def table(document: Mapping[str, Any]) -> str:
    """Return one table of all logs, kinds and rivals."""
    lines = [
        "| log, kind | persons | tags | | precision | recall | lift |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, title in TITLES.items():
        log = document["logs"][name]
        for kind, found in log["test"]["kinds"].items():
            if found["persons"]:
                lines += rows(f"{title}, {log['horizon_days']:g} days: {kind}", found)
    return "\n".join([*lines, ""])


def rows(title: str, found: Mapping[str, Any]) -> list[str]:
    """Return the tags' line, and a line a rival with how far the tags are ahead of it."""
    ours = " | ".join(number(found["contenders"]["tags"][metric]) for metric in METRICS)
    lines = [f"| **{title}** | {found['persons']:,} | {found['tags']:,} | **tags** | {ours} |"]
    for rival, words in RIVALS.items():
        cells = [
            f"{number(found['contenders'][rival][metric])} "
            f"({' to '.join(f'{limit:+.3f}' for limit in found['ahead_of'][rival][metric])})"
            for metric in METRICS
        ]
        lines.append(f"| | | | {words} | " + " | ".join(cells) + " |")
    return lines


def number(value: float) -> str:
    """Return three digits after the point."""
    return f"{value:.3f}"


def main() -> int:
    """Write or check the page."""
    return write_or_check(PAGE, BEGIN, END, table(json.loads(RESULTS.read_bytes())))


if __name__ == "__main__":
    sys.exit(main())
