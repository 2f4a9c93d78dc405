"""Events as numbers: one jagged record for any number of persons, in memory or memory-mapped.

In: columns as the encoder makes them. Out: the same persons cut, picked, joined, or laid on disk
as plain `.npy` files. Knows nothing about what the numbers mean.

Lengths: N persons, E events in all.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from habitue.errors import NotReady

IntArray = npt.NDArray[np.int64]
_Choice = slice | npt.NDArray[np.int64] | npt.NDArray[np.bool_]

PERSON_COLUMNS = ("subject_ids", "is_bot")
EVENT_COLUMNS = ("timestamps", "event_types", "items")
_FEATURE = "feature."
_BUCKETS_FILE = "bucket_offsets.npy"


@dataclass(frozen=True)
class Sequences:
    """The events of N persons as numbers, oldest first.

    `timestamps` are in microseconds; `event_types` are positions in `schema.EVENT_TYPES` plus 1;
    `items` are vocabulary indices (0: none); `features` are the further columns of
    `vocabulary.FEATURES`, 0 meaning "absent" in each.
    """

    subject_ids: npt.NDArray[np.int64]  # [N]
    offsets: npt.NDArray[np.int64]  # [N+1]
    timestamps: npt.NDArray[np.int64]  # [E]
    event_types: npt.NDArray[np.int8]  # [E]
    items: npt.NDArray[np.int32]  # [E]
    is_bot: npt.NDArray[np.bool_]  # [N]
    features: dict[str, npt.NDArray[np.int32]]  # each [E]

    def __len__(self) -> int:
        return len(self.subject_ids)

    @property
    def num_events(self) -> int:
        """The number of events of all persons."""
        return int(self.offsets[-1])

    @property
    def lengths(self) -> IntArray:
        """The number of events of each person, [N]."""
        return np.diff(self.offsets)

    def slice(self, start: int, stop: int) -> "Sequences":
        """Return the persons at positions `start` to `stop` (exclusive) without copying events."""
        first, last = int(self.offsets[start]), int(self.offsets[stop])
        return self._cut(
            persons=slice(start, stop),
            events=slice(first, last),
            offsets=self.offsets[start : stop + 1] - first,
        )

    def take(self, persons: npt.NDArray[np.integer[Any]] | Sequence[int]) -> "Sequences":
        """Return the persons at these positions, in this order."""
        chosen = np.asarray(persons, dtype=np.int64)
        lengths = self.lengths[chosen]
        return self._cut(
            persons=chosen,
            events=joined_ranges(self.offsets[:-1][chosen], lengths),
            offsets=offsets_of(lengths),
        )

    def before(self, as_of: int) -> "Sequences":
        """Return the same persons without their events at or after `as_of`."""
        kept = self.timestamps < as_of
        if kept.all():
            return self
        running = np.concatenate([[0], np.cumsum(kept)])
        return self._cut(persons=slice(None), events=kept, offsets=running[self.offsets])

    def last(self, count: int) -> "Sequences":
        """Return the same persons with at most their `count` last events."""
        lengths = np.minimum(self.lengths, count)
        if int(lengths.sum()) == self.num_events:
            return self
        return self._cut(
            persons=slice(None),
            events=joined_ranges(self.offsets[1:] - lengths, lengths),
            offsets=offsets_of(lengths),
        )

    def save(self, folder: Path) -> None:
        """Write each column as one `.npy` file into `folder`."""
        with SequenceWriter(folder) as writer:
            writer.append(self)

    def _cut(self, *, persons: _Choice, events: _Choice, offsets: IntArray) -> "Sequences":
        return Sequences(
            subject_ids=self.subject_ids[persons],
            offsets=np.asarray(offsets, dtype=np.int64),
            timestamps=self.timestamps[events],
            event_types=self.event_types[events],
            items=self.items[events],
            is_bot=self.is_bot[persons],
            features={name: column[events] for name, column in self.features.items()},
        )


@dataclass(frozen=True)
class SequenceSet:
    """All persons of a log on disk, memory-mapped, in the order of the log's buckets."""

    everyone: Sequences
    bucket_offsets: IntArray  # [buckets + 1], positions of persons

    @property
    def num_buckets(self) -> int:
        """The number of buckets of the log."""
        return len(self.bucket_offsets) - 1

    def bucket(self, number: int) -> Sequences:
        """Return the persons of one bucket, still memory-mapped."""
        start, stop = self.bucket_offsets[number : number + 2]
        return self.everyone.slice(int(start), int(stop))


