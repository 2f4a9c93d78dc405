"""Draws the marginals of simulated shops beside those of real logs: docs/figures/simulator.svg.

    HABITUE_BENCHMARK_DATA=… python scripts/plot_simulator.py [FILE.svg]

Needs matplotlib (`pip install "habitue[figures]"`). Real logs: the first users of Taobao's
UserBehavior, the first hours of REES46, Online Retail II. For each, a shop like it is simulated
and cut in the same way. Prints the figures behind the curves as JSON.
"""

import json
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import polars as pl
from matplotlib.axes import Axes

from habitue import simulate
from habitue.schema import HOUR, MINUTE, SECOND, parse_time

ROOT = Path(__file__).parent.parent
# A log as it is compared: user, item, type, at (µs).
TYPES = {
    "pv": "view_item",
    "view": "view_item",
    "fav": "add_to_wishlist",
    "cart": "add_to_cart",
    "buy": "purchase",
}
QUANTILES = (0.5, 0.9, 0.99)


@dataclass(frozen=True)
class Pair:
    """A real log and a simulated one of the same shape."""

    name: str
    real: pl.DataFrame
    made: pl.DataFrame
    panels: tuple[str, ...]


def taobao(data: Path) -> pl.DataFrame:
    """The first 815 users of nine days; hours of China."""
    names = ["user", "item", "category", "type", "seconds"]
    frame = pl.read_csv(
        data / "taobao/UserBehavior_head.csv.gz",
        has_header=False,
        new_columns=names,
        truncate_ragged_lines=True,
    ).drop_nulls()
    at = (pl.col("seconds") + 8 * 3600) * SECOND
    span = (parse_time("2017-11-25"), parse_time("2017-12-04") - 1)
    return frame.select("user", "item", type=pl.col("type").replace(TYPES), at=at).filter(
        pl.col("at").is_between(*span)
    )


def rees46(data: Path) -> pl.DataFrame:
    """The first three hours of a month."""
    frame = pl.read_csv(data / "rees46/2019-Oct_head.csv.gz", infer_schema=False).unique()
    at = pl.col("event_time").str.to_datetime("%Y-%m-%d %H:%M:%S UTC").dt.epoch("us")
    kind = pl.col("event_type").replace(TYPES)
    return frame.select(user="user_id", item="product_id", type=kind, at=at)


def online_retail(data: Path) -> pl.DataFrame:
    """Order lines of eighteen months, cancelled ones left out; user, order and day matter."""
    folder = data / "online_retail_ii"
    frames = []
    for file, order, user in (
        ("year_2009_2010.csv.gz", "Invoice", "Customer ID"),
        ("2010-12_to_2011-05.csv.gz", "InvoiceNo", "CustomerID"),
    ):
        raw = pl.read_csv(folder / file, infer_schema=False).filter(pl.col(user) != "")
        at = pl.col("InvoiceDate").str.to_datetime("%Y-%m-%d %H:%M:%S").dt.epoch("us")
        frames.append(raw.select(user=user, order=order, item="StockCode", at=at))
    # The two files overlap in December 2010.
    first = frames[0].filter(pl.col("at") < parse_time("2010-12-01"))
    lines = pl.concat([first, frames[1]]).filter(~pl.col("order").str.starts_with("C"))
    return lines.with_columns(type=pl.lit("purchase"))


def made(**options: str | int | float) -> pl.DataFrame:
    """A simulated log: events of the four types that public logs have, by person."""
    with tempfile.TemporaryDirectory() as folder:
        shop = Path(folder) / "shop"
        simulate(shop, **options)
        events = pl.read_parquet(shop / "events-*.parquet")
        whose = pl.read_parquet(shop / "truth" / "identities.parquet").unique("id", keep="first")
    subject = pl.coalesce("user_id", "anonymous_id")
    frame = events.filter(pl.col("event_type").is_in(list(TYPES.values()))).select(
        id=subject, item="item_id", order="order_id", type="event_type", at="timestamp"
    )
    whose = whose.select("id", user="person_id")
    return frame.join(whose, on="id", how="left").drop("id")


