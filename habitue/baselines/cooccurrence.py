"""What goes with what: items taken by the same persons, together or one after the other.

Comes in: sequences in batches. Goes out: a sparse matrix item to item, and from it scores for a
person's recent history and the items most like one item. Each person's events are counted
forward: an item and what the person took in the same basket or within the next moments, the
nearer the more. Popular items are damped, or everything would go with the best-seller. Knows
nothing about item content.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import sparse

from habitue.baselines.history import (
    entries_at,
    item_events,
    sparse_rows_summing_to_one,
    type_codes_of,
    without_bots,
)
from habitue.baselines.item_histories import ItemHistories
from habitue.schema import DAY, EVENT_TYPES
from habitue.sequences.sequences import Sequences

# Events held in memory; of more, persons are sampled by a hash of their id. A large catalogue needs
# more of them, a long history of the shop does not.
_MAX_EVENTS = 6_000_000
_MAX_EVENTS_OF_ITEM = 20
_MAX_PAIRS = 150_000_000  # multiplications; beyond it, only nearer moments are looked at
_BLOCK_PAIRS = 2_000_000  # of one block of rows: bounds memory
_MAX_BASKET = 300  # items of one moment; more is a wholesaler or an import
HISTORY_MOMENTS = 30  # last moments of a person that scores look at


@dataclass(frozen=True)
class CoOccurrenceSettings:
    """How pairs are counted; the defaults did well on groceries, fashion and cosmetics."""

    step_decay: float = 0.7  # a moment further ahead (counting) or back (scoring) weighs this
    max_steps: int = 10
    damping: float = 0.3  # power of the second item's count that its column is divided by
    shrinkage: float = 10.0  # pretended further persons of each item: tames rare ones
    other_weight: float = 0.3  # as a follower, of positive events that are no target
    half_life_days: float = 0.0  # of old pairs; 0: they never fade
    row_entries: int = 200


@dataclass(frozen=True)
class CoOccurrence:
    """Decayed item-to-item transitions, the strongest entries of each row."""

    matrix: sparse.csr_array  # float32 [num_items, num_items], zero diagonal
    settings: CoOccurrenceSettings = CoOccurrenceSettings()
    name: str = "cooccurrence"

    @classmethod
    def fit(
        cls,
        batches: Iterable[Sequences],
        *,
        num_items: int,
        as_of: int,
        target_types: Sequence[str] = ("purchase",),
        settings: CoOccurrenceSettings | None = None,
    ) -> "CoOccurrence":
        """Count the pairs of all persons of `batches`, before `as_of`, bots left out."""
        chosen = settings or CoOccurrenceSettings()
        baskets = _Baskets.of(batches, num_items, as_of, target_types, chosen)
        return cls(_transitions(baskets, num_items, chosen), chosen)

    def scores(self, sequences: Sequences, *, as_of: int) -> npt.NDArray[np.float32]:
        """Return what goes with each person's last moments, [N, num_items]."""
        return np.asarray(self.sparse_scores(sequences, as_of=as_of).toarray())

    def sparse_scores(self, sequences: Sequences, *, as_of: int) -> sparse.csr_array:
        """Return `scores` without the zeros."""
        history = self.history_weights(sequences, as_of=as_of)
        return sparse_rows_summing_to_one(history @ self.matrix)

    @classmethod
    def transitions(
        cls,
        histories: ItemHistories,
        *,
        num_items: int,
        settings: CoOccurrenceSettings | None = None,
    ) -> sparse.csr_array:
        """Return the matrix of bare histories, each of whose events is a moment of its own."""
        moments = np.arange(len(histories.items), dtype=np.int32)
        weights = np.ones(len(moments), dtype=np.float32)
        persons = histories.persons.astype(np.int32)
        baskets = _Baskets(moments, histories.items, weights, persons)
        return _transitions(baskets, num_items, settings or CoOccurrenceSettings())

    def history_weights(self, sequences: Sequences, *, as_of: int) -> sparse.csr_array:
        """Return how much each item of a person's past counts, [N, num_items], newest most."""
        num_items = self.matrix.shape[0]
        events = item_events(sequences, num_items=num_items, as_of=as_of)
        recent = events.moments_back < HISTORY_MOMENTS
        weights = self.settings.step_decay ** events.moments_back[recent]
        return sparse.csr_array(
            (weights.astype(np.float32), (events.persons[recent], events.columns[recent])),
            shape=(len(sequences), num_items),
        )

    def support(
        self, rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.float32]:
        """Return how strongly each item of `rows` speaks for the item of `columns` beside it."""
        return entries_at(self.matrix, rows, columns)

    def similar(
        self, column: int, k: int = 10
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """Return the columns and scores of at most `k` items that go with one, best first."""
        start, stop = self.matrix.indptr[column : column + 2]
        columns, values = self.matrix.indices[start:stop], self.matrix.data[start:stop]
        order = np.lexsort((columns, -values))[:k]
        return columns[order].astype(np.int64), values[order]

    def save(self, folder: Path) -> None:
        """Write the matrix and how it was counted into `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(
            folder / "cooccurrence.npz",
            data=self.matrix.data,
            indices=self.matrix.indices,
            indptr=self.matrix.indptr,
        )
        text = json.dumps(asdict(self.settings))
        (folder / "cooccurrence.json").write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "CoOccurrence":
        """Read what `save` wrote."""
        settings = json.loads((folder / "cooccurrence.json").read_text(encoding="utf-8"))
        with np.load(folder / "cooccurrence.npz") as arrays:
            num_items = len(arrays["indptr"]) - 1
            matrix = sparse.csr_array(
                (arrays["data"], arrays["indices"], arrays["indptr"]), shape=(num_items, num_items)
            )
        return cls(matrix, CoOccurrenceSettings(**settings))


@dataclass(frozen=True)
class _Part:
    """One batch's events, in numbers no wider than they need be: all batches are held at once."""

    moments: npt.NDArray[np.int32]  # [E] place in the person's history
    columns: npt.NDArray[np.int32]  # [E]
    weights: npt.NDArray[np.float32]  # [E] as a follower
    persons: npt.NDArray[np.int32]  # [E] row of the person in the batch
    marks: npt.NDArray[np.uint64]  # [persons] by which persons are drawn

    @classmethod
    def of(
        cls, people: Sequences, num_items: int, as_of: int, by_type: npt.NDArray[np.float32],
        half_life_days: float,
    ) -> "_Part":  # fmt: skip
        events = item_events(people, num_items=num_items, as_of=as_of)
        weights = by_type[events.type_codes]
        if half_life_days:
            age_days = (as_of - events.timestamps) / DAY
            weights = weights * (0.5 ** (age_days / half_life_days)).astype(np.float32)
        return cls(
            moments=events.moments.astype(np.int32),
            columns=events.columns.astype(np.int32),
            weights=weights,
            persons=events.persons.astype(np.int32),
            marks=people.subject_ids.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15),
        )

    def __len__(self) -> int:
        return len(self.persons)

    def up_to(self, share: np.uint64) -> "_Part":
        """Return the events of persons whose mark is at most `share`."""
        kept = (self.marks <= share)[self.persons]
        return replace(
            self,
            moments=self.moments[kept],
            columns=self.columns[kept],
            weights=self.weights[kept],
            persons=self.persons[kept],
        )


