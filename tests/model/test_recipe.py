"""What the settings leave open is decided by the log, and what somebody set stays."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from habitue.config import ModelSettings, TrainingSettings
from habitue.model.helping import Work
from habitue.model.plain_sequences import PLAIN_TRAINING
from habitue.model.recipe import MOST_EPOCHS, settled_model, settled_training, without_repeats
from habitue.sequences.batches import TrainingSpan, training_span
from habitue.sequences.sequences import Sequences
from tests.model.conftest import Lab

BARE = ModelSettings(architecture="sasrec", repeats=False)


def once_each(lab: Lab) -> Sequences:
    """The same persons, each event of another item than the person's earlier ones."""
    few = lab.few.last(min(lab.vocabulary.num_items, int(lab.few.lengths.max())))
    place = np.arange(few.num_events) - np.repeat(few.offsets[:-1], few.lengths)
    return replace(few, items=(place % lab.vocabulary.num_items + 1).astype(np.int32))


def span_of(lab: Lab) -> TrainingSpan:
    return training_span(
        lab.few,
        num_items=lab.vocabulary.num_items,
        valid_from=lab.valid_from,
        max_person_events=1000,
    )


def settled(lab: Lab, given: dict[str, object], *, num_items: int = 100) -> TrainingSettings:
    training = TrainingSettings.model_validate(given)
    return settled_training(training, BARE, span_of(lab), num_items=num_items)


def test_the_log_decides_whether_the_network_looks_for_repeats(lab: Lab) -> None:
    def found(sequences: Sequences, **given: object) -> tuple[object, ...]:
        model = ModelSettings.model_validate({"architecture": "sasrec", **given})
        known = settled_model(
            model, sequences, num_items=lab.vocabulary.num_items, before=lab.valid_from
        )
        return known.repeats, known.dropout, known.high_pass, known.width

    assert found(lab.few) == (True, 0.2, 0.0, 0)
    once = once_each(lab)
    assert found(once) == (False, 0.5, 0.7, 96)
    assert found(once, architecture="transformer") == (False, 0.5, 0.7, 96)
    assert found(once, repeats=True) == (True, 0.2, 0.0, 0)
    assert found(once, dropout=0, high_pass=0.1) == (False, 0, 0.1, 96)
    assert found(once, width=48) == (False, 0.5, 0.7, 48)
    assert found(once, size="tiny") == (False, 0.5, 0.7, 0)


def test_a_network_trained_without_repeats_says_so_itself(lab: Lab, tmp_path: Path) -> None:
    once = TrainingSettings(epochs=1)
    pointing = lab.train(tmp_path / "a", training=once).network.model
    assert pointing.shape.settings.repeats is True
    assert hasattr(pointing, "repeats")
    trained = lab.train(tmp_path / "b", training=once, sequences=once_each(lab))
    assert trained.network.model.shape.settings.repeats is False
    assert not hasattr(trained.network.model, "repeats")


def test_without_repeats_a_shop_learns_as_the_published_benchmarks_do(lab: Lab) -> None:
    found = settled(lab, {})
    for name in ("loss", "epochs", "patience", "batch_events", "later_items", "negatives"):
        assert getattr(found, name) == getattr(PLAIN_TRAINING, name), name


def test_with_repeats_nothing_is_changed(lab: Lab) -> None:
    training = TrainingSettings()
    model = ModelSettings(repeats=True)
    assert settled_training(training, model, span_of(lab), num_items=100) is training


@pytest.mark.parametrize(
    "given",
    [{"batch_events": 6400}, {"loss": "sampled"}, {"epochs": 2}, {"later_items": 0.0}],
)
def test_what_somebody_set_stays(lab: Lab, given: dict[str, object]) -> None:
    found = settled(lab, given)
    assert {name: getattr(found, name) for name in given} == given


def test_epochs_left_open_in_so_many_words_are_left_to_the_log(lab: Lab) -> None:
    assert settled(lab, {"epochs": 0}).epochs == MOST_EPOCHS


def test_a_large_catalogue_is_learnt_against_drawn_rivals(lab: Lab) -> None:
    found = settled(lab, {}, num_items=20_001)
    assert (found.loss, found.negatives) == ("sampled", 2048)


@pytest.mark.parametrize(
    ("num_targets", "num_items", "epochs"),
    [(0, 10, 30), (131_413, 10, 30), (450_000, 10, 10), (9_000_000, 10, 4), (750_000, 43_000, 20)],
)
def test_a_longer_log_is_gone_through_less_often(
    num_targets: int, num_items: int, epochs: int
) -> None:
    assert without_repeats(num_targets=num_targets, num_items=num_items)["epochs"] == epochs


def test_other_processes_of_a_training_leave_the_same_to_the_log(lab: Lab) -> None:
    """What travels must not look as if somebody had set it."""
    work = Work(Path("a"), Path("b"), Path("c"), BARE, TrainingSettings(seed=3), 1, 2)
    told = Work.from_json(work.as_json())
    assert told.training.model_fields_set == {"seed"}
    assert told.model.model_fields_set == {"architecture", "repeats"}
