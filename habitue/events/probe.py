"""A first look at an unknown file: what it is, how it is cut, and its first rows.

In: a path. Out: a `Probe`: format, encoding, delimiter, whether there is a header, and a sample.
Here, and only here, a delimiter and an encoding are sniffed; what is found is written into the
settings for a person to see. Knows nothing about what the columns mean.
"""

import csv
import re
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl
from pydantic import SecretStr

from habitue.config import Format, SourceSettings
from habitue.events import parquet
from habitue.events.compression import Salvage, first_bytes
from habitue.events.database import DatabaseTable, column_names, read_table
from habitue.events.delimited import WHITESPACE
from habitue.events.encoding import wide_encoding
from habitue.events.formats import file_format
from habitue.events.json_lines import list_paths, read_json_lines
from habitue.events.object_rows import WantedColumns
from habitue.events.records import POSITION_COLUMNS
from habitue.events.sources import Place, open_source

SAMPLE_ROWS = 20_000
_HEAD_BYTES = 1 << 20
_HEAD_LINES = 400
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")
_NUMBER = re.compile(r"^\s*[-+]?\d+([.,]\d+)*\s*$")
_DATE = re.compile(r"^\s*\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T].*)?$")
_ITEM_LISTS = ("item", "product", "line", "good", "content", "article", "sku", "商品", "明细")


@dataclass(frozen=True)
class Probe:
    """What a first look at a file tells."""

    path: Place
    format: Format
    columns: tuple[str, ...]
    sample: pl.DataFrame  # the file's own columns; text, or Parquet's native types
    delimiter: str = ","
    encoding: str = "utf-8"
    header: bool = True

    @property
    def schema_key(self) -> tuple[object, ...]:
        """What files of one source have in common; a table is a source of its own."""
        if isinstance(self.path, DatabaseTable):
            return (self.path,)
        return (self.format, self.columns, self.delimiter, self.encoding, self.header)

    def source(self, name: str) -> SourceSettings:
        """Return the settings that read this file, as yet without a mapping."""
        return SourceSettings(
            name=name,
            format=self.format,
            delimiter=self.delimiter,
            encoding=self.encoding,
            header=self.header,
            column_names=[] if self.header else list(self.columns),
            columns={},
            url=SecretStr(self.path.url_without_password)
            if isinstance(self.path, DatabaseTable)
            else SecretStr(""),
        )


def probe_file(path: Place, encoding: str = "") -> Probe:
    """Look at the beginning of a file or a table; guess its encoding where none is named.

    Raises:
        FileRefused: it cannot be read at all.
    """
    if isinstance(path, DatabaseTable):
        return _probe_table(path)
    found = file_format(path)
    if found == "parquet":
        return _probe_parquet(path)
    head = first_bytes(path, _HEAD_BYTES)
    encoding = encoding or guess_encoding(head)
    if found == "jsonl":
        return _probe_json(path, encoding)
    return _probe_text(path, head, encoding)


def guess_encoding(head: bytes) -> str:
    """Return the likely encoding of a text by its first bytes.

    A byte order mark settles it; then UTF-8, which hardly anything else looks like; then UTF-16
    by its zeros; then by which bytes come in pairs.
    """
    if wide := wide_encoding(head):
        return wide
    try:
        head[: max(len(head) - 4, 1)].decode("utf-8")
        if not head.count(0):
            return "utf-8"
    except UnicodeDecodeError as error:
        if error.start >= len(head) - 8:
            return "utf-8"
    if head.count(0) * 5 > len(head):
        return "utf-16-le" if head[1::2].count(0) >= head[0::2].count(0) else "utf-16-be"
    return _guess_legacy(head)


def _guess_legacy(head: bytes) -> str:
    runs = _HIGH_RUN.findall(head)
    text = b"".join(runs)
    mean_run = len(text) / max(len(runs), 1)
    if mean_run > 1.5 and _decodes(head, "shift_jis") and _share(text, {0x82, 0x83}) > 0.2:
        return "shift_jis"
    leads = b"".join(run[0::2] for run in runs)
    trails = b"".join(run[1::2] for run in runs)
    is_double = mean_run > 1.5 and _decodes(head, "gb18030")
    is_common_hanzi = _share(leads, set(range(0xB0, 0xD8))) > 0.5
    if is_double and is_common_hanzi and _share(trails, set(range(0xA1, 0xFF))) > 0.9:
        return "gb18030"
    if mean_run > 1.5 and _decodes(head, "big5"):
        return "big5"
    if mean_run > 2.5 and _share(text, set(range(0xC0, 0x100))) > 0.9:
        return "cp1251"
    return "cp1252" if _decodes(head, "cp1252") else "latin-1"


def _share(text: bytes, members: set[int]) -> float:
    return sum(byte in members for byte in text) / max(len(text), 1)


def _decodes(head: bytes, encoding: str) -> bool:
    try:
        head.decode(encoding)
    except UnicodeDecodeError as error:
        return error.start >= len(head) - 8
    return True


