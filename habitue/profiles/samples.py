"""Rows to learn from: features, embeddings and labels of persons at several cuts.

In: the event log, tasks, cuts. Out: one `CutSample` a cut, built bucket by bucket, so that no
more than one bucket's events are in memory. Features and population are of what was known at the
cut: what arrived later, and who turned out to be a bot later, is not. In a large log a fixed share
of persons is drawn, the same persons at every cut. Knows nothing about models.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

from habitue.baselines.lifetime import LIFETIME_COLUMNS, Lifetime, fit_lifetime
from habitue.baselines.rfm import RFM_COLUMNS
from habitue.compute import Progress
from habitue.events.log import EventLog
from habitue.profiles.cuts import DAYS_FOR_WHOLE_DAYS
from habitue.profiles.feature_names import FEATURES, LIFETIME_FEATURES, WINDOWS
from habitue.profiles.features import build_features, item_codes
from habitue.profiles.labels import build_labels, build_waits, population
from habitue.schema import DAY, MINUTE, Task

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]

MAX_PERSONS = 30_000
MAX_AWAITED = 60_000  # rows
USUAL_SHARE = 0.99  # of events have arrived after the usual delay
_LONGEST_DELAY = 0.1  # of the log's span
_NEGLIGIBLE = 0.01  # of the shortest horizon
FEATURE_COLUMNS = tuple(FEATURES)
MODEL_COLUMNS = (*FEATURE_COLUMNS, *LIFETIME_FEATURES)


class Embed(Protocol):
    """Returns the vectors of persons of one bucket as they were at a moment."""

    def __call__(self, subject_ids: Ints, *, as_of: int, bucket: int) -> Floats:
        """Return float32 [N, D], a row a subject, reading only events before `as_of`."""


@dataclass(frozen=True)
class CutSample:
    """Persons known at one cut: N rows, F features, D numbers of an embedding."""

    as_of: int
    subject_ids: Ints  # [N]
    features: Floats  # float32 [N, F], columns FEATURE_COLUMNS
    embeddings: Floats | None  # float32 [N, D]
    labels: Mapping[str, Floats]  # task -> [N], NaN for persons outside its population
    lifetime: Lifetime | None = None  # fitted to these persons as they were known at the cut
    # Task -> days to its first event, [N]: infinite where none came, NaN outside its population.
    waits: Mapping[str, Floats] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.subject_ids)


@dataclass(frozen=True)
class TaskRows:
    """The rows of one task over all its cuts."""

    subject_ids: Ints
    cuts: Ints
    features: Floats
    embeddings: Floats | None
    labels: Floats
    told: Floats | None = None  # float32 [N, 3], columns LIFETIME_FEATURES, as of each row's cut

    def __len__(self) -> int:
        return len(self.labels)

    def only(self, rows: Ints) -> "TaskRows":
        """Return these rows."""
        return TaskRows(
            self.subject_ids[rows],
            self.cuts[rows],
            self.features[rows],
            None if self.embeddings is None else self.embeddings[rows],
            self.labels[rows],
            None if self.told is None else self.told[rows],
        )

    def columns(self, names: Sequence[str]) -> Floats:
        """Return these of `MODEL_COLUMNS`, float32 [N, len(names)]; NaN where nothing was told."""
        return chosen_columns(names, self.features, self.told)


@dataclass(frozen=True)
class Awaited:
    """Rows of everybody waited for, at cuts whose windows are not over too."""

    rows: TaskRows  # its labels are waits in days, infinite where none came
    until: int  # nothing from then on is known

    @property
    def known_days(self) -> Floats:
        """How many days ahead of each row's cut are known, [N]."""
        return (self.until - self.rows.cuts) / DAY


def has_waits(task: Task) -> bool:
    """Whether the task asks when something comes first."""
    return task.is_probability and task.fall_to is None


def feature_matrix(features: pl.DataFrame) -> Floats:
    """Return the frame of `build_features` as float32 [N, F], NaN where null."""
    return features.select(FEATURE_COLUMNS).to_numpy().astype(np.float32)


