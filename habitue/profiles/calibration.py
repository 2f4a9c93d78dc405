"""From raw scores to honest probabilities, amounts and intervals.

In: raw scores of persons in windows their model had not seen, and what came. Out: a `Calibrator`
(log odds to probability), a `ChanceSpread` (how far the truth may lie from a probability) and an
`AmountSpread` (how far an amount may). The method grows with the data: a shrunken straight line
in log odds (Platt 1999) while there are few cases, a beta curve (Kull et al. 2017) with some
hundreds, a monotone curve (isotonic regression) with thousands. Knows nothing about tasks.
"""

from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]
Method = Literal["none", "platt", "beta", "isotonic"]

LEVEL: Final = 0.9  # of all intervals
MIN_CASES: Final = 30  # persons with the rarer outcome; below, nothing is called calibrated
# Persons that an interval of amounts needs: of fewer, the least and the greatest amount lie
# closer together than 9 of 10 to come.
MIN_SPREAD: Final = 19
_BETA_CASES: Final = 500
_ISOTONIC_CASES: Final = 5000
_SPREAD_BINS: Final = 10
_MIN_BIN: Final = 50
# How much the log odds of a whole window stray from one window to the next, before any was seen.
PRIOR_DRIFT: Final = 0.2
# How far the slope of right scores strays from one window to the next (a deviation).
_SLOPE_DRIFT: Final = 0.2
_EDGE: Final = 1e-6


def chance_of(raw_N: Floats) -> Floats:
    """Return the probability of log odds."""
    return np.asarray(1 / (1 + np.exp(-np.clip(raw_N, -40, 40))))


def odds_of(chance_N: Floats) -> Floats:
    """Return the log odds of a probability, cut off at one in a million."""
    clipped = np.clip(chance_N, _EDGE, 1 - _EDGE)
    return np.asarray(np.log(clipped / (1 - clipped)))


@dataclass(frozen=True)
class Calibrator:
    """A rising curve from log odds to probability."""

    method: Method
    slope: float = 1.0  # of log p (beta), of the log odds (platt)
    slope_against: float = 1.0  # of -log(1 - p), beta only
    bend_level: float = 0.0  # of the curve itself
    knots_raw: tuple[float, ...] = ()  # isotonic only
    knots_odds: tuple[float, ...] = ()
    level: float = 0.0  # added to the log odds last
    share: float = 1.0  # of the way from the raw scores to the curve

    def chance(self, raw_N: Floats) -> Floats:
        """Return the calibrated probability of each raw score, float64 [N]."""
        return chance_of(self.odds(raw_N))

    def odds(self, raw_N: Floats) -> Floats:
        """Return the calibrated log odds of each raw score, float64 [N]."""
        bent = self.share * self._curve(raw_N) + (1 - self.share) * raw_N
        return np.asarray(bent + self.level)

    def _curve(self, raw_N: Floats) -> Floats:
        if self.method == "isotonic":
            return np.interp(raw_N, self.knots_raw, self.knots_odds)
        if self.method == "beta":
            sure, unsure = _log_chances(raw_N)
            bent = self.slope * sure - self.slope_against * unsure
            return np.asarray(bent + self.bend_level)
        return np.asarray(self.slope * raw_N + self.bend_level)

    def at_level(self, raw_N: Floats, rate: float) -> "Calibrator":
        """Return the same curve, raised so that these scores have the mean probability `rate`."""
        return replace(self, level=self.level + level_gap(self.odds(raw_N), rate))


def level_gap(odds_N: Floats, rate: float) -> float:
    """Return what must be added to log odds for their mean probability to be `rate`."""
    gap = 0.0
    for _ in range(50):
        chance = chance_of(odds_N + gap)
        slope = max(float((chance * (1 - chance)).mean()), 1e-9)
        # Two at a time: where everyone is sure, the slope says nothing.
        step = float(np.clip((rate - chance.mean()) / slope, -2, 2))
        gap += step
        if abs(step) < 1e-9:
            break
    return gap


def window_gaps(raw_V: Floats, label_V: Floats, window_V: Ints) -> Floats:
    """Return, for each row, how far the log odds of its whole window lay above the scores."""
    gaps = np.zeros(len(raw_V))
    for window in np.unique(window_V):
        rows = window_V == window
        # Half a case on either side: a window without cases is no proof that none can come.
        rate = (label_V[rows].sum() + 0.5) / (rows.sum() + 1)
        gaps[rows] = level_gap(raw_V[rows], float(rate))
    return gaps


