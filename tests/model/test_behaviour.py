from typing import get_args

import numpy as np
import pytest
import torch

from habitue.config import Architecture, ModelSettings, TrainingSettings
from habitue.model.behaviour import SIZES, BehaviourModel, Shape, one_hot_gaps
from habitue.model.following import following_events
from habitue.model.objectives import Rivals, behaviour_loss
from habitue.sequences.batches import Batch, Windows, collate, last_windows, training_span
from habitue.sequences.sequences import Sequences
from tests.model.conftest import Lab

ARCHITECTURES = get_args(Architecture)
SETTINGS = TrainingSettings()


def new_model(lab: Lab, **settings: object) -> BehaviourModel:
    torch.manual_seed(0)
    shape = Shape(
        settings=ModelSettings.model_validate({"max_length": 20, **settings}),
        num_items=lab.vocabulary.num_items,
        num_categories=len(lab.vocabulary.content.categories[0]) + 2,
        feature_sizes=lab.vocabulary.feature_sizes,
    )
    model = BehaviourModel(shape)
    model.set_item_content(torch.from_numpy(lab.vocabulary.item_content))
    return model


def make_model(lab: Lab, architecture: str = "transformer", size: str = "small") -> BehaviourModel:
    model = new_model(lab, architecture=architecture, size=size)
    # Zeros at the start would hide what is connected to what.
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape), alpha=0.05)
        model.item_table.weight[0] = 0
        model.feature_table.weight[0] = 0
    return model


def states(model: BehaviourModel, batch: Batch) -> torch.Tensor:
    with torch.inference_mode():
        return model.eval().states(batch, model.item_table(batch.items_BT))


def batch_of(sequences: Sequences, model: BehaviourModel) -> Batch:
    windows = last_windows(sequences, max_length=20)
    return collate(sequences, windows, features=model.shape.features)


def busy(lab: Lab, count: int = 8) -> Sequences:
    return lab.sequences.take(np.flatnonzero(lab.sequences.lengths >= 20)[:count])


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_later_events_never_change_earlier_states(lab: Lab, architecture: str) -> None:
    model = make_model(lab, architecture)
    batch = batch_of(busy(lab), model)
    before = states(model, batch)
    for place in (1, 10, 19):
        changed = batch_of(busy(lab), model)
        changed.items_BT[:, place:] = 1 + (changed.items_BT[:, place:] + 7) % 50
        changed.event_types_BT[:, place:] = 4
        changed.features_BTF[:, place:] = 1
        changed.seconds_BT[:, place:] += 86_400
        after = states(model, changed)
        torch.testing.assert_close(after[:, :place], before[:, :place], rtol=0, atol=1e-6)
        assert (after[:, place:] - before[:, place:]).abs().max() > 1e-3


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_padding_changes_no_state(lab: Lab, architecture: str) -> None:
    model = make_model(lab, architecture)
    short = lab.sequences.take(np.flatnonzero(lab.sequences.lengths >= 20)[:1]).last(5)
    alone = states(model, batch_of(short, model))
    everyone = lab.sequences.take(np.flatnonzero(lab.sequences.lengths >= 20)[:4])
    windows = last_windows(everyone, max_length=20)
    # The first person's window begins 15 events later and is padded by as many.
    starts, lengths = windows.starts.copy(), windows.lengths.copy()
    starts[0] += 15
    lengths[0] = 5
    mixed = collate(everyone, Windows(starts, lengths), features=model.shape.features)
    torch.testing.assert_close(states(model, mixed)[0, :5], alone[0], rtol=0, atol=1e-5)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("size", list(SIZES))
def test_every_parameter_learns(lab: Lab, architecture: str, size: str) -> None:
    model = make_model(lab, architecture, size).train()
    span = training_span(
        lab.sequences, num_items=60, valid_from=lab.valid_from, max_person_events=1000
    )
    windows = Windows(span.begins[:60], np.minimum(span.ends - span.begins - 1, 20)[:60])
    batch = collate(lab.sequences, windows, features=model.shape.features)
    following = following_events(lab.sequences, span, batch, np.random.default_rng(0), SETTINGS)
    rivals = Rivals(np.ones(60, np.int64), count=512)
    behaviour_loss(model, batch, following, rivals, SETTINGS).backward()  # type: ignore[no-untyped-call]
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().max() > 0, name
    assert model.item_table.weight.grad is not None
    assert not model.item_table.weight.grad[0].any()  # "none" stays nothing


def test_what_follows_is_what_the_log_says(lab: Lab) -> None:
    span = training_span(
        lab.sequences, num_items=60, valid_from=lab.valid_from, max_person_events=1000
    )
    start = int(span.begins[0])
    batch = collate(lab.sequences, Windows(np.array([start]), np.array([10])), features=())
    drawn = [
        following_events(lab.sequences, span, batch, np.random.default_rng(seed), SETTINGS)
        for seed in range(40)
    ]
    next_ten = slice(start + 1, start + 11)
    for following in drawn:
        assert following.event_types_BQ[0].tolist() == lab.sequences.event_types[next_ten].tolist()
        gaps = lab.sequences.features["gap"][next_ten].tolist()
        assert following.gaps_BQ[0].tolist() == gaps
    items = np.stack([following.items_BQ[0].numpy() for following in drawn])
    is_next = items == lab.sequences.items[next_ten]
    assert 0.3 < is_next.mean() < 0.95  # a coin between the next event and the next visit
    later = {int(item) for item in items[:, 0]}
    assert later <= set(lab.sequences.items[start + 1 : int(span.ends[0])].tolist())


