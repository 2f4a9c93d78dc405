"""The verb `simulate` and its options; no logic.

One type an option: its name, what stands for its value, what it means.
"""

from pathlib import Path
from typing import Annotated

import typer

from habitue.cli.asked import answer
from habitue.cli.options import JsonOption

Users = Annotated[int, typer.Option("--users", metavar="N", help="Persons.")]
Events = Annotated[int, typer.Option("--events", metavar="N", help="Rows of events.")]
OutFolder = Annotated[Path, typer.Option("--out", metavar="DIR", help="A new folder.")]
Seed = Annotated[int, typer.Option("--seed", metavar="N", help="Same seed, same bytes.")]
EventsFormat = Annotated[
    str, typer.Option("--format", metavar="F", help="Of the events: parquet or csv.")
]
Like = Annotated[
    str, typer.Option("--like", metavar="SHOP", help="taobao, retailrocket, rees46 or grocery.")
]
Start = Annotated[str, typer.Option("--start", metavar="DAY", help="The log's first day.")]
Days = Annotated[int, typer.Option("--days", metavar="N", help="Days of the log.")]
Items = Annotated[
    int | None, typer.Option("--items", metavar="N", help="Left out: as the events suggest.")
]
Carts = Annotated[
    float | None, typer.Option("--carts", metavar="SHARE", help="Carts per view of an item.")
]
Purchases = Annotated[
    float | None, typer.Option("--purchases", metavar="SHARE", help="Purchases per view.")
]
Repeats = Annotated[
    float | None,
    typer.Option(
        "--repeats", metavar="SHARE", help="Of purchases, those a person makes again and again."
    ),
]
Bots = Annotated[
    float, typer.Option("--bots", metavar="SHARE", help="Of the events, those of bots.")
]
Dirt = Annotated[
    float, typer.Option("--dirt", metavar="SHARE", help="Of the rows, those that are bad.")
]
TruthAt = Annotated[
    list[str] | None,
    typer.Option("--truth-at", metavar="DAY", help="The truth as this day begins; repeatable."),
]
Processes = Annotated[
    int | None, typer.Option("--processes", metavar="N", help="Left out: one a core.")
]


def simulate(
    users: Users,
    events: Events,
    out: OutFolder,
    seed: Seed = 0,
    format: EventsFormat = "parquet",
    like: Like = "taobao",
    start: Start = "2024-01-01",
    days: Days = 365,
    items: Items = None,
    carts: Carts = None,
    purchases: Purchases = None,
    repeats: Repeats = None,
    bots: Bots = 0.0,
    dirt: Dirt = 0.0,
    truth_at: TruthAt = None,
    processes: Processes = None,
    as_json: JsonOption = False,
) -> None:
    """Make up a shop of any size with known truth, as files for `init` and `ingest`."""
    from habitue.cli.console import Bars
    from habitue.simulation.simulate import simulate as make_shop

    made = make_shop(
        out, users=users, events=events, seed=seed, format=format, like=like, start=start,
        days=days, items=items, carts=carts, purchases=purchases, repeats=repeats, bots=bots,
        dirt=dirt, truth_at=truth_at or (), processes=processes, progress=Bars(),
    )  # fmt: skip
    answer(made, as_json)
