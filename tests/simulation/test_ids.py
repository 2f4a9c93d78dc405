from itertools import pairwise

import numpy as np

from habitue.simulation.ids import EVENT, USER, id_texts


def test_different_numbers_have_different_ids() -> None:
    numbers = np.concatenate([np.arange(20_000), (1 << 59) + np.arange(20_000)])
    texts = id_texts(numbers, USER, seed=1).to_pylist()
    assert len(set(texts)) == 40_000
    assert all(text.startswith("u") and len(text) == 13 for text in texts)


def test_neighbours_look_like_strangers() -> None:
    texts = id_texts(np.arange(1_000), USER, seed=1).to_pylist()
    alike = [
        sum(one == other for one, other in zip(first[1:], second[1:], strict=True))
        for first, second in pairwise(texts)
    ]
    assert sum(alike) / len(alike) < 1  # of twelve digits; chance is 12 / 32


def test_kinds_and_seeds_have_ids_of_their_own() -> None:
    numbers = np.arange(100)
    users = {text[1:] for text in id_texts(numbers, USER, seed=1).to_pylist()}
    assert users.isdisjoint({text[1:] for text in id_texts(numbers, EVENT, seed=1).to_pylist()})
    assert users.isdisjoint({text[1:] for text in id_texts(numbers, USER, seed=2).to_pylist()})


def test_none_is_null() -> None:
    assert id_texts(np.array([3, -1, 5]), USER, seed=1).is_null().to_pylist() == [
        False,
        True,
        False,
    ]
