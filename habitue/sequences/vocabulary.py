"""Which items, categories, brands and prices the model knows, strictly as of a cut.

In: an event log, read bucket by bucket. Out: a `Vocabulary` that turns outside ids into small
integers, keyed by text, so that a model folder does not depend on the store's own numbers. An
item first seen at the cut or later does not exist here. Knows nothing about sequences or models.

Item indices: 0 none, 1 … num_items known items by falling number of events, above them hashed
buckets that all other items share.
"""

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from habitue.compute import Progress
from habitue.config import TrainingSettings
from habitue.errors import NotEnoughData, NotReady
from habitue.events.log import EventLog
from habitue.schema import EVENT_TYPES, PLATFORMS
from habitue.sequences.content import (
    CATEGORY_FEATURES,
    CONTENT_FEATURES,
    MAX_NAMES,
    MAX_PRICE_BUCKETS,
    Content,
    category_prefixes,
    hash_bucket,
)

NUM_ITEM_BUCKETS: Final = 512
NUM_GAP_BINS: Final = 29  # see `encoder.gap_bins`
NUM_DWELL_BINS: Final = 16
CONTEXT_SIZES: Final[dict[str, int]] = {
    "platform": len(PLATFORMS) + 1,
    "gap": NUM_GAP_BINS,
    "dwell": NUM_DWELL_BINS,
    "hour": 25,
    "weekday": 8,
}
FEATURES: Final = (*CONTENT_FEATURES, *CONTEXT_SIZES)

# Prices are counted in fixed steps of a 32nd of a doubling, from 2^-14 to 2^30: quantiles of any
# number of buckets in one pass, and the same ones whatever the order of the buckets.
_PRICE_STEPS_PER_DOUBLING = 32
_LOWEST_PRICE_LOG2 = -14
_NUM_PRICE_STEPS = 44 * _PRICE_STEPS_PER_DOUBLING


