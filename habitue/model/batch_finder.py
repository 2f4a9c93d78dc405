"""The size of a batch, found by trying: twice as large each time, while that is faster and fits.

In: a way to take steps with batches of a size. Out: the smallest of the sizes that are about as
fast as the fastest. Speed is measured, so two searches may end differently: whoever wants the same
weights again sets the size that was found. Knows nothing about what a step does.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from habitue.memory import machine_mb, peak_mb

_LEAST_STEPS = 3
_LEAST_SECONDS = 0.3
_AS_FAST = 0.95  # of the fastest: larger batches mean fewer steps, which has to be worth it
_VAIN = 2  # doublings without gain before the search ends
SHARE_OF_MEMORY = 0.5

Steps = Callable[[int], Iterator[int]]  # yields the targets of each step of a size, without end
Clock = Callable[[], float]


def doubled(least: int, most: int) -> list[int]:
    """Return the sizes to try, at least one.

    >>> doubled(256, 1500)
    [256, 512, 1024]
    """
    sizes = [least]
    while 2 * sizes[-1] <= most:
        sizes.append(2 * sizes[-1])
    return sizes


def find_size(
    sizes: Sequence[int],
    steps: Steps,
    *,
    held_mb: Callable[[], float] = peak_mb,
    most_mb: float | None = None,
    clock: Clock = time.perf_counter,
) -> int:
    """Return the size of a batch to train with.

    A size is not tried that would, by what the one before took, let the process hold more than
    half of the machine's memory, or more than `most_mb`.
    """
    most_mb = SHARE_OF_MEMORY * machine_mb() if most_mb is None else most_mb
    before = held_mb()
    speeds: dict[int, float] = {}
    for size in sizes:
        if speeds and before + 2 * (held_mb() - before) > most_mb:
            break
        speeds[size] = _speed(steps(size), clock)
        latest = list(speeds.values())
        if len(latest) > _VAIN and max(latest[-_VAIN:]) * _AS_FAST < max(latest[:-_VAIN]):
            break
    return next(s for s, speed in speeds.items() if speed >= _AS_FAST * max(speeds.values()))


def _speed(steps: Iterator[int], clock: Clock) -> float:
    """Return the targets a second of some steps after a first one, which makes room for itself."""
    next(steps)
    began = clock()
    targets = sum(islice(steps, _LEAST_STEPS))
    while clock() - began < _LEAST_SECONDS:
        targets += next(steps)
    return targets / (clock() - began)
