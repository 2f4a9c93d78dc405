import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
import torch

from habitue.compute import Silent
from habitue.config import ModelSettings, TrainingSettings
from habitue.errors import Failed, NotEnoughData
from habitue.model.behaviour import BehaviourModel
from habitue.model.fit import TrainedNetwork
from habitue.model.inference import Gist, Network
from habitue.model.objectives import behaviour_loss
from habitue.model.train import CURVE_FILE, train_network
from habitue.sequences.encoder import encode
from habitue.sequences.sequences import Sequences
from habitue.sequences.vocabulary import event_type_number
from tests.model.conftest import TINY, Lab

SHORT = TrainingSettings(epochs=2)


def weights(trained: TrainedNetwork) -> dict[str, torch.Tensor]:
    return trained.network.model.state_dict()


def equal(left: TrainedNetwork, right: TrainedNetwork) -> bool:
    return all(torch.equal(value, weights(right)[name]) for name, value in weights(left).items())


@pytest.mark.parametrize("architecture", ["transformer", "gru"])
def test_the_same_seed_gives_the_same_weights_bit_by_bit(
    lab: Lab, tmp_path: Path, architecture: str
) -> None:
    model = TINY.model_copy(update={"architecture": architecture})
    first = lab.train(tmp_path / "a", model=model, training=SHORT)
    torch.manual_seed(99)  # what was drawn before must not matter
    torch.rand(5)
    second = lab.train(tmp_path / "b", model=model, training=SHORT)
    assert equal(first, second)
    other = lab.train(tmp_path / "c", model=model, training=TrainingSettings(epochs=2, seed=1))
    assert not equal(first, other)


def test_training_leaves_the_callers_random_numbers_alone(lab: Lab, tmp_path: Path) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    lab.train(tmp_path, training=TrainingSettings(epochs=1))
    assert torch.equal(torch.rand(3), expected)


def test_future_events_change_no_weight(lab: Lab, tmp_path: Path) -> None:
    """Events from `as_of` on may stand in the sequences; nothing reads them."""
    everything = encode(lab.shop.events, lab.shop.items, lab.vocabulary)
    everything = everything.take(
        np.flatnonzero(np.isin(everything.subject_ids, lab.few.subject_ids))
    )
    assert len(everything) == len(lab.few)
    assert everything.num_events > lab.few.num_events
    before = lab.train(tmp_path / "a", training=SHORT)
    after = lab.train(tmp_path / "b", training=SHORT, sequences=everything)
    assert equal(before, after)
    assert [line.valid_ndcg for line in before.curve] == [line.valid_ndcg for line in after.curve]


def test_the_validation_window_is_not_learnt_from(lab: Lab, tmp_path: Path) -> None:
    """Other events in the window may choose another epoch, but each epoch stays the same."""
    shuffled = lab.few.items.copy()
    late = lab.few.timestamps >= lab.valid_from
    shuffled[late] = np.random.default_rng(0).permutation(shuffled[late])
    once = TrainingSettings(epochs=1)
    changed = replace(lab.few, items=shuffled)
    assert equal(
        lab.train(tmp_path / "a", training=once),
        lab.train(tmp_path / "b", training=once, sequences=changed),
    )


def test_the_learning_curve_is_written_line_by_line(lab: Lab, tmp_path: Path) -> None:
    trained = lab.train(tmp_path, training=SHORT)
    lines = [json.loads(line) for line in (tmp_path / CURVE_FILE).read_text().splitlines()]
    assert lines == [line.as_json() for line in trained.curve]
    assert [line["epoch"] for line in lines] == [1, 2]
    assert {"step", "events", "train_loss", "valid_ndcg@10", "valid_recall@10", "seconds"} <= set(
        lines[0]
    )
    early = lab.few.before(lab.valid_from).lengths
    per_epoch = int((early[early >= 2] - 1).sum())
    assert [line["events"] for line in lines] == [per_epoch, 2 * per_epoch]


def test_progress_counts_events_and_tells_of_the_loss(lab: Lab, tmp_path: Path) -> None:
    notes: list[str] = []
    amounts: list[int] = []

    class Told(Silent):
        def advance(self, amount: int = 1, note: str = "") -> None:
            amounts.append(amount)
            notes.append(note)

    train_network(
        lab.few,
        lab.vocabulary,
        model=TINY,
        training=SHORT,
        valid_from=lab.valid_from,
        as_of=lab.as_of,
        progress=Told(),
        folder=tmp_path,
    )
    assert any("loss" in note and "ndcg@10" in note for note in notes)
    assert (
        sum(amounts) == json.loads((tmp_path / CURVE_FILE).read_text().splitlines()[-1])["events"]
    )


def test_the_weights_kept_are_those_of_the_best_epoch(lab: Lab, trained: TrainedNetwork) -> None:
    best = trained.curve[trained.best_epoch - 1]
    assert best.valid_ndcg == max(line.valid_ndcg for line in trained.curve)
    assert lab.validation().measure(trained.network).ndcg == pytest.approx(
        best.valid_ndcg, abs=1e-6
    )


def test_it_stops_when_nothing_is_gained(lab: Lab, tmp_path: Path) -> None:
    still = TrainingSettings(epochs=30, patience=2, learning_rate=1e-12)
    trained = lab.train(tmp_path, training=still)
    assert trained.best_epoch == 1
    assert len(trained.curve) == 3


def test_a_small_log_gets_more_passes_and_smaller_batches(lab: Lab, tmp_path: Path) -> None:
    few = lab.few.slice(0, 4)
    patient = TrainingSettings(patience=100)
    trained = lab.train(tmp_path, training=patient, sequences=few)
    assert len(trained.curve) == 40
    assert trained.curve[-1].step >= 40


