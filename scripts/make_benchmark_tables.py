"""Writes the tables of docs/benchmarks.md from the results in benchmarks/results.

python scripts/make_benchmark_tables.py          write them
python scripts/make_benchmark_tables.py --check  exit 1 when they are out of date
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any, Final

from generated_part import write_or_check

ROOT: Final = Path(__file__).parent.parent
RESULTS: Final = ROOT / "benchmarks" / "results"
PAGE: Final = ROOT / "docs" / "benchmarks.md"
BEGIN: Final = "<!-- Results: made by scripts/make_benchmark_tables.py; do not edit. -->\n"
END: Final = "<!-- End of results. -->\n"
NEXT_ITEM: Final = ("recall@10", "ndcg@10")
SESSION: Final = ("recall@20", "mrr@20")
# What others reached on exactly these files, by the first digits of their digests.
PUBLISHED: Final[Mapping[str, Sequence[tuple[str, str, str]]]] = {
    "226cce9c": (
        ("SASRec, binary cross-entropy (S3-Rec's run)", ".0605", ".0318"),
        ("eSASRec", ".0928", ".0523"),
        ("SASRec, sampled softmax, 256 negatives", ".0921", ".0531"),
        ("BSARec", ".1008", ".0611"),
    ),
    "2a095e06": (("BSARec", ".0612", ".0360"),),
}
Cell = Mapping[str, Any]


def tables() -> str:
    """Return one table a folder of results."""
    parts = []
    for folder in sorted(path for path in RESULTS.iterdir() if path.is_dir()):
        cells = [json.loads(path.read_bytes()) for path in sorted(folder.glob("*.json"))]
        if cells and "protocol" in cells[0]:
            parts.append(table(cells))
    return "\n".join(parts)


def table(cells: Sequence[Cell]) -> str:
    """Return the table of one data set, the weakest model first."""
    first = cells[0]
    names = NEXT_ITEM if "leave-one-out" in first["protocol"] else SESSION
    models: dict[str, list[Cell]] = {}
    for cell in cells:
        models.setdefault(cell["model"], []).append(cell)
    order = sorted(models.values(), key=lambda group: mean(c["metrics"][names[1]] for c in group))
    kind = ", with item attributes" if first["attributes_sha256"] else ", ids only"
    if names == SESSION:
        kind = ""
    lines = [
        f"### {first['dataset']}{kind}\n",
        f"`sha256` {first['sha256'][:8]}…; test, mean ± deviation over seeds.\n",
        f"| model | seeds | {names[0]} | {names[1]} | seconds | MB |",
        "|---|---|---|---|---|---|",
    ]
    published = PUBLISHED.get(first["sha256"][:8], ())
    lines += [f"| *{name}, published* | | {one} | {two} | | |" for name, one, two in published]
    lines += [row(group, names) for group in order]
    return "\n".join([*lines, ""])


def row(group: Sequence[Cell], names: Sequence[str]) -> str:
    """Return one model's line."""
    figures = [spread([cell["metrics"][name] for cell in group]) for name in names]
    seconds = mean(cell["seconds"] for cell in group)
    memory = max(cell["peak_rss_mb"] for cell in group)
    told = [
        f"`{group[0]['model']}`",
        str(len(group)),
        *figures,
        f"{seconds:,.0f}",
        f"{memory:,.0f}",
    ]
    return f"| {' | '.join(told)} |"


def spread(values: Sequence[float]) -> str:
    """Return mean and standard deviation with four digits."""
    told = f"{mean(values):.4f}".removeprefix("0")
    return told + (f" ± {stdev(values):.4f}".replace("0.", ".") if len(values) > 1 else "")


def main() -> int:
    """Write or check the page."""
    return write_or_check(PAGE, BEGIN, END, tables())


if __name__ == "__main__":
    sys.exit(main())
