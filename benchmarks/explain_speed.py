"""Times `explain` of persons with about a hundred events, warm and in this process; prints JSON.

    python benchmarks/explain_speed.py [--folder DIR] [--size small] [--persons 20]

A simulated shop with a model of that size. For each task, and for the first item recommended: the
median and the 95th percentile of milliseconds a person, the whole verb: events read, every entry
taken out alone, together, the smallest change, features, sentences.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
from contenders import machine
from explain_shops import SIMULATED, shop_of

from habitue.workspace import Workspace

AROUND = (90, 110)  # events


def persons_of(shop: Workspace, most: int) -> list[str]:
    """Return the outside ids of persons with about a hundred events."""
    found: list[str] = []
    for bucket in range(shop.log.num_buckets):
        counts = shop.log.read_bucket(bucket).group_by("subject_id").len().sort("subject_id")
        near = counts.filter(pl.col("len").is_between(*AROUND))["subject_id"]
        found += shop.store.outside_ids(near).to_list()
    return found[:most]


def timed(ask: Callable[[str], Any], persons: list[str]) -> dict[str, Any]:
    """Ask about everybody, the first one twice: the first answer warms up."""
    ask(persons[0])
    milliseconds, entries = [], []
    for person in persons:
        began = time.perf_counter()
        found = ask(person)
        milliseconds.append(1000 * (time.perf_counter() - began))
        entries.append(found.num_groups)
    milliseconds.sort()
    return {
        "median_ms": round(statistics.median(milliseconds), 1),
        "p95_ms": round(milliseconds[int(0.95 * (len(milliseconds) - 1))], 1),
        "mean_entries": round(statistics.mean(entries), 1),
    }


def main() -> None:
    """Time each question."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "explain")
    parser.add_argument("--size", default="small")
    parser.add_argument("--persons", type=int, default=20)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    shop = shop_of(SIMULATED, given.folder, size=given.size, seeds=1)
    persons = persons_of(shop, given.persons)
    best = {one: shop.recommend(one, k=1).offers.items[0].item_id for one in persons}
    version = shop._answering(None)
    rows = {task: timed(lambda one, t=task: shop.explain(one, task=t), persons)  # type: ignore[misc]
            for task in version.task_names}  # fmt: skip
    rows["item"] = timed(lambda one: shop.explain(one, item=best[one]), persons)
    forms = {name: model.form for name, model in version.task_models.items()}
    about = {"machine": machine(), "size": given.size, "persons": len(persons), "uses": forms}
    print(json.dumps({**about, "questions": rows}, indent=1))


if __name__ == "__main__":
    main()