def rfm_columns(horizon: int) -> tuple[str, ...]:
    """Return the features behind `RFM_COLUMNS`; recent spend: the window nearest the horizon."""
    window = min(WINDOWS, key=lambda name: abs(np.log(WINDOWS[name] / horizon)))
    return tuple(f"spend_{window}" if name == "recent_spend" else name for name in RFM_COLUMNS)


def rfm_matrix(features_NF: Floats, *, horizon: int) -> Floats:
    """Return the columns of `RFM_COLUMNS` out of the matrix of features."""
    return features_NF[:, [FEATURE_COLUMNS.index(name) for name in rfm_columns(horizon)]]


def lifetime_matrix(features_NF: Floats) -> Floats:
    """Return the columns of `LIFETIME_COLUMNS` out of the matrix of features."""
    return features_NF[:, [FEATURE_COLUMNS.index(name) for name in LIFETIME_COLUMNS]]


def asked_days(task: Task, lifetime: Lifetime | None, features_NF: Floats) -> float | Floats:
    """Return how many days ahead each person is asked about: the horizon, or [N] by own rhythm.

    An own rhythm is asked for a day at least; it is NaN where nobody's rhythm is known.
    """
    if task.rhythm is None:
        return task.horizon_days
    if lifetime is None:
        return np.full(len(features_NF), np.nan)
    pause = lifetime.usual_pause(lifetime_matrix(features_NF))
    shortest = min(1.0, task.horizon_days)
    return np.asarray(np.clip(task.rhythm * pause, shortest, task.horizon_days))


def told_by(
    lifetime: Lifetime | None, features_NF: Floats, *, days: float | Floats
) -> Floats | None:
    """Return `LIFETIME_FEATURES` of each row, float32 [N, 3]; None where there is no model."""
    if lifetime is None:
        return None
    columns = lifetime_matrix(features_NF)
    answers = (lifetime.return_chance, lifetime.order_days, lifetime.value)
    return np.column_stack([answer(columns, days=days) for answer in answers]).astype(np.float32)


def chosen_columns(names: Sequence[str], features_NF: Floats, told_N3: Floats | None) -> Floats:
    """Return these of `MODEL_COLUMNS`, in its order, float32 [N, len(names)].

    Where nothing was told there is NaN.
    """
    place = [MODEL_COLUMNS.index(name) for name in names]
    own = [one for one in place if one < len(FEATURE_COLUMNS)]
    if len(own) == len(place):
        return features_NF[:, own]
    if told_N3 is None:
        told_N3 = np.full((len(features_NF), len(LIFETIME_FEATURES)), np.nan, np.float32)
    told = [one - len(FEATURE_COLUMNS) for one in place if one >= len(FEATURE_COLUMNS)]
    return np.concatenate([features_NF[:, own], told_N3[:, told]], axis=1)


