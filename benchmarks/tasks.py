"""Judges predictions on rolling cuts of real shops, beside simple rivals, on the same persons.

    HABITUE_BENCHMARK_DATA=… python benchmarks/tasks.py [--work FOLDER] [--task NAME] [SHOP …]

SHOP: online_retail_ii, complete_journey (comes with a package), taobao, simulator (a made-up shop
of known truth, which is the contender `truth` there). A shop is read once. At each cut the tasks
are fitted to what was known by then, by `fit_tasks` without a network, and asked about everyone of
their population; so are the rivals that `evaluate` knows and `personal`, each person's own decayed
frequency. Nothing is chosen by what came after a cut. The intervals are a paired bootstrap over
persons, each drawn with all their cuts. Everything goes into benchmarks/results/tasks.json;
`scripts/make_task_tables.py` makes the tables of docs/evaluation.md from it.
"""

import argparse
import json
import os
import platform
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
from logs import files_of
from shops import digest, opened
from simulated_tasks import CUTS, EVENTS, USERS, against_truth, made_shop, with_truth
from task_figures import OURS, Document, Judged, JudgedNext, figures, next_figures

from habitue.answering import MAX_BRANDS
from habitue.events.log import EventLog
from habitue.events.span import span_of
from habitue.events.store import EventStore
from habitue.files import write_json
from habitue.profiles.labels import OTHER_CLASS, matches, next_classes
from habitue.profiles.next_evaluation import collect_next
from habitue.profiles.next_model import NETWORK, fit_next
from habitue.profiles.predictions import fit_tasks
from habitue.profiles.task_evaluation import judge_tasks
from habitue.profiles.tasks import ResolvedTask, describe_task
from habitue.schema import DAY, MONEY_EVENT_TYPES, Task, format_date, format_time, parse_time

RESULTS: Final = Path(__file__).parent / "results" / "tasks.json"

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ShopPlan:
    """What is asked of a shop, and when."""

    tasks: tuple[Task, ...]
    cuts: tuple[str, ...]


def _monthly(*months: str) -> tuple[str, ...]:
    return tuple(f"{month}-01" for month in months)


REACTIVATION: Final = Task("reactivation_30d", "event", horizon_days=30, absent_days=90)
OWN_RHYTHM: Final = Task("churn_own_rhythm", "no_event", horizon_days=90, rhythm=2.0)

SHOPS: Final = {
    "online_retail_ii": ShopPlan(
        (
            Task("return_92d", "event", horizon_days=92, active_days=365),
            Task("value_92d", "sum", horizon_days=92, active_days=365),
            REACTIVATION,
            OWN_RHYTHM,
        ),
        _monthly("2010-09", "2010-10", "2010-11", "2010-12", "2011-01", "2011-02"),
    ),
    "complete_journey": ShopPlan(
        (
            Task("value_30d", "sum", horizon_days=30),
            Task("spends_less_30d", "no_event", horizon_days=30, fall_to=0.5),
            Task("next_category", "next", horizon_days=30, target="category"),
            Task("next_brand", "next", horizon_days=30, target="brand"),
        ),
        _monthly("2017-07", "2017-08", "2017-09", "2017-10", "2017-11", "2017-12"),
    ),
    "taobao": ShopPlan(
        (
            Task("purchase_1d", "event", horizon_days=1, active_days=9),
            Task("next_category", "next", horizon_days=1, target="category"),
        ),
        tuple(f"2017-{day}T15:59:00" for day in ("11-29", "11-30", "12-01", "12-02")),
    ),
}


SIMULATOR: Final = "simulator"
TOLD: Final = ("purchase_30d", "churn_90d")  # whose true chances the simulator knows
SIMULATED: Final = ShopPlan(
    (
        Task("purchase_30d", "event", horizon_days=30),
        Task("churn_90d", "no_event", horizon_days=90),
        REACTIVATION,
        OWN_RHYTHM,
        Task("next_category", "next", horizon_days=30, target="category"),
        Task("next_brand", "next", horizon_days=30, target="brand"),
    ),
    CUTS,
)


