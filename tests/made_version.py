"""A model version without a network, for tests of what stands around one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar, cast

import numpy as np
import numpy.typing as npt

from habitue.actions.blend import Blend, Recommender
from habitue.answering import Version
from habitue.baselines.cooccurrence import CoOccurrence
from habitue.baselines.habit import Habit
from habitue.baselines.personal import PersonalFrequency
from habitue.baselines.popularity import Popularity
from habitue.compute import Silent
from habitue.config import TrainingSettings
from habitue.events.log import EventLog
from habitue.profiles.next_model import NextModel
from habitue.profiles.task_model import TaskModel
from habitue.schema import DAY, Task
from habitue.sequences.sequences import Sequences
from habitue.sequences.timelines import histories
from habitue.sequences.vocabulary import Vocabulary, build_vocabulary
from habitue.versions import Card
from tests.actions.test_blend import NO_REPORT

Part = TypeVar("Part")


@dataclass
class Unlearnt:
    """Stands where the network would: it knows nothing, and remembers what it was shown."""

    num_items: int
    name: str = "network"
    shown: list[Sequences] = field(default_factory=list)

    def scores(self, sequences: Sequences, *, as_of: int) -> npt.NDArray[np.float32]:
        self.shown.append(sequences)
        return np.zeros((len(sequences), self.num_items), dtype=np.float32)

    def embed(self, sequences: Sequences, *, as_of: int) -> npt.NDArray[np.float32]:
        return sequences.lengths[:, None].astype(np.float32)


@dataclass(frozen=True)
class MadeVersion:
    """The members of `answering.Version` that matter."""

    card: Card
    vocabulary: Vocabulary
    blend: Blend
    task_models: Mapping[str, TaskModel] = field(default_factory=dict)
    next_tasks: Mapping[str, Task] = field(default_factory=dict)
    next_models: Mapping[str, NextModel] = field(default_factory=dict)
    unanswered: Mapping[str, str] = field(default_factory=dict)

    @property
    def network(self) -> Unlearnt:
        return self._part(Unlearnt)

    @property
    def lasting_parts(self) -> tuple[Recommender, ...]:
        return (self.network, self._part(Habit), self.personal)

    @property
    def personal(self) -> PersonalFrequency:
        return self._part(PersonalFrequency)

    @property
    def cooccurrence(self) -> CoOccurrence:
        return self._part(CoOccurrence)

    def _part(self, kind: type[Part]) -> Part:
        return next(part for part in self.blend.components if isinstance(part, kind))


def made_version(
    log: EventLog,
    *,
    as_of: int,
    fingerprint: str = "same",
    task_models: Mapping[str, TaskModel] | None = None,
    unanswered: Mapping[str, str] | None = None,
) -> Version:
    """Return a version whose recommenders counted up to `as_of`."""
    vocabulary = build_vocabulary(
        log, as_of=as_of, settings=TrainingSettings(min_item_count=1), progress=Silent()
    )
    num = vocabulary.num_items
    batches = list(histories(log, vocabulary, as_of=as_of, progress=Silent()))
    personal = PersonalFrequency(num)
    parts = (
        Unlearnt(num),
        Habit.fit(batches, personal, as_of=as_of, window=20 * DAY),
        personal,
        CoOccurrence.fit(batches, num_items=num, as_of=as_of),
        Popularity.fit(batches, num_items=num, as_of=as_of),
    )
    card = Card(
        version="0001", created_at="", architecture="none", size="tiny", seed=0, parameters=0,
        epochs=0, events=0, seconds=0.0, events_per_second=0.0, trained_until=as_of,
        data_fingerprint=fingerprint, habitue_version="",
    )  # fmt: skip
    blend = Blend(parts, (0.0, 0.0, 0.5, 0.2, 0.3), "allow", ("purchase",), NO_REPORT)
    made = MadeVersion(card, vocabulary, blend, task_models or {}, unanswered=unanswered or {})
    return cast(Version, made)
