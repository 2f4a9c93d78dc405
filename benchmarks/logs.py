"""Takes real logs from raw files to recommendations without an edit by hand; prints JSON.

    HABITUE_BENCHMARK_DATA=… python benchmarks/logs.py [online_retail_ii|taobao|rees46 …]

For each log: `init`, `ingest` (and again, which must add nothing), `train`, `evaluate`,
`refresh`, one recommendation. Prints records in, accepted, duplicates, quarantined by reason and
the seconds of each step.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from habitue.workspace import Workspace

LOGS = {
    "online_retail_ii": (
        "online_retail_ii/year_2009_2010.csv.gz",
        "online_retail_ii/2010-12_to_2011-05.csv.gz",
    ),
    "taobao": ("taobao/UserBehavior_head.csv.gz",),
    "rees46": ("rees46/2019-Oct_head.csv.gz",),
}

COUNTS = (
    "received",
    "accepted",
    "repaired",
    "duplicates",
    "quarantined",
    "by_reason",
    "event_rows",
    "items",
)

Json = Mapping[str, "Json"] | Sequence["Json"] | str | int | float | bool | None


def run(name: str, files: list[Path], folder: Path) -> dict[str, Json]:
    """Take one log the whole way and return its row."""
    shop = Workspace(folder)
    shop.init(files)
    ingested = shop.ingest(*files)
    again = shop.ingest(*files)
    trained = shop.train()
    began = time.monotonic()
    evaluated = shop.evaluate().as_json()
    evaluate_seconds = time.monotonic() - began
    refreshed = shop.refresh()
    busiest = refreshed.table.sort("events", descending=True)["user_id"][10]
    offered = shop.recommend(busiest, k=5).as_json()
    return {
        "log": name,
        **{key: ingested.as_json()[key] for key in COUNTS},
        "again_accepted": again.as_json()["accepted"],
        "seconds": {
            "ingest": ingested.as_json()["seconds"],
            "train": trained.as_json()["seconds"],
            "evaluate": round(evaluate_seconds, 1),
            "refresh": refreshed.as_json()["seconds"],
        },
        "evaluation": evaluated,
        "example": offered,
    }


def main() -> None:
    """Run the logs named on the command line, or all."""
    root = Path(os.environ["HABITUE_BENCHMARK_DATA"])
    rows = []
    for name in sys.argv[1:] or LOGS:
        with tempfile.TemporaryDirectory() as folder:
            rows.append(run(name, [root / file for file in LOGS[name]], Path(folder) / "shop"))
    print(json.dumps(rows, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
