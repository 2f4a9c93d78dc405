"""What is compared of a real log and a simulated one: distributions, one a marginal.

In: a log as a frame of user, item, category, order (of purchases), type, at (µs). Out: arrays.
Knows nothing about where a log comes from, nor about drawing.
"""

from collections.abc import Callable

import numpy as np
import polars as pl

from habitue.schema import DAY, HOUR, MINUTE, SECOND

Values = np.ndarray


def _visits(log: pl.DataFrame) -> pl.DataFrame:
    """One row a visit: events without a pause of half an hour; user, length, gap (hours)."""
    log = log.sort("user", "at", maintain_order=True)
    pause = pl.col("at") - pl.col("at").shift(1).over("user")
    log = log.with_columns(visit=(pause.is_null() | (pause > 30 * MINUTE)).cum_sum())
    rows = log.group_by("visit", maintain_order=True).agg(
        pl.col("user").first(), length=pl.len(), first=pl.col("at").min(), last=pl.col("at").max()
    )
    gap = (pl.col("first") - pl.col("last").shift(1).over("user")) / HOUR
    return rows.with_columns(gap=gap)


def _bought(log: pl.DataFrame) -> pl.DataFrame:
    return log.filter(pl.col("type") == "purchase")


def _array(values: pl.Series) -> Values:
    return values.drop_nulls().to_numpy().astype(float)


def lengths(log: pl.DataFrame) -> Values:
    """Events of each visit."""
    return _array(_visits(log)["length"])


def gaps(log: pl.DataFrame) -> Values:
    """Hours from the end of each visit to the person's next."""
    return _array(_visits(log)["gap"])


def pauses(log: pl.DataFrame) -> Values:
    """Seconds from one event of a visit to the next."""
    log = log.sort("user", "at")
    pause = (pl.col("at") - pl.col("at").shift(1).over("user")) / SECOND
    return _array(log.select(pause=pause).filter(pl.col("pause").is_between(0.5, 1800))["pause"])


def popularity(log: pl.DataFrame) -> Values:
    """Events of each item, most popular first."""
    return _array(log.group_by("item").len()["len"].sort(descending=True))


def activity(log: pl.DataFrame) -> Values:
    """Events of each person."""
    return _array(log.group_by("user").len()["len"])


def breadth(log: pl.DataFrame) -> Values:
    """Categories of each person."""
    return _array(log.group_by("user").agg(pl.col("category").n_unique())["category"])


def orders(log: pl.DataFrame) -> Values:
    """Orders of each person who has one."""
    return _array(_bought(log).group_by("user").agg(pl.col("order").n_unique())["order"])


def baskets(log: pl.DataFrame) -> Values:
    """Different items of each order."""
    return _array(_bought(log).group_by("order").agg(pl.col("item").n_unique())["item"])


def order_gaps(log: pl.DataFrame) -> Values:
    """Days from one day with an order of a person to the next such day."""
    days = _bought(log).select("user", day=pl.col("at") // DAY).unique().sort("user", "day")
    gap = pl.col("day") - pl.col("day").shift(1).over("user")
    return _array(days.select(gap=gap)["gap"])


def bought_again(log: pl.DataFrame) -> Values:
    """In how many orders a person has bought an item, of each item of each."""
    pairs = _bought(log).group_by("user", "item").agg(pl.col("order").n_unique())
    return _array(pairs["order"])


def seen_again(log: pl.DataFrame) -> Values:
    """How often a person has viewed an item, of each item of each."""
    views = log.filter(pl.col("type") == "view_item")
    return _array(views.group_by("user", "item").len()["len"])


def hours(log: pl.DataFrame) -> Values:
    """Share of events in each hour of the day."""
    hour = log.select(hour=pl.col("at") // HOUR % 24)["hour"].to_numpy()
    return np.bincount(hour, minlength=24) / hour.size


HOURS, ITEMS = "hour of the day", "items by rank"
MEASURES: dict[str, Callable[[pl.DataFrame], Values]] = {
    "events of a visit": lengths,
    "hours between visits": gaps,
    "seconds between events": pauses,
    ITEMS: popularity,
    "events of a person": activity,
    "categories of a person": breadth,
    "views of an item by a person": seen_again,
    "orders of a buyer": orders,
    "items of an order": baskets,
    "days between orders": order_gaps,
    "orders of an item by a person": bought_again,
    HOURS: hours,
}


def distance(panel: str, real: Values, made: Values) -> float:
    """Return how far two distributions lie apart, 0 to 1: the largest difference in the share.

    Of hours: the share that would have to happen in another hour. Of items: the largest difference
    between the shares of all events that as large a share of the items has.
    """
    if panel == HOURS:
        return float(np.abs(real - made).sum() / 2)
    if panel == ITEMS:
        share = np.linspace(0, 1, 1001)
        return float(np.abs(_concentration(real, share) - _concentration(made, share)).max())
    grid = np.unique(np.concatenate([real, made]))
    below = [np.searchsorted(np.sort(x), grid, side="right") / x.size for x in (real, made)]
    return float(np.abs(below[0] - below[1]).max())


def summary(panel: str, values: Values) -> str:
    """Return mean, median / 90 % / 99 % of a distribution; of hours and items, a few shares."""
    if panel == HOURS:
        return f"{100 * np.sort(values)[-6:].sum():.0f} %"
    if panel == ITEMS:
        shares = _concentration(values, np.array([0.01, 0.1]))
        return " / ".join(f"{100 * share:.0f} %" for share in shares)
    quantiles = " / ".join(_short(value) for value in np.quantile(values, (0.5, 0.9, 0.99)))
    return f"{_short(values.mean())}, {quantiles}"


def _concentration(counts: Values, share: Values) -> Values:
    """Return which share of all events the most popular items have."""
    total = np.concatenate([[0.0], np.cumsum(counts) / counts.sum()])
    return np.interp(share, np.arange(total.size) / counts.size, total)


def _short(value: float) -> str:
    return f"{value:.3g}" if value < 1000 else f"{value:,.0f}"
