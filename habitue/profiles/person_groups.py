"""Groups of persons for whom a model may work less well: new, rare, heavy, platform by platform.

In: what was known of persons at a cut. Out: for each group, who is in it. Groups overlap; none is
known by what came after the cut. Knows nothing about models and measures.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from habitue.schema import PLATFORMS

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.floating]
Numbers = Floats | npt.NDArray[np.integer]
Ints = npt.NDArray[np.int64]

NEW_DAYS: Final = 30  # as the tag `customer: new`
RARE_EVENTS: Final = 4  # as `data_sufficiency: limited`
HEAVY_SHARE: Final = 0.1
PLATFORM: Final = "platform: "
GROUPS: Final = ("new", "rare", "heavy", *(PLATFORM + name for name in PLATFORMS))


@dataclass(frozen=True)
class Known:
    """What was known of persons: a row a person and cut."""

    cuts: Ints  # [N]
    days: Numbers  # [N] from the first event to the cut
    events: Numbers  # [N] before the cut
    platforms: Ints  # [N] 1 + place in PLATFORMS of where most events come from; 0: not told

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Return the rows of several parts, one after another."""
        return cls(
            np.concatenate([np.empty(0, np.int64), *(part.cuts for part in parts)]),
            np.concatenate([np.empty(0), *(part.days for part in parts)]),
            np.concatenate([np.empty(0), *(part.events for part in parts)]),
            np.concatenate([np.empty(0, np.int64), *(part.platforms for part in parts)]),
        )


def groups_of(known: Known) -> dict[str, Bools]:
    """Return who is in each of `GROUPS`, bool [N]; nobody is in some of them."""
    found = {
        "new": known.days <= NEW_DAYS,
        "rare": known.events <= RARE_EVENTS,
        "heavy": _heavy(known),
    }
    for number, name in enumerate(PLATFORMS, start=1):
        found[PLATFORM + name] = known.platforms == number
    return found


def _heavy(known: Known) -> Bools:
    """Return who is of the tenth with the most events at the same cut."""
    found = np.zeros(len(known.cuts), dtype=bool)
    for cut in np.unique(known.cuts):
        rows = known.cuts == cut
        found[rows] = known.events[rows] > np.quantile(known.events[rows], 1 - HEAVY_SHARE)
    return found
