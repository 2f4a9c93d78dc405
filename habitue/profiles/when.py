"""When a person's next own event comes: the days until then, as a distribution.

In: the event log and a task of kind "next"; later the features of persons. Out: a `WhenModel`, and
of each person a median, an interval and the chances within 7 and 30 days. A discrete-time hazard
head (`heads.py`) competes with life tables: everybody's waits, those of persons of a like pause
between visits, those of persons away for as long. Judged on later windows, each answer fitted on
what was known when the window began, the head is taken only where it wins by more than noise.
Nothing is told of days beyond what the history shows. Knows nothing about what comes next.

Shapes: N persons, K bins of `heads.BIN_ENDS`, Q quantiles.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from habitue import metrics
from habitue.compute import Progress, Silent
from habitue.events.log import EventLog
from habitue.profiles.feature_names import CALENDAR_FEATURES
from habitue.profiles.heads import (
    BIN_ENDS,
    MIN_SEEN,
    HazardHead,
    bin_shares,
    fit_hazard,
    periods,
    reach_of,
)
from habitue.profiles.labels import ANY_EVENT
from habitue.profiles.prediction_record import When
from habitue.profiles.samples import (
    FEATURE_COLUMNS,
    Awaited,
    awaited_of_task,
    collect_samples,
    labelled_until,
)
from habitue.schema import DAY, Task

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]

EVERYONE: Final = "everyone"
# Life tables by name: the feature by which persons are dealt into groups.
TABLES: Final = {EVERYONE: "", "pause": "visit_gap_days", "absence": "days_since_event"}
HEAD: Final = "hazard"
_WORDS: Final = {
    EVERYONE: "everybody's waits",
    "pause": "waits after a like usual pause",
    "absence": "waits after a like absence",
    HEAD: "a hazard head",
}
CHANCE_DAYS: Final = (7, 30)
INTERVAL: Final = (0.1, 0.9)
DIGITS: Final = 6  # of a chance
_DAY_DIGITS: Final = 2
_MAX_CUTS: Final = 6
_JUDGED_CUTS: Final = 2
_LONGEST_STEP: Final = 30  # days
_STEPS_A_SPAN: Final = 8
_MIN_CAME: Final = 30
_GROUPS: Final = 10
_GROUP_ROWS: Final = 200
_PRIOR_ROWS: Final = 5.0  # everybody's rate counts as so many rows of each group
_EDGE: Final = 1e-6
_YEAR_DAYS: Final = 365


@dataclass(frozen=True)
class LifeTable:
    """How many come in each bin of those still waited for, group by group of one feature."""

    column: str  # empty: one group of everybody
    edges: tuple[float, ...]  # between groups
    risks: tuple[tuple[float, ...], ...]  # a row a group; the last: persons without the feature

    def risks_of(self, features_NF: Floats) -> Floats:
        """Return the risk of each bin, [N, K]."""
        return np.array(self.risks)[_groups(self.column, self.edges, features_NF)]


@dataclass(frozen=True)
class Waits:
    """What is told of N persons; NaN: not within `reach_days`."""

    median: Floats
    low: Floats
    high: Floats
    chances: dict[int, Floats]  # days -> [N]; NaN throughout where the reach is shorter
    reach_days: float

    def record(self, row: int) -> When:
        """Return one person's, as a profile shows it."""
        chances = {days: _rounded(found[row], DIGITS) for days, found in self.chances.items()}
        return When(
            median_days=_rounded(self.median[row], _DAY_DIGITS),
            low_days=_rounded(self.low[row], _DAY_DIGITS),
            high_days=_rounded(self.high[row], _DAY_DIGITS),
            chance_7d=chances[7],
            chance_30d=chances[30],
            reach_days=round(self.reach_days, _DAY_DIGITS),
        )


@dataclass(frozen=True)
class WhenModel:
    """The answer that was chosen, and everybody's beside it."""

    tables: dict[str, LifeTable]
    simple: str  # the best of the tables on later windows
    head: HazardHead | None  # None: it did not win by more than noise, and was not kept
    columns: tuple[str, ...]  # what the head looks at
    reach_days: float
    losses: dict[str, float]  # by answer, on later windows
    gain_low: float  # by how much at least (95 %) the head's is lower than the best table's
    persons: int  # learnt from

    @property
    def chosen(self) -> str:
        """The name of what answers."""
        return HEAD if self.head is not None and self.gain_low > 0 else self.simple

    def risks(self, features_NF: Floats) -> Floats:
        """Return the risk of each bin, [N, K]; features as `FEATURE_COLUMNS`."""
        if self.head is None or self.chosen != HEAD:
            return self.tables[self.simple].risks_of(features_NF)
        return self.head.risks(_chosen(features_NF, self.columns))

    def waits(self, features_NF: Floats) -> Waits:
        """Return what is told of each person."""
        return told_waits(self.risks(features_NF), self.reach_days)

    def sentence(self) -> str:
        """Say what answers, and by which figures."""
        figures = ", ".join(f"{_WORDS[name]} {loss:.4f}" for name, loss in self.losses.items())
        return (
            f"{_WORDS[self.chosen]}, learnt from {self.persons:,} persons as far as "
            f"{self.reach_days:.0f} days (loss on later windows: {figures})"
        )


