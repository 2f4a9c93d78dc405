"""A network that remembers what persons' events leave behind, and thinks anew of who changed.

In: a network and the `Memory` of an earlier time, `Sequences` and a moment. Out: the network's own
answers, bit for bit, and the memory of now. A person's gist counts as known when a fingerprint of
all that the network would look at is the one it was: a late event, a correction, another visit's
end, an item that was renamed change it; so does, where items come again, the bin of the pause since
the last event. Knows nothing about where a memory is kept.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Final, Self

import numpy as np
import numpy.typing as npt
import polars as pl
import torch

from habitue.model.inference import Floats, Gist, Network
from habitue.schema import SECOND
from habitue.sequences.encoder import gap_bins
from habitue.sequences.sequences import IntArray, Sequences, joined_ranges, offsets_of

_DIGEST_BYTES: Final = 16
_FLOATS: Final = pl.List(pl.Float32)


@dataclass(frozen=True)
class Memory:
    """What the events of some persons left behind, by subject."""

    subject_ids: IntArray  # ascending
    fingerprints: list[bytes]
    gist: Gist

    @classmethod
    def empty(cls, width: int) -> Self:
        """Return the memory of nobody."""
        nobody = np.zeros((0, width), dtype=np.float32)
        nothing = np.zeros(0, dtype=np.float32)
        gist = Gist(nobody, nobody, nothing, nothing, offsets_of(np.zeros(0, np.int64)))
        return cls(np.zeros(0, np.int64), [], gist)

    @classmethod
    def of_frame(cls, frame: pl.DataFrame, width: int) -> Self:
        """Return what `frame` made a table of."""
        if frame.is_empty():
            return cls.empty(width)
        last, mean = (frame[name].explode().to_numpy() for name in ("last", "mean"))
        repeats = frame["repeats"].explode(empty_as_null=False).to_numpy()
        lengths = frame["repeats"].list.len().cast(pl.Int64).to_numpy()
        gist = Gist(
            last.reshape(-1, width),
            mean.reshape(-1, width),
            frame["new"].to_numpy(),
            repeats,
            offsets_of(lengths),
        )
        return cls(frame["subject_id"].to_numpy(), frame["fingerprint"].to_list(), gist)

    def frame(self) -> pl.DataFrame:
        """Return it as a table, one row a person."""
        gist = self.gist
        cuts = zip(gist.offsets[:-1].tolist(), gist.offsets[1:].tolist(), strict=True)
        return pl.DataFrame(
            {
                "subject_id": self.subject_ids,
                "fingerprint": pl.Series(self.fingerprints, dtype=pl.Binary),
                "last": pl.Series(gist.last_ND).cast(_FLOATS),
                "mean": pl.Series(gist.mean_ND).cast(_FLOATS),
                "new": gist.new_N,
                "repeats": pl.Series([gist.repeat_E[a:b] for a, b in cuts]).cast(_FLOATS),
            }
        )


@dataclass
class RememberingNetwork:
    """A network and what it remembers of the persons of one bucket; a recommender like it."""

    network: Network
    recomputed: int = field(default=0, init=False)  # persons thought of anew since `begin`
    name: str = field(default="network", init=False)

    def __post_init__(self) -> None:
        self.begin(Memory.empty(self.width))

    @property
    def width(self) -> int:
        """The width of a state."""
        return self.network.model.shape.width

    def begin(self, kept: Memory) -> None:
        """Turn to the persons of another bucket, of whom `kept` is remembered."""
        self.kept = kept
        self.memory = Memory.empty(self.width)  # of those it was asked about
        self.recomputed = 0
        self._has_looked = False

    def look(self, sequences: Sequences, *, as_of: int) -> None:
        """Look once at all persons that are going to be asked about at this moment."""
        if self._has_looked:
            return
        self._has_looked = True
        known = sequences.before(as_of)
        told = fingerprints(self.network, known, as_of=as_of)
        place = np.searchsorted(self.kept.subject_ids, known.subject_ids)
        remembered = dict(zip(self.kept.subject_ids.tolist(), self.kept.fingerprints, strict=True))
        subjects = known.subject_ids.tolist()
        is_same = np.array(
            [remembered.get(one) == now for one, now in zip(subjects, told, strict=True)],
            dtype=bool,
        )
        anew = np.flatnonzero(~is_same)
        fresh = self.network.gist(known.take(anew), as_of=as_of)
        old = self.kept.gist.take(place[is_same])
        self.recomputed = len(anew)
        self.memory = Memory(known.subject_ids, told, _together(old, fresh, is_same))

    def embed(self, sequences: Sequences, *, as_of: int) -> Floats:
        """Return what the network says; see `Network.embed`. It looks at who it is asked about."""
        self.look(sequences, as_of=as_of)
        return self.network.embed(sequences, as_of=as_of, gist=self._gist(sequences))

    def scores(self, sequences: Sequences, *, as_of: int) -> Floats:
        """Return what the network says of persons it looked at; see `Network.scores`."""
        return self.network.scores(sequences, as_of=as_of, gist=self._gist(sequences))

    def _gist(self, sequences: Sequences) -> Gist:
        rows = np.searchsorted(self.memory.subject_ids, sequences.subject_ids)
        return self.memory.gist.take(rows)


def circumstances() -> dict[str, str]:
    """Return what, beside the network, may change the last bits of what it says.

    A change of this code or of a backbone's that moves a bit counts `format` up.
    """
    return {
        "format": "2",
        "torch": torch.__version__,
        "processor": torch.backends.cpu.get_cpu_capability(),
        "threads": str(torch.get_num_threads()),
    }


def fingerprints(network: Network, known: Sequences, *, as_of: int) -> list[bytes]:
    """Return a digest of all that the network looks at of each person."""
    windows = network.windows(known)
    events = joined_ranges(windows.starts, windows.lengths)
    offsets = offsets_of(windows.lengths)
    seconds = known.timestamps[events] // SECOND
    has_events = windows.lengths > 0
    first = np.zeros(len(known), dtype=np.int64)
    first[has_events] = seconds[offsets[:-1][has_events]]
    columns: list[npt.NDArray[np.generic]] = [
        known.items[events],
        known.event_types[events],
        *(known.features[name][events] for name in network.model.shape.features),
        seconds - np.repeat(first, windows.lengths),
    ]
    rows = np.stack([column.astype(np.int64) for column in columns], axis=1)
    pauses = _pauses(network, known, as_of=as_of).tolist()
    cuts = zip(offsets[:-1].tolist(), offsets[1:].tolist(), pauses, strict=True)
    return [_digest(rows[start:stop], pause) for start, stop, pause in cuts]


def _pauses(network: Network, known: Sequences, *, as_of: int) -> IntArray:
    """Return the bin of each person's pause so far; 0 where no gist depends on it."""
    shape = network.model.shape
    found = np.zeros(len(known), dtype=np.int64)
    if shape.has_repeats and shape.is_timed:
        seen = np.flatnonzero(known.lengths)
        found[seen] = gap_bins(as_of - known.timestamps[known.offsets[1:][seen] - 1])
    return found


def _digest(rows: npt.NDArray[np.int64], pause: int) -> bytes:
    told = hashlib.blake2b(rows.data, digest_size=_DIGEST_BYTES)
    told.update(pause.to_bytes(2, "little"))
    return told.digest()


def _together(old: Gist, fresh: Gist, is_old: npt.NDArray[np.bool_]) -> Gist:
    """Return the gist of persons in their order, of whom some are old and the others fresh."""
    lengths = np.concatenate([np.diff(old.offsets), np.diff(fresh.offsets)])
    both = Gist(
        np.concatenate([old.last_ND, fresh.last_ND]),
        np.concatenate([old.mean_ND, fresh.mean_ND]),
        np.concatenate([old.new_N, fresh.new_N]),
        np.concatenate([old.repeat_E, fresh.repeat_E]),
        offsets_of(lengths),
    )
    order = np.empty(len(is_old), dtype=np.int64)
    order[is_old] = np.arange(int(is_old.sum()))
    order[~is_old] = int(is_old.sum()) + np.arange(int((~is_old).sum()))
    return both.take(order)
