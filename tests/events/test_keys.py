import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from habitue.events.keys import bucket_numbers, column_hashes, hash_sum, row_hashes
from tests.examples import examples


def test_hashes_are_the_ones_that_stores_already_hold() -> None:
    """Changing any of these makes every stored event look new: it needs a new format version."""
    texts = pl.Series(["", "a", "abcdefgh", "abcdefghi", "é", "x" * 600, None])
    assert column_hashes(texts).tolist() == [
        16294208416658607535,
        6774081908283191102,
        9245128965073422038,
        14690935847201975099,
        12213114911819052007,
        4556693586855357462,
        0,
    ]
    frame = pl.DataFrame({"item": ["A"], "price": [2.5], "number": [7]})
    assert row_hashes(frame, frame.columns).tolist() == [12719414977786325583]
    assert bucket_numbers(pl.Series(range(10)), 4).to_list() == [3, 1, 2, 1, 2, 2, 0, 3, 2, 0]


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(st.one_of(st.none(), st.text(max_size=30)), min_size=1, max_size=40))
def test_a_text_hashes_alike_wherever_it_stands(texts: list[str | None]) -> None:
    together = column_hashes(pl.Series(texts, dtype=pl.String)).tolist()
    alone = [int(column_hashes(pl.Series([text], dtype=pl.String))[0]) for text in texts]
    sliced = column_hashes(pl.Series(["before", *texts], dtype=pl.String)[1:]).tolist()
    assert together == alone == sliced


def test_half_a_million_different_texts_have_different_hashes() -> None:
    numbers = pl.Series(range(examples(500_000))).cast(pl.String)
    for texts in (numbers, "item-" + numbers, numbers + "-of-a-long-name"):
        assert len(np.unique(column_hashes(texts))) == len(texts)


def test_texts_that_end_in_other_bytes_or_nuls_differ() -> None:
    texts = pl.Series(["a", "a\0", "a\0\0", "\0", "", "abcdefg", "abcdefg\0", "abcdefgh"])
    assert len(np.unique(column_hashes(texts))) == len(texts)


def test_equal_numbers_have_equal_hashes() -> None:
    hashes = column_hashes(pl.Series([0.0, -0.0, 1.0]))
    assert hashes[0] == hashes[1] != hashes[2]


def test_a_row_hash_does_not_see_the_order_of_columns_nor_empty_ones() -> None:
    frame = pl.DataFrame({"a": ["x", "y"], "b": ["y", "x"]})
    wider = frame.with_columns(c=pl.lit(None, dtype=pl.String))
    expected = row_hashes(frame, ["a", "b"]).tolist()
    assert row_hashes(wider, ["c", "b", "a", "absent"]).tolist() == expected
    assert expected[0] != expected[1], "the same values in swapped columns are another row"


def test_the_sum_of_hashes_does_not_see_the_order_of_rows() -> None:
    hashes = column_hashes(pl.Series(["a", "b", "c"]))
    assert hash_sum(hashes) == hash_sum(hashes[::-1])


def test_no_rows_give_no_hashes() -> None:
    assert column_hashes(pl.Series([], dtype=pl.String)).tolist() == []
    assert row_hashes(pl.DataFrame({"a": []}, schema={"a": pl.String}), ["a"]).tolist() == []


def test_buckets_are_about_equally_full() -> None:
    counts = bucket_numbers(pl.Series(range(16_000)), 16).value_counts()["count"]
    assert counts.min() > 850  # type: ignore[operator]
    assert counts.max() < 1150  # type: ignore[operator]


def test_words_that_come_again_and_again_have_the_hashes_they_have_alone() -> None:
    words = [None, "", "view", "purchase", "Überraschung", "x" * 600]
    alone = np.concatenate([column_hashes(pl.Series([word], dtype=pl.String)) for word in words])
    together = column_hashes(pl.Series(words * 40, dtype=pl.String))
    assert together.tolist() == alone.tolist() * 40
