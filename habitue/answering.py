"""A model version at work: from a bucket's events to everything known of its persons.

In: a version's folder, and events as `EventLog.read_bucket` returns them. Out: sequences,
embeddings, features and predictions of the same persons, in the same order. One path for one
person and for a bucket. Knows nothing about how a version was made or where answers go.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import TypeAdapter

from habitue.actions.blend import Blend
from habitue.baselines.cooccurrence import CoOccurrence
from habitue.baselines.habit import Habit
from habitue.baselines.personal import PersonalFrequency
from habitue.baselines.popularity import Popularity
from habitue.errors import UnknownName, nearest
from habitue.events.log import EventLog
from habitue.files import write_bytes
from habitue.profiles.features import build_features
from habitue.profiles.norms import ShopNorms
from habitue.profiles.predictions import FittedTasks
from habitue.profiles.task_model import Predictions, TaskModel, load_task_model
from habitue.schema import Task
from habitue.sequences.encoder import encode
from habitue.sequences.sequences import Sequences
from habitue.sequences.vocabulary import Vocabulary
from habitue.versions import Card, read_card

if TYPE_CHECKING:
    from habitue.model.inference import Network, Probabilities

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]


TASK_LIST = "list.json"


@dataclass(frozen=True)
class TaskList:
    """The tasks of a version that have no model of their own."""

    next: dict[str, Task]  # answered by the network itself
    unanswered: dict[str, str]  # task -> why this log could not answer it


@dataclass(frozen=True)
class Scored:
    """Persons of one bucket at one moment: N rows everywhere, ordered by subject_id."""

    as_of: int
    features: pl.DataFrame  # of `build_features`, with subject_id
    sequences: Sequences
    embeddings: Floats  # float32 [N, D]
    predictions: Mapping[str, Predictions]
    next_answers: Mapping[str, "Probabilities"]

    @property
    def subject_ids(self) -> Ints:
        """Whose rows these are."""
        return self.features["subject_id"].to_numpy()


@dataclass(frozen=True)
class Version:
    """A loaded model version."""

    folder: Path
    card: Card

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open a version's folder; its parts are loaded when they are asked for."""
        return cls(folder, read_card(folder))

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """What the model knows of items, categories, brands and prices."""
        return Vocabulary.load(self.folder / "vocabulary")

    @cached_property
    def network(self) -> "Network":
        """The behaviour model."""
        from habitue.model.checkpoint import load_network

        return load_network(self.folder / "network")

    @cached_property
    def popularity(self) -> Popularity:
        """What most persons want."""
        return Popularity.load(self.folder / "recommender")

    @cached_property
    def cooccurrence(self) -> CoOccurrence:
        """What goes with what."""
        return CoOccurrence.load(self.folder / "recommender")

    @cached_property
    def personal(self) -> PersonalFrequency:
        """What a person takes again and again."""
        return PersonalFrequency.load(self.folder / "recommender")

    @cached_property
    def habit(self) -> Habit:
        """What a person takes again, and what others of its kind do."""
        return Habit.load(self.folder / "recommender")

    @cached_property
    def blend(self) -> Blend:
        """The recommender that ships."""
        parts = (self.network, self.habit, self.personal, self.cooccurrence, self.popularity)
        return Blend.load(self.folder / "recommender", parts)

    @cached_property
    def norms(self) -> ShopNorms:
        """What is usual in this shop."""
        return ShopNorms.load(self.folder / "norms")

    @cached_property
    def task_models(self) -> dict[str, TaskModel]:
        """The fitted tasks by name."""
        paths = sorted((self.folder / "tasks").glob("*.model.json"))
        return {path.name.removesuffix(".model.json"): load_task_model(path) for path in paths}

    @cached_property
    def next_tasks(self) -> dict[str, Task]:
        """The tasks that the network itself answers, by name."""
        return self._task_list.next

    @cached_property
    def unanswered(self) -> dict[str, str]:
        """The tasks this log could not answer, with reasons."""
        return self._task_list.unanswered

    @property
    def task_names(self) -> list[str]:
        """All tasks that are answered."""
        return [*self.task_models, *self.next_tasks]

    def check_task(self, name: str) -> None:
        """Refuse a task that is unknown or could not be learnt.

        Raises:
            UnknownName: with the reason, or the nearest known name.
        """
        if name in self.task_names:
            return
        if name in self.unanswered:
            raise UnknownName(
                f"Task '{name}' could not be learnt: {self.unanswered[name]}.",
                fix=f"Tasks this version answers: {', '.join(self.task_names) or 'none'}.",
                code="not_enough_data",
            )
        raise UnknownName(
            f"There is no task '{name}'.{nearest(name, self.task_names)}",
            fix=f"Tasks this version answers: {', '.join(self.task_names) or 'none'}.",
            code="unknown_task",
        )

    def score(
        self,
        frame: pl.DataFrame,
        items: pl.DataFrame,
        *,
        as_of: int,
        tasks: Collection[str] | None = None,
    ) -> Scored:
        """Return everything about the persons of `frame`, which holds events before `as_of`.

        With `tasks`, predictions of those tasks only.
        """
        asked = self.task_names if tasks is None else tasks
        features = build_features(frame, items, as_of=as_of)
        sequences = encode(frame, items, self.vocabulary)
        embeddings = self.network.embed(sequences, as_of=as_of)
        by_target = {
            "event_type": self.network.next_event_type,
            "category": self.network.next_category,
        }
        return Scored(
            as_of=as_of,
            features=features,
            sequences=sequences,
            embeddings=embeddings,
            predictions={
                name: model.predict(features, embeddings)
                for name, model in self.task_models.items()
                if name in asked
            },
            next_answers={
                name: by_target[task.target](sequences, as_of=as_of)
                for name, task in self.next_tasks.items()
                if name in asked
            },
        )

    @cached_property
    def _task_list(self) -> "TaskList":
        return _task_lists().validate_json((self.folder / "tasks" / TASK_LIST).read_bytes())


