"""Any file or database table of events or items as one stream of records.

In: a path or a table, and the settings of its source. Out: `RecordChunk`s in the file's order, in
bounded memory. What a file really is, is told from its bytes, never from its name; how a delimited
file is cut is told by its source, never sniffed. Knows nothing about what the fields mean.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from habitue.config import Format, SourceSettings
from habitue.display import quoted
from habitue.errors import FileRefused, Refused, nearest
from habitue.events import database, parquet
from habitue.events.adapters.registry import ADAPTERS, settled
from habitue.events.batch import TIME_FIELDS
from habitue.events.clean_fields import THE_REST
from habitue.events.compression import Salvage, read_blocks
from habitue.events.database import DatabaseTable
from habitue.events.delimited import read_delimited, read_header
from habitue.events.drift import DriftWatch
from habitue.events.encoding import undecodable
from habitue.events.formats import file_format
from habitue.events.json_lines import read_json_lines
from habitue.events.object_rows import WantedColumns
from habitue.events.plain_files import check_path, check_unchanged
from habitue.events.records import POSITION_COLUMNS, RecordChunk, regrouped
from habitue.events.words import CODED_FIELDS, Words

__all__ = [
    "Place",
    "RecordChunk",
    "file_columns",
    "file_format",
    "mapped_columns",
    "match_source",
    "open_source",
]

DELIMITERS = (",", ";", "\t", "|")
_ID_FIELDS = (
    "event_id", "user_id", "anonymous_id", "session_id", "item_id", "order_id",
    "list_id", "recommendation_id",
)  # fmt: skip
_JSON_HEAD_RECORDS = 2_000
_SHOWN_COLUMNS = 10  # in the note about those that no field maps

Place = Path | DatabaseTable


def open_source(
    path: Place,
    source: SourceSettings,
    *,
    chunk_rows: int = 250_000,
    max_bad: float = 0.05,
    words: Words | None = None,
    salvage: bool = False,
) -> Iterator[RecordChunk]:
    """Return the file's records in chunks of about `chunk_rows`, read as `source` says.

    Given `words`, columns that they would code may come coded by them.

    The file's format and header are checked here; its rows are read while the chunks are drawn.
    With `salvage` the whole rows of an archive that is cut off are read.

    Raises:
        FileRefused: the file cannot be read as the source says, at once or, where that shows only
            later (damage, more than the share `max_bad` of lines that cannot be parsed), while
            the chunks are drawn.
    """
    if isinstance(path, DatabaseTable):
        pieces = database.read_table(path, wanted=wanted_columns(source))
        return regrouped(pieces, path, chunk_rows=chunk_rows, max_bad=max_bad)
    before = check_path(path)
    columns = _check_columns(path, source)
    pieces = _pieces(path, source, columns, chunk_rows, words, Salvage() if salvage else None)
    if not unrolls(source):
        watch = DriftWatch(
            mapped_columns(source),
            event_column=_event_column(source),
            may_have_headers=source.format == "csv" and source.header,
        )
        pieces = watch.watched(_with_note(pieces, path, source, columns), path.name)
    chunks = regrouped(pieces, path, chunk_rows=chunk_rows, max_bad=max_bad)
    return _closely(chunks, path, source, before)


def places_of(
    named: Iterable[Path | DatabaseTable], sources: Sequence[SourceSettings]
) -> list[Place]:
    """Return what is to be read; a table as the source that has its URL knows it.

    Nothing named means all tables of which the settings have the URL.

    Raises:
        Refused: nothing is named, and there is no such table.
    """
    tables = [table_of(source) for source in sources if source.url.get_secret_value()]
    places = [one.known_as(tables) if isinstance(one, DatabaseTable) else one for one in named]
    if not places and not tables:
        raise Refused("No file was named.", fix="Name one or more files.", code="usage")
    return places or list(tables)


def table_of(source: SourceSettings) -> DatabaseTable:
    """Return the table that a source's URL names."""
    return DatabaseTable(source.url.get_secret_value(), source.query)