def _probe_table(table: DatabaseTable) -> Probe:
    frames = []
    num_rows = 0
    for piece in read_table(table, wanted=WantedColumns(columns=tuple(column_names(table)))):
        frames.append(piece.frame.drop(POSITION_COLUMNS))
        num_rows += piece.frame.height
        if num_rows >= SAMPLE_ROWS:
            break
    frame = pl.concat(frames, how="diagonal")
    return Probe(table, "csv", tuple(frame.columns), frame)


def _probe_parquet(path: Path) -> Probe:
    columns = tuple(parquet.column_names(path))
    pieces = parquet.read_parquet(path, columns=columns, batch_rows=SAMPLE_ROWS)
    sample = next(pieces, None)
    frame = sample.frame.drop(POSITION_COLUMNS) if sample else pl.DataFrame()
    return Probe(path, "parquet", columns, frame)


def _probe_json(path: Path, encoding: str) -> Probe:
    lists = list_paths(path, encoding=encoding)
    named = [name for name in lists if any(word in name.lower() for word in _ITEM_LISTS)]
    chosen = (named or lists)[:1]
    # A column that no object has, on the chosen list, makes the reader give a row for each item.
    markers = tuple(f"{name}." for name in chosen)
    frames = []
    num_rows = 0
    wanted = WantedColumns(columns=markers)
    # Of an archive that is cut off its beginning tells enough; whoever ingests it is asked.
    for piece in read_json_lines(path, encoding=encoding, wanted=wanted, salvage=Salvage()):
        frames.append(piece.frame.drop(markers, strict=False))
        num_rows += piece.frame.height
        if num_rows >= SAMPLE_ROWS:
            break
    frame = pl.concat(frames, how="diagonal").drop(POSITION_COLUMNS)
    return Probe(path, "jsonl", tuple(frame.columns), frame, encoding=encoding)


def _probe_text(path: Path, head: bytes, encoding: str) -> Probe:
    text = head.decode(encoding, "replace").removeprefix("\ufeff")
    lines = [line for line in re.split(r"\r\n|\n|\r", text) if line.strip()]
    if len(lines) > 1 and len(head) == _HEAD_BYTES:
        lines = lines[:-1]
    delimiter = guess_delimiter(lines[:_HEAD_LINES])
    rows = split_lines(lines[:_HEAD_LINES], delimiter)
    header = guess_header(rows)
    cells = [cell.strip() for cell in rows[0]] if rows else []
    columns = _distinct_names(cells) if header else [f"column_{n + 1}" for n in range(len(cells))]
    probe = Probe(
        path,
        "csv",
        tuple(columns),
        pl.DataFrame(),
        delimiter=delimiter,
        encoding=encoding,
        header=header,
    )
    source = probe.source("probe")
    chunks = open_source(path, source, chunk_rows=SAMPLE_ROWS, max_bad=1, salvage=True)
    chunk = next(chunks, None)
    frame = chunk.frame.drop(POSITION_COLUMNS) if chunk else pl.DataFrame()
    return replace(
        probe, sample=frame.head(SAMPLE_ROWS), columns=tuple(frame.columns) or tuple(columns)
    )


def _distinct_names(cells: list[str]) -> list[str]:
    return [cell or f"column_{place}" for place, cell in enumerate(cells, 1)]


def split_lines(lines: list[str], delimiter: str) -> list[list[str]]:
    """Return the fields of some lines; a rough cut that is good enough to count by."""
    if delimiter == WHITESPACE:
        return [line.split() for line in lines]
    if len(delimiter) > 1:
        return [line.split(delimiter) for line in lines]
    csv.field_size_limit(1 << 24)
    return [next(csv.reader([line], delimiter=delimiter), []) for line in lines]


def guess_delimiter(lines: list[str]) -> str:
    """Return the mark that cuts the lines into the same number of fields most often."""
    best, best_score = ",", 0.0
    for delimiter in (",", ";", "\t", "|", "\x01", "::", "^"):
        counts = Counter(len(row) for row in split_lines(lines, delimiter))
        num_fields, num_lines = counts.most_common(1)[0] if counts else (1, 0)
        if num_fields < 2:
            continue
        # The same number on all lines counts for most; more fields break a tie.
        score = (num_lines / len(lines)) ** 2 * (1 + min(num_fields, 40) / 100)
        if score > best_score:
            best, best_score = delimiter, score
    if best_score < 0.5:
        counts = Counter(len(line.split()) for line in lines)
        num_fields, num_lines = counts.most_common(1)[0] if counts else (1, 0)
        if num_fields >= 2 and num_lines > 0.9 * len(lines):
            return WHITESPACE
    return best


def guess_header(rows: list[list[str]]) -> bool:
    """Return whether the first row names the columns.

    It does not where one of its cells is a number or a date; nor where most of its cells come
    again further down, as values do.
    """
    if not rows:
        return True
    first, body = rows[0], rows[1:]
    cells = [cell.strip() for cell in first]
    if any(_NUMBER.match(cell) or _DATE.match(cell) for cell in cells):
        return False
    if not body:
        return True
    again = [
        bool(cell) and any(len(row) > place and row[place].strip() == cell for row in body)
        for place, cell in enumerate(cells)
    ]
    is_distinct = len({cell for cell in cells if cell}) == len([cell for cell in cells if cell])
    return is_distinct and sum(again) * 2 < max(len(cells), 1)
