"""How much will come in the windows ahead: the level of a task, apart from who is likelier.

In: the windows learnt from, what came in them and what BG/NBD had told of the same persons before
each. Out: how far the level is moved towards BG/NBD's today, and whether the season ahead can have
been seen at all. Knows nothing about features.

The rate of the last windows is that of their season. BG/NBD averages over everybody's whole life,
slack months with busy ones, so where no year has been seen its level is the safer guess. What it
told too low or too high in the windows learnt from, all in all, is put right beforehand; windows in
which its level was worse than their predecessors' rate take the rest back.
"""

from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from habitue.profiles.calibration import Calibrator, level_gap, odds_of

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]

YEAR_DAYS: Final = 365
# The longer the horizon, the less do the windows before tell of its season: what a lifetime model
# tells is believed beforehand as if gaps of a whole unit of log odds had borne it out so often.
_BELIEF_A_DAY: Final = 1 / 60
# Windows without a bias that are assumed beside those seen.
_UNBIASED_WINDOWS: Final = 2.0
_TOLD_SHARE: Final = 0.5  # of the persons; of fewer, what is told of some says little of all
# Rates this far apart in log odds, beyond chance, are seasons and not the noise of windows.
_SEASONAL: Final = 0.3
_QUARTER_DAYS: Final = 91
_QUARTER_DRIFT: Final = 0.5  # of the log odds of a window a quarter ahead, in an unseen season


def lifetime_bias(
    odds_N: Floats, happened_N: Floats, told_N: Floats, window_N: Ints, *, num_windows: float
) -> float:
    """Return how far above the level that the lifetime model told the windows lay, in log odds.

    `odds_N` are those of the fitted model. `num_windows` is what the windows are worth where they
    share days; the mean of few is drawn towards 0.
    """
    gaps = _gaps(odds_N, happened_N, told_N, window_N)
    if not gaps:
        return 0.0
    bias = float(np.mean([came - told for came, told in gaps]))
    return bias * num_windows / (num_windows + _UNBIASED_WINDOWS)


def lifetime_weight(
    raw_V: Floats,
    happened_V: Floats,
    told_V: Floats,
    window_V: Ints,
    *,
    horizon_days: float,
    bias: float = 0.0,
) -> float:
    """Return how much of the way to the lifetime model's level to go, 0 to 1.

    `raw_V` are scores by models that had not seen the row's window, `told_V` the chances that the
    lifetime model told then (NaN of who never bought), `bias` what is added to its level. The gaps
    of windows are regressed on those that the lifetime model told, drawn towards going the whole
    way.
    """
    gaps = _gaps(raw_V, happened_V, told_V, window_V)
    belief = horizon_days * _BELIEF_A_DAY
    agreed, told = belief, belief
    for true_gap, told_gap in gaps:
        agreed += true_gap * (told_gap + bias)
        told += (told_gap + bias) ** 2
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
) -> list[tuple[float, float]]:
    """Return, of each window, how far above the scores it lay and was told to lie.

    Nothing where the lifetime model told of too few persons.
    """
    gaps = []
    for window in np.unique(window_N):
        rows = (window_N == window) & ~np.isnan(told_N)
        if rows.sum() < _TOLD_SHARE * (window_N == window).sum():
            return []
        rate = (happened_N[rows].sum() + 0.5) / (rows.sum() + 1)
        came = level_gap(odds_N[rows], float(rate))
        gaps.append((came, level_gap(odds_N[rows], float(told_N[rows].mean()))))
    return gaps


def is_unseen_season(
    rates_W: Floats, counts_W: Ints, *, seen_days: float, horizon_days: float
) -> bool:
    """Whether the rates of the windows learnt from move with time, and no year has been seen.

    `seen_days` is the time from the log's beginning to the cut: a year and the horizon must have
    passed for a window of the coming season to have been one of the past.
    """
    if seen_days >= YEAR_DAYS + horizon_days or len(rates_W) < 2:
        return False
    odds = odds_of(rates_W)
    noise = np.sqrt(1 / np.maximum(counts_W * rates_W * (1 - rates_W), 0.5))
    first, last = int(odds.argmin()), int(odds.argmax())
    return bool(odds[last] - odds[first] - 2 * np.hypot(noise[first], noise[last]) > _SEASONAL)


def season_drift(horizon_days: float) -> float:
    """Return the deviation of the log odds of a window whose season was not seen."""
    return float(_QUARTER_DRIFT * np.sqrt(min(horizon_days / _QUARTER_DAYS, 1.0)))