def match_source(path: Place, sources: Sequence[SourceSettings]) -> SourceSettings:
    """Return the source whose mapped columns the file has; the one that maps most wins.

    A source that names an adapter comes back with all that its layout implies. A table is read as
    the source that has its URL, if there is one.

    Raises:
        FileRefused: `no_source` where the settings name none; else what keeps the nearest source
            from fitting, such as `missing_column` with the column's name.
    """
    if isinstance(path, Path):
        check_path(path)
    sources = _candidates(path, sources)
    if not sources:
        raise FileRefused(
            f"No source in the settings says how to read {path}.",
            fix=f"Write one with: habitue init --from {quoted(path)}",
            code="no_source",
        )
    fitting: list[SourceSettings] = []
    refusals: list[tuple[int, FileRefused]] = []
    for source in sources:
        try:
            source = settled(source, path)
            _check_columns(path, source)
            fitting.append(source)
        except FileRefused as refusal:
            refusals.append((_num_found(path, source), refusal))
    if not fitting:
        raise max(refusals, key=lambda entry: entry[0])[1]
    return max(fitting, key=lambda source: len(mapped_columns(source)))


def mapped_columns(source: SourceSettings) -> tuple[str, ...]:
    """Return the file's columns that the source maps, each once, in the mapping's order."""
    names: dict[str, None] = {}
    for field, column in source.columns.items():
        if (field, column) != ("properties", THE_REST):
            names.update(dict.fromkeys([column] if isinstance(column, str) else column))
    if source.category_fallback:
        names[source.category_fallback] = None
    return tuple(names)


def file_columns(path: Place, source: SourceSettings) -> list[str]:
    """Return the names of the file's columns, read as the source says.

    A layout that takes records apart has those that it makes.
    """
    if unrolls(source):
        return list(mapped_columns(source))
    if isinstance(path, DatabaseTable):
        return database.column_names(path)
    found = _format_of(path, source)
    if found == "parquet":
        return parquet.column_names(path)
    if found == "jsonl":
        return _json_columns(path, source)
    return _csv_columns(path, source)


def _format_of(path: Path, source: SourceSettings) -> Format:
    """Return how the file is read: Parquet by its bytes, text as the source says."""
    if parquet.is_parquet(path):
        return "parquet"
    found = file_format(path)
    if source.format == "parquet" or (source.format == "jsonl" and found != "jsonl"):
        wanted = "Parquet" if source.format == "parquet" else "JSON lines"
        raise FileRefused(
            f"{path} is no {wanted} file, which its source '{source.name}' expects.",
            fix="Correct the source's format, or describe the file: "
            f"habitue init --from {quoted(path)}",
            code="wrong_format",
        )
    return source.format


def _pieces(
    path: Path,
    source: SourceSettings,
    columns: list[str],
    chunk_rows: int,
    words: Words | None,
    salvage: Salvage | None,
) -> Iterator[RecordChunk]:
    found = _format_of(path, source)
    wanted = wanted_columns(source)
    if found == "parquet" and unrolls(source):
        roots = ADAPTERS[source.adapter].roots
        return parquet.read_parquet_objects(path, wanted=wanted, roots=roots)
    if found == "parquet":
        return parquet.read_parquet(
            path,
            columns=tuple(columns) if takes_the_rest(source) else mapped_columns(source),
            batch_rows=chunk_rows,
            coded=_coded(source, words) if words else None,
        )
    if found == "jsonl":
        return read_json_lines(path, encoding=source.encoding, wanted=wanted, salvage=salvage)
    return read_delimited(
        path,
        delimiter=source.delimiter,
        encoding=source.encoding,
        names=columns,
        has_header=source.header,
        quoting=source.quoting,
        salvage=salvage,
    )


def rest_of(path: Place, source: SourceSettings) -> parquet.RestOfRecords | None:
    """Return how the columns of some records are read that `open_source` leaves out, if it does."""
    if isinstance(path, DatabaseTable) or unrolls(source) or not parquet.is_parquet(path):
        return None
    if takes_the_rest(source):
        return None
    return parquet.RestOfRecords(path, columns=mapped_columns(source))


def _coded(source: SourceSettings, words: Words) -> parquet.CodedColumns:
    fields = {
        column: field
        for field, column in source.columns.items()
        if field in CODED_FIELDS and isinstance(column, str)
    }
    return parquet.CodedColumns(
        tuple(fields), words.kind, lambda column: words.is_coded(fields[column])
    )


