"""What became of each input record, so that the sum always comes out.

    received = accepted + duplicates + quarantined        (repaired is a part of accepted)

A record may make several event rows. It is accepted when one of them is new, a duplicate when all
that could be stored were there before, else quarantined. One byte a record is kept until the end.
Knows nothing about events.
"""

from collections import Counter
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

Number = TypeVar("Number", np.uint8, np.uint16)


class Fate(IntEnum):
    """What became of a record; the greatest of its rows' fates is the record's."""

    UNSEEN = 0
    QUARANTINED = 1
    DUPLICATE = 2
    ACCEPTED = 3
    REPAIRED = 4


@dataclass(frozen=True)
class Counts:
    """An ingest in input records."""

    received: int
    accepted: int
    repaired: int
    duplicates: int
    quarantined: int
    by_reason: dict[str, int]


class Ledger:
    """The fates of all records of an ingest."""

    def __init__(self) -> None:
        self._fates: list[NDArray[np.uint8]] = []
        self._reasons: list[NDArray[np.uint16]] = []
        self._codes: dict[str, int] = {}

    def add_file(self) -> int:
        """Return the number of a new file."""
        self._fates.append(np.zeros(1024, dtype=np.uint8))
        self._reasons.append(np.zeros(0, dtype=np.uint16))
        return len(self._fates) - 1

    def note(self, file: int, records: pl.Series, fate: Fate) -> None:
        """Note the fate of rows of these records."""
        if not len(records):
            return
        numbers = records.to_numpy()
        fates = self._fates[file] = _grown(self._fates[file], int(numbers.max()))
        fates[numbers] = np.maximum(fates[numbers], np.uint8(fate))

    def reject(self, file: int, records: pl.Series, codes: pl.Series) -> None:
        """Note rejected rows and why; a record's first reason is the one that counts."""
        if not len(records):
            return
        self.note(file, records, Fate.QUARANTINED)
        for code in codes.unique(maintain_order=True):
            self._codes.setdefault(code, len(self._codes) + 1)
        numbers = records.to_numpy()
        reasons = self._reasons[file] = _grown(self._reasons[file], int(numbers.max()))
        own = codes.replace_strict(self._codes, return_dtype=pl.UInt16).to_numpy()
        # Backwards, so that of several rows of a record the first one's reason stays.
        numbers, own = numbers[::-1], own[::-1]
        is_first = reasons[numbers] == 0
        reasons[numbers[is_first]] = own[is_first]

    def counts(self) -> Counts:
        """Return the sums over all files."""
        total = np.zeros(len(Fate), dtype=np.int64)
        by_code: Counter[int] = Counter()
        for fates, reasons in zip(self._fates, self._reasons, strict=True):
            total += np.bincount(fates, minlength=len(Fate))
            own = reasons[np.flatnonzero(fates[: reasons.size] == Fate.QUARANTINED)]
            by_code.update(dict(enumerate(np.bincount(own).tolist())))
        names = {number: code for code, number in self._codes.items()}
        by_reason = {names[number]: n for number, n in by_code.most_common() if n}
        accepted = int(total[Fate.ACCEPTED] + total[Fate.REPAIRED])
        return Counts(
            received=int(total[Fate.QUARANTINED :].sum()),
            accepted=accepted,
            repaired=int(total[Fate.REPAIRED]),
            duplicates=int(total[Fate.DUPLICATE]),
            quarantined=int(total[Fate.QUARANTINED]),
            by_reason=by_reason,
        )


def _grown(array: NDArray[Number], last: int) -> NDArray[Number]:
    if last < array.size:
        return array
    grown = np.zeros(max(last + 1, 2 * array.size), dtype=array.dtype)
    grown[: array.size] = array
    return grown
