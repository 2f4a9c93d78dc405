"""One contract for all next-item models that count or solve, and what each promises alone."""

import numpy as np
import pytest
from scipy import sparse

from habitue.baselines.cooccurrence import CoOccurrenceSettings
from habitue.baselines.item_histories import ItemHistories
from habitue.baselines.next_item import (
    ItemKnn,
    Markov,
    MostTaken,
    NextItemModel,
    TakenTogether,
    strongest,
    strongest_of_product,
)
from habitue.baselines.ridge import solve_ease, solve_ridge
from habitue.baselines.transitions import Ease, LinearTransitions, prefix_pairs

RING = 12
MODELS: list[NextItemModel] = [
    Markov(),
    TakenTogether(settings=CoOccurrenceSettings(shrinkage=1)),
    ItemKnn(),
    Ease(penalty=1),
    Ease(penalty=1, max_dense_items=2),
    LinearTransitions(penalty=1),
    LinearTransitions(penalty=1, max_dense_items=2),
]
IN_ORDER = [MODELS[0], MODELS[1], MODELS[5], MODELS[6]]


def plain(matrix: sparse.csr_array | np.ndarray) -> np.ndarray:
    return np.asarray(matrix if isinstance(matrix, np.ndarray) else matrix.toarray())


def walks(num: int = 200) -> ItemHistories:
    rng = np.random.default_rng(0)
    firsts = rng.integers(RING, size=num)
    return ItemHistories.of([[int(first + step) % RING for step in range(6)] for first in firsts])


def checkerboard(num: int = 60) -> ItemHistories:
    rng = np.random.default_rng(0)
    return ItemHistories.of(
        [rng.permutation(np.arange(person % 2, RING, 2))[:4].tolist() for person in range(num)]
    )


@pytest.mark.parametrize("model", IN_ORDER, ids=lambda model: f"{model.name}")
def test_the_next_item_of_a_ring_comes_first(model: NextItemModel) -> None:
    scores = model.fit(walks(), num_items=RING).scores(ItemHistories.of([[3, 4], [10, 11]]))
    assert scores.dtype == np.float32
    assert scores.argmax(axis=1).tolist() == [5, 0]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: f"{model.name}")
def test_a_checkerboard_is_completed_on_its_own_colour(model: NextItemModel) -> None:
    scores = model.fit(checkerboard(), num_items=RING).scores(ItemHistories.of([[0, 2], [5, 9]]))
    scores[0, [0, 2]] = scores[1, [5, 9]] = -np.inf
    assert scores.argmax(axis=1).tolist()[0] % 2 == 0
    assert scores.argmax(axis=1).tolist()[1] % 2 == 1


@pytest.mark.parametrize("model", [MostTaken(), *MODELS], ids=lambda model: f"{model.name}")
def test_any_history_gets_finite_scores_of_all_items(model: NextItemModel) -> None:
    fitted = model.fit(ItemHistories.of([[0, 1], [2], [], [1, 1, 0]]), num_items=5)
    asked = ItemHistories.of([[], [4], [0, 0, 1], [3, 2]])
    scores = fitted.scores(asked)
    assert scores.shape == (4, 5)
    assert np.isfinite(scores).all()
    scores[:] = 7  # the caller's own
    assert (fitted.scores(asked) != 7).all()


@pytest.mark.parametrize("model", [MostTaken(), *MODELS], ids=lambda model: f"{model.name}")
def test_fitting_and_asking_leave_the_histories_as_they_were(model: NextItemModel) -> None:
    histories = ItemHistories.of([[0, 1, 0, 0, 2], [2, 2], [1, 0, 1]] * 5)
    items, offsets = histories.items.copy(), histories.offsets.copy()
    model.fit(histories, num_items=3).scores(histories)
    assert np.array_equal(histories.items, items)
    assert np.array_equal(histories.offsets, offsets)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: f"{model.name}")
def test_fitting_again_gives_the_same_scores(model: NextItemModel) -> None:
    first, again = (model.fit(walks(), num_items=RING).scores(walks(5)) for _ in range(2))
    assert np.array_equal(first, again)


def test_ridge_is_the_normal_equations() -> None:
    before, after = prefix_pairs(walks(), 0.7, RING)
    solved = LinearTransitions(penalty=3).fit(walks(), num_items=RING).matrix
    x, y = before.toarray().astype(float), after.toarray().astype(float)
    expected = np.linalg.solve(x.T @ x + 3 * np.eye(RING), x.T @ y)
    assert solved == pytest.approx(expected, abs=1e-4)


def test_prefixes_decay_backwards_and_the_next_four_items_count_by_halves() -> None:
    before, after = prefix_pairs(ItemHistories.of([[0, 1, 2, 3, 4, 5], [5]]), 0.5, 6)
    assert before.toarray()[2].tolist() == [0.25, 0.5, 1, 0, 0, 0]
    assert after.toarray()[0].tolist() == [0, 1, 0.5, 0.25, 0.125, 0]
    assert after.toarray()[4].tolist() == [0, 0, 0, 0, 0, 1]
    assert len(before.toarray()) == 5


