"""Learns the tasks: what will each person do next, and how sure can one be.

In: the event log up to `train_until`, resolved tasks, and optionally the behaviour model's
embeddings. Out: one `TaskModel` a task. Every choice (how many trees, trees or line, which columns,
whether a head, the calibration) is made on windows that began after the windows a model was
fitted on had ended; the final model is then fitted on all cuts, and keeps that calibration. The
embedding is used only where it wins by more than noise. Knows nothing about networks or files.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from habitue import metrics
from habitue.baselines.lifetime import (
    Asked,
    Lifetime,
    LifetimeRival,
    fit_lifetime_rival,
)
from habitue.baselines.rfm import (
    AmountBaselines,
    ChanceBaselines,
    fit_amount_baselines,
    fit_chance_baselines,
)
from habitue.compute import Progress, Silent
from habitue.events.log import EventLog
from habitue.profiles.calibration import (
    MIN_CASES,
    MIN_SPREAD,
    Calibrator,
    ChanceSpread,
    chance_of,
    fit_amount_spread,
    fit_chance_spread,
    num_cases,
    odds_of,
)
from habitue.profiles.candidates import (
    Candidate,
    Finished,
    finish_candidate,
    gain_of,
    happened_in,
    judge_candidate,
    quantiles,
)
from habitue.profiles.cuts import (
    Fold,
    folds_by_time,
    is_by_time,
    training_cuts,
)
from habitue.profiles.extrapolation import base_of, extrapolated
from habitue.profiles.feature_names import LIFETIME_FEATURES
from habitue.profiles.fusion import Fusion, fuse
from habitue.profiles.levels import (
    is_unseen_season,
    lifetime_bias,
    lifetime_weight,
    moved_level,
    season_drift,
)
from habitue.profiles.samples import (
    FEATURE_COLUMNS,
    Awaited,
    CutSample,
    Embed,
    TaskRows,
    awaited_of_task,
    collect_samples,
    labelled_until,
    lifetime_matrix,
    rfm_matrix,
    rows_of_task,
)
from habitue.profiles.sufficiency import MIN_EVENTS
from habitue.profiles.task_model import TaskModel
from habitue.profiles.tasks import ResolvedTask, fall_instead, is_rare_churn
from habitue.schema import DAY, Task, TaskKind

Floats = npt.NDArray[np.floating]

MIN_PERSONS: Final = 100
MIN_RIVAL_ROWS: Final = 20
_EVENTS: Final = FEATURE_COLUMNS.index("events")
_RETURN_CHANCE: Final = tuple(LIFETIME_FEATURES).index("return_chance")
_FALL_SUFFIX: Final = " as a fall"
_ASKED: Final[dict[TaskKind, Asked]] = {"event": "return", "no_event": "absence", "sum": "value"}


@dataclass(frozen=True)
class FittedTasks:
    """Models by task name, and the tasks this log cannot answer, with reasons."""

    models: Mapping[str, TaskModel]
    unanswered: Mapping[str, str]


def fit_tasks(
    log: EventLog,
    tasks: Sequence[ResolvedTask],
    *,
    train_until: int,
    start_at: int | None = None,
    embed: Embed | None = None,
    fusion: Fusion | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> FittedTasks:
    """Fit every task that can be answered; no event at or after `train_until` is read.

    Tasks of kind "next" belong to the network and are passed over. `fusion` takes a head's part
    whatever the windows say, to be compared.
    """
    progress = progress or Silent()
    unanswered = {one.task.name: one.reason for one in tasks if one.status != "ok"}
    asked = [one for one in tasks if one.status == "ok" and one.task.kind != "next"]
    candidates = [one.task for one in asked]
    candidates += [_as_fall(one.task) for one in asked if one.may_fall]
    first = log.start_at if start_at is None else start_at
    until = labelled_until(log, candidates, start_at=first, train_until=train_until)
    cuts = training_cuts(candidates, start_at=first, train_until=until)
    samples = collect_samples(
        log, candidates, cuts=cuts, train_until=train_until, embed=embed, progress=progress
    )
    lifetime = samples[-1].lifetime
    models = {}
    progress.start("Predictions", len(asked), "tasks")
    for one in asked:
        task, rows, population = _decided(one, samples)
        has_cut = any(task.name in sample.labels for sample in samples[:-1])
        if has_cut and task.rhythm is not None and (lifetime is None or not len(rows)):
            unanswered[task.name] = "too few customers bought again to know a usual pause"
        elif not len(rows):
            unanswered[task.name] = "the log up to the cut is shorter than the task's horizon needs"
        else:
            models[task.name] = fit_task(
                task,
                rows,
                population=population,
                lifetime=lifetime,
                seen_days=(train_until - first) / DAY,
                awaited=None
                if task.fall_to is not None or task.rhythm is not None
                else awaited_of_task(samples, task, until=until),
                fusion=fusion,
                seed=seed,
            )
        progress.advance(note=task.name)
    for one in tasks:
        base = base_of(one.task, models.values()) if one.task.name in unanswered else None
        if base is not None:
            today = rows_of_task(samples[-1:], base.task)
            why = unanswered.pop(one.task.name)
            models[one.task.name] = extrapolated(base, one.task, why, population=today)
    progress.finish()
    return FittedTasks(models, unanswered)


def fit_task(
    task: Task,
    rows: TaskRows,
    *,
    population: TaskRows | None = None,
    lifetime: Lifetime | None = None,
    seen_days: float = np.inf,
    awaited: Awaited | None = None,
    fusion: Fusion | None = None,
    seed: int = 0,
) -> TaskModel:
    """Fit one task on its rows; percentiles are those of `population` (default: the rows).

    `lifetime` was fitted to everyone as of the end of the time learnt from; `seen_days` is how
    long that time was. A head that asks when something comes learns from `awaited`.
    """
    rival = _lifetime_rival(task, rows, lifetime)
    obstacle = _obstacle(task, rows)
    if obstacle:
        model = _base_rate_model(task, rows, obstacle, seed=seed)
        # Whoever is asked by their own rhythm is so whatever is answered.
        return replace(model, lifetime_rival=rival, lifetime=lifetime if task.rhythm else None)
    if lifetime is None:
        rows = replace(rows, told=None)  # what nobody could tell of a person today
        if awaited is not None:
            awaited = replace(awaited, rows=replace(awaited.rows, told=None))
    folds = folds_by_time(rows.cuts, rows.subject_ids, horizon=task.horizon)
    chosen, notes = _choose(task, rows, folds, seed)
    fused = fuse(task, rows, folds, chosen, awaited, fusion=fusion, seed=seed)
    chosen = fused.candidate
    finished = finish_candidate(task, rows, chosen, seed=seed)
    moved = 0.0
    if population is not None and rival is not None:
        own_level = finished.calibrator.level
        finished, level_note = _at_level_of_lifetime(task, rows, population, chosen, finished)
        moved = finished.calibrator.level - own_level
        notes.append(level_note)
    model = _model(
        task,
        rows,
        chosen,
        finished,
        population or rows,
        lifetime=lifetime,
        notes=(_fold_note(folds, rows), *notes, fused.note),
        moved=moved,
        seen_days=seen_days,
        seed=seed,
    )
    return replace(
        model,
        lifetime_rival=rival,
        validation={**model.validation, **fused.losses},
        no_head=fused.obstacle,
    )


def _choose(
    task: Task, rows: TaskRows, folds: Sequence[Fold], seed: int
) -> tuple[Candidate, list[str]]:
    """Take all features unless recency, frequency and money alone did better; then the embedding
    where it did better beyond noise, for it makes every prediction depend on the network.
    """
    plain = judge_candidate(task, rows, folds, "rfm", seed=seed)
    chosen = judge_candidate(task, rows, folds, "features", seed=seed)
    gain = gain_of(chosen, plain, rows)
    notes = [_gain_note("features over rfm", gain)]
    if gain.mean < 0 and plain.columns:
        chosen = plain
    if rows.embeddings is not None:
        richer = judge_candidate(task, rows, folds, "features+embedding", seed=seed)
        gain = gain_of(richer, chosen, rows)
        notes.append(_gain_note(f"features+embedding over {chosen.form}", gain))
        chosen = richer if gain.low > 0 else chosen
    return chosen, notes


def _at_level_of_lifetime(
    task: Task, rows: TaskRows, population: TaskRows, chosen: Candidate, finished: Finished
) -> tuple[Finished, str]:
    """Move the level towards BG/NBD's of today, as far as past windows bear it out."""
    judged, happened, told = finished.rows, happened_in(rows), _told_chance(task, rows)
    bias = lifetime_bias(
        finished.calibrator.odds(finished.chance.raw(chosen.matrix)),
        happened,
        told,
        rows.cuts,
        horizon_days=task.horizon_days,
    )
    weight = lifetime_weight(
        chosen.chance.raw,
        happened[judged],
        told[judged],
        rows.cuts[judged],
        horizon_days=task.horizon_days,
        bias=bias,
    )
    matrix = population.columns(chosen.columns)
    if chosen.form == "features+embedding" and population.embeddings is not None:
        matrix = np.concatenate([matrix, population.embeddings], axis=1)
    calibrator = moved_level(
        finished.calibrator,
        finished.chance.raw(matrix),
        _told_chance(task, population),
        weight=weight,
        bias=bias.known_at(),
    )
    moved = calibrator.level - finished.calibrator.level
    note = (
        f"level moved by {moved:+.2f} in log odds, {weight:.0%} of the way to BG/NBD's, "
        f"to which {bias.known_at():+.2f} were added for what it told of past windows"
    )
    return replace(finished, calibrator=calibrator), note


