"""The items of a made-up shop, made: categories, prices, brands, launches, popularity.

In: a plan and its calendar. Out: a `Catalogue`. Knows nothing about persons.
"""

from typing import Final

import numpy as np

from habitue.simulation.arrays import Bools, Floats, Ints, spread_out
from habitue.simulation.catalogue import DAYS_PER_RANKING, NUM_TIERS, Catalogue
from habitue.simulation.plan import Plan, Stream
from habitue.simulation.ranks import rank_shares
from habitue.simulation.seasons import Calendar
from habitue.simulation.words import DEPARTMENTS, MAX_BRANDS, SEASONS, leaf_names

_ITEMS_PER_LEAF: Final = 25
_MIN_LEAVES: Final = 12
_BRANDS_PER_LEAF: Final = 12
_NO_BRAND: Final = 0.15
_NEW_SHARE: Final = 0.3  # of items that come into the shop during the log


def make_catalogue(plan: Plan, calendar: Calendar) -> Catalogue:
    """Return the items of a shop."""
    rng = plan.random(Stream.CATALOGUE)
    num_leaves = int(np.clip(plan.items // _ITEMS_PER_LEAF, _MIN_LEAVES, len(leaf_names())))
    share_L = np.exp(rng.normal(0, plan.like.category_spread, num_leaves))
    share_L /= share_L.sum()
    size_L = _leaf_sizes(plan.items, share_L)
    leaf_I, _ = spread_out(size_L)
    brand_I, price_I = _make_brands_and_prices(plan, leaf_I, num_leaves, rng)
    order = np.lexsort((price_I, leaf_I))
    brand_I, price_I = brand_I[order], price_I[order]
    tier_size_LT = size_L[:, None] // NUM_TIERS + (
        np.arange(NUM_TIERS) < size_L[:, None] % NUM_TIERS
    )
    pool_start_P = np.concatenate([[0], np.cumsum(tier_size_LT.ravel())])
    launch_day_I = _launch_days(plan, pool_start_P, rng)
    by_rank_ER, available_EP = _rankings(calendar.num_days, pool_start_P, launch_day_I, rng)
    department_L = np.arange(num_leaves) % len(DEPARTMENTS)
    return Catalogue(
        leaf=leaf_I,
        price=price_I,
        code=rng.permutation(plan.items),
        brand=brand_I,
        launch_day=launch_day_I,
        pool_start=pool_start_P[:-1],
        by_rank=by_rank_ER,
        available=available_EP,
        rank_exponent=plan.like.rank_exponent,
        pool_price=_mean_prices(
            price_I,
            pool_start_P,
            by_rank_ER,
            available_EP,
            plan.like.rank_exponent,
            calendar.discount[np.repeat(department_L, NUM_TIERS)],
        ),
        general=_general_shares(share_L, department_L),
        department=department_L,
        leaf_share=share_L,
        discount=calendar.discount,
    )


def _leaf_sizes(num_items: int, share_L: Floats) -> Ints:
    """Deal the items onto leaves, at least one a tier; popular leaves have more, not as many."""
    weight = share_L**0.6
    spare = num_items - NUM_TIERS * share_L.size
    ends = np.floor(spare * np.cumsum(weight) / weight.sum() + 0.5).astype(np.int64)
    ends[-1] = spare
    sizes: Ints = NUM_TIERS + np.diff(ends, prepend=0)
    return sizes


def _make_brands_and_prices(
    plan: Plan, leaf_I: Ints, num_leaves: int, rng: np.random.Generator
) -> tuple[Ints, Floats]:
    num_brands = int(np.clip(plan.items // 40, _BRANDS_PER_LEAF, MAX_BRANDS))
    brands_LB = rng.integers(num_brands, size=(num_leaves, _BRANDS_PER_LEAF))
    place = (_BRANDS_PER_LEAF * rng.random(leaf_I.size) ** 2).astype(np.int64)
    brand_I = brands_LB[leaf_I, place]
    premium_B = rng.normal(0, 0.25, num_brands)
    level_L = np.log(plan.like.median_price) + rng.normal(0, 1.0, num_leaves)
    log_price = level_L[leaf_I] + premium_B[brand_I] + rng.normal(0, 0.45, leaf_I.size)
    price_I = np.maximum(np.round(np.exp(log_price)), 1) - 0.01
    brand_I[rng.random(leaf_I.size) < _NO_BRAND] = -1
    return brand_I, np.round(price_I, 2)


def _launch_days(plan: Plan, pool_start_P: Ints, rng: np.random.Generator) -> Floats:
    """Say when each item came into the shop, negative before the log; no pool begins empty."""
    num_items = int(pool_start_P[-1])
    day_I = rng.random(num_items) * plan.days
    is_old = rng.random(num_items) >= _NEW_SHARE
    is_old[pool_start_P[:-1]] = True
    old = -1 - 1000 * rng.random(num_items)
    return np.where(is_old, old, day_I)


def _rankings(
    num_days: int, pool_start_P: Ints, launch_day_I: Floats, rng: np.random.Generator
) -> tuple[Ints, Ints]:
    """Rank the items of each pool by popularity at the beginning of each month.

    An item is ranked from the first beginning of a month that follows its launch by a month, for
    half of the visits of a month look to the ranking at its end.
    """
    num_items, num_pools = launch_day_I.size, pool_start_P.size - 1
    pool_I = np.repeat(np.arange(num_pools), np.diff(pool_start_P))
    lasting_I = rng.normal(0, 1.0, num_items)
    drift_I = rng.normal(0, 0.7, num_items)
    by_rank, available = [], []
    for ranking in range(-(-num_days // DAYS_PER_RANKING) + 1):
        day = DAYS_PER_RANKING * (ranking - 1)
        is_there: Bools = launch_day_I <= max(day, 0)
        age = np.where(launch_day_I > 0, np.maximum(day - launch_day_I, 0), np.inf)
        score = lasting_I + drift_I + 2.0 * np.exp(-age / 60)
        score[~is_there] = -np.inf
        by_rank.append(np.lexsort((-score, pool_I)).astype(np.int32))
        available.append(np.bincount(pool_I[is_there], minlength=num_pools))
        drift_I = 0.85 * drift_I + rng.normal(0, 0.37, num_items)
    return np.stack(by_rank), np.stack(available)


def _mean_prices(
    price_I: Floats,
    pool_start_P: Ints,
    by_rank_ER: Ints,
    available_EP: Ints,
    exponent: float,
    discount_PD: Floats,
) -> Floats:
    pool_R, rank_R = spread_out(np.diff(pool_start_P))
    mean_EP = np.stack(
        [
            np.add.reduceat(
                rank_shares(rank_R, available[pool_R], exponent) * price_I[by_rank],
                pool_start_P[:-1],
            )
            for by_rank, available in zip(by_rank_ER, available_EP, strict=True)
        ]
    )
    month, day = np.divmod(np.arange(discount_PD.shape[1]), DAYS_PER_RANKING)
    share_D = day / DAYS_PER_RANKING
    mean_DP = mean_EP[month] * (1 - share_D)[:, None] + mean_EP[month + 1] * share_D[:, None]
    mean_PD: Floats = mean_DP.T * (1 - discount_PD)
    return mean_PD


def _general_shares(share_L: Floats, department_L: Ints) -> Floats:
    """Return cumulative shares of leaves by month, month m's running from m to m + 1."""
    twice_MC = np.ones((12, len(DEPARTMENTS)))
    for department, months in SEASONS.items():
        twice_MC[list(months), list(DEPARTMENTS).index(department)] = 2.0
    share_ML = share_L * twice_MC[:, department_L]
    share_ML /= share_ML.sum(axis=1, keepdims=True)
    cumulative_ML: Floats = np.cumsum(share_ML, axis=1) + np.arange(12)[:, None]
    return cumulative_ML
