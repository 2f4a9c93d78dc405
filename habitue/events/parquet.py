"""Parquet files, batch by batch, in their native types.

In: a path and the columns that are wanted. Out: pieces of records. Structs become columns "a.b";
a list of structs on which a wanted column lies becomes one row each under the same `_record`.
Page checksums are verified where the file carries them. Knows nothing about fields or cleaning.
"""

import os
import re
from bisect import bisect_right
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from habitue.errors import FileRefused
from habitue.events.compression import magic_of
from habitue.events.json_values import JsonObject, object_of
from habitue.events.object_rows import ObjectRows, WantedColumns
from habitue.events.plain_files import check_path, check_unchanged, opened
from habitue.events.records import RecordChunk, rejected_frame

MAGIC = b"PAR1"
MAX_COLUMNS = 10_000
MAX_DEPTH = 8
MAX_SCHEMA_ELEMENTS = 4 * MAX_COLUMNS  # a list of structs takes three beside its columns
NO_CHECKSUMS = (
    "Parquet files without page checksums were read: a flipped bit in them may go unnoticed. "
    "Most writers can add them (write_page_checksum=True in PyArrow)."
)
_OBJECT_ROWS = 10_000
_PAGE_HEADER_BYTES = 64
_NEXT_NUMBER = b"\x15"
_BROKEN = (pa.ArrowException, OSError, ValueError)  # what PyArrow raises at damaged files
# The version, a list of structs, and of a long list the number of its entries, in compact Thrift.
_SCHEMA_SIZE = re.compile(rb"\x15[\x00-\x7f]\x19\xfc([\x80-\xff]*[\x00-\x7f])", re.DOTALL)


@dataclass(frozen=True)
class CodedColumns:
    """Columns of texts to be read as categoricals of one kind, as long as they are wanted so."""

    names: tuple[str, ...]
    kind: pl.Categorical
    is_wanted: Callable[[str], bool] = lambda name: True

    def texts_of(self, schema: pa.Schema) -> list[str]:
        """Return which of the names are columns of texts in a file."""
        return [
            name
            for name in self.names
            if name in schema.names and _is_text(schema.field(name).type)
        ]

    def taken_from(self, batch: pa.RecordBatch) -> dict[str, pl.Series]:
        """Return those of the batch's columns that came as numbers with a dictionary of texts."""
        return {
            name: _recoded(batch.column(name), self.kind)
            for name in self.names
            if name in batch.schema.names
            and _is_coded(batch.schema.field(name).type)
            and self.is_wanted(name)
        }


def is_parquet(path: Path) -> bool:
    """Return whether the file begins as Parquet does."""
    return magic_of(path) == MAGIC


def read_schema(path: Path) -> pa.Schema:
    """Return the file's schema; the footer is checked, no rows are read.

    Raises:
        FileRefused: `parquet_damaged`, or `schema_limits` for a monstrous schema.
    """
    with _opened(path) as file:
        return file.schema_arrow


def column_names(path: Path) -> list[str]:
    """Return the flattened names of the file's columns: structs and lists of structs as "a.b"."""
    names: list[str] = []
    for field in read_schema(path):
        names.extend(_leaves(field.name, field.type))
    return names


def num_rows(path: Path) -> int:
    """Return the number of rows that the footer promises."""
    with _opened(path) as file:
        return int(file.metadata.num_rows)


def read_parquet(
    path: Path,
    *,
    columns: tuple[str, ...],
    batch_rows: int,
    row_groups: list[int] | None = None,
    coded: CodedColumns | None = None,
) -> Iterator[RecordChunk]:
    """Yield the records; only the `columns` (flattened names) are read, or all if there are none.

    Texts of the columns named in `coded` come as categoricals of its kind: most files hold them as
    numbers anyway.

    Raises:
        FileRefused: the file is damaged or changes under our hands.
    """
    record = 1
    notes = () if has_page_checksums(path) else (NO_CHECKSUMS,)
    for batch in _batches(path, columns, batch_rows, row_groups, coded):
        yield replace(_piece(batch, record, columns, coded), notes=notes)
        record += batch.num_rows


