"""How a person's interest in the shop comes and goes: a hidden Markov chain, a step a day.

    calm ⇄ keen        keen: something is on the person's mind; visits are more frequent
      ↓      ↓
      fading → gone    fading for good: fewer visits, then none

In: hazards and arrival days. Out: the state on each day, drawn at random; or, by summing over the
chain instead of drawing from it, what is to be expected. Knows nothing about what is bought.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from habitue.simulation.arrays import Bytes, Floats, Ints
from habitue.simulation.seasons import Calendar

CALM, KEEN, FADING, GONE, AWAY = 0, 1, 2, 3, 4  # away: has not come yet
STATES: Final = ("calm", "keen", "fading", "gone")
# Visits, and purchases a visit, against the calm state.
VISITS_IN: Final = np.array([1.0, 2.5, 0.4, 0.0, 0.0])
BUYS_IN: Final = np.array([1.0, 2.2, 0.6, 0.0, 0.0])
_TIRE: Final = 1 / 5  # keen → calm, a day
_VANISH: Final = 1 / 25  # fading → gone, a day
_KEEN_AT_FIRST: Final = 0.5
BUYS_AT_FIRST: Final = float(_KEEN_AT_FIRST * BUYS_IN[KEEN] + (1 - _KEEN_AT_FIRST) * BUYS_IN[CALM])


@dataclass(frozen=True)
class Hazards:
    """Probabilities, a day, that differ between persons: of fading, and of becoming keen."""

    leave: Floats
    wake: Floats

    @classmethod
    def draw(cls, size: int, rng: np.random.Generator) -> "Hazards":
        """Draw them: a fifth just has a look round, the others stay for a year or two."""
        stays = 120 + rng.gamma(2.0, 240.0, size)
        passes_by = rng.random(size) < 0.2
        leave = np.where(passes_by, 1 / rng.uniform(3, 25, size), 1 / stays)
        return cls(leave, 1 / rng.uniform(12, 60, size))

    @property
    def stay_keen(self) -> Floats:
        """The probability that who is keen is so the next day, of the same spell."""
        return 1 - self.leave - _TIRE

    def step(self, mass_SN: Floats) -> Floats:
        """Return the next day's weights of calm, keen, fading (rows) from this day's.

        What is missing from them is gone.
        """
        calm, keen, fading = mass_SN
        following = np.empty_like(mass_SN)
        following[CALM] = calm * (1 - self.leave - self.wake) + keen * _TIRE
        following[KEEN] = keen * self.stay_keen + calm * self.wake
        following[FADING] = fading * (1 - _VANISH) + (calm + keen) * self.leave
        return following

    def of(self, who: Ints) -> "Hazards":
        """Return the hazards of some of the persons."""
        return Hazards(self.leave[who], self.wake[who])

    def draw_step(self, state_N: Bytes, uniform_N: Floats) -> Bytes:
        """Return the next day's states."""
        leave, wake = self.leave, self.wake
        is_active = state_N <= KEEN
        turns = np.where(state_N == CALM, wake, _TIRE)
        leaves = np.where(is_active, uniform_N < leave, (state_N == FADING) & (uniform_N < _VANISH))
        changes = is_active & ~leaves & (uniform_N < leave + turns)
        left = np.where(is_active, FADING, GONE)
        changed: Bytes = np.where(changes, 1 - np.minimum(state_N, 1), state_N).astype(np.uint8)
        return np.where(leaves, left, changed).astype(np.uint8)


def draw_lives(hazards: Hazards, arrival_N: Ints, num_days: int, rng: np.random.Generator) -> Bytes:
    """Return each person's state on each day, (days, persons)."""
    size = arrival_N.size
    state_DN = np.empty((num_days, size), dtype=np.uint8)
    state_N: Bytes = np.full(size, AWAY, dtype=np.uint8)
    first_N = np.where(rng.random(size) < _KEEN_AT_FIRST, KEEN, CALM)
    for day in range(num_days):
        state_N = hazards.draw_step(state_N, rng.random(size))
        arrives = arrival_N == day
        state_N[arrives] = first_N[arrives]
        state_DN[day] = state_N
    return state_DN


def expected_exposure(
    hazards: Hazards, arrival_N: Ints, week_N: Ints, calendar: Calendar, num_days: int
) -> tuple[Floats, Floats]:
    """Return how many calm, average days the log holds for each person: to visit, and to buy.

    The day of arrival is left out: its visit is certain.
    """
    visits_N, tempting_N = np.zeros(arrival_N.size), np.zeros(arrival_N.size)
    mass_SN = np.zeros((GONE, arrival_N.size))
    for day in range(num_days):
        mass_SN = hazards.step(mass_SN)
        pull_N = calendar.pull[week_N, day]
        come = VISITS_IN[:GONE] @ mass_SN * pull_N
        visits_N += come
        tempting_N += (VISITS_IN * BUYS_IN)[:GONE] @ mass_SN * pull_N * calendar.temptation[day]
        arrives = arrival_N == day
        mass_SN[KEEN, arrives] = _KEEN_AT_FIRST
        mass_SN[CALM, arrives] = 1 - _KEEN_AT_FIRST
    return visits_N, tempting_N
