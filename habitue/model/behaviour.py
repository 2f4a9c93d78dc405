"""The behaviour model: what an event is to the network, and what the network says of the next.

In: `Batch`es. Out: states, item vectors, and queries that say "what comes next, so long after".
A person is their events: no person has a vector of their own. An item is its id and its content
(category path, brand, price, words), on the way in and on the way out.

Shapes: B persons, T positions, D width, N rows, U items, G gap bins.
"""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import nn
from torch.nn import functional

from habitue.config import ModelSettings
from habitue.model.backbones.backbone import Backbone, BackboneShape, at_last
from habitue.model.backbones.registry import BACKBONES
from habitue.model.layers import PooledDropout
from habitue.model.repeats import RepeatPointer
from habitue.schema import EVENT_TYPES
from habitue.sequences.batches import Batch
from habitue.sequences.content import CONTENT_FEATURES, TEXT_FEATURES
from habitue.sequences.vocabulary import NUM_GAP_BINS, NUM_ITEM_BUCKETS

# width, layers, heads
SIZES: dict[str, tuple[int, int, int]] = {
    "tiny": (32, 1, 1),
    "small": (64, 2, 2),
    "base": (256, 4, 4),
    "large": (512, 8, 8),
}
NUM_EVENT_TYPES = len(EVENT_TYPES) + 1
_COLUMN_MULTIPLE = 32  # a matrix of 32·n columns multiplies up to 45 % faster on a CPU
_INIT_STD = 0.02


@dataclass(frozen=True)
class Shape:
    """All that is needed to build the network again."""

    settings: ModelSettings
    num_items: int
    num_categories: int  # top-level ones, with "absent" and "not known"
    feature_sizes: dict[str, int]  # of the features that occur at all, in the order they are read
    num_attributes: int = 0  # labels an item may have any number of, numbered from 1
    max_attributes: int = 0  # of one item

    @property
    def width(self) -> int:
        """D."""
        return self.settings.width or SIZES[self.settings.size][0]

    @property
    def rows(self) -> int:
        """Vectors that a softmax over all items multiplies with: "none", the items, some blanks."""
        return _padded(1 + self.num_items)

    @property
    def is_timed(self) -> bool:
        """Whether events have pauses between them; else it is not asked how long one lasts."""
        return "gap" in self.feature_sizes

    @property
    def has_repeats(self) -> bool:
        """Whether it may point at an item of the past; where nothing is said, it may."""
        return self.settings.repeats is not False

    @property
    def features(self) -> tuple[str, ...]:
        """The features read with each event."""
        return tuple(self.feature_sizes)

    @property
    def content_columns(self) -> tuple[int, ...]:
        """Which columns of `Vocabulary.item_content` are read."""
        return tuple(n for n, name in enumerate(CONTENT_FEATURES) if name in self.feature_sizes)

    @cached_property
    def feature_offsets(self) -> dict[str, int]:
        """Where each feature's values begin in the one table of feature vectors.

        A word means the same wherever it stands, so the text features share their part.
        """
        offsets: dict[str, int] = {}
        end = NUM_EVENT_TYPES
        for name, size in self.feature_sizes.items():
            if name in TEXT_FEATURES and (first := self._first_text) != name:
                offsets[name] = offsets[first]
                continue
            offsets[name] = end
            end += size
        offsets[""] = end
        return offsets

    @property
    def _first_text(self) -> str:
        return next(name for name in self.feature_sizes if name in TEXT_FEATURES)


