"""BG/NBD: whether a customer comes back, and how often, from three numbers of their past.

Customers buy at a rate of their own (gamma among customers) and after each purchase stop for good
with a chance of their own (beta): Fader, Hardie and Lee (2005), "Counting your customers the easy
way". In: `frequency`, purchases after the first; `recency`, time from the first to the last;
`age`, time since the first; all times in one unit of the caller's choice. Out: answers about the
time from now. Knows nothing about money.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import expit, gammaln, psi

from habitue.errors import NotEnoughData

Floats = npt.NDArray[np.floating]

MIN_REPEATERS: Final = 10
_FURTHEST: Final = 10.0  # of the logarithm of a parameter from 0
_NODES: Final = 32
_LEAST_CHANCE: Final = 1e-15


@dataclass(frozen=True)
class BgNbd:
    """Fitted parameters, `alpha` in the unit of time that was fitted with."""

    r: float
    alpha: float
    a: float
    b: float

    def alive(self, frequency_N: Floats, recency_N: Floats, age_N: Floats) -> Floats:
        """Return the chance that each customer has not stopped for good, float64 [N].

        Of somebody who never came again it is 1: in this model one stops at a repeat purchase only.
        """
        frequency, recency, age = _doubles(frequency_N, recency_N, age_N)
        came_again = frequency > 0
        silence = np.log(self.alpha + age) - np.log(self.alpha + recency)
        log_odds = (self.r + frequency) * silence + np.log(self.a)
        log_odds -= np.log(np.where(came_again, self.b + frequency - 1, 1.0))
        return np.where(came_again, expit(-log_odds), 1.0)

    def return_chance(
        self, frequency_N: Floats, recency_N: Floats, age_N: Floats, *, ahead: float | Floats
    ) -> Floats:
        """Return the chance of one purchase or more within `ahead` from now, float64 [N].

        Whoever has not stopped buys again after an exponential time at a rate that is gamma
        (r + frequency, alpha + age).
        """
        frequency, age = _doubles(frequency_N, age_N)
        comes = -np.expm1(-(self.r + frequency) * np.log1p(ahead / (self.alpha + age)))
        return np.asarray(comes * self.alive(frequency, recency_N, age))

    def purchases(
        self, frequency_N: Floats, recency_N: Floats, age_N: Floats, *, ahead: float | Floats
    ) -> Floats:
        """Return the expected number of purchases within `ahead` from now, float64 [N].

        The paper's closed form overflows for long histories and divides by 0 at a = 1. The same
        mean over the beta (a, b + frequency) of a customer's chance to stop, by Gauss's rule for
        that beta, does neither.
        """
        frequency, age = _doubles(frequency_N, age_N)
        distinct, row = np.unique(frequency, return_inverse=True)
        stop_UK, weight_UK = _beta_rule(self.a, self.b + distinct)
        stretch = ahead / (self.alpha + age)
        total = np.zeros(len(frequency))
        for stop_U, weight_U in zip(stop_UK.T, weight_UK.T, strict=True):
            stop = np.maximum(stop_U, _LEAST_CHANCE)[row]
            exponent = (self.r + frequency) * np.log1p(stop * stretch)
            total -= weight_U[row] * np.expm1(-exponent) / stop
        return np.asarray(total * self.alive(frequency, recency_N, age))


def fit_bg_nbd(frequency_N: Floats, recency_N: Floats, age_N: Floats) -> BgNbd:
    """Return the parameters of greatest likelihood.

    Raises:
        NotEnoughData: fewer than `MIN_REPEATERS` customers have bought again.
    """
    frequency, recency, age = _doubles(frequency_N, recency_N, age_N)
    repeaters = int((frequency > 0).sum())
    if repeaters < MIN_REPEATERS:
        raise NotEnoughData(
            f"Only {repeaters} of {len(frequency)} customers bought again; BG/NBD needs "
            f"{MIN_REPEATERS}.",
            fix="Give it a longer log, or more customers.",
        )
    from scipy.optimize import minimize

    # In units of the usual age every parameter is near 1, where the search is well scaled.
    unit = float(age.mean()) or 1.0
    found = minimize(
        _loss,
        np.zeros(4),
        args=(_History.of(frequency, recency / unit, age / unit),),
        jac=True,
        method="L-BFGS-B",
        bounds=[(-_FURTHEST, _FURTHEST)] * 4,
        options={"ftol": 1e-14, "gtol": 1e-8, "maxiter": 500},
    )
    r, alpha, a, b = (float(one) for one in np.exp(found.x))
    return BgNbd(r, alpha * unit, a, b)


@dataclass(frozen=True)
class _History:
    """What the likelihood reads again and again."""

    frequency: Floats  # [N]
    recency: Floats
    age: Floats
    came_again: npt.NDArray[np.bool_]
    distinct: Floats  # [U] frequencies, of which there are few
    share: Floats  # [U] of customers with that frequency

    @classmethod
    def of(cls, frequency: Floats, recency: Floats, age: Floats) -> "_History":
        distinct, counts = np.unique(frequency, return_counts=True)
        return cls(frequency, recency, age, frequency > 0, distinct, counts / len(frequency))


def _loss(logged: Floats, past: _History) -> tuple[float, Floats]:
    """Return the mean negative log likelihood and its gradient by the logged parameters."""
    r, alpha, a, b = np.exp(logged)
    x_U, share_U = past.distinct, past.share
    log_since_first, log_since = np.log(alpha + past.age), np.log(alpha + past.recency)
    repeats = np.where(past.came_again, b + past.frequency - 1, 1.0)
    log_alive = -(r + past.frequency) * log_since_first
    log_gone = np.log(a) - np.log(repeats) - (r + past.frequency) * log_since
    log_gone = np.where(past.came_again, log_gone, -np.inf)
    log_either = np.logaddexp(log_alive, log_gone)
    alive = np.exp(log_alive - log_either)
    gone = 1 - alive
    # ln Γ(r + x) / Γ(r) and ln B(a, b + x) / B(a, b)
    constant_U = gammaln(r + x_U) - gammaln(r)
    constant_U += gammaln(b + x_U) - gammaln(b) - gammaln(a + b + x_U) + gammaln(a + b)
    likelihood = constant_U @ share_U + r * np.log(alpha) + log_either.mean()
    both = (psi(a + b) - psi(a + b + x_U)) @ share_U
    waited = alive * log_since_first + gone * log_since
    pace = alive / (alpha + past.age) + gone / (alpha + past.recency)
    slope = np.array(
        [
            (psi(r + x_U) - psi(r)) @ share_U + np.log(alpha) - waited.mean(),
            r / alpha - ((r + past.frequency) * pace).mean(),
            both + gone.mean() / a,
            both + (psi(b + x_U) - psi(b)) @ share_U - (gone / repeats).mean(),
        ]
    )
    return -float(likelihood), -slope * np.exp(logged)


def _beta_rule(a: float, b_U: Floats) -> tuple[Floats, Floats]:
    """Return Gauss's nodes and weights [U, K] of beta(a, b) on 0 to 1; weights of a row sum to 1.

    Golub and Welsch (1969): nodes are eigenvalues of the matrix of the recurrence of Jacobi
    polynomials, weights the squared first parts of its eigenvectors.
    """
    n = np.arange(1.0, _NODES)
    b = b_U[:, None]
    twice = 2 * n + a + b - 2
    matrix = np.zeros((len(b_U), _NODES, _NODES))
    step = np.arange(_NODES)
    matrix[:, 0, 0] = a / (a + b_U)
    matrix[:, step[1:], step[1:]] = 0.5 + ((a - 1) ** 2 - (b - 1) ** 2) / (2 * twice * (twice + 2))
    beside = n * (n + a - 1) * (n + b - 1) * (n + a + b - 2)
    # At n = 1 the last factor cancels, which is what keeps a + b = 1 from being 0 / 0.
    beside[:, 0] = a * b_U
    below = twice**2 * (twice + 1) * (twice - 1)
    below[:, 0] = (a + b_U) ** 2 * (a + b_U + 1)
    matrix[:, step[1:], step[:-1]] = np.sqrt(beside / below)
    nodes, vectors = np.linalg.eigh(matrix)
    return nodes, vectors[:, 0, :] ** 2


def _doubles(*columns: Floats) -> tuple[Floats, ...]:
    return tuple(np.asarray(column, dtype=np.float64) for column in columns)