def test_ease_has_its_closed_form_and_no_diagonal() -> None:
    taken = checkerboard().weights(1.0, RING).toarray().astype(float)
    inverse = np.linalg.inv(taken.T @ taken + 2 * np.eye(RING))
    expected = -inverse / np.diag(inverse)
    np.fill_diagonal(expected, 0)
    assert Ease(penalty=2).fit(checkerboard(), num_items=RING).matrix == pytest.approx(
        expected, abs=1e-4
    )


def test_beyond_the_dense_size_descent_comes_to_nearly_the_same_solution() -> None:
    before, after = prefix_pairs(walks(), 0.7, RING)
    exact = plain(solve_ridge(before, after, 50))
    near = solve_ridge(before, after, 50, max_dense_items=2)
    assert sparse.issparse(near)
    assert plain(near) == pytest.approx(exact, abs=0.05 * float(np.abs(exact).max()))
    exact = plain(solve_ease(before, 50))
    near = solve_ease(before, 50, max_dense_items=2)
    assert plain(near) == pytest.approx(exact, abs=0.05 * float(np.abs(exact).max()))


def test_of_very_many_events_every_nth_is_learned_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("habitue.baselines.transitions._MAX_PREFIXES", 400)
    before, after = prefix_pairs(walks(200), 0.7, RING)  # 1,000 prefixes
    assert before.shape == after.shape == (334, RING)


def test_products_are_made_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = plain(LinearTransitions().fit(walks(), num_items=RING).matrix)
    monkeypatch.setattr("habitue.baselines.ridge._BLOCK_ROWS", 5)
    assert np.array_equal(plain(LinearTransitions().fit(walks(), num_items=RING).matrix), expected)
    ease = plain(Ease().fit(walks(), num_items=RING).matrix)
    monkeypatch.undo()
    assert np.array_equal(plain(Ease().fit(walks(), num_items=RING).matrix), ease)


def test_markov_counts_the_last_item_and_popularity_decides_between_equals() -> None:
    fitted = Markov().fit(ItemHistories.of([[0, 1], [0, 2], [3, 2], [0, 1]]), num_items=4)
    scores = fitted.scores(ItemHistories.of([[3, 0], [1]]))
    assert scores[0].argsort()[::-1].tolist()[:2] == [1, 2]
    assert scores[1].argmax() == 0  # nothing follows item 1: the most popular


def test_cosine_is_that_of_the_persons() -> None:
    histories = ItemHistories.of([[0, 1], [0, 1, 1], [0], [2]])
    matrix = plain(ItemKnn().fit(histories, num_items=3).matrix)
    assert matrix[0, 1] == pytest.approx(2 / np.sqrt(3 * 2))
    assert matrix.diagonal().tolist() == [0, 0, 0]


@pytest.mark.parametrize(("decay", "first"), [(0.5, [1.25, 0.5, 0]), (1.0, [2, 1, 0])])
def test_a_history_is_weighted_by_how_long_ago_each_item_came(
    decay: float, first: list[float]
) -> None:
    histories = ItemHistories.of([[0, 1, 0], [2]])
    assert histories.weights(decay, 3).toarray().tolist() == [first, [0, 0, 1]]
    assert histories.items.tolist() == [0, 1, 0, 2]  # untouched
    assert histories.offsets.tolist() == [0, 3, 4]


@pytest.mark.parametrize("entries", [1, 3, 50])
def test_the_strongest_entries_of_each_row_are_kept(entries: int) -> None:
    rng = np.random.default_rng(0)
    dense = rng.normal(size=(9, 20)) * (rng.random((9, 20)) < 0.5)
    dense[4] = 0
    kept = strongest(sparse.csr_array(dense), entries).toarray()
    for row, of_row in zip(dense, kept, strict=True):
        cut = np.sort(np.abs(row))[-min(entries, 20)]
        assert of_row == pytest.approx(np.where(np.abs(row) >= cut, row, 0))


def test_a_product_in_blocks_is_the_product(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("habitue.baselines.next_item._BLOCK_ROWS", 4)
    left = sparse.csr_array(np.random.default_rng(0).normal(size=(11, 6)))
    found = strongest_of_product(left, left.T.tocsr(), 99, diagonal=False).toarray()
    expected = (left @ left.T).toarray()
    np.fill_diagonal(expected, 0)
    assert found == pytest.approx(expected)


def test_histories_are_cut_and_taken_as_lists_are() -> None:
    histories = ItemHistories.of([[0, 1, 2, 3], [], [4, 5]])

    def told(some: ItemHistories) -> list[list[int]]:
        return [some.rows(row, row + 1).items.tolist() for row in range(len(some))]

    assert told(histories.newest(2)) == [[2, 3], [], [4, 5]]
    assert told(histories.without_newest(1)) == [[0, 1, 2], [], [4]]
    assert told(histories.take(np.array([2, 0, 0]))) == [[4, 5], [0, 1, 2, 3], [0, 1, 2, 3]]
    assert histories.steps_back.tolist() == [3, 2, 1, 0, 1, 0]
