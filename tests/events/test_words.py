import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from habitue.events.keys import share_of_row
from habitue.events.words import Words, changed, distinct_texts, is_coded, rows_where

TEXTS = st.lists(st.none() | st.text(max_size=4), max_size=30)


def words() -> Words:
    return Words(max_id_bytes=8)


def column(texts: list[str | None]) -> pl.Series:
    return pl.Series("column", texts, dtype=pl.String)


def test_ids_are_coded_and_ever_new_texts_are_not() -> None:
    of = words()
    texts = column(["a", "b", "c", "d"])
    assert is_coded(of.coded("item_id", texts))
    assert not is_coded(of.coded("item_name", texts))
    assert not is_coded(of.coded("order_id", column(["a"] * 100)))
    assert is_coded(of.coded("item_brand", column(["a", "b"] * 100)))


def test_a_field_whose_texts_are_ever_new_is_not_coded_any_more() -> None:
    of = words()
    assert is_coded(of.coded("item_name", column(["a"] * 100)))
    assert of.is_coded("item_name")
    assert not is_coded(of.coded("item_name", column(["a", "b", "c"])))
    assert not is_coded(of.coded("item_name", column(["a"] * 100)))
    assert not is_coded(of.coded("item_name", column(["a"] * 9).cast(pl.Categorical)))
    assert not of.is_coded("item_name")


def test_a_chunk_without_texts_settles_nothing() -> None:
    of = words()
    of.coded("item_name", column([None, None]))
    assert of.is_coded("item_name")
    assert not is_coded(of.coded("item_name", column(["a", "b"])))


def test_what_a_file_coded_gets_the_codes_of_the_ingest() -> None:
    of = words()
    ours, theirs = of.coded("item_id", column(["x", "y"])), column(["y", None]).cast(pl.Categorical)
    both = pl.concat([ours, of.coded("item_id", theirs)])
    assert both.cast(pl.String).to_list() == ["x", "y", "y", None]


@settings(deadline=None)
@given(TEXTS, TEXTS)
def test_coded_texts_add_to_hashes_of_rows_what_texts_do(
    first: list[str | None], then: list[str | None]
) -> None:
    of = words()
    for texts in (first, then):
        found = of.share_of_row("item_id", of.coded("item_id", column(texts)))
        assert found.tolist() == share_of_row("item_id", column(texts)).tolist()


@settings(deadline=None)
@given(TEXTS)
def test_each_row_gets_the_answer_of_its_text(texts: list[str | None]) -> None:
    coded = words().coded("item_id", column(texts))
    expected = [text is not None and "a" in text for text in texts]
    assert rows_where(coded, lambda one: one.str.contains("a")).to_list() == expected
    assert rows_where(column(texts), lambda one: one.str.contains("a")).to_list() == expected


@settings(deadline=None)
@given(TEXTS)
def test_each_row_gets_its_text_changed(texts: list[str | None]) -> None:
    def shorter(one: pl.Series) -> pl.Series:
        return one.str.slice(1).replace("", None)

    coded = changed(words().coded("item_id", column(texts)), shorter)
    expected = [text[1:] or None if text is not None else None for text in texts]
    assert coded.cast(pl.String).to_list() == expected
    assert changed(column(texts), shorter).to_list() == expected


def test_a_text_of_a_coded_column_is_asked_once() -> None:
    asked: list[str] = []

    def note(one: pl.Series) -> pl.Series:
        asked.extend(one)
        return one == "b"

    coded = words().coded("item_id", column(["b", "a", "b", None, "b"]))
    assert rows_where(coded, note).to_list() == [True, False, True, False, True]
    assert sorted(asked) == ["a", "b"]
    assert sorted(distinct_texts(coded)) == ["a", "b"]


@pytest.mark.parametrize(
    "text", ["", " a", "a\t", "a\u200bb", "a\x00", "e\u0301", "nine bytes", "\u00a0"]
)
def test_a_text_that_cleaning_would_look_at_is_not_tidy(text: str) -> None:
    of = words()
    assert of.are_tidy(of.coded("item_id", column(["a", None, "\u00e9", "钟表"])))
    assert not of.are_tidy(of.coded("item_id", column(["a", text])))
    assert not of.are_tidy(of.coded("item_id", column([text])))
    assert of.are_tidy(of.coded("item_id", column(["a"])))


def test_texts_that_are_not_coded_are_not_known_to_be_tidy() -> None:
    assert not words().are_tidy(column(["a"]))
