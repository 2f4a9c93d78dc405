"""Rows in ascending order, quickly.

In: a table and the columns it is sorted by, the first two of them whole numbers. Out: its rows.
Knows nothing about what the columns mean.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl


def sorted_by(rows: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Return rows sorted by the columns named; the first of these has no negative numbers.

    The first two as one number, where they fit into one, are sorted in a third of the time.
    """
    if rows.is_empty():
        return rows
    first, second = (rows[name].cast(pl.Int64).to_numpy() for name in names[:2])
    begin = second.min()
    num_bits = int(second.max() - begin).bit_length()
    if num_bits + int(first.max()).bit_length() >= 64:
        return rows.sort(names)
    keys = (first << num_bits) | (second - begin)
    order = pl.Series(keys).arg_sort().to_numpy()
    equals_next = np.append(np.diff(keys[order]) == 0, False)
    if equals_next.any():
        order = order.copy()
        tied = np.flatnonzero(equals_next | np.roll(equals_next, 1))
        places = order[tied]
        others = rows.select(names[2:])[places]
        others = others.with_columns(_key=pl.Series(keys[places]), _place=pl.Series(places))
        order[tied] = others.sort("_key", *names[2:], "_place")["_place"].to_numpy()
    return rows[order]
