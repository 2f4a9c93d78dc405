"""Writes the tables of real shops in docs/evaluation.md from benchmarks/results/shops.json.

python scripts/make_shop_table.py          write them
python scripts/make_shop_table.py --check  exit 1 when they are out of date
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any, Final

from generated_part import write_or_check
from make_benchmark_tables import spread
from make_log_tables import TITLES

ROOT: Final = Path(__file__).parent.parent
RESULTS: Final = ROOT / "benchmarks" / "results" / "shops.json"
PAGE: Final = ROOT / "docs" / "evaluation.md"
BEGIN: Final = "<!-- Shops: made by scripts/make_shop_table.py; do not edit. -->\n"
END: Final = "<!-- End of shops. -->\n"
OURS: Final = "blend"
Row = Mapping[str, Any]


def tables(document: Mapping[str, Any]) -> str:
    """Return one table a shop."""
    shops: dict[str, list[Row]] = {}
    for row in document["rows"]:
        shops.setdefault(row["shop"], []).append(row)
    return "\n".join(table(rows, document["pooled"][name]) for name, rows in shops.items())


def table(rows: Sequence[Row], pooled: Row) -> str:
    """Return one shop's table, the best recommender first after ours."""
    first = rows[0]
    rivals = [name for name in pooled["differences"] if name in first["recommenders"]]
    rivals.sort(key=lambda name: -mean(row["recommenders"][name]["ndcg@10"] for row in rows))
    weights = ", ".join(
        f"{name} {mean(row['weights'][name] for row in rows):.0%}"
        for name in first["weights"]
        if any(row["weights"][name] for row in rows)
    )
    lines = [
        f"### {TITLES[first['shop']]}\n",
        f"Learnt from before {moment(first['learnt_before'])}, hits: {', '.join(types(first))} "
        f"from then on (the log ends {moment(first['log_until'])}). {first['persons']:,} persons "
        f"ranked over {first['items']:,} items; {first['unknown_item_share']:.0%} of what they "
        f"took is not among these. Seeds: {len(rows)}. Weights, mean: {weights}. Files "
        f"`{first['sha256']}…`.\n",
        "| recommender | NDCG@10 | Recall@10 | blend ahead by | 95 % interval | lowest of a seed |",
        "|---|---|---|---|---|---|",
        f"| **{OURS}** | {figures(rows, OURS)} | | | |",
        *(rival_line(rows, pooled, name) for name in rivals),
    ]
    return "\n".join([*lines, ""])


def rival_line(rows: Sequence[Row], pooled: Row, name: str) -> str:
    """Return one rival's line."""
    ahead = pooled["differences"][name]
    low, high = ahead["interval"]
    lowest = min(row["differences"][name]["interval"][0] for row in rows)
    return (
        f"| `{name}` | {figures(rows, name)} | {ahead['mean']:+.4f} | "
        f"{low:+.4f} to {high:+.4f} | {lowest:+.4f} |"
    )


def figures(rows: Sequence[Row], name: str) -> str:
    """Return a recommender's two metrics over the seeds."""
    found = [row["recommenders"][name] for row in rows]
    return " | ".join(spread([one[metric] for one in found]) for metric in ("ndcg@10", "recall@10"))


def types(row: Row) -> list[str]:
    """Return what counts as a hit."""
    return [f"`{name}`" for name in row["target_types"]]


def moment(text: str) -> str:
    """Return a time as a page shows it."""
    return text.replace("T", " ").removesuffix("Z")


def main() -> int:
    """Write or check the page."""
    return write_or_check(PAGE, BEGIN, END, tables(json.loads(RESULTS.read_bytes())))


if __name__ == "__main__":
    sys.exit(main())