class RestOfRecords:
    """Reads, of some records of a file, all columns that `read_parquet` with `columns` leaves out.

    Who asks for records in the file's order, however often, has the file read once at most, and
    only the row groups that hold such records.
    """

    def __init__(self, path: Path, *, columns: tuple[str, ...]) -> None:
        self._path, self._columns = path, columns
        self._rest: tuple[str, ...] | None = None  # not yet known
        self._starts: list[int] = []  # the first record of each row group
        self._group, self._first = -1, 0  # the row group being read; its batch's first record
        self._batches: Generator[pa.RecordBatch] | None = None
        self._batch: pa.RecordBatch | None = None

    def __call__(self, records: pl.Series) -> pl.DataFrame:
        """Return the columns of these records, one row each, with its `_record`.

        Raises:
            FileRefused: the file is damaged or changes under our hands.
        """
        pieces = [pl.DataFrame(schema={"_record": pl.UInt64()})]
        wanted = records.unique().sort()
        while wanted.len() and self._has_rest() and self._go_to(int(wanted[0])):
            assert self._batch is not None
            frame = _piece(self._batch, self._first, (), None).frame.drop("_line", "_offset")
            num_within = int(wanted.search_sorted(self._first + self._batch.num_rows))
            pieces.append(frame.filter(pl.col("_record").is_in(wanted[:num_within].implode())))
            wanted = wanted[num_within:]
        return pl.concat(pieces, how="diagonal_relaxed")

    def close(self) -> None:
        """Let the file go."""
        if self._batches is not None:
            self._batches.close()
        self._batches, self._batch = None, None

    def _has_rest(self) -> bool:
        if self._rest is None:
            with _opened(self._path) as file:
                names = file.schema_arrow.names
                read = _roots(names, self._columns) or names
                groups = range(file.metadata.num_row_groups)
                sizes = [file.metadata.row_group(group).num_rows for group in groups]
            self._rest = tuple(name for name in names if name not in read)
            self._starts = [1, *(1 + size for size in accumulate(sizes))][:-1]
        return bool(self._rest)

    def _go_to(self, record: int) -> bool:
        """Read on to the batch with the record; whether there is one."""
        group = bisect_right(self._starts, record) - 1
        if self._batch is None or group != self._group or record < self._first:
            self.close()
            self._group, self._first = group, self._starts[group]
            self._batches = _batches(self._path, self._rest or (), _OBJECT_ROWS, [group])
            self._batch = next(self._batches, None)
        while self._batch is not None and record >= self._first + self._batch.num_rows:
            assert self._batches is not None
            self._first += self._batch.num_rows
            self._batch = next(self._batches, None)
        return self._batch is not None


def read_parquet_objects(
    path: Path, *, wanted: WantedColumns, roots: tuple[str, ...]
) -> Iterator[RecordChunk]:
    """Yield the records taken for objects, as `object_rows` makes rows of them.

    Beside the wanted columns those named in `roots` are read; all, where none is named.

    Raises:
        FileRefused: the file is damaged or changes under our hands.
    """
    rows = ObjectRows(wanted)
    record = 1
    notes = () if has_page_checksums(path) else (NO_CHECKSUMS,)
    columns = (*roots, *wanted.columns) if roots else ()
    for batch in _batches(path, columns, _OBJECT_ROWS, None):
        for entry in _objects(batch):
            rows.add(record, record, None, object_of(entry))
            record += 1
        yield replace(rows.piece(), notes=notes)


def first_objects(path: Path, num_objects: int) -> list[JsonObject]:
    """Return the file's first records taken for objects."""
    batch = next(_batches(path, (), num_objects, None), None)
    return [object_of(entry) for entry in _objects(batch)] if batch is not None else []


def _batches(
    path: Path,
    columns: tuple[str, ...],
    batch_rows: int,
    row_groups: list[int] | None,
    coded: CodedColumns | None = None,
) -> Generator[pa.RecordBatch]:
    before = check_path(path)
    with _opened(path, coded) as file:
        roots = _roots(file.schema_arrow.names, columns)
        batches = file.iter_batches(batch_size=batch_rows, columns=roots, row_groups=row_groups)
        while True:
            try:
                batch = next(batches, None)
                if batch is None:
                    break
                # Polars panics at text that is no UTF-8, and trusts offsets that are wrong.
                batch.validate(full=True)
                batch = batch.replace_schema_metadata(None)
            except _BROKEN as error:
                raise _damaged(path, error) from None
            yield batch
    check_unchanged(path, before)


