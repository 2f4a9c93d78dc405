import polars as pl
import pytest

from habitue.profiles.attention import build_attention, half_life_of, item_names
from habitue.schema import DAY
from tests.profiles.log_lines import MONDAY, Line, frame_of, items_of

ITEMS = items_of(["a/x", "a/y", "b"], brands=["acme", None, "acme"])
AS_OF = MONDAY + 40 * DAY


def shares_of(lines: list[Line], *, half_life: int = 10_000 * DAY) -> dict[str, float]:
    table = build_attention(frame_of(lines), ITEMS, as_of=AS_OF, half_life=half_life)
    return dict(table.select("name", "share").iter_rows())


def test_every_level_of_a_category_path_is_a_name() -> None:
    names = item_names(ITEMS).filter(pl.col("kind") == "category")
    assert sorted(names.select("item_number", "name", "level").rows()) == [
        (0, "a", 1), (0, "a/x", 2), (1, "a", 1), (1, "a/y", 2), (2, "b", 1),
    ]  # fmt: skip


def test_a_purchase_weighs_five_views() -> None:
    shares = shares_of([Line(1, 1, item=2), Line(1, 1, "view_item", item=0)])
    assert shares == pytest.approx(
        {"b": 5 / 6, "a": 1 / 6, "a/x": 1 / 6, "acme": 1.0, "P2": 5 / 6, "P0": 1 / 6}
    )


def test_a_weight_halves_with_each_half_life() -> None:
    shares = shares_of([Line(1, 20, item=0), Line(1, 30, item=2)], half_life=10 * DAY)
    assert (shares["a"], shares["b"]) == pytest.approx((1 / 3, 2 / 3))


def test_a_refund_takes_back_its_purchase() -> None:
    shares = shares_of([Line(1, 1, item=0), Line(1, 2, "refund", item=0), Line(1, 3, item=2)])
    assert (shares["a"], shares["b"]) == pytest.approx((0.0, 1.0))


def test_a_glance_counts_less_and_a_long_look_more() -> None:
    seconds = {0: 2.0, 1: 20.0, 2: 90.0}
    shares = shares_of([Line(1, 1, "view_item", item=n, dwell=s) for n, s in seconds.items()])
    assert (shares["P0"], shares["P1"], shares["P2"]) == pytest.approx((1 / 6, 2 / 6, 3 / 6))


def test_postage_is_nobodys_interest() -> None:
    items = ITEMS.with_columns(is_product=pl.col("item_number") != 2)
    table = build_attention(
        frame_of([Line(1, 1, item=2), Line(1, 1, item=0)]), items, as_of=AS_OF, half_life=DAY
    )
    assert set(table["name"]) == {"a", "a/x", "acme", "P0"}


def test_a_person_with_refunds_only_has_no_attention() -> None:
    assert shares_of([Line(1, 1, "refund", item=0)]) == {}


@pytest.mark.parametrize(("span", "expected"), [(9, 2.25), (4000, 90)])
def test_a_short_log_gets_a_shorter_half_life(span: int, expected: float) -> None:
    assert half_life_of(0, span * DAY, 90 * DAY) == round(expected * DAY)
