import pytest

from habitue.events.clean import Cleaned
from tests.events.made_chunks import cleaned, events_source, good, items_source

Amounts = tuple[float | None, float | None, float | None]


def amounts(**cells: object) -> Amounts:
    """(price, quantity, value) of one row."""
    frame = cleaned([good(**cells)]).frame
    return frame.select("price", "quantity", "value").row(0)


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ({"price": "2.55", "quantity": "6"}, (2.55, 6.0, 15.3)),
        ({"price": "2.55"}, (2.55, 1.0, 2.55)),
        ({"value": "10", "quantity": "4"}, (2.5, 4.0, 10.0)),
        ({"value": "10"}, (10.0, 1.0, 10.0)),
        ({"price": "3", "quantity": "2", "value": "5"}, (3.0, 2.0, 5.0)),
        ({"price": "0", "quantity": "2"}, (0.0, 2.0, 0.0)),
        ({}, (None, 1.0, None)),
    ],
)
def test_a_purchase_gets_the_amount_that_is_missing(
    cells: dict[str, object], expected: Amounts
) -> None:
    assert amounts(event="purchase", **cells) == expected


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ({"price": "2", "quantity": "-3"}, (2.0, 3.0, -6.0)),
        ({"price": "2", "quantity": "3"}, (2.0, 3.0, -6.0)),
        ({"price": "-2", "quantity": "3", "value": "-6"}, (2.0, 3.0, -6.0)),
        ({"value": "6", "quantity": "3"}, (2.0, 3.0, -6.0)),
        ({"price": "2", "quantity": "0"}, (2.0, 1.0, -2.0)),
        ({"price": "0", "quantity": "3"}, (0.0, 3.0, 0.0)),
    ],
)
def test_a_refund_has_a_negative_value_and_all_else_positive(
    cells: dict[str, object], expected: Amounts
) -> None:
    assert amounts(event="refund", **cells) == expected


def test_money_is_derived_for_purchases_and_refunds_only() -> None:
    assert amounts(event="view", price="3") == (3.0, None, None)
    assert amounts(event="cart", price="3", quantity="2") == (3.0, 2.0, None)


def test_cancelled_orders_are_refunds() -> None:
    source = events_source(refund_order_prefix="C")
    rows = [
        good(event="purchase", order="C1", price="2", quantity="-3"),
        good(event="purchase", order="1C", price="2", quantity="3"),
        good(event="view", order="C1", price="2"),
    ]
    frame = cleaned(rows, source).frame
    assert frame["event_type"].to_list() == ["refund", "purchase", "view_item"]
    assert frame["value"].to_list() == [-6.0, 6.0, None]


def test_a_negative_quantity_is_a_refund_where_the_source_says_so() -> None:
    row = good(event="purchase", price="2", quantity="-3")
    assert cleaned([row]).rejected["code"].to_list() == ["quantity_not_positive"]
    frame = cleaned([row], events_source(negative_quantity="refund")).frame
    assert frame.select("event_type", "quantity", "value").row(0) == ("refund", 3.0, -6.0)


def test_a_part_of_a_piece_is_taken_only_where_the_source_sells_such() -> None:
    row = good(event="purchase", price="8", quantity="0.375")
    assert cleaned([row]).rejected["code"].to_list() == ["quantity_fractional"]
    frame = cleaned([row], events_source(fractional_quantity="accept")).frame
    assert frame.select("price", "quantity", "value").row(0) == (8.0, 0.375, 3.0)
    assert cleaned([good(event="purchase", quantity="2.0")]).frame["quantity"].to_list() == [2.0]


def signed(*cells: str, currency: str | None = None, mark: str = ",") -> Cleaned:
    rows = [good(event="purchase", price=cell, currency=currency) for cell in cells]
    return cleaned(rows, events_source(decimal_mark=mark))


def test_a_currencys_sign_is_read_where_the_source_names_a_decimal_comma() -> None:
    result = signed("12,50 €", "€12,50", "1.234,50 EUR", "£3", "12,50")
    assert result.frame["price"].to_list() == [12.5, 12.5, 1234.5, 3.0, 12.5]
    assert result.frame["currency"].to_list() == ["EUR", "EUR", "EUR", "GBP", None]
    assert result.repairs == {"currency_sign_read": 4}
    assert signed("12,50 €", mark=".").rejected["code"].to_list() == ["price_not_number"]


def test_a_sign_that_may_mean_several_currencies_needs_the_rows_own() -> None:
    assert signed("¥100").rejected["code"].to_list() == ["price_not_number"]
    assert signed("¥100", currency="jpy").frame["currency"].to_list() == ["JPY"]


def test_a_sign_against_the_rows_own_currency_is_rejected() -> None:
    result = signed("12,50 €", "12,50 zzz", "12,50 € x", "€", currency="GBP")
    assert result.rejected["code"].to_list() == ["price_not_number"] * 4


def test_points_between_thousands_are_dropped_and_counted() -> None:
    result = signed("1.234,56", "1234,56")
    assert result.frame["price"].to_list() == [1234.56, 1234.56]
    assert result.repairs == {"thousands_mark_dropped": 1}


def test_native_numbers_are_taken_and_a_missing_one_of_pandas_is_missing() -> None:
    row = good(event="purchase", price=2.5, quantity=2)
    nan = good(event="purchase", price=float("nan"), quantity=2)
    inf = good(event="purchase", price=float("inf"), quantity=2)
    result = cleaned([row, nan, inf])
    assert result.frame["value"].to_list() == [5.0, None]
    assert result.rejected["code"].to_list() == ["price_not_number"]


@pytest.mark.parametrize(
    ("text", "price"),
    [("1.234,56", 1234.56), ("12,5", 12.5), ("7", 7.0), ("1.5", None), ("1,234.56", None)],
)
def test_a_decimal_comma_is_read_where_the_source_says_so(text: str, price: float | None) -> None:
    frame = cleaned([good(price=text)], events_source(decimal_mark=",")).frame
    assert frame["price"].to_list() == ([] if price is None else [price])


def test_prices_with_a_comma_are_not_guessed_at() -> None:
    result = cleaned([good(price="1.234,56"), good(price="12,5"), good(price=" 12.5 ")])
    assert result.rejected["code"].to_list() == ["price_not_number"] * 2


def test_caps_are_the_shops() -> None:
    row = good(event="purchase", price="5000", quantity="50")
    assert cleaned([row]).rejected.height == 0
    assert cleaned([row], max_price=4999).rejected["code"].to_list() == ["price_too_high"]
    assert cleaned([row], max_quantity=49).rejected["code"].to_list() == ["quantity_too_high"]


def test_currencies_are_brought_to_capitals_and_counted() -> None:
    result = cleaned([good(currency="eur"), good(currency="GBP"), good(currency="")])
    assert result.frame["currency"].to_list() == ["EUR", "GBP", None]
    assert result.frame["_repaired"].to_list() == [True, False, False]


def test_a_catalogue_price_may_be_zero_or_missing() -> None:
    result = cleaned([{"item": "A", "price": "0"}, {"item": "B", "price": ""}], items_source())
    assert result.frame["price"].to_list() == [0.0, None]