def _objects(batch: pa.RecordBatch) -> list[dict[str, object]]:
    """Return the batch's rows, times as texts: Python knows no nanoseconds and no year 10000."""
    columns = [_times_as_texts(column) for column in batch.columns]
    rows: list[dict[str, object]] = pa.RecordBatch.from_arrays(
        columns, names=batch.schema.names
    ).to_pylist()
    return rows


def _times_as_texts(column: pa.Array) -> pa.Array:
    kind = _with_texts_for_times(column.type)
    if kind == column.type:
        return column
    # Taken, because Arrow's cast of a nested column forgets that it is a slice of a longer one.
    return column.take(pa.array(range(len(column)))).cast(kind)


def _with_texts_for_times(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_temporal(kind):
        return pa.string()
    if pa.types.is_struct(kind):
        fields = [kind.field(index) for index in range(kind.num_fields)]
        return pa.struct([field.with_type(_with_texts_for_times(field.type)) for field in fields])
    if _is_list(kind):
        field = kind.value_field.with_type(_with_texts_for_times(kind.value_type))
        return pa.large_list(field) if pa.types.is_large_list(kind) else pa.list_(field)
    return kind


def has_page_checksums(path: Path) -> bool:
    """Return whether the file's first page carries a checksum; without pages nothing is missing.

    The footer does not say so; the header of each page does.
    """
    with _opened(path) as file:
        if not file.metadata.num_rows or not file.metadata.num_columns:
            return True
        chunk = file.metadata.row_group(0).column(0)
        at = chunk.dictionary_page_offset or chunk.data_page_offset
    with opened(path) as raw:
        raw.seek(at)
        return _says_checksum(raw.read(_PAGE_HEADER_BYTES))


def _says_checksum(header: bytes) -> bool:
    """Whether a page header, as compact Thrift, has its fourth field: the checksum.

    Before it stand the kind of page and its two sizes, all three needed, each one byte that says
    "the next field, a number" and the number, whose last byte is below 128.
    """
    at = 0
    for _ in range(3):
        if header[at : at + 1] != _NEXT_NUMBER:
            return False
        at += 1
        while at < len(header) and header[at] >= 0x80:
            at += 1
        at += 1
    return header[at : at + 1] == _NEXT_NUMBER


def _opened(path: Path, coded: CodedColumns | None = None) -> pq.ParquetFile:
    check_path(path)
    if magic_of(path) == MAGIC:
        _check_footer(path)
    try:
        # Buffered beforehand, what was read of the file would stay in memory up to its end.
        file = pq.ParquetFile(path, page_checksum_verification=True, pre_buffer=False)
        num_columns = file.metadata.num_columns
        depth = max((_depth(field.type) for field in file.schema_arrow), default=0)
        texts = coded.texts_of(file.schema_arrow) if coded else []
        if texts:
            file.close()
            file = pq.ParquetFile(
                path, page_checksum_verification=True, pre_buffer=False, read_dictionary=texts
            )
    except _BROKEN as error:
        if "depth limit" in str(error):
            raise _too_much(path, "columns nested more than 100 deep") from None
        raise _damaged(path, error) from None
    if num_columns > MAX_COLUMNS or depth > MAX_DEPTH:
        file.close()
        raise _too_much(path, f"{num_columns:,} columns, nested up to {depth} deep")
    return file


def _check_footer(path: Path) -> None:
    """Refuse a monstrous schema by the count at the footer's beginning, before it is read."""
    with opened(path) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(size - 8, 0))
        length = int.from_bytes(file.read(4), "little")
        file.seek(max(size - 8 - length, 0))
        found = _SCHEMA_SIZE.match(file.read(32))
    if found is None:
        return
    num_elements = 0
    for place, byte in enumerate(found[1]):
        num_elements |= (byte & 0x7F) << (7 * place)
    if num_elements > MAX_SCHEMA_ELEMENTS:
        raise _too_much(path, f"a schema of {num_elements:,} columns and groups")


def _too_much(path: Path, what: str) -> FileRefused:
    return FileRefused(
        f"{path} has {what}; at most {MAX_COLUMNS:,} columns and a depth of {MAX_DEPTH} are read.",
        fix="Export only the columns that matter.",
        code="schema_limits",
    )


