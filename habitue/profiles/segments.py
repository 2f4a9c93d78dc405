"""Segments: every person in exactly one readable group, by rhythm, orders and money.

A person is late by their own measure: the pause since the last order is compared with the
person's usual pause and with the longest one they came back from. In: the table of facts. Out:
a segment a person. In a shop without orders (a log of views) days with a visit take the place of
orders. Knows nothing about models.

The function is total; the first line that fits decides:

    visitor          has never bought
    new              bought on one day, not long ago
    one-time         bought on one day, and stayed away longer than two usual pauses of the shop
    lost             pause over 2.5 times the person's patience
    slipping away    pause over 1.5 times
    needs attention  pause over the person's patience
    champion         three order days or more, and more revenue than 80 % of the buyers
    regular          3 to 6 order days or more, within these the median of who came back
    promising        came back, not yet a regular

Patience is twice the usual pause, or the longest pause the person came back from if that is
more. The usual pause is the geometric mean of the person's own and the shop's, the person's
counting once for each pause seen. Were visits independent of the past (exponential pauses), a
person who has not left would exceed the three lines with probability .14, .05 and .007.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Self

import polars as pl

SEGMENTS: Final[dict[str, str]] = {
    "champion": "Comes back in rhythm and spends more than four out of five buyers.",
    "regular": "Comes back in rhythm, often enough to be counted on.",
    "promising": "Has come back and is in rhythm, but has bought only a few times.",
    "new": "Has bought once, not long ago.",
    "needs attention": "Is later than usual for this person; a reminder may be enough.",
    "slipping away": "Is much later than this person ever was.",
    "lost": "Has stayed away so long that a return would be a surprise.",
    "one-time": "Bought once and has not come back within twice the shop's usual pause.",
    "visitor": "Looks around but has not bought yet.",
}
# The same words where nobody buys in the log and visits are counted instead of orders.
SEGMENTS_BY_VISITS: Final[dict[str, str]] = SEGMENTS | {
    "champion": "Comes back in rhythm and on more days than four out of five visitors.",
    "promising": "Has come back and is in rhythm, but has visited on only a few days.",
    "new": "Has visited on one day, not long ago.",
    "one-time": "Visited on one day and has not come back within twice the shop's usual pause.",
}
# The facts that segments are made of.
RHYTHM_COLUMNS: Final = (
    "subject_id", "tenure_days", "recency_days", "active_days", "usual_gap_days", "orders",
    "order_days", "last_order_days", "order_gap_days", "longest_order_gap_days", "revenue",
    "is_bot",
)  # fmt: skip
CHAMPION_QUANTILE: Final = 0.8
MIN_REGULAR_DAYS, MAX_REGULAR_DAYS = 3, 6
ATTENTION, SLIPPING, LOST = 1.0, 1.5, 2.5


@dataclass(frozen=True)
class SegmentEdges:
    """What is usual in this shop, taken from its population at one moment."""

    as_of: int
    has_orders: bool  # else days with a visit count instead of days with an order
    persons: int
    usual_gap_days: float  # middle of the persons' own mean pauses
    regular_days: float  # order days from which a person who came back is a regular
    champion_value: float | None  # revenue (without money: order days) 80 % of buyers stay within

    def save(self, path: Path) -> None:
        """Write the edges as JSON."""
        path.write_text(json.dumps(asdict(self), indent=2), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))


def fit_edges(facts: pl.DataFrame, *, as_of: int) -> SegmentEdges:
    """Return the edges of a population (the facts of all persons; bots are left out)."""
    has_orders = not facts["orders"].is_null().all()
    people = _rhythm(facts.filter(~pl.col("is_bot").fill_null(False)), has_orders)
    repeaters = people.filter(pl.col("days") >= 2)
    buyers = people.filter(pl.col("days") >= 1)
    gap = repeaters.select(pl.col("gap").median()).item()
    if gap is None:
        # Nobody has come back yet: then nobody can be late before the log has lasted as long again.
        gap = people.select(pl.col("tenure_days").max()).item() or 1.0
    days = repeaters.select(pl.col("days").median()).item() or 0
    champion = buyers.select(pl.col("value").quantile(CHAMPION_QUANTILE, "higher")).item()
    return SegmentEdges(
        as_of=as_of,
        has_orders=has_orders,
        persons=people.height,
        usual_gap_days=float(gap),
        regular_days=float(min(max(MIN_REGULAR_DAYS, days), MAX_REGULAR_DAYS)),
        champion_value=None if champion is None else float(champion),
    )


def _rhythm(facts: pl.DataFrame, has_orders: bool) -> pl.DataFrame:
    """Add `days, since, gap, longest, value`: orders where the shop has them, else visits."""
    if has_orders:
        return facts.with_columns(
            days=pl.col("order_days").fill_null(0),
            since=pl.col("last_order_days"),
            gap=pl.col("order_gap_days"),
            longest=pl.col("longest_order_gap_days"),
            # Rounded: whose sums differ in the sixteenth digit only are worth the same.
            value=pl.coalesce(pl.col("revenue"), pl.col("order_days").cast(pl.Float64)).round(6),
        )
    return facts.with_columns(
        days=pl.col("active_days"),
        since=pl.col("recency_days"),
        gap=pl.col("usual_gap_days"),
        longest=pl.lit(None, dtype=pl.Float64),
        value=pl.col("active_days").cast(pl.Float64),
    )


def patience_days(edges: SegmentEdges) -> pl.Expr:
    """The pause, in days, that is still usual for a person; over the columns of `_rhythm`."""
    pauses = (pl.col("days") - 1).clip(0)
    shop = pl.lit(max(edges.usual_gap_days, 1e-6)).log()
    own = pl.coalesce(pl.col("gap"), edges.usual_gap_days).clip(1e-6).log()
    usual = ((pauses * own + shop) / (pauses + 1)).exp()
    return pl.max_horizontal(2 * usual, pl.col("longest").fill_null(0.0))


def add_segments(facts: pl.DataFrame, *, edges: SegmentEdges) -> pl.DataFrame:
    """Return `facts` with the column `segment`, one of `SEGMENTS`, and `patience_days`."""
    people = _rhythm(facts, edges.has_orders).with_columns(patience_days=patience_days(edges))
    late = pl.col("since") / pl.col("patience_days")
    champion = (
        pl.lit(False)
        if edges.champion_value is None
        else (pl.col("value") > edges.champion_value) & (pl.col("days") >= MIN_REGULAR_DAYS)
    )
    segment = (
        pl.when(pl.col("days") < 1)
        .then(pl.lit("visitor"))
        .when((pl.col("days") == 1) & (late > 1))
        .then(pl.lit("one-time"))
        .when(pl.col("days") == 1)
        .then(pl.lit("new"))
        .when(late > LOST)
        .then(pl.lit("lost"))
        .when(late > SLIPPING)
        .then(pl.lit("slipping away"))
        .when(late > ATTENTION)
        .then(pl.lit("needs attention"))
        .when(champion)
        .then(pl.lit("champion"))
        .when(pl.col("days") >= edges.regular_days)
        .then(pl.lit("regular"))
        .otherwise(pl.lit("promising"))
    )
    return people.with_columns(segment=segment).select(*facts.columns, "patience_days", "segment")
