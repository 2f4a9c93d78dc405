import polars as pl
import pytest

from habitue.profiles.attention import (
    KINDS,
    build_attention,
    half_life_of,
    half_lives_of,
    item_names,
)
from habitue.schema import DAY
from tests.profiles.log_lines import MONDAY, Line, frame_of, items_of

ITEMS = items_of(["a/x", "a/y", "b"], brands=["acme", None, "acme"])
AS_OF = MONDAY + 40 * DAY


def attention(
    lines: list[Line], items: pl.DataFrame = ITEMS, *, half_life: int = 10**7 * DAY, **parts: int
) -> pl.DataFrame:
    return build_attention(
        frame_of(lines),
        items,
        as_of=AS_OF,
        half_lives=dict.fromkeys(KINDS, half_life) | parts,
        period=half_life,
    )


def shares_of(lines: list[Line], *, half_life: int = 10**7 * DAY, **parts: int) -> dict[str, float]:
    table = attention(lines, ITEMS, half_life=half_life, **parts)
    return dict(table.select("name", "share").iter_rows())


def test_every_level_of_a_category_path_is_a_name() -> None:
    names = item_names(ITEMS).filter(pl.col("kind") == "category")
    assert sorted(names.select("item_number", "name", "level").rows()) == [
        (0, "a", 1), (0, "a/x", 2), (1, "a", 1), (1, "a/y", 2), (2, "b", 1),
    ]  # fmt: skip


def test_a_purchase_weighs_as_much_as_five_views_of_one_visit() -> None:
    shares = shares_of([Line(1, 1, item=2), *[Line(1, 2, "view_item", item=0)] * 5])
    assert shares == pytest.approx(
        {"b": 0.5, "a": 0.5, "a/x": 0.5, "acme": 1.0, "P2": 0.5, "P0": 0.5}
    )


def test_what_comes_back_visit_after_visit_weighs_more_than_a_heap_at_once() -> None:
    heap = [Line(1, 1, item=0)] * 4
    shares = shares_of([*heap, *(Line(1, day, item=2) for day in range(2, 6))])
    assert (shares["a"], shares["b"]) == pytest.approx((2 / 6, 4 / 6))


def test_in_a_visit_each_name_has_the_root_of_its_part() -> None:
    shares = shares_of([Line(1, 1, item=2), Line(1, 1, "view_item", item=0)])
    assert (shares["b"], shares["a"]) == pytest.approx(((5 / 6) ** 0.5, (1 / 6) ** 0.5))


def test_each_kind_halves_in_its_own_time() -> None:
    lines = [Line(1, 20, item=0), Line(1, 30, item=2)]
    shares = shares_of(lines, half_life=10 * DAY, item=5 * DAY)
    assert (shares["a"], shares["P0"]) == pytest.approx((1 / 3, 1 / 5))


def test_searches_are_counted_by_visit_whatever_their_case_and_blanks() -> None:
    lines = [Line(1, 1, "search", item=None, query=query) for query in ("Red  Tent", "red tent ")]
    lines += [Line(1, 2, "search", item=None, query="lamp"), Line(1, 3, "search", item=None)]
    table = attention(lines).filter(pl.col("kind") == "search").sort("name")
    assert table.select("name", "events").rows() == [("lamp", 1), ("red tent", 2)]
    assert table["share"].to_list() == pytest.approx([0.5, 0.5])


def test_a_weight_halves_with_each_half_life() -> None:
    shares = shares_of([Line(1, 20, item=0), Line(1, 30, item=2)], half_life=10 * DAY)
    assert (shares["a"], shares["b"]) == pytest.approx((1 / 3, 2 / 3))


def test_a_refund_takes_back_its_purchase() -> None:
    shares = shares_of([Line(1, 1, item=0), Line(1, 2, "refund", item=0), Line(1, 3, item=2)])
    assert (shares["a"], shares["b"]) == pytest.approx((0.0, 1.0))


def test_a_glance_counts_less_and_a_long_look_more() -> None:
    seconds = {0: 2.0, 1: 20.0, 2: 90.0}
    shares = shares_of([Line(1, 1, "view_item", item=n, dwell=s) for n, s in seconds.items()])
    squares = [shares[name] ** 2 for name in ("P0", "P1", "P2")]
    assert squares == pytest.approx([1 / 6, 2 / 6, 3 / 6])


def test_postage_is_nobodys_interest() -> None:
    items = ITEMS.with_columns(is_product=pl.col("item_number") != 2)
    table = attention([Line(1, 1, item=2), Line(1, 1, item=0)], items)
    assert set(table["name"]) == {"a", "a/x", "acme", "P0"}


def test_a_person_with_refunds_only_has_no_attention() -> None:
    assert shares_of([Line(1, 1, "refund", item=0)]) == {}


def test_what_is_bought_in_the_visit_that_gives_something_back_is_kept() -> None:
    shares = shares_of([Line(1, 1, item=0), Line(1, 1, "refund", item=2)])
    assert (shares["a"], shares["b"]) == pytest.approx((1.0, 0.0))


def test_kinds_fade_in_parts_of_the_wish_and_within_half_of_the_log() -> None:
    long = half_lives_of(0, 4000 * DAY, 80 * DAY)
    interests = {"category": 80 * DAY, "brand": 80 * DAY, "item": 40 * DAY, "search": 20 * DAY}
    habits = dict.fromkeys(("price", "discount", "time", "platform"), 160 * DAY)
    assert long == interests | habits
    assert half_lives_of(0, 60 * DAY, 80 * DAY)["category"] == 30 * DAY


@pytest.mark.parametrize(("span", "expected"), [(9, 2.25), (4000, 90)])
def test_a_short_log_gets_a_shorter_half_life(span: int, expected: float) -> None:
    assert half_life_of(0, span * DAY, 90 * DAY) == round(expected * DAY)
