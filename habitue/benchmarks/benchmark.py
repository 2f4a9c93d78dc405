"""The verbs `benchmark next-item` and `benchmark session`: from files to a table of results."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from habitue.baselines.item_histories import ItemHistories
from habitue.benchmarks.bench import Bench
from habitue.benchmarks.cells import Cell, Shelf
from habitue.benchmarks.contenders import Counted
from habitue.benchmarks.families import FAMILIES
from habitue.benchmarks.layouts import (
    find_attributes,
    read_attributes,
    read_histories,
    read_sessions,
)
from habitue.benchmarks.networks import FLAGSHIP, NONE, Networked, check_architecture
from habitue.benchmarks.protocols import Trial, leave_one_out, session_questions
from habitue.benchmarks.results import BenchmarkResult, Row
from habitue.compute import Progress, Silent
from habitue.files import Json

RESULTS: Final = Path("benchmarks/results")
# Popularity and the last item's followers are references; in a blend the rest say it better.
_SOLVED: Final = ("ease", "linear_transition")
_BLENDED: Final = ("cooccurrence", "item_knn", "ease", "linear_transition")


def next_item(
    data: str | Path,
    *,
    architecture: str = FLAGSHIP,
    seeds: int = 1,
    attributes: str | Path | None = None,
    ids_only: bool = False,
    out: str | Path = RESULTS,
    progress: Progress | None = None,
) -> BenchmarkResult:
    """Run the leave-one-out benchmark on a file of lines `user item item …`.

    The attributes of items are read from the side file beside `data`, or from `attributes`;
    `ids_only` leaves them out.

    Raises:
        UnknownName: there is no such architecture.
        FileRefused, NotEnoughData: as `layouts.read_histories`.
    """
    check_architecture(architecture)
    told = read_histories(Path(data))
    trial = leave_one_out(
        told.histories,
        name=told.name,
        sha256=told.sha256,
        num_items=len(told.items),
        empty_users=told.empty_users,
    )
    side = None if ids_only else Path(attributes) if attributes else find_attributes(Path(data))
    digest = ""
    if side is not None:
        labels, digest = read_attributes(side, told.items)
        trial = replace(trial, attributes=labels, counts=_with_attributes(trial, labels))
    shelf, ids_shelf = _shelf(trial, Path(out), digest), _shelf(trial, Path(out), "")
    return _run(Bench(trial, shelf, ids_shelf, progress or Silent()), architecture, seeds)


def session(
    data: str | Path,
    *,
    architecture: str = FLAGSHIP,
    seeds: int = 1,
    out: str | Path = RESULTS,
    progress: Progress | None = None,
) -> BenchmarkResult:
    """Run the session benchmark on a folder of training sessions and test examples.

    Raises:
        UnknownName: there is no such architecture.
        FileRefused, NotEnoughData: as `layouts.read_sessions`.
    """
    check_architecture(architecture)
    told = read_sessions(Path(data))
    trial = session_questions(
        told.sessions,
        told.questions,
        told.answers,
        name=told.name,
        sha256=told.sha256,
        num_items=len(told.items),
    )
    shelf = _shelf(trial, Path(out), "")
    return _run(Bench(trial, shelf, shelf, progress or Silent()), architecture, seeds)


def _run(bench: Bench, architecture: str, seeds: int) -> BenchmarkResult:
    """Networks before what is solved: they are small, and the solved matrices stay in memory."""
    counted = {family.name: Counted(family) for family in FAMILIES}
    rows = [Row([bench.measure(one)]) for one in counted.values() if one.name not in _SOLVED]
    networks = [
        Networked.of(architecture, seed, bench.trial, bench.shelf.folder / "weights")
        for seed in range(0 if architecture == NONE else seeds)
    ]
    trained = [bench.measure(one) for one in networks]
    rows += [Row([bench.measure(counted[name])]) for name in _SOLVED]
    blended = [counted[name] for name in _BLENDED]
    rows.append(Row([bench.blend("counting_blend", 0, blended)]))
    if networks:
        rows.append(Row(trained))
        rows.append(Row([_beside(bench, [one], blended) for one in networks]))
    if len(networks) > 1:
        rows.append(Row([bench.blend(f"{architecture}_ensemble", seeds, networks)]))
        rows.append(Row([_beside(bench, networks, blended)]))
    return BenchmarkResult(bench.trial, rows, bench.shelf.folder)


def _beside(bench: Bench, networks: Sequence[Networked], counted: Sequence[Counted]) -> Cell:
    """Blend one network, or several, with the counting models."""
    first = networks[0]
    if len(networks) == 1:
        return bench.blend(f"{first.name}_blend", first.seed, [first, *counted])
    return bench.blend(f"{first.name}_ensemble_blend", len(networks), [*networks, *counted])


def _shelf(trial: Trial, out: Path, attributes_digest: str) -> Shelf:
    """The folder of this data's results; other attributes are other data."""
    plain = re.sub(r"[^\w.-]", "_", trial.name)[:60]
    kind = f"-attributes-{attributes_digest[:8]}" if attributes_digest else ""
    identity: Mapping[str, Json] = {
        "dataset": trial.name,
        "sha256": trial.sha256,
        "attributes_sha256": attributes_digest,
        "protocol": trial.protocol,
    }
    return Shelf(out / f"{plain}-{trial.sha256[:8]}{kind}", identity)


def _with_attributes(trial: Trial, labels: ItemHistories) -> dict[str, int]:
    return {**trial.counts, "items_with_attributes": int((labels.lengths > 0).sum())}