def visits(log: pl.DataFrame) -> pl.DataFrame:
    """One row a visit: events without a pause of half an hour; user, length, gap (hours)."""
    log = log.sort("user", "at", maintain_order=True)
    pause = pl.col("at") - pl.col("at").shift(1).over("user")
    log = log.with_columns(visit=(pause.is_null() | (pause > 30 * MINUTE)).cum_sum())
    rows = log.group_by("visit", maintain_order=True).agg(
        pl.col("user").first(), length=pl.len(), first=pl.col("at").min(), last=pl.col("at").max()
    )
    gap = (pl.col("first") - pl.col("last").shift(1).over("user")) / HOUR
    return rows.with_columns(gap=gap)


def lengths(log: pl.DataFrame) -> np.ndarray:
    """Events of each visit."""
    return visits(log)["length"].to_numpy().astype(float)


def gaps(log: pl.DataFrame) -> np.ndarray:
    """Hours from the end of each visit to the person's next."""
    return visits(log)["gap"].drop_nulls().to_numpy()


def pauses(log: pl.DataFrame) -> np.ndarray:
    """Seconds from one event of a visit to the next."""
    log = log.sort("user", "at")
    pause = (pl.col("at") - pl.col("at").shift(1).over("user")) / SECOND
    return log.select(pause=pause).filter(pl.col("pause").is_between(0.5, 1800))["pause"].to_numpy()


def popularity(log: pl.DataFrame) -> np.ndarray:
    """Events of each item, most popular first."""
    counts = log.group_by("item").len()["len"].sort(descending=True)
    return counts.to_numpy().astype(float)


def activity(log: pl.DataFrame) -> np.ndarray:
    """Events of each person."""
    return log.group_by("user").len()["len"].to_numpy().astype(float)


def orders(log: pl.DataFrame) -> np.ndarray:
    """Orders of each person who has one."""
    bought = log.filter(pl.col("type") == "purchase")
    return bought.group_by("user").agg(pl.col("order").n_unique())["order"].to_numpy().astype(float)


def order_gaps(log: pl.DataFrame) -> np.ndarray:
    """Days from one order of a person to the next."""
    bought = log.filter(pl.col("type") == "purchase")
    bought = bought.group_by("user", "order").agg(pl.col("at").min()).sort("user", "at")
    gap = (pl.col("at") - pl.col("at").shift(1).over("user")) / (24 * HOUR)
    return bought.select(gap=gap).drop_nulls()["gap"].to_numpy()


