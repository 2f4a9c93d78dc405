"""What moves a task in this shop: the mean effect of each theme over a sample of persons.

In: a model version, the log, a task. Out: a `Drivers` record: themes, heaviest first, with the
feature that speaks for each, and in which direction. Knows nothing about single persons' events.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from habitue import metrics
from habitue.answering import Version
from habitue.events.log import EventLog
from habitue.explanations.texts import Words, sentence_case
from habitue.files import Json
from habitue.profiles.labels import population
from habitue.profiles.prediction_reasons import (
    EMBEDDING_THEME,
    ThemeEffects,
    sentence_of_anybody,
    theme_effects,
)
from habitue.profiles.samples import MODEL_COLUMNS
from habitue.schema import Task, format_time
from habitue.sequences.encoder import encode

Floats = npt.NDArray[np.floating]

PERSONS_ASKED: Final = 500
_CLEAR: Final = 0.3  # rank correlation from which a direction is told
_LEAST_KNOWN: Final = 10  # persons


@dataclass(frozen=True)
class Driver:
    """A theme, how far it moves the answer, and the feature that speaks for it."""

    name: str  # of the feature; of a task of kind next: of the part of the mixture
    theme: str
    effect: float  # mean absolute effect over persons
    direction: str | None  # "rising": the more, the higher; "falling"; None: it depends
    text: str


@dataclass(frozen=True)
class Drivers:
    """What moves one task."""

    task: str
    as_of: int
    model_version: str
    unit: str
    base_rate: float | None
    persons: int
    reason: str  # why there is nothing but the base rate; empty where there is more
    features: tuple[Driver, ...]
    sentences: tuple[str, ...]

    def as_json(self) -> dict[str, Json]:
        """Return the document that `explain --task T` prints."""
        return {
            "task": self.task,
            "as_of": format_time(self.as_of),
            "model_version": self.model_version,
            "unit": self.unit,
            "base_rate": self.base_rate,
            "persons": self.persons,
            "reason": self.reason,
            "features": [asdict(one) for one in self.features],
            "sentences": list(self.sentences),
        }


def explain_shop(
    version: Version, log: EventLog, task: str, words: Words, *, as_of: int
) -> Drivers:
    """Return what moves a task, over up to 500 persons of its population.

    Raises:
        UnknownName: the version answers no such task.
    """
    version.check_task(task)
    if task in version.next_tasks:
        asked, base, reason = version.next_tasks[task], None, ""
    else:
        model = version.task_models[task]
        asked, base, reason = model.task, model.base_rate, model.reason
    frames = list(_samples(log, asked, as_of=as_of))
    items = log.items(as_of=as_of)
    of_kind = _of_mixture if asked.kind == "next" else _of_model
    drivers = of_kind(version, asked, frames, items, words, as_of=as_of)
    persons = sum(frame["subject_id"].n_unique() for frame in frames)
    return Drivers(
        task=task,
        as_of=as_of,
        model_version=version.card.version,
        unit="money" if asked.kind == "sum" else "probability",
        base_rate=base,
        persons=persons,
        reason=reason,
        features=drivers,
        sentences=_told(asked, base, persons, drivers, words),
    )


def _samples(log: EventLog, task: Task, *, as_of: int) -> Iterator[pl.DataFrame]:
    """Yield the events of the first persons that the task is about, bucket by bucket."""
    left = PERSONS_ASKED
    for bucket in range(log.num_buckets):
        frame = log.read_bucket(bucket, as_of=as_of)
        chosen = population(frame, task, as_of=as_of).head(left)
        if chosen.height:
            yield frame.join(chosen, on="subject_id", how="semi", maintain_order="left")
        left -= chosen.height
        if left <= 0:
            return


def _of_model(
    version: Version,
    task: Task,
    frames: Sequence[pl.DataFrame],
    items: pl.DataFrame,
    words: Words,
    *,
    as_of: int,
) -> tuple[Driver, ...]:
    """Return the themes of the numbers that a model looks at."""
    model, found = version.task_models[task.name], []
    for frame in frames:
        scored = version.score(frame, items, as_of=as_of, tasks=(task.name,))
        effects = theme_effects(model, scored.features, scored.embeddings)
        if effects is not None:
            found.append(effects)
    if not found:
        return ()
    mean_T = np.concatenate([np.abs(one.effects) for one in found]).mean(axis=0)
    order = np.argsort(-mean_T, kind="stable")
    heavy = [int(theme) for theme in order if mean_T[theme] > 0]
    return tuple(_driver(found, theme, float(mean_T[theme]), task, words) for theme in heavy)


def _driver(
    found: Sequence[ThemeEffects], number: int, effect: float, task: Task, words: Words
) -> Driver:
    theme = found[0].themes[number]
    columns = found[0].columns_of(theme)
    weight = np.concatenate([one.weight[:, columns] for one in found]).mean(axis=0)
    column = columns[int(np.argmax(weight))]
    name, direction = found[0].names[column], None
    if theme != EMBEDDING_THEME:
        place = MODEL_COLUMNS.index(name)
        values = np.concatenate([one.values[:, place] for one in found])
        parts = np.concatenate([one.parts[:, column] for one in found])
        direction = _direction(values, parts)
    return Driver(
        name, theme, effect, direction, _sentence(name, theme, effect, direction, task, words)
    )


def _of_mixture(
    version: Version,
    task: Task,
    frames: Sequence[pl.DataFrame],
    items: pl.DataFrame,
    words: Words,
    *,
    as_of: int,
) -> tuple[Driver, ...]:
    """Return how far each part of a mixture moves everyone's likeliest answer from the common."""
    shares = version.next_models[task.name].shares
    moved: dict[str, list[Floats]] = {name: [] for name in shares if name != "popularity"}
    for frame in frames:
        sequences = encode(frame, items, version.vocabulary)
        parts = version.next_parts(task.name, frame, items, sequences, as_of=as_of)
        mixed = np.sum([share * parts[name] for name, share in shares.items()], axis=0)
        best = mixed.argmax(axis=1)
        rows = np.arange(len(best))
        for name, found in moved.items():
            over_common = parts[name][rows, best] - parts["popularity"][rows, best]
            found.append(np.abs(shares[name] * over_common))
    effects = {name: float(np.concatenate(one).mean()) for name, one in moved.items() if one}
    order = sorted(effects, key=lambda name: -effects[name])
    return tuple(
        Driver(
            name, name, effects[name], None, _sentence(name, name, effects[name], None, task, words)
        )
        for name in order
    )


def _direction(values: Floats, parts: Floats) -> str | None:
    known = ~np.isnan(values)
    if known.sum() < _LEAST_KNOWN:
        return None
    correlation = metrics.spearman(values[known], parts[known])
    if abs(correlation) < _CLEAR:
        return None
    return "rising" if correlation > 0 else "falling"


def _sentence(
    name: str, theme: str, effect: float, direction: str | None, task: Task, words: Words
) -> str:
    feature = "" if direction is None else sentence_of_anybody(name)
    text = f"global.{direction}" if feature else "global.theme"
    size = words.size(effect, is_share=task.kind != "sum")
    about = words(f"part.{theme}" if task.kind == "next" else f"theme.{theme}")
    return words(text, theme=about, effect=size, feature=feature)


def _told(
    task: Task, base: float | None, persons: int, drivers: Sequence[Driver], words: Words
) -> tuple[str, ...]:
    level = "" if base is None else words.level(base, is_share=task.kind != "sum")
    text = "global.next" if base is None else "global"
    first = words(text, what=words.task(task), base=level, persons=f"{persons:,}")
    return tuple(sentence_case(one) for one in (first, *(driver.text for driver in drivers)))