def _told_chance(task: Task, rows: TaskRows) -> Floats:
    """Return the chance that BG/NBD tells of each row, NaN where it tells none."""
    if rows.told is None:
        return np.full(len(rows), np.nan)
    chance = np.asarray(rows.told[:, _RETURN_CHANCE], dtype=np.float64)
    return 1 - chance if task.kind == "no_event" else chance


def _gain_note(what: str, gain: metrics.Interval) -> str:
    return f"{what}: loss lower by {gain.mean:.4f} (95 %: {gain.low:.4f} to {gain.high:.4f})"


def _as_fall(task: Task) -> Task:
    fall = fall_instead(task)
    return replace(fall, name=task.name + _FALL_SUFFIX)


def _decided(
    one: ResolvedTask, samples: Sequence[CutSample]
) -> tuple[Task, TaskRows, TaskRows | None]:
    """Return the task as it will be, its rows, and the rows of the population to be scored."""
    past, now = samples[:-1], samples[-1:]
    task = known_as = one.task
    rows = rows_of_task(past, task)
    if one.may_fall and len(rows) and is_rare_churn(float(rows.labels.mean())):
        fall = _as_fall(task)
        fallen = rows_of_task(past, fall)
        if not _obstacle(task, fallen):
            task, rows, known_as = fall_instead(task), fallen, fall
    population = rows_of_task(now, known_as)
    return task, rows, population if len(population) else None