def _with_note(
    pieces: Iterable[RecordChunk], path: Path, source: SourceSettings, columns: list[str]
) -> Iterator[RecordChunk]:
    """Name in a note the columns that no field maps."""
    mapped = mapped_columns(source)
    unmapped = [name for name in columns if name not in mapped]
    shown = ", ".join(unmapped[:_SHOWN_COLUMNS])
    more = len(unmapped) - _SHOWN_COLUMNS
    shown += f" and {more} more" if more > 0 else ""
    notes = (f"{path.name} has columns that no field maps, left out: {shown}.",)
    for number, piece in enumerate(pieces):
        if number == 0 and unmapped and not takes_the_rest(source):
            piece = replace(piece, notes=(*notes, *piece.notes))
        yield piece


def _closely(
    chunks: Iterator[RecordChunk], path: Path, source: SourceSettings, before: os.stat_result
) -> Iterator[RecordChunk]:
    """Yield the chunks; see to it that the file stays the same, and say which byte is wrong."""
    try:
        yield from chunks
    except FileRefused as refusal:
        if refusal.code != "not_utf8":
            raise
        blocks = read_blocks(path, salvage=Salvage())
        raise undecodable(blocks, source.encoding, path) or refusal from None
    check_unchanged(path, before)


def _event_column(source: SourceSettings) -> str:
    column = source.columns.get("event_type", "")
    return column if isinstance(column, str) else ""


def takes_the_rest(source: SourceSettings) -> bool:
    """Return whether the columns that no field maps become the event's properties."""
    return source.columns.get("properties") == THE_REST


def wanted_columns(source: SourceSettings) -> WantedColumns:
    """Return what a reader of objects must deliver for the source."""

    def columns_of(fields: Sequence[str]) -> frozenset[str]:
        named = [source.columns[field] for field in fields if field in source.columns]
        return frozenset(column for column in named if isinstance(column, str))

    return WantedColumns(
        columns=mapped_columns(source),
        id_columns=columns_of(_ID_FIELDS),
        decimal_columns=columns_of(source.strip_decimal),
        time_columns=columns_of(TIME_FIELDS),
        unroll=ADAPTERS[source.adapter].unroll if source.adapter else None,
    )


def id_columns(source: SourceSettings) -> frozenset[str]:
    """Return the file's columns of which the source makes ids."""
    named = [source.columns[field] for field in _ID_FIELDS if field in source.columns]
    lists = [[column] if isinstance(column, str) else column for column in named]
    return frozenset(column for columns in lists for column in columns)


def unrolls(source: SourceSettings) -> bool:
    """Whether the source's layout takes records apart itself."""
    return source.adapter != "" and ADAPTERS[source.adapter].unroll is not None


def _candidates(path: Place, sources: Sequence[SourceSettings]) -> list[SourceSettings]:
    """Return the sources that may be meant: those of the same table, else those without a URL."""
    of_files = [source for source in sources if not source.url.get_secret_value()]
    if isinstance(path, Path):
        return of_files
    of_tables = [source for source in sources if source.url.get_secret_value()]
    return [source for source in of_tables if table_of(source).is_same(path)] or of_files


def _check_columns(path: Place, source: SourceSettings) -> list[str]:
    """Return the file's columns; refuse the file where it lacks one that is mapped."""
    columns = file_columns(path, source)
    missing = [column for column in mapped_columns(source) if column not in columns]
    if isinstance(path, DatabaseTable):
        # Within a JSON column there is no telling beforehand.
        missing = [column for column in missing if column.split(".")[0] not in columns]
    if missing:
        raise _missing_column(path, source, missing, columns)
    if isinstance(path, Path) and parquet.is_parquet(path):
        _check_id_types(path, source)
    return columns


def _num_found(path: Place, source: SourceSettings) -> int:
    try:
        columns = set(file_columns(path, source))
    except FileRefused:
        return -1
    return len(columns & set(mapped_columns(source)))


