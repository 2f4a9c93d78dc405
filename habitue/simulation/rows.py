"""One event as the simulator keeps it: numbers only, until it is written out.

Outside ids are numbers here (`ids` makes texts of them), an item is its number in the catalogue,
money is in hundredths, and -1 means none.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from habitue.schema import EVENT_TYPES

Rows = NDArray[Any]

ROW: Final = np.dtype(
    [
        ("time", "<i8"),  # µs
        ("event", "<i8"),
        ("user", "<i8"),
        ("anonymous", "<i8"),
        ("visit", "<i8"),
        ("order", "<i8"),
        ("item", "<i4"),
        ("cents", "<i4"),
        ("delay", "<i4"),  # until it was received, ms
        ("query", "<i4"),  # leaf × number of forms + form
        ("quantity", "<i2"),
        ("position", "<i2"),
        ("campaign", "<i2"),
        ("kind", "i1"),  # place in schema.EVENT_TYPES
        ("platform", "i1"),  # place in schema.PLATFORMS
        ("device", "i1"),
        ("list", "i1"),
        ("damage", "i1"),  # place in damage.DAMAGES
    ],
    align=True,
)
# Copied as a lump, a row costs a tenth of what it costs field by field.
_LUMP: Final = np.dtype((np.void, ROW.itemsize))

KIND: Final = {name: number for number, name in enumerate(EVENT_TYPES)}
LISTS: Final = ("search", "category", "home", "recommended")


def empty_rows(size: int) -> Rows:
    """Return rows in which everything is none."""
    # Every field is a signed integer, so that all bits set is -1 in each.
    return np.full(size * ROW.itemsize, 255, dtype=np.uint8).view(ROW)


def joined(parts: list[Rows]) -> Rows:
    """Return rows one after the other."""
    return np.concatenate([part.view(_LUMP) for part in parts]).view(ROW)


def in_order_of_time(rows: Rows) -> Rows:
    """Return rows by time; of equal times, as they stood."""
    order = np.argsort(rows["time"], kind="stable")
    return rows.view(_LUMP).take(order).view(ROW)
