"""The kinds of arrays the simulator is written in.

Shape letters: N persons of a block, D days, K favourites of a person, S visits of a block, R rows
(events) of a block. Knows nothing about what is in them.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Bytes = NDArray[np.uint8]


def spread_out(counts: Ints) -> tuple[Ints, Ints]:
    """Return, for `counts[i]` things of each owner i, each thing's owner and place (0, 1, 2 …).

    >>> owner, place = spread_out(np.array([2, 0, 1]))
    >>> owner.tolist(), place.tolist()
    ([0, 0, 2], [0, 1, 0])
    """
    owner = np.repeat(np.arange(counts.size), counts)
    first = np.cumsum(counts) - counts
    return owner, np.arange(owner.size) - first[owner]
