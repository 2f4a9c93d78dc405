from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
import torch

from habitue.compute import Silent
from habitue.config import ModelSettings, TrainingSettings
from habitue.model import plain_sequences
from habitue.model.behaviour import BehaviourModel
from habitue.model.fit import Run
from habitue.model.following import following_events
from habitue.model.inference import Network
from habitue.model.optimising import Average, pace, schedule
from habitue.model.plain_sequences import as_sequences
from habitue.model.validation import Quality
from habitue.sequences.batches import Windows, collate, training_span

NUM_ITEMS = 30
SETTINGS = TrainingSettings(
    epochs=2,
    samples="prefix",
    loss="full",
    hidden_items=0,
    category_weight=0,
    event_type_weight=0,
    gap_weight=0,
    next_visit=0,
)
MODEL = ModelSettings(architecture="sasrec", size="tiny", max_length=8, dropout=0, repeats=False)


class Nobody:
    num_persons = 0

    def measure(self, network: Network) -> Quality:
        return Quality(0.0, 0.0)


def new_run(training: TrainingSettings, *, model: ModelSettings = MODEL) -> Run:
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    persons = [rng.integers(1, NUM_ITEMS + 1, 7).astype(np.int32) for _ in range(40)]
    sequences = as_sequences(persons)
    span = training_span(sequences, num_items=NUM_ITEMS, valid_from=1 << 60, max_person_events=1000)
    network = Network(plain_sequences._new_model(model, NUM_ITEMS, None), (), "")
    return Run(network, sequences, span, Nobody(), training, Silent())


def learn(run: Run, starts: list[int], length: int = 4) -> float:
    run.model.train()
    run.at.steps_planned, run.at.rate = 10, run.training.learning_rate
    windows = Windows(np.array(starts), np.full(len(starts), length))
    batch = collate(run.sequences, windows, features=())
    rng = np.random.default_rng(0)
    following = following_events(run.sequences, run.span, batch, rng, run.training)
    return run._step(batch, following)


def weights_of(run: Run) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in run.model.state_dict().items()}


def test_two_batches_added_up_are_one_of_twice_the_size() -> None:
    starts = [7 * person for person in range(16)]
    whole = new_run(SETTINGS)
    learn(whole, starts)
    halves = new_run(SETTINGS.model_copy(update={"accumulate": 2}))
    before = weights_of(halves)
    learn(halves, starts[:8])
    assert all(torch.equal(value, before[name]) for name, value in weights_of(halves).items())
    learn(halves, starts[8:])
    assert whole.at.step == halves.at.step == 1
    for name, value in weights_of(halves).items():
        torch.testing.assert_close(value, weights_of(whole)[name], rtol=0, atol=1e-5)


def test_what_waits_at_an_epochs_end_is_learnt() -> None:
    run = new_run(SETTINGS.model_copy(update={"accumulate": 3, "batch_samples": 32}))
    trained = run.fit()  # 240 prefixes: 8 batches
    assert [line.step for line in trained.curve] == [3, 6]
    assert run.waiting == 0


def test_the_average_lies_between_the_weights_and_ends_where_they_stay() -> None:
    run = new_run(SETTINGS)
    average = Average(run.model, 0.9)
    first = [value.clone() for value in average.values]
    with torch.no_grad():
        for weight in run.model.parameters():
            weight.add_(1)
    average.update(1000)
    for value, begin in zip(average.values, first, strict=True):
        torch.testing.assert_close(value, begin + 0.1)
    for step in range(300):
        average.update(step + 1)
    for value, weight in zip(average.values, run.model.parameters(), strict=True):
        torch.testing.assert_close(value, weight.detach())


def test_the_average_stands_in_and_goes_again() -> None:
    run = new_run(SETTINGS)
    average = Average(run.model, 0.9)
    with torch.no_grad():
        run.model.item_bias.add_(5)
    with average.standing_in():
        assert float(run.model.item_bias.detach().abs().max()) < 1
    assert float(run.model.item_bias.detach().min()) > 4


def test_with_an_average_its_weights_are_kept() -> None:
    run = new_run(SETTINGS.model_copy(update={"ema": 0.99}))
    kept = run.fit().network.model.state_dict()
    assert run.average is not None
    names = [name for name, _ in run.model.named_parameters()]
    for name, value in zip(names, run.average.values, strict=True):
        torch.testing.assert_close(kept[name], value)


