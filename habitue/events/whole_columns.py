"""Whole columns, streamed: what a look at the first rows cannot tell.

In: the files of one source, already mapped. Out: `WholeColumns`: all words for events, all item
ids that hold no digit, refunds by the look of their order, equal rows, times from everywhere in
the files. Knows nothing about what follows from it; `guess_values` does.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from habitue.config import CleaningSettings, SourceSettings
from habitue.events.sources import Place, mapped_columns, open_source

MAX_ROWS = 5_000_000
_CHUNK_ROWS = 250_000
_TIMES_PER_CHUNK = 1_000
_COMMONEST = 50
_PLACEHOLDERS = frozenset(CleaningSettings.model_fields["placeholder_ids"].default)
_DECIMAL_FIELDS = ("user_id", "anonymous_id", "item_id", "order_id", "session_id")


@dataclass
class WholeColumns:
    """What the rows of a source's files hold altogether (of the first `MAX_ROWS`)."""

    num_rows: int = 0
    num_unparsed: int = 0
    is_complete: bool = True
    words: Counter[str] = field(default_factory=Counter)
    users: Counter[str] = field(default_factory=Counter)  # the commonest of each chunk
    items: dict[str, int] = field(default_factory=dict)  # id -> rows
    times: list[pl.Series] = field(default_factory=list)
    negative_rows: int = 0
    fractional_rows: int = 0  # with a quantity that is no whole number
    order_prefixes: dict[str, tuple[int, int]] = field(default_factory=dict)  # rows, negative ones
    num_equal_rows: int = 0
    point_zero: dict[str, tuple[int, int, int]] = field(default_factory=dict)  # .0, plain, all

    def letter_codes(self) -> tuple[list[str], float]:
        """Return item ids without any digit, commonest first, and the share with several."""
        codes = pl.Series("code", list(self.items), dtype=pl.String)
        several = codes.str.count_matches(r"\d") >= 2
        without = codes.filter(~codes.str.contains(r"\d") & (codes.str.strip_chars() != ""))
        share = float(several.sum()) / max(codes.len(), 1)
        return sorted(without.to_list(), key=lambda code: -self.items[code]), share


def look_through(files: Sequence[Place], source: SourceSettings) -> WholeColumns:
    """Read the mapped columns of the files from end to end."""
    whole = WholeColumns()
    for path in files:
        hashes: list[np.ndarray] = []
        chunks = open_source(path, source, chunk_rows=_CHUNK_ROWS, max_bad=1, salvage=True)
        for chunk in chunks:
            whole.num_rows += chunk.frame.height
            whole.num_unparsed += chunk.rejected.height
            if chunk.frame.height:
                _note(whole, chunk.frame, source)
                hashes.append(_row_hashes(chunk.frame, source))
            if whole.num_rows >= MAX_ROWS:
                whole.is_complete = False
                break
        if hashes:
            together = np.concatenate(hashes)
            whole.num_equal_rows += together.size - np.unique(together).size
    return whole


def field_texts(frame: pl.DataFrame, source: SourceSettings, name: str) -> pl.Series | None:
    """Return a field's column as trimmed text, blanks as null; a list of columns is joined."""
    column = source.columns.get(name)
    if column is None:
        return None
    names = [column] if isinstance(column, str) else column
    texts = frame.select(
        pl.concat_str([pl.col(one).cast(pl.String) for one in names], separator=" ")
        .str.strip_chars()
        .alias(name)
    )[name]
    return texts.set(texts == "", None)


def _note(whole: WholeColumns, frame: pl.DataFrame, source: SourceSettings) -> None:
    words = field_texts(frame, source, "event_type")
    if words is not None:
        whole.words.update(_counts(words))
    users = field_texts(frame, source, "user_id")
    if users is not None:
        counts = _counts(users)
        common = dict(Counter(counts).most_common(_COMMONEST))
        nobody = {user: n for user, n in counts.items() if user.lower() in _PLACEHOLDERS}
        whole.users.update(common | nobody)
    items = field_texts(frame, source, "item_id")
    if items is not None:
        for item, count in _counts(items).items():
            whole.items[item] = whole.items.get(item, 0) + count
    _note_times(whole, frame, source)
    _note_refunds(whole, frame, source)
    for name in _DECIMAL_FIELDS:
        ids = field_texts(frame, source, name)
        if ids is not None:
            _note_decimals(whole, name, ids.drop_nulls())


def _note_times(whole: WholeColumns, frame: pl.DataFrame, source: SourceSettings) -> None:
    column = source.columns.get("timestamp")
    if column is None:
        return
    times = frame[column] if isinstance(column, str) else field_texts(frame, source, "timestamp")
    if times is None:
        return
    step = max(times.len() // _TIMES_PER_CHUNK, 1)
    whole.times.append(times.gather_every(step).alias("timestamp"))
    if (times.len() - 1) % step:
        # The last row too: the span of the log is told from these.
        whole.times.append(times.tail(1).alias("timestamp"))


def _note_refunds(whole: WholeColumns, frame: pl.DataFrame, source: SourceSettings) -> None:
    quantity = field_texts(frame, source, "quantity")
    if quantity is None:
        return
    is_negative = quantity.str.starts_with("-").fill_null(False)
    whole.negative_rows += int(is_negative.sum())
    whole.fractional_rows += int(quantity.str.contains(r"^-?\d*[.,]\d*[1-9]\d*$").sum())
    orders = field_texts(frame, source, "order_id")
    if orders is None:
        return
    letters = orders.str.extract(r"^([A-Za-z]+)\d").fill_null("")
    seen = (
        pl.DataFrame({"prefix": letters, "negative": is_negative})
        .group_by("prefix")
        .agg(pl.len(), pl.col("negative").sum())
    )
    for prefix, num_rows, num_negative in seen.iter_rows():
        rows, negative = whole.order_prefixes.get(prefix, (0, 0))
        whole.order_prefixes[prefix] = (rows + num_rows, negative + num_negative)


def _note_decimals(whole: WholeColumns, name: str, ids: pl.Series) -> None:
    with_zero = int(ids.str.contains(r"^\d+\.0$").sum())
    plain = int(ids.str.contains(r"^\d+$").sum())
    before = whole.point_zero.get(name, (0, 0, 0))
    whole.point_zero[name] = (before[0] + with_zero, before[1] + plain, before[2] + ids.len())


def _counts(values: pl.Series) -> dict[str, int]:
    counted = values.drop_nulls().value_counts()
    return dict(counted.iter_rows())


def _row_hashes(frame: pl.DataFrame, source: SourceSettings) -> np.ndarray:
    return frame.select(mapped_columns(source)).hash_rows(seed=0).to_numpy()
