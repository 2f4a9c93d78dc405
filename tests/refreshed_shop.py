"""The golden shop, refreshed by the present code, and later visits of its customers."""

from pathlib import Path

import polars as pl

from habitue.schema import DAY
from habitue.workspace import Workspace
from tests.golden.make_shop import QUICK, restored
from tests.shop import Shop, make_shop, write_csv

SHOP = make_shop(num_persons=30, days=120)


def opened(folder: Path) -> Workspace:
    return Workspace(folder, settings=QUICK)


def made_in(folder: Path) -> Path:
    """Restore the golden shop in `folder` and refresh it, a minute after its last event."""
    restored(folder)
    opened(folder).refresh()
    return folder


def bring(
    shop: Workspace,
    *persons: int,
    days: float,
    of: str = "later",
    items: pl.DataFrame = SHOP.items,
    among: Shop = SHOP,
) -> None:
    """Let these persons do again, so many days after the log's end, what they did last."""
    rows = among.events.filter(pl.col("subject_id").is_in(persons))
    rows = rows.group_by("subject_id", maintain_order=True).tail(6)
    shift = among.end_at + int(days * DAY) - pl.col("timestamp").max()
    rows = rows.with_columns(
        (pl.col("timestamp") + shift).alias("timestamp"),
        pl.format("{}-{}", "order_id", pl.lit(days)).alias("order_id"),
    )
    later = Shop(rows, items, {}, {}, 0, 0)
    shop.ingest(write_csv(later, shop.folder.parent / f"{of}.csv"))
