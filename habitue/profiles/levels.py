"""How much will come in the windows ahead: the level of a task, apart from who is likelier.

In: the windows learnt from, what came in them and what BG/NBD had told of the same persons before
each. Out: how far the level is moved towards BG/NBD's today, and whether the season ahead can have
been seen at all. Knows nothing about features.

The rate of the last windows is that of their season. BG/NBD averages over everybody's whole life,
slack months with busy ones, so where no year has been seen its level is the safer guess. What it
told too low or too high in the windows learnt from, all in all, is put right beforehand; windows in
which its level was worse than their predecessors' rate take the rest back.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from habitue.profiles.calibration import PRIOR_DRIFT, Calibrator, chance_of, level_gap
from habitue.profiles.cuts import distinct_windows
from habitue.schema import DAY

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]

YEAR_DAYS: Final = 365
# The longer the horizon, the less do the windows before tell of its season: what a lifetime model
# tells is believed beforehand as if gaps of a whole unit of log odds had borne it out so often.
_BELIEF_A_DAY: Final = 1 / 60
# Windows without a bias that are assumed beside those seen.
_UNBIASED_WINDOWS: Final = 2.0
_TOLD_SHARE: Final = 0.5  # of the persons; of fewer, what is told of some says little of all
# Of six windows alike the highest and the lowest lie further apart than so many deviations of a
# difference in 1 case of 20 (Tukey's range, 4.03, over the root of 2).
_BEYOND_CHANCE: Final = 2.85
_QUARTER_DAYS: Final = 91
_QUARTER_DRIFT: Final = 0.5  # of the log odds of a window a quarter ahead, in an unseen season


@dataclass(frozen=True)
class Bias:
    """How far above the level that the lifetime model told each window lay, in log odds."""

    windows: tuple[int, ...]  # when they began
    gaps: tuple[float, ...]
    horizon_days: float

    def known_at(self, moment: float = np.inf) -> float:
        """Return the mean of the windows that had ended by then, drawn towards 0.

        The fewer windows there are, days they share counted once, the nearer to 0.
        """
        horizon = round(self.horizon_days * DAY)
        pairs = zip(self.windows, self.gaps, strict=True)
        ended = [(window, gap) for window, gap in pairs if window + horizon <= moment]
        if not ended:
            return 0.0
        began = np.array([window for window, _ in ended], np.int64)
        num_windows = distinct_windows(began, horizon=horizon)
        mean = float(np.mean([gap for _, gap in ended]))
        return mean * num_windows / (num_windows + _UNBIASED_WINDOWS)


def lifetime_bias(
    odds_N: Floats, happened_N: Floats, told_N: Floats, window_N: Ints, *, horizon_days: float
) -> Bias:
    """Return what the lifetime model told wrongly; `odds_N` are those of the fitted model."""
    gaps = _gaps(odds_N, happened_N, told_N, window_N)
    windows = tuple(window for window, _, _ in gaps)
    return Bias(windows, tuple(came - told for _, came, told in gaps), horizon_days)


def lifetime_weight(
    raw_V: Floats,
    happened_V: Floats,
    told_V: Floats,
    window_V: Ints,
    *,
    horizon_days: float,
    bias: Bias,
) -> float:
    """Return how much of the way to the lifetime model's level to go, 0 to 1.

    `raw_V` are scores by models that had not seen the row's window, `told_V` the chances that the
    lifetime model told then (NaN of who never bought). To its level is added the `bias` of windows
    that had ended when the judged one began. The gaps of windows are regressed on those that the
    lifetime model told, drawn towards going the whole way.
    """
    gaps = _gaps(raw_V, happened_V, told_V, window_V)
    belief = horizon_days * _BELIEF_A_DAY
    agreed, told = belief, belief
    for window, true_gap, told_gap in gaps:
        told_right = told_gap + bias.known_at(window)
        agreed += true_gap * told_right
        told += told_right**2
    return float(np.clip(agreed / told, 0, 1)) if gaps and told > 0 else 0.0


def moved_level(
    calibrator: Calibrator, raw_N: Floats, told_N: Floats, *, weight: float, bias: float = 0.0
) -> Calibrator:
    """Return the curve moved towards the level that the lifetime model tells of these persons."""
    known = ~np.isnan(told_N)
    if not len(told_N) or known.mean() < _TOLD_SHARE or weight == 0:
        return calibrator
    gap = level_gap(calibrator.odds(raw_N[known]), float(told_N[known].mean()))
    return replace(calibrator, level=calibrator.level + weight * (gap + bias))


def _gaps(
    odds_N: Floats, happened_N: Floats, told_N: Floats, window_N: Ints
) -> list[tuple[int, float, float]]:
    """Return each window, and how far above the scores it lay and was told to lie.

    Nothing where the lifetime model told of too few persons.
    """
    gaps = []
    for window in np.unique(window_N):
        rows = (window_N == window) & ~np.isnan(told_N)
        if rows.sum() < _TOLD_SHARE * (window_N == window).sum():
            return []
        rate = (happened_N[rows].sum() + 0.5) / (rows.sum() + 1)
        came = level_gap(odds_N[rows], float(rate))
        gaps.append((int(window), came, level_gap(odds_N[rows], float(told_N[rows].mean()))))
    return gaps


def is_unseen_season(
    odds_N: Floats,
    happened_N: Floats,
    window_N: Ints,
    *,
    seen_days: float,
    horizon_days: float,
) -> bool:
    """Whether the windows learnt from differ beyond chance and persons, and no year has been seen.

    `odds_N` are those of the fitted model: what they explain by who was there is no season. Nor is
    what every interval reckons with. `seen_days` is the time from the log's beginning to the cut: a
    year and the horizon must have passed for a window of the coming season to have been one of
    the past.
    """
    if seen_days >= YEAR_DAYS + horizon_days:
        return False
    gaps, noise = [], []
    for window in np.unique(window_N):
        rows = window_N == window
        rate = float((happened_N[rows].sum() + 0.5) / (rows.sum() + 1))
        gaps.append(level_gap(odds_N[rows], rate))
        chance = chance_of(odds_N[rows] + gaps[-1])
        noise.append(1 / np.sqrt(float((chance * (1 - chance)).sum()) + 0.5))
    if len(gaps) < 2:
        return False
    low, high = int(np.argmin(gaps)), int(np.argmax(gaps))
    chance_apart = _BEYOND_CHANCE * float(np.hypot(noise[low], noise[high]))
    return bool(gaps[high] - gaps[low] - chance_apart > PRIOR_DRIFT)


def season_drift(horizon_days: float) -> float:
    """Return the deviation of the log odds of a window whose season was not seen."""
    return float(_QUARTER_DRIFT * np.sqrt(min(horizon_days / _QUARTER_DAYS, 1.0)))