class SequenceWriter:
    """Lays sequences on disk, piece by piece: one growing `.npy` file a column.

    One file a column and not one a bucket: a mapped file costs a file handle, and a large log
    has thousands of buckets. As a context manager it finishes the files on leaving; after an
    error they stay unfinished, and reading them is refused.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        # Its presence says that the other files are whole.
        (folder / _BUCKETS_FILE).unlink(missing_ok=True)
        self._folder = folder
        self._columns: dict[str, _GrowingColumn] = {}
        self._lengths: list[IntArray] = []
        self._persons = [0]

    def append(self, sequences: Sequences) -> None:
        """Write these persons after those written so far, as one bucket."""
        for name, column in _columns_of(sequences).items():
            if name not in self._columns:
                path = self._folder / f"{name}.npy"
                self._columns[name] = _GrowingColumn(path, column.dtype)
            self._columns[name].append(column)
        self._lengths.append(sequences.lengths)
        self._persons.append(self._persons[-1] + len(sequences))

    def __enter__(self) -> "SequenceWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with ExitStack() as closing:  # on a full disk each of them may fail; none stays open
            for column in self._columns.values():
                closing.callback(column.close)
        if kind is None:
            lengths = np.concatenate(self._lengths) if self._lengths else np.zeros(0, np.int64)
            np.save(self._folder / "offsets.npy", offsets_of(lengths))
            np.save(self._folder / _BUCKETS_FILE, np.asarray(self._persons, dtype=np.int64))


class _GrowingColumn:
    """One `.npy` file whose length is written when it is known."""

    def __init__(self, path: Path, dtype: np.dtype[Any]) -> None:
        self._dtype = dtype
        self._length = 0
        self._file: IO[bytes] = path.open("wb")
        self._write_header()

    def append(self, column: npt.NDArray[Any]) -> None:
        self._file.write(np.ascontiguousarray(column).tobytes())
        self._length += len(column)

    def close(self) -> None:
        with self._file:
            self._file.seek(0)
            self._write_header()

    def _write_header(self) -> None:
        # NumPy leaves room in the header for the first axis to grow, so that writing it again
        # with the true length moves no byte of what follows.
        header = {
            "descr": np.lib.format.dtype_to_descr(self._dtype),
            "fortran_order": False,
            "shape": (self._length,),
        }
        np.lib.format.write_array_header_1_0(self._file, header)


def open_sequences(folder: Path, *, mmap: bool = True) -> SequenceSet:
    """Return what `Sequences.save` or `SequenceWriter` laid into `folder`.

    Raises:
        NotReady: nothing, or only a part, was written there.
    """
    if not (folder / _BUCKETS_FILE).is_file():
        raise NotReady(
            f"{folder} holds no encoded sequences.", fix="Run `habitue train` to encode the log."
        )
    features = sorted(folder.glob(f"{_FEATURE}*.npy"))
    read = _reader(mmap)
    return SequenceSet(
        everyone=Sequences(
            subject_ids=read(folder / "subject_ids.npy"),
            offsets=np.load(folder / "offsets.npy"),
            timestamps=read(folder / "timestamps.npy"),
            event_types=read(folder / "event_types.npy"),
            items=read(folder / "items.npy"),
            is_bot=read(folder / "is_bot.npy"),
            features={path.stem.removeprefix(_FEATURE): read(path) for path in features},
        ),
        bucket_offsets=np.load(folder / _BUCKETS_FILE),
    )


def concatenate(parts: Sequence[Sequences]) -> Sequences:
    """Return the persons of all parts, one part after the other (at least one part)."""
    columns = [_columns_of(part) for part in parts]
    joined = {name: np.concatenate([c[name] for c in columns]) for name in columns[0]}
    return Sequences(
        offsets=offsets_of(np.concatenate([part.lengths for part in parts])),
        features={
            name.removeprefix(_FEATURE): column
            for name, column in joined.items()
            if name.startswith(_FEATURE)
        },
        **{name: joined[name] for name in (*PERSON_COLUMNS, *EVENT_COLUMNS)},
    )


def joined_ranges(starts: IntArray, lengths: IntArray) -> IntArray:
    """Return `[starts[0], starts[0]+1, …, starts[1], …]`, each run `lengths[i]` long."""
    total = int(lengths.sum())
    shifts = starts - (np.cumsum(lengths) - lengths)
    return np.repeat(shifts, lengths) + np.arange(total, dtype=np.int64)


def offsets_of(lengths: IntArray) -> IntArray:
    """Return where each run starts and where the last one ends, [N+1]."""
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def _columns_of(sequences: Sequences) -> dict[str, npt.NDArray[Any]]:
    columns = {name: getattr(sequences, name) for name in (*PERSON_COLUMNS, *EVENT_COLUMNS)}
    return columns | {_FEATURE + name: column for name, column in sequences.features.items()}


def _reader(mmap: bool) -> Callable[[Path], npt.NDArray[Any]]:
    def read(path: Path) -> npt.NDArray[Any]:
        if not mmap:
            return np.asarray(np.load(path))
        mapped = np.load(path, mmap_mode="r")
        return np.asarray(mapped)  # a plain view: memmap's own class slows every slice down

    return read