@dataclass(frozen=True)
class _Baskets:
    """Everyone's moments in one row of numbers, and what was taken in each."""

    moments: npt.NDArray[np.int32]  # [E] number of the moment of each event, rising
    columns: npt.NDArray[np.int32]  # [E]
    weights: npt.NDArray[np.float32]  # [E] as a follower
    persons: npt.NDArray[np.int32]  # [E] number of the person, rising

    @classmethod
    def of(
        cls,
        batches: Iterable[Sequences],
        num_items: int,
        as_of: int,
        target_types: Sequence[str],
        settings: CoOccurrenceSettings,
    ) -> "_Baskets":
        by_type = np.full(len(EVENT_TYPES) + 1, settings.other_weight, dtype=np.float32)
        by_type[type_codes_of(target_types)] = 1.0
        parts: list[_Part] = []
        share, num_events = np.uint64(2**64 - 1), 0
        most = max(_MAX_EVENTS, _MAX_EVENTS_OF_ITEM * num_items)
        for batch in batches:
            people = without_bots(batch)
            part = _Part.of(people, num_items, as_of, by_type, settings.half_life_days).up_to(share)
            parts.append(part)
            num_events += len(part)
            while num_events > most:
                share //= np.uint64(2)
                parts = [part.up_to(share) for part in parts]
                num_events = sum(len(part) for part in parts)
        return cls._joined(parts)

    @classmethod
    def _joined(cls, parts: list[_Part]) -> "_Baskets":
        if not parts:
            none = np.zeros(0, dtype=np.int32)
            return cls(none, none, none.astype(np.float32), none)
        persons, next_person = [], 0
        for part in parts:
            persons.append(part.persons + np.int32(next_person))
            next_person += int(part.persons[-1]) + 1 if len(part) else 0
        person = np.concatenate(persons)
        moment = np.concatenate([part.moments for part in parts])
        is_new = (np.diff(person, prepend=-1) != 0) | (np.diff(moment, prepend=-1) != 0)
        number = np.cumsum(is_new, dtype=np.int32) - np.int32(1)
        place = np.arange(len(number), dtype=np.int32)
        place -= np.flatnonzero(is_new).astype(np.int32)[number]
        fits = place < _MAX_BASKET
        columns = np.concatenate([part.columns for part in parts])
        weights = np.concatenate([part.weights for part in parts])
        return cls(number[fits], columns[fits], weights[fits], person[fits])


