"""The shop's items: what there is, what it costs, and which of it sells at what time.

Items lie in leaf categories, and within each in three pools by price: budget, middle, premium. A
visit decides for a pool; the pool decides for an item by popularity rank. Which item holds which
rank drifts from month to month, and new items come in high. Knows nothing about persons.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from habitue.schema import DAY
from habitue.simulation.arrays import Floats, Ints
from habitue.simulation.plan import Plan
from habitue.simulation.ranks import draw_ranks
from habitue.simulation.words import TIERS, brand_name, leaf_names

NUM_TIERS: Final = len(TIERS)
DAYS_PER_RANKING: Final = 30


@dataclass(frozen=True)
class Catalogue:
    """The items, numbered by pool, and how they sell; pool = 3 × leaf + tier.

    One entry an item: `leaf`, `price`, `code`, `brand`, `launch_day`; a leaf: `department`,
    `leaf_share`; a pool: `pool_start`.

    `by_rank[e, pool_start[p] + r]` is the item of rank r of pool p in the month around ranking e,
    and `available[e, p]` says how many ranks there are. `pool_price` (pools, days) is the mean
    price of what is drawn from a pool on a day, discounts included. `general` (12, leaves) are
    cumulative shares of leaves for visits that follow no taste of the person's own, by month.
    """

    leaf: Ints
    price: Floats
    code: Ints
    brand: Ints  # -1: none
    launch_day: Floats
    pool_start: Ints
    by_rank: Ints
    available: Ints
    rank_exponent: float
    pool_price: Floats
    general: Floats
    department: Ints
    leaf_share: Floats
    discount: Floats

    @property
    def num_leaves(self) -> int:
        """Leaf categories."""
        return self.department.size

    def draw_items(self, pools: Ints, days: Ints, rng: np.random.Generator) -> Ints:
        """Draw an item from each pool as it sells on the day."""
        month, day = np.divmod(days, DAYS_PER_RANKING)
        ranking = month + (rng.random(days.size) * DAYS_PER_RANKING < day)
        available = self.available[ranking, pools]
        rank = draw_ranks(rng.random(days.size), available, self.rank_exponent)
        item: Ints = self.by_rank[ranking, self.pool_start[pools] + rank]
        return item

    def draw_leaves(self, months: Ints, rng: np.random.Generator) -> Ints:
        """Draw a leaf as the season has it, for each month (0 to 11)."""
        wanted = months + rng.random(months.size)
        found = np.searchsorted(self.general.ravel(), wanted, side="right")
        leaf: Ints = np.minimum(found - months * self.num_leaves, self.num_leaves - 1)
        return leaf

    def general_prices(self, months: Ints, days: Ints) -> Floats:
        """Return the mean price of each tier (3, days) over the leaves as the season has them."""
        share_ML = np.diff(self.general - np.arange(12)[:, None], axis=1, prepend=0.0)
        price_LTD = self.pool_price[:, days].reshape(self.num_leaves, NUM_TIERS, days.size)
        mean_TD: Floats = np.einsum("dl,ltd->td", share_ML[months], price_LTD)
        return mean_TD

    def prices(self, items: Ints, days: Ints) -> Floats:
        """Return what items cost on the days, in whole hundredths."""
        off = self.discount[self.department[self.leaf[items]], days]
        return np.round(self.price[items] * (1 - off), 2)

    def table(self, plan: Plan) -> pl.DataFrame:
        """Return the catalogue as a shop would export it."""
        paths, names = leaf_paths(self.num_leaves), leaf_names()
        tier_I = (np.searchsorted(self.pool_start, np.arange(self.leaf.size), "right") - 1) % 3
        brands = [brand_name(number) for number in range(int(self.brand.max()) + 1)]
        brand = pl.Series(brands).gather(pl.Series(np.maximum(self.brand, 0)))
        brand = brand.set(pl.Series(self.brand < 0), None)
        thing = pl.Series([f"{style} {category}" for _, category, style in names])
        created = plan.start_at + (self.launch_day * DAY).astype(np.int64)
        frame = pl.DataFrame(
            {
                "item_id": item_ids(self.code),
                "category": pl.Series(paths).gather(pl.Series(self.leaf)),
                "brand": brand,
                "price": self.price,
                "created_at": created,
                "available": True,
                "thing": thing.gather(pl.Series(self.leaf)),
                "tier": pl.Series(TIERS).gather(pl.Series(tier_I)),
                "code": self.code,
            }
        )
        maker = pl.coalesce("brand", pl.lit("No-name"))
        return frame.sort("code").select(
            "item_id",
            pl.format("{} {} {}", maker, "thing", "code").alias("name"),
            "category",
            "brand",
            "price",
            "created_at",
            "available",
            pl.format("{} of the {} price range, by {}.", "thing", "tier", maker).alias("text"),
        )


def item_ids(codes: Ints) -> pl.Series:
    """Return the outside ids of items by their codes."""
    return "p" + pl.Series("item_id", codes).cast(pl.String).str.zfill(7)


def leaf_paths(num_leaves: int) -> list[str]:
    """Return the category path of each leaf."""
    return [
        f"{department}/{category}/{style} {category}"
        for department, category, style in leaf_names()[:num_leaves]
    ]
