"""Writes the figures of docs/performance.md from the results in benchmarks/results.

python scripts/make_performance_tables.py
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "performance.md"
BEGIN = "<!-- Figures: made by scripts/make_performance_tables.py; do not edit. -->"
END = "<!-- End of figures. -->"

WIDTH, BLOCKS, ITEMS = 64, 2, 12_101
_TABLE_ROWS = 1 + ITEMS + 512  # with the buckets of unknown ids
_BYTES_A_WEIGHT = 44  # read and written a step: gradient cleared, made, clipped; Adam's 3 + 4


@dataclass(frozen=True)
class Step:
    """What one step of training has to compute and to move."""

    targets: int
    rivals: int

    @property
    def softmax_operations(self) -> float:
        """Logits and two gradients."""
        return 6.0 * self.targets * WIDTH * self.rivals

    @property
    def block_operations(self) -> float:
        """Four attention matrices and two dense layers of 4 widths, forward and twice backward."""
        return 3.0 * self.targets * BLOCKS * 2 * 12 * WIDTH**2

    @property
    def bytes_moved(self) -> float:
        """Of weights, gradients and Adam's moments."""
        return 1.0 * _BYTES_A_WEIGHT * _TABLE_ROWS * WIDTH

    def seconds(self, ceilings: dict[str, float]) -> float:
        """Return the least that a step takes on a machine: products, then traffic."""
        operations = self.softmax_operations + self.block_operations
        products = operations / (1e9 * ceilings["layer_product_gflops"])
        return products + self.bytes_moved / (1e9 * ceilings["copy_gb_per_second"])


def table(header: list[str], rows: list[list[str]]) -> list[str]:
    """Return a Markdown table and a blank line."""
    lines = [header, ["---"] * len(header), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines] + [""]


def training(runs: list[dict[str, Any]]) -> list[str]:
    """Return the speeds and the ratios of all training runs."""
    speeds = [
        [
            name,
            f"{found['targets_per_second']:,}",
            " · ".join(f"{value:,.0f}" for value in found["of_each_run"]),
            f"{found['targets_a_step']:,}",
            f"{found['peak_mb']:,}",
            found["version"],
        ]
        for run in runs
        for name, found in run["speeds"].items()
    ]
    header = ["contender, loss, length", "targets/s", "of each run", "targets a step", "peak MB"]
    ratios = [
        [row["ours"], row["theirs"], f"{row['wanted']} ×"]
        + [f"{row[key]:g} ×" for key in ("same_length", "best_lengths")]
        for run in runs
        for row in run["ratios"]
    ]
    return [
        "### Training",
        "",
        *table([*header, "version"], speeds),
        *table(["ours", "theirs", "promised", "length 50", "best lengths"], ratios),
    ]


def roofline(runs: list[dict[str, Any]]) -> list[str]:
    """Return what the steps of the all-position runs could reach, and do."""
    rows = []
    for run in runs:
        for name, found in run["speeds"].items():
            if "habitue" not in name or "prefix" in name:
                continue
            rivals = run["negatives"] if "sampled" in name else ITEMS
            step = Step(found["targets_a_step"], rivals)
            least = step.seconds(run["ceilings"])
            took = step.targets / found["targets_per_second"]
            rows.append(
                [
                    name,
                    f"{step.softmax_operations / 1e6:,.0f}",
                    f"{step.block_operations / 1e6:,.0f}",
                    f"{step.bytes_moved / 1e6:,.0f}",
                    f"{1e3 * least:.1f}",
                    f"{1e3 * took:.1f}",
                    f"{least / took:.0%}",
                ]
            )
    header = ["step", "softmax Mflop", "blocks Mflop", "weights MB", "least ms", "took ms", "share"]
    return ["### The roofline of a step", "", *ceilings(runs), *table(header, rows)]


def ceilings(runs: list[dict[str, Any]]) -> list[str]:
    """Return the ceilings that each run measured."""
    rows = [
        [
            "; ".join(name for name in run["speeds"] if "habitue" in name),
            *(f"{value:g}" for value in run["ceilings"].values()),
        ]
        for run in runs
    ]
    header = ["measured with", "square products, GFLOP/s", "products of a layer", "copies, GB/s"]
    return table(header, rows)


def profiles(runs: list[dict[str, Any]]) -> list[str]:
    """Return the dearest operations of our steps."""
    rows = [
        [name, ", ".join(f"`{key}` {share:.0%}" for key, share in list(found.items())[:8])]
        for run in runs
        for name, found in run.get("profiles", {}).items()
    ]
    return [
        "### Where a step's time goes",
        "",
        *table(["step", "share of processor time"], rows),
    ]


def quality(found: dict[str, Any]) -> list[str]:
    """Return the seconds to a quality."""
    rows = [
        [
            f"{run['curve'][-1][0]:g}" if run["is_reached"] else "not reached",
            " · ".join(f"{ndcg:.4f}" for _, ndcg in run["curve"]),
        ]
        for run in found["runs"]
    ]
    header = ["seconds to validation N@10 .050", "validation N@10 after each epoch"]
    return ["### Time to quality", "", *table(header, rows)]


def scoring(found: dict[str, Any]) -> list[str]:
    """Return persons scored a second beside the ceiling."""
    rows = []
    for one in found["catalogues"]:
        for who in ("habitue", "rectools"):
            if who in one:
                rows.append(
                    [
                        one["data"],
                        f"{one['persons']:,}",
                        f"{one['product_gflops']:g}",
                        f"{one['ceiling_persons_per_second']:,}",
                        who,
                        f"{one[who]['persons_per_second']:,}",
                        f"{one[who]['of_ceiling']:.0%}",
                        f"{one[who]['of_ceiling_with_embedding']:.0%}",
                        f"{one[who]['peak_mb']:,}",
                    ]
                )
    header = ["data", "persons", "GFLOP/s", "ceiling, persons/s", "who", "persons/s"]
    header += ["of the ceiling", "embedding included", "peak MB"]
    return ["### Batch scoring", "", *table(header, rows)]


def scale(found: dict[str, Any]) -> list[str]:
    """Return speed and memory by the size of the catalogue."""
    rows = [
        [
            f"{one['items']:,}",
            f"{one['item_table_mb']:,}",
            f"{one['train']['targets_per_second']:,}",
            f"{one['train']['peak_mb']:,}",
            f"{one['score']['persons_per_second']:,}",
            f"{one['score']['peak_mb']:,}",
        ]
        for one in found["catalogues"]
    ]
    header = ["items", "item table, MB", "targets/s", "peak MB of training"]
    return [
        "### Scale of the catalogue",
        "",
        *table([*header, "persons scored/s", "peak MB of scoring"], rows),
    ]


def read(name: str) -> dict[str, Any] | None:
    """Return a result, None where it has not been made."""
    path = RESULTS / name
    return json.loads(path.read_text()) if path.exists() else None


def figures() -> list[str]:
    """Return all that has been measured."""
    names = [f"train_speed{part}.json" for part in ("", "_sampled", "_full", "_prefix")]
    runs = [run for run in map(read, names) if run]
    timed = [run for run in runs if "ceilings" in run]
    lines = [*training(runs), *roofline(timed), *profiles(timed)]
    for name, section in (
        ("time_to_quality.json", quality),
        ("score_speed.json", scoring),
        ("catalogue_scale.json", scale),
    ):
        found = read(name)
        lines += section(found) if found else []
    return lines


def main() -> None:
    """Write the figures between the marks of the page."""
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    PAGE.write_text("\n".join([before + BEGIN, "", *figures(), END]) + after, encoding="utf-8")


if __name__ == "__main__":
    main()
