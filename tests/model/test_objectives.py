"""The objectives beside the next item: what they ask, and what they are worth in the loss."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from habitue.config import ModelSettings, TrainingSettings
from habitue.model import plain_sequences
from habitue.model.behaviour import BehaviourModel
from habitue.model.following import LATER, Following, following_events
from habitue.model.objectives import Rivals, behaviour_loss
from habitue.model.plain_sequences import as_sequences
from habitue.schema import DAY
from habitue.sequences.batches import Batch, Windows, collate, training_span
from habitue.sequences.sequences import Sequences

NUM_ITEMS, EVENTS = 30, 24
PLAIN = TrainingSettings(
    category_weight=0, event_type_weight=0, gap_weight=0, next_visit=0, hidden_items=0, loss="full"
)
ASKING = PLAIN.model_copy(update={"dense_weight": 0.1, "coles_weight": 0.1})


def some_days() -> Sequences:
    """Persons with an event every six days, each of another item."""
    rng = np.random.default_rng(0)
    persons = [rng.permutation(NUM_ITEMS)[:EVENTS].astype(np.int32) + 1 for _ in range(6)]
    sequences = as_sequences(persons)
    place = np.arange(sequences.num_events) % EVENTS
    return replace(sequences, timestamps=place * 6 * DAY)


def asked(settings: TrainingSettings, seed: int = 0) -> tuple[Batch, Following]:
    """Every person's events but the last, which nothing follows."""
    sequences = some_days()
    span = training_span(sequences, num_items=NUM_ITEMS, valid_from=1 << 60, max_person_events=99)
    windows = Windows(sequences.offsets[:-1], sequences.lengths - 1)
    batch = collate(sequences, windows, features=())
    rng = np.random.default_rng(seed)
    return batch, following_events(sequences, span, batch, rng, settings)


def new_model(*, repeats: bool = False) -> BehaviourModel:
    torch.manual_seed(0)
    settings = ModelSettings(size="tiny", max_length=EVENTS, dropout=0, repeats=repeats)
    return plain_sequences._new_model(settings, NUM_ITEMS, None)


def loss_of(
    model: BehaviourModel, batch: Batch, following: Following, settings: TrainingSettings
) -> torch.Tensor:
    torch.manual_seed(1)  # of the rivals
    rivals = Rivals(np.ones(NUM_ITEMS, np.int64), count=8)
    return behaviour_loss(model, batch, following, rivals, settings)


def test_switched_off_they_ask_nothing_and_draw_nothing() -> None:
    sequences = some_days()
    span = training_span(sequences, num_items=NUM_ITEMS, valid_from=1 << 60, max_person_events=99)
    batch = collate(sequences, Windows(sequences.offsets[:-1], sequences.lengths - 1), features=())
    rng = np.random.default_rng(0)
    following = following_events(sequences, span, batch, rng, PLAIN)
    assert following.later is None
    assert following.slices is None
    assert rng.random() == np.random.default_rng(0).random()


@pytest.mark.parametrize("samples", ["all", "prefix"])
def test_what_comes_later_is_of_the_same_person_and_within_four_weeks(samples: str) -> None:
    settings = ASKING.model_copy(update={"samples": samples})
    sequences, seen = some_days(), set()
    for seed in range(30):
        batch, following = asked(settings, seed)
        assert following.later is not None
        for person, places in enumerate(following.later.place_BQ.tolist()):
            own = sequences.items[sequences.offsets[person] : sequences.offsets[person + 1]]
            assert max(places) < int(batch.lengths_B[person])
            for column, place in enumerate(places):
                item = int(following.later.items_BQ[person, column])
                steps = own.tolist().index(item) - place
                seen.add(steps)
    # Six days a step: four steps are 24 days, five would be 30.
    assert seen == ({1, 2, 3, 4} if samples == "all" else {1})
    assert 4 * 6 * DAY <= LATER < 5 * 6 * DAY


@pytest.mark.parametrize("samples", ["all", "prefix"])
@pytest.mark.parametrize("loss", ["full", "sampled"])
@pytest.mark.parametrize("repeats", [False, True])
def test_each_counts_as_much_as_its_weight_says(samples: str, loss: str, repeats: bool) -> None:
    settings = ASKING.model_copy(update={"samples": samples, "loss": loss})
    batch, following = asked(settings)
    model = new_model(repeats=repeats)
    neither = replace(following, later=None, slices=None)
    without = loss_of(model, batch, neither, settings).item()
    for name, part in [
        ("dense_weight", replace(following, slices=None)),
        ("coles_weight", replace(following, later=None)),
    ]:
        once, twice = (
            loss_of(model, batch, part, settings.model_copy(update={name: weight})).item()
            for weight in (0.1, 0.2)
        )
        assert once > without + 0.01, name
        assert twice - without == pytest.approx(2 * (once - without), rel=1e-3), name


def test_a_network_that_knows_nothing_loses_the_logarithm_of_the_catalogue() -> None:
    batch, following = asked(ASKING)
    model = new_model()
    with torch.no_grad():
        model.item_table.weight.zero_()
    neither = replace(following, later=None, slices=None)
    without = loss_of(model, batch, neither, ASKING).item()
    once = loss_of(model, batch, replace(following, slices=None), ASKING).item()
    assert without == pytest.approx(math.log(NUM_ITEMS), rel=1e-5)
    assert once - without == pytest.approx(0.1 * math.log(NUM_ITEMS), rel=1e-4)


def test_slices_move_the_vectors_of_their_own_items_and_no_head() -> None:
    batch, following = asked(ASKING)
    nothing = replace(
        following,
        items_BQ=torch.zeros_like(following.items_BQ),
        later=None,
    )
    model = new_model()
    loss_of(model, batch, nothing, ASKING).backward()  # type: ignore[no-untyped-call]
    assert following.slices is not None
    items = set(following.slices.batch.items_BT[following.slices.batch.items_BT > 0].tolist())
    gradient = model.item_table.weight.grad
    assert gradient is not None
    moved = set(gradient.abs().sum(1).nonzero()[:, 0].tolist())
    assert moved == items
    assert not model.item_bias.grad.any()  # type: ignore[union-attr]