def fit_when(
    log: EventLog,
    task: Task,
    *,
    start_at: int,
    train_until: int,
    seed: int = 0,
    keep_head: bool = False,
    progress: Progress | None = None,
) -> WhenModel | None:
    """Learn how long persons of the task's population wait for their next own event.

    None where the log before `train_until` is too short or too few came. Nothing at or after
    `train_until` is read. With `keep_head` the head is kept to be compared though it lost.
    """
    known = collect_waits(log, task, start_at=start_at, train_until=train_until, progress=progress)
    if known is None:
        return None
    columns = _columns(known)
    judged = _judged(known, columns, seed)
    if judged is None:
        return None
    losses = {name: float(loss.mean()) for name, (loss, _) in judged.items()}
    simple = min(TABLES, key=lambda name: losses[name])
    gain = _gain(judged[simple][0] - judged[HEAD][0], judged[HEAD][1])
    return WhenModel(
        tables={name: fit_table(known, column) for name, column in TABLES.items()},
        simple=simple,
        head=_head(known, columns, seed) if gain.low > 0 or keep_head else None,
        columns=columns,
        reach_days=reach_of(known.known_days),
        losses=losses,
        gain_low=gain.low,
        persons=len(np.unique(known.rows.subject_ids)),
    )


def collect_waits(
    log: EventLog,
    task: Task,
    *,
    start_at: int,
    train_until: int,
    progress: Progress | None = None,
) -> Awaited | None:
    """Return the population's waits at up to six cuts; None where the log is too short."""
    days = when_step(start_at, train_until)
    asked = Task(
        task.name, "event", event=ANY_EVENT, horizon_days=days, active_days=task.active_days
    )
    until = labelled_until(log, [asked], start_at=start_at, train_until=train_until)
    cuts = when_cuts(start_at, until, days=days)
    if len(cuts) <= _JUDGED_CUTS:
        return None
    samples = collect_samples(
        log,
        [asked],
        cuts={task.name: cuts},
        train_until=train_until,
        embed=None,
        progress=progress or Silent(),
    )
    return awaited_of_task(samples[:-1], asked, until=until)


