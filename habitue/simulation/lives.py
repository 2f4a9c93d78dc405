"""How a person's interest in the shop comes and goes: a hidden Markov chain, a step a day.

    calm ⇄ keen        keen: something is on the person's mind; visits are more frequent
      ↓      ↓
      fading → gone    fading for good: fewer visits, then none

In: hazards and arrivals. Out: the state on each day, drawn at random; or, by summing over the
chain instead of drawing from it, what is to be expected. Knows nothing about what is bought.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from habitue.simulation.arrays import Bools, Bytes, Floats, Ints
from habitue.simulation.seasons import Calendar

CALM, KEEN, FADING, GONE, AWAY = 0, 1, 2, 3, 4  # away: has not come yet
STATES: Final = ("calm", "keen", "fading", "gone")
# Visits, and purchases a visit, against the calm state.
VISITS_IN: Final = np.array([1.0, 1.8, 0.4, 0.0, 0.0])
BUYS_IN: Final = np.array([1.0, 2.2, 0.6, 0.0, 0.0])
_TIRE: Final = 1 / 5  # keen → calm, a day
_VANISH: Final = 1 / 25  # fading → gone, a day
_NEW_ARE_KEEN: Final = 0.5
_NEW_PASS_BY: Final = 0.35


@dataclass(frozen=True)
class Hazards:
    """Probabilities, a day, that differ between persons: of fading, and of becoming keen."""

    leave: Floats
    wake: Floats

    @classmethod
    def draw(cls, is_new: Bools, stay_days: float, rng: np.random.Generator) -> "Hazards":
        """Draw them: a third of the new just has a look round, the others stay."""
        size = is_new.size
        stays = stay_days * (0.2 + rng.gamma(2.0, 0.4, size))
        passes_by = is_new & (rng.random(size) < _NEW_PASS_BY)
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


@dataclass(frozen=True)
class Arrivals:
    """How each person comes into the log: the day, what is left of it, the state.

    `rest`: the share of the day that follows the first visit. `keen`: the probability of being
    keen at first.
    """

    day: Ints
    rest: Floats
    keen: Floats

    @classmethod
    def at(cls, moment: Floats, is_new: Bools, hazards: Hazards) -> "Arrivals":
        """Return arrivals at moments, in days; who was there before is as keen as ever."""
        day = moment.astype(np.int64)
        as_ever = hazards.wake / (hazards.wake + _TIRE)
        return cls(day, 1 - (moment - day), np.where(is_new, _NEW_ARE_KEEN, as_ever))

    def of(self, who: Ints) -> "Arrivals":
        """Return the arrivals of some of the persons."""
        return Arrivals(self.day[who], self.rest[who], self.keen[who])

    @property
    def buys(self) -> Floats:
        """How often the first visit buys, against one of the calm state."""
        buys: Floats = self.keen * BUYS_IN[KEEN] + (1 - self.keen) * BUYS_IN[CALM]
        return buys


def draw_lives(
    hazards: Hazards, arrivals: Arrivals, num_days: int, rng: np.random.Generator
) -> Bytes:
    """Return each person's state on each day, (days, persons)."""
    size = arrivals.day.size
    state_DN = np.empty((num_days, size), dtype=np.uint8)
    state_N: Bytes = np.full(size, AWAY, dtype=np.uint8)
    first_N = np.where(rng.random(size) < arrivals.keen, KEEN, CALM)
    for day in range(num_days):
        state_N = hazards.draw_step(state_N, rng.random(size))
        arrives = arrivals.day == day
        state_N[arrives] = first_N[arrives]
        state_DN[day] = state_N
    return state_DN


def expected_exposure(
    hazards: Hazards, arrivals: Arrivals, week_N: Ints, calendar: Calendar, num_days: int
) -> tuple[Floats, Floats]:
    """Return how many calm, average days the log holds for each person: to visit, and to buy.

    The first visit is left out: it is certain.
    """
    size = arrivals.day.size
    visits_N, tempting_N, mass_SN = np.zeros(size), np.zeros(size), np.zeros((GONE, size))
    for day in range(num_days):
        mass_SN = hazards.step(mass_SN)
        arrives = arrivals.day == day
        mass_SN[KEEN, arrives] = arrivals.keen[arrives]
        mass_SN[CALM, arrives] = 1 - arrivals.keen[arrives]
        pull_N = calendar.pull[week_N, day] * np.where(arrives, arrivals.rest, 1.0)
        come = VISITS_IN[:GONE] @ mass_SN * pull_N
        visits_N += come
        tempting_N += (VISITS_IN * BUYS_IN)[:GONE] @ mass_SN * pull_N * calendar.temptation[day]
    return visits_N, tempting_N
