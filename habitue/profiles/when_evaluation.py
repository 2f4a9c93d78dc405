"""How good the days until the next event are, on a future they had not seen, beside life tables.

In: the risks that each answer tells of the same persons, how long each truly waited, and for how
many days everybody was watched. Out: one row of losses a person, and measures of them all. Who
did not come within the days watched counts as that: nobody's wait is guessed. Knows nothing about
how risks are made.

Shapes: N persons, K bins of `heads.BIN_ENDS`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from habitue import metrics
from habitue.events.log import EventLog
from habitue.profiles.features import build_features, item_codes
from habitue.profiles.labels import ANY_EVENT, build_waits
from habitue.profiles.samples import feature_matrix
from habitue.profiles.when import CHANCE_DAYS, come_within, told_waits, wait_loss
from habitue.schema import DAY, Task

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]

_GRID: Final = 60  # moments at which the Brier score is taken


@dataclass(frozen=True)
class WaitTruth:
    """Persons of a task's population at a cut, and how long they waited."""

    subject_ids: Ints
    features: Floats  # [N, F], as of the cut
    waits: Floats  # days, [N]; infinite where none came
    days: float  # watched after the cut


def collect_wait_truth(log: EventLog, task: Task, *, as_of: int) -> WaitTruth:
    """Return who was waited for from `as_of` to the log's end; features are from before it."""
    asked = Task(task.name, "event", event=ANY_EVENT, active_days=task.active_days)
    catalogue = item_codes(log.items(as_of=as_of))
    subjects, features, waits = [], [], []
    for bucket in range(log.num_buckets):
        known = log.read_bucket(bucket, as_of=as_of)
        found = build_waits(known, log.read_bucket(bucket), asked, as_of=as_of)
        columns = build_features(known, catalogue, as_of=as_of).join(
            found, on="subject_id", how="inner", maintain_order="left"
        )
        subjects.append(columns["subject_id"].to_numpy())
        features.append(feature_matrix(columns))
        waits.append(columns["wait"].cast(pl.Float64).fill_null(np.inf).to_numpy())
    days = max(log.end_at - as_of, 0) / DAY
    return WaitTruth(
        np.concatenate(subjects), np.concatenate(features), np.concatenate(waits), days
    )


def wait_losses(risks_NK: Floats, waits_N: Floats, *, days: float, reach_days: float) -> Floats:
    """Return [N, 3]: negative log likelihood, integrated Brier score, days off the median.

    All within the days watched or told of, whichever end first: a later wait and a median that
    is not told both count as that many days.
    """
    end = min(days, reach_days)
    grid = np.arange(1, _GRID + 1) / _GRID * end
    brier_N = np.zeros(len(waits_N))
    for moment in grid:
        brier_N += ((waits_N < moment) - come_within(risks_NK, moment)) ** 2 / _GRID
    median_N = np.nan_to_num(told_waits(risks_NK, end).median, nan=end)
    off_N = np.abs(np.minimum(waits_N, end) - median_N)
    likelihood_N = wait_loss(risks_NK, waits_N, np.full(len(waits_N), end))
    return np.column_stack([likelihood_N, brier_N, off_N])


def wait_measures(
    risks_NK: Floats, waits_N: Floats, *, days: float, reach_days: float
) -> dict[str, float]:
    """Return the means of `wait_losses` beside calibration and coverage.

    `below_low` and `above_high` are the shares of waits outside the interval, a tenth each where
    it is honest; of persons whose bound lies within the days watched.
    """
    losses = wait_losses(risks_NK, waits_N, days=days, reach_days=reach_days)
    found = {
        "log_loss": float(losses[:, 0].mean()),
        "brier": float(losses[:, 1].mean()),
        "days_off": float(np.median(losses[:, 2])),
    }
    for within in CHANCE_DAYS:
        if within <= min(days, reach_days):
            came = waits_N < within
            chance = come_within(risks_NK, within)
            found[f"came_{within}d"] = float(came.mean())
            found[f"told_{within}d"] = float(chance.mean())
            found[f"ece_{within}d"] = metrics.ece(came, chance)
    told = told_waits(risks_NK, reach_days)
    low, high = told.low <= days, told.high <= days
    if low.any():
        found["below_low"] = float((waits_N < told.low)[low].mean())
    if high.any():
        found["above_high"] = float((waits_N >= told.high)[high].mean())
    return found


def judge_when(
    risks: Mapping[str, Floats], truth: WaitTruth, *, reach_days: float
) -> dict[str, dict[str, float]]:
    """Return each contender's measures on the same persons."""
    return {
        name: wait_measures(one, truth.waits, days=truth.days, reach_days=reach_days)
        for name, one in risks.items()
    }
