"""Judges the days until a person's next event on rolling cuts of real shops, beside life tables.

    HABITUE_BENCHMARK_DATA=… python benchmarks/when.py [--work FOLDER] [SHOP …]

SHOP: online_retail_ii, complete_journey (comes with a package), taobao, simulator. At each cut the
answer of `next_event` is fitted to what was known by then (`fit_when`) and asked about everyone of
its population, as are the rivals: everybody's waits (`everyone`), those of persons of a like usual
pause (`pause`), of a like absence (`absence`), and `frequency`, each person's own rate of active
days, leaning on everybody's (gamma-Poisson). `head` is the hazard head whether it was chosen or
not. Everybody is watched until the log ends, 60 days at most. Intervals are a paired bootstrap over
persons, each drawn with all their cuts. Results: benchmarks/results/when.json;
`scripts/make_when_tables.py` makes the tables of docs/evaluation.md from it.
"""

import argparse
import json
import os
import platform
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from logs import files_of
from shops import digest, opened
from simulated_tasks import CUTS, made_shop
from task_figures import OURS, Document, Judged, Measure, compared_contenders, means, rounded
from tasks import SHOPS, SIMULATOR

from habitue import metrics
from habitue.events.log import EventLog
from habitue.events.span import span_of
from habitue.events.store import EventStore
from habitue.files import write_json
from habitue.profiles.heads import BIN_ENDS
from habitue.profiles.samples import FEATURE_COLUMNS
from habitue.profiles.when import (
    CHANCE_DAYS,
    TABLES,
    WhenModel,
    come_within,
    fit_when,
    told_waits,
)
from habitue.profiles.when_evaluation import (
    WaitTruth,
    collect_wait_truth,
    judge_when,
    wait_losses,
)
from habitue.schema import Task, format_date, parse_time

RESULTS: Final = Path(__file__).parent / "results" / "when.json"
TASK: Final = Task("next_event", "next", target="event_type")
LONGEST: Final = 60.0  # days watched
PRIOR_DAYS: Final = 3.0  # active days that everybody's rate counts as

Floats = npt.NDArray[np.floating]

# Each so that more is better.
MEASURES: Final[dict[str, Measure]] = {
    "log_loss": lambda truth, losses: -float(losses[:, 0].mean()),
    "brier": lambda truth, losses: -float(losses[:, 1].mean()),
    "days_off": lambda truth, losses: -float(losses[:, 2].mean()),
}


@dataclass(frozen=True)
class Told:
    """What every contender told of the persons of one cut, and what came."""

    risks: Mapping[str, Floats]
    truth: WaitTruth
    reach_days: float


def judged_at(log: EventLog, cut: int) -> tuple[Document, Judged, Told]:
    """Fit at the cut and judge what comes after it."""
    model = fit_when(
        log, TASK, start_at=span_of(log, as_of=cut).start_at, train_until=cut, keep_head=True
    )
    if model is None:
        raise SystemExit(f"nothing could be learnt before {format_date(cut)}")
    truth = collect_wait_truth(log, TASK, as_of=cut)
    truth = replace(truth, days=min(truth.days, LONGEST))
    risks = said_by(model, truth)
    row = {
        "cut": format_date(cut),
        "persons": len(truth.waits),
        "days": round(truth.days, 2),
        "reach_days": round(model.reach_days, 2),
        "chosen": model.chosen,
        "contenders": {
            name: rounded(one)
            for name, one in judge_when(risks, truth, reach_days=model.reach_days).items()
        },
    }
    losses = {
        name: wait_losses(one, truth.waits, days=truth.days, reach_days=model.reach_days)
        for name, one in risks.items()
    }
    nothing = np.zeros(len(truth.waits))
    said = {name: (one, one) for name, one in losses.items()}
    judged = Judged(format_date(cut), truth.subject_ids, nothing, said)
    return row, judged, Told(risks, truth, model.reach_days)