def num_cases(label_V: Floats, subject_V: Ints) -> int:
    """Return of how many persons the rarer outcome was seen, 0 or above 0.

    A person at several cuts is one case: what they do at one is hardly news at the next.
    """
    happened = label_V > 0
    return min(len(np.unique(subject_V[happened])), len(np.unique(subject_V[~happened])))


def fit_calibrator(
    levelled: Floats, label_V: Floats, subject_V: Ints, *, num_windows: float = np.inf
) -> Calibrator:
    """Return the curve that fits outcomes 0 or 1 best, as bold as the number of persons allows.

    `levelled` are raw scores with each window's level taken out (`window_gaps` added): that one
    quarter was better than the quarter before says nothing of the next. The level of the curve
    is set with `Calibrator.at_level`. The scores of another window may be right at another slope,
    however many persons were in these: a small bend seen in `num_windows` is believed in part.
    """
    curve = _best_curve(levelled, label_V, subject_V)
    if curve.method == "none" or curve.slope == 0:
        return curve
    return replace(curve, share=_believed(curve.odds(levelled) - levelled, levelled, num_windows))


def _believed(bend_V: Floats, levelled: Floats, num_windows: float) -> float:
    """Return the part of a bend that is not put down to the chance of its windows.

    As James and Stein shrink: the more, the smaller the bend is beside what windows stray.
    """
    spread = float(np.var(levelled))
    bent = float(np.var(bend_V)) / spread if spread > 0 else 0.0
    strayed = _SLOPE_DRIFT**2 / num_windows
    return bent / (bent + strayed) if bent > 0 else 1.0


def _best_curve(levelled: Floats, label_V: Floats, subject_V: Ints) -> Calibrator:
    cases = num_cases(label_V, subject_V)
    if cases < MIN_CASES:
        return Calibrator("none")
    if cases >= _ISOTONIC_CASES:
        return _isotonic(levelled, label_V)
    if cases >= _BETA_CASES:
        sure, unsure = _log_chances(levelled)
        slope, against, level = _logistic_near_identity(np.column_stack([sure, -unsure]), label_V)
        if slope > 0 and against > 0:
            return Calibrator("beta", slope, against, level)
    slope, level = _logistic_near_identity(levelled[:, None], label_V)
    # A falling line would turn the order around: then the scores say nothing at all.
    return Calibrator("platt", max(slope, 0.0), 1.0, level)


def _log_chances(raw: Floats) -> tuple[Floats, Floats]:
    """Return log p and log (1 - p)."""
    return -np.logaddexp(0, -raw), -np.logaddexp(0, raw)


def _logistic_near_identity(columns_VC: Floats, label_V: Floats) -> tuple[float, ...]:
    """Fit slopes drawn towards 1 and a free level by Newton's method."""
    design = np.column_stack([columns_VC, np.ones(len(columns_VC))])
    wanted = np.ones(design.shape[1])
    wanted[-1] = 0.0
    # A slope of 1 with a deviation of a half, worth about as much as a few cases.
    firmness = np.full(design.shape[1], 4.0)
    firmness[-1] = 0.05
    weight = wanted.copy()
    for _ in range(50):
        chance = chance_of(design @ weight)
        slope = design.T @ (chance - label_V) + firmness * (weight - wanted)
        bend = (design * (chance * (1 - chance))[:, None]).T @ design + np.diag(firmness)
        step = np.linalg.solve(bend, slope)
        step *= min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-12))
        weight = weight - step
        if np.abs(step).max() < 1e-9:
            break
    return tuple(float(one) for one in weight)


def _isotonic(raw_V: Floats, label_V: Floats) -> Calibrator:
    from sklearn.isotonic import IsotonicRegression

    level = IsotonicRegression(y_min=_EDGE, y_max=1 - _EDGE).fit(raw_V, label_V)
    # Between the middles of equal stretches the curve rises straight: fewer ties in the scores.
    chance, first = np.unique(level.y_thresholds_, return_index=True)
    last = np.append(first[1:], len(level.y_thresholds_)) - 1
    middle = (level.X_thresholds_[first] + level.X_thresholds_[last]) / 2
    return Calibrator(
        "isotonic",
        knots_raw=tuple(float(one) for one in middle),
        knots_odds=tuple(float(one) for one in odds_of(chance)),
    )


