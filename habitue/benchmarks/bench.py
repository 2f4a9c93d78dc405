"""A benchmark at work: every contender once a seed, then their blends, kept as they are finished.

Comes in: a trial, contenders and a shelf for results. Goes out: a row a model. What lies on the
shelf is not made again, so that a run that was stopped goes on where it was. Knows nothing about
files of data.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from habitue.baselines.next_item import FittedNextItem
from habitue.benchmarks.candidates import Candidates
from habitue.benchmarks.cells import Cell, Shelf
from habitue.benchmarks.contenders import Built, Contender
from habitue.benchmarks.mixture import Chosen, choose_recipe, mixture_ranks
from habitue.benchmarks.protocols import Trial
from habitue.benchmarks.ranking import measures, ranks
from habitue.compute import Progress
from habitue.files import Json
from habitue.memory import forget_peak, peak_mb


@dataclass
class Bench:
    """One trial, and what has been measured and built of it."""

    trial: Trial
    shelf: Shelf
    ids_shelf: Shelf  # of what reads no attributes: the same with and without them
    progress: Progress
    built: dict[tuple[str, int], Built] = field(default_factory=dict)

    def measure(self, contender: Contender) -> Cell:
        """Return a contender's result, from the shelf or made now."""
        shelf = self._shelf_of([contender])
        kept = shelf.find(contender.name, contender.seed, contender.recipe, contender.filled)
        if kept is not None:
            return kept
        forget_peak()
        built = contender.build(self.trial, self.progress)
        self.built[contender.name, contender.seed] = built
        self._begin(f"{contender.name}: test")
        found = ranks(
            built.final, self.trial.test, num_items=self.trial.num_items, progress=self.progress
        )
        self.progress.finish()
        return shelf.kept(
            Cell(
                model=contender.name,
                seed=contender.seed,
                recipe=contender.recipe,
                chosen=built.chosen,
                validation=built.validation,
                metrics=measures(found, self.trial.metrics),
                seconds=built.seconds,
                targets_per_second=built.targets_per_second,
                peak_rss_mb=round(peak_mb(), 1),
            )
        )

    def blend(self, name: str, seed: int, contenders: Sequence[Contender]) -> Cell:
        """Return the result of a mixture, its recipe chosen on validation."""
        cells = [self.measure(one) for one in contenders]
        recipe: Mapping[str, Json] = {
            "blended": [
                {"model": one.model, "seed": one.seed, "recipe": one.recipe, "chosen": one.chosen}
                for one in cells
            ]
        }
        shelf = self._shelf_of(contenders)
        kept = shelf.find(name, seed, recipe)
        if kept is not None:
            return kept
        parts = [self._built(*pair) for pair in zip(contenders, cells, strict=True)]
        began = time.monotonic()
        forget_peak()
        candidates = self._candidates(name, [one.known for one in parts])
        chosen = choose_recipe(candidates, self.trial.chosen_by)
        took = time.monotonic() - began
        self._begin(f"{name}: test")
        found = mixture_ranks(
            [one.final for one in parts], chosen.recipe, self.trial.test,
            num_items=self.trial.num_items, progress=self.progress,
        )  # fmt: skip
        self.progress.finish()
        return shelf.kept(
            Cell(
                model=name,
                seed=seed,
                recipe=recipe,
                chosen=_told(_labels(cells), chosen),
                validation={self.trial.chosen_by: chosen.value},
                metrics=measures(found, self.trial.metrics),
                seconds=round(took, 2),
                targets_per_second=0.0,
                peak_rss_mb=round(peak_mb(), 1),
            )
        )

    def _candidates(self, name: str, components: Sequence[FittedNextItem]) -> Candidates:
        self.progress.start(f"{name}: choosing", len(self.trial.validation), "examples")
        return Candidates.of(
            components,
            self.trial.validation,
            num_items=self.trial.num_items,
            progress=self.progress,
        )

    def _built(self, contender: Contender, cell: Cell) -> Built:
        key = (contender.name, contender.seed)
        if key not in self.built:
            self.built[key] = contender.rebuild(self.trial, cell.chosen, self.progress)
        return self.built[key]

    def _begin(self, label: str) -> None:
        self.progress.start(label, len(self.trial.test), "examples")

    def _shelf_of(self, contenders: Sequence[Contender]) -> Shelf:
        reads = any(contender.reads_attributes for contender in contenders)
        return self.shelf if reads else self.ids_shelf


def _told(labels: Sequence[str], chosen: Chosen) -> dict[str, Json]:
    weights = dict(zip(labels, chosen.recipe.weights, strict=True))
    heats = dict(zip(labels, chosen.recipe.temperatures, strict=True))
    return {
        "weights": {label: round(weight, 4) for label, weight in weights.items()},
        "temperatures": {label: round(heats[label], 4) for label in labels if weights[label] > 0},
        "ranks_not_proven": chosen.uncertain,
    }


def _labels(cells: Sequence[Cell]) -> list[str]:
    """Names of components, with their seeds where a model stands there more than once."""
    names = [cell.model for cell in cells]
    return [
        f"{cell.model}-{cell.seed}" if names.count(cell.model) > 1 else cell.model for cell in cells
    ]
