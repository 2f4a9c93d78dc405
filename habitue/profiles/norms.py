"""Norms: what is usual in this shop, the measure against which a person is special.

Fitted on the whole log up to a moment, bucket by bucket, then handed to every builder of
interests, tags and segments, so that one person alone reads as within their bucket. In: an
`EventLog`. Out: `ShopNorms`, which can be saved (JSON and Parquet). Bots are left out. Sums over
persons and events are of whole millionths: threads add up in any order, and only whole numbers
come out the same to the last digit.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final, Self

import polars as pl

from habitue.compute import Progress, Silent
from habitue.config import ProfileSettings
from habitue.errors import Refused
from habitue.events.log import EventLog
from habitue.profiles.attention import KINDS, build_attention, half_life_of, half_lives_of
from habitue.profiles.facts import LogTraits, build_facts, seen_before, traits_of
from habitue.profiles.habits import bargains, habit_shares, price_ranks, visit_occasions
from habitue.profiles.segments import RHYTHM_COLUMNS, SegmentEdges, fit_edges
from habitue.schema import DAY, format_time

MIN_ITEMS_TO_RANK: Final = 5  # prices are compared within a category of at least so many items
# What a person typed may name them: a search of fewer persons is not kept in a model version.
MIN_SEARCHERS: Final = 5
_MILLION: Final = 1_000_000


@dataclass(frozen=True)
class ShopNorms:
    """Averages of the shop's persons at `as_of`; times in µs."""

    as_of: int
    start_at: int
    half_life: int  # the span that trends are told by
    persons: int
    traits: LogTraits
    edges: SegmentEdges
    mean_price_rank: float  # of the different items a person touches; 0 cheapest, 1 dearest
    sd_price_rank: float
    bargain_share: float  # part of the purchases below the item's usual price
    shares: pl.DataFrame  # kind, name, share: mean over persons of the part of their attention
    items: pl.DataFrame  # item_id, usual_price, prices_seen, price_rank, purchases
    half_lives: dict[str, int] = field(default_factory=dict)  # of each kind of interest and habit

    @property
    def fading(self) -> Mapping[str, int]:
        """Each kind's half-life; versions of before knew one for interests, and none for habits."""
        return dict.fromkeys(KINDS, self.half_life) | self.half_lives

    def check(self, as_of: int) -> None:
        """Refuse to describe a moment by averages of a later one."""
        if self.as_of > as_of:
            raise Refused(
                f"The shop's averages were taken at {format_time(self.as_of)}, after the moment "
                f"asked for, {format_time(as_of)}.",
                fix=f"Train a version for that moment: habitue train --as-of {format_time(as_of)}",
                code="norms_from_later",
            )

    def items_of(self, catalogue: pl.DataFrame) -> pl.DataFrame:
        """Return what is known of a store's items, by its own `item_number`.

        A store that was made anew may have given other numbers than the one that was learnt from.
        """
        if "item_id" not in self.items.columns:  # versions of before knew items by number only
            return self.items.join(catalogue, on="item_number", how="semi", maintain_order="left")
        ids = catalogue.select("item_number", "item_id")
        known = ids.join(self.items, on="item_id", maintain_order="left")
        return known.drop("item_id")

    def save(self, folder: Path) -> None:
        """Write the norms into `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        tables = {"shares": self.shares, "items": self.items}
        for name, table in tables.items():
            table.write_parquet(folder / f"{name}.parquet")
        numbers = {name: getattr(self, name) for name in _NUMBERS}
        numbers |= {"traits": asdict(self.traits), "edges": asdict(self.edges)}
        (folder / "norms.json").write_text(json.dumps(numbers, indent=2), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        numbers = json.loads((folder / "norms.json").read_text(encoding="utf-8"))
        numbers["traits"] = LogTraits(**numbers["traits"])
        numbers["edges"] = SegmentEdges(**numbers["edges"])
        return cls(
            **numbers,
            shares=pl.read_parquet(folder / "shares.parquet"),
            items=pl.read_parquet(folder / "items.parquet"),
        )


_NUMBERS: Final = (
    "as_of", "start_at", "half_life", "persons", "mean_price_rank", "sd_price_rank",
    "bargain_share", "half_lives",
)  # fmt: skip


def fit_norms(
    log: EventLog,
    *,
    as_of: int,
    settings: ProfileSettings,
    start_at: int | None = None,
    progress: Progress | None = None,
) -> ShopNorms:
    """Return the shop's norms from all that was known at `as_of`; reads the log twice.

    `start_at` is when the log truly begins (default: as the log says): a stray event of years
    before must not make a young shop look old.
    """
    items = log.items(as_of=as_of)
    start_at = min(log.start_at if start_at is None else start_at, as_of)
    progress = progress or Silent()
    progress.start("Norms", 2 * log.num_buckets, "buckets")
    buckets = _Buckets(log, as_of, progress)
    known, traits = _first_pass(buckets, items, time_zone=settings.time_zone)
    wished = round(settings.tag_half_life_days * DAY)
    half_life = half_life_of(start_at, as_of, wished)
    half_lives = half_lives_of(start_at, as_of, wished)

    facts: list[pl.DataFrame] = []
    sums: list[pl.DataFrame] = []
    money: list[pl.DataFrame] = []
    for events in buckets:
        facts.append(build_facts(events, items, as_of=as_of, traits=traits).select(RHYTHM_COLUMNS))
        attention = build_attention(
            events, items, as_of=as_of, half_lives=half_lives, period=half_life
        )
        habits = habit_shares(visit_occasions(events, traits), half_lives)
        sums += [_sums(table, bucket=len(facts)) for table in (attention, habits)]
        money.append(_money_moments(events, known, half_lives))
    progress.finish()
    people = pl.concat(facts)
    moments = pl.concat(money).sum().row(0, named=True)
    mean, sd = _mean_and_sd(
        moments["rank"] / _MILLION, moments["squared_rank"] / _MILLION, moments["touched"]
    )
    return ShopNorms(
        as_of=as_of,
        start_at=start_at,
        half_life=half_life,
        persons=people.height,
        traits=traits,
        edges=fit_edges(people, as_of=as_of),
        mean_price_rank=mean,
        sd_price_rank=sd,
        bargain_share=moments["bargains"] / max(moments["purchases"], 1),  # both in millionths
        shares=_mean_shares(pl.concat(sums)),
        items=known.drop("item_number").sort("item_id"),
        half_lives=half_lives,
    )


@dataclass(frozen=True)
class _Buckets:
    """The events of everyone but bots, a bucket at a time."""

    log: EventLog
    as_of: int
    progress: Progress

    def __iter__(self) -> Iterator[pl.DataFrame]:
        for bucket in range(self.log.num_buckets):
            events = seen_before(self.log.read_bucket(bucket, as_of=self.as_of), self.as_of)
            yield events.filter(~pl.col("is_bot").fill_null(False))
            self.progress.advance()


def _millionths(amount: pl.Expr) -> pl.Expr:
    return (amount * _MILLION).round().cast(pl.Int128)


def _first_pass(
    buckets: Iterable[pl.DataFrame], items: pl.DataFrame, *, time_zone: str
) -> tuple[pl.DataFrame, LogTraits]:
    """Return what items cost, and what the log can tell."""
    prices: list[pl.DataFrame] = []
    traits: list[LogTraits] = []
    for events in buckets:
        traits.append(traits_of(events, time_zone=time_zone))
        prices.append(
            events.drop_nulls("item_number")
            .group_by("item_number")
            .agg(
                price_sum=_millionths(pl.col("price")).sum(),
                prices_seen=pl.col("price").is_not_null().sum().cast(pl.Int64),
                purchases=(pl.col("event_type") == "purchase").sum().cast(pl.Int64),
            )
        )
    whole = LogTraits(
        has_orders=any(part.has_orders for part in traits),
        has_money=any(part.has_money for part in traits),
        has_clock=any(part.has_clock for part in traits),
        time_zone=time_zone,
    )
    return _known_items(items, pl.concat(prices)), whole


def _known_items(items: pl.DataFrame, prices: pl.DataFrame) -> pl.DataFrame:
    """Each product's usual price (paid or shown, else the catalogue's) and its rank among peers."""
    summed = prices.group_by("item_number").sum()
    seen = pl.col("price_sum").cast(pl.Float64) / (_MILLION * pl.col("prices_seen"))
    products = items.filter(pl.col("is_product").fill_null(True))
    known = (
        products.select("item_number", "item_id", "category", catalogue_price="price")
        .join(summed, on="item_number", how="left")
        .with_columns(pl.col("prices_seen", "purchases").fill_null(0))
        .with_columns(
            usual_price=pl.when(pl.col("prices_seen") > 0)
            .then(seen)
            .otherwise(pl.col("catalogue_price")),
            top=pl.col("category").str.split("/").list.first(),
        )
    )
    # The rank within the leaf category, or the top one, or the shop, whichever has enough items.
    price = pl.col("usual_price")
    rank = pl.lit(None, dtype=pl.Float64)
    for peers in ("category", "top"):
        num = price.count().over(peers)
        within = (price.rank("average").over(peers) - 0.5) / num
        is_ranked = (num >= MIN_ITEMS_TO_RANK) & pl.col(peers).is_not_null()
        rank = pl.coalesce(rank, pl.when(is_ranked).then(within))
    anywhere = (price.rank("average") - 0.5) / price.count()
    rank = pl.coalesce(rank, pl.when(price.count() >= MIN_ITEMS_TO_RANK).then(anywhere))
    return known.select(
        "item_number",
        "item_id",
        "usual_price",
        "prices_seen",
        price_rank=rank,
        purchases="purchases",
    ).sort("item_number")


def _sums(shares: pl.DataFrame, *, bucket: int) -> pl.DataFrame:
    """A bucket's sum of shares a name, and the number of its persons the kind is known of."""
    persons = shares.group_by("kind").agg(persons=pl.col("subject_id").n_unique().cast(pl.Int64))
    summed = shares.group_by("kind", "name").agg(
        share=_millionths(pl.col("share")).sum(), holders=pl.len().cast(pl.Int64)
    )
    summed = summed.join(persons, on="kind")
    return summed.with_columns(bucket=pl.lit(bucket, dtype=pl.Int64))


