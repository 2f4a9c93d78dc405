"""Measures of quality: arrays in, numbers out.

Ranking measures take what was offered and what was wanted and return one value a person, so that
means, groups and intervals are the caller's. Measures of predictions take truth and score and
return one number. Ties never help: where a score does not decide, a wanted item comes last, and a
constant score earns what chance earns. A score that is not a number fails.

Knows nothing about events, models or tasks.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from habitue.errors import Failed, NotEnoughData

Floats = npt.NDArray[np.floating]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.integer]

NO_ITEM = -1  # stands where nothing was left to offer
_SCORES_AT_ONCE = 1 << 19
_SLACK = 64  # parts that may share a floor before a row is looked at on its own


@dataclass(frozen=True)
class Interval:
    """A mean with the bounds between which 95 % of resampled means lie."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class ReliabilityBins:
    """Predicted against observed, in bins of equally many persons, lowest predictions first."""

    predicted: Floats  # [bins] mean prediction
    observed: Floats  # [bins] mean outcome
    count: Ints  # [bins]


# Ranking


def top_k(
    scores: Floats,
    k: int,
    *,
    exclude: Bools | None = None,
    wanted: Bools | None = None,
    maxima: Floats | None = None,
) -> npt.NDArray[np.int64]:
    """Return the columns of the k highest scores of each row, best first, int64 [N, k].

    Equal scores: items of `wanted` (bool [N, I]) come last, then the lower column first. Items of
    `exclude` (bool [N, I] or [I]) and scores of minus infinity are never offered; places that
    cannot be filled hold `NO_ITEM`.

    Who has them may pass the `maxima` [N, P] of the first P runs of I // P neighbouring columns
    (k <= P, nothing excluded); this spares a pass over the scores.

    Raises:
        Failed: a score is NaN.
    """
    num_rows, num_items = scores.shape
    chosen = np.full((num_rows, k), NO_ITEM, dtype=np.int64)
    places = min(k, num_items)
    if places == 0:
        _refuse_nan(scores)
        return chosen
    # A few rows at a time: each pass but the first then reads from the processor's cache.
    at_once = max(1, _SCORES_AT_ONCE // num_items) if maxima is None else max(1, num_rows)
    for start in range(0, num_rows, at_once):
        rows = slice(start, start + at_once)
        here = scores[rows]
        if exclude is not None:
            if np.isnan(here.max()):
                _refuse_nan(scores)
            here = np.where(exclude if exclude.ndim == 1 else exclude[rows], -np.inf, here)
        parts = _Parts.of(here, places) if maxima is None else _Parts.runs(here, maxima)
        if parts.hold_nan:
            _refuse_nan(scores)
        _write_top(parts, places, None if wanted is None else wanted[rows], chosen[rows])
    return chosen


def _write_top(parts: "_Parts", places: int, late: Bools | None, chosen: Ints) -> None:
    """Write the columns of each row's `places` highest scores into `chosen`."""
    floor = parts.floor(places)
    # A floor shared by many items (a row of zeros) would drag the whole row through the sort.
    is_crowded = np.count_nonzero(parts.maxima >= floor[:, None], axis=1) > 2 * places + _SLACK
    for row in np.flatnonzero(is_crowded):
        last = None if late is None else late[row]
        at_hand = _top_of_row(parts.scores[row], places, float(floor[row]), last)
        chosen[row, : len(at_hand)] = at_hand
    rows, columns = parts.reaching(floor, ~is_crowded)
    chosen[~is_crowded, :places] = _sorted_rows(
        rows,
        columns,
        -parts.scores[rows, columns],
        None if late is None else late[rows, columns],
        shape=(len(chosen), places),
    )[~is_crowded]


def _sorted_rows(
    rows: Ints, columns: Ints, falling: Floats, late: Bools | None, *, shape: tuple[int, int]
) -> Ints:
    """Return each row's columns by rising `falling`, then late ones last, then by number.

    A table is sorted along its rows several times faster than one long list with the row as key.
    """
    by_row = np.argsort(rows, kind="stable")
    rows = rows[by_row]
    place = np.arange(len(rows)) - np.searchsorted(rows, rows)
    size = (shape[0], max(int(place.max(initial=-1)) + 1, shape[1]))

    def table(values: npt.NDArray[Any], fill: float) -> npt.NDArray[Any]:
        found = np.full(size, fill, dtype=values.dtype)
        found[rows, place] = values[by_row]
        return found

    keys = [table(columns, NO_ITEM), table(falling, np.inf)]
    if late is not None:
        keys.insert(1, table(late, False))
    order = np.lexsort(keys, axis=1)[:, : shape[1]]
    return np.asarray(np.take_along_axis(keys[0], order, axis=1))


@dataclass(frozen=True)
class _Parts:
    """Rows cut into parts of as many columns each, and the highest score of each part.

    The k-th highest of the maxima is a bound that at least k scores reach: finding it takes one
    cheap pass, and only parts whose maximum reaches it are looked into.
    """

    scores: Floats  # [N, I]
    cut: Floats  # [N, P, width]: the same columns by part
    rest: Floats  # [N, I - P * width]: the columns after them
    maxima: Floats  # [N, P]
    is_run: bool  # a part's columns are neighbours; else they lie P apart

    @classmethod
    def of(cls, scores: Floats, places: int) -> "_Parts":
        """Take every P-th column: such maxima are found fastest."""
        num_rows, num_items = scores.shape
        # Finding the bound costs as many steps as there are parts, looking into the best as many
        # as these are wide: this width makes both alike.
        num_parts = num_items // math.isqrt(num_items // places)
        width = num_items // num_parts
        cut = scores[:, : num_parts * width].reshape(num_rows, width, num_parts)
        rest = scores[:, num_parts * width :]
        return cls(scores, cut.transpose(0, 2, 1), rest, cut.max(axis=1), is_run=False)

    @classmethod
    def runs(cls, scores: Floats, maxima: Floats) -> "_Parts":
        """Take neighbours, whose maxima are known."""
        num_rows, num_parts = maxima.shape
        width = scores.shape[1] // num_parts
        cut = scores[:, : num_parts * width].reshape(num_rows, num_parts, width)
        return cls(scores, cut, scores[:, num_parts * width :], maxima, is_run=True)

    @property
    def hold_nan(self) -> bool:
        """Whether a score is no number: a maximum then is none."""
        return bool(np.isnan(self.maxima).any() or np.isnan(self.rest).any())

    def floor(self, places: int) -> Floats:
        """A finite bound that at least `places` scores of each row reach, if so many are finite."""
        bound = np.partition(self.maxima, -places, axis=1)[:, -places]
        return np.maximum(bound, np.finfo(bound.dtype).min)

    def reaching(self, floor: Floats, is_asked: Bools) -> tuple[Ints, Ints]:
        """Rows and columns of the scores that reach their row's floor, of the rows asked for."""
        floor, asked = floor[:, None], is_asked[:, None]
        num_parts, width = self.cut.shape[1:]
        # Twice as fast as `np.nonzero` of the table, and more where little is found.
        rows, parts = np.divmod(np.flatnonzero((self.maxima >= floor) & asked), num_parts)
        found, places = np.divmod(np.flatnonzero(self.cut[rows, parts] >= floor[rows]), width)
        part = parts[found]
        columns = part * width + places if self.is_run else part + places * num_parts
        late_rows, late_places = np.nonzero((self.rest >= floor) & asked)
        return (
            np.concatenate([rows[found], late_rows]),
            np.concatenate([columns, late_places + num_parts * width]),
        )


def _top_of_row(scores: Floats, places: int, floor: float, late: Bools | None) -> Ints:
    """Return the columns of one row's highest scores, of which `places` reach the floor."""
    columns = np.flatnonzero(scores > floor)
    if len(columns) < places:
        ties = np.flatnonzero(scores == floor)
        if late is not None:
            ties = np.concatenate([ties[~late[ties]], ties[late[ties]]])
        columns = np.concatenate([columns, ties[: places - len(columns)]])
    keys: list[npt.NDArray[Any]] = [columns, -scores[columns]]
    if late is not None:
        keys.insert(1, late[columns])
    return np.asarray(columns[np.lexsort(keys)][:places])


def hits_of(top: Ints, wanted: Bools) -> Bools:
    """Return which offers were wanted, bool [N, k]; `wanted` is bool [N, I]."""
    if wanted.shape[1] == 0:
        return np.zeros(top.shape, dtype=bool)
    found: Bools = np.take_along_axis(wanted, np.maximum(top, 0), axis=1) & (top != NO_ITEM)
    return found


def recall_at(hits: Bools, num_wanted: Ints, k: int) -> Floats:
    """Return, for each person, the share of wanted items among the first k offers."""
    return np.asarray(hits[:, :k].sum(axis=1) / np.maximum(num_wanted, 1))


def hit_rate_at(hits: Bools, k: int) -> Floats:
    """Return 1 for each person with a wanted item among the first k offers, else 0."""
    return np.asarray(hits[:, :k].any(axis=1), dtype=np.float64)


def mrr_at(hits: Bools, k: int) -> Floats:
    """Return, for each person, one over the place of the first hit among k; 0 without."""
    first = hits[:, :k].argmax(axis=1)
    return np.where(hits[:, :k].any(axis=1), 1.0 / (first + 1), 0.0)


def ndcg_at(hits: Bools, num_wanted: Ints, k: int) -> Floats:
    """Return, for each person, the normalised discounted cumulative gain of k offers.

    The ideal list has min(number wanted, k) hits in front.
    """
    discount = 1.0 / np.log2(np.arange(2, k + 2))
    ideal = np.concatenate([[0.0], np.cumsum(discount)])[np.minimum(num_wanted, k)]
    gain = hits[:, :k] @ discount[: hits.shape[1]]
    return np.asarray(np.divide(gain, ideal, out=np.zeros(len(hits)), where=ideal > 0))


def coverage_at(top: Ints, num_items: int, k: int) -> float:
    """Return the share of a catalogue of `num_items` that stands in anyone's first k offers."""
    offered = np.unique(top[:, :k])
    return float((offered != NO_ITEM).sum() / max(num_items, 1))


# Probabilities


def auc(truth: Bools, score: Floats) -> float:
    """Return the area under the ROC curve; equal scores count half.

    Raises:
        NotEnoughData: only one class is present.
        Failed: a score is NaN.
    """
    truth = _binary(truth, score)
    ranks = _average_ranks(score)
    positives = int(truth.sum())
    negatives = len(truth) - positives
    area = ranks[truth].sum() - positives * (positives + 1) / 2
    return float(area / (positives * negatives))


def pr_auc(truth: Bools, score: Floats) -> float:
    """Return average precision; equal scores are taken together.

    Raises:
        NotEnoughData: only one class is present.
        Failed: a score is NaN.
    """
    truth = _binary(truth, score)
    order = np.argsort(-score, kind="stable")
    sorted_score = score[order]
    last_of_tie = np.append(sorted_score[1:] != sorted_score[:-1], True)
    found = np.cumsum(truth[order])[last_of_tie]
    shown = np.flatnonzero(last_of_tie) + 1
    gained = np.diff(found, prepend=0)
    return float((found / shown * gained).sum() / truth.sum())


def log_loss(truth: Bools, probability: Floats) -> float:
    """Return the mean of minus the logarithm of the probability given to what happened."""
    _refuse_nan(probability)
    clipped = np.clip(np.asarray(probability, dtype=np.float64), 1e-15, 1 - 1e-15)
    happened = np.asarray(truth, dtype=bool)
    return float(-np.log(np.where(happened, clipped, 1 - clipped)).mean())


def brier(truth: Bools, probability: Floats) -> float:
    """Return the mean squared distance of probability and outcome."""
    _refuse_nan(probability)
    difference = np.asarray(probability, dtype=np.float64) - np.asarray(truth, dtype=np.float64)
    return float(np.mean(difference**2))


def reliability_bins(truth: Bools, probability: Floats, bins: int = 10) -> ReliabilityBins:
    """Return predicted against observed in `bins` bins of equally many persons.

    Equal predictions share a bin, so there may be fewer bins.
    """
    _refuse_nan(probability)
    probability = np.asarray(probability, dtype=np.float64)
    order = np.argsort(probability, kind="stable")
    number = np.arange(len(order)) * bins // max(len(order), 1)
    _, first, group = np.unique(probability[order], return_index=True, return_inverse=True)
    _, bin_of = np.unique(number[first][group], return_inverse=True)
    count = np.bincount(bin_of)
    predicted = np.bincount(bin_of, weights=probability[order]) / count
    observed = np.bincount(bin_of, weights=np.asarray(truth, dtype=np.float64)[order]) / count
    return ReliabilityBins(predicted, observed, count)


def ece(truth: Bools, probability: Floats, bins: int = 10) -> float:
    """Return the expected calibration error over bins of equally many persons."""
    curve = reliability_bins(truth, probability, bins)
    gap = np.abs(curve.predicted - curve.observed)
    return float((gap * curve.count).sum() / curve.count.sum())


def lift_at(truth: Bools, score: Floats, share: float = 0.1) -> float:
    """Return how many times the base rate the top `share` of scores reach.

    A tie at the border counts in proportion, so a constant score has lift 1.

    Raises:
        NotEnoughData: nobody is positive.
        Failed: a score is NaN.
    """
    happened = np.asarray(truth, dtype=np.float64)
    base = _mean_or_refuse(happened)
    return _mean_of_top(happened, score, share) / base


# Amounts


def mae(truth: Floats, predicted: Floats) -> float:
    """Return the mean absolute error."""
    _refuse_nan(predicted)
    return float(np.mean(np.abs(np.asarray(predicted) - np.asarray(truth))))


def rmse(truth: Floats, predicted: Floats) -> float:
    """Return the root of the mean squared error."""
    _refuse_nan(predicted)
    return float(np.sqrt(np.mean((np.asarray(predicted) - np.asarray(truth)) ** 2)))


def spearman(truth: Floats, predicted: Floats) -> float:
    """Return the correlation of ranks; 0 where one side is constant.

    Raises:
        Failed: a prediction is NaN.
    """
    _refuse_nan(predicted)
    left, right = _average_ranks(np.asarray(truth)), _average_ranks(np.asarray(predicted))
    left, right = left - left.mean(), right - right.mean()
    norm = float(np.sqrt((left**2).sum() * (right**2).sum()))
    return float((left * right).sum() / norm) if norm else 0.0


def gini(truth: Floats, predicted: Floats) -> float:
    """Return the normalised Gini coefficient: 1 for the perfect order, 0 for a constant.

    Raises:
        NotEnoughData: all true amounts are 0, or all are equal.
        Failed: a prediction is NaN.
    """
    _refuse_nan(predicted)
    truth = np.asarray(truth, dtype=np.float64)
    _mean_or_refuse(truth)
    best = _gini_area(truth, truth)
    if best <= 0:
        raise NotEnoughData(
            f"All {len(truth)} true amounts are equal, so no order is better than another.",
            fix="Use a longer horizon or a larger log.",
        )
    return _gini_area(truth, np.asarray(predicted)) / best


def top_decile_share(truth: Floats, predicted: Floats) -> float:
    """Return the share of all true amount held by the tenth of persons predicted highest.

    Raises:
        NotEnoughData: all true amounts are 0.
        Failed: a prediction is NaN.
    """
    truth = np.asarray(truth, dtype=np.float64)
    base = _mean_or_refuse(truth)
    return 0.1 * _mean_of_top(truth, np.asarray(predicted), 0.1) / base


# Certainty


MIN_RESAMPLED = 10  # persons; a few, drawn again and again, only ever look alike


def limits_of(interval: Interval, persons: int) -> list[float] | None:
    """Return `[low, high]` of what resampling so many persons told; None of too few."""
    return [interval.low, interval.high] if persons >= MIN_RESAMPLED else None


def bootstrap_interval(
    values: Floats, *, num_samples: int = 1000, seed: int = 0, level: float = 0.95
) -> Interval:
    """Return the mean of `values` (one a person) with its bootstrap interval over persons.

    For two models on the same persons pass the differences: the interval is then paired.
    """
    _refuse_nan(values)
    values = np.asarray(values, dtype=np.float64)
    rng = np.random.default_rng(seed)
    num = len(values)
    if num == 0:
        return Interval(0.0, 0.0, 0.0)
    means = np.empty(num_samples)
    for sample in range(num_samples):
        means[sample] = values[rng.integers(num, size=num)].mean()
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(values.mean()), float(low), float(high))


