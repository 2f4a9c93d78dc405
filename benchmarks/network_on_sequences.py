"""Train one network on a file of the published next-item benchmark and print what it reaches.

    python benchmarks/network_on_sequences.py Beauty --set model.dropout=0.4 --seeds 0,1,2

The file lies in `$HABITUE_BENCHMARK_DATA/amazon_s3rec`: a person a line, items in order. The last
item of each is the test, the one before it the validation; all items are ranked, the person's own
left out, and every person counts. One JSON line a seed goes to standard output.
"""

import argparse
import gzip
import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

from habitue.compute import Silent
from habitue.config import Stage
from habitue.model.plain_sequences import (
    PLAIN_MODEL,
    PLAIN_TRAINING,
    Items,
    PlainNetwork,
    train_on_sequences,
)

K = 10
S = TypeVar("S", bound=Stage)


class Lines(Silent):
    """Prints a line whenever an epoch has been judged."""

    def __init__(self) -> None:
        self.began = time.monotonic()

    def advance(self, amount: int = 1, note: str = "") -> None:
        """Print the note of an epoch."""
        if "ndcg" in note:
            print(f"  {time.monotonic() - self.began:7.1f} s  {note}", flush=True)


def read_sequences(name: str) -> list[Items]:
    """Return each person's items."""
    path = Path(os.environ["HABITUE_BENCHMARK_DATA"]) / "amazon_s3rec" / f"{name}.txt.gz"
    with gzip.open(path, "rt") as lines:
        return [np.array(line.split()[1:], dtype=np.int32) for line in lines]


def read_attributes(name: str, num_items: int) -> list[Items]:
    """Return each item's attributes, item 1 first."""
    folder = Path(os.environ["HABITUE_BENCHMARK_DATA"]) / "amazon_s3rec"
    with gzip.open(folder / f"{name}_item2attributes.json.gz", "rt") as file:
        found = json.load(file)
    return [np.array(found.get(str(item), []), dtype=np.int32) for item in range(1, num_items + 1)]


def judge(network: PlainNetwork, histories: list[Items], wanted: Items) -> tuple[float, float]:
    """Return recall and NDCG at `K`, ties counted against the network."""
    recall = ndcg = 0.0
    for start in range(0, len(histories), 512):
        part = histories[start : start + 512]
        scores = network.scores(part)
        for row, history in enumerate(part):
            target = wanted[start + row] - 1
            own = scores[row, target]
            scores[row, history - 1] = -np.inf
            scores[row, target] = -np.inf
            rank = int((scores[row] >= own).sum())
            recall += rank < K
            ndcg += (rank < K) / np.log2(rank + 2)
    return recall / len(histories), ndcg / len(histories)


def changed(settings: S, stage: str, pairs: list[str]) -> S:
    """Return settings with `stage.name=value` pairs laid over them."""
    values = settings.model_dump()
    for pair in pairs:
        name, value = pair.split("=", 1)
        if name.startswith(f"{stage}."):
            values[name.split(".", 1)[1]] = value
    return type(settings).model_validate(values)


def main() -> None:
    """Train once a seed and print what was reached."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=["Beauty", "Sports_and_Outdoors"])
    parser.add_argument("--set", action="append", default=[], metavar="stage.name=value")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--attributes", action="store_true")
    options = parser.parse_args()
    persons = read_sequences(options.name)
    num_items = max(int(person.max()) for person in persons)
    attributes = read_attributes(options.name, num_items) if options.attributes else None
    test = np.array([person[-1] for person in persons], dtype=np.int32)
    valid = np.array([person[-2] for person in persons], dtype=np.int32)
    model = changed(PLAIN_MODEL, "model", options.set)
    for seed in options.seeds.split(","):
        training = changed(PLAIN_TRAINING, "training", [*options.set, f"training.seed={seed}"])
        trained = train_on_sequences(
            [person[:-2] for person in persons],
            num_items=num_items,
            attributes=attributes,
            model=model,
            training=training,
            validation=valid,
            progress=Lines(),
        )
        recall, ndcg = judge(trained, [person[:-1] for person in persons], test)
        best = trained.report.curve[trained.report.best_epoch - 1]
        report = replace(trained.report, curve=[])
        line = {
            "data": options.name,
            "attributes": options.attributes,
            "set": options.set,
            "seed": int(seed),
            "threads": torch.get_num_threads(),
            "valid_ndcg": round(best.valid_ndcg, 5),
            "valid_recall": round(best.valid_recall, 5),
            "test_ndcg": round(ndcg, 5),
            "test_recall": round(recall, 5),
            **vars(report),
        }
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