@dataclass(frozen=True)
class _Reach:
    """How far ahead each moment looks, and what each event weighs as the first of a pair."""

    steps: int
    last_moment: npt.NDArray[np.int32]  # [moments] the last one within reach
    num_pairs: npt.NDArray[np.int32]  # [E] pairs that start at each event
    weights: npt.NDArray[np.float32]  # [E]

    @classmethod
    def of(cls, baskets: _Baskets, events_until: npt.NDArray[np.int32], max_steps: int) -> "_Reach":
        person = baskets.persons[events_until[:-1]]
        last_of_person = (np.searchsorted(person, person, side="right") - 1).astype(np.int32)
        size = np.diff(events_until)
        number = np.arange(len(person), dtype=np.int32)
        for steps in range(max_steps, 0, -1):
            last = np.minimum(number + np.int32(steps), last_of_person)
            ahead = events_until[last + 1] - events_until[:-1]
            if steps == 1 or int(np.vdot(ahead.astype(float), size.astype(float))) <= _MAX_PAIRS:
                break
        # Square root: between one vote a person, which wastes long histories, and one a moment,
        # which hands the matrix to the busiest.
        moments_of = np.maximum(np.bincount(person), 1)  # a person left out has none
        weights = (1.0 / np.sqrt(moments_of)).astype(np.float32)[baskets.persons]
        return cls(steps, last, ahead[baskets.moments], weights)


def _transitions(
    baskets: _Baskets, num_items: int, settings: CoOccurrenceSettings
) -> sparse.csr_array:
    """The matrix, made block of rows by block of rows so that memory stays bounded."""
    if len(baskets.moments) == 0:
        return sparse.csr_array((num_items, num_items), dtype=np.float32)
    num_moments = int(baskets.moments[-1]) + 1
    numbers = np.arange(num_moments + 1, dtype=np.int32)
    events_until = np.searchsorted(baskets.moments, numbers).astype(np.int32)
    reach = _Reach.of(baskets, events_until, settings.max_steps)
    followers = sparse.csr_array(
        (baskets.weights, baskets.columns, events_until), shape=(num_moments, num_items)
    )
    counted = np.bincount(baskets.columns, weights=reach.weights, minlength=num_items)
    count = np.asarray(counted + settings.shrinkage * reach.weights.mean(), dtype=np.float64)
    by_item = np.argsort(baskets.columns, kind="stable").astype(np.int32)
    items = np.arange(num_items + 1, dtype=np.int32)
    item_starts = np.searchsorted(baskets.columns[by_item], items)
    pairs = np.cumsum(reach.num_pairs[by_item], dtype=np.int64)
    pairs_until = np.concatenate([[0], pairs])[item_starts]
    blocks, row = [], 0
    while row < num_items:
        fitting = np.searchsorted(pairs_until, pairs_until[row] + _BLOCK_PAIRS, side="right") - 1
        stop = min(max(row + 1, int(fitting)), num_items)
        events = by_item[item_starts[row] : item_starts[stop]]
        leaders = _leaders(baskets, reach, events, settings, rows=(row, stop))
        blocks.append(_damped_and_cut(leaders @ followers, row, count, settings))
        row = stop
    matrix = sparse.csr_array(sparse.vstack(blocks, format="csr"), dtype=np.float32)
    matrix.sort_indices()  # `support` is then a search within a row
    return matrix


def _leaders(
    baskets: _Baskets,
    reach: _Reach,
    events: npt.NDArray[np.int32],
    settings: CoOccurrenceSettings,
    *,
    rows: tuple[int, int],
) -> sparse.csr_array:
    """Items `rows` by moments: how strongly each item speaks for what is taken at a moment."""
    at, row_of = baskets.moments[events], baskets.columns[events] - rows[0]
    weight, last = reach.weights[events], reach.last_moment[at]
    values, row_parts, moment_parts = [], [], []
    for step in range(reach.steps + 1):
        within = at + step <= last
        values.append(weight[within] * np.float32(settings.step_decay**step))
        row_parts.append(row_of[within])
        moment_parts.append(at[within] + step)
    coordinates = (np.concatenate(row_parts), np.concatenate(moment_parts))
    shape = (rows[1] - rows[0], len(reach.last_moment))
    return sparse.csr_array((np.concatenate(values), coordinates), shape=shape)


def _damped_and_cut(
    counted: sparse.csr_array,
    first_row: int,
    count: npt.NDArray[np.float64],
    settings: CoOccurrenceSettings,
) -> sparse.csr_array:
    """Divide by the items' counts, drop each item's pair with itself, keep the strongest."""
    rows = np.repeat(np.arange(counted.shape[0]), np.diff(counted.indptr))
    by_row = count[first_row : first_row + counted.shape[0]] ** (1 - settings.damping)
    values = counted.data / (by_row[rows] * count[counted.indices] ** settings.damping)
    values[counted.indices == rows + first_row] = 0
    kept = values > 0
    limit = settings.row_entries
    for row in np.flatnonzero(np.diff(counted.indptr) > limit):
        part = slice(counted.indptr[row], counted.indptr[row + 1])
        kept[part] &= values[part] >= np.partition(values[part], -limit)[-limit]
    return sparse.csr_array(
        (values[kept].astype(np.float32), (rows[kept], counted.indices[kept])),
        shape=counted.shape,
    )