@dataclass(frozen=True)
class ChanceSpread:
    """How sure a probability is: persons scored alike, and the drift between windows."""

    edges: tuple[float, ...]  # upper ends of all bins but the last
    count: tuple[int, ...]  # independent persons in each bin
    drift: float  # deviation of a window's log odds

    def interval(self, chance_N: Floats, *, drift: float = 0.0) -> tuple[Floats, Floats]:
        """Return bounds that hold the true rate of persons scored alike in 9 cases of 10.

        `drift` is a deviation of a window's log odds beyond that of the windows judged.
        """
        count = np.array(self.count)[np.searchsorted(self.edges, chance_N)]
        clipped = np.clip(chance_N, _EDGE, 1 - _EDGE)
        # Half a case more on either side, as Jeffreys: a bin without cases is not certain.
        noise = 1 / (count * clipped * (1 - clipped) + 0.5)
        reach = _NORMAL_REACH * np.sqrt(noise + self.drift**2 + drift**2)
        middle = odds_of(clipped)
        return chance_of(middle - reach), chance_of(middle + reach)


_NORMAL_REACH: Final = 1.645  # of a normal distribution, for LEVEL


def fit_chance_spread(
    chance_V: Floats, label_V: Floats, window_V: Ints, subject_V: Ints
) -> ChanceSpread:
    """Return the spread seen in judged windows; a person in several windows counts once."""
    if not len(chance_V):
        return ChanceSpread((), (1,), 1.0)
    num_bins = int(np.clip(len(np.unique(subject_V)) // _MIN_BIN, 1, _SPREAD_BINS))
    edges = np.unique(np.quantile(chance_V, np.arange(1, num_bins) / num_bins))
    bin_of = np.searchsorted(edges, chance_V)
    count = [max(1, len(np.unique(subject_V[bin_of == one]))) for one in range(len(edges) + 1)]
    return ChanceSpread(
        tuple(float(one) for one in edges), tuple(count), _drift(chance_V, label_V, window_V)
    )


def _drift(chance_V: Floats, label_V: Floats, window_V: Ints) -> float:
    """Return the deviation of a new window's log odds, learnt from those at hand."""
    gaps = window_gaps(odds_of(chance_V), label_V, window_V)
    squares, noise = 0.0, 0.0
    windows = np.unique(window_V)
    for window in windows:
        rows = window_V == window
        squares += float(gaps[rows][0]) ** 2
        noise += 1 / float((chance_V[rows] * (1 - chance_V[rows])).sum() + 0.5)
    excess = max(0.0, squares - noise)
    return float(np.sqrt((PRIOR_DRIFT**2 + excess) / (1 + len(windows))))


@dataclass(frozen=True)
class AmountSpread:
    """How far true amounts of persons predicted alike reach (split conformal, in bins)."""

    middles: tuple[float, ...]  # mean prediction of each bin
    low: tuple[float, ...]
    high: tuple[float, ...]

    def interval(self, amount_N: Floats, *, drift: float = 0.0) -> tuple[Floats, Floats]:
        """Return bounds that hold the true amount in 9 cases of 10.

        `drift` is the deviation of a window's log odds to reckon with; amounts stray as much.
        """
        low = np.interp(amount_N, self.middles, self.low)
        high = np.interp(amount_N, self.middles, self.high)
        # Beyond the largest bin amounts keep the proportions of that bin.
        beyond = np.maximum(amount_N / max(self.middles[-1], 1e-12), 1.0)
        reach = np.exp(_NORMAL_REACH * drift)
        return low * beyond / reach, high * beyond * reach


def fit_amount_spread(amount_V: Floats, truth_V: Floats) -> AmountSpread:
    """Return the quantiles of truth among rows predicted alike, in bins of 50 and more."""
    if not len(amount_V):
        return AmountSpread((0.0,), (0.0,), (0.0,))
    num_bins = int(np.clip(len(amount_V) // _MIN_BIN, 1, _SPREAD_BINS))
    parts = np.array_split(np.argsort(amount_V, kind="stable"), num_bins)
    tail = (1 - LEVEL) / 2
    middles, low, high = [], [], []
    for part in parts:
        # Conformal quantiles: one row more than there are, so that few rows reach wider.
        share = min(1.0, (1 - tail) * (1 + 1 / len(part)))
        middles.append(float(amount_V[part].mean()))
        low.append(float(np.quantile(truth_V[part], 1 - share, method="lower")))
        high.append(float(np.quantile(truth_V[part], share, method="higher")))
    rising = np.maximum.accumulate(high)
    return AmountSpread(tuple(middles), tuple(low), tuple(float(one) for one in rising))
