"""Which of the rows that came in are new to the store.

In: one bucket's rows in the order in which they came, and the identities of those stored. Out:
the new rows with their `event_key`; the others were there before. The order of files and
chunks does not matter for what counts as new. Knows nothing about files.

A row without an event id is identified by its content and its occurrence number among equal rows
of the same file, so that the same file again, a renamed copy or an overlapping export adds
nothing. A row with an event id is identified by the id and its content: the same id with other
content is stored beside the first.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from habitue.events.keys import Hashes, column_hashes, mixed
from habitue.schema import EVENT_FIELDS

# What makes two events the same event, beside whose they are. Not when it was sent and arrived: a
# second delivery under the same id comes later.
_BESIDE: Final = ("user_id", "anonymous_id", "sent_at", "received_at")
CONTENT_FIELDS: Final = tuple(field for field in EVENT_FIELDS if field not in _BESIDE)
_NTH: Final = np.uint64(0xD6E8FEB86659FD93)


@dataclass(frozen=True)
class Merged:
    """A bucket's rows, told apart.

    `fresh` has the new ones, with the columns that came in, `event_key`, and `identity`, which
    identifies the row in the whole store.
    """

    fresh: pl.DataFrame
    num_changed_ids: int  # records whose event id stood there before with other content


def merge(rows: pl.DataFrame, stored: pl.DataFrame) -> Merged:
    """Tell new rows from duplicates.

    `rows` has `subject_id, received_at, event_id, _content, _file, _record, _keep_equal` (whether
    equal rows of its file are all meant); `stored` has `identity` and, where the store holds
    event ids, `subject_id` and `event_id`.
    """
    keys = _base_keys(rows)
    is_new = pl.repeat(True, rows.height, dtype=pl.Boolean, eager=True)
    # Nearly always all rows differ.
    has_twins = pl.Series(keys).n_unique() < rows.height
    if has_twins:
        keys = _numbered(keys, _occurrence(rows, keys, "_file", "_record"))
        nth_in_file = _occurrence(rows, keys, "_file")
        drops_equal = rows["event_id"].is_not_null() | ~rows["_keep_equal"]
        is_new &= ~(pl.Series(nth_in_file > 0) & drops_equal)
        keys = _numbered(keys, nth_in_file)
    identity = mixed(keys + column_hashes(rows["subject_id"]))
    rows = rows.with_columns(event_key=pl.Series(keys), identity=pl.Series(identity))
    if has_twins:
        is_new &= rows["identity"].is_first_distinct()
    if stored.height:
        is_new &= ~rows["identity"].is_in(stored["identity"].implode())
    fresh = rows if is_new.all() else rows.filter(is_new)
    return Merged(fresh, _num_changed_ids(fresh, stored))


def _base_keys(rows: pl.DataFrame) -> Hashes:
    content: Hashes = rows["_content"].to_numpy()
    has_id = rows["event_id"].is_not_null().to_numpy()
    by_content = mixed(content + column_hashes(rows["received_at"]))
    if not has_id.any():
        return by_content
    return np.where(has_id, mixed(content), by_content)


def _occurrence(rows: pl.DataFrame, keys: Hashes, *within: str) -> NDArray[np.uint64]:
    """Return how many equal rows of the same subject came before each row, within `within`."""
    frame = rows.select("subject_id", *within, _key=pl.Series(keys))
    group = frame.columns
    # Nearly all rows are unlike any other; only those that are not need counting.
    twins = frame.select(is_twin=pl.col("_key").is_duplicated())["is_twin"]
    nth = np.zeros(rows.height, dtype=np.uint64)
    if not twins.any():
        return nth
    counted = frame.with_row_index("_row").filter(twins)
    counted = counted.select("_row", nth=pl.int_range(pl.len()).over(group))
    nth[counted["_row"].to_numpy()] = counted["nth"].to_numpy()
    return nth


def _numbered(keys: Hashes, nth: NDArray[np.uint64]) -> Hashes:
    """Return keys of their own for all but the first of equal rows."""
    return np.where(nth > 0, mixed(keys + nth * _NTH), keys)


def _num_changed_ids(fresh: pl.DataFrame, stored: pl.DataFrame) -> int:
    """Return how many new records carry an event id that another record of the subject has."""
    if fresh["event_id"].null_count() == fresh.height:
        return 0
    given = fresh.filter(pl.col("event_id").is_not_null())
    pair = ["subject_id", "event_id"]
    records = given.select(*pair, "_file", "_record").unique()
    distinct = records.select(pair).unique()
    num_before = 0
    if "event_id" in stored.columns:
        num_before = distinct.join(stored.select(pair).unique(), on=pair, how="semi").height
    return records.height - distinct.height + num_before
