"""Which categories and items carry the shop: sums by item, one bucket at a time.

Holds a few numbers for each item of the catalogue and nothing for a person. Goods that are no
products (postage, charges) are left out.
"""

import numpy as np
import polars as pl

from habitue.report.figures import Measure, RankedRow, Ranking
from habitue.schema import MONEY_EVENT_TYPES, item_label


class _Sums:
    """Sums by code 0 … size - 1."""

    def __init__(self, size: int) -> None:
        self.persons = np.zeros(size)
        self.purchases = np.zeros((3, size))  # ever, recent, previous
        self.revenue = np.zeros((3, size))

    def add(self, frame: pl.DataFrame, code: str, starts: tuple[int, int] | None) -> None:
        """Count events whose column `code` is not negative."""
        frame = frame.filter(pl.col(code) >= 0)
        at = pl.col("timestamp")
        stretches = [pl.lit(True)]
        if starts is not None:
            stretches += [at >= starts[0], (at >= starts[1]) & (at < starts[0])]
        money = frame.filter(pl.col("event_type").is_in(MONEY_EVENT_TYPES))
        is_purchase = pl.col("event_type") == "purchase"
        sums = money.group_by(code).agg(
            *(
                pl.col("value").filter(inside).sum().alias(f"revenue{n}")
                for n, inside in enumerate(stretches)
            ),
            *(
                (is_purchase & inside).sum().alias(f"purchases{n}")
                for n, inside in enumerate(stretches)
            ),
        )
        rows = sums[code].to_numpy()
        for n in range(len(stretches)):
            self.revenue[n, rows] += sums[f"revenue{n}"].to_numpy()
            self.purchases[n, rows] += sums[f"purchases{n}"].to_numpy()
        pairs = frame.select("subject_id", code).unique().group_by(code).len()
        self.persons[pairs[code].to_numpy()] += pairs["len"].to_numpy()


class RankingCounter:
    """Persons, purchases and revenue by item and by category."""

    def __init__(self, items: pl.DataFrame, starts: tuple[int, int] | None) -> None:
        self._items = items
        self._starts = starts
        self._paths = _category_level(items)
        codes = {path: code for code, path in enumerate(self._paths.unique().drop_nulls().sort())}
        self._categories = list(codes)
        numbers = items["item_number"].to_numpy()
        is_product = items["is_product"].fill_null(True).to_numpy()
        rows = np.arange(items.height)
        category = self._paths.replace_strict(codes, default=-1, return_dtype=pl.Int64).to_numpy()
        # By item number, one place more: -1, for an event without an item, finds the last.
        size = int(numbers.max()) + 2 if len(numbers) else 1
        self._row, self._item_code, self._category_code = np.full((3, size), -1, dtype=np.int64)
        self._row[numbers] = rows
        self._item_code[numbers] = np.where(is_product, rows, -1)
        self._category_code[numbers] = np.where(is_product, category, -1)
        self._by_item = _Sums(items.height)
        self._by_category = _Sums(len(codes))
        self._first_at = np.full(items.height, np.iinfo(np.int64).max)

    def add(self, frame: pl.DataFrame) -> None:
        """Count one bucket."""
        number = frame["item_number"].fill_null(-1).to_numpy()
        coded = frame.select(
            "subject_id",
            "timestamp",
            "event_type",
            "value",
            row=pl.Series(self._row[number]),
            item_code=pl.Series(self._item_code[number]),
            category_code=pl.Series(self._category_code[number]),
        ).filter(pl.col("row") >= 0)
        first = coded.group_by("row").agg(pl.col("timestamp").min())
        rows = first["row"].to_numpy()
        self._first_at[rows] = np.minimum(self._first_at[rows], first["timestamp"].to_numpy())
        self._by_item.add(coded, "item_code", self._starts)
        self._by_category.add(coded, "category_code", self._starts)

    @property
    def num_items(self) -> int:
        """Items with at least one event."""
        return int((self._first_at < np.iinfo(np.int64).max).sum())

    @property
    def new_items(self) -> tuple[int, int]:
        """Items first seen in the recent and in the previous window."""
        if self._starts is None:
            return (0, 0)
        seen = self._first_at < np.iinfo(np.int64).max
        recent = seen & (self._first_at >= self._starts[0])
        previous = (self._first_at >= self._starts[1]) & (self._first_at < self._starts[0])
        return int(recent.sum()), int(previous.sum())

    def items(self, measure: Measure, top: int) -> Ranking | None:
        """Return the first items by `measure`."""
        order, sums = _order(self._by_item, measure, top), self._by_item
        ids = self._items["item_id"]
        names = self._items.select(item_label().alias("name"))["name"]
        paths = self._items["category"].fill_null("")
        labels = [(ids[row], names[row], paths[row]) for row in order]
        return _ranking(sums, measure, order, labels)

    def categories(self, measure: Measure, top: int) -> Ranking | None:
        """Return the first categories by `measure`; None where the log has fewer than two."""
        if len(self._categories) < 2:
            return None
        order = _order(self._by_category, measure, top)
        paths = [self._categories[row] for row in order]
        return _ranking(self._by_category, measure, order, [(path, path, "") for path in paths])


def _category_level(items: pl.DataFrame) -> pl.Series:
    """Return category paths cut at the first level that tells at least four apart."""
    parts = items["category"].str.split("/")
    paths = items["category"]
    for depth in (1, 2, 3):
        paths = parts.list.head(depth).list.join("/")
        if paths.n_unique() >= 4:
            break
    return paths


def _amounts(sums: _Sums, measure: Measure) -> np.ndarray:
    if measure == "persons":
        return np.stack([sums.persons, np.zeros_like(sums.persons), np.zeros_like(sums.persons)])
    return sums.revenue if measure == "revenue" else sums.purchases


def _order(sums: _Sums, measure: Measure, top: int) -> list[int]:
    amounts = _amounts(sums, measure)[0]
    order = np.argsort(-amounts, kind="stable")[:top]
    return [int(row) for row in order if amounts[row] > 0]


def _ranking(
    sums: _Sums, measure: Measure, order: list[int], labels: list[tuple[str, str, str]]
) -> Ranking | None:
    if not order:
        return None
    amounts = _amounts(sums, measure)
    rows = [
        RankedRow(
            key=key,
            name=name,
            category=category,
            persons=int(sums.persons[row]),
            purchases=int(sums.purchases[0, row]),
            revenue=float(sums.revenue[0, row]),
            recent=float(amounts[1, row]),
            previous=float(amounts[2, row]),
        )
        for row, (key, name, category) in zip(order, labels, strict=True)
    ]
    positive = amounts[0].clip(min=0)
    return Ranking(measure, rows, num_all=int((positive > 0).sum()), total=float(positive.sum()))
