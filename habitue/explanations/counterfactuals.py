"""What an answer would be without some of the events it rests on.

In: a callable that answers for any removal of groups of events. Out: how much each group moves
the answer, measured; what all cited groups move together; and a small set without which the
decision would be another. Knows nothing about events, models or texts.

Shapes: V variants, G groups of events, oldest first.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Up to so many rows of variants every group is removed alone; beyond, the likeliest are.
EXACT_ROWS: Final = 120_000
MOST_MEASURED: Final = 160  # groups of a long history that are removed alone
_LEAST_MEASURED: Final = 24
_BLOCKS: Final = 48  # runs of a long history that are removed to find where its weight lies
_LATEST: Final = 40  # groups at the end that are always measured
LARGEST_SET: Final = 20  # groups of a smallest change
_LENGTHS: Final = (1, 2, 3, 4, 6, 8, 11, 15, LARGEST_SET)  # tried; what is too much is put back
NOTHING: Final = 1e-6  # of the answer, relative to it where it is large: rounding, no effect


@dataclass(frozen=True)
class Answers:
    """The answers of V variants."""

    value: Floats
    margin: Floats  # above 0 on one side of the decision, below on the other; NaN: there is none


Ask = Callable[[Bools], Answers]  # removed [V, G] -> the answers without those groups


@dataclass(frozen=True)
class Measured:
    """What each group moves: the answer less the answer without it."""

    value: float
    margin: float
    effect: Floats  # [G] measured, or estimated from the run that the group lies in
    verified: Floats  # [G] measured; NaN where it was not
    is_exact: bool  # every group was removed alone

    def strongest(self, limit: int) -> list[int]:
        """Return the measured groups that move the answer most, first the heaviest."""
        size = np.abs(np.nan_to_num(self.verified))
        least = NOTHING * max(1.0, abs(self.value))
        # Of equal ones the latest: it is the one that people remember.
        order = np.lexsort((-np.arange(len(size)), -size))[:limit]
        return [int(group) for group in order if size[group] > least]


@dataclass(frozen=True)
class SmallestChange:
    """A small set of groups without which the decision would be another."""

    groups: tuple[int, ...]
    value: float  # the answer without them


def measure(ask: Ask, num_events_G: Ints) -> Measured:
    """Remove each group alone, or in a long history those that matter most.

    `num_events_G` are the events of each group. In a long history runs of neighbouring groups are
    removed first; then the last groups, and those of the heaviest runs, are removed alone.
    """
    groups, events = len(num_events_G), int(num_events_G.sum())
    nothing = np.zeros((1, groups), dtype=bool)
    if groups * events <= EXACT_ROWS:
        answers = ask(np.concatenate([nothing, np.eye(groups, dtype=bool)]))
        value, margin = float(answers.value[0]), float(answers.margin[0])
        effect = value - answers.value[1:]
        return Measured(value, margin, effect, effect, is_exact=True)
    run_of_group = np.arange(groups) * min(_BLOCKS, groups) // groups
    runs = np.arange(run_of_group[-1] + 1)
    answers = ask(np.concatenate([nothing, run_of_group[None, :] == runs[:, None]]))
    value, margin = float(answers.value[0]), float(answers.margin[0])
    of_runs = value - answers.value[1:]
    estimate = (of_runs / np.bincount(run_of_group))[run_of_group]
    budget = int(np.clip(EXACT_ROWS * 10 // max(events, 1), _LEAST_MEASURED, MOST_MEASURED))
    chosen = _candidates(np.abs(of_runs)[run_of_group], budget)
    verified = np.full(groups, np.nan)
    verified[chosen] = value - ask(_removing([[int(one)] for one in chosen], groups)).value
    return Measured(value, margin, estimate, verified, is_exact=False)


@dataclass(frozen=True)
class Conclusion:
    """What removals of several groups at once say."""

    together: float  # the answer without all cited groups
    without: tuple[float, ...]  # the answer without each block of groups
    change: SmallestChange | None  # None where none was found


def conclude(
    ask: Ask, measured: Measured, cited: Sequence[int], blocks: Sequence[Sequence[int]] = ()
) -> Conclusion:
    """Return the answer without the cited groups, without each of some blocks of groups, and a
    small set that moves the decision.

    Groups are removed one after the other, the heaviest first, and also the latest first; of the
    shorter way that reaches the other side, what is not needed is put back. A smaller set may
    exist: to know, all sets would have to be tried.
    """
    num_groups = len(measured.effect)
    tried = list(_ways(measured))
    answers = ask(_removing([cited, *blocks, *tried], num_groups))
    side, first = np.sign(measured.margin), 1 + len(blocks)
    crossing = [n for n in range(len(tried)) if side * answers.margin[n + first] < 0]
    together, *without = answers.value[:first].tolist()
    change = None
    if crossing:
        best = min(crossing, key=lambda n: (len(tried[n]), n))
        found = SmallestChange(tuple(tried[best]), float(answers.value[best + first]))
        change = _pruned(ask, found, side, num_groups)
    return Conclusion(together, tuple(without), change)


def _ways(measured: Measured) -> Iterator[list[int]]:
    """Yield the first groups of each order of removal, more and more of them."""
    side = np.sign(measured.margin)
    if np.isnan(side) or side == 0:
        return
    latest = np.arange(len(measured.effect))[::-1]
    pull = side * np.where(np.isnan(measured.verified), 0.0, measured.verified)
    heaviest = latest[np.argsort(-pull[latest], kind="stable")]
    for way in (heaviest[pull[heaviest] > 0], latest):
        for length in _LENGTHS:
            if length <= len(way):
                yield way[:length].tolist()


def _pruned(ask: Ask, found: SmallestChange, side: float, num_groups: int) -> SmallestChange:
    """Put back what the change does not need, the least needed first and as many as will go."""
    while len(found.groups) > 1:
        fewer = [[one for one in found.groups if one != spared] for spared in found.groups]
        distance = side * ask(_removing(fewer, num_groups)).margin
        spared = [
            int(place) for place in np.argsort(distance, kind="stable") if distance[place] < 0
        ]
        if not spared:
            break
        found = _put_back(ask, found, [found.groups[place] for place in spared], side, num_groups)
    return found


def _put_back(
    ask: Ask, found: SmallestChange, spared: Sequence[int], side: float, num_groups: int
) -> SmallestChange:
    """Return the change without the first of `spared`, and as many of the next as will go.

    Ever more of them in one question: one at a time would ask as often as there are.
    """
    most = min(len(spared), len(found.groups) - 1)
    left = [[one for one in found.groups if one not in spared[:n]] for n in range(1, most + 1)]
    answers = ask(_removing(left, num_groups))
    enough = [n for n in range(1, most) if side * answers.margin[n] < 0]
    best = max(enough, default=0)
    return SmallestChange(tuple(left[best]), float(answers.value[best]))


def _candidates(weight_G: Floats, budget: int) -> Ints:
    """Return the last groups and those of the heaviest runs, `budget` at most, in order."""
    groups = len(weight_G)
    latest = np.arange(max(groups - min(_LATEST, budget // 2), 0), groups)
    others = np.setdiff1d(np.arange(groups), latest)
    heaviest = others[np.argsort(-weight_G[others], kind="stable")][: budget - len(latest)]
    return np.sort(np.concatenate([heaviest, latest]))


def _removing(sets: Sequence[Sequence[int]], num_groups: int) -> Bools:
    removed = np.zeros((len(sets), num_groups), dtype=bool)
    for row, groups in enumerate(sets):
        removed[row, list(groups)] = True
    return removed
