"""Judges amounts carried on beyond what the log can show, on the time that did come.

    HABITUE_BENCHMARK_DATA=… python benchmarks/extrapolation.py [--work FOLDER]

Online Retail II holds a year and a half. At each cut `fit_tasks` fits the longest horizon that is
offered to a log so short, and carries it on to the rest of the log, as for a shop's `value_365d`:
after half a year to 365 days, after a year to 181. Beside ours stand the plain scaling of the
fitted answer by the lengths of time, and BG/NBD with Gamma-Gamma alone. The intervals of the
differences are a paired bootstrap over persons; those that end in `_mean` tell the mean as typical,
too. `covered` is the part of true amounts within the 90 % interval. Goes into
benchmarks/results/extrapolation.json.
"""

import argparse
import os
import platform
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final

import numpy as np
from logs import files_of
from shops import digest, opened
from task_figures import OURS, Document, Judged, figures

from habitue.events.log import EventLog
from habitue.events.span import span_of
from habitue.events.store import EventStore
from habitue.files import write_json
from habitue.profiles.predictions import fit_tasks
from habitue.profiles.task_evaluation import judge_tasks
from habitue.profiles.task_model import TaskModel
from habitue.profiles.tasks import ResolvedTask, describe_task
from habitue.schema import Task, format_date, parse_time

RESULTS: Final = Path(__file__).parent / "results" / "extrapolation.json"
SHOP: Final = "online_retail_ii"
RIVAL: Final = "bg_nbd_gamma_gamma"
# cut, the longest horizon a log so short is offered, and the one that is asked for
CUTS: Final = (("2010-05-31", 30.0, 365.0), ("2010-12-01", 90.0, 181.0))


def judged_at(log: EventLog, cut: int, days: float, to_days: float) -> tuple[Judged, float]:
    """Return what is said at a cut of the longer horizon, and the part the interval covers."""
    short = Task("short", "sum", horizon_days=days)
    long = Task("long", "sum", horizon_days=to_days)
    asked = [ResolvedTask(short, "ok"), ResolvedTask(long, "not_enough_data", "too short a log")]
    start_at = span_of(log, as_of=cut).start_at
    models = fit_tasks(log, asked, train_until=cut, start_at=start_at).models
    found = judge_tasks(log, {"long": models["long"]}, cuts=[cut])["long"]
    # The fitted answer of the same persons, whose window is over long before.
    learnt = judge_tasks(log, {"short": models["short"]}, cuts=[cut])["short"]
    times = to_days / days
    said = {
        OURS: (found.expected, found.score),
        "plain_scaling": (learnt.expected * times, learnt.score * times),
        "plain_scaling_mean": (learnt.expected * times, learnt.expected * times),
        "ours_mean": (found.expected, found.expected),
        RIVAL: found.baselines[RIVAL],
    }
    judged = Judged(format_date(cut), found.persons, found.truth, said)
    return judged, _covered(models["long"], judged)


def _covered(model: TaskModel, judged: Judged) -> float:
    expected, score = judged.said[OURS]
    low, high = model.interval(expected, score)
    return float(np.mean((judged.truth >= low) & (judged.truth <= high)))


def run(work: Path) -> Document:
    """Judge each cut by itself, for they ask for different lengths of time."""
    shop = opened(SHOP, work)
    log = EventStore(shop.folder / "store")
    rows = []
    for cut, days, to_days in CUTS:
        judged, covered = judged_at(log, parse_time(cut), days, to_days)
        asks = describe_task(Task("long", "sum", horizon_days=to_days))
        rows.append(
            {
                "asks": asks,
                "from_days": days,
                "covered": round(covered, 4),
                **figures([judged], is_chance=False),
            }
        )
    return {
        "sha256": digest(files_of(SHOP)),
        "rows": rows,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "version": version("habitue"),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Run both cuts and write them down."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "habitue_tasks")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args(arguments)
    document = run(options.work)
    write_json(options.out, document)
    for row in document["rows"]:
        print(row["asks"], row["covered"])
        for name, found in row["mean"].items():
            print(" ", name, found, row["differences"].get(name, ""))


if __name__ == "__main__":
    main()
