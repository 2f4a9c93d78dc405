"""A next-item model over bare histories as a recommender of the product.

Comes in: sequences in batches, cut at a moment. Goes out: probabilities of all items after each
person's events, a row of zeros where nothing is known, so that it can stand in a blend or in for
one. Knows nothing about which model it is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import sparse

from habitue.baselines.history import item_events, sparse_rows_summing_to_one, without_bots
from habitue.baselines.item_histories import ItemHistories
from habitue.baselines.next_item import ItemKnn, ItemToItem, ItemToItemModel, strongest_of_rows
from habitue.baselines.ridge import MAX_DENSE_ITEMS, ROW_ENTRIES
from habitue.baselines.transitions import Ease, LinearTransitions
from habitue.schema import POSITIVE_EVENT_TYPES
from habitue.sequences.repeating import LEAST_REPEATS
from habitue.sequences.sequences import Sequences

# What a shop's blend may hold beside co-occurrence.
ITEM_MODELS: Final[tuple[ItemToItemModel, ...]] = (
    ItemKnn(neighbours=ROW_ENTRIES),
    Ease(),
    LinearTransitions(),
)
# Events held in memory while one is fitted; of more, persons are sampled by a hash of their id.
_MAX_EVENTS = 1_000_000


@dataclass(frozen=True)
class ItemRecommender:
    """A fitted item-to-item model, asked with people's events."""

    model: ItemToItem
    name: str

    @classmethod
    def fit(
        cls,
        recipe: ItemToItemModel,
        batches: Iterable[Sequences],
        *,
        num_items: int,
        as_of: int,
        event_types: Sequence[str] = POSITIVE_EVENT_TYPES,
        row_entries: int | None = None,
    ) -> "ItemRecommender":
        """Fit the recipe on what everyone of `batches` did before `as_of`, bots left out.

        With `row_entries`, so many of each item's entries are kept, those farthest from 0.
        """
        histories = _sampled(
            (without_bots(batch) for batch in batches), num_items, as_of, event_types
        )
        fitted = recipe.fit(histories, num_items=num_items)
        if row_entries is not None:
            fitted = replace(fitted, matrix=strongest_of_rows(fitted.matrix, row_entries))
        return cls(fitted, recipe.name)

    def scores(self, sequences: Sequences, *, as_of: int) -> npt.NDArray[np.float32]:
        """Return probabilities, [N, num_items]; reads nothing at or after `as_of`."""
        return np.asarray(self.sparse_scores(sequences, as_of=as_of).toarray())

    def sparse_scores(self, sequences: Sequences, *, as_of: int) -> sparse.csr_array:
        """Return `scores` without the zeros."""
        num_items = self.model.matrix.shape[0]
        histories = histories_of(sequences, num_items, as_of, POSITIVE_EVENT_TYPES)
        found = self._raw(histories)
        np.maximum(found.data, 0, out=found.data)
        return sparse_rows_summing_to_one(found)

    def _raw(self, histories: ItemHistories) -> sparse.csr_array:
        matrix, model = self.model.matrix, self.model
        if model.fallback is None and sparse.issparse(matrix):
            return (histories.weights(model.query_decay, matrix.shape[0]) @ matrix).tocsr()
        found = model.scores(histories)
        found[histories.lengths == 0] = 0
        return sparse.csr_array(found)

    def save(self, folder: Path) -> None:
        """Write the matrix into `folder`, under the model's name."""
        folder.mkdir(parents=True, exist_ok=True)
        matrix = self.model.matrix
        arrays: dict[str, npt.NDArray[Any]] = {"query_decay": np.array(self.model.query_decay)}
        if isinstance(matrix, np.ndarray):
            arrays["dense"] = matrix
        else:
            arrays |= {"data": matrix.data, "indices": matrix.indices, "indptr": matrix.indptr}
        if self.model.fallback is not None:
            arrays["fallback"] = self.model.fallback
        np.savez(folder / f"{self.name}.npz", **arrays)  # type: ignore[arg-type]

    @classmethod
    def load(cls, folder: Path, name: str) -> "ItemRecommender":
        """Read what `save` wrote."""
        with np.load(folder / f"{name}.npz") as arrays:
            if "dense" in arrays:
                matrix = arrays["dense"]
            else:
                size = len(arrays["indptr"]) - 1
                parts = (arrays["data"], arrays["indices"], arrays["indptr"])
                matrix = sparse.csr_array(parts, shape=(size, size))
            model = ItemToItem(matrix, float(arrays["query_decay"]), arrays.get("fallback"))
        return cls(model, name)


def histories_of(
    sequences: Sequences, num_items: int, as_of: int, event_types: Sequence[str]
) -> ItemHistories:
    """Return the items of each person's events, one a moment and item, oldest first."""
    events = item_events(sequences, num_items=num_items, as_of=as_of, event_types=event_types)
    # An item that is viewed, then bought, is one step.
    person = np.diff(events.persons, prepend=-1) != 0
    is_new = person | (np.diff(events.columns, prepend=-1) != 0)
    lengths = np.bincount(events.persons[is_new], minlength=len(sequences))
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return ItemHistories(events.columns[is_new].astype(np.int32), offsets)


def saved_item_models(folder: Path) -> tuple[ItemRecommender, ...]:
    """Return those of `ITEM_MODELS` that were saved into `folder`."""
    names = [recipe.name for recipe in ITEM_MODELS]
    return tuple(
        ItemRecommender.load(folder, name) for name in names if (folder / f"{name}.npz").is_file()
    )


def wants_item_models(setting: str, repeat_share: float, *, num_items: int) -> bool:
    """Return whether a shop's blend holds `ITEM_MODELS`.

    `setting` is "on", "off" or "auto": where hardly anybody takes the same thing twice, and the
    catalogue is small enough for a dense matrix.
    """
    if setting != "auto":
        return setting == "on"
    return repeat_share < LEAST_REPEATS and num_items <= MAX_DENSE_ITEMS


def _sampled(
    batches: Iterable[Sequences], num_items: int, as_of: int, event_types: Sequence[str]
) -> ItemHistories:
    """Everyone's histories; of too many events, those of persons drawn by a hash of their id."""
    parts: list[ItemHistories] = []
    marks: list[npt.NDArray[np.uint64]] = []
    share = np.uint64(2**64 - 1)
    for batch in batches:
        mark = batch.subject_ids.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        people = batch.take(np.flatnonzero(mark <= share))
        parts.append(histories_of(people, num_items, as_of, event_types))
        marks.append(mark[mark <= share])
        while sum(len(part.items) for part in parts) > _MAX_EVENTS:
            share //= np.uint64(2)
            kept = [np.flatnonzero(mark <= share) for mark in marks]
            parts = [part.take(rows) for part, rows in zip(parts, kept, strict=True)]
            marks = [mark[rows] for mark, rows in zip(marks, kept, strict=True)]
    return ItemHistories.joined(parts)
