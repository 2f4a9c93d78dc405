import numpy as np
import polars as pl

from habitue.events.interning import Interner
from habitue.events.words import Words


def interner(num_kinds: int = 1) -> Interner:
    return Interner(Words(max_id_bytes=256), num_kinds=num_kinds)


def numbers(of: Interner, texts: list[str | None]) -> list[int | None]:
    return of.numbers((pl.Series(texts, dtype=pl.String), 0))[0].to_list()


def test_numbers_are_given_in_order_of_first_appearance() -> None:
    texts = interner()
    assert numbers(texts, ["b", "a", "b", None, "c"]) == [0, 1, 0, None, 2]
    assert numbers(texts, ["d", "c", "a"]) == [3, 2, 1]
    assert len(texts) == 4


def test_known_texts_keep_their_numbers() -> None:
    texts = interner()
    texts.know(pl.Series(["x", "y"]))
    assert numbers(texts, ["z", "y", "x"]) == [2, 1, 0]
    assert texts.new_texts().rows() == [("z", 0, 2)]


def test_texts_that_look_like_the_same_number_are_different() -> None:
    assert numbers(interner(), ["7", "007", "7.0", " 7"]) == [0, 1, 2, 3]


def test_only_nulls_get_no_number() -> None:
    texts = interner()
    assert numbers(texts, [None, None]) == [None, None]
    assert len(texts) == 0


def test_a_text_has_a_number_for_each_kind() -> None:
    texts = interner(num_kinds=3)
    kinds = np.array([0, 1, 0, 2])
    assert texts.numbers((pl.Series(["7", "7", "7", "8"]), kinds))[0].to_list() == [0, 1, 0, 2]
    assert texts.new_texts().rows() == [("7", 0, 0), ("7", 1, 1), ("8", 2, 2)]


def test_several_columns_are_numbered_row_by_row() -> None:
    users, visitors = pl.Series(["a", None, "b"]), pl.Series(["x", "y", "x"])
    found = interner(num_kinds=2).numbers((users, 0), (visitors, 1))
    assert [column.to_list() for column in found] == [[0, None, 3], [1, 2, 1]]


def test_words_of_others_get_no_number() -> None:
    words = Words(max_id_bytes=256)
    words.coded("user_id", pl.Series(["elsewhere", "too"]))
    texts = Interner(words)
    assert texts.numbers((pl.Series(["a", "too"]), 0))[0].to_list() == [0, 1]
