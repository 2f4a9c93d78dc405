"""What an item is, apart from its id: category path, brand, price and the words of its name.

In: texts and prices. Out: small integers, 0 meaning "absent", the last of each meaning "not known
at the cut". Hashes are CRC-32: the same in every process and every version.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from zlib import crc32

import numpy as np
import numpy.typing as npt
import polars as pl

CATEGORY_FEATURES = ("category_1", "category_2", "category_3")
TEXT_FEATURES = ("text_1", "text_2", "text_3", "text_4")
CONTENT_FEATURES = (*CATEGORY_FEATURES, "brand", "price", *TEXT_FEATURES)

TEXT_BUCKETS = 4096
MAX_PRICE_BUCKETS = 20
MAX_NAMES = 20_000  # categories of a level, and brands, with an embedding of their own

# A Chinese character is a word; elsewhere a run of letters and digits is.
_WORD = re.compile(r"[\u3400-\u9fff]|[^\W_\u3400-\u9fff]+")


def hash_bucket(text: str, buckets: int) -> int:
    """Return a number in [0, buckets) that depends on the text alone."""
    return crc32(text.encode("utf-8")) % buckets


def word_buckets(text: str) -> tuple[int, ...]:
    """Return the buckets (from 1) of the first words of a name or a search query, 0 to fill up."""
    words = _WORD.findall(text.lower())[: len(TEXT_FEATURES)]
    found = [1 + hash_bucket(word, TEXT_BUCKETS) for word in words]
    return (*found, *[0] * (len(TEXT_FEATURES) - len(found)))


def category_prefixes(path: str) -> list[str]:
    """Return the first levels of a category path, each with all levels above it.

    >>> category_prefixes("home/kitchen/pans/small")
    ['home', 'home/kitchen', 'home/kitchen/pans']
    """
    parts = [part.strip() for part in path.split("/") if part.strip()]
    return ["/".join(parts[: level + 1]) for level in range(min(len(parts), 3))]


@dataclass(frozen=True)
class Content:
    """The categories, brands and price steps known at a cut."""

    categories: tuple[list[str], list[str], list[str]]  # prefix paths of each level
    brands: list[str]
    price_edges: npt.NDArray[np.float64]  # ascending

    @cached_property
    def sizes(self) -> dict[str, int]:
        """How many values each feature has, with "absent" and "not known"."""
        sizes = {
            name: len(level) + 2
            for name, level in zip(CATEGORY_FEATURES, self.categories, strict=True)
        }
        sizes |= {"brand": len(self.brands) + 2, "price": len(self.price_edges) + 2}
        return sizes | dict.fromkeys(TEXT_FEATURES, TEXT_BUCKETS + 1)

    def of_items(self, items: pl.DataFrame) -> npt.NDArray[np.int32]:
        """Return the features of catalogue rows, [rows, len(CONTENT_FEATURES)]."""
        num = items.height
        category = _by_value(items["category"], self._category, width=3)
        brand = _by_value(items["brand"], self._brand, width=1)
        price = self.of_prices(items["price"]).reshape(num, 1)
        text = _by_value(items["name"], word_buckets, width=len(TEXT_FEATURES))
        return np.concatenate([category, brand, price, text], axis=1)

    def of_prices(self, prices: pl.Series) -> npt.NDArray[np.int32]:
        """Return each price's step, from 1; 0 where there is none above zero."""
        values = prices.cast(pl.Float64).fill_null(0).fill_nan(0).to_numpy()
        steps = np.searchsorted(self.price_edges, values, side="right") + 1
        return np.where(values > 0, steps, 0).astype(np.int32)

    def of_texts(self, texts: pl.Series) -> npt.NDArray[np.int32]:
        """Return the word buckets of texts, [rows, len(TEXT_FEATURES)]."""
        return _by_value(texts, word_buckets, width=len(TEXT_FEATURES))

    def _category(self, path: str) -> tuple[int, ...]:
        found = [
            self._category_numbers[level].get(prefix, len(self.categories[level]) + 1)
            for level, prefix in enumerate(category_prefixes(path))
        ]
        return (*found, *[0] * (3 - len(found)))

    def _brand(self, brand: str) -> tuple[int, ...]:
        return (self._brand_numbers.get(brand.strip(), len(self.brands) + 1),)

    @cached_property
    def _category_numbers(self) -> list[dict[str, int]]:
        return [{name: n + 1 for n, name in enumerate(level)} for level in self.categories]

    @cached_property
    def _brand_numbers(self) -> dict[str, int]:
        return {name: n + 1 for n, name in enumerate(self.brands)}


def _by_value(
    values: pl.Series, look_up: Callable[[str], tuple[int, ...]], *, width: int
) -> npt.NDArray[np.int32]:
    """Look up each distinct text once; null and blank texts give zeros."""
    distinct = values.cast(pl.String).unique(maintain_order=True)
    table = np.zeros((len(distinct) + 1, width), dtype=np.int32)
    for row, text in enumerate(distinct.to_list()):
        if text is not None and text.strip():
            table[row] = look_up(text)
    rows = pl.DataFrame({"text": distinct}).with_row_index("row")
    joined = pl.DataFrame({"text": values.cast(pl.String)}).join(
        rows, on="text", how="left", maintain_order="left", nulls_equal=True
    )
    found: npt.NDArray[np.int32] = table[joined["row"].to_numpy()]
    return found
