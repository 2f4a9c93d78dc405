"""Heads: one network's answer to when an event comes, and one's to how much it will be worth.

When: a discrete-time hazard (Singer and Willett 1993). For each stretch of the days ahead the
chance that the first event comes in it, if none came before. One head answers every horizon its
bins reach; within a bin the hazard is even, so a later horizon is never less probable. A person
of whom only some days ahead are known teaches those days.
How much: a zero-inflated lognormal (ZILN; Wang et al. 2019): chance, mean and deviation of the log
amount.

In: columns of the features and the embedding. Knows nothing about tasks or cuts.
"""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from habitue.errors import Refused
from habitue.profiles.small_network import SmallNetwork, fit_small_network

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]

BIN_ENDS: Final = (1, 2, 3, 5, 7, 14, 21, 30, 45, 60, 75, 90, 120, 180)  # days
MIN_SEEN: Final = 100  # rows whose days ahead are known that far
_STARTS: Final = np.array((0, *BIN_ENDS[:-1]), dtype=np.float64)
_WIDTHS: Final = np.diff((0, *BIN_ENDS)).astype(np.float64)
_EDGE: Final = 1e-6
_MIN_DEVIATION: Final = 0.05


@dataclass(frozen=True)
class HazardHead:
    """When the first event comes; its raw score is that of one horizon, or of its absence."""

    network: SmallNetwork
    days: float  # the horizon asked for
    is_absence: bool
    reach_days: float  # as far as the history tells
    kind: Literal["hazard"] = "hazard"

    def chance(self, columns_NC: Floats, *, days: float) -> Floats:
        """Return the probability of the event within so many days, [N].

        Raises:
            Refused: the bins or the history end before.
        """
        if not 0 < days <= self.reach_days:
            raise Refused(
                f"A horizon of {days:g} days; what was seen reaches {self.reach_days:g} days.",
                fix=f"Ask for more than 0 and at most {self.reach_days:g} days.",
                code="beyond_reach",
            )
        return -np.expm1(-_risk(self.network.outputs(columns_NC), bin_shares(days)))

    def risks(self, columns_NC: Floats) -> Floats:
        """Return the risk of each whole bin, [N, K]: survival is e to the minus their sum."""
        return np.logaddexp(0, self.network.outputs(columns_NC))

    def raw(self, columns_NC: Floats) -> Floats:
        """Return the log odds of the event within the horizon, or of none, [N]."""
        return self._score(self.network.outputs(columns_NC))[0]

    def contributions(self, columns_NC: Floats) -> Floats:
        """Return what each column adds to the raw score, float64 [N, C + 1], the last the mean."""
        return self.network.contributions(columns_NC, self._score)

    def _score(self, outputs_NK: Floats) -> tuple[Floats, Floats]:
        shares, sign = bin_shares(self.days), -1.0 if self.is_absence else 1.0
        risk_N = np.maximum(_risk(outputs_NK, shares), _EDGE)
        come_N = -np.expm1(-risk_N)
        # The log odds of coming are log(e^risk - 1), written so that no risk is too large.
        return sign * (risk_N + np.log(come_N)), sign * _hazards(outputs_NK) * shares / come_N[
            :, None
        ]


@dataclass(frozen=True)
class AmountHead:
    """Chance, mean and deviation of a log amount; `part` says which of them the raw score is."""

    network: SmallNetwork
    part: Literal["chance", "log_amount"]
    kind: Literal["amount"] = "amount"

    def raw(self, columns_NC: Floats) -> Floats:
        """Return the log odds of any amount, or the mean log amount, [N]."""
        return self._score(self.network.outputs(columns_NC))[0]

    def log_excess(self, columns_NC: Floats) -> Floats:
        """Return by how much the log of the mean amount lies above the mean log amount, [N]."""
        return deviation_of(self.network.outputs(columns_NC)) ** 2 / 2

    def contributions(self, columns_NC: Floats) -> Floats:
        """Return what each column adds to the raw score, float64 [N, C + 1], the last the mean."""
        return self.network.contributions(columns_NC, self._score)

    def _score(self, outputs_NK: Floats) -> tuple[Floats, Floats]:
        place = 0 if self.part == "chance" else 1
        slope_NK = np.zeros_like(outputs_NK)
        slope_NK[:, place] = 1.0
        return outputs_NK[:, place], slope_NK


Head = HazardHead | AmountHead


