import polars as pl
import pytest

from habitue.config import SourceSettings
from habitue.events.guess_values import Draft, guess_category_path, guess_values, price_is_total
from habitue.events.whole_columns import WholeColumns


def draft(**columns: str | list[str]) -> Draft:
    return Draft("log.csv", SourceSettings(name="log", columns=columns))


def sales(*, is_total: bool, noise: bool = False) -> pl.DataFrame:
    quantities = [1 + n % 4 for n in range(200)]
    prices = [2.0 + n % 7 for n in range(200)]
    if noise:
        prices = [1.5 ** (n * 7919 % 13) for n in range(200)]
    items = [f"i{n % 7}" for n in range(200)]
    paid = [p * q if is_total else p for p, q in zip(prices, quantities, strict=True)]
    return pl.DataFrame({"item": items, "paid": paid, "pieces": quantities})


@pytest.mark.parametrize("is_total", [True, False])
def test_money_that_grows_with_the_pieces_is_that_of_the_line(is_total: bool) -> None:
    assert price_is_total(sales(is_total=is_total), "item", "paid", "pieces") is is_total


def test_wandering_prices_tell_nothing() -> None:
    assert price_is_total(sales(is_total=False, noise=True), "item", "paid", "pieces") is None


@pytest.mark.parametrize(
    ("values", "mark"),
    [
        (["a.b.c", "a.d"], "."),
        (["Home > Pans", "Home > Pots"], " > "),
        (["a|b", "c|d|e"], "|"),
        (["a/b", "c/d"], "/"),
        (["Dr. Who", "Mr. Bean"], "/"),
        (["1.5", "2.5"], "/"),
        (["plain", "words"], "/"),
    ],
)
def test_mark_between_category_levels(values: list[str], mark: str) -> None:
    one = draft(item_category="cat")

    guess_category_path(one, pl.DataFrame({"cat": values}))

    assert one.source.category_separator == mark


def test_codes_without_digits_are_no_products_only_where_nearly_all_have_several() -> None:
    goods = {f"{22000 + n}": 10 for n in range(200)}
    words = {f"shirt-{chr(97 + n % 26)}{chr(97 + n // 26)}": 10 for n in range(200)}
    one, other = draft(item_id="item"), draft(item_id="item")

    for source, items in ((one, goods | {"POST": 9, "M": 5}), (other, words)):
        guess_values(source, WholeColumns(num_rows=2000, items=items), pl.DataFrame())

    assert one.source.not_products == ["POST", "M"]
    assert other.source.not_products == []


def test_prefix_is_a_cancellation_only_where_quantities_are_negative() -> None:
    one, other = draft(order_id="o", quantity="q"), draft(order_id="o", quantity="q")

    cancelled = {"": (900, 0), "C": (100, 98)}
    mixed = {"": (900, 49), "W": (100, 49)}
    sample = pl.DataFrame({"q": ["1", "-1"]})

    for source, prefixes in ((one, cancelled), (other, mixed)):
        whole = WholeColumns(num_rows=1000, negative_rows=98, order_prefixes=prefixes)
        guess_values(source, whole, sample)

    assert (one.source.refund_order_prefix, one.source.negative_quantity) == ("C", "refund")
    assert (other.source.refund_order_prefix, other.source.negative_quantity) == ("", "refund")


def test_equal_events_are_dropped() -> None:
    one = draft(user_id="u", event_type="e")

    guess_values(one, WholeColumns(num_rows=100, num_equal_rows=5), pl.DataFrame())

    assert one.source.duplicate_rows == "drop"
    assert "5 rows (5.0%)" in one.guesses[-1].because


def test_user_that_means_nobody_and_user_that_is_a_crowd_are_named() -> None:
    one = draft(user_id="u")
    whole = WholeColumns(num_rows=1000)
    whole.users.update({"guest": 50, "house-account": 400} | {f"u{n}": 5 for n in range(50)})

    guess_values(one, whole, pl.DataFrame())

    assert {guess.value: guess.confirm for guess in one.guesses} == {
        "house-account": True,
        "guest": False,
    }