class BehaviourModel(nn.Module):
    """Event vectors, a causal backbone, and heads for what comes next."""

    item_content: torch.Tensor
    item_attributes: torch.Tensor
    feature_offsets: torch.Tensor

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        _, layers, heads = SIZES[shape.settings.size]
        width = shape.width
        self.shape = shape
        rows = _padded(1 + shape.num_items + NUM_ITEM_BUCKETS)
        self.item_table = nn.Embedding(rows, width, padding_idx=0)
        self.item_bias = nn.Parameter(
            torch.zeros(1 + shape.num_items), requires_grad=shape.settings.item_bias
        )
        self.feature_table = nn.EmbeddingBag(
            shape.feature_offsets[""], width, mode="sum", padding_idx=0
        )
        self.category_bias = nn.Parameter(torch.zeros(shape.num_categories))
        dropout = PooledDropout(shape.settings.usual_dropout)
        self.input_norm = nn.LayerNorm(width)
        self.input_dropout = dropout
        self.backbone: Backbone = BACKBONES[shape.settings.architecture](
            BackboneShape(
                width=width,
                layers=shape.settings.layers or layers,
                heads=shape.settings.heads or heads,
                max_length=shape.settings.max_length,
                high_pass=shape.settings.usual_high_pass,
                dropout=dropout,
            )
        )
        self.output_norm = nn.LayerNorm(width)
        self.gap_scale = nn.Embedding(NUM_GAP_BINS, width)
        self.gap_shift = nn.Embedding(NUM_GAP_BINS, width)
        # Without pauses nothing else is asked of a state: it is the query itself.
        self.item_query = nn.Linear(width, width) if shape.is_timed else nn.Identity()
        if shape.has_repeats:
            self.repeats = RepeatPointer(width)
        self.category_query = nn.Linear(width, width)
        self.event_type_head = nn.Linear(width, NUM_EVENT_TYPES)
        self.gap_head = nn.Linear(width, NUM_GAP_BINS)
        columns = len(shape.content_columns)
        self.register_buffer(
            "item_content", torch.zeros(1 + shape.num_items, columns, dtype=torch.int32)
        )
        if shape.num_attributes:
            self.attribute_table = nn.EmbeddingBag(
                1 + shape.num_attributes, width, mode="mean", padding_idx=0
            )
            self.register_buffer(
                "item_attributes",
                torch.zeros(1 + shape.num_items, shape.max_attributes, dtype=torch.int32),
            )
        offsets = [shape.feature_offsets[name] for name in shape.features]
        self.register_buffer(
            "feature_offsets", torch.tensor(offsets, dtype=torch.int64), persistent=False
        )
        self._initialise()

    def _initialise(self) -> None:
        tables: list[nn.Embedding | nn.EmbeddingBag] = [self.item_table, self.feature_table]
        if self.shape.num_attributes:
            tables.append(self.attribute_table)
        for table in tables:
            nn.init.normal_(table.weight, std=_INIT_STD)
            with torch.no_grad():
                table.weight[0] = 0
        nn.init.zeros_(self.gap_scale.weight)
        nn.init.zeros_(self.gap_shift.weight)
        if not self.shape.has_repeats:
            self._begin_with_the_last_item()

    @torch.no_grad()
    def _begin_with_the_last_item(self) -> None:
        """Let a state at first ask for what is like its last item, whatever else the event was.

        Where nobody takes the same thing twice that is the best first guess. Vectors of hours and
        pauses as large as an item's, or a query layer drawn at random, would hide it, and had to be
        unlearnt first (docs/experiments.md). Where repeats are usual the pointer says it better.
        """
        if isinstance(self.item_query, nn.Linear):
            nn.init.eye_(self.item_query.weight)
            nn.init.zeros_(self.item_query.bias)
        self.feature_table.weight[:NUM_EVENT_TYPES] = 0
        for name, size in self.shape.feature_sizes.items():
            if name not in CONTENT_FEATURES:
                first = self.shape.feature_offsets[name]
                self.feature_table.weight[first : first + size] = 0

    def states(self, batch: Batch, items_BTD: torch.Tensor) -> torch.Tensor:
        """Return the state after each event, [B, T, D].

        `items_BTD` are what `item_inputs` gives for the batch's items: training looks them up
        together with the candidates, since every look-up costs a gradient as large as the table.
        """
        x_BTD = self._events(batch, items_BTD)
        states: torch.Tensor = self.output_norm(self.backbone(x_BTD, batch.seconds_BT))
        return states

    def last_states(self, batch: Batch, items_BTD: torch.Tensor) -> torch.Tensor:
        """Return the state after each window's last event, [B, D], for less work."""
        x_BTD = self._events(batch, items_BTD)
        last_BD = self.backbone.last(x_BTD, batch.seconds_BT, batch.lengths_B)
        states: torch.Tensor = self.output_norm(last_BD)
        return states

    def _events(self, batch: Batch, items_BTD: torch.Tensor) -> torch.Tensor:
        x_BTD = items_BTD
        if self.shape.features:  # else nothing is told of events, not even their kind
            ids_BTF = self._feature_ids(batch.features_BTF)
            ids_BTF = torch.cat([ids_BTF, batch.event_types_BT[:, :, None]], dim=2)
            x_BTD = x_BTD + self._feature_sum(ids_BTF)
        events: torch.Tensor = self.input_dropout(self.input_norm(x_BTD))
        return events

    def item_inputs(self, items: torch.Tensor) -> torch.Tensor:
        """Return what an event's item adds to it, [..., D]: its id, and its attributes."""
        rows: torch.Tensor = self.item_table(items)
        return rows + self.attribute_vectors(items) if self.shape.num_attributes else rows

    def attribute_vectors(self, items: torch.Tensor) -> torch.Tensor:
        """Return the mean of the vectors of each item's attributes, [..., D]."""
        ids = self.item_attributes[torch.where(self.is_known(items), items, 0)]
        mean: torch.Tensor = self.attribute_table(ids.flatten(0, -2))
        return mean.view(*items.shape, self.shape.width)

    def content_vectors(self, ids_U: torch.Tensor) -> torch.Tensor:
        """Return what known items are apart from their ids, [U, D]."""
        content = self.feature_vectors(ids_U)
        return content + self.attribute_vectors(ids_U) if self.shape.num_attributes else content

    def feature_vectors(self, ids_U: torch.Tensor) -> torch.Tensor:
        """Return what known items are by their category, brand, price and words, [U, D]."""
        return self._feature_sum(self.item_content[ids_U].long())

    def item_vectors(self, ids_U: torch.Tensor) -> torch.Tensor:
        """Return the vectors of known items, [U, D]."""
        rows: torch.Tensor = self.item_table(ids_U)
        return rows + self.content_vectors(ids_U)

    def category_vectors(self, ids_U: torch.Tensor) -> torch.Tensor:
        """Return the vectors of top-level categories, [U, D]: the same that items are built of."""
        first = self.shape.feature_offsets.get("category_1", 0)
        return self._feature_sum((ids_U + first)[:, None])

    def at_gap(self, states_ND: torch.Tensor, gap_weights_NG: torch.Tensor) -> torch.Tensor:
        """Return states that know how long after them the asked-for event comes.

        A basket's next line and the next visit's first follow the same state; what tells them
        apart is the pause. It is known in training, and at `as_of` it is at least the time since
        the last event: `gap_weights_NG` is then the expected distribution over pauses.
        """
        if not self.shape.is_timed:
            return states_ND
        scale = gap_weights_NG @ self.gap_scale.weight
        return states_ND * (1 + scale) + gap_weights_NG @ self.gap_shift.weight

    def is_known(self, items: torch.Tensor) -> torch.Tensor:
        """Return which item indices have a vector of their own to be chosen by."""
        return (items > 0) & (items <= self.shape.num_items)

    def set_item_content(self, item_content: torch.Tensor) -> None:
        """Take over `Vocabulary.item_content`, [1 + num_items, all content features]."""
        columns = list(self.shape.content_columns)
        names = [CONTENT_FEATURES[column] for column in columns]
        offsets = [self.shape.feature_offsets[name] for name in names]
        numbers = item_content[:, columns].long()
        ids = torch.where(numbers > 0, numbers + torch.tensor(offsets, dtype=torch.int64), 0)
        self.item_content.copy_(ids)

    def set_item_attributes(self, item_attributes: torch.Tensor) -> None:
        """Take over each item's attributes, [1 + num_items, max_attributes], 0 to fill up."""
        self.item_attributes.copy_(item_attributes)

    def _feature_ids(self, numbers_BTF: torch.Tensor) -> torch.Tensor:
        return torch.where(numbers_BTF > 0, numbers_BTF + self.feature_offsets, 0)

    def _feature_sum(self, ids: torch.Tensor) -> torch.Tensor:
        if ids.shape[-1] == 0:  # a log without any such feature; EmbeddingBag refuses empty bags
            return torch.zeros(*ids.shape[:-1], self.shape.width, device=ids.device)
        flat: torch.Tensor = self.feature_table(ids.flatten(0, -2))
        return flat.view(*ids.shape[:-1], self.shape.width)


def _padded(rows: int) -> int:
    return rows + -rows % _COLUMN_MULTIPLE


def person_embeddings(states_BTD: torch.Tensor, lengths_B: torch.Tensor) -> torch.Tensor:
    """Return each person's last state beside the mean of their states, [B, 2·D]."""
    place_T = torch.arange(states_BTD.shape[1], device=states_BTD.device)
    is_event_BT = place_T < lengths_B[:, None]
    mean_BD = (states_BTD * is_event_BT[:, :, None]).sum(1) / lengths_B[:, None]
    return torch.cat([at_last(states_BTD, lengths_B), mean_BD], dim=1)


def one_hot_gaps(bins_N: torch.Tensor) -> torch.Tensor:
    """Return gap weights for pauses that are known, [N, G]."""
    return functional.one_hot(bins_N, NUM_GAP_BINS).float()
