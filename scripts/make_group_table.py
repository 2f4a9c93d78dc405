"""Writes the tables of groups and probes in docs/profiles.md.

python scripts/make_group_table.py          write them
python scripts/make_group_table.py --check  exit 1 when they are out of date

They are made from benchmarks/results/groups.json and probes.json, which `benchmarks/groups.py` and
`benchmarks/probes.py` measured.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from generated_part import write_or_check

ROOT: Final = Path(__file__).parent.parent
RESULTS: Final = ROOT / "benchmarks" / "results"
PAGE: Final = ROOT / "docs" / "profiles.md"
BEGIN: Final = "<!-- Groups: made by scripts/make_group_table.py; do not edit. -->\n"
END: Final = "<!-- End of groups. -->\n"
TITLES: Final = {
    "complete_journey": "Complete Journey",
    "online_retail_ii": "Online Retail II",
    "simulator": "simulator",
}
WHO: Final = {
    "groups": "groups",
    "segments": "segments",
    "features": "k-means on features",
    "shuffled": "dealt at random",
}
PROBES: Final = {
    "demographics": "who they are",
    "next_categories": "categories of the next 30 days",
}


def table(groups: Mapping[str, Any], probes: Mapping[str, Any]) -> str:
    """Return both tables."""
    weeks = list(next(iter(groups.values()))["weeks_later"])
    lines = [
        "| shop, persons | parted by | number | "
        + " | ".join(f"{week} wk" for week in weeks)
        + " | other network | spend explained | categories explained |",
        "|---" * (len(weeks) + 6) + "|",
    ]
    for name, title in TITLES.items():
        if name in groups:
            lines += shop_rows(title, groups[name])
    return "\n".join([*lines, "", *probe_lines(probes), ""])


def shop_rows(title: str, found: Mapping[str, Any]) -> list[str]:
    """Return a line for each way to part the persons of a shop."""
    again = {
        "groups": found["retrained"]["agreement"],
        "segments": found["retrained"]["segments"],
        "features": found["retrained"]["features_of_two_seeds"],
    }
    lines = []
    for who, words in WHO.items():
        after = found["after"][who]
        cells = [f"{each[who]:.2f}" for each in found["weeks_later"].values()]
        cells.append(f"{again[who]:.2f}" if who in again else "")
        cells.append(f"{after['spend_explained']:.3f}")
        explained = after["categories_explained"]
        cells.append("" if explained is None else f"{explained:.3f}")
        first = f"{title}, {found['persons']:,}" if who == "groups" else ""
        lines.append(f"| {first} | {words} | {after['groups']} | " + " | ".join(cells) + " |")
    return lines


def probe_lines(probes: Mapping[str, Any]) -> list[str]:
    """Return a line a question, and the mean of each kind of question."""
    lines = [
        "| probe (AUC; chance .5) | persons | base rate | embedding | features | both |",
        "|---|---|---|---|---|---|",
    ]
    for question, one in probes["demographics"]["questions"].items():
        lines.append(
            f"| {question} | {one['persons']:,} | {one['base_rate']:.2f} | {told(one['auc'])} |"
        )
    for kind, words in PROBES.items():
        found = probes[kind]
        low, high = found["both_over_features"]
        lines.append(
            f"| **{words}**, mean of {len(found['questions'])} | | | {told(found['auc'])} "
            f"({low:+.3f} to {high:+.3f} over features) |"
        )
    return lines


def told(auc: Mapping[str, float]) -> str:
    """Return the cells of the three contenders."""
    return " | ".join(f"{auc[who]:.3f}" for who in ("embedding", "features", "both"))


def main() -> int:
    """Write or check the page."""
    groups, probes = (
        json.loads((RESULTS / f"{name}.json").read_bytes()) for name in ("groups", "probes")
    )
    return write_or_check(PAGE, BEGIN, END, table(groups, probes))


if __name__ == "__main__":
    sys.exit(main())
