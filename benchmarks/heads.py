"""Compares predictions without a head, by the head alone and by both, on rolling cuts of shops.

    HABITUE_BENCHMARK_DATA=… python benchmarks/heads.py [--work FOLDER] [SHOP …]

SHOP: online_retail_ii, simulated (4,000 users, 200,000 events, seed 0). A shop is read once. At
each cut (90, 120 and 150 days before the log's end) every task is fitted three times to what was
known by then, without a network, with the part of the head fixed; all three are asked about
everyone of the task's population. "chosen" is what the windows before the cut would have taken.
Kept, a row a cut and task: log loss and AUC, or the mean absolute error of the typical and the
root mean squared error of the expected amount. Everything goes into benchmarks/results/heads.json.
"""

import argparse
import json
import platform
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from shops import opened

from habitue.events.log import EventLog
from habitue.files import write_json
from habitue.profiles.fusion import Fusion
from habitue.profiles.predictions import fit_tasks
from habitue.profiles.task_evaluation import TaskEvaluation, evaluate_tasks
from habitue.profiles.task_model import TaskModel
from habitue.profiles.tasks import SHIPPED_TASKS, ResolvedTask
from habitue.schema import DAY, Task, format_date
from habitue.simulation.simulate import simulate
from habitue.workspace import Workspace

RESULTS: Final = Path(__file__).parent / "results" / "heads.json"
FUSIONS: Final[tuple[Fusion, ...]] = ("features", "joint", "fused")
SHOPS: Final = ("online_retail_ii", "simulated")
DAYS_BEFORE_END: Final = (150, 120, 90)
SHOWN: Final = ("log_loss", "auc", "mae", "rmse")
TASKS: Final = (
    *(task for task in SHIPPED_TASKS if task.kind != "next"),
    Task("purchase_2d", "event", horizon_days=2),
    Task("purchase_60d", "event", horizon_days=60),
)

Document = dict[str, Any]


def read(name: str, work: Path) -> EventLog:
    """Return the shop's log, read now or earlier."""
    if name != "simulated":
        return opened(name, work).log
    files = simulate(work / "simulated_files", users=4000, events=200_000).path
    shop = Workspace(work / name)
    if not (work / name / "read.json").exists():
        found = sorted(path for path in files.glob("*.parquet") if "truth" not in path.name)
        shop.init(found, force=True)
        write_json(
            work / name / "read.json", {"received": shop.ingest(*found).as_json()["received"]}
        )
    return shop.log


def chosen_by(model: TaskModel) -> str:
    """Return what the windows before the cut would have taken."""
    losses = model.validation
    if losses.get("head_gain_low", 0.0) <= 0:
        return "features"
    return min(("joint", "fused"), key=lambda name: losses[f"loss_{name}"])


def measure(name: str, log: EventLog, cut: int) -> list[Document]:
    """Return a row for each task at one cut."""
    asked = [ResolvedTask(task, "ok") for task in TASKS]
    models: dict[str, TaskModel] = {}
    seconds = {}
    for fusion in FUSIONS:
        began = time.monotonic()
        fitted = fit_tasks(log, asked, train_until=cut, fusion=fusion)
        seconds[fusion] = round(time.monotonic() - began, 1)
        models |= {f"{task} {fusion}": model for task, model in fitted.models.items()}
    results = evaluate_tasks(log, models, cuts=[cut])
    return [
        {
            "shop": name,
            "cut": format_date(cut),
            "task": task.name,
            "persons": results[f"{task.name} features"].n,
            "chosen": chosen_by(models[f"{task.name} features"]),
            "validation": rounded(models[f"{task.name} features"].validation),
            **figures(task, results),
            "fit_seconds": seconds,
        }
        for task in TASKS
        if f"{task.name} features" in models
    ]


def figures(task: Task, results: Mapping[str, TaskEvaluation]) -> Document:
    """Return the figures of each part of the head."""
    return {
        fusion: rounded(
            {m: v for m, v in results[f"{task.name} {fusion}"].metrics.items() if m in SHOWN}
        )
        for fusion in FUSIONS
    }


def rounded(numbers: Mapping[str, float]) -> dict[str, float]:
    """Return the numbers to four digits."""
    return {name: round(number, 4) for name, number in numbers.items()}


def run(names: Sequence[str], *, work: Path, out: Path) -> None:
    """Measure what is missing."""
    document: Document = {"machine": platform.machine(), "rows": []}
    if out.exists():
        document = json.loads(out.read_bytes())
    for name in names:
        log = read(name, work)
        for days in DAYS_BEFORE_END:
            cut = (log.end_at - days * DAY) // DAY * DAY
            here = (name, format_date(cut))
            if any((row["shop"], row["cut"]) == here for row in document["rows"]):
                continue
            document["rows"] += measure(name, log, cut)
            write_json(out, document)
            print(*here, "done", flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the shops named on the command line, or all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("shops", nargs="*", metavar="SHOP")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "habitue_shops")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args(arguments)
    run(options.shops or SHOPS, work=options.work, out=options.out)


if __name__ == "__main__":
    main()