def bootstrap_difference(
    measure: Callable[[Any, Any], float],
    truth: npt.NDArray[Any],
    ours: Floats,
    theirs: Floats,
    *,
    persons: npt.NDArray[np.int64] | None = None,
    num_samples: int = 300,
    seed: int = 0,
) -> Interval:
    """Return `measure(truth, ours) - measure(truth, theirs)`, resampling persons in pairs.

    For measures that are no mean over persons (auc, spearman). `persons` says whose each row is:
    the rows of one person are drawn together; without it each row is a person. A resample on
    which the measure is not defined (one class only) is left out.
    """
    rng = np.random.default_rng(seed)
    rows_of = _Rows.of(np.arange(len(truth)) if persons is None else persons)
    differences = []
    for _ in range(num_samples):
        drawn = rows_of.drawn(rng)
        try:
            value = measure(truth[drawn], ours[drawn]) - measure(truth[drawn], theirs[drawn])
        except NotEnoughData:
            continue
        differences.append(value)
    mean = measure(truth, ours) - measure(truth, theirs)
    if not differences:
        return Interval(mean, mean, mean)
    low, high = np.quantile(differences, [0.025, 0.975])
    return Interval(mean, float(low), float(high))


@dataclass(frozen=True)
class _Rows:
    """The rows of each person, side by side."""

    order: npt.NDArray[np.int64]  # [rows]
    starts: npt.NDArray[np.int64]  # [persons]
    counts: npt.NDArray[np.int64]  # [persons]

    @classmethod
    def of(cls, persons: npt.NDArray[np.int64]) -> "_Rows":
        order = np.argsort(persons, kind="stable")
        _, starts, counts = np.unique(persons[order], return_index=True, return_counts=True)
        return cls(order, starts, counts)

    def drawn(self, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        """Return the rows of as many persons as there are, drawn with replacement."""
        chosen = rng.integers(len(self.starts), size=len(self.starts))
        counts = self.counts[chosen]
        shifts = self.starts[chosen] - (np.cumsum(counts) - counts)
        places = np.repeat(shifts, counts) + np.arange(counts.sum())
        return np.asarray(self.order[places])


def _refuse_nan(scores: Floats) -> None:
    bad = int(np.isnan(scores).sum())
    if bad:
        raise Failed(
            f"{bad} of {np.size(scores)} scores are not a number (NaN).",
            fix="The model that made them is broken: train it again with a lower learning rate.",
            code="nan_scores",
        )


def _binary(truth: Bools, score: Floats) -> Bools:
    _refuse_nan(score)
    happened = np.asarray(truth, dtype=bool)
    positives = int(happened.sum())
    if positives in (0, len(happened)):
        raise NotEnoughData(
            f"{positives} of {len(happened)} outcomes are positive; both kinds are needed.",
            fix="Use a longer horizon or a larger log.",
        )
    return happened


def _mean_or_refuse(truth: Floats) -> float:
    base = float(truth.mean()) if len(truth) else 0.0
    if base == 0:
        raise NotEnoughData(
            f"The outcomes of all {len(truth)} persons are 0.",
            fix="Use a longer horizon or a larger log.",
        )
    return base


def _average_ranks(values: Floats) -> Floats:
    """Ranks from 1; equal values get the mean of their ranks."""
    _, group, count = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    return np.asarray((last - (count - 1) / 2)[group])


def _mean_within_ties(truth: Floats, score: Floats) -> Floats:
    """Truth in order of falling score, each tie replaced by its mean."""
    order = np.argsort(-score, kind="stable")
    _, group, count = np.unique(-score[order], return_inverse=True, return_counts=True)
    return np.asarray((np.bincount(group, weights=truth[order]) / count)[group])


def _mean_of_top(truth: Floats, score: Floats, share: float) -> float:
    """Mean truth of the top share of scores, ties in proportion, at least one person."""
    _refuse_nan(score)
    ordered = _mean_within_ties(truth, np.asarray(score))
    return float(ordered[: max(1, round(share * len(ordered)))].mean())


def _gini_area(truth: Floats, score: Floats) -> float:
    ordered = _mean_within_ties(truth, score)
    lorenz = np.concatenate([[0.0], np.cumsum(ordered)]) / ordered.sum()
    area = (lorenz[1:] + lorenz[:-1]).sum() / 2 / len(ordered)
    return float(area - 0.5)
