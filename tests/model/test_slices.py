import numpy as np
import pytest
import torch

from habitue.config import ModelSettings
from habitue.model import plain_sequences
from habitue.model.behaviour import BehaviourModel, person_embeddings
from habitue.model.plain_sequences import as_sequences
from habitue.model.slices import Slices, cut_slices, slice_loss
from habitue.sequences.batches import Batch, Windows, collate
from habitue.sequences.sequences import Sequences

NUM_ITEMS, PERSONS, EVENTS = 40, 10, 32


def toy_log() -> Sequences:
    """Ten persons, each with four items of their own, in random order."""
    rng = np.random.default_rng(0)
    return as_sequences(
        [rng.integers(1, 5, EVENTS).astype(np.int32) + 4 * person for person in range(PERSONS)]
    )


def whole_windows(sequences: Sequences) -> Batch:
    windows = Windows(sequences.offsets[:-1], sequences.lengths)
    return collate(sequences, windows, features=("gap",))


def cut(seed: int, sequences: Sequences | None = None) -> Slices:
    batch = whole_windows(sequences or toy_log())
    found = cut_slices(batch, np.arange(len(batch.lengths_B)), np.random.default_rng(seed))
    assert found is not None
    return found


def test_each_person_gives_two_runs_of_a_quarter_to_half_of_their_events() -> None:
    sequences = toy_log()
    lengths, starts = [], []
    for seed in range(20):
        slices = cut(seed, sequences)
        assert slices.owners_S.tolist() == [owner for owner in range(PERSONS) for _ in range(2)]
        for row, length in enumerate(slices.batch.lengths_B.tolist()):
            index = slices.batch.index_BT[row, :length]
            owner = int(slices.owners_S[row])
            assert index.tolist() == list(range(index[0], index[0] + length))
            assert sequences.offsets[owner] <= index[0]
            assert index[-1] < sequences.offsets[owner + 1]
            lengths.append(length)
            starts.append(index[0] - sequences.offsets[owner])
    assert {min(lengths), max(lengths)} == {EVENTS // 4, EVENTS // 2}
    assert {min(starts), max(starts)} == {0, EVENTS - EVENTS // 4}


def test_a_slice_is_a_window_of_its_own() -> None:
    sequences = toy_log()
    slices = cut(3, sequences)
    starts, lengths = slices.batch.index_BT[:, 0], slices.batch.lengths_B.numpy()
    alone = collate(sequences, Windows(starts, lengths), features=("gap",))
    for name in ("items_BT", "event_types_BT", "features_BTF", "seconds_BT", "lengths_B"):
        assert torch.equal(getattr(slices.batch, name), getattr(alone, name)), name
    items_BT = whole_windows(sequences).items_BT
    at_events = slices.at_SL[torch.from_numpy(slices.batch.is_event_BT)]
    kept = slices.batch.items_BT[torch.from_numpy(slices.batch.is_event_BT)]
    assert torch.equal(items_BT.view(-1)[at_events], kept)


@pytest.mark.parametrize("lengths", [[32], [32, 7], []])
def test_without_two_long_enough_persons_nothing_is_cut(lengths: list[int]) -> None:
    persons = [np.ones(length, dtype=np.int32) for length in [*lengths, 3]]
    batch = whole_windows(as_sequences(persons))
    owners = np.arange(len(persons))
    assert cut_slices(batch, owners, np.random.default_rng(0)) is None


def test_two_windows_of_one_person_are_not_told_apart() -> None:
    batch = whole_windows(toy_log())
    assert cut_slices(batch, np.zeros(PERSONS, np.int64), np.random.default_rng(0)) is None


def test_the_loss_is_none_where_persons_are_far_apart_and_columns_independent() -> None:
    # Two persons at right angles: normalised they are the root of two apart, beyond any margin.
    apart = torch.tensor([[1.0, 0, 0], [1.0, 0, 0], [0, 1.0, 0], [0, 1.0, 0]])
    owners = torch.tensor([0, 0, 1, 1])
    # Columns 0 and 1 are opposite, column 2 is silent: one pair of three.
    assert slice_loss(apart, owners).item() == pytest.approx(1 / 3, abs=1e-5)
    # Other owners, of the very same embeddings: pairs at right angles, squared distance 2, and
    # of each slice's two rivals one at the same place, all of the margin short.
    crossed = slice_loss(apart, torch.tensor([0, 1, 0, 1])).item()
    assert crossed == pytest.approx((2 + 0.5**2 / 3) / 2 + 1 / 3, abs=1e-3)


def test_columns_that_say_the_same_cost() -> None:
    torch.manual_seed(0)
    owners = torch.arange(200) // 2
    independent = torch.randn(200, 4)
    alike = independent[:, :1].expand(-1, 4)
    assert slice_loss(alike, owners) > slice_loss(independent, owners) + 0.5


def new_model() -> BehaviourModel:
    torch.manual_seed(0)
    settings = ModelSettings(architecture="gru", size="tiny", max_length=EVENTS, dropout=0)
    return plain_sequences._new_model(settings, NUM_ITEMS, None)


def embedded(model: BehaviourModel, slices: Slices) -> torch.Tensor:
    states = model.states(slices.batch, model.item_inputs(slices.batch.items_BT))
    return person_embeddings(states, slices.batch.lengths_B)


def share_found(model: BehaviourModel) -> float:
    """How many slices have the other one of the same person as their nearest."""
    slices = cut(99)
    with torch.inference_mode():
        vectors = torch.nn.functional.normalize(embedded(model, slices), dim=1)
    near = (vectors @ vectors.T).fill_diagonal_(-2).argmax(dim=1)
    return float((slices.owners_S[near] == slices.owners_S).float().mean())


def test_slices_of_one_person_come_nearer_than_those_of_others() -> None:
    model = new_model()
    assert share_found(model) < 0.8
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for step in range(60):
        slices = cut(step)
        optimizer.zero_grad()
        slice_loss(embedded(model, slices), slices.owners_S).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    assert share_found(model) == 1.0
