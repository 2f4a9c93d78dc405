"""Times `explain` of persons with about a hundred events, warm and in this process; prints JSON.

    python benchmarks/explain_speed.py [--folder DIR] [--size small] [--persons 20]

A simulated shop with a model of that size. For each task, and for the first item recommended: the
median and the 95th percentile of milliseconds a person, the whole verb: events read, every entry
taken out alone, together, by days, the smallest change, features, sentences. Each person is asked
five times and the least counts, for other work on the machine only adds. Beside the clock's
milliseconds stand the processor's, all threads together: with OMP_NUM_THREADS=1 and
POLARS_MAX_THREADS=1 they are what one free core needs.
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
REPEATS = 5


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
    clock, processor, entries = [], [], []
    for person in persons:
        asked = []
        for _ in range(REPEATS):
            began, used = time.perf_counter(), time.process_time()
            found = ask(person)
            asked.append((time.perf_counter() - began, time.process_time() - used))
        clock.append(1000 * min(one for one, _ in asked))
        processor.append(1000 * min(one for _, one in asked))
        entries.append(found.num_groups)
    return {
        **_spread("", clock),
        **_spread("processor_", processor),
        "mean_entries": round(statistics.mean(entries), 1),
    }


def _spread(name: str, milliseconds: list[float]) -> dict[str, float]:
    ordered = sorted(milliseconds)
    return {
        f"{name}median_ms": round(statistics.median(ordered), 1),
        f"{name}p95_ms": round(ordered[int(0.95 * (len(ordered) - 1))], 1),
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