def _missing_column(
    path: Place, source: SourceSettings, missing: list[str], columns: list[str]
) -> FileRefused:
    if source.format == "csv" and source.header and len(missing) == len(mapped_columns(source)):
        cells = [cell for cell in columns if cell]
        if cells and any(cell.replace(".", "", 1).lstrip("-").isdigit() for cell in cells):
            return FileRefused(
                f"The first row of {path} is data ({', '.join(cells[:5])}), where source "
                f"'{source.name}' expects the columns {', '.join(mapped_columns(source))}.",
                fix="Add the header row, or set header = false and column_names = [...].",
                code="header_missing",
            )
    listed = ", ".join(columns[:30])
    return FileRefused(
        f"{path} lacks the column '{missing[0]}' that source '{source.name}' maps; "
        f"it has {listed}.{nearest(missing[0], columns)}",
        fix="Correct the source's columns, or describe the file: "
        f"habitue init --from {quoted(path)}",
        code="missing_column",
    )


def _check_id_types(path: Path, source: SourceSettings) -> None:
    schema = parquet.read_schema(path)
    for field in _ID_FIELDS:
        column = source.columns.get(field)
        if not isinstance(column, str) or column not in schema.names:
            continue
        if pa.types.is_floating(schema.field(column).type) and field not in source.strip_decimal:
            raise FileRefused(
                f"Column '{column}' of {path} holds ids as decimal numbers "
                f"({schema.field(column).type}), which cannot tell large ids apart.",
                fix="Export it as text or integer; where all ids are small whole numbers, set "
                f"strip_decimal = [\"{field}\"] in source '{source.name}'.",
                code="id_is_float",
            )


def _json_columns(path: Path, source: SourceSettings) -> list[str]:
    names: dict[str, None] = {}
    num_records = 0
    wanted = WantedColumns(columns=mapped_columns(source))
    pieces = read_json_lines(path, encoding=source.encoding, wanted=wanted, salvage=Salvage())
    for piece in pieces:
        frame = piece.frame.head(_JSON_HEAD_RECORDS)
        for name in frame.columns:
            is_filled = frame[name].null_count() < frame.height
            if is_filled and name not in POSITION_COLUMNS:
                names[name] = None
        num_records += piece.frame.height
        if num_records >= _JSON_HEAD_RECORDS:
            break
    if num_records == 0:
        names.update(dict.fromkeys(mapped_columns(source)))
    return list(names)


def _csv_columns(path: Path, source: SourceSettings) -> list[str]:
    cells = read_header(path, source.delimiter, source.encoding)
    expected = len(source.column_names) if source.column_names else len(mapped_columns(source))
    if len(cells) == 1 and expected > 1:
        raise _one_column(path, source, cells[0])
    if not source.header:
        if not source.column_names:
            raise FileRefused(
                f"Source '{source.name}' reads {path} without a header and names no columns.",
                fix="Set column_names = [...] in it, one name for each column.",
                code="header_missing",
            )
        return list(source.column_names)
    names = [cell.strip() for cell in cells]
    twice = next((name for name in names if name and names.count(name) > 1), "")
    if twice:
        raise FileRefused(
            f"{path} has the column '{twice}' twice in its header.",
            fix="Rename one of them, or set header = false with column_names of your own.",
            code="duplicate_column",
        )
    if not names:
        raise FileRefused(
            f"{path} has no header row.",
            fix=f"It should name {', '.join(mapped_columns(source))}.",
            code="header_missing",
        )
    return [name or f"column_{place}" for place, name in enumerate(names, 1)]


def _one_column(path: Path, source: SourceSettings, cell: str) -> FileRefused:
    counts = {mark: cell.count(mark) for mark in DELIMITERS if mark != source.delimiter}
    best = max(counts, key=lambda mark: counts[mark])
    shown = {"\t": "\\t"}.get(best, best)
    advice = f'Set delimiter = "{shown}" in it' if counts[best] else "Correct its delimiter"
    return FileRefused(
        f"{path} has one column only where source '{source.name}' expects more: "
        f"its delimiter '{source.delimiter}' does not occur in '{cell[:80]}'.",
        fix=f"{advice}, or describe the file: habitue init --from {quoted(path)}",
        code="one_column_found",
    )
