"""Cleaning step: who did it.

Comes in: a batch with tidy ids. Goes out: `subject_kind` and `subject`, the outside id under
which the event is kept. Knows nothing about the store's own numbers.
"""

from typing import Final

import polars as pl

from habitue.events.batch import Batch
from habitue.events.words import rows_where
from habitue.schema import IDENTIFY

# In the order in which they are preferred: (field, kind of subject).
SUBJECT_FIELDS: Final = (
    ("user_id", "user"),
    ("anonymous_id", "anonymous"),
    ("session_id", "session"),
)

SUBJECT_KINDS: Final = pl.Enum([kind for _, kind in SUBJECT_FIELDS])

_LINKED: Final = ("user_id", "anonymous_id")


def choose_subject(batch: Batch) -> Batch:
    """Take the user id, else the anonymous id, else the session's; reject who has none.

    A user id that is a word for nobody ("guest", "0") is rejected rather than guessed at: one
    person would get everybody's events. An anonymous id of that kind is forgotten.
    """
    if batch.has("anonymous_id"):
        is_placeholder = _is_placeholder(batch, "anonymous_id")
        if not batch.has("user_id") and not batch.has("session_id"):
            batch = batch.reject(is_placeholder, "placeholder_id", "anonymous_id")
        batch = batch.repair(is_placeholder, "placeholder_dropped")
        if is_placeholder.any():
            kept = pl.when(~is_placeholder).then("anonymous_id")
            batch = batch.with_columns(anonymous_id=kept)
    if batch.has("user_id"):
        batch = batch.reject(_is_placeholder(batch, "user_id"), "placeholder_id", "user_id")
    batch = batch.with_columns(*_first_of(batch))
    return batch.reject(pl.col("subject").is_null(), "no_subject", "user_id")


def require_two_ids(batch: Batch) -> Batch:
    """Leave out records of who is who that do not name both a user and a visitor."""
    is_link = pl.col("event_type") == IDENTIFY
    if not batch.rows(is_link).any():
        return batch
    present = [pl.col(field).is_not_null() for field in _LINKED if batch.has(field)]
    links_two = pl.all_horizontal(present) if len(present) == len(_LINKED) else pl.lit(False)
    return batch.reject(is_link & ~links_two, "no_shop_event", "anonymous_id")


def _first_of(batch: Batch) -> list[pl.Expr]:
    """Return the first id that is there, and its kind."""
    present = [(field, kind) for field, kind in SUBJECT_FIELDS if batch.has(field)]
    ids = [pl.col(field) for field, _ in present] or [pl.lit(None, pl.String)]
    if len({batch.frame.schema[field] for field, _ in present}) > 1:
        ids = [one.cast(pl.String) for one in ids]
    kind = pl.lit(None, SUBJECT_KINDS)
    for field, name in reversed(present):
        is_there = pl.col(field).is_not_null()
        kind = pl.when(is_there).then(pl.lit(name, SUBJECT_KINDS)).otherwise(kind)
    return [pl.coalesce(ids).alias("subject"), kind.alias("subject_kind")]


def _is_placeholder(batch: Batch, field: str) -> pl.Series:
    placeholders = batch.rules.placeholder_ids
    return rows_where(batch.frame[field], lambda ids: ids.str.to_lowercase().is_in(placeholders))