def test_wanted_items_stand_further_on_as_often_as_is_asked(lab: Lab) -> None:
    span = training_span(
        lab.sequences, num_items=60, valid_from=lab.valid_from, max_person_events=1000
    )
    start = int(span.begins[0])
    index = np.arange(start, start + 10)
    batch = collate(lab.sequences, Windows(np.array([start]), np.array([10])), features=())
    in_order = SETTINGS.model_copy(update={"next_visit": 0})
    rng = np.random.default_rng(0)
    drawn = np.stack(
        [
            following_events(lab.sequences, span, batch, rng, in_order, further=0.4).items_BQ[0]
            for _ in range(2000)
        ]
    )
    first = lab.sequences.items[span.next_targets(index)]
    share = np.zeros(10)
    for steps, chance in enumerate([0.6, 0.24, 0.096, 0.064]):
        place = span.further_targets(index, np.full(10, steps))
        share += chance * (lab.sequences.items[place] == first)
    np.testing.assert_allclose((drawn == first).mean(axis=0), share, atol=0.05)
    assert share.min() < 0.7


def test_rivals_are_drawn_as_often_as_they_are_said_to_be() -> None:
    torch.manual_seed(0)
    frequencies = np.array([1000, 0, 0, 10] + [1] * 96, dtype=np.int64)
    rivals = Rivals(frequencies, count=20)
    drawn = [rivals.draw(torch.arange(1, 9)) for _ in range(5000)]
    items = torch.cat([item for item, _ in drawn])
    corrections = torch.cat([correction for _, correction in drawn])
    assert 1 <= int(items.min()) <= int(items.max()) <= 100
    # Each draw stands for exp(correction) items: together for the whole catalogue.
    share = torch.bincount(items, minlength=101)[1:] / len(items)
    weight = torch.zeros(101).index_copy(0, items, corrections)[1:].exp()
    assert torch.allclose(share * 20 * weight, torch.ones(100), atol=0.25)


def test_few_items_are_all_rivals() -> None:
    items, corrections = Rivals(np.ones(30, np.int64), count=20).draw(torch.tensor([4]))
    assert items.tolist() == list(range(1, 31))
    assert not corrections.any()


def test_the_pause_changes_the_question(lab: Lab) -> None:
    model = make_model(lab)
    state = torch.randn(1, model.shape.width)
    soon, late = (model.at_gap(state, one_hot_gaps(torch.tensor([n]))) for n in (1, 20))
    assert (soon - late).abs().max() > 1e-3


def test_words_mean_the_same_wherever_they_stand(lab: Lab) -> None:
    offsets = make_model(lab).shape.feature_offsets
    assert len({offsets[f"text_{n}"] for n in (1, 2, 3, 4)}) == 1
    assert len({offsets[name] for name in ("category_1", "brand", "price", "text_1")}) == 4


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_width_and_layers_are_those_asked_for(lab: Lab, architecture: str) -> None:
    model = new_model(lab, architecture=architecture, width=24, layers=3, heads=8).eval()
    assert model.item_table.weight.shape[1] == model.shape.width == 24
    batch = batch_of(busy(lab), model)
    assert states(model, batch).shape[-1] == 24
    fewer = new_model(lab, architecture=architecture, width=24, layers=2, heads=8)
    counts = [sum(one.numel() for one in each.parameters()) for each in (model, fewer)]
    assert counts[0] > counts[1]


def test_a_width_that_heads_cannot_share_is_refused() -> None:
    with pytest.raises(ValueError, match="a multiple of 8, or 0"):
        ModelSettings(width=100)


def test_the_item_table_is_padded_for_speed(lab: Lab) -> None:
    assert make_model(lab).item_table.weight.shape[0] % 32 == 0


def test_rivals_of_the_batch_are_corrected_by_how_often_they_are_wanted() -> None:
    frequencies = np.array([80, 10, 10, 0], dtype=np.int64)
    items, corrections = Rivals(frequencies, count=2, kind="in_batch").draw(torch.tensor([1, 3, 1]))
    assert items.tolist() == [1, 3, 1]
    np.testing.assert_allclose(corrections.exp(), [1 / 2.4, 1 / 0.3, 1 / 2.4], rtol=1e-4)


def test_uniform_rivals_do_not_know_what_is_popular() -> None:
    torch.manual_seed(0)
    rivals = Rivals(np.array([1000] + [1] * 99, dtype=np.int64), count=20, kind="uniform")
    items, corrections = rivals.draw(torch.tensor([1]))
    assert len(items) == 20
    np.testing.assert_allclose(corrections.exp(), 5, rtol=1e-4)  # each stands for five of 100


def test_without_repeats_a_network_begins_with_what_is_like_the_last_item(lab: Lab) -> None:
    def share_of_last(*, repeats: bool) -> float:
        model = new_model(lab, architecture="sasrec", repeats=repeats).eval()
        batch = batch_of(busy(lab), model)
        with torch.inference_mode():
            last_BD = model.last_states(batch, model.item_inputs(batch.items_BT))
            vectors_ID = model.item_vectors(torch.arange(1, model.shape.num_items + 1))
            first_B = (model.item_query(last_BD) @ vectors_ID.T).argmax(dim=1) + 1
        last_item_B = batch.items_BT[torch.arange(len(first_B)), batch.lengths_B - 1]
        return float((first_B == last_item_B).float().mean())

    assert share_of_last(repeats=False) > 0.7
    assert share_of_last(repeats=True) < 0.3
