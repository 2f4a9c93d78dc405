"""For whom recommendations work less well: one metric, group of persons by group of persons.

In: the ranked persons' past before the cut, block by block, and a value a person. Out: a `Slice` a
group: its mean with an interval beside that of everybody else. Groups overlap; each is known at
the cut, none by what came after. Knows nothing about how persons were ranked.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from habitue.files import Json
from habitue.metrics import MIN_RESAMPLED, bootstrap_interval
from habitue.profiles.person_groups import Known, groups_of
from habitue.schema import DAY, PLATFORMS
from habitue.sequences.sequences import Sequences

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Measured:
    """A mean over persons with its interval."""

    n: int
    mean: float
    interval: tuple[float, float]

    def as_json(self, metric: str) -> dict[str, Json]:
        """Return the keys of the evaluation document."""
        return {
            "n": self.n,
            metric: self.mean,
            "interval": list(self.interval),
        }


@dataclass(frozen=True)
class Slice:
    """A group of persons beside everybody else."""

    name: str  # one of `person_groups.GROUPS`
    inside: Measured
    others: Measured

    @property
    def is_worse(self) -> bool:
        """Whether the group's interval lies wholly below that of the others."""
        return _below(self.inside, self.others)

    @property
    def is_better(self) -> bool:
        """Whether the group's interval lies wholly above that of the others."""
        return _below(self.others, self.inside)

    def as_json(self, metric: str) -> dict[str, Json]:
        """Return the keys of the evaluation document."""
        verdict = "worse" if self.is_worse else "better" if self.is_better else "alike"
        return {
            "slice": self.name,
            **self.inside.as_json(metric),
            "others": self.others.as_json(metric),
            "verdict": verdict,
        }


def _below(one: Measured, other: Measured) -> bool:
    return one.interval[1] < other.interval[0]


class Groups:
    """Which groups the ranked persons belong to, gathered block by block."""

    def __init__(self, as_of: int) -> None:
        self._as_of = as_of
        self._parts: list[Known] = []

    def add(self, past: Sequences) -> None:
        """Add persons with at least one event each, and nothing from the cut on."""
        self._parts.append(
            Known(
                cuts=np.full(len(past), self._as_of),
                days=(self._as_of - past.timestamps[past.offsets[:-1]]) / DAY,
                events=past.lengths,
                platforms=_usual_platform(past),
            )
        )

    def slices(self, values: Floats, *, seed: int = 0) -> tuple[Slice, ...]:
        """Return the groups that divide the persons, with `values`, one a person in their order.

        Groups of a few persons are none, nor are all but a few: they could be known by it.
        """
        return tuple(
            Slice(name, _measured(values[chosen], seed), _measured(values[~chosen], seed))
            for name, chosen in groups_of(Known.joined(self._parts)).items()
            if min(chosen.sum(), (~chosen).sum()) >= MIN_RESAMPLED
        )


def _usual_platform(past: Sequences) -> npt.NDArray[np.int64]:
    """Return where most events of each person come from, 0 where no platform is told, [N]."""
    numbers = past.features.get("platform")
    if numbers is None:
        return np.zeros(len(past), dtype=np.int64)
    persons = np.repeat(np.arange(len(past)), past.lengths)
    counts = np.zeros((len(past), len(PLATFORMS) + 1), dtype=np.int64)
    np.add.at(counts, (persons, numbers), 1)
    told = counts[:, 1:]
    return np.where(told.any(axis=1), told.argmax(axis=1) + 1, 0)


def _measured(values: Floats, seed: int) -> Measured:
    found = bootstrap_interval(values, seed=seed)
    return Measured(len(values), found.mean, (found.low, found.high))