def save_tasks(folder: Path, fitted: FittedTasks, next_tasks: Mapping[str, Task]) -> None:
    """Write the fitted tasks into a version's folder."""
    (folder / "tasks").mkdir(parents=True)
    for name, model in fitted.models.items():
        model.save(folder / "tasks" / f"{name}.model.json")
    listed = TaskList(dict(next_tasks), dict(fitted.unanswered))
    write_bytes(folder / "tasks" / TASK_LIST, _task_lists().dump_json(listed, indent=1))


@cache
def _task_lists() -> TypeAdapter[TaskList]:
    return TypeAdapter(TaskList)


class Embedder:
    """Embeddings of a bucket's persons at any moment.

    A bucket whose events all arrived when they happened is encoded once, as of `until`, and cut
    for earlier moments; one with late arrivals is encoded anew for each moment.
    """

    def __init__(
        self, log: EventLog, vocabulary: Vocabulary, network: "Network", *, until: int
    ) -> None:
        self._log = log
        self._vocabulary = vocabulary
        self._network = network
        self._until = until
        self._bucket = -1
        self._sequences: Sequences | None = None

    def __call__(self, subject_ids: Ints, *, as_of: int, bucket: int) -> Floats:
        """Return float32 [N, D] of persons with an event before `as_of`, at most `until`."""
        if bucket != self._bucket:
            self._bucket, self._sequences = bucket, None
            frame = self._log.read_bucket(bucket, as_of=self._until)
            if (frame["received_at"] == frame["timestamp"]).all():
                self._sequences = self._encoded(frame, self._until)
        sequences = self._sequences
        if sequences is None:
            sequences = self._encoded(self._log.read_bucket(bucket, as_of=as_of), as_of)
        rows = np.searchsorted(sequences.subject_ids, subject_ids)
        if rows.max(initial=-1) >= len(sequences) or not np.array_equal(
            sequences.subject_ids[rows], subject_ids
        ):
            raise AssertionError("embeddings were asked of persons who are not in the bucket")
        return self._network.embed(sequences.take(rows), as_of=as_of)

    def _encoded(self, frame: pl.DataFrame, as_of: int) -> Sequences:
        return encode(frame, self._log.items(as_of=as_of), self._vocabulary)