@dataclass(frozen=True)
class Vocabulary:
    """What is known at `as_of`; position j of `item_ids` is item index j + 1."""

    as_of: int
    item_ids: list[str]
    item_counts: npt.NDArray[np.int64]  # [num_items], events before the cut
    content: Content
    item_content: npt.NDArray[np.int32]  # [num_items + 1, len(CONTENT_FEATURES)], row 0 zeros

    @property
    def num_items(self) -> int:
        """The number of known items."""
        return len(self.item_ids)

    @property
    def item_categories(self) -> npt.NDArray[np.int64]:
        """A number for each item's whole category path, [num_items]."""
        paths = self.item_content[1:, : len(CATEGORY_FEATURES)]
        _, numbers = np.unique(paths, axis=0, return_inverse=True)
        return np.asarray(numbers, dtype=np.int64).reshape(-1)

    @cached_property
    def feature_sizes(self) -> dict[str, int]:
        """How many values each feature has, 0 included."""
        return self.content.sizes | CONTEXT_SIZES

    @cached_property
    def fingerprint(self) -> str:
        """A digest of the content; networks name the vocabulary they were trained with by it."""
        digest = hashlib.sha256(json.dumps(self._names()).encode())
        digest.update("\0".join(self.item_ids).encode())
        digest.update(np.ascontiguousarray(self.item_content).tobytes())
        return digest.hexdigest()

    def index_of(self, item_id: str) -> int:
        """Return the index of a known item, or of the bucket it shares with other unknown ones."""
        return self._index.get(item_id) or (
            self.num_items + 1 + hash_bucket(item_id, NUM_ITEM_BUCKETS)
        )

    def index_of_item_numbers(
        self, numbers: npt.NDArray[np.integer], items: pl.DataFrame
    ) -> npt.NDArray[np.int32]:
        """Return the indices of the store's item numbers; 0 for one not in the catalogue `items`.

        `items` is sorted by item_number, as `EventLog.items` returns it.
        """
        rows, found = catalogue_rows(numbers, items)
        indices = np.zeros(len(numbers), dtype=np.int32)
        item_ids = items["item_id"].gather(rows[found]).to_list()
        indices[found] = [self.index_of(item_id) for item_id in item_ids]
        return indices

    def save(self, folder: Path) -> None:
        """Write the vocabulary into `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        items = pl.DataFrame({"item_id": self.item_ids, "count": self.item_counts})
        items.write_parquet(folder / "items.parquet")
        np.save(folder / "item_content.npy", self.item_content)
        document = self._names() | {"fingerprint": self.fingerprint}
        (folder / "vocabulary.json").write_text(json.dumps(document, ensure_ascii=False))

    @staticmethod
    def load(folder: Path) -> "Vocabulary":
        """Return the vocabulary written into `folder`.

        Raises:
            NotReady: there is none, or it is not what was written.
        """
        path = folder / "vocabulary.json"
        if not path.is_file():
            raise NotReady(f"{folder} holds no vocabulary.", fix="Run `habitue train` first.")
        document = json.loads(path.read_text())
        items = pl.read_parquet(folder / "items.parquet")
        first, second, third = document["categories"]
        vocabulary = Vocabulary(
            as_of=document["as_of"],
            item_ids=items["item_id"].to_list(),
            item_counts=items["count"].to_numpy(),
            content=Content(
                (first, second, third), document["brands"], np.array(document["price_edges"])
            ),
            item_content=np.load(folder / "item_content.npy"),
        )
        if vocabulary.fingerprint != document["fingerprint"]:
            raise NotReady(
                f"The vocabulary in {folder} was damaged: its fingerprint does not fit.",
                fix="Restore the folder from a backup, or run `habitue train` again.",
            )
        return vocabulary

    def _names(self) -> dict[str, object]:
        return {
            "as_of": self.as_of,
            "categories": list(self.content.categories),
            "brands": self.content.brands,
            "price_edges": self.content.price_edges.tolist(),
        }

    @cached_property
    def _index(self) -> dict[str, int]:
        return {item_id: n + 1 for n, item_id in enumerate(self.item_ids)}


def catalogue_rows(
    numbers: npt.NDArray[np.integer], items: pl.DataFrame
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Return the row of each item number in a catalogue sorted by it, and whether it is there."""
    if items.is_empty():
        return np.zeros(len(numbers), np.int64), np.zeros(len(numbers), np.bool_)
    known = items["item_number"].to_numpy()
    rows = np.minimum(np.searchsorted(known, numbers), len(known) - 1)
    return rows, known[rows] == numbers


def build_vocabulary(
    log: EventLog, *, as_of: int, settings: TrainingSettings, progress: Progress
) -> Vocabulary:
    """Return what is known from the events before `as_of`.

    Items that are no products (postage, charges) get no index of their own. Items rarer than
    `settings.min_item_count` share hashed buckets; 0 keeps all as long as they number at most
    `settings.max_items`, and else the more frequent ones.

    Raises:
        NotEnoughData: no product has an event before the cut.
    """
    counts: Counter[int] = Counter()
    price_histogram = np.zeros(_NUM_PRICE_STEPS, dtype=np.int64)
    progress.start("Vocabulary", log.num_buckets, "buckets")
    for bucket in range(log.num_buckets):
        frame = log.read_bucket(bucket, as_of=as_of)
        seen = frame.filter(pl.col("item_number").is_not_null())["item_number"].value_counts()
        counts.update(dict(zip(seen["item_number"], seen["count"], strict=True)))
        price_histogram += _price_histogram(frame["price"])
        progress.advance()
    progress.finish()
    items = _counted_products(log.items(as_of=as_of), counts)
    if items.is_empty():
        raise NotEnoughData(
            "No item has an event before the cut.",
            fix="Import events that name items (map item_id), or choose a later cut.",
        )
    if not price_histogram.any():
        price_histogram = _price_histogram(items["price"])
    content = Content(
        categories=_categories(items),
        brands=_most_frequent(items.select(name=pl.col("brand").str.strip_chars(), count="count")),
        price_edges=_price_edges(price_histogram),
    )
    kept = items.filter(pl.col("count") >= _least_count(items["count"], settings))
    kept = kept.sort(["count", "item_id"], descending=[True, False])
    no_item = np.zeros((1, len(CONTENT_FEATURES)), dtype=np.int32)
    return Vocabulary(
        as_of=as_of,
        item_ids=kept["item_id"].to_list(),
        item_counts=kept["count"].to_numpy(),
        content=content,
        item_content=np.concatenate([no_item, content.of_items(kept)]),
    )


