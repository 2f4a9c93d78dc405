"""Cleaning step: who did it.

Comes in: a batch with tidy ids. Goes out: `subject_kind` and `subject`, the outside id under
which the event is kept. Knows nothing about the store's own numbers.
"""

from typing import Final

import polars as pl

from habitue.events.batch import Batch
from habitue.schema import IDENTIFY

# In the order in which they are preferred: (field, kind of subject).
SUBJECT_FIELDS: Final = (
    ("user_id", "user"),
    ("anonymous_id", "anonymous"),
    ("session_id", "session"),
)

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
        batch = batch.with_columns(anonymous_id=pl.when(~is_placeholder).then("anonymous_id"))
    if batch.has("user_id"):
        batch = batch.reject(_is_placeholder(batch, "user_id"), "placeholder_id", "user_id")
    present = [(field, kind) for field, kind in SUBJECT_FIELDS if batch.has(field)]
    subject = pl.coalesce([pl.col(field) for field, _ in present] or [pl.lit(None, pl.String)])
    kind = pl.lit(None, pl.String)
    for field, name in reversed(present):
        kind = pl.when(pl.col(field).is_not_null()).then(pl.lit(name)).otherwise(kind)
    batch = batch.with_columns(subject=subject, subject_kind=kind)
    return batch.reject(pl.col("subject").is_null(), "no_subject", "user_id")


def require_two_ids(batch: Batch) -> Batch:
    """Leave out records of who is who that do not name both a user and a visitor."""
    is_link = pl.col("event_type") == IDENTIFY
    if not batch.rows(is_link).any():
        return batch
    present = [pl.col(field).is_not_null() for field in _LINKED if batch.has(field)]
    links_two = pl.all_horizontal(present) if len(present) == len(_LINKED) else pl.lit(False)
    return batch.reject(is_link & ~links_two, "no_shop_event", "anonymous_id")


def _is_placeholder(batch: Batch, field: str) -> pl.Expr:
    return pl.col(field).str.to_lowercase().is_in(batch.rules.placeholder_ids)
