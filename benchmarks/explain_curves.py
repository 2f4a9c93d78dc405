"""Judges which events `explain` cites, by deletion and insertion; prints JSON.

    HABITUE_BENCHMARK_DATA=… python benchmarks/explain_curves.py LOG [--folder DIR] [--persons 500]
        [--most-entries 100]

LOG: simulated, complete_journey, online_retail_ii. Persons with 10 to 100 entries, or to as many as
are given: of Complete Journey's households too few have so few. A curve: the answer, in points and
on the side on which it lies from the base rate, while entries are taken out (deletion: the faster
it falls, the smaller the area, the better) or put into an empty history (insertion: the faster it
rises, the better), a tenth at a time. Orders: by measured effect, the latest first, and random (the
mean of two). Areas with paired bootstrap 95 % intervals of the differences over persons.
`second_model`: the cited entries are taken out, and a model of another seed is asked how far its
own answer moves.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from explain_shops import shop_of

from habitue.answering import Version
from habitue.explanations.counterfactuals import Ask, measure
from habitue.explanations.groups import group_events
from habitue.explanations.questions import EVENTS_CITED, Manner, Person, by_group
from habitue.explanations.removals import History
from habitue.explanations.tasks import TaskQuestion
from habitue.explanations.texts import Words
from habitue.metrics import spearman
from habitue.profiles.labels import population
from habitue.workspace import Workspace

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LEAST_ENTRIES = 10
TENTHS = np.linspace(0, 1, 11)
MANNER = Manner(Words())
SAMPLES = 2_000


@dataclass(frozen=True)
class Asked:
    """How many persons are asked about, and how many entries they may have."""

    persons: int
    most_entries: int


def persons_of(shop: Workspace, version: Version, task: str, asked: Asked) -> Iterator[Person]:
    """Yield persons of the task's population with as many entries as asked for."""
    log, as_of, cleaning = shop.log, shop.log.end_at, shop.settings().cleaning
    items = log.items(as_of=as_of)
    left = asked.persons
    for bucket in range(log.num_buckets):
        frame = log.read_bucket(bucket, as_of=as_of)
        members = population(frame, version.task_models[task].task, as_of=as_of)
        for events in frame.join(
            members, on="subject_id", how="semi", maintain_order="left"
        ).partition_by("subject_id", maintain_order=True):
            history = History(events, cleaning.session_gap_minutes, cleaning.bot_events_per_day)
            entries = events.select(
                "event_type", "item_number", pl.col("timestamp") // 86_400_000_000
            )
            if left and LEAST_ENTRIES <= entries.n_unique() <= asked.most_entries:
                left -= 1
                yield Person.of("", history, items, as_of=as_of)


def ask_of(version: Version, person: Person, task: str, zone: str) -> tuple[Ask, Ints, float]:
    """Return how to ask about removals, the entries' sizes, and the base rate."""
    grouped = group_events(person.history.events, person.items, MANNER.words, time_zone=zone)
    question = TaskQuestion.of(version, person, task, MANNER)
    base = question.record.base_rate or 0.0
    return by_group(person.history, grouped, question.answers), grouped.sizes, base


def areas(ask: Ask, order: Ints, side: float) -> tuple[float, float]:
    """Return the areas under the deletion and the insertion curve."""
    groups = len(order)
    place = np.empty(groups, dtype=np.int64)
    place[order] = np.arange(groups)
    cut = np.rint(TENTHS * groups)[:, None]
    curves = ask(np.concatenate([place[None, :] < cut, place[None, :] >= cut])).value * side
    deletion, insertion = curves[: len(TENTHS)], curves[len(TENTHS) :]
    return float(np.trapezoid(deletion, TENTHS)), float(np.trapezoid(insertion, TENTHS))


def judge(shop: Workspace, task: str, asked: Asked) -> dict[str, Any]:
    """Return areas, differences and what a second model says, over the persons."""
    first, second = (shop._open(name) for name in ("0001", "0002"))
    zone = first.norms.traits.time_zone
    rng = np.random.default_rng(0)
    rows: dict[str, list[tuple[float, float]]] = {"explain": [], "recency": [], "random": []}
    own: list[float] = []
    other: list[float] = []
    for person in persons_of(shop, first, task, asked):
        ask, sizes, base = ask_of(first, person, task, zone)
        found = measure(ask, sizes)
        side = 1.0 if found.value >= base else -1.0
        latest = np.arange(len(sizes))[::-1]
        by_effect = latest[np.argsort(-side * found.verified[latest], kind="stable")]
        rows["explain"].append(areas(ask, by_effect, side))
        rows["recency"].append(areas(ask, latest, side))
        twice = [areas(ask, rng.permutation(len(sizes)), side) for _ in range(2)]
        rows["random"].append(
            (float(np.mean([a for a, _ in twice])), float(np.mean([b for _, b in twice])))
        )
        cited = found.strongest(EVENTS_CITED)
        if cited:
            again, _, _ = ask_of(second, person, task, zone)
            removed = np.zeros((len(cited) + 1, len(sizes)), dtype=bool)
            removed[np.arange(1, len(cited) + 1), cited] = True
            answers = again(removed).value
            own += found.verified[cited].tolist()
            other += (answers[0] - answers[1:]).tolist()
    return {
        "persons": len(rows["explain"]),
        "most_entries": asked.most_entries,
        **_compared(rows, rng),
        "second_model": _agreement(own, other),
    }


def _compared(
    rows: dict[str, list[tuple[float, float]]], rng: np.random.Generator
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for column, name in enumerate(("deletion", "insertion")):
        areas_of = {order: np.array(pairs)[:, column] for order, pairs in rows.items()}
        found[name] = {order: round(float(values.mean()), 5) for order, values in areas_of.items()}
        for rival in ("recency", "random"):
            gap = areas_of["explain"] - areas_of[rival]
            means = rng.choice(gap, size=(SAMPLES, len(gap))).mean(axis=1)
            low, high = np.quantile(means, [0.025, 0.975])
            found[name][f"less_{rival}"] = {
                "mean": round(float(gap.mean()), 5),
                "interval": [round(float(low), 5), round(float(high), 5)],
            }
    return found


def _agreement(own: list[float], other: list[float]) -> dict[str, Any]:
    left, right = np.array(own), np.array(other)
    if len(left) < 2:
        return {"entries": len(left)}
    return {
        "entries": len(left),
        "correlation": round(float(np.corrcoef(left, right)[0, 1]), 3),
        "rank_correlation": round(spearman(left, right), 3),
        "same_sign": round(float((np.sign(left) == np.sign(right)).mean()), 3),
    }


def main() -> None:
    """Judge the tasks of a log."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("log", metavar="LOG")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "explain")
    parser.add_argument("--persons", type=int, default=500)
    parser.add_argument("--most-entries", type=int, default=100)
    parser.add_argument("--tasks", default="")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    shop = shop_of(given.log, given.folder, size="tiny", seeds=2)
    models = shop._open("0001").task_models
    tasks = given.tasks.split(",") if given.tasks else list(models)
    asked = Asked(given.persons, given.most_entries)
    rows = {task: {"uses": models[task].form, **judge(shop, task, asked)} for task in tasks}
    print(json.dumps({"log": given.log, "tasks": rows}, indent=1))


if __name__ == "__main__":
    main()