def _obstacle(task: Task, rows: TaskRows) -> str:
    """Return why nothing can be learnt from these rows, or an empty text."""
    persons = len(np.unique(rows.subject_ids))
    if persons < MIN_PERSONS:
        return f"only {persons} persons to learn from; {MIN_PERSONS} are needed"
    if task.kind == "sum":
        cases = len(np.unique(rows.subject_ids[rows.labels > 0]))
    else:
        cases = num_cases(rows.labels, rows.subject_ids)
    if cases < MIN_CASES:
        return f"only {cases} cases among {persons} persons; {MIN_CASES} are needed"
    return ""


def _rivals(
    task: Task, rows: TaskRows, seed: int
) -> tuple[ChanceBaselines | None, AmountBaselines | None]:
    """Fit the simple rivals of a probability or of an amount."""
    rfm = rfm_matrix(rows.features, horizon=task.horizon)
    if task.is_probability:
        return fit_chance_baselines(rfm, rows.labels, seed=seed), None
    return None, fit_amount_baselines(rfm, rows.labels, seed=seed)


def _lifetime_rival(task: Task, rows: TaskRows, lifetime: Lifetime | None) -> LifetimeRival | None:
    """Return the lifetime-value models' answer where the task asks about purchases to come."""
    if lifetime is None or not len(rows) or task.event != "purchase" or task.fall_to is not None:
        return None
    columns = lifetime_matrix(rows.features)
    asked = _ASKED[task.kind]
    return fit_lifetime_rival(lifetime, columns, rows.labels, asked=asked, days=task.horizon_days)


def _tells_apart(rows: TaskRows) -> bool:
    """Whether there is anything that a rival could learn from."""
    return len(rows) >= MIN_RIVAL_ROWS and bool(rows.labels.min() < rows.labels.max())


def _base_rate_model(task: Task, rows: TaskRows, reason: str, *, seed: int) -> TaskModel:
    rate = float(rows.labels.mean())
    persons = len(np.unique(rows.subject_ids))
    rivals = _rivals(task, rows, seed) if _tells_apart(rows) else (None, None)
    if task.is_probability:
        # Half a case on either side: what never happened here is not impossible.
        rate = float((rows.labels.sum() + 0.5) / (len(rows) + 1))
    return TaskModel(
        task=task,
        reason=reason,
        form="features",
        columns=(),
        embedding_dim=0,
        chance=None,
        amount=None,
        calibrator=Calibrator("none"),
        shape=None,
        chance_spread=ChanceSpread((), (persons,), 0.2),
        amount_spread=None
        if task.is_probability or persons < MIN_SPREAD
        else fit_amount_spread(np.full(len(rows), rate), rows.labels),
        base_rate=rate,
        thin_rate=rate,
        typical=None if task.is_probability else float(np.median(rows.labels)),
        calibrated=False,
        percentiles=(rate,) * 101,
        chance_baselines=rivals[0],
        amount_baselines=rivals[1],
        cuts=_cuts_of(rows),
        num_rows=len(rows),
    )


