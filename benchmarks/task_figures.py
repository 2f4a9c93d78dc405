"""Measures of predictions over several cuts, with paired intervals over persons.

In: for each cut, whose the rows are, what came, and what every contender said. Out: each
contender's measures at each cut and on average, and what ours is ahead of each rival. A person
judged at several cuts is drawn with all of them. Knows nothing about shops or models.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from habitue import metrics
from habitue.errors import NotEnoughData
from habitue.profiles.next_evaluation import next_measures, ranks_of_truth
from habitue.profiles.task_evaluation import amount_measures, chance_measures

OURS: Final = "ours"
DIGITS: Final = 5
RESAMPLES: Final = 200

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]
Document = dict[str, Any]
Measure = Callable[[Floats, Floats], float]

# What is compared with resampled persons, each so that more is better.
CHANCE: Final[dict[str, Measure]] = {
    "auc": lambda truth, score: metrics.auc(truth > 0, score),
    "pr_auc": lambda truth, score: metrics.pr_auc(truth > 0, score),
    "log_loss": lambda truth, score: -metrics.log_loss(truth > 0, score),
}
NEXT: Final[dict[str, Measure]] = {
    "hit_rate@3": lambda truth, outcome: float(outcome[:, 0].mean()),
    "mrr": lambda truth, outcome: float(outcome[:, 1].mean()),
    "log_loss": lambda truth, outcome: float(outcome[:, 2].mean()),
}
LEAST_CHANCE: Final = 1e-6  # as in `next_measures`
AMOUNT: Final[dict[str, Measure]] = {
    "spearman": metrics.spearman,
    "mae": lambda truth, score: -metrics.mae(truth, score),
}


@dataclass(frozen=True)
class Judged:
    """One cut: N persons, what came, and what each contender said, (expected, typical)."""

    cut: str
    persons: Ints
    truth: Floats
    said: Mapping[str, tuple[Floats, Floats]]
    interval: tuple[Floats, Floats] | None = None  # ours, of 90 %
    is_unseen_season: bool = False  # whether ours warned of it


def figures(parts: Sequence[Judged], *, is_chance: bool) -> Document:
    """Return the measures at each cut, their means, and ours against each rival."""
    measure = chance_measures if is_chance else amount_measures
    rows = []
    for part in parts:
        measures = {
            name: rounded(measure(part.truth, typical, expected))
            for name, (expected, typical) in part.said.items()
        }
        rows.append(_row(part) | held(part, is_chance=is_chance) | {"contenders": measures})
    compared = compared_contenders(parts, CHANCE if is_chance else AMOUNT)
    return {"cuts": rows, "mean": means(rows), **compared}


def held(part: Judged, *, is_chance: bool) -> Document:
    """Return how often ours' interval held what came, and whether it warned of the season.

    Of a probability it is about a rate: that of each tenth of the persons, as ranked by ours, whose
    means are given as `reliability`.
    """
    if part.interval is None:
        return {}
    low, high = part.interval
    groups = [np.array([row]) for row in range(len(part.truth))]
    if is_chance:
        order = np.argsort(part.said[OURS][1], kind="stable")
        groups = [group for group in np.array_split(order, 10) if len(group)]
    inside = [low[g].mean() <= part.truth[g].mean() <= high[g].mean() for g in groups]
    told = part.said[OURS][0]
    columns = {"told": told, "came": part.truth, "low": low, "high": high}
    reliability = [
        {
            "persons": len(g),
            **{key: round(float(of[g].mean()), DIGITS) for key, of in columns.items()},
        }
        for g in groups
    ]
    return {
        "interval_held": round(float(np.mean(inside)), DIGITS),
        "is_unseen_season": part.is_unseen_season,
    } | ({"reliability": reliability} if is_chance else {})


def _row(part: Judged) -> Document:
    return {
        "cut": part.cut,
        "persons": len(part.truth),
        "base_rate": round(float(part.truth.mean()), DIGITS),
    }


def means(rows: Sequence[Document]) -> Document:
    """Return each contender's measures, the mean over cuts; the total's error without its sign."""
    found: Document = {}
    for name, measures in rows[0]["contenders"].items():
        found[name] = {}
        for metric in measures:
            values = [row["contenders"][name][metric] for row in rows]
            if metric == "total_error":
                found[name]["total_error_size"] = round(float(np.mean(np.abs(values))), DIGITS)
            found[name][metric] = round(float(np.mean(values)), DIGITS)
    return found


def rounded(measures: Mapping[str, float]) -> dict[str, float]:
    """Return the measures with as many digits as they deserve."""
    return {name: round(float(value), DIGITS) for name, value in measures.items()}


def compared_contenders(parts: Sequence[Judged], measures: Mapping[str, Measure]) -> Document:
    """Return, by rival and measure, what ours is ahead: the mean over cuts with its interval, and
    at each cut with its standard error.
    """
    rivals = [name for name in parts[0].said if name != OURS]
    rng = np.random.default_rng(0)
    samples = [_ahead(parts, measures, rivals, counts) for counts in _draws(parts, rng, RESAMPLES)]
    drawn = np.stack([one for one in samples if one is not None])  # [S, rivals, measures, cuts]
    whole = [np.ones(len(part.persons), np.int64) for part in parts]
    found = _ahead(parts, measures, rivals, whole)
    assert found is not None, "the cut itself is judged"
    low, high = np.quantile(drawn.mean(axis=3), [0.025, 0.975], axis=0)
    error = drawn.std(axis=0)
    return {
        "differences": {
            rival: {
                metric: {
                    "mean": round(float(found[r, m].mean()), DIGITS),
                    "interval": [round(float(low[r, m]), DIGITS), round(float(high[r, m]), DIGITS)],
                    "of_each_cut": [round(float(one), DIGITS) for one in found[r, m]],
                    "standard_errors": [round(float(one), DIGITS) for one in error[r, m]],
                }
                for m, metric in enumerate(measures)
            }
            for r, rival in enumerate(rivals)
        }
    }


def _draws(parts: Sequence[Judged], rng: np.random.Generator, num: int) -> list[list[Ints]]:
    """Return how often each row is drawn, a list of cuts for each resample."""
    everyone, place = np.unique(
        np.concatenate([part.persons for part in parts]), return_inverse=True
    )
    ends = np.cumsum([len(part.persons) for part in parts])[:-1]
    draws = []
    for _ in range(num):
        drawn = rng.integers(len(everyone), size=len(everyone))
        counts = np.bincount(drawn, minlength=len(everyone))[place]
        draws.append(np.split(counts, ends))
    return draws


def _ahead(
    parts: Sequence[Judged],
    measures: Mapping[str, Measure],
    rivals: Sequence[str],
    counts: Sequence[Ints],
) -> Floats | None:
    """Return ours less each rival's, [rivals, measures, cuts]; None where a cut has one class."""
    found = np.empty((len(rivals), len(measures), len(parts)))
    for cut, (part, times) in enumerate(zip(parts, counts, strict=True)):
        rows = np.repeat(np.arange(len(times)), times)
        truth = part.truth[rows]
        for m, measure in enumerate(measures.values()):
            try:
                ours = measure(truth, part.said[OURS][1][rows])
                for r, rival in enumerate(rivals):
                    found[r, m, cut] = ours - measure(truth, part.said[rival][1][rows])
            except NotEnoughData:
                return None
    return found


