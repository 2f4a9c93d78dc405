"""The moments at which the past is cut into what was known and what came after.

In: the span of the log that may be learnt from, and the tasks' horizons. Out: for each task the
cuts to learn at, every label window ending by `train_until`; and folds of those cuts in which a
model is always judged on windows that begin after the windows it was fitted on have ended. Cuts
are shared between tasks, because features are the dear part. Knows nothing about events.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from habitue.schema import DAY, Task

MAX_CUTS = 6
MAX_FOLDS = 3
PERSON_FOLDS = 3
DAYS_FOR_WHOLE_DAYS = 5

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Fold:
    """Rows to fit on and rows to judge by."""

    fit: Ints
    judge: Ints


def training_cuts(
    tasks: Sequence[Task], *, start_at: int, train_until: int
) -> dict[str, tuple[int, ...]]:
    """Return each task's cuts, earliest first; none where the span is too short.

    The last cut lies one horizon before `train_until`, the others a third of the longest horizon
    apart, back to half a horizon of history (a whole one where amounts are compared or predicted),
    more by `absent_days`, for before that nobody can have been absent.
    Steps are whole days where the log is long enough for that: mornings are no evenings.
    """
    if not tasks:
        return {}
    step = _step(tasks, span=train_until - start_at)
    lasts = {task.name: train_until - _whole(task.horizon, step) for task in tasks}
    grid = {*lasts.values(), *range(train_until - step, start_at, -step)}
    return {
        task.name: _spaced(
            sorted(
                (
                    cut
                    for cut in grid
                    if cut <= lasts[task.name] and cut - start_at >= _history(task)
                ),
                reverse=True,
            ),
            least=step // 2,
        )
        for task in tasks
    }


def _step(tasks: Sequence[Task], *, span: int) -> int:
    third = max(task.horizon for task in tasks) // 3
    if third < DAY:
        return DAY if span >= DAYS_FOR_WHOLE_DAYS * DAY else max(third, 1)
    return third - third % DAY


def _whole(horizon: int, step: int) -> int:
    """Return the horizon, rounded up to a day where steps are whole days."""
    return max(horizon, DAY) if step % DAY == 0 else horizon


def _history(task: Task) -> int:
    # Amounts are learnt from sums over windows; a window that reaches before the log is no sum.
    needs_whole = task.fall_to is not None or task.kind == "sum"
    history = task.horizon if needs_whole else task.horizon // 2
    return history + round((task.absent_days or 0) * DAY)


def _spaced(cuts: Sequence[int], *, least: int) -> tuple[int, ...]:
    """Return at most `MAX_CUTS`, latest first chosen, no two nearer than `least`."""
    kept: list[int] = []
    for cut in cuts:
        if len(kept) < MAX_CUTS and (not kept or kept[-1] - cut >= least):
            kept.append(cut)
    return tuple(reversed(kept))


def distinct_windows(cuts: Ints, *, horizon: int) -> float:
    """Return how many windows those of these cuts are worth; days they share count once."""
    return 1 + float(np.ptp(cuts)) / horizon if len(cuts) else 1.0


def folds_by_time(cut_of_row: Ints, subject_of_row: Ints, *, horizon: int) -> tuple[Fold, ...]:
    """Return folds that judge on later windows; by person where the log is too short for that.

    A fold judges the rows of one cut and fits on the cuts whose label windows ended by then.
    """
    cuts = np.unique(cut_of_row)
    folds = []
    for cut in cuts[::-1]:
        fit = np.flatnonzero(cut_of_row + horizon <= cut)
        if len(fit):
            folds.append(Fold(fit, np.flatnonzero(cut_of_row == cut)))
    if folds:
        return tuple(folds[:MAX_FOLDS])
    part = subject_of_row % PERSON_FOLDS
    return tuple(
        Fold(np.flatnonzero(part != one), np.flatnonzero(part == one))
        for one in range(PERSON_FOLDS)
    )


def is_by_time(folds: Sequence[Fold], cut_of_row: Ints) -> bool:
    """Whether every fold judges on a later window than it was fitted on."""
    return all(
        len(fold.fit) > 0 and cut_of_row[fold.fit].max() < cut_of_row[fold.judge].min()
        for fold in folds
    )