def run(name: str, work: Path, only: Sequence[str] = ()) -> Document:
    """Read one shop, judge its tasks at all its cuts and return its row."""
    plan = SIMULATED if name == SIMULATOR else SHOPS[name]
    if only:
        plan = replace(plan, tasks=tuple(task for task in plan.tasks if task.name in only))
    if name == SIMULATOR:
        return run_simulator(work, plan)
    shop = opened(name, work)
    log = EventStore(shop.folder / "store")
    began = time.process_time()
    found = judged_tasks(log, plan)
    return {
        "sha256": digest(files_of(name)),
        "log": [format_time(log.start_at), format_time(log.end_at)],
        "tasks": found,
        "cpu_seconds": round(time.process_time() - began, 1),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "version": version("habitue"),
    }


def run_simulator(work: Path, plan: ShopPlan) -> Document:
    """Make a shop, judge its tasks and compare what is told with what is true."""
    log = made_shop(work)
    nexts = judged_tasks(log, replace(plan, tasks=of_kind_next(plan.tasks)))
    asked = tuple(task for task in plan.tasks if task.kind != "next")
    judged = [judged_at(log, asked, parse_time(cut)) for cut in plan.cuts if asked]
    found: Document = {}
    for task in asked:
        parts = [one[task.name] for one in judged]
        truth: Document = {}
        if task.name in TOLD:
            parts = [with_truth(one, task.name, log, work) for one in parts]
            truth = {"against_truth": against_truth(parts)}
        told = figures(parts, is_chance=True)
        found[task.name] = {"asks": describe_task(task), **told, **truth}
    found |= nexts
    return {"users": USERS, "events": EVENTS, "tasks": found, "version": version("habitue")}


def of_kind_next(tasks: Sequence[Task]) -> tuple[Task, ...]:
    """Return those that ask what comes next."""
    return tuple(task for task in tasks if task.kind == "next")


def judged_tasks(log: EventLog, plan: ShopPlan) -> Document:
    """Return the figures of every task."""
    found: Document = {}
    for task in plan.tasks:
        if task.kind == "next":
            found[task.name] = next_figures([judged_next(log, task, cut) for cut in plan.cuts])
    others = tuple(task for task in plan.tasks if task.kind != "next")
    judged = [judged_at(log, others, parse_time(cut)) for cut in plan.cuts if others]
    for task in others:
        parts = [one[task.name] for one in judged]
        found[task.name] = figures(parts, is_chance=task.is_probability)
    return {task.name: {"asks": describe_task(task), **found[task.name]} for task in plan.tasks}


def judged_at(log: EventLog, tasks: Sequence[Task], cut: int) -> dict[str, Judged]:
    """Fit the tasks to what was known at the cut, and ask them about everyone."""
    start_at = span_of(log, as_of=cut).start_at
    ready = [ResolvedTask(task, "ok") for task in tasks]
    models = fit_tasks(log, ready, train_until=cut, start_at=start_at).models
    found = {}
    for name, one in judge_tasks(log, models, cuts=[cut]).items():
        said = {OURS: (one.expected, one.score), **one.baselines}
        if models[name].task.rhythm is None:  # an own frequency knows no days of one's own
            said["personal"] = _personal(log, models[name].task, cut, one.persons)
        model = models[name]
        found[name] = Judged(
            format_date(cut),
            one.persons,
            one.truth,
            said,
            model.interval(one.expected, one.score),
            model.season_drift > 0,
        )
    return found


