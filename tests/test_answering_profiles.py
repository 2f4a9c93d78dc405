"""Profiles as a version makes them: of a person, of a bucket, of somebody unknown."""

from copy import copy
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from pydantic import TypeAdapter

from habitue.answering import TaskList, Version
from habitue.compute import Silent
from habitue.config import ProfileSettings, TrainingSettings
from habitue.model.inference import Probabilities
from habitue.profiles.facts import FACTS
from habitue.profiles.groups import Axes, Group, Groups, Partition
from habitue.profiles.next_model import NextModel
from habitue.profiles.norms import fit_norms
from habitue.profiles.prediction_record import PredictionRecord
from habitue.profiles.predictions import fit_tasks
from habitue.profiles.profile import Profile
from habitue.profiles.tasks import ResolvedTask
from habitue.profiles.when import fit_when
from habitue.schema import DAY, EVENT_TYPES, Task
from habitue.sequences.sequences import Sequences
from habitue.sequences.vocabulary import build_vocabulary
from habitue.versions import Card
from tests.profiles.log_lines import user_ids
from tests.shop import MemoryLog, make_shop

SHOP = make_shop(num_persons=100, days=160)
LOG = MemoryLog(SHOP)
TASKS = (
    Task("purchase_7d", "event", horizon_days=7),
    Task("value_30d", "sum", horizon_days=30),
)
NEXT = Task("next_event", "next", target="event_type")


@dataclass
class Oracle:
    """Stands where the network would: it always expects a purchase, and counts embeddings."""

    embedded: list[int] = field(default_factory=list)

    def embed(self, sequences: Sequences, *, as_of: int) -> npt.NDArray[np.float32]:
        self.embedded.append(len(sequences))
        return np.zeros((len(sequences), 2), dtype=np.float32)

    def mean_states(
        self, sequences: Sequences, *, as_of: int, windows: int
    ) -> npt.NDArray[np.float32]:
        """Who has an even id lies left of who has an odd one."""
        return (sequences.subject_ids % 2)[:, None].astype(np.float32)

    def next_event_type(self, sequences: Sequences, *, as_of: int) -> Probabilities:
        values = np.zeros((len(sequences), len(EVENT_TYPES)), dtype=np.float32)
        values[:, EVENT_TYPES.index("purchase")] = 1
        return Probabilities(EVENT_TYPES, values)


@pytest.fixture(scope="module")
def version() -> Version:
    card = Card(
        version="0007", created_at="", architecture="none", size="tiny", seed=0, parameters=0,
        epochs=0, events=0, seconds=0.0, events_per_second=0.0, trained_until=LOG.end_at,
        data_fingerprint="", habitue_version="",
    )  # fmt: skip
    resolved = [ResolvedTask(task, "ok") for task in TASKS]
    rates = {"view_item": 0.75, "purchase": 0.25}
    answered = NextModel(NEXT, EVENT_TYPES, rates, {"network": 1.0}, 50)
    made = Version(Path("nowhere"), card)
    made.__dict__.update(
        norms=fit_norms(LOG, as_of=LOG.end_at, settings=ProfileSettings()),
        vocabulary=build_vocabulary(
            LOG, as_of=LOG.end_at, settings=TrainingSettings(), progress=Silent()
        ),
        task_models=dict(fit_tasks(LOG, resolved, train_until=LOG.end_at).models),
        network=Oracle(),
        _task_list=TaskList({NEXT.name: answered}, {}),
    )
    return made


def profiles(version: Version, frame: pl.DataFrame) -> list[Profile]:
    return version.profiles(
        frame,
        LOG.items(),
        as_of=LOG.end_at,
        settings=ProfileSettings(),
        user_ids=user_ids,
    )


def test_every_prediction_has_the_same_keys(version: Version) -> None:
    keys = list(PredictionRecord().as_json())
    for profile in profiles(version, LOG.read_bucket(0))[:5]:
        assert list(profile.predictions) == ["purchase_7d", "value_30d", "next_event"]
        assert all(list(one.as_json()) == keys for one in profile.predictions.values())
        likeliest = profile.predictions["next_event"]
        assert (likeliest.answer, likeliest.probability) == ("purchase", 1.0)
        assert likeliest.base_rate == 0.25


def test_one_person_alone_reads_as_within_the_bucket(version: Version) -> None:
    frame = LOG.read_bucket(1)
    whole = profiles(version, frame)
    for place in (0, 7):
        subject = frame["subject_id"].unique().sort()[place]
        (alone,) = profiles(version, frame.filter(pl.col("subject_id") == subject))
        assert alone.facts == whole[place].facts
        assert alone.tags == whole[place].tags
        for task, record in alone.predictions.items():
            assert record.probability == pytest.approx(whole[place].predictions[task].probability)


