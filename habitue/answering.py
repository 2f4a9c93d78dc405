"""A model version at work: from a bucket's events to everything known of its persons.

In: a version's folder, and events as `EventLog.read_bucket` returns them. Out: sequences,
embeddings, features and predictions of the same persons, in the same order. One path for one
person and for a bucket. Knows nothing about how a version was made or where answers go.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import TypeAdapter

from habitue.actions.blend import Blend, Recommender
from habitue.baselines.again import Again
from habitue.baselines.cooccurrence import CoOccurrence
from habitue.baselines.habit import Habit
from habitue.baselines.item_recommender import ItemRecommender, saved_item_models
from habitue.baselines.personal import PersonalFrequency
from habitue.baselines.popularity import Popularity, PopularityCount
from habitue.checksums import check_folder
from habitue.compute import Progress
from habitue.config import ProfileSettings
from habitue.errors import UnknownName, nearest
from habitue.events.log import EventLog
from habitue.files import write_bytes
from habitue.profiles.attention import touched_items
from habitue.profiles.features import build_features, count_events
from habitue.profiles.groups import WINDOWS, Group, Groups, MeanStates
from habitue.profiles.labels import OTHER_CLASS
from habitue.profiles.next_model import Ask, NextModel
from habitue.profiles.next_predictions import (
    NextPredictions,
    next_record_of_nobody,
    predict_next,
)
from habitue.profiles.norms import ShopNorms
from habitue.profiles.prediction_record import PredictionRecord
from habitue.profiles.predictions import FittedTasks
from habitue.profiles.profile import OutsideIds, Profile, build_profiles, unknown_profile
from habitue.profiles.task_model import Predictions, TaskModel, load_task_model
from habitue.schema import EVENT_TYPES, Task
from habitue.sequences.encoder import encode
from habitue.sequences.sequences import Sequences
from habitue.sequences.timelines import histories
from habitue.sequences.vocabulary import Vocabulary, brand_labels, brand_numbers
from habitue.versions import Card, read_card, version_fix

if TYPE_CHECKING:
    from habitue.model.inference import Network
    from habitue.model.remembering import RememberingNetwork

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]


TASK_LIST = "list.json"
MAX_BRANDS = 1000  # with a class of their own


@dataclass(frozen=True)
class TaskList:
    """The tasks of a version that have no model file of their own."""

    next: dict[str, NextModel]
    unanswered: dict[str, str]  # task -> why this log could not answer it


@dataclass(frozen=True)
class Scored:
    """Persons of one bucket at one moment: N rows everywhere, ordered by subject_id."""

    as_of: int
    features: pl.DataFrame  # of `build_features`; of `count_events` for tasks of kind next alone
    sequences: Sequences
    embeddings: Floats | None  # float32 [N, D]; None where no prediction looks at them
    predictions: Mapping[str, Predictions]
    next_answers: Mapping[str, NextPredictions]

    @property
    def subject_ids(self) -> Ints:
        """Whose rows these are."""
        return self.features["subject_id"].to_numpy()

    def records(self) -> dict[int, dict[str, PredictionRecord]]:
        """Return everyone's answers to every task, as profiles show them, by subject."""
        answers: dict[str, Predictions | NextPredictions] = {
            **self.predictions,
            **self.next_answers,
        }
        return {
            subject: {task: found.record(row) for task, found in answers.items()}
            for row, subject in enumerate(self.subject_ids.tolist())
        }