def _personal(log: EventLog, task: Task, cut: int, persons: Ints) -> tuple[Floats, Floats]:
    """Return what each person's own frequency tells; what is older by a horizon counts half."""
    rates = dict.fromkeys(persons.tolist(), 0.0)
    is_money = task.kind == "sum" or task.fall_to is not None
    age = (cut - pl.col("timestamp")) / task.horizon
    weight = np.log(2) * 0.5**age
    for bucket in range(log.num_buckets):
        events = log.read_bucket(bucket, as_of=cut)
        if is_money:
            told = events.filter(pl.col("event_type").cast(pl.String).is_in(MONEY_EVENT_TYPES))
            told = told.with_columns(told=weight * pl.col("value"))
        else:
            told = events.filter(matches(task.event)).with_columns(told=weight)
            told = told.group_by("subject_id", pl.col("timestamp") // DAY, maintain_order=True).agg(
                pl.col("told").max()
            )
        sums = told.group_by("subject_id", maintain_order=True).agg(pl.col("told").sum())
        rates.update(row for row in sums.iter_rows() if row[0] in rates)
    rate = np.maximum(np.array([rates[one] for one in persons.tolist()]), 0.0)
    if task.kind == "sum":
        return rate, rate
    if task.fall_to is not None:
        return _fall(log, task, cut, persons, rate)
    chance = 1 - np.exp(-rate)
    chance = 1 - chance if task.kind == "no_event" else chance
    return chance, chance


def _fall(
    log: EventLog, task: Task, cut: int, persons: Ints, rate: Floats
) -> tuple[Floats, Floats]:
    """Return how much of the spending before the own rate is short of, as a chance."""
    before = dict.fromkeys(persons.tolist(), 0.0)
    for bucket in range(log.num_buckets):
        events = log.read_bucket(bucket, as_of=cut)
        events = events.filter(
            pl.col("timestamp") >= cut - task.horizon,
            pl.col("event_type").cast(pl.String).is_in(MONEY_EVENT_TYPES),
        )
        sums = events.group_by("subject_id", maintain_order=True).agg(pl.col("value").sum())
        before.update(row for row in sums.iter_rows() if row[0] in before)
    spent = np.array([before[one] for one in persons.tolist()])
    chance = spent / np.maximum(spent + 2 * rate, 1e-9)
    return chance, chance


def judged_next(log: EventLog, task: Task, cut_text: str) -> JudgedNext:
    """Choose the mixture of counts before the cut, and ask it what comes first after it."""
    cut = parse_time(cut_text)
    classes = _classes(log, task, cut)

    def knows_nothing(
        events: pl.DataFrame, items: pl.DataFrame, subject_ids: Ints, as_of: int
    ) -> Floats:
        return np.zeros((len(subject_ids), len(classes)))

    model = fit_next(
        log, task, classes, ask=knows_nothing, valid_from=cut - task.horizon, as_of=cut
    )
    truth = collect_next(log, task, as_of=cut, until=cut + task.horizon, classes=classes)
    mixed = sum(
        share * truth.baselines[part] for part, share in model.shares.items() if part != NETWORK
    )
    said: dict[str, Floats] = {OURS: np.asarray(mixed), **truth.baselines}
    return JudgedNext(format_date(cut), truth.subject_ids, truth.labels, said, truth.hidden)


def _classes(log: EventLog, task: Task, cut: int) -> tuple[str, ...]:
    items = log.items(as_of=cut)
    met = [
        next_classes(log.read_bucket(bucket, as_of=cut), items, task, as_of=cut).select("class")
        for bucket in range(log.num_buckets)
    ]
    counts = pl.concat(met).group_by("class").len().sort(["len", "class"], descending=[True, False])
    names = counts["class"].to_list()
    if task.target != "brand" or len(names) <= MAX_BRANDS:
        return tuple(sorted(names))
    return (*names[:MAX_BRANDS], OTHER_CLASS)


def written(out: Path, name: str, row: Document) -> None:
    """Put the shop's row into the results; tasks that were not asked this time stay."""
    document = json.loads(out.read_text()) if out.exists() else {}
    known = document.get(name, {}).get("tasks", {})
    write_json(out, {**document, name: {**row, "tasks": {**known, **row["tasks"]}}})


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the shops named on the command line, or all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("shops", nargs="*", metavar="SHOP")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "habitue_tasks")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--task", action="append", default=[], help="these alone")
    options = parser.parse_args(arguments)
    for name in options.shops or [*SHOPS, SIMULATOR]:
        row = run(name, options.work, options.task)
        written(options.out, name, row)
        for task, found in row["tasks"].items():
            print(name, task, found["mean"], flush=True)


if __name__ == "__main__":
    main()
