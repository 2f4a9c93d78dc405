from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from habitue.actions.blend import choose_blend
from habitue.actions.targets import Window
from habitue.baselines import item_recommender
from habitue.baselines.item_recommender import ITEM_MODELS, ItemRecommender, wants_item_models
from habitue.baselines.next_item import ItemKnn, ItemToItemModel, Markov
from habitue.baselines.popularity import Popularity
from habitue.baselines.transitions import Ease, LinearTransitions
from habitue.sequences.sequences import Sequences
from tests.histories import Event, day, make_sequences, with_future

RING = 12
RECIPES = [
    Markov(),
    ItemKnn(),
    Ease(penalty=1),
    LinearTransitions(penalty=1),
    LinearTransitions(penalty=1, max_dense_items=2),
]


def walkers(num: int = 80) -> Sequences:
    """Persons who buy the next item of a ring each day."""
    rng = np.random.default_rng(0)
    histories: list[list[Event]] = []
    for first in rng.integers(RING, size=num):
        histories.append([(float(step), int(first + step) % RING) for step in range(1, 8)])
    return make_sequences(histories)


def fitted(recipe: ItemToItemModel) -> ItemRecommender:
    return ItemRecommender.fit(recipe, [walkers()], num_items=RING, as_of=day(7))


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_rows_are_probabilities_or_zeros(recipe: ItemToItemModel) -> None:
    asked = make_sequences([[(1, 0), (2, 1)], []])
    scores = fitted(recipe).scores(asked, as_of=day(7))
    assert scores.min() >= 0
    assert scores.sum(axis=1) == pytest.approx([1, 0], abs=1e-5)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_the_future_changes_nothing(recipe: ItemToItemModel) -> None:
    later = ItemRecommender.fit(
        recipe, [with_future(walkers(), day(7), num_items=RING)], num_items=RING, as_of=day(7)
    )
    asked = with_future(walkers(), day(7), num_items=RING)
    expected = fitted(recipe).scores(walkers(), as_of=day(7))
    assert np.array_equal(later.scores(asked, as_of=day(7)), expected)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_it_is_read_back_as_it_was_written(recipe: ItemToItemModel, tmp_path: Path) -> None:
    made = fitted(recipe)
    made.save(tmp_path)
    read = ItemRecommender.load(tmp_path, made.name)
    asked = walkers(5)
    expected = made.scores(asked, as_of=day(7))
    assert np.array_equal(read.scores(asked, as_of=day(7)), expected)


def test_a_blend_prefers_the_one_that_looks_at_order() -> None:
    ring = fitted(LinearTransitions(penalty=1))
    popular = Popularity.fit([walkers()], num_items=RING, as_of=day(7))
    blend = choose_blend(
        [popular, ring], [walkers()], Window(day(7), day(8)), num_items=RING,
        target_types=("purchase",),
    )  # fmt: skip
    assert blend.weights[1] > blend.weights[0]
    assert blend.report.blend_ndcg > 0.9


def test_only_the_strongest_entries_of_each_item_are_kept() -> None:
    recipe = LinearTransitions(penalty=1)
    whole = fitted(recipe).model.matrix
    kept = ItemRecommender.fit(
        recipe, [walkers()], num_items=RING, as_of=day(7), row_entries=3
    ).model.matrix
    assert isinstance(whole, np.ndarray)
    assert isinstance(kept, sparse.csr_array)
    assert kept.indices.dtype == np.int32
    for row, entries in zip(whole, kept.toarray(), strict=True):
        strongest = np.argsort(np.abs(row))[-3:]
        assert np.array_equal(np.flatnonzero(entries), np.sort(strongest))
        assert np.array_equal(entries[strongest], row[strongest])


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_sparse_scores_are_the_scores_without_zeros(recipe: ItemToItemModel) -> None:
    asked = make_sequences([[(1, 0), (2, 1)], [], [(3, 5)]])
    made = fitted(recipe)
    few = made.sparse_scores(asked, as_of=day(7))
    assert (few.data > 0).all()
    assert np.array_equal(few.toarray(), made.scores(asked, as_of=day(7)))


@pytest.mark.parametrize("recipe", ITEM_MODELS, ids=lambda recipe: recipe.name)
def test_bots_teach_nothing(recipe: ItemToItemModel) -> None:
    people = walkers()
    steps: list[list[Event]] = [[(float(step), 7 * step % RING) for step in range(1, 7)]] * 9
    machine = make_sequences(steps, bots=range(9), subject_ids=range(1000, 1009))
    alone, beside = (
        ItemRecommender.fit(recipe, batches, num_items=RING, as_of=day(7), row_entries=200)
        for batches in ([people], [people, machine])
    )
    asked = walkers(5)
    expected = alone.scores(asked, as_of=day(7))
    assert np.array_equal(beside.scores(asked, as_of=day(7)), expected)


def test_of_too_many_events_the_same_persons_speak_however_batches_are_cut(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(item_recommender, "_MAX_EVENTS", 200)
    people = walkers(300)
    whole = ItemRecommender.fit(Markov(), [people], num_items=RING, as_of=day(7))
    pieces = [people.slice(start, start + 50) for start in range(0, 300, 50)]
    cut = ItemRecommender.fit(Markov(), pieces, num_items=RING, as_of=day(7))
    assert isinstance(whole.model.matrix, sparse.csr_array)
    assert isinstance(cut.model.matrix, sparse.csr_array)
    assert np.array_equal(whole.model.matrix.toarray(), cut.model.matrix.toarray())
    assert 50 < whole.model.matrix.sum() <= 200


@pytest.mark.parametrize(
    ("setting", "share", "num_items", "expected"),
    [
        ("auto", 0.0, 20_000, True),
        ("auto", 0.0, 20_001, False),
        ("auto", 0.02, 100, False),
        ("on", 0.5, 50_000, True),
        ("off", 0.0, 100, False),
    ],
)
def test_who_does_not_repeat_and_has_few_items_gets_them(
    setting: str, share: float, num_items: int, expected: bool
) -> None:
    assert wants_item_models(setting, share, num_items=num_items) is expected
