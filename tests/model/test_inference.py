from dataclasses import replace

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

from habitue.model import inference
from habitue.model.fit import TrainedNetwork
from habitue.model.inference import Network
from habitue.schema import DAY, HOUR, SECOND
from habitue.sequences.encoder import encode
from habitue.sequences.sequences import Sequences
from tests.model.conftest import Lab


@pytest.fixture(scope="module")
def network(trained: TrainedNetwork) -> Network:
    return trained.network


def answers(network: Network, sequences: Sequences, as_of: int) -> list[npt.NDArray[np.float32]]:
    return [
        network.embed(sequences, as_of=as_of),
        network.scores(sequences, as_of=as_of),
        network.next_event_type(sequences, as_of=as_of).values,
        network.next_category(sequences, as_of=as_of).values,
    ]


def test_answers_are_probabilities(lab: Lab, network: Network) -> None:
    scores = network.scores(lab.sequences, as_of=lab.as_of)
    assert scores.shape == (len(lab.sequences), lab.vocabulary.num_items)
    assert scores.dtype == np.float32
    assert scores.min() >= 0
    for values in answers(network, lab.sequences, lab.as_of)[1:]:
        np.testing.assert_allclose(values.sum(axis=1), 1, atol=1e-4)


def test_embeddings_are_as_wide_as_said(lab: Lab, network: Network) -> None:
    embedded = network.embed(lab.sequences, as_of=lab.as_of)
    assert embedded.shape == (len(lab.sequences), network.dim)
    assert embedded.dtype == np.float32
    assert np.isfinite(embedded).all()


def test_who_has_no_event_before_the_moment_gets_zeros(lab: Lab, network: Network) -> None:
    first_at = lab.sequences.timestamps[lab.sequences.offsets[:-1]]
    as_of = int(np.median(first_at))
    nothing = first_at >= as_of
    assert 0 < nothing.sum() < len(nothing)
    for values in answers(network, lab.sequences, as_of):
        assert not values[nothing].any()
        assert values[~nothing].any(axis=1).all()


def test_nobody_is_answered_with_nothing(lab: Lab, network: Network) -> None:
    for values in answers(network, lab.sequences.take([]), lab.as_of):
        assert len(values) == 0


def test_future_events_change_no_answer(lab: Lab, network: Network) -> None:
    as_of = lab.as_of - 30 * DAY
    past = lab.shop.events.filter(pl.col("timestamp") < as_of)
    then = encode(past, lab.shop.items, lab.vocabulary)
    whole = encode(lab.shop.events, lab.shop.items, lab.vocabulary)
    rows = np.flatnonzero(np.isin(whole.subject_ids, then.subject_ids))
    for early, late in zip(
        answers(network, then, as_of), answers(network, whole, as_of), strict=True
    ):
        np.testing.assert_allclose(late[rows], early, atol=1e-5)


def test_an_event_at_the_moment_itself_is_not_read(lab: Lab, network: Network) -> None:
    last_at = int(lab.sequences.timestamps[lab.sequences.offsets[1] - 1])
    person = lab.sequences.take([0])
    kept, dropped = (network.embed(person, as_of=at) for at in (last_at + 1, last_at))
    shorter = network.embed(person.before(last_at), as_of=last_at + 1)
    np.testing.assert_array_equal(dropped, shorter)
    assert np.abs(kept - dropped).max() > 1e-3


def test_one_person_alone_is_answered_as_in_the_batch(lab: Lab, network: Network) -> None:
    together = answers(network, lab.sequences, lab.as_of)
    for row in (0, 7, 100):
        alone = answers(network, lab.sequences.take([row]), lab.as_of)
        for one, everyone in zip(alone, together, strict=True):
            np.testing.assert_allclose(one[0], everyone[row], atol=1e-5)


@pytest.mark.parametrize("company", [[0], [7, 3], [100, 1, 2, 60, 61], list(range(90, 130))])
def test_who_else_is_asked_about_changes_no_bit_of_a_gist(
    lab: Lab, network: Network, company: list[int]
) -> None:
    everyone = network.gist(lab.sequences, as_of=lab.as_of).take(np.array(company))
    alone = network.gist(lab.sequences.take(company), as_of=lab.as_of)
    for one, other in zip(vars(alone).values(), vars(everyone).values(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_gist_that_is_handed_over_answers_as_one_made_anew(lab: Lab, network: Network) -> None:
    gist = network.gist(lab.sequences, as_of=lab.as_of)
    for ask in (network.scores, network.embed):
        anew = ask(lab.sequences, as_of=lab.as_of)
        np.testing.assert_array_equal(ask(lab.sequences, as_of=lab.as_of, gist=gist), anew)


def test_mean_states_of_one_window_are_the_mean_in_an_embedding(lab: Lab, network: Network) -> None:
    width = network.model.shape.width
    found = network.mean_states(lab.sequences, as_of=lab.as_of, windows=1)
    embedded = network.embed(lab.sequences, as_of=lab.as_of)
    np.testing.assert_allclose(found, embedded[:, width:], atol=1e-5)


def test_mean_states_look_back_over_as_many_windows_as_asked(lab: Lab, network: Network) -> None:
    length = network.model.shape.settings.max_length
    known = lab.sequences.before(lab.as_of)
    row = int(np.argmax(known.lengths))
    person, count = known.take([row]), int(known.lengths[row])
    assert length < count
    ends = [count, count - length]
    states, weights = [], []
    for end in ends:
        cut = int(person.timestamps[end]) if end < count else lab.as_of
        part = person.before(cut).last(length)
        states.append(network.embed(part, as_of=lab.as_of)[0, network.model.shape.width :])
        weights.append(len(part.timestamps))
    expected = np.average(states, axis=0, weights=weights)
    found = network.mean_states(person, as_of=lab.as_of, windows=2)[0]
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_mean_states_know_nothing_of_the_future(lab: Lab, network: Network) -> None:
    as_of = lab.as_of - 30 * DAY
    past = lab.shop.events.filter(pl.col("timestamp") < as_of)
    then = encode(past, lab.shop.items, lab.vocabulary)
    whole = encode(lab.shop.events, lab.shop.items, lab.vocabulary)
    early = network.mean_states(then, as_of=as_of, windows=4)
    late = network.mean_states(whole, as_of=as_of, windows=4)
    rows = np.isin(whole.subject_ids, then.subject_ids)
    np.testing.assert_allclose(late[rows], early, atol=1e-5)
    assert not late[~rows].any()


def test_only_the_last_events_are_looked_at(lab: Lab, network: Network) -> None:
    length = network.model.shape.settings.max_length
    for whole, cut in zip(
        answers(network, lab.sequences, lab.as_of),
        answers(network, lab.sequences.last(length), lab.as_of),
        strict=True,
    ):
        np.testing.assert_allclose(cut, whole, atol=1e-5)


def favourite_rows(lab: Lab) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.str_]]:
    """Return, for each person, which items are of the category they love, and of any other."""
    category = dict(zip(lab.shop.items["item_id"], lab.shop.items["category"], strict=True))
    of_item = np.array([category[item] for item in lab.vocabulary.item_ids])
    loved = np.array([lab.shop.favourite[int(s)] for s in lab.sequences.subject_ids])
    return of_item[None, :] == loved[:, None], loved


