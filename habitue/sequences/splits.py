"""Where the past ends: cuts by global time, the same for every person.

In: the span of a log and the tasks asked for. Out: `Cuts`. Knows nothing about events.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from habitue.errors import NotEnoughData
from habitue.schema import DAY, Task, format_time

_LONGEST_WINDOW = 28 * DAY


@dataclass(frozen=True)
class Cuts:
    """The moments that part learning, choosing and judging, all in microseconds.

    ::

        start_at        valid_from        as_of          test_until        end_at
           |---- fit ------|--- validate ---|----- test -----|----- ... -----|
           |                                |
           |<------- all that `train` ----->|<---- holdout: labels of the ---->|
           |          may ever read         |      longest task fit in here

    The network learns from events before `valid_from`; epochs, blends and half-lives are chosen
    on [valid_from, as_of); recommendations are judged on [as_of, test_until) and predictions on
    the whole holdout. An explicit `as_of` at the end leaves an empty test window.
    """

    start_at: int
    valid_from: int
    as_of: int
    test_until: int
    end_at: int

    @property
    def holdout(self) -> int:
        """The time after the cut that `train` never reads."""
        return self.end_at - self.as_of


def choose_cuts(
    start_at: int,
    end_at: int,
    *,
    tasks: Iterable[Task] = (),
    holdout_days: float = 0,
    as_of: int | None = None,
) -> Cuts:
    """Return the cuts for a log from `start_at` to `end_at` (exclusive).

    The holdout is `holdout_days` where given, else the longest task horizon that fits into a
    quarter of the span, else a tenth of the span. `as_of` moves the cut itself.

    Raises:
        NotEnoughData: the log has no span, or the cut leaves nothing to learn from.
    """
    span = end_at - start_at
    if span < 4:
        raise NotEnoughData(
            "All events have the same moment, so there is no past to learn a future from.",
            fix="Import events of more than one moment, or map the right timestamp column.",
        )
    holdout = round(holdout_days * DAY) or _holdout(span, tasks)
    cut = end_at - holdout if as_of is None else as_of
    if cut <= start_at + 1:
        raise NotEnoughData(
            f"The cut at {format_time(cut)} leaves no events to learn from: the log begins at "
            f"{format_time(start_at)}.",
            fix="Choose a shorter holdout_days or a later as_of.",
        )
    window = min(_LONGEST_WINDOW, holdout)
    return Cuts(
        start_at=start_at,
        # A cut soon after the beginning must leave something to fit on.
        valid_from=cut - max(1, min(window, (cut - start_at) // 4)),
        as_of=cut,
        test_until=max(cut, min(cut + window, end_at)),
        end_at=max(end_at, cut),
    )


def latest_cut(start_at: int, end_at: int, *, as_of: int) -> int:
    """Return the last moment up to `as_of` that a log from `start_at` to `end_at` can tell of.

    A log that ends days before `as_of` is silent from then on because it was told no more, not
    because nobody came: windows in that silence would teach that everyone left. So the cut moves
    back by whole days (in a short log by tenths of it) until less than one of them is silent.
    """
    step = max(1, min(DAY, (end_at - start_at) // 10))
    return as_of - max(0, as_of - end_at) // step * step


def _holdout(span: int, tasks: Iterable[Task]) -> int:
    horizons = [task.horizon for task in tasks if task.kind != "next"]
    return max((horizon for horizon in horizons if horizon <= span // 4), default=span // 10)