@dataclass(frozen=True)
class Version:
    """A loaded model version."""

    folder: Path
    card: Card

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open a version's folder; its parts are checked now and loaded when they are asked for.

        Raises:
            NotReady: its card is damaged, or another release made it.
            Failed: `corrupt_file`, naming the file that is damaged or missing.
        """
        card = read_card(folder)
        check_folder(folder, fix=version_fix(folder))
        return cls(folder, card)

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
    def again(self) -> Again | None:
        """What a person takes again, as it was learnt; None where that earned no weight."""
        return Again.load(self.folder / "recommender")

    @cached_property
    def item_models(self) -> tuple[ItemRecommender, ...]:
        """What follows what, as it was solved for; none where the log repeats itself."""
        return saved_item_models(self.folder / "recommender")

    @cached_property
    def blend(self) -> Blend:
        """The recommender that ships."""
        parts = (*self.lasting_parts, self.cooccurrence, self.popularity)
        return Blend.load(self.folder / "recommender", parts)

    @property
    def lasting_parts(self) -> tuple[Recommender, ...]:
        """The parts of the blend that stay the version's when the log is counted anew."""
        again = () if self.again is None else (self.again,)
        return (self.network, *again, self.habit, self.personal, *self.item_models)

    @cached_property
    def norms(self) -> ShopNorms:
        """What is usual in this shop."""
        return ShopNorms.load(self.folder / "norms")

    @cached_property
    def groups(self) -> Groups:
        """Persons whose behaviour is alike; none in versions of before."""
        return Groups.load(self.folder / "groups")

    @cached_property
    def task_models(self) -> dict[str, TaskModel]:
        """The fitted tasks by name."""
        paths = sorted((self.folder / "tasks").glob("*.model.json"))
        return {path.name.removesuffix(".model.json"): load_task_model(path) for path in paths}

    @property
    def next_models(self) -> dict[str, NextModel]:
        """The tasks of kind "next" by name."""
        return self._task_list.next

    @property
    def next_tasks(self) -> dict[str, Task]:
        """What the tasks of kind "next" ask, by name."""
        return {name: model.task for name, model in self.next_models.items()}

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
        network: "Network | RememberingNetwork | None" = None,
    ) -> Scored:
        """Return everything about the persons of `frame`, which holds events before `as_of`.

        With `tasks`, predictions of those tasks only. `network` embeds in place of the version's.
        """
        asked = self.task_names if tasks is None else tasks
        touched = touched_items(frame, items)
        models = {name: model for name, model in self.task_models.items() if name in asked}
        features = (
            build_features(frame, touched, as_of=as_of)
            if models or tasks is None or any(self._says_when(name) for name in asked)
            else count_events(frame, as_of=as_of)
        )
        sequences = encode(frame, touched, self.vocabulary)
        embeddings = None
        if any(model.embedding_dim for model in models.values()):
            embeddings = (network or self.network).embed(sequences, as_of=as_of)
        return Scored(
            as_of=as_of,
            features=features,
            sequences=sequences,
            embeddings=embeddings,
            predictions={
                name: model.predict(features, embeddings) for name, model in models.items()
            },
            next_answers={
                name: predict_next(
                    model.task,
                    features,
                    labels=model.classes,
                    chance_NK=self.next_chances(name, frame, touched, sequences, as_of=as_of),
                    rates=model.rates,
                    when=model.when,
                )
                for name, model in self.next_models.items()
                if name in asked
            },
        )

    def profiles(
        self,
        frame: pl.DataFrame,
        items: pl.DataFrame,
        *,
        as_of: int,
        settings: ProfileSettings,
        user_ids: OutsideIds,
    ) -> list[Profile]:
        """Return the profile of each person with an event before `as_of`, by subject."""
        scored = self.score(frame, items, as_of=as_of)
        found = build_profiles(
            frame,
            items,
            as_of=as_of,
            norms=self.norms,
            settings=settings,
            user_ids=user_ids,
            predictions=scored.records(),
            model_version=self.card.version,
        )
        groups = self.groups_of(scored)
        return [
            replace(profile, group=self.groups.record_of(group))
            for profile, group in zip(found, groups, strict=True)
        ]

    def groups_of(self, scored: Scored) -> list[Group | None]:
        """Return the group of each person of `scored`."""
        events_N = scored.features["events"].to_numpy()
        if not self.groups.groups:
            return [None] * len(events_N)
        states_ND = self.network.mean_states(
            scored.sequences, as_of=scored.as_of, windows=self.groups.windows
        )
        return self.groups.dealt(states_ND, events_N)

    def group_names(self, scored: Scored) -> pl.DataFrame:
        """Return `subject_id, group`, the name of each person's group or null."""
        names = [group.name if group else None for group in self.groups_of(scored)]
        found = pl.Series("group", names, dtype=pl.String)
        return scored.features.select("subject_id", found)

    def unknown_profile(self, user_id: str, *, as_of: int) -> Profile:
        """Return the labelled fallback for somebody nobody has seen before `as_of`."""
        records = {name: model.record_of_nobody() for name, model in self.task_models.items()}
        for name, model in self.next_models.items():
            records[name] = next_record_of_nobody(model.rates)
        return unknown_profile(
            user_id,
            as_of=as_of,
            traits=self.norms.traits,
            predictions=records,
            model_version=self.card.version,
        )

    def _says_when(self, name: str) -> bool:
        return name in self.next_models and self.next_models[name].when is not None

    def next_chances(
        self,
        name: str,
        frame: pl.DataFrame,
        items: pl.DataFrame,
        sequences: Sequences,
        *,
        as_of: int,
    ) -> Floats:
        """Return [N, K], the chance of each class to come next, of the persons of `sequences`."""
        model = self.next_models[name]
        return model.predict(
            frame,
            items,
            subject_ids=sequences.subject_ids,
            network_NK=self.network_chances(name, sequences, as_of=as_of),
            as_of=as_of,
        )

    def network_chances(self, name: str, sequences: Sequences, *, as_of: int) -> Floats | None:
        """Return [N, K], what the network alone expects; None where it has no share."""
        model = self.next_models[name]
        if not model.asks_network:
            return None
        return network_chances(self.network, self.vocabulary, model.task, sequences, as_of=as_of)

    def next_parts(
        self,
        name: str,
        frame: pl.DataFrame,
        items: pl.DataFrame,
        sequences: Sequences,
        *,
        as_of: int,
    ) -> dict[str, Floats]:
        """Return what each part of a mixture expects to come next, part -> [N, K]."""
        model = self.next_models[name]
        return model.parts(
            frame,
            items,
            subject_ids=sequences.subject_ids,
            network_NK=self.network_chances(name, sequences, as_of=as_of),
            as_of=as_of,
        )

    @cached_property
    def _task_list(self) -> "TaskList":
        return _task_lists().validate_json((self.folder / "tasks" / TASK_LIST).read_bytes())


