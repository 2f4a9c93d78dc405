"""Answers of amounts for a horizon that the log is too short for, always labelled as such.

In: the fitted tasks, and one that could not be fitted. Out: a model that carries on the answer of
the longest horizon that could. Knows nothing about how that was learnt.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from habitue.profiles.candidates import quantiles
from habitue.profiles.carried import Extrapolation
from habitue.profiles.levels import season_drift
from habitue.profiles.samples import TaskRows
from habitue.profiles.task_model import TaskModel
from habitue.schema import Task

__all__ = ["base_of", "extrapolated"]

LONG_DAYS: Final = 180.0  # what is shorter has a proposal that is truly fitted
LEAST_DAYS: Final = 30.0


def base_of(task: Task, models: Iterable[TaskModel]) -> TaskModel | None:
    """Return the model whose answer may be carried on to the task's horizon; None if none may."""
    if not _is_plain_value(task) or task.horizon_days < LONG_DAYS:
        return None
    fitting = [
        model
        for model in models
        if _is_plain_value(model.task)
        and LEAST_DAYS <= model.task.horizon_days < task.horizon_days
        and model.chance is not None
        and model.lifetime is not None
        and model.lifetime.spending is not None
    ]
    return max(fitting, key=lambda model: model.task.horizon, default=None)


def _is_plain_value(task: Task) -> bool:
    is_of_everybody = task.absent_days is None and not task.active_event
    return task.kind == "sum" and task.event == "purchase" and is_of_everybody


def extrapolated(base: TaskModel, task: Task, why: str, *, population: TaskRows) -> TaskModel:
    """Return the task answered by carrying on the base's; `population` is the base's today."""
    days = base.task.horizon_days
    times = task.horizon_days / days
    reason = f"extrapolated from {days:g} days: {why}"
    rival = base.lifetime_rival
    if rival is not None:
        never = rival.never_bought * times
        rival = replace(rival, days=task.horizon_days, never_bought=never)
    model = replace(
        base,
        task=task,
        extrapolation=Extrapolation(days, reason),
        calibrated=False,
        validation={},
        notes=(reason,),
        lifetime_rival=rival,
        season_drift=max(base.season_drift, season_drift(task.horizon_days)),
        no_head="",
    )
    expected, score = model.score_matrix(population.features, population.embeddings)
    middle = quantiles(score)[50]
    return replace(
        model, base_rate=float(expected.mean()), typical=middle, percentiles=quantiles(expected)
    )
