"""The yardstick of `ingest.py`: what a plain Polars script needs for the same result in one go.

    python benchmarks/ingest_reference.py LOG OUT

Applies the same rules with the whole log in memory: times read, persons and items checked and
numbered, prices within bounds, equal rows once, sorted by person and time, visits told apart by
half an hour, written as Parquet with zstd. Keeps no quarantine, adds nothing to what is there,
and is lost when it is killed. Prints JSON.
"""

import json
import sys
import time
from pathlib import Path

import polars as pl

TIME_FORMAT = "%Y-%m-%dT%H:%M:%S%.fZ"
LATEST_PRICE = 1e7


def opened(path: Path) -> pl.LazyFrame:
    """Return the log, its times as times."""
    if path.suffix == ".parquet":
        return pl.scan_parquet(path)
    texts = dict.fromkeys(("user_id", "item_id", "order_id"), pl.String())
    moment = pl.col("event_time").str.to_datetime(TIME_FORMAT, time_unit="us", time_zone="UTC")
    return pl.scan_csv(path, schema_overrides=texts).with_columns(moment)


def stored(log: pl.LazyFrame, out: Path) -> int:
    """Write the log as a store would hold it; return its rows."""
    names = log.collect_schema().names()
    log = log.with_columns(pl.col("user_id", "item_id").str.strip_chars()).filter(
        pl.col("user_id").str.len_bytes().is_between(1, 256),
        pl.col("price").fill_null(0).is_between(0, LATEST_PRICE),
        pl.col("event_time") > pl.datetime(2000, 1, 1, time_zone="UTC"),
    )
    rows = log.unique(subset=names, keep="any").collect(engine="streaming")
    users = rows.select(pl.col("user_id").unique()).with_row_index("subject_id")
    items = rows.select(pl.col("item_id").drop_nulls().unique()).with_row_index("item_number")
    numbered = rows.lazy().join(users.lazy(), on="user_id").drop("user_id")
    numbered = numbered.join(items.lazy(), on="item_id", how="left").drop("item_id")
    rows = numbered.collect(engine="streaming").sort("subject_id", "event_time")
    pause = pl.col("event_time").diff() > pl.duration(minutes=30)
    begins = (pause | (pl.col("subject_id") != pl.col("subject_id").shift())).fill_null(True)
    rows = rows.with_columns(visit=begins.cum_sum())
    for name, table in (("events", rows), ("subjects", users), ("items", items)):
        table.write_parquet(out / f"{name}.parquet", compression="zstd")
    return rows.height


def main() -> None:
    """Store the log named on the command line."""
    log, out = (Path(text) for text in sys.argv[1:3])
    out.mkdir(parents=True)
    begun = time.perf_counter()
    rows = stored(opened(log), out)
    print(json.dumps({"rows": rows, "seconds": round(time.perf_counter() - begun, 2)}))


if __name__ == "__main__":
    main()
