from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
import torch

from habitue.config.learning import Architecture, ModelSettings
from habitue.model.behaviour import BehaviourModel
from habitue.model.fit import TrainedNetwork
from habitue.model.inference import Network
from habitue.model.remembering import Memory, RememberingNetwork, fingerprints
from habitue.schema import DAY, SECOND
from habitue.sequences.sequences import Sequences
from tests.model.conftest import Lab


@pytest.fixture(scope="module")
def network(trained: TrainedNetwork) -> Network:
    return trained.network


def remembered(network: Network, sequences: Sequences, as_of: int) -> Memory:
    thinking = RememberingNetwork(network)
    thinking.look(sequences, as_of=as_of)
    assert thinking.recomputed == len(sequences)
    return thinking.memory


def changed(sequences: Sequences, row: int, **columns: int) -> Sequences:
    """The same persons, of whom one's last event has other numbers."""
    found, place = sequences, int(sequences.offsets[row + 1]) - 1
    for name, step in columns.items():
        if name in sequences.features:
            column = sequences.features[name].copy()
            found = replace(found, features={**found.features, name: column})
        else:
            column = getattr(found, name).copy()
            found = replace(found, **{name: column})
        column[place] += step
    return found


def test_a_memory_is_the_same_after_it_was_a_table(lab: Lab, network: Network) -> None:
    memory = remembered(network, lab.few, lab.as_of)
    again = Memory.of_frame(memory.frame(), network.model.shape.width)
    np.testing.assert_array_equal(again.subject_ids, memory.subject_ids)
    assert again.fingerprints == memory.fingerprints
    for one, other in zip(vars(again.gist).values(), vars(memory.gist).values(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_nobody_is_remembered_in_an_empty_table(network: Network) -> None:
    width = network.model.shape.width
    assert Memory.of_frame(Memory.empty(width).frame(), width).fingerprints == []


@pytest.mark.parametrize(
    "change",
    [
        {"items": 1},
        {"event_types": 1},
        {"timestamps": -3 * SECOND},
        {"dwell": 1},
        {"price": 1},
        {"category_1": 1},
        {"platform": 1},
    ],
)
def test_whatever_the_network_looks_at_is_noticed(
    lab: Lab, network: Network, change: dict[str, int]
) -> None:
    now = changed(lab.few, 5, **change)
    before = fingerprints(network, lab.few, as_of=lab.as_of)
    after = fingerprints(network, now, as_of=lab.as_of)
    differing = [
        row for row, (one, two) in enumerate(zip(before, after, strict=True)) if one != two
    ]
    assert differing == [5]


def test_only_who_changed_is_thought_of_anew_and_all_answers_are_the_networks(
    lab: Lab, network: Network
) -> None:
    kept = remembered(network, lab.few, lab.as_of)
    now = changed(changed(lab.few, 5, items=1), 17, event_types=1)
    # Some persons are new, and one of those of before is gone.
    now = now.take([*range(3, 40)])
    thinking = RememberingNetwork(network)
    thinking.begin(kept)
    thinking.look(now, as_of=lab.as_of)
    assert thinking.recomputed == 2
    for ask in ("scores", "embed"):
        told = getattr(thinking, ask)(now, as_of=lab.as_of)
        np.testing.assert_array_equal(told, getattr(network, ask)(now, as_of=lab.as_of))


def test_persons_are_found_whoever_is_asked_about_together(lab: Lab, network: Network) -> None:
    thinking = RememberingNetwork(network)
    thinking.begin(remembered(network, lab.few.take([*range(0, 40, 2)]), lab.as_of))
    thinking.look(lab.few, as_of=lab.as_of)
    assert thinking.recomputed == 20
    block = lab.few.slice(7, 12)
    told = thinking.scores(block, as_of=lab.as_of)
    np.testing.assert_allclose(told, network.scores(block, as_of=lab.as_of), atol=1e-7)


@pytest.mark.parametrize("high_pass", [0.0, 0.7])
@pytest.mark.parametrize("architecture", get_args(Architecture))
def test_of_every_architecture_nobody_changes_a_bit_of_another(
    lab: Lab, network: Network, architecture: Architecture, high_pass: float
) -> None:
    torch.manual_seed(0)
    chosen = {"architecture": architecture, "high_pass": high_pass, "size": "small"}
    settings = ModelSettings.model_validate({**chosen, "max_length": 100})
    model = BehaviourModel(replace(network.model.shape, settings=settings))
    other = Network(model, network.category_labels, network.vocabulary_fingerprint)
    together = other.gist(lab.sequences, as_of=lab.as_of)
    for company in ([0], [40, 3], [*range(70, 95)]):
        alone = other.gist(lab.sequences.take(company), as_of=lab.as_of)
        expected = together.take(np.array(company))
        for one, two in zip(vars(alone).values(), vars(expected).values(), strict=True):
            np.testing.assert_array_equal(one, two)


def test_a_pause_is_news_where_items_come_again(lab: Lab, network: Network) -> None:
    shape = network.model.shape
    assert shape.has_repeats
    assert shape.is_timed
    kept = remembered(network, lab.few, lab.as_of)
    thinking = RememberingNetwork(network)
    for pause, is_news in ((0, False), (4000 * DAY, True)):
        thinking.begin(kept)
        thinking.look(lab.few, as_of=lab.as_of + pause)
        assert (thinking.recomputed > 0) is is_news