def _model(
    task: Task,
    rows: TaskRows,
    chosen: Candidate,
    finished: Finished,
    population: TaskRows,
    *,
    lifetime: Lifetime | None,
    notes: tuple[str, ...],
    moved: float,
    seen_days: float,
    seed: int,
) -> TaskModel:
    judged, truth = finished.rows, rows.labels[finished.rows]
    happened = (truth > 0).astype(np.float64)
    cases = num_cases(truth, rows.subject_ids[judged])
    is_chance = task.is_probability
    chance_baselines, amount_baselines = _rivals(task, rows, seed)
    model = TaskModel(
        task=task,
        reason="",
        form=chosen.form,
        columns=chosen.columns,
        embedding_dim=chosen.matrix.shape[1] - len(chosen.columns),
        chance=finished.chance,
        amount=finished.amount,
        calibrator=finished.calibrator,
        shape=finished.shape,
        chance_spread=fit_chance_spread(
            finished.probability, happened, rows.cuts[judged], rows.subject_ids[judged]
        ),
        amount_spread=None if is_chance else fit_amount_spread(finished.expected, truth),
        base_rate=float(rows.labels.mean()),
        thin_rate=_moved_rate(_thin_rate(rows), moved) if is_chance else _thin_rate(rows),
        typical=None if is_chance else float(np.median(rows.labels)),
        thin_typical=None if is_chance else _thin_typical(rows),
        calibrated=cases >= MIN_CASES,
        percentiles=(),
        chance_baselines=chance_baselines,
        amount_baselines=amount_baselines,
        cuts=_cuts_of(rows),
        num_rows=len(rows),
        validation=_validation(task, finished, truth),
        notes=notes,
        lifetime=lifetime,
        season_drift=_season_drift(task, rows, chosen, finished, seen_days),
    )
    expected, _ = model.score_matrix(population.features, population.embeddings)
    return replace(model, percentiles=quantiles(expected))


def _thin_rate(rows: TaskRows) -> float:
    """Return the rate of persons with hardly any events, drawn towards that of all."""
    thin = rows.labels[rows.features[:, _EVENTS] < MIN_EVENTS]
    return float((thin.sum() + MIN_CASES * rows.labels.mean()) / (len(thin) + MIN_CASES))


def _moved_rate(rate: float, moved: float) -> float:
    """Return the rate on another level; nobody changes places by it."""
    return float(chance_of(odds_of(np.array(rate)) + moved)) if moved else rate


def _season_drift(
    task: Task, rows: TaskRows, chosen: Candidate, finished: Finished, seen_days: float
) -> float:
    """Return how far the level may stray where the season ahead was not seen; else 0."""
    is_unseen = is_unseen_season(
        finished.calibrator.odds(finished.chance.raw(chosen.matrix)),
        happened_in(rows),
        rows.cuts,
        seen_days=seen_days,
        horizon_days=task.horizon_days,
    )
    return season_drift(task.horizon_days) if is_unseen else 0.0


def _thin_typical(rows: TaskRows) -> float:
    """Return the median of persons with hardly any events; that of all where they are few."""
    thin = rows.labels[rows.features[:, _EVENTS] < MIN_EVENTS]
    return float(np.median(thin if len(thin) >= MIN_CASES else rows.labels))


def _validation(task: Task, finished: Finished, truth: Floats) -> dict[str, float]:
    if len(truth) == 0 or len(np.unique(truth)) < 2:
        return {}
    if task.is_probability:
        return {
            "auc": metrics.auc(truth > 0, finished.score),
            "log_loss": metrics.log_loss(truth > 0, finished.score),
        }
    return {
        "mae": metrics.mae(truth, finished.score),
        "spearman": metrics.spearman(truth, finished.score),
    }


def _fold_note(folds: Sequence[Fold], rows: TaskRows) -> str:
    if is_by_time(folds, rows.cuts):
        return f"chosen and calibrated on {len(folds)} later windows, refitted on all cuts"
    return "too short for later windows: chosen and calibrated on other persons, refitted on all"


def _cuts_of(rows: TaskRows) -> tuple[int, ...]:
    return tuple(int(cut) for cut in np.unique(rows.cuts))