class Popularity(Network):
    """Ranks every person's items by how often all persons wanted them."""

    def __init__(self, lab: Lab) -> None:
        past = lab.sequences.before(lab.valid_from)
        counts = np.bincount(past.items, minlength=lab.vocabulary.num_items + 1)[1:]
        self.share = (counts / counts.sum()).astype(np.float32)

    def scores(
        self, sequences: Sequences, *, as_of: int, gist: Gist | None = None
    ) -> npt.NDArray[np.float32]:
        return np.tile(self.share, (len(sequences), 1))


def test_it_beats_popularity_clearly(lab: Lab, trained: TrainedNetwork) -> None:
    validation = lab.validation()
    popular = validation.measure(Popularity(lab))
    network = validation.measure(trained.network)
    assert popular.ndcg > 0.3  # a rival worth beating
    assert network.ndcg > 1.2 * popular.ndcg
    assert network.recall > popular.recall


def test_steps_that_are_not_finite_are_skipped_and_counted(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = iter(range(10**6))

    def sometimes_broken(*args: object) -> torch.Tensor:
        loss = behaviour_loss(*args)  # type: ignore[arg-type]
        return loss * float("nan") if next(calls) % 5 == 2 else loss

    monkeypatch.setattr("habitue.model.fit.behaviour_loss", sometimes_broken)
    trained = lab.train(tmp_path, training=SHORT)
    steps = trained.curve[-1].step
    assert trained.skipped_steps == trained.curve[-1].skipped_steps > 0
    assert steps + trained.skipped_steps == next(calls)
    assert all(torch.isfinite(value).all() for value in weights(trained).values())


def test_three_such_steps_in_a_row_bring_back_the_epochs_beginning(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = iter(range(10**6))
    seen: list[torch.Tensor] = []

    def broken_for_a_while(model: BehaviourModel, *args: object) -> torch.Tensor:
        loss = behaviour_loss(model, *args)  # type: ignore[arg-type]
        seen.append(model.gap_head.weight.detach().clone())
        return loss * float("nan") if next(calls) in (4, 5, 6) else loss

    monkeypatch.setattr("habitue.model.fit.behaviour_loss", broken_for_a_while)
    trained = lab.train(tmp_path, training=SHORT)
    assert (trained.skipped_steps, trained.rollbacks) == (3, 1)
    assert torch.equal(seen[7], seen[0])
    assert not torch.equal(seen[6], seen[0])
    assert all(torch.isfinite(value).all() for value in weights(trained).values())


def test_a_loss_that_stays_infinite_stops_training(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "habitue.model.fit.behaviour_loss", lambda *args: behaviour_loss(*args) * float("inf")
    )
    with pytest.raises(Failed, match=r"not finite in 10 training steps in a row.*learning_rate"):
        lab.train(tmp_path, training=SHORT)


def test_nobody_to_learn_from_is_said(lab: Lab, tmp_path: Path) -> None:
    with pytest.raises(NotEnoughData, match="Nobody has an event followed by one with a known"):
        lab.train(tmp_path, sequences=lab.sequences.last(1))


def test_without_anybody_to_validate_on_it_trains_all_the_same(lab: Lab, tmp_path: Path) -> None:
    trained = lab.train(tmp_path, training=SHORT, sequences=lab.few.before(lab.valid_from))
    assert trained.num_validation_persons == 0
    assert trained.best_epoch == 2


def test_bots_are_neither_learnt_from_nor_asked_about(lab: Lab, tmp_path: Path) -> None:
    is_bot = np.zeros(len(lab.few), dtype=np.bool_)
    is_bot[::2] = True
    flagged = lab.train(tmp_path / "a", training=SHORT, sequences=replace(lab.few, is_bot=is_bot))
    absent = lab.train(
        tmp_path / "b", training=SHORT, sequences=lab.few.take(np.flatnonzero(~is_bot))
    )
    assert flagged.num_validation_persons == absent.num_validation_persons
    assert equal(flagged, absent)


def test_a_bare_log_of_items_and_times_can_be_learnt(lab: Lab, tmp_path: Path) -> None:
    """No prices, categories, brands, names, platforms; one item a person at the least."""
    bare = lab.shop.events.with_columns(
        price=pl.lit(None, dtype=pl.Float64),
        platform=pl.lit(None, dtype=lab.shop.events["platform"].dtype),
    )
    sequences = encode(
        bare.filter(pl.col("timestamp") < lab.as_of), lab.shop.items[:0], lab.vocabulary
    )
    assert not sequences.items.any()
    with pytest.raises(NotEnoughData, match="known item"):
        lab.train(tmp_path, sequences=sequences)
    blank = {
        name: column * 0
        for name, column in lab.few.features.items()
        if name not in ("gap", "hour", "weekday")
    }
    plain = replace(lab.few, features=lab.few.features | blank)
    trained = lab.train(tmp_path, training=SHORT, sequences=plain)
    assert trained.network.model.shape.features == ("gap", "hour", "weekday")
    assert np.isfinite(trained.network.scores(plain, as_of=lab.as_of)).all()


def test_a_log_of_one_kind_of_event_can_be_learnt(lab: Lab, tmp_path: Path) -> None:
    purchases = np.full_like(lab.sequences.event_types, event_type_number("purchase"))
    trained = lab.train(
        tmp_path,
        model=ModelSettings(size="tiny", architecture="gru", max_length=5),
        training=TrainingSettings(epochs=1),
        sequences=replace(lab.sequences, event_types=purchases),
    )
    kinds = trained.network.next_event_type(lab.sequences, as_of=lab.as_of)
    assert kinds.values[:, kinds.labels.index("purchase")].min() > 0.9