def _damaged(path: Path, error: BaseException) -> FileRefused:
    why = (str(error).splitlines() or [""])[0][:200].rstrip(".") or type(error).__name__
    return FileRefused(
        f"{path} is a damaged or unfinished Parquet file: {why}.",
        fix="Copy or export it again; nothing of it was stored.",
        code="parquet_damaged",
    )


def _depth(kind: pa.DataType) -> int:
    depth = 0
    waiting = [(kind, 0)]
    while waiting:
        inner, level = waiting.pop()
        depth = max(depth, level)
        children = [inner.field(i).type for i in range(inner.num_fields)]
        waiting += [(child, level + 1) for child in children]
    return depth


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_coded(kind: pa.DataType) -> bool:
    return bool(pa.types.is_dictionary(kind) and _is_text(kind.value_type))


def _recoded(column: pa.DictionaryArray, kind: pl.Categorical) -> pl.Series:
    """Return a column with the file's numbers for texts as one with ours."""
    if column.dictionary.null_count:
        return pl.Series(column.dictionary_decode(), dtype=pl.String).cast(kind)
    texts = pl.Series(column.dictionary, dtype=pl.String).cast(kind)
    codes = texts.to_physical().to_numpy()
    if not column.null_count:
        return pl.Series(codes[column.indices.to_numpy()]).cat.to(kind)
    # A null's place is after all others.
    places = column.indices.fill_null(codes.size).to_numpy()
    numbers = pl.Series(np.append(codes, np.uint32(0))[places])
    return numbers.set(pl.Series(column.is_null()), None).cat.to(kind)


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))


def _leaves(name: str, kind: pa.DataType) -> Iterator[str]:
    inner = kind.value_type if _is_list(kind) else kind
    if not pa.types.is_struct(inner):
        yield name
        return
    for index in range(inner.num_fields):
        field = inner.field(index)
        yield from _leaves(f"{name}.{field.name}", field.type)


def _roots(names: list[str], columns: tuple[str, ...]) -> list[str] | None:
    """Return the file's own columns that hold the wanted flattened ones."""
    if not columns:
        return None
    return [
        name
        for name in names
        if any(column == name or column.startswith(name + ".") for column in columns)
    ]


def _piece(
    batch: pa.RecordBatch, record: int, columns: tuple[str, ...], coded: CodedColumns | None
) -> RecordChunk:
    taken = coded.taken_from(batch) if coded else {}
    others = batch.drop_columns(list(taken))
    frame = pl.DataFrame(pl.from_arrow(others)) if others.num_columns else pl.DataFrame()
    frame = frame.with_columns(**taken).select(batch.schema.names)
    numbers = pl.int_range(record, record + batch.num_rows, dtype=pl.UInt64, eager=True)
    frame = _flattened(frame.with_columns(_record=numbers), columns)
    nested = [name for name, kind in frame.schema.items() if kind.is_nested()]
    frame = frame.with_columns(
        [
            pl.col(name).cast(pl.String)
            for name, kind in frame.schema.items()
            if _is_loose(kind) and name not in taken
        ]
        + [_as_json(frame[name]) for name in nested]
    ).with_columns(
        _line=pl.col("_record"),
        _offset=pl.lit(None, dtype=pl.UInt64),
    )
    return RecordChunk(frame, rejected_frame([]))


def _is_loose(kind: pl.DataType) -> bool:
    """Whether a type is text by another name (dictionary, bytes)."""
    return kind in (pl.Categorical, pl.Enum, pl.Binary)


def _as_json(values: pl.Series) -> pl.Series:
    """Return a list column as JSON text."""
    holder = pl.DataFrame({"value": values})
    texts = holder.select(pl.struct("value").struct.json_encode())["value"]
    return texts.str.strip_prefix('{"value":').str.strip_suffix("}").rename(values.name)


def _flattened(frame: pl.DataFrame, columns: tuple[str, ...]) -> pl.DataFrame:
    """Take structs apart; lists of structs too where a wanted column lies on them."""
    while True:
        for name, kind in frame.schema.items():
            if isinstance(kind, pl.List) and isinstance(kind.inner, pl.Struct):
                if any(column.startswith(name + ".") for column in columns):
                    frame = frame.explode(name)
                    break
            elif isinstance(kind, pl.Struct):
                fields = [
                    pl.col(name).struct.field(field.name).alias(f"{name}.{field.name}")
                    for field in kind.fields
                ]
                frame = frame.with_columns(fields).drop(name)
                break
        else:
            return frame
