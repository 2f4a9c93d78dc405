"""Whether a head answers alone, together with trees and line, or not at all.

In: the candidate chosen for a task, its rows and folds, and everybody waited for. Out: the same
candidate with a head's share in its raw scores, by the loss on the windows the candidate was
judged on. A head is fitted for each of them on what was known when that window began, so that the
figures compare like with like. It is taken only where it wins by more than noise, for it is one
more thing to learn. "joint" is the head alone (features and embedding in one network), "fused" a
mix in raw scores, "features" the candidate as it was.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from habitue import metrics
from habitue.profiles.calibration import chance_of
from habitue.profiles.candidates import (
    Candidate,
    Heads,
    gain_of,
    happened_in,
    logged,
    residuals_of,
)
from habitue.profiles.cuts import Fold, is_by_time
from habitue.profiles.heads import BIN_ENDS, fit_amounts, fit_hazard, reach_of
from habitue.profiles.samples import Awaited, TaskRows
from habitue.profiles.scorer import Mixture, level_of, loss_of, usable_folds
from habitue.profiles.task_model import AmountShape
from habitue.schema import DAY, Task

Floats = npt.NDArray[np.floating]
Fusion = Literal["features", "joint", "fused"]

_FUSED_SHARES: Final = (0.25, 0.5, 0.75)
_MIN_AMOUNTS: Final = 100


@dataclass(frozen=True)
class Fused:
    """What was chosen, and what each candidate's loss was."""

    candidate: Candidate
    # "loss_features", "loss_joint", "loss_fused", and by how much at least (95 %) the best with
    # the head is lower: "head_gain_low"; empty where no head was learnt.
    losses: dict[str, float]
    note: str
    obstacle: str = ""  # why no head was learnt


def fuse(
    task: Task,
    rows: TaskRows,
    folds: Sequence[Fold],
    plain: Candidate,
    awaited: Awaited | None,
    *,
    fusion: Fusion | None = None,
    seed: int,
) -> Fused:
    """Return the candidate with the head's share in it that did best on later windows.

    With `fusion` that one is taken whatever the windows say, where a head can be learnt at all.
    """
    obstacle = _obstacle(task, rows, plain, awaited)
    if obstacle:
        return Fused(plain, {}, f"features alone: {obstacle}", obstacle)
    usable = usable_folds(happened_in(rows), folds, "binary")
    by_time = is_by_time(folds, rows.cuts)
    raws = []
    for fold in usable:
        past = None if awaited is None else _before(awaited, rows, fold, by_time=by_time)
        heads = _fit(task, rows, fold.fit, plain, past, seed)
        raws.append([head.raw(plain.matrix[fold.judge]) for head in heads if head is not None])
    window = np.repeat(np.arange(len(usable)), [len(fold.judge) for fold in usable])
    raw = [np.concatenate(parts) for parts in zip(*raws, strict=True)]
    joint = _mixed(task, rows, plain, raw, window, 1.0)
    mixes = [_mixed(task, rows, plain, raw, window, share) for share in _FUSED_SHARES]
    fused = min(mixes, key=lambda one: float(one.loss.mean()))
    winner = min((joint, fused), key=lambda one: float(one.loss.mean()))
    gain = gain_of(winner, plain, rows)
    losses = {"features": plain, "joint": joint, "fused": fused}
    figures = {f"loss_{name}": float(one.loss.mean()) for name, one in losses.items()}
    taken = winner if gain.low > 0 else plain
    if fusion is not None:
        taken = losses[fusion]
    if taken.head_share:
        taken = replace(taken, heads=_fit(task, rows, np.arange(len(rows)), plain, awaited, seed))
    note = _note(taken, figures, gain)
    return Fused(taken, {**figures, "head_gain_low": gain.low}, note)


def fusion_of(head_share: float) -> Fusion:
    """Return the name of a head's share."""
    if head_share == 0:
        return "features"
    return "joint" if head_share == 1 else "fused"