def test_the_category_a_person_loves_is_ranked_up(lab: Lab, network: Network) -> None:
    is_loved, _ = favourite_rows(lab)
    scores = network.scores(lab.sequences, as_of=lab.as_of)
    busy = lab.sequences.lengths >= 20
    mass = (scores * is_loved).sum(axis=1)[busy]
    assert busy.sum() > 100
    # The truth is a half, plus a sixth of the other half; without knowing the person a sixth.
    assert mass.mean() > 0.4
    assert (mass > 1 / 6).mean() > 0.9


def test_the_next_category_follows_the_one_a_person_loves(lab: Lab, network: Network) -> None:
    _, loved = favourite_rows(lab)
    found = network.next_category(lab.sequences, as_of=lab.as_of)
    assert set(found.labels) == {"outdoor", "home", "toys"}
    busy = lab.sequences.lengths >= 20
    best = np.array(found.labels)[found.values.argmax(axis=1)]
    top_of_loved = np.array([path.split("/")[0] for path in loved])
    assert (best == top_of_loved)[busy].mean() > 0.8


def test_groups_of_items_have_the_chances_of_their_items(
    lab: Lab, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = lab.sequences.take(np.arange(12))
    scores = network.scores(few, as_of=lab.as_of)
    groups = np.arange(lab.vocabulary.num_items) % 4 - 1  # every fourth is of no group
    sums = np.stack([scores[:, groups == one].sum(axis=1) for one in range(3)], axis=1)
    expected = np.c_[sums, np.zeros(len(few))] / sums.sum(axis=1, keepdims=True)
    found = network.next_group(few, groups, num_groups=4, as_of=lab.as_of)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    monkeypatch.setattr(inference, "_CHANCES_AT_ONCE", 5 * lab.vocabulary.num_items)
    in_pieces = network.next_group(few, groups, num_groups=4, as_of=lab.as_of)
    np.testing.assert_allclose(in_pieces, found, atol=1e-5)
    nothing = network.next_group(few, np.full_like(groups, -1), num_groups=4, as_of=lab.as_of)
    assert not nothing.any()


def test_unknown_items_are_known_by_their_content(lab: Lab, network: Network) -> None:
    """Everything a person saw is new to the network; what kind it is, is not."""
    renamed = lab.shop.items.with_columns(item_id=pl.format("NEW{}", "item_number"))
    past = lab.shop.events.filter(pl.col("timestamp") < lab.as_of)
    strangers = encode(past, renamed, lab.vocabulary)
    assert (strangers.items > lab.vocabulary.num_items).all()
    scores = network.scores(strangers, as_of=lab.as_of)
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-4)
    is_loved, _ = favourite_rows(lab)
    busy = strangers.lengths >= 20
    assert (scores * is_loved).sum(axis=1)[busy].mean() > 0.3  # a sixth at random


def test_events_without_any_item_are_answered(lab: Lab, network: Network) -> None:
    nothing = replace(lab.sequences, items=np.zeros_like(lab.sequences.items))
    scores = network.scores(nothing, as_of=lab.as_of)
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-4)


def test_the_pause_so_far_changes_what_is_expected_next(lab: Lab, network: Network) -> None:
    viewed = lab.sequences.event_types[lab.sequences.offsets[1:] - 1] == 1
    last_at = lab.sequences.timestamps[lab.sequences.offsets[1:] - 1]
    bought: dict[int, list[float]] = {SECOND: [], 12 * HOUR: []}
    for row in np.flatnonzero(viewed)[:40]:
        for pause, chances in bought.items():
            found = network.next_event_type(
                lab.sequences.take([row]), as_of=int(last_at[row]) + pause
            )
            chances.append(float(found.values[0, found.labels.index("purchase")]))
    # In the made-up shop a visit begins with a view, and a purchase follows a view at once.
    assert np.mean(bought[SECOND]) > 0.15
    assert np.mean(bought[12 * HOUR]) < 0.05


def test_a_network_says_who_it_is(network: Network, lab: Lab) -> None:
    assert network.name == "network"
    assert network.version == ""
    assert network.vocabulary_fingerprint == lab.vocabulary.fingerprint
