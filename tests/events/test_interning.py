import polars as pl

from habitue.events.interning import Interner


def test_numbers_are_given_in_order_of_first_appearance() -> None:
    interner = Interner()
    assert interner.numbers(pl.Series(["b", "a", "b", None, "c"])).to_list() == [0, 1, 0, None, 2]
    assert interner.numbers(pl.Series(["d", "c", "a"])).to_list() == [3, 2, 1]
    assert len(interner) == 4


def test_known_texts_keep_their_numbers() -> None:
    interner = Interner(pl.Series(["x", "y"]))
    assert interner.numbers(pl.Series(["z", "y", "x"])).to_list() == [2, 1, 0]
    assert interner.new_texts().rows() == [("z", 2)]


def test_texts_that_look_like_the_same_number_are_different() -> None:
    texts = pl.Series(["7", "007", "7.0", " 7"])
    assert Interner().numbers(texts).to_list() == [0, 1, 2, 3]


def test_only_nulls_get_no_number() -> None:
    interner = Interner()
    assert interner.numbers(pl.Series([None, None], dtype=pl.String)).to_list() == [None, None]
    assert len(interner) == 0