def fit_hazard(
    columns_NC: Floats,
    wait_N: Floats,
    known_N: Floats,
    subject_N: Ints,
    *,
    days: float,
    is_absence: bool,
    seed: int,
) -> HazardHead:
    """Fit the head on waits in days (infinite: none came) of which `known_N` days were seen."""
    share_NK, came_NK = periods(wait_N, known_N)
    rate_K = (came_NK.sum(axis=0) + 0.5) / (share_NK.sum(axis=0) + 1.0)
    rate_K = np.clip(rate_K, _EDGE, 1 - _EDGE)

    def loss(outputs_NK: Floats, rows: Ints) -> tuple[float, Floats]:
        risk_NK = np.logaddexp(0, outputs_NK) * share_NK[rows]
        seen_NK = np.maximum(risk_NK, _EDGE)
        come_NK = -np.expm1(-seen_NK)
        came = came_NK[rows]
        total = np.where(came, -np.log(come_NK), risk_NK).sum() / len(rows)
        along = np.where(came, 1 - 1 / come_NK, 1.0)
        return float(total), along * share_NK[rows] * _hazards(outputs_NK) / len(rows)

    network = fit_small_network(
        columns_NC, subject_N, loss, start_K=np.log(rate_K / (1 - rate_K)), seed=seed
    )
    return HazardHead(network, days, is_absence, reach_of(known_N))


def reach_of(known_N: Floats) -> float:
    """Return as many days ahead as the bins reach and `MIN_SEEN` rows show."""
    if len(known_N) < MIN_SEEN:
        return 0.0
    return float(min(np.sort(known_N)[-MIN_SEEN], BIN_ENDS[-1]))


def fit_amounts(
    columns_NC: Floats, amount_N: Floats, subject_N: Ints, *, seed: int
) -> tuple[AmountHead, AmountHead]:
    """Fit a zero-inflated lognormal; return it as chance and as log amount."""
    is_any = amount_N > 0
    logged = np.log(np.where(is_any, amount_N, 1.0))
    rate = float(np.clip(is_any.mean(), 0.001, 0.999))
    middle, deviation = float(logged[is_any].mean()), max(float(logged[is_any].std()), 0.1)

    def loss(outputs_NK: Floats, rows: Ints) -> tuple[float, Floats]:
        odds_N, any_N = outputs_NK[:, 0], is_any[rows].astype(np.float64)
        deviation_N = deviation_of(outputs_NK)
        off_N = (logged[rows] - outputs_NK[:, 1]) / deviation_N
        parts_N = np.logaddexp(0, odds_N) - any_N * odds_N
        parts_N = parts_N + any_N * (np.log(deviation_N) + off_N**2 / 2)
        slope_N3 = np.column_stack(
            [
                1 / (1 + np.exp(-odds_N)) - any_N,
                -any_N * off_N / deviation_N,
                any_N * (1 - off_N**2) / deviation_N * _hazards(outputs_NK[:, 2]),
            ]
        )
        return float(parts_N.mean()), slope_N3 / len(rows)

    start = np.array([np.log(rate / (1 - rate)), middle, _unsoftened(deviation)])
    network = fit_small_network(columns_NC, subject_N, loss, start_K=start, seed=seed)
    return AmountHead(network, "chance"), AmountHead(network, "log_amount")


def deviation_of(outputs_N3: Floats) -> Floats:
    """Return the deviation of each row's log amount, [N]."""
    return np.asarray(np.logaddexp(0, outputs_N3[:, 2]) + _MIN_DEVIATION)


def _unsoftened(deviation: float) -> float:
    return float(np.log(np.expm1(max(deviation - _MIN_DEVIATION, 0.01))))


def _hazards(outputs: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(outputs, -40, 40))))


def _risk(outputs_NK: Floats, share_K: Floats) -> Floats:
    """Return the summed risk over these shares of the bins: survival is e to the minus it."""
    return np.asarray(np.logaddexp(0, outputs_NK) @ share_K)


def bin_shares(days: float | Floats) -> Floats:
    """Return how much of each bin lies before so many days, [..., K]."""
    return np.clip((np.asarray(days, dtype=np.float64)[..., None] - _STARTS) / _WIDTHS, 0, 1)


def periods(wait_N: Floats, known_N: Floats) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Return which share of each bin was seen while waiting, and in which the event came.

    The bin of the event counts as far as it would have been seen without it.
    """
    known_NK = bin_shares(known_N)
    came_N = (wait_N < known_N) & (wait_N < BIN_ENDS[-1])
    place_N = np.searchsorted(BIN_ENDS, np.where(came_N, wait_N, 0.0), side="right")
    bins = np.arange(len(BIN_ENDS))
    came_NK = came_N[:, None] & (bins == place_N[:, None])
    return np.where(came_N[:, None] & (bins > place_N[:, None]), 0.0, known_NK), came_NK
