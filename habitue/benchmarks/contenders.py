"""What is measured: a model that can be built, or built again as it was chosen.

Comes in: a trial. Goes out: a built model, chosen on validation and ready for the test. Knows
nothing about how results are kept.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from habitue.baselines.next_item import FittedNextItem
from habitue.benchmarks.families import Family, choose_member, members_tried
from habitue.benchmarks.protocols import Trial
from habitue.compute import Progress
from habitue.files import Json


@dataclass(frozen=True)
class Built:
    """A model that is ready to be asked."""

    known: FittedNextItem  # learned from the training part alone: blends are chosen on it
    final: FittedNextItem  # what the test asks
    chosen: Mapping[str, Json]
    validation: Mapping[str, float]
    seconds: float
    targets_per_second: float


class Contender(Protocol):
    """A model of a benchmark, with one seed."""

    @property
    def name(self) -> str:
        """A word for tables and file names."""

    @property
    def seed(self) -> int:
        """Of chance; 0 where there is none."""

    @property
    def recipe(self) -> Mapping[str, Json]:
        """What decides the result, beside the data."""

    def filled(self, recipe: Json) -> Json:
        """Return a kept recipe with the defaults of settings that are younger than it."""

    @property
    def reads_attributes(self) -> bool:
        """Whether attributes of items, where there are some, change it."""

    def build(self, trial: Trial, progress: Progress) -> Built:
        """Choose and fit."""

    def rebuild(self, trial: Trial, chosen: Mapping[str, Json], progress: Progress) -> Built:
        """Make what an earlier `build` chose again, as cheaply as can be."""


@dataclass(frozen=True)
class Counted:
    """A counting or linear model."""

    family: Family
    seed: int = 0
    reads_attributes: bool = False

    @property
    def name(self) -> str:
        """The family's name."""
        return self.family.name

    @property
    def recipe(self) -> Mapping[str, Json]:
        """All settings that are tried."""
        return {"tried": self.family.as_json()}

    def filled(self, recipe: Json) -> Json:
        """Return it as it is: all of it was tried."""
        return recipe

    def build(self, trial: Trial, progress: Progress) -> Built:
        """Choose the settings on validation; fit once more where the protocol refits."""
        began = time.monotonic()
        progress.start(f"{self.name}: choosing", None, "examples")
        best = choose_member(self.family, trial, progress)
        final = best.fitted
        if trial.everything is not trial.training:
            final = best.member.fit(trial.everything, num_items=trial.num_items)
        took = time.monotonic() - began
        pairs = int((trial.everything.lengths - 1).clip(0).sum())
        num_fits = len(members_tried(self.family, trial.num_items))
        num_fits += trial.everything is not trial.training
        return Built(
            known=best.fitted,
            final=final,
            chosen=best.member.as_json(),
            validation=best.validation,
            seconds=round(took, 2),
            targets_per_second=round(pairs * num_fits / max(took, 1e-9), 1),
        )

    def rebuild(self, trial: Trial, chosen: Mapping[str, Json], progress: Progress) -> Built:
        """Fit the chosen settings alone."""
        member = self.family.member(chosen)
        if member is None:
            return self.build(trial, progress)
        progress.start(f"{self.name}: fitting", None, "examples")
        known = member.fit(trial.training, num_items=trial.num_items)
        final = known
        if trial.everything is not trial.training:
            final = member.fit(trial.everything, num_items=trial.num_items)
        return Built(known, final, chosen, {}, 0.0, 0.0)
