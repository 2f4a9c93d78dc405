"""The files of the shop: events by time, the catalogue, the truth.

In: a spill that holds all blocks. Out: files, with the same bytes whoever writes them. Knows
nothing about who generates what.
"""

from pathlib import Path
from typing import Final

import polars as pl
import pyarrow.parquet as pq

from habitue.schema import format_date
from habitue.simulation.block import Shop
from habitue.simulation.damage import DAMAGES, cut_lines, damaged
from habitue.simulation.plan import Plan, write_plan
from habitue.simulation.render import Words, plain_frame, render
from habitue.simulation.rows import Rows
from habitue.simulation.seasons import Calendar, day_start
from habitue.simulation.spill import Spill
from habitue.simulation.words import DEPARTMENTS

ITEMS_FILE: Final = "items.parquet"
TRUTH_FOLDER: Final = "truth"
# Columns of few different words; of ids, a dictionary would be as long as the column.
_DICTIONARIES: Final = [
    "event_type", "platform", "device_type", "item_id", "item_category", "item_brand", "currency",
    "search_query", "list_id", "campaign", "quantity",
]  # fmt: skip
_PARQUET: Final = {"compression": "zstd", "compression_level": 1, "write_page_checksum": True}


def events_path(folder: Path, plan: Plan, number: int) -> Path:
    """Return where the events of a slice of time lie."""
    return folder / f"events-{number + 1:05d}.{plan.format}"


def write_events(spill: Spill, words: Words, folder: Path, number: int) -> None:
    """Write the events of a slice of time."""
    rows = spill.read_slice(number)
    path = events_path(folder, spill.plan, number)
    if spill.plan.format == "csv":
        _write_csv(rows, words, path)
    else:
        _write_parquet(rows, words, path)


def write_table(spill: Spill, folder: Path, number: int) -> None:
    """Write a table of the truth, one block after the other."""
    name, parts = spill.tables()[number]
    path = folder / TRUTH_FOLDER / f"{name}.parquet"
    with pq.ParquetWriter(path, pq.read_schema(parts[0]), store_schema=False, **_PARQUET) as writer:
        for part in parts:
            writer.write_table(pq.read_table(part))


def write_shop(spill: Spill, shop: Shop, folder: Path) -> None:
    """Write what is true of the shop as a whole: items, campaigns, the plan, bad rows."""
    items = shop.catalogue.table(shop.plan).to_arrow()
    pq.write_table(items, folder / ITEMS_FILE, store_schema=False, **_PARQUET)
    truth = folder / TRUTH_FOLDER
    bad_rows_table(spill.counts("bad_rows")).write_parquet(truth / "bad_rows.parquet")
    _campaigns_table(shop.plan, shop.calendar).write_parquet(truth / "campaigns.parquet")
    write_plan(shop.plan, truth)


def num_rows(folder: Path, table: str) -> int:
    """Return how many rows a table of the truth has; 0 where there is none."""
    path = folder / TRUTH_FOLDER / f"{table}.parquet"
    return int(pq.read_metadata(path).num_rows) if path.exists() else 0


def bad_rows_table(counts: dict[str, int]) -> pl.DataFrame:
    """Return the bad rows there are: kind, the reason or repair they go under, how many."""
    rows = [
        (damage.name, damage.reason, damage.repair, counts.get(damage.name, 0))
        for damage in DAMAGES
    ]
    schema = {
        "kind": pl.String(),
        "reason": pl.String(),
        "repair": pl.String(),
        "rows": pl.Int64(),
    }
    return pl.DataFrame(rows, schema, orient="row").filter(pl.col("rows") > 0)


def _write_parquet(rows: Rows, words: Words, path: Path) -> None:
    writer = None
    try:
        for table in render(rows, words):
            if words.plan.num_bad_rows:
                table = damaged(plain_frame(table)).drop("damage").to_arrow()
            else:
                table = table.drop_columns(["damage"])
            if writer is None:
                writer = pq.ParquetWriter(
                    path, table.schema, store_schema=False, use_dictionary=_DICTIONARIES, **_PARQUET
                )
            writer.write_table(table)
    finally:
        if writer is not None:
            writer.close()


def _write_csv(rows: Rows, words: Words, path: Path) -> None:
    with path.open("wb") as file:
        for place, table in enumerate(render(rows, words)):
            frame, cut = cut_lines(damaged(plain_frame(table)))
            frame.drop("damage").write_csv(file, include_header=place == 0)
            cut.write_csv(file, include_header=False)


def _campaigns_table(plan: Plan, calendar: Calendar) -> pl.DataFrame:
    names = list(DEPARTMENTS)
    return pl.DataFrame(
        [
            (
                campaign.name,
                format_date(day_start(plan, campaign.first_day)),
                format_date(day_start(plan, campaign.last_day)),
                campaign.discount,
                campaign.pull,
                [names[number] for number in campaign.departments],
            )
            for campaign in calendar.campaigns
            if campaign.first_day < plan.days
        ],
        {
            "campaign": pl.String(),
            "first_day": pl.String(),
            "last_day": pl.String(),
            "discount": pl.Float64(),
            "pull": pl.Float64(),
            "departments": pl.List(pl.String()),
        },
        orient="row",
    )
