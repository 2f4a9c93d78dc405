"""Bare sequences of items for the benchmarks of speed: read or simulated, kept as array files.

In: a published file or sizes to simulate. Out: each person's items, numbered from 1. Needs NumPy
alone, so that every contender's interpreter can import it.
"""

import gzip
import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

Items = npt.NDArray[np.int32]
_MEAN_LENGTH = 9
_LONGEST = 50
_NEAR = 20  # items that tend to follow each other lie so close


def read_published(name: str) -> list[Items]:
    """Return the persons of `$HABITUE_BENCHMARK_DATA/amazon_s3rec/NAME.txt.gz`."""
    path = Path(os.environ["HABITUE_BENCHMARK_DATA"]) / "amazon_s3rec" / f"{name}.txt.gz"
    with gzip.open(path, "rt") as lines:
        return [np.array(line.split()[1:], dtype=np.int32) for line in lines]


def simulate_persons(num_items: int, num_persons: int, *, seed: int = 0) -> list[Items]:
    """Return persons of 5 to 50 events over items of a Zipf-like popularity.

    Every other event lies near the one before, so that there is something to learn. Each item
    occurs, where there are events enough, and the last one of the catalogue always does: all
    contenders then count the same items.
    """
    rng = np.random.default_rng(seed)
    lengths = np.minimum(5 + rng.geometric(1 / (_MEAN_LENGTH - 4), num_persons), _LONGEST)
    total = int(lengths.sum())
    popular = (num_items ** rng.random(total)).astype(np.int64)
    is_near = rng.random(total) < 0.5
    items = popular.copy()
    items[1:] = np.where(is_near[1:], popular[:-1] + rng.integers(1, _NEAR, total - 1), popular[1:])
    items = ((items - 1) % num_items + 1).astype(np.int32)
    if total >= num_items:
        items[rng.permutation(total)[:num_items]] = np.arange(1, num_items + 1)
    items[0] = num_items
    return np.split(items, np.cumsum(lengths)[:-1])


def write_persons(path: Path, persons: list[Items]) -> None:
    """Write persons for `read_persons`."""
    lengths = np.array([len(person) for person in persons])
    np.savez(path, items=np.concatenate(persons), lengths=lengths)


def read_persons(path: Path) -> list[Items]:
    """Return what `write_persons` wrote."""
    with np.load(path) as arrays:
        return np.split(arrays["items"], np.cumsum(arrays["lengths"])[:-1])
