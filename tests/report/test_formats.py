"""Numbers, money, times and spans as people read them."""

import doctest

import pytest

from habitue.report import formats
from habitue.report.formats import Currency, chance, change, compact, number, percent, period, span
from habitue.schema import parse_time


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


def test_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(formats).failed == 0


@pytest.mark.parametrize(
    ("code", "amount", "text"),
    [
        ("GBP", 12.5, "£12.50"),
        ("USD", 1234.56, "$1,235"),
        ("CHF", 0, "0 CHF"),
        ("", 99.5, "99.50"),
        ("EUR", -3.2, "−€3.20"),
        ("EUR", None, "–"),
    ],
)
def test_money_is_written_by_currency(code: str, amount: float | None, text: str) -> None:
    assert plain(Currency.of(code).money(amount)) == text


def test_long_amounts_are_shortened() -> None:
    assert plain(Currency.of("CNY").short(12_345_678)) == "¥12.3 M"
    assert plain(compact(2.5e9)) == "2.50 bn"
    assert plain(compact(-45_600)) == "−45.6 k"


def test_no_minus_before_zero() -> None:
    assert number(-0.001, 1) == "0.0"


def test_shares_keep_the_digits_that_matter() -> None:
    assert [plain(percent(share)) for share in (0, 0.0012, 0.5, 1, None)] == [
        "0 %", "0.12 %", "50.0 %", "100 %", "–",
    ]  # fmt: skip


def test_a_chance_is_never_called_certain_unless_it_is() -> None:
    assert [plain(chance(one)) for one in (0.0, 0.001, 0.4, 0.994, 0.9951, 1.0, None)] == [
        "0 %", "< 1 %", "40 %", "99 %", "> 99 %", "100 %", "–",
    ]  # fmt: skip


def test_change_is_signed_and_huge_growth_is_a_multiple() -> None:
    assert plain(change(50, 100)) == "−50 %"
    assert plain(change(3000, 10)) == "× 300"


def test_periods_are_named_by_their_unit() -> None:
    at = parse_time("2024-08-05T14:30")
    names = [period(at, unit) for unit in ("10 minutes", "hour", "day", "month", "quarter", "year")]
    assert names == ["14:30", "5 Aug 14:30", "2024-08-05", "Aug 2024", "Q3 2024", "2024"]


@pytest.mark.parametrize(
    ("days", "text"),
    [
        (1 / 1440, "1 minute"),
        (1.5, "36 hours"),
        (10, "10 days"),
        (40, "6 weeks"),
        (1200, "3 years"),
    ],
)
def test_spans_take_their_natural_unit(days: float, text: str) -> None:
    assert span(days) == text
