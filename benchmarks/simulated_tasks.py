"""A made-up shop whose true probabilities are known, for `tasks.py`.

In: a folder to make it in. Out: its log, and what was true of each person at each cut. Persons
without a user id are left out, for nobody could say who they are. Knows nothing about models.
"""

from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
from task_figures import OURS, Document, Judged

from habitue import metrics
from habitue.events.store import EventStore
from habitue.schema import parse_time
from habitue.simulation.simulate import simulate
from habitue.workspace import Workspace

USERS: Final = 3_000
EVENTS: Final = 180_000
SEED: Final = 5
CUTS: Final = ("2024-08-01", "2024-09-01", "2024-10-01")
TRUTH: Final = "truth"

Floats = npt.NDArray[np.floating]


def made_shop(work: Path) -> EventStore:
    """Return the log of the shop, made and read now or earlier."""
    folder, files = work / "simulator", work / "simulator_files"
    shop = Workspace(folder)
    if not files.exists():
        simulate(files, users=USERS, events=EVENTS, seed=SEED, truth_at=CUTS, processes=1)
        sources = [*sorted(files.glob("events-*")), files / "items.parquet"]
        shop.init(sources, force=True)
        shop.ingest(*sources)
    return EventStore(shop.folder / "store")


def with_truth(judged: Judged, task: str, log: EventStore, work: Path) -> Judged:
    """Return the rows of persons with a user id, with what was true of them as a contender."""
    told = pl.read_parquet(work / "simulator_files" / "truth" / "predictions.parquet")
    told = told.filter(pl.col("as_of") == parse_time(judged.cut))
    whose = pl.read_parquet(work / "simulator_files" / "truth" / "identities.parquet")
    asked = pl.DataFrame({"id": log.outside_ids(judged.persons)})
    true = (
        asked.join(whose.filter(pl.col("kind") == "user"), on="id", how="left")
        .join(told.select("person_id", truth=task), on="person_id", how="left")["truth"]
        .fill_null(np.nan)
        .to_numpy()
    )
    rows = ~np.isnan(true)
    said = {name: (one[0][rows], one[1][rows]) for name, one in judged.said.items()}
    said[TRUTH] = (true[rows], true[rows])
    interval = judged.interval
    return replace(
        judged,
        persons=judged.persons[rows],
        truth=judged.truth[rows],
        said=said,
        interval=None if interval is None else (interval[0][rows], interval[1][rows]),
    )


def against_truth(parts: list[Judged]) -> Document:
    """Return how near each contender comes to the true probabilities, the mean over cuts."""
    found: Document = {}
    for name in parts[0].said:
        if name == TRUTH:
            continue
        pairs = [(part.said[TRUTH][0], part.said[name][0]) for part in parts]
        found[name] = {
            "spearman": round(float(np.mean([metrics.spearman(*pair) for pair in pairs])), 4),
            "mean_distance": round(float(np.mean([metrics.mae(*pair) for pair in pairs])), 4),
            "mean_ratio": round(float(np.mean([said.mean() / t.mean() for t, said in pairs])), 4),
        }
    assert OURS in found, "ours is a contender"
    return found
