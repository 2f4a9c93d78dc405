"""Windows a little different from what happened: each epoch then shows other ones.

In: windows of training and the settings that say how many are changed. Out: windows that begin
later, positions read in another order, items put in the place of like ones. What follows a window
is never touched. Knows nothing about networks.

Shapes: B windows, T positions.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from habitue.config import TrainingSettings
from habitue.sequences.batches import TrainingSpan, Windows
from habitue.sequences.sequences import IntArray, Sequences, offsets_of

_LONGEST_RUN = 5  # events that change places among themselves
_SHORTEST_CROPPED = 4


def crop(windows: Windows, share: float, rng: np.random.Generator) -> Windows:
    """Let this share of the windows forget up to half of their oldest events."""
    is_cropped = (rng.random(len(windows.lengths)) < share) & (windows.lengths >= _SHORTEST_CROPPED)
    cut = 1 + (rng.random(len(windows.lengths)) * (windows.lengths // 2)).astype(np.int64)
    cut = np.where(is_cropped, cut, 0)
    return Windows(windows.starts + cut, windows.lengths - cut)


def reorder(windows: Windows, share: float, rng: np.random.Generator) -> IntArray:
    """Return, [B, T], which place of its window each place shows.

    In this share of the windows a run of some events, never the last one, is shuffled.
    """
    lengths_B1 = windows.lengths[:, None]
    place_BT = np.tile(np.arange(int(lengths_B1.max())), (len(lengths_B1), 1))
    run_B1 = np.minimum(_LONGEST_RUN, lengths_B1 - 1)
    first_B1 = (rng.random(lengths_B1.shape) * (lengths_B1 - run_B1)).astype(np.int64)
    is_run_BT = (place_BT >= first_B1) & (place_BT < first_B1 + run_B1)
    is_run_BT &= rng.random(lengths_B1.shape) < share
    # Keys that leave all others where they are: a run's places lie between its neighbours.
    keys_BT = np.where(is_run_BT, first_B1 + rng.random(place_BT.shape), place_BT.astype(float))
    return np.argsort(keys_BT, axis=1, kind="stable")


@dataclass(frozen=True)
class Substitutes:
    """Draws an item in the place of another: one that the same item followed.

    A walk of two random steps over the events learnt from: from the item to what followed it
    somewhere, and from that to what it followed somewhere. No table of like items is needed.
    """

    followers: npt.NDArray[np.int32]  # by item: what followed at each of its occurrences
    follower_offsets: IntArray  # [items + 1]
    leaders: npt.NDArray[np.int32]  # by item: what went before at each of its occurrences
    leader_offsets: IntArray  # [items + 1]

    @staticmethod
    def of(sequences: Sequences, span: TrainingSpan, num_items: int) -> "Substitutes":
        """Return the walks over the items of `span`."""
        firsts, seconds = [np.zeros(0, np.int32)], [np.zeros(0, np.int32)]
        for events in span.events():
            last = np.isin(events, span.ends - 1, assume_unique=True)
            first, second = sequences.items[events[~last]], sequences.items[events[~last] + 1]
            is_known = (first > 0) & (second > 0) & (first <= num_items) & (second <= num_items)
            firsts.append(first[is_known])
            seconds.append(second[is_known])
        first, second = np.concatenate(firsts), np.concatenate(seconds)
        by_first, by_second = np.argsort(first, kind="stable"), np.argsort(second, kind="stable")
        return Substitutes(
            second[by_first],
            offsets_of(np.bincount(first, minlength=num_items + 1)),
            first[by_second],
            offsets_of(np.bincount(second, minlength=num_items + 1)),
        )

    def draw(self, items: IntArray, rng: np.random.Generator) -> IntArray:
        """Return a substitute for each item; the item itself where nothing ever followed it."""
        num_items = len(self.follower_offsets) - 2
        known = np.where(items <= num_items, items, 0)
        follower = _pick(self.followers, self.follower_offsets, known, rng)
        found = _pick(self.leaders, self.leader_offsets, follower, rng)
        return np.where(found > 0, found, items)


def _pick(
    values: npt.NDArray[np.int32], offsets: IntArray, items: IntArray, rng: np.random.Generator
) -> IntArray:
    """Return one of each item's values; 0 where it has none."""
    start, stop = offsets[items], offsets[items + 1]
    place = start + (rng.random(items.shape) * (stop - start)).astype(np.int64)
    padded = np.append(values, np.int32(0))
    return np.where(stop > start, padded[place], 0).astype(np.int64)


@dataclass(frozen=True)
class Augmentation:
    """How windows are changed before the network sees them."""

    settings: TrainingSettings
    substitutes: Substitutes | None

    @staticmethod
    def of(
        sequences: Sequences, span: TrainingSpan, num_items: int, settings: TrainingSettings
    ) -> "Augmentation":
        """Return what the settings ask for."""
        wanted = Substitutes.of(sequences, span, num_items) if settings.substitute else None
        return Augmentation(settings, wanted)

    def windows(self, windows: Windows, rng: np.random.Generator) -> Windows:
        """Return the windows with some of them cropped."""
        return crop(windows, self.settings.crop, rng) if self.settings.crop else windows

    def places(self, windows: Windows, rng: np.random.Generator) -> IntArray | None:
        """Return which place each place shows; None where every one shows itself.

        Only where no place but the last is asked about: others would see what they are asked for.
        """
        if self.settings.samples != "prefix" or not self.settings.reorder:
            return None
        return reorder(windows, self.settings.reorder, rng)

    def items(self, items_BT: IntArray, rng: np.random.Generator) -> IntArray:
        """Return items with some of them replaced by like ones."""
        if self.substitutes is None:
            return items_BT
        is_replaced = rng.random(items_BT.shape) < self.settings.substitute
        return np.where(is_replaced, self.substitutes.draw(items_BT, rng), items_BT)
