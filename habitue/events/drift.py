"""A column that changes its name in the middle of a file.

In: the pieces of one file and the columns its source maps. Out: the same pieces, but from where a
mapped column goes by another name all rows rejected, and a note that raises the alarm. A second
header line that names a column otherwise is one sign; in objects, a mapped key that every record
had and none has any more, beside a new key that every record has. Knows nothing about formats.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from habitue.events.records import (
    POSITION_COLUMNS,
    REJECTED_COLUMNS,
    RecordChunk,
)

CODE = "schema_drift"
MIN_BEFORE = 10  # records with the old name, and
MIN_AFTER = 3  # records with the new one, before a new key is taken for an old one
_LOOKED_AT = 3  # columns in which a second header is looked for; at most one of them is renamed
_MIN_SAME = 2  # names that a second header must repeat: one may be a value like a column's name
_TRIED = 10  # rows like a header; where more differ, they are values
_KEPT_ROWS = 1_000  # of the piece before, to tell a value from a name
_NAME: Final = re.compile(r"[^\W\d].*", re.DOTALL)  # begins with a letter or an underscore
_TIME: Final = re.compile(r"\d[-/.:]\d|\b(?:19|20)\d\d\b")
_NO_NAMES: Final = frozenset({"nan", "inf", "infinity", "null", "none", "n/a"})
_MAX_NAME = 200  # characters


@dataclass(frozen=True)
class Drift:
    """From which row of a piece on which columns go by other names."""

    row: int
    renamed: dict[str, str]


@dataclass
class DriftWatch:
    """Watches the pieces of one file."""

    mapped: Sequence[str]
    event_column: str = ""  # a key is only missed among records of a kind that used to have it
    may_have_headers: bool = True
    drift: Drift | None = None
    _always: dict[str, bool] = field(default_factory=dict)
    _num_seen: int = 0
    _known: set[str] = field(default_factory=set)
    _last_kinds: pl.Series | None = None  # of the piece before
    _last_rows: pl.DataFrame | None = None  # where a second header may come

    def watched(self, pieces: Iterable[RecordChunk], name: str) -> Iterator[RecordChunk]:
        """Yield the pieces; from the drift on all their rows are rejected."""
        for piece in pieces:
            if self.drift is not None:
                yield _rejected_from(piece, 0, "")
                continue
            self.drift = self._found(piece.frame)
            if self.drift is None:
                self._remember(piece.frame)
                yield piece
            else:
                yield _rejected_from(piece, self.drift.row, self._note(piece, name))

    def _found(self, frame: pl.DataFrame) -> Drift | None:
        if frame.is_empty():
            return None
        again = self._second_header(frame) if self.may_have_headers else None
        return again or self._new_key(frame)

    def _second_header(self, frame: pl.DataFrame) -> Drift | None:
        """Return where a row repeats the header with another name for a mapped column."""
        mapped = dict.fromkeys(self.mapped)
        names = [name for name in mapped if frame.schema.get(name) == pl.String]
        if not any((frame[name] == name).any() for name in names[:_LOOKED_AT]):
            return None
        num_same = pl.sum_horizontal((pl.col(name) == name).fill_null(False) for name in names)
        is_header = num_same >= max(_MIN_SAME, len(names) - len(names) // 3)
        rows = frame.select(names)
        again = rows.filter(is_header, num_same < len(names))
        if again.is_empty():
            return None
        values = [rows.filter(~is_header)]
        if self._last_rows is not None:
            values.append(self._last_rows)
        for cells in again.unique(names, keep="first", maintain_order=True).head(_TRIED).to_dicts():
            renamed = {name: cell for name, cell in cells.items() if cell != name}
            if all(_is_a_name(cell, name, values) for name, cell in renamed.items()):
                is_it = pl.all_horizontal(pl.col(name) == cell for name, cell in cells.items())
                return Drift(int(rows.select(is_it.fill_null(False).arg_max()).item()), renamed)
        return None

    def _note(self, piece: RecordChunk, name: str) -> str:
        assert self.drift is not None
        line = piece.frame["_line"][self.drift.row]
        told = ", ".join(f"'{old}' is called '{new}'" for old, new in self.drift.renamed.items())
        return (
            f"{CODE}: from line {line} of {name} on {told}; all rows from there were set aside. "
            "Cut the file there, and describe the second part as a source of its own."
        )

    def _remember(self, frame: pl.DataFrame) -> None:
        if frame.is_empty():
            return
        self._num_seen += frame.height
        is_filled = {name: frame[name].null_count() for name in _own_columns(frame)}
        self._known.update(name for name, missing in is_filled.items() if missing < frame.height)
        for name in self.mapped:
            self._always[name] = self._always.get(name, True) and is_filled.get(name) == 0
        if self.event_column in frame.columns:
            self._last_kinds = frame[self.event_column]
        if self.may_have_headers:
            self._last_rows = frame.tail(_KEPT_ROWS)

    def _new_key(self, frame: pl.DataFrame) -> Drift | None:
        """Return where one mapped key gives way to one that was not there before."""
        new = [name for name in _own_columns(frame) if name not in self.mapped]
        new = [name for name in new if self._is_new(frame[name])]
        gone = [name for name in self.mapped if self._is_gone(frame, name)] if new else []
        for old in gone:
            row = _end_of_filled(frame[old])
            for name in new:
                if self._takes_over(frame, row, old, name):
                    return Drift(row, {old: name})
        return None

    def _is_new(self, column: pl.Series) -> bool:
        """Whether a column begins within the piece, and has a value from there to its end."""
        if column.name in self._known or (not self._num_seen and column[0] is not None):
            return False
        start = _start_of_filled(column)
        return len(column) - start >= MIN_AFTER and column[start:].null_count() == 0

    def _is_gone(self, frame: pl.DataFrame, name: str) -> bool:
        if name not in frame.columns or not self._always.get(name, True):
            return False
        row = _end_of_filled(frame[name])
        return row < frame.height and frame[name][:row].null_count() == 0

    def _takes_over(self, frame: pl.DataFrame, row: int, old: str, new: str) -> bool:
        if _start_of_filled(frame[new]) != row or self._num_seen + row < MIN_BEFORE:
            return False
        if self.event_column not in frame.columns or self.event_column == old:
            return True
        kinds = frame[self.event_column].cast(pl.String)
        before = {*kinds[:row].unique()}
        if self._last_kinds is not None:
            before.update(self._last_kinds.cast(pl.String).unique())
        return {*kinds[row:].unique()} <= before


def _is_a_name(cell: str | None, column: str, rows: Iterable[pl.DataFrame]) -> bool:
    """Whether a cell may be a column's name: no value is so but for its digits."""
    if not cell or len(cell) > _MAX_NAME or not _NAME.match(cell) or _TIME.search(cell):
        return False
    if cell.lower() in _NO_NAMES:
        return False
    shape = f"^{re.sub('[0-9]+', '[0-9]+', pl.escape_regex(cell))}$"
    return not any(
        one[column].str.contains(shape).any() for one in rows if one.schema.get(column) == pl.String
    )