def pooled(parts: Sequence[Told], who: str) -> dict[str, float]:
    """Return calibration and coverage over all cuts together; of what each cut could show."""
    found: dict[str, float] = {}
    for days in CHANCE_DAYS:
        shown = [one for one in parts if days <= min(one.truth.days, one.reach_days)]
        if shown:
            came = np.concatenate([one.truth.waits < days for one in shown])
            chance = np.concatenate([come_within(one.risks[who], days) for one in shown])
            found[f"ece_{days}d"] = metrics.ece(came, chance)
    told = [told_waits(one.risks[who], one.reach_days) for one in parts]
    waits = np.concatenate([one.truth.waits for one in parts])
    watched = np.concatenate([np.full(len(one.truth.waits), one.truth.days) for one in parts])
    low = np.concatenate([one.low for one in told])
    high = np.concatenate([one.high for one in told])
    for name, bound, is_outside in (
        ("below_low", low, waits < low),
        ("above_high", high, waits >= high),
    ):
        is_seen = bound <= watched
        if is_seen.any():
            found[name] = float(is_outside[is_seen].mean())
            found[f"{name}_outcomes"] = int(is_seen.sum())
    return found


def said_by(model: WhenModel, truth: WaitTruth) -> Mapping[str, Floats]:
    """Return each contender's risks of the same persons."""
    found = {OURS: model.risks(truth.features)}
    found |= {name: model.tables[name].risks_of(truth.features) for name in TABLES}
    found["frequency"] = _frequency(model, truth.features)
    assert model.head is not None, "it was kept"
    places = [FEATURE_COLUMNS.index(name) for name in model.columns]
    found["head"] = model.head.risks(truth.features[:, places])
    return found


def _frequency(model: WhenModel, features: Floats) -> Floats:
    """Return an even risk a day: the person's own active days over their tenure."""
    everyone = np.array(model.tables["everyone"].risks[0])
    rate = everyone[:5].sum() / BIN_ENDS[4]
    days = features[:, FEATURE_COLUMNS.index("active_days")].astype(np.float64)
    tenure = features[:, FEATURE_COLUMNS.index("tenure_days")].astype(np.float64)
    own = (days - 1 + PRIOR_DAYS) / (tenure + PRIOR_DAYS / rate)
    return np.asarray(own[:, None] * np.diff((0, *BIN_ENDS)))


def run(name: str, work: Path) -> Document:
    """Read one shop, judge it at all its cuts and return its row."""
    if name == SIMULATOR:
        log, cuts = made_shop(work), [*CUTS]
    else:
        log, cuts = EventStore(opened(name, work).folder / "store"), [*SHOPS[name].cuts]
    rows, parts, told = zip(*(judged_at(log, parse_time(cut)) for cut in cuts), strict=True)
    kept = [row["contenders"] for row in rows]
    shared = [set.intersection(*(set(row[who]) for row in kept)) for who in kept[0]]
    names = set.intersection(*shared)
    alike = [
        {**row, "contenders": {who: {m: v for m, v in one.items() if m in names}
                               for who, one in row["contenders"].items()}}
        for row in rows
    ]  # fmt: skip
    return {
        **({} if name == SIMULATOR else {"sha256": digest(files_of(name))}),
        "cuts": list(rows),
        "mean": means(alike),
        "pooled": {who: rounded(pooled(told, who)) for who in told[0].risks},
        **compared_contenders(parts, MEASURES),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "version": version("habitue"),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the shops named on the command line, or all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("shops", nargs="*", metavar="SHOP")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "habitue_tasks")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args(arguments)
    for name in options.shops or [*SHOPS, SIMULATOR]:
        document = json.loads(options.out.read_text()) if options.out.exists() else {}
        document[name] = run(name, options.work)
        write_json(options.out, document)
        print(name, json.dumps(document[name]["mean"], indent=1), flush=True)
        print(json.dumps(document[name]["differences"]), flush=True)


if __name__ == "__main__":
    main()