@dataclass(frozen=True)
class JudgedNext:
    """One cut of a task of kind "next": N persons, K classes."""

    cut: str
    persons: Ints
    labels: Ints
    said: Mapping[str, Floats]  # [N, K]
    hidden: int | None = None  # the class that is never an answer


def next_figures(parts: Sequence[JudgedNext]) -> Document:
    """Return the same of what comes next: accuracy, hit rate, reciprocal rank, log loss."""
    rows = [
        {
            "cut": part.cut,
            "persons": len(part.labels),
            "contenders": {
                name: rounded(next_measures(part.labels, said, hidden=part.hidden))
                for name, said in part.said.items()
            },
        }
        for part in parts
    ]
    ranks = [
        Judged(
            part.cut,
            part.persons,
            np.zeros(len(part.labels)),
            {name: (one, one) for name, one in _outcomes(part).items()},
        )
        for part in parts
    ]
    return {"cuts": rows, "mean": means(rows), **compared_contenders(ranks, NEXT)}


def _outcomes(part: JudgedNext) -> dict[str, Floats]:
    """Return, by contender, [N, 3]: among the first three or not, reciprocal rank, log chance."""
    found = {}
    for name, said in part.said.items():
        rank = ranks_of_truth(part.labels, said, hidden=part.hidden)
        own = said[np.arange(len(part.labels)), np.maximum(part.labels, 0)]
        chance = np.maximum(np.where(part.labels >= 0, own, 0.0), LEAST_CHANCE)
        found[name] = np.column_stack([rank <= 3, 1 / rank, np.log(chance)])
    return found
