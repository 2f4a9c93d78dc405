"""Everyone's events as they were known at a moment, and what truly came after it.

In: a log and a vocabulary. Out: `Sequences`, bucket by bucket. A timeline is a person's past, as
one could have known it at the moment, followed by the later events that it is to be judged by. An
event dated before the moment that arrived after it is in neither part, and who is a bot is told
by what was known at the moment. Knows nothing about what is judged.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from habitue.compute import Progress
from habitue.events.log import EventLog
from habitue.sequences.encoder import encode
from habitue.sequences.sequences import (
    Sequences,
    SequenceSet,
    SequenceWriter,
    concatenate,
    open_sequences,
)
from habitue.sequences.vocabulary import Vocabulary


def histories(
    log: EventLog, vocabulary: Vocabulary, *, as_of: int, progress: Progress
) -> Iterator[Sequences]:
    """Yield each bucket's persons with what was known of them at `as_of`."""
    items = log.items(as_of=as_of)
    for bucket in range(log.num_buckets):
        yield encode(log.read_bucket(bucket, as_of=as_of), items, vocabulary)
        progress.advance()


def timelines(
    log: EventLog,
    vocabulary: Vocabulary,
    *,
    as_of: int,
    until: int | None = None,
    progress: Progress,
) -> Iterator[Sequences]:
    """Yield each bucket's persons: what was known at `as_of`, then what came from then on.

    What came is read as it was known at `until`, by default with all that the log holds. Persons
    without a past are there too, and count as no bots.
    """
    items, later_items = log.items(as_of=as_of), log.items(as_of=until)
    for bucket in range(log.num_buckets):
        known = encode(log.read_bucket(bucket, as_of=as_of), items, vocabulary)
        frame = log.read_bucket(bucket, as_of=until).filter(pl.col("timestamp") >= as_of)
        yield _followed_by(known, encode(frame, later_items, vocabulary))
        progress.advance()


def write_buckets(buckets: Iterable[Sequences], folder: Path) -> SequenceSet:
    """Lay the buckets into `folder`, one after the other, and return them memory-mapped."""
    with SequenceWriter(folder) as writer:
        for bucket in buckets:
            writer.append(bucket)
    return open_sequences(folder)


def _followed_by(known: Sequences, later: Sequences) -> Sequences:
    """Return the persons of both, ordered by subject: their known events, then the later ones."""
    both = concatenate([known, replace(later, is_bot=np.zeros(len(later), dtype=np.bool_))])
    runs = both.take(np.argsort(both.subject_ids, kind="stable"))
    subject_ids, first = np.unique(runs.subject_ids, return_index=True)
    return replace(
        runs,
        subject_ids=subject_ids,
        offsets=np.append(runs.offsets[first], runs.num_events),
        is_bot=runs.is_bot[first],
    )