def hours(log: pl.DataFrame) -> np.ndarray:
    """Share of events in each hour of the day."""
    hour = log.select(hour=pl.col("at") // HOUR % 24)["hour"].to_numpy()
    return np.bincount(hour, minlength=24) / hour.size


MEASURES: dict[str, Callable[[pl.DataFrame], np.ndarray]] = {
    "events of a visit": lengths,
    "hours between visits": gaps,
    "seconds between events": pauses,
    "events of an item, by rank": popularity,
    "events of a person": activity,
    "orders of a buyer": orders,
    "days between orders": order_gaps,
    "hour of the day": hours,
}


def draw(axes: Axes, panel: str, values: np.ndarray, *, color: str, label: str) -> None:
    """Draw one curve: a rank plot, a share by hour, or the share of values above each value."""
    if panel == "hour of the day":
        axes.step(np.arange(24), values, where="mid", color=color, label=label)
    elif panel == "events of an item, by rank":
        rank = np.unique(np.geomspace(1, values.size, 120).astype(int))
        axes.loglog(rank, values[rank - 1], color=color, label=label)
    else:
        ordered = np.sort(values)
        place = np.unique(np.linspace(0, ordered.size - 1, 150).astype(int))
        axes.loglog(ordered[place], 1 - place / ordered.size, color=color, label=label)
        axes.set_ylabel("share above")


def figures(log: pl.DataFrame, panels: tuple[str, ...]) -> dict[str, Any]:
    """The figures behind the curves."""
    found: dict[str, Any] = {}
    for panel in panels:
        values = MEASURES[panel](log)
        if panel == "hour of the day":
            found[panel] = [round(float(value), 3) for value in values]
        elif panel == "events of an item, by rank":
            total = values.sum()
            found[panel] = {
                "items": values.size,
                "top 1 %": round(values[: values.size // 100].sum() / total, 3),
                "top 10 %": round(values[: values.size // 10].sum() / total, 3),
            }
        else:
            found[panel] = {"mean": round(float(values.mean()), 2)} | {
                f"q{round(100 * q)}": round(float(np.quantile(values, q)), 2) for q in QUANTILES
            }
    kinds = dict(log["type"].value_counts().sort("type").iter_rows())
    if "view_item" in kinds:
        found["per view"] = {
            kind: round(count / kinds["view_item"], 4) for kind, count in kinds.items()
        }
    views = log.filter(pl.col("type") == "view_item")
    if views.height:
        found["views of an item seen before"] = round(
            1 - views.select(pl.struct("user", "item").n_unique()).item() / views.height, 3
        )
    bought = log.filter(pl.col("type") == "purchase")
    keys = ["user", "item", "order"] if "order" in log.columns else ["user", "item", "at"]
    lines = bought.unique(keys)
    again = 1 - lines.select(pl.struct("user", "item").n_unique()).item() / lines.height
    found["purchases of an item bought before"] = round(again, 3)
    return found


def pairs(data: Path) -> list[Pair]:
    """The real logs and shops like them."""
    views_of_all = 0.87  # of the simulated events, the share that public logs have
    found = []
    real = taobao(data)
    like = made(
        users=real["user"].n_unique(),
        events=round(real.height / views_of_all),
        like="taobao",
        start="2023-11-25",
        days=9,
        items=300_000,
        seed=1,
    )
    panels = (
        "events of a visit",
        "hours between visits",
        "seconds between events",
        "events of an item, by rank",
        "events of a person",
        "hour of the day",
    )
    found.append(Pair("Taobao, 815 users, 9 days", real, like, panels))
    real = rees46(data)
    like = made(users=80_000, events=750_000, like="rees46", days=7, items=60_000, seed=1)
    begin = parse_time("2024-01-03T10:00")
    like = like.filter(pl.col("at").is_between(begin, begin + 3 * HOUR))
    panels = ("events of a visit", "seconds between events", "events of an item, by rank")
    found.append(Pair("REES46, 3 hours", real, like, panels))
    real = online_retail(data)
    like = made(
        users=5_000,
        events=1_150_000,
        like="taobao",
        start="2023-01-01",
        days=546,
        repeats=0.6,
        seed=1,
    )
    panels = ("orders of a buyer", "days between orders")
    found.append(Pair("Online Retail II, 18 months", real, like, panels))
    return found


def main() -> None:
    """Draw the figure and print the figures."""
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "figures" / "simulator.svg"
    data = os.environ.get("HABITUE_BENCHMARK_DATA")
    if not data:
        sys.exit("Set HABITUE_BENCHMARK_DATA to the folder of the real logs.")
    found = pairs(Path(data))
    drawn = [(pair, panel) for pair in found for panel in pair.panels]
    mpl.rcParams.update({"font.size": 8, "svg.hashsalt": "habitue", "svg.fonttype": "none"})
    columns = 4
    lines = -(-len(drawn) // columns)
    figure, grid = plt.subplots(lines, columns, figsize=(11, 2.6 * lines))
    for axes in grid.flat[len(drawn) :]:
        axes.axis("off")
    for axes, (pair, panel) in zip(grid.flat, drawn, strict=False):
        draw(axes, panel, MEASURES[panel](pair.real), color="#555555", label="real")
        draw(axes, panel, MEASURES[panel](pair.made), color="#d1495b", label="simulated")
        axes.set_title(pair.name, fontsize=8)
        axes.set_xlabel(panel)
        axes.spines[["top", "right"]].set_visible(False)
    grid.flat[0].legend(frameon=False)
    figure.tight_layout()
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, metadata={"Date": None} if out.suffix == ".svg" else None)
    print(
        json.dumps(
            {
                pair.name: {
                    "real": figures(pair.real, pair.panels),
                    "simulated": figures(pair.made, pair.panels),
                }
                for pair in found
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