def matrices(model: BehaviourModel) -> torch.Tensor:
    named = model.backbone.named_parameters()
    chosen = [p.detach().flatten() for n, p in named if p.ndim > 1 and n.startswith("blocks")]
    return torch.cat(chosen)


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"weight_decay": 3.0}, matrices),
        ({"embedding_decay": 3.0}, lambda model: model.item_table.weight.detach()),
        ({"l1": 0.1}, matrices),
    ],
)
def test_penalties_make_weights_smaller(
    change: dict[str, float], part: Callable[[BehaviourModel], torch.Tensor]
) -> None:
    free, held = new_run(SETTINGS), new_run(SETTINGS.model_copy(update=change))
    for run in (free, held):
        for _ in range(8):
            learn(run, [7 * person for person in range(16)])
    assert part(held.model).abs().mean() < 0.995 * part(free.model).abs().mean()


def test_l1_makes_weights_zero() -> None:
    run = new_run(SETTINGS.model_copy(update={"l1": 1.0}))
    for _ in range(8):
        learn(run, [7 * person for person in range(16)])
    assert 0.01 < float((matrices(run.model) == 0).float().mean()) < 1


@pytest.mark.parametrize("loss", ["full", "sampled"])
def test_label_smoothing_is_the_cross_entropy_with_smoothed_labels(loss: str) -> None:
    settings = SETTINGS.model_copy(update={"loss": loss, "negatives": NUM_ITEMS})
    starts = [7 * person for person in range(16)]
    plain = learn(new_run(settings), starts)
    smooth = learn(new_run(settings.model_copy(update={"label_smoothing": 0.2})), starts)
    run = new_run(settings)
    windows = Windows(np.array(starts), np.full(len(starts), 4))
    batch = collate(run.sequences, windows, features=())
    with torch.inference_mode():
        states = run.model.last_states(batch, run.model.item_inputs(batch.items_BT))
        vectors = run.model.item_vectors(torch.arange(1, NUM_ITEMS + 1))
        logits = run.model.item_query(states) @ vectors.T + run.model.item_bias[1:]
    wanted = torch.from_numpy(run.sequences.items[np.array(starts) + 4].astype(np.int64)) - 1
    for found, share in ((plain, 0.0), (smooth, 0.2)):
        expected = torch.nn.functional.cross_entropy(logits, wanted, label_smoothing=share)
        assert found == pytest.approx(float(expected), abs=1e-5)


def test_the_schedule_rises_and_falls() -> None:
    shares = [schedule(step, 100) for step in range(101)]
    assert shares[:4] == [0.25, 0.5, 0.75, 1.0]
    assert max(shares) == 1.0
    assert shares[-1] == pytest.approx(0.01)
    assert all(left >= right for left, right in pairwise(shares[4:]))


def test_a_small_log_gets_more_epochs_and_smaller_batches() -> None:
    assert pace(3_200, TrainingSettings()) == (40, 256)
    assert pace(1_000_000, TrainingSettings()) == (3, 6400)
    assert pace(1_000_000, TrainingSettings(epochs=7)) == (7, 6400)


def test_later_items_are_asked_for_ever_less_and_not_at_all_in_the_end() -> None:
    run = new_run(SETTINGS.model_copy(update={"later_items": 0.4, "epochs": 10}))
    chances = [run._chance_of_later_items(epoch) for epoch in range(1, 11)]
    assert chances[0] == 0.4
    assert chances == sorted(chances, reverse=True)
    assert chances[7] > 0
    assert chances[8:] == [0, 0]


def test_changed_windows_are_learnt_from_and_their_targets_stay() -> None:
    change = {"crop": 0.5, "reorder": 0.5, "substitute": 0.2}
    run = new_run(SETTINGS.model_copy(update=change))
    plain = new_run(SETTINGS)
    windows = Windows(np.arange(20) * 7, np.full(20, 6))
    changed = run._batch(windows, np.random.default_rng(0))
    kept = plain._batch(windows, np.random.default_rng(0))
    assert not torch.equal(changed.items_BT[:, :4], kept.items_BT[:, :4])
    rng = np.random.default_rng(0)
    wanted, before = (
        following_events(one.sequences, one.span, batch, rng, SETTINGS).items_BQ
        for one, batch in ((run, changed), (plain, kept))
    )
    assert torch.equal(wanted, before)
    assert np.isfinite(run.fit().curve[-1].train_loss)