def save_tasks(folder: Path, fitted: FittedTasks, next_models: Mapping[str, NextModel]) -> None:
    """Write the fitted tasks into a version's folder."""
    (folder / "tasks").mkdir(parents=True)
    for name, model in fitted.models.items():
        model.save(folder / "tasks" / f"{name}.model.json")
    listed = TaskList(dict(next_models), dict(fitted.unanswered))
    write_bytes(folder / "tasks" / TASK_LIST, _task_lists().dump_json(listed, indent=1))


@cache
def _task_lists() -> TypeAdapter[TaskList]:
    return TypeAdapter(TaskList)


def next_classes_of(network: "Network", vocabulary: Vocabulary, task: Task) -> tuple[str, ...]:
    """Return the classes of a task of kind "next", in the network's order.

    Of brands the most frequent, and one for all others where there are more.
    """
    if task.target == "brand":
        brands = brand_labels(vocabulary)
        return (*brands[:MAX_BRANDS], *([OTHER_CLASS] if len(brands) > MAX_BRANDS else []))
    return network.category_labels if task.target == "category" else EVENT_TYPES


def network_chances(
    network: "Network", vocabulary: Vocabulary, task: Task, sequences: Sequences, *, as_of: int
) -> Floats:
    """Return [N, K], what the network alone expects to come next."""
    if task.target == "brand":
        count = min(len(vocabulary.content.brands), MAX_BRANDS + 1)
        groups = np.minimum(brand_numbers(vocabulary), MAX_BRANDS + 1) - 1
        groups = np.where(groups < count, groups, -1)
        return network.next_group(sequences, groups, num_groups=count, as_of=as_of)
    ask = network.next_category if task.target == "category" else network.next_event_type
    return ask(sequences, as_of=as_of).values


def ask_network(network: "Network", vocabulary: Vocabulary, task: Task) -> Ask:
    """Return how to ask the network about some persons of a bucket."""

    def chances(frame: pl.DataFrame, items: pl.DataFrame, subject_ids: Ints, as_of: int) -> Floats:
        asked = pl.col("subject_id").is_in(pl.Series(subject_ids).implode())
        sequences = encode(frame.filter(asked), items, vocabulary)
        return network_chances(network, vocabulary, task, sequences, as_of=as_of)

    return chances


def recounted(version: Version, log: EventLog, *, as_of: int, progress: Progress) -> Blend:
    """Return the version's blend with counting recommenders that know everything before `as_of`.

    One pass over the log. The network's weights and the blend's stay those of the version.
    """
    blend, num_items = version.blend, version.vocabulary.num_items
    sold = PopularityCount(num_items, as_of=as_of, target_types=blend.target_types)

    def counted() -> Iterator[Sequences]:
        for batch in histories(log, version.vocabulary, as_of=as_of, progress=progress):
            sold.add(batch)
            yield batch

    progress.start("Counting", log.num_buckets, "buckets")
    together = CoOccurrence.fit(
        counted(),
        num_items=num_items,
        as_of=as_of,
        target_types=blend.target_types,
        settings=version.cooccurrence.settings,
    )
    progress.finish()
    return blend.with_components((*version.lasting_parts, together, sold.popularity()))


def mean_stater(network: "Network", vocabulary: Vocabulary) -> MeanStates:
    """Return how the network sees some persons, over the windows that groups are made from."""

    def states(frame: pl.DataFrame, items: pl.DataFrame, *, as_of: int) -> Floats:
        sequences = encode(frame, items, vocabulary)
        return network.mean_states(sequences, as_of=as_of, windows=WINDOWS)

    return states


class Embedder:
    """Embeddings of a bucket's persons at any moment, from what was known of them then."""

    def __init__(self, log: EventLog, vocabulary: Vocabulary, network: "Network") -> None:
        self._log = log
        self._vocabulary = vocabulary
        self._network = network
        self._items: dict[int, pl.DataFrame] = {}

    def __call__(self, subject_ids: Ints, *, as_of: int, bucket: int) -> Floats:
        """Return float32 [N, D] of persons with an event before `as_of`, ordered by subject."""
        if as_of not in self._items:
            self._items[as_of] = self._log.items(as_of=as_of)
        frame = self._log.read_bucket(bucket, as_of=as_of)
        asked = pl.col("subject_id").is_in(pl.Series(subject_ids).implode())
        sequences = encode(frame.filter(asked), self._items[as_of], self._vocabulary)
        if not np.array_equal(sequences.subject_ids, subject_ids):
            raise AssertionError("embeddings were asked of persons who are not in the bucket")
        return self._network.embed(sequences, as_of=as_of)
