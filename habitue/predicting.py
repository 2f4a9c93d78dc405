"""Everyone's scores and offers as one table on disk, written bucket by bucket.

In: a model version and the log. Out: a CSV or Parquet file under the shop's own ids, replaced as
a whole. Knows nothing about who reads it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from habitue.actions.recommend import Adviser
from habitue.actions.spreadsheets import escape_formulas
from habitue.answering import Version
from habitue.compute import Progress
from habitue.events.log import EventLog
from habitue.events.store import EventStore
from habitue.files import replacing
from habitue.sequences.encoder import encode


@dataclass(frozen=True)
class WrittenTable:
    """What a table on disk holds."""

    rows: int
    escaped: int = 0  # cells that got a leading '


def write_predictions(
    version: Version,
    store: EventStore,
    log: EventLog,
    *,
    task: str,
    as_of: int,
    path: Path,
    progress: Progress,
    for_spreadsheet: bool = True,
) -> WrittenTable:
    """Write everyone's score for `task`."""
    items = log.items(as_of=as_of)

    def tables() -> Iterator[pl.DataFrame]:
        progress.start(f"Predicting {task}", store.num_subjects, "persons")
        for bucket in range(log.num_buckets):
            scored = version.score(
                log.read_bucket(bucket, as_of=as_of), items, as_of=as_of, tasks=(task,)
            )
            if task in scored.predictions:
                found = scored.predictions[task].to_frame()
            else:
                found = scored.next_answers[task].to_frame()
            user_id = store.outside_ids(found["subject_id"]).alias("user_id")
            yield found.select(user_id, pl.exclude("subject_id"))
            progress.advance(found.height)
        progress.finish()

    return write_tables(tables(), path, for_spreadsheet=for_spreadsheet)


def write_offers(
    version: Version,
    adviser: Adviser,
    store: EventStore,
    log: EventLog,
    *,
    as_of: int,
    k: int,
    path: Path,
    progress: Progress,
    for_spreadsheet: bool = True,
) -> tuple[WrittenTable, int]:
    """Write everyone's `k` offers; return what was written and the number of persons."""
    items = log.items(as_of=as_of)
    persons = 0

    def tables() -> Iterator[pl.DataFrame]:
        nonlocal persons
        progress.start("Recommending", store.num_subjects, "persons")
        for bucket in range(log.num_buckets):
            frame = log.read_bucket(bucket, as_of=as_of)
            sequences = encode(frame, items, version.vocabulary)
            users = store.outside_ids(sequences.subject_ids).to_list()
            yield adviser.offer_rows(sequences, users, as_of=as_of, k=k)
            persons += len(sequences)
            progress.advance(len(sequences))
        progress.finish()

    return write_tables(tables(), path, for_spreadsheet=for_spreadsheet), persons


def write_tables(
    tables: Iterable[pl.DataFrame], path: Path, *, for_spreadsheet: bool = True
) -> WrittenTable:
    """Write tables of one schema one after the other as `path`, CSV by its suffix or Parquet.

    In CSV, texts that a spreadsheet would run are escaped, unless it is not `for_spreadsheet`.
    """
    with replacing(path) as temporary:
        if path.suffix == ".csv":
            return _write_csv(tables, temporary, for_spreadsheet=for_spreadsheet)
        return WrittenTable(_write_parquet(tables, temporary))


def _write_csv(
    tables: Iterable[pl.DataFrame], path: Path, *, for_spreadsheet: bool
) -> WrittenTable:
    rows = num_escaped = 0
    with path.open("wb") as file:
        for position, table in enumerate(tables):
            if for_spreadsheet:
                table, escaped = escape_formulas(table)
                num_escaped += escaped
            table.write_csv(file, include_header=position == 0)
            rows += table.height
    return WrittenTable(rows, num_escaped)


def _write_parquet(tables: Iterable[pl.DataFrame], path: Path) -> int:
    import pyarrow.parquet as pq

    rows = 0
    writer: pq.ParquetWriter | None = None
    try:
        for table in tables:
            arrow = table.to_arrow()
            if writer is None:
                writer = pq.ParquetWriter(path, arrow.schema, compression="zstd")
            writer.write_table(arrow)
            rows += table.height
    finally:
        if writer is not None:
            writer.close()
    return rows