def _mean_shares(sums: pl.DataFrame) -> pl.DataFrame:
    """The buckets' sums over all persons, those a name is foreign to included."""
    # A bucket that lacks a name still has persons: they are counted by kind, not by name.
    bucket_persons = sums.select("kind", "persons", "bucket").unique()
    persons = bucket_persons.group_by("kind").agg(pl.col("persons").sum())
    return (
        sums.group_by("kind", "name")
        .agg(pl.col("share", "holders").sum())
        .filter((pl.col("kind") != "search") | (pl.col("holders") >= MIN_SEARCHERS))
        .join(persons, on="kind")
        .select(
            "kind", "name", share=pl.col("share").cast(pl.Float64) / _MILLION / pl.col("persons")
        )
        .sort("kind", "name")
    )


def _money_moments(
    events: pl.DataFrame, known: pl.DataFrame, half_lives: Mapping[str, int]
) -> pl.DataFrame:
    ranks = price_ranks(events, known, half_life=half_lives["price"]).select(
        rank=_millionths(pl.col("mean_rank") * pl.col("items")).sum(),
        squared_rank=_millionths(pl.col("squared_rank") * pl.col("items")).sum(),
        touched=pl.col("items").sum(),
    )
    found = bargains(events, known, half_life=half_lives["discount"]).select(
        _millionths(pl.col("bargains", "purchases")).sum()
    )
    return pl.concat([ranks, found], how="horizontal")


def _mean_and_sd(total: float, squared: float, count: int) -> tuple[float, float]:
    if count == 0:
        return 0.5, 0.0
    mean = total / count
    return mean, max(squared / count - mean**2, 0.0) ** 0.5