def when_step(start_at: int, train_until: int) -> int:
    """Return the days between cuts: an eighth of the log, from a day to thirty."""
    return max(1, min(_LONGEST_STEP, (train_until - start_at) // (_STEPS_A_SPAN * DAY)))


def when_cuts(start_at: int, until: int, *, days: int) -> tuple[int, ...]:
    """Return the cuts, earliest first, each with as long a history as the steps between them."""
    cuts = [until - step * days * DAY for step in range(_MAX_CUTS, 0, -1)]
    return tuple(cut for cut in cuts if cut - start_at >= days * DAY)


def fit_table(known: Awaited, column: str) -> LifeTable:
    """Return the life table of the groups of a feature, each leaning a little on everybody's."""
    share_NK, came_NK = periods(known.rows.labels, known.known_days)
    everyone_K = (came_NK.sum(axis=0) + 0.5) / (share_NK.sum(axis=0) + 1.0)
    edges = _edges(column, known.rows.features)
    group_N = _groups(column, edges, known.rows.features)
    rows = []
    for group in range(len(edges) + 2 if column else 1):
        is_in = group_N == group
        came_K = came_NK[is_in].sum(axis=0) + _PRIOR_ROWS * everyone_K
        rate_K = came_K / (share_NK[is_in].sum(axis=0) + _PRIOR_ROWS)
        risk_K = -np.log1p(-np.clip(rate_K, _EDGE, 1 - _EDGE))
        rows.append(tuple(risk_K.tolist()))
    return LifeTable(column, edges, tuple(rows))


def wait_loss(risks_NK: Floats, wait_N: Floats, known_N: Floats) -> Floats:
    """Return the negative log likelihood of each wait, of which `known_N` days were seen, [N]."""
    share_NK, came_NK = periods(wait_N, known_N)
    risk_NK = np.maximum(risks_NK * share_NK, 0.0)
    come_NK = -np.expm1(-np.maximum(risk_NK, _EDGE))
    return np.asarray(np.where(came_NK, -np.log(come_NK), risk_NK).sum(axis=1))


def come_within(risks_NK: Floats, days: float) -> Floats:
    """Return the chance of the event within so many days, [N]."""
    return np.asarray(-np.expm1(-(risks_NK @ bin_shares(days))))


def told_waits(risks_NK: Floats, reach_days: float) -> Waits:
    """Return what is told of these risks, as far as the reach."""
    low, median, high = (
        _quantile(risks_NK, share, reach_days) for share in (INTERVAL[0], 0.5, INTERVAL[1])
    )
    unknown = np.full(len(risks_NK), np.nan)
    chances = {
        days: come_within(risks_NK, days) if days <= reach_days else unknown for days in CHANCE_DAYS
    }
    return Waits(median, low, high, chances, reach_days)


def _quantile(risks_NK: Floats, share: float, reach_days: float) -> Floats:
    """Return the days by which this share has come, NaN beyond the reach, [N]."""
    ends = np.array((0, *BIN_ENDS), dtype=np.float64)
    asked = -np.log1p(-share)
    total = np.cumsum(np.concatenate([np.zeros((len(risks_NK), 1)), risks_NK], axis=1), axis=1)
    place = np.minimum((total < asked).sum(axis=1), len(BIN_ENDS))
    rows = np.arange(len(risks_NK))
    before, after = total[rows, place - 1], total[rows, place]
    part = (asked - before) / np.maximum(after - before, _EDGE)
    found = ends[place - 1] + part * (ends[place] - ends[place - 1])
    return np.where((after >= asked) & (found <= reach_days), found, np.nan)


def _judged(
    known: Awaited, columns: Sequence[str], seed: int
) -> dict[str, tuple[Floats, Ints]] | None:
    """Return each answer's loss on the later windows, [M], beside whose they are; None: too few."""
    found: dict[str, list[Floats]] = {name: [] for name in (*TABLES, HEAD)}
    persons = []
    for cut in np.unique(known.rows.cuts)[-_JUDGED_CUTS:].tolist():
        past = Awaited(known.rows.only(np.flatnonzero(known.rows.cuts < cut)), cut)
        rows = known.rows.only(np.flatnonzero(known.rows.cuts == cut))
        if min(_num_came(past), _num_came(Awaited(rows, known.until))) < _MIN_CAME:
            return None
        if reach_of(past.known_days) <= 0 or len(rows) < MIN_SEEN:
            return None
        # As far as the past reached at that cut: what lies beyond nobody could have told.
        seen = np.full(len(rows), min((known.until - cut) / DAY, reach_of(past.known_days)))
        for name, column in TABLES.items():
            risks = fit_table(past, column).risks_of(rows.features)
            found[name].append(wait_loss(risks, rows.labels, seen))
        risks = _head(past, columns, seed).risks(_chosen(rows.features, columns))
        found[HEAD].append(wait_loss(risks, rows.labels, seen))
        persons.append(rows.subject_ids)
    whose = np.concatenate(persons)
    return {name: (np.concatenate(losses), whose) for name, losses in found.items()}


def _num_came(known: Awaited) -> int:
    """Return how many persons came."""
    came = known.rows.labels < known.known_days
    return len(np.unique(known.rows.subject_ids[came]))


def _gain(difference_N: Floats, subject_N: Ints) -> metrics.Interval:
    _, person = np.unique(subject_N, return_inverse=True)
    each = np.bincount(person, weights=difference_N) / np.bincount(person)
    return metrics.bootstrap_interval(each, num_samples=400)


def _head(known: Awaited, columns: Sequence[str], seed: int) -> HazardHead:
    return fit_hazard(
        _chosen(known.rows.features, columns),
        known.rows.labels,
        known.known_days,
        known.rows.subject_ids,
        days=float(CHANCE_DAYS[0]),
        is_absence=False,
        seed=seed,
    )


def _columns(known: Awaited) -> tuple[str, ...]:
    """Return the features that differ between rows; the season only once a year was seen."""
    cuts = known.rows.cuts
    knows_seasons = cuts.max() - cuts.min() >= _YEAR_DAYS * DAY
    found = []
    for place, name in enumerate(FEATURE_COLUMNS):
        if name in CALENDAR_FEATURES and not knows_seasons:
            continue
        values = known.rows.features[:, place]
        values = values[~np.isnan(values)]
        if len(values) and values.min() < values.max():
            found.append(name)
    return tuple(found)


def _chosen(features_NF: Floats, columns: Sequence[str]) -> Floats:
    return features_NF[:, [FEATURE_COLUMNS.index(name) for name in columns]]


def _edges(column: str, features_NF: Floats) -> tuple[float, ...]:
    """Return what lies between groups of about equally many persons."""
    if not column:
        return ()
    values = features_NF[:, FEATURE_COLUMNS.index(column)]
    values = values[~np.isnan(values)]
    groups = min(_GROUPS, len(values) // _GROUP_ROWS)
    if groups < 2:
        return ()
    found = np.quantile(values, np.arange(1, groups) / groups)
    return tuple(np.unique(found).tolist())


def _groups(column: str, edges: tuple[float, ...], features_NF: Floats) -> Ints:
    """Return each row's group, [N]; the last is of rows without the feature."""
    if not column:
        return np.zeros(len(features_NF), dtype=np.int64)
    values = features_NF[:, FEATURE_COLUMNS.index(column)]
    group = np.searchsorted(np.array(edges), values, side="right")
    return np.where(np.isnan(values), len(edges) + 1, group).astype(np.int64)


def _rounded(value: float, digits: int) -> float | None:
    return None if np.isnan(value) else round(float(value), digits)