def _obstacle(task: Task, rows: TaskRows, plain: Candidate, awaited: Awaited | None) -> str:
    """Return why no head can be learnt, or an empty text."""
    if not len(plain.chance.rows):
        return "no later window to judge a head by"
    if task.kind == "sum":
        few = int((rows.labels > 0).sum()) < _MIN_AMOUNTS
        return f"fewer than {_MIN_AMOUNTS} amounts to learn a head from" if few else ""
    if task.rhythm is not None:
        return "everybody is asked for days of their own"
    if awaited is None:
        return "a fall in spending has no first event for a head to wait for"
    if task.horizon_days < BIN_ENDS[0]:
        return "the head's first bin is a day"
    reach = reach_of(awaited.known_days)
    if task.horizon_days > reach:
        return f"the head reaches {reach:g} days"
    return ""


def _before(awaited: Awaited, rows: TaskRows, fold: Fold, *, by_time: bool) -> Awaited:
    """Return who was waited for when the judged window began; of other persons without windows."""
    known, until = awaited.rows, awaited.until
    if by_time:
        until = int(rows.cuts[fold.judge].min())
        kept = known.cuts < until
    else:
        kept = ~np.isin(known.subject_ids, rows.subject_ids[fold.judge])
    return Awaited(known.only(np.flatnonzero(kept)), until)


def _fit(
    task: Task,
    rows: TaskRows,
    fit: npt.NDArray[np.int64],
    plain: Candidate,
    awaited: Awaited | None,
    seed: int,
) -> Heads:
    """Fit the head on these rows, or on who was waited for where it asks when."""
    if task.kind == "sum":
        matrix, labels = plain.matrix[fit], rows.labels[fit]
        return fit_amounts(matrix, labels, rows.subject_ids[fit], seed=seed)
    assert awaited is not None, "an obstacle that was passed over"
    known = awaited.rows
    matrix = known.columns(plain.columns)
    if plain.form == "features+embedding" and known.embeddings is not None:
        matrix = np.concatenate([matrix, known.embeddings], axis=1)
    head = fit_hazard(
        matrix,
        known.labels,
        awaited.known_days,
        known.subject_ids,
        days=task.horizon / DAY,
        is_absence=task.kind == "no_event",
        seed=seed,
    )
    return head, None


def _mixed(
    task: Task,
    rows: TaskRows,
    plain: Candidate,
    raw: Sequence[Floats],
    window: npt.NDArray[np.int64],
    share: float,
) -> Candidate:
    """Return the candidate with this share of the head in its raw scores."""
    judged, happened = plain.chance.rows, happened_in(rows)
    chance = _blended(plain.chance, raw[0], happened[judged], window, share, "binary")
    if plain.amount is None:
        loss = loss_of(happened[judged], chance.levelled, "binary")
        return replace(plain, chance=chance, loss=loss, head_share=share)
    log_amounts = logged(rows)[judged]
    amount = _blended(plain.amount, raw[1], log_amounts, window, share, "regression")
    shape = AmountShape(residuals_of(log_amounts - amount.levelled), 1.0)
    score = shape.median(chance_of(chance.levelled), amount.levelled)
    loss = np.abs(score - rows.labels[judged])
    return replace(plain, chance=chance, amount=amount, shape=shape, loss=loss, head_share=share)


def _blended(
    plain: Mixture,
    head: Floats,
    label: Floats,
    window: npt.NDArray[np.int64],
    share: float,
    objective: Literal["binary", "regression"],
) -> Mixture:
    raw = (1 - share) * plain.raw + share * head
    return replace(plain, raw=raw, levelled=raw + level_of(label, raw, window, objective))


def _note(taken: Candidate, losses: dict[str, float], gain: metrics.Interval) -> str:
    shown = ", ".join(f"{name.removeprefix('loss_')} {loss:.4f}" for name, loss in losses.items())
    chosen = fusion_of(taken.head_share)
    share = f" (a share of {taken.head_share:g})" if chosen == "fused" else ""
    return (
        f"{chosen}{share} of the head's choices, by loss: {shown}; the best with the head is lower "
        f"by {gain.mean:.4f} (95 %: {gain.low:.4f} to {gain.high:.4f})"
    )