def usual_delay(log: EventLog, *, as_of: int) -> int:
    """Return how long after it happened `USUAL_SHARE` of what was known at `as_of` had arrived."""
    minutes = pl.DataFrame(schema={"minute": pl.Int64(), "len": pl.UInt32()})
    for bucket in range(log.num_buckets):
        events = log.read_bucket(bucket, as_of=as_of)
        # Rounded up: what took a second took some time.
        minute = -((pl.col("timestamp") - pl.col("received_at")) // MINUTE)
        counts = events.group_by(minute=minute).len()
        minutes = pl.concat([minutes, counts], how="vertical_relaxed")
    counted = minutes.group_by("minute").agg(pl.col("len").sum()).sort("minute")
    if counted.is_empty():
        return 0
    arrived = counted["len"].cum_sum().to_numpy()
    usual = int(np.searchsorted(arrived, USUAL_SHARE * arrived[-1]))
    return max(int(counted["minute"][usual]), 0) * MINUTE


def labelled_until(log: EventLog, tasks: Sequence[Task], *, start_at: int, train_until: int) -> int:
    """Return the moment by which label windows must end, for what is in them to have arrived.

    The usual delay before `train_until`, in whole days where the log has some; where it is next to
    nothing beside the horizons, `train_until` itself.
    """
    span = train_until - start_at
    delay = min(usual_delay(log, as_of=train_until), int(_LONGEST_DELAY * max(span, 0)))
    shortest = min((task.horizon for task in tasks), default=0)
    if delay <= _NEGLIGIBLE * shortest:
        return train_until
    if span >= DAYS_FOR_WHOLE_DAYS * DAY:
        delay = -(-delay // DAY) * DAY
    return train_until - delay


def collect_samples(
    log: EventLog,
    tasks: Sequence[Task],
    *,
    cuts: Mapping[str, Sequence[int]],
    train_until: int,
    embed: Embed | None,
    progress: Progress,
) -> tuple[CutSample, ...]:
    """Return one sample a cut, and one at `train_until` itself, whose labels are all 0.

    The last one stands for the population to be scored; its rows have no future to look at.
    """
    moments = (*sorted({cut for each in cuts.values() for cut in each}), train_until)
    parts: dict[int, list[CutSample]] = {moment: [] for moment in moments}
    catalogues = {moment: item_codes(log.items(as_of=moment)) for moment in moments}
    share = 1.0
    progress.start("Features", log.num_buckets * len(moments), "parts")
    for bucket in range(log.num_buckets):
        later = log.read_bucket(bucket, as_of=train_until)
        if bucket == 0:
            persons = later["subject_id"].n_unique() * log.num_buckets
            share = min(1.0, MAX_PERSONS / max(persons, 1))
        later = later.filter(_is_drawn(share))
        for moment in moments:
            asked = [task for task in tasks if moment == train_until or moment in cuts[task.name]]
            known = log.read_bucket(bucket, as_of=moment).filter(_is_drawn(share))
            features = build_features(known, catalogues[moment], as_of=moment)
            labels = {
                task.name: population(known, task, as_of=moment).with_columns(label=0.0)
                if moment == train_until
                else build_labels(known, later, task, as_of=moment)
                for task in asked
            }
            waits = {
                task.name: build_waits(known, later, task, as_of=moment)
                for task in tasks
                if has_waits(task) and moment < train_until
            }
            sample = replace(
                _sample(features, labels, moment), waits=_waits(features["subject_id"], waits)
            )
            if embed is not None and len(sample):
                sample = _with_embeddings(sample, embed, bucket)
            parts[moment].append(sample)
            progress.advance()
    progress.finish()
    whole = [_with_lifetime(_joined(parts[moment])) for moment in moments]
    return tuple(_with_rhythms(sample, tasks) for sample in whole)


def rows_of_task(samples: Sequence[CutSample], task: Task) -> TaskRows:
    """Return the labelled rows of one task, cut after cut."""
    return _rows_of(samples, task, [one.labels.get(task.name) for one in samples])


def awaited_of_task(samples: Sequence[CutSample], task: Task, *, until: int) -> Awaited | None:
    """Return a task's rows with waits at every cut before `until`; many are thinned evenly."""
    waits = [one.waits.get(task.name) if one.as_of < until else None for one in samples]
    total = sum(int((~np.isnan(one)).sum()) for one in waits if one is not None)
    if not total:
        return None
    if total > MAX_AWAITED:
        rng = np.random.default_rng(total)
        share = MAX_AWAITED / total
        waits = [
            None if one is None else np.where(rng.random(len(one)) < share, one, np.nan)
            for one in waits
        ]
    return Awaited(_rows_of(samples, task, waits), until)


def _rows_of(samples: Sequence[CutSample], task: Task, labels: Sequence[Floats | None]) -> TaskRows:
    """Return the rows that have a label, cut after cut."""
    found = [
        (one, ~np.isnan(label), label)
        for one, label in zip(samples, labels, strict=True)
        if label is not None
    ]
    chosen = [(one, rows) for one, rows, _ in found]
    has_embeddings = bool(chosen) and all(one.embeddings is not None for one, _ in chosen)
    width = len(FEATURE_COLUMNS)
    return TaskRows(
        subject_ids=np.concatenate(
            [np.empty(0, np.int64), *(one.subject_ids[rows] for one, rows in chosen)]
        ),
        cuts=np.concatenate(
            [np.empty(0, np.int64), *(np.full(rows.sum(), one.as_of) for one, rows in chosen)]
        ),
        features=np.concatenate(
            [np.empty((0, width), np.float32), *(one.features[rows] for one, rows in chosen)]
        ),
        embeddings=np.concatenate(
            [one.embeddings[rows] for one, rows in chosen if one.embeddings is not None]
        )
        if has_embeddings
        else None,
        labels=np.concatenate([np.empty(0), *(label[rows] for _, rows, label in found)]),
        told=np.concatenate([_told(one, rows, task) for one, rows in chosen]) if chosen else None,
    )


def _told(sample: CutSample, rows: npt.NDArray[np.bool_], task: Task) -> Floats:
    features = sample.features[rows]
    days = asked_days(task, sample.lifetime, features)
    told = told_by(sample.lifetime, features, days=days)
    nothing = np.full((int(rows.sum()), len(LIFETIME_FEATURES)), np.nan, np.float32)
    return nothing if told is None else told


def _is_drawn(share: float) -> pl.Expr:
    # Knuth's multiplicative hash: neighbours in order of first visit must not be drawn together.
    mixed = (pl.col("subject_id") % 2**31) * 2_654_435_761 % 2**32
    return mixed < round(share * 2**32)


def _sample(features: pl.DataFrame, labels: Mapping[str, pl.DataFrame], as_of: int) -> CutSample:
    ids = features["subject_id"]
    joined = {
        task: ids.to_frame().join(found, on="subject_id", how="left", maintain_order="left")
        for task, found in labels.items()
    }
    columns = {
        task: one["label"].cast(pl.Float64).fill_null(np.nan).to_numpy()
        for task, one in joined.items()
    }
    return CutSample(as_of, ids.to_numpy(), feature_matrix(features), None, columns)


def _waits(ids: pl.Series, waits: Mapping[str, pl.DataFrame]) -> dict[str, Floats]:
    never = pl.col("wait").fill_null(np.inf)
    return {
        task: ids.to_frame()
        .join(found.with_columns(never), on="subject_id", how="left", maintain_order="left")["wait"]
        .fill_null(np.nan)
        .to_numpy()
        for task, found in waits.items()
    }


def _with_embeddings(sample: CutSample, embed: Embed, bucket: int) -> CutSample:
    vectors = np.asarray(embed(sample.subject_ids, as_of=sample.as_of, bucket=bucket), np.float32)
    return replace(sample, embeddings=vectors)


def _with_lifetime(sample: CutSample) -> CutSample:
    return replace(sample, lifetime=fit_lifetime(lifetime_matrix(sample.features)))


def _with_rhythms(sample: CutSample, tasks: Sequence[Task]) -> CutSample:
    """Return the sample with the labels of tasks that ask each person by their own rhythm.

    What is usual in the shop is known only of all buckets together.
    """
    labels = dict(sample.labels)
    for task in tasks:
        if task.rhythm is not None and task.name in labels and task.name in sample.waits:
            wait, days = sample.waits[task.name], asked_days(task, sample.lifetime, sample.features)
            is_known = ~np.isnan(wait) & ~np.isnan(days)
            labels[task.name] = np.where(is_known, wait >= days, np.nan)
    return replace(sample, labels=labels)


def _joined(parts: Sequence[CutSample]) -> CutSample:
    filled = [part for part in parts if len(part)] or list(parts[:1])
    vectors = [part.embeddings for part in filled if part.embeddings is not None]
    return CutSample(
        as_of=filled[0].as_of,
        subject_ids=np.concatenate([part.subject_ids for part in filled]),
        features=np.concatenate([part.features for part in filled]),
        embeddings=np.concatenate(vectors) if vectors else None,
        labels={
            name: np.concatenate([part.labels[name] for part in filled])
            for name in filled[0].labels
        },
        waits={
            name: np.concatenate([part.waits[name] for part in filled]) for name in filled[0].waits
        },
    )
