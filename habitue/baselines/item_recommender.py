"""A next-item model over bare histories as a recommender of the product.

Comes in: sequences in batches, cut at a moment. Goes out: probabilities of all items after each
person's events, a row of zeros where nothing is known, so that it can stand in a blend or in for
one. Knows nothing about which model it is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from habitue.baselines.history import item_events, rows_summing_to_one, without_bots
from habitue.baselines.item_histories import ItemHistories
from habitue.baselines.next_item import ItemToItem, ItemToItemModel
from habitue.schema import POSITIVE_EVENT_TYPES
from habitue.sequences.sequences import Sequences


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
    ) -> "ItemRecommender":
        """Fit the recipe on what everyone of `batches` did before `as_of`, bots left out."""
        parts = [
            histories_of(without_bots(batch), num_items, as_of, event_types) for batch in batches
        ]
        fitted = recipe.fit(ItemHistories.joined(parts), num_items=num_items)
        return cls(fitted, recipe.name)

    def scores(self, sequences: Sequences, *, as_of: int) -> npt.NDArray[np.float32]:
        """Return probabilities, [N, num_items]; reads nothing at or after `as_of`."""
        num_items = self.model.matrix.shape[0]
        histories = histories_of(sequences, num_items, as_of, POSITIVE_EVENT_TYPES)
        found = self.model.scores(histories)
        np.maximum(found, 0, out=found)
        found[histories.lengths == 0] = 0
        return rows_summing_to_one(found)

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