def _own_columns(frame: pl.DataFrame) -> list[str]:
    return [name for name in frame.columns if name not in POSITION_COLUMNS]


def _start_of_filled(column: pl.Series) -> int:
    """Return the first row with a value; the number of rows where there is none."""
    first = column.is_not_null().arg_max() if column.null_count() < len(column) else None
    return len(column) if first is None else first


def _end_of_filled(column: pl.Series) -> int:
    """Return the row after the last one with a value; 0 where there is none."""
    return len(column) - _start_of_filled(column.reverse())


def _rejected_from(piece: RecordChunk, row: int, note: str) -> RecordChunk:
    """Return the piece with its rows from `row` on rejected, as the file had them, as JSON."""
    rows = piece.frame[row:]
    cells = pl.struct(_own_columns(rows)).struct.json_encode()
    rejected = rows.select(
        *POSITION_COLUMNS,
        code=pl.lit(CODE),
        field=pl.lit(""),
        raw=cells,
        form=pl.lit("cells"),
        bytes=pl.lit(None, dtype=pl.Binary),
    )
    rejected = pl.concat([piece.rejected, rejected.select(*REJECTED_COLUMNS)])
    return RecordChunk(
        piece.frame[:row],
        rejected.sort("_record", maintain_order=True),
        piece.repairs,
        (*piece.notes, *([note] if note else [])),
    )
