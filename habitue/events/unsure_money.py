"""Money of which nobody says in which currency it is, held until it is known whether that matters.

In a log of one currency such an amount is in that one. Where more than one is seen, and the shop
has not said which is its own, it could be in any. In: clean rows, and the same rows as the file had
them. Out: which of them are to be set aside, once all files are read. Knows nothing about
duplicates.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from habitue.events.quarantine import Origin
from habitue.schema import MONEY_EVENT_TYPES

CODE = "currency_missing"


def is_unsure(rows: pl.DataFrame) -> pl.Series:
    """Return which rows have money and no currency, though their source names currencies."""
    if not {"currency", "value"} <= set(rows.columns):
        return pl.repeat(False, rows.height, dtype=pl.Boolean, eager=True)
    is_money = pl.col("event_type").is_in(MONEY_EVENT_TYPES) & pl.col("value").is_not_null()
    unsure = is_money & pl.col("currency").is_null()
    return rows.select(unsure=unsure.fill_null(False))["unsure"]


@dataclass(frozen=True)
class HeldFile:
    """Where the rows of a chunk lie, as the quarantine would take them."""

    path: Path
    origin: Origin


class UnsureMoney:
    """The rows that are held, in files, and what became of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: list[HeldFile] = []
        self._missing: list[pl.DataFrame] = []

    @property
    def files(self) -> set[int]:
        """The numbers of files with such rows."""
        return {held.origin.nth_file for held in self._held}

    def hold(self, rows: pl.DataFrame, origin: Origin) -> None:
        """Keep rows that may have to be set aside."""
        if rows.is_empty():
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"unsure-{len(self._held):06d}.ipc"
        rows.write_ipc(path, compression="lz4")
        self._held.append(HeldFile(path, origin))

    def among(self, rows: pl.DataFrame) -> pl.Series:
        """Return which rows of the files that were read are such rows."""
        of_file = rows["_file"].is_in(pl.Series(sorted(self.files), dtype=pl.UInt32).implode())
        return is_unsure(rows) & of_file

    def miss(self, rows: pl.DataFrame) -> None:
        """Note rows that have to be set aside."""
        if rows.height:
            self._missing.append(rows.select("_file", "_record"))

    def set_aside(self) -> Iterator[tuple[Origin, pl.DataFrame]]:
        """Yield what has to be set aside, file by file."""
        if not self._missing:
            return
        missing = pl.concat(self._missing)
        for held in self._held:
            records = missing.filter(pl.col("_file") == held.origin.nth_file)["_record"]
            rows = pl.read_ipc(held.path)
            rows = rows.filter(pl.col("_record").is_in(records.implode()))
            if rows.height:
                yield held.origin, rows