def category_labels(vocabulary: Vocabulary) -> tuple[str, ...]:
    """Return the top-level categories in the order of their numbers from 1."""
    return tuple(vocabulary.content.categories[0])


def brand_labels(vocabulary: Vocabulary) -> tuple[str, ...]:
    """Return the brands in the order of their numbers from 1, the most frequent first."""
    return tuple(vocabulary.content.brands)


def brand_numbers(vocabulary: Vocabulary) -> npt.NDArray[np.int64]:
    """Return each known item's brand, [num_items]: 0 for none, above the labels' for a rare one."""
    return vocabulary.item_content[1:, CONTENT_FEATURES.index("brand")].astype(np.int64)


def event_type_number(event_type: str) -> int:
    """Return how `Sequences.event_types` writes an event type."""
    return EVENT_TYPES.index(event_type) + 1


def _counted_products(items: pl.DataFrame, counts: Counter[int]) -> pl.DataFrame:
    counted = pl.DataFrame(
        {"item_number": list(counts.keys()), "count": list(counts.values())},
        schema={"item_number": pl.Int32, "count": pl.Int64},
    )
    products = items.filter(pl.col("is_product").fill_null(True))
    return products.join(counted, on="item_number", how="inner")


def _least_count(counts: pl.Series, settings: TrainingSettings) -> int:
    """Return how often an item must occur for an index of its own."""
    least = max(settings.min_item_count, 1)
    if int((counts >= least).sum()) <= settings.max_items:
        return least
    # The next more frequent item after those that fit: all of its count stay out.
    ranked = counts.sort(descending=True)
    return int(ranked[settings.max_items]) + 1


def _categories(items: pl.DataFrame) -> tuple[list[str], list[str], list[str]]:
    by_path = items.filter(pl.col("category").is_not_null()).group_by("category")
    levels: list[Counter[str]] = [Counter() for _ in CATEGORY_FEATURES]
    for path, count in by_path.agg(pl.col("count").sum()).iter_rows():
        for level, prefix in enumerate(category_prefixes(path)):
            levels[level][prefix] += count
    first, second, third = (
        _most_frequent(
            pl.DataFrame(
                {"name": list(level.keys()), "count": list(level.values())},
                schema={"name": pl.String, "count": pl.Int64},
            )
        )
        for level in levels
    )
    return first, second, third


def _most_frequent(named: pl.DataFrame) -> list[str]:
    """Return the names by falling count, equal counts by name."""
    totals = (
        named.filter(pl.col("name").is_not_null() & (pl.col("name") != ""))
        .group_by("name")
        .agg(pl.col("count").sum())
        .sort(["count", "name"], descending=[True, False])
    )
    return totals["name"].head(MAX_NAMES).to_list()


def _price_histogram(prices: pl.Series) -> npt.NDArray[np.int64]:
    values = prices.cast(pl.Float64).drop_nulls().to_numpy()
    values = values[np.isfinite(values) & (values > 0)]
    steps = (np.log2(values) - _LOWEST_PRICE_LOG2) * _PRICE_STEPS_PER_DOUBLING
    steps = np.clip(np.floor(steps), 0, _NUM_PRICE_STEPS - 1).astype(np.int64)
    return np.bincount(steps, minlength=_NUM_PRICE_STEPS)


def _price_edges(histogram: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return ascending prices that cut the counted ones into about equally many."""
    total = histogram.sum()
    if total == 0:
        return np.zeros(0)
    shares = np.arange(1, MAX_PRICE_BUCKETS) / MAX_PRICE_BUCKETS
    steps = np.unique(np.searchsorted(np.cumsum(histogram), shares * total))
    # A step that holds the cheapest prices of all needs no edge below it.
    steps = steps[steps > np.flatnonzero(histogram)[0]]
    return np.asarray(2.0 ** (steps / _PRICE_STEPS_PER_DOUBLING + _LOWEST_PRICE_LOG2))