def test_a_stranger_has_every_key_and_is_told_base_rates(version: Version) -> None:
    known = profiles(version, LOG.read_bucket(0))[0].as_json()
    stranger = version.unknown_profile("nobody", as_of=LOG.end_at)
    document = stranger.as_json()
    assert list(document) == list(known)
    assert list(stranger.facts) == list(FACTS)
    assert document["fallback"] == "base_rates"
    assert set(stranger.predictions) == {"purchase_7d", "value_30d", "next_event"}
    for record in stranger.predictions.values():
        said = record.expected if record.probability is None else record.probability
        assert said == record.base_rate
        assert "this is the base rate" in record.reason
    assert stranger.predictions["next_event"].answer == "view_item"


def test_embeddings_are_made_only_where_a_prediction_looks_at_them(version: Version) -> None:
    oracle = version.network
    assert isinstance(oracle, Oracle)
    frame = LOG.read_bucket(2)
    blind = {name: replace(model, embedding_dim=0) for name, model in version.task_models.items()}
    version.__dict__["task_models"] = blind
    scored = version.score(frame, LOG.items(), as_of=LOG.end_at)
    assert scored.embeddings is None
    assert oracle.embedded == []
    # One that looks at them, with a score that no column enters.
    seeing = replace(blind["purchase_7d"], chance=None, embedding_dim=2)
    version.__dict__["task_models"] = {**blind, "purchase_7d": seeing}
    scored = version.score(frame, LOG.items(), as_of=LOG.end_at)
    assert scored.embeddings is not None
    assert oracle.embedded == [len(scored.features)]
    version.__dict__["task_models"] = blind


def test_when_the_next_event_comes_is_told_where_it_was_learnt(version: Version) -> None:
    rows = profiles(version, LOG.read_bucket(0))
    assert all(one.predictions["next_event"].when is None for one in rows)
    many = make_shop(num_persons=200, days=160)
    when = fit_when(MemoryLog(many), NEXT, start_at=many.start_at, train_until=LOG.end_at)
    assert when is not None
    knowing = copy(version)
    answered = replace(version.next_models[NEXT.name], when=when)
    knowing.__dict__.update(version.__dict__, _task_list=TaskList({NEXT.name: answered}, {}))
    later = LOG.read_bucket(0).with_columns(pl.col("timestamp") + 1000 * DAY)
    told = profiles(knowing, LOG.read_bucket(0))
    whole = pl.concat([LOG.read_bucket(0), later]).sort("subject_id", "timestamp", "event_key")
    with_future = profiles(knowing, whole)
    for one, same in zip(told, with_future, strict=True):
        found = one.predictions["next_event"].when
        assert found is not None
        assert 0 < (found.low_days or 0) < (found.median_days or np.inf)
        assert found == same.predictions["next_event"].when
        assert one.predictions["purchase_7d"].when is None
    table = (
        knowing.score(LOG.read_bucket(0), LOG.items(), as_of=LOG.end_at, tasks=["next_event"])
        .next_answers["next_event"]
        .to_frame()
    )
    first = told[0].predictions["next_event"].when
    assert first is not None
    assert table.row(0, named=True)["median_days"] == first.median_days
    assert knowing.unknown_profile("x", as_of=LOG.end_at).predictions["next_event"].when is None


def test_a_version_that_says_nothing_of_when_is_still_read() -> None:
    kept = TypeAdapter(TaskList)
    answered = NextModel(NEXT, EVENT_TYPES, {}, {"network": 1.0}, 50)
    document = kept.dump_python(TaskList({NEXT.name: answered}, {}), mode="json")
    del document["next"][NEXT.name]["when"]
    assert kept.validate_python(document).next[NEXT.name] == answered


def two_groups() -> Groups:
    axes = Axes(np.zeros(1), np.ones(1), np.ones((1, 1)))
    named = (Group("even", (), 60), Group("odd", (), 40))
    return Groups(0, named, Partition(axes, np.array([[0.0], [1.0]])), {2: 1.0})


def test_a_profile_names_the_group_of_who_is_alike(version: Version) -> None:
    version.__dict__["groups"] = two_groups()
    frame = LOG.read_bucket(1)
    for profile in profiles(version, frame):
        parity = "odd" if int(profile.user_id[1:]) % 2 else "even"
        assert profile.as_json()["group"] == {
            "name": parity,
            "share": 0.6 if parity == "even" else 0.4,
            "sentence": "Nothing sets them clearly apart.",
            "reason": "",
        }
    version.__dict__["groups"] = Groups.none("old_version")


def test_a_version_of_before_has_profiles_without_groups(version: Version) -> None:
    version.__dict__["groups"] = Groups.none("old_version")
    told = profiles(version, LOG.read_bucket(0))[0].as_json()["group"]
    assert told == {
        "name": None,
        "share": None,
        "sentence": "",
        "reason": "this model version has no groups; train again to learn them",
    }


def test_a_stranger_is_in_no_group(version: Version) -> None:
    told = version.unknown_profile("nobody", as_of=LOG.end_at).as_json()["group"]
    assert isinstance(told, dict)
    assert (told["name"], told["reason"]) == (None, "nobody has seen this person")
