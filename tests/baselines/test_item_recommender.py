from pathlib import Path

import numpy as np
import pytest

from habitue.actions.blend import choose_blend
from habitue.actions.targets import Window
from habitue.baselines.item_recommender import ItemRecommender
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
