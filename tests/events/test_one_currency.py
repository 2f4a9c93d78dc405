from pathlib import Path

import pytest

from habitue.events.one_currency import OneCurrencyLog
from habitue.events.store import EventStore
from habitue.profiles.facts import build_facts
from habitue.schema import parse_time
from tests.events.made_chunks import EVENT_COLUMNS, events_source, good, ingest_rows

AS_OF = parse_time("2024-02-01")


def bought(price: str, currency: str | None, day: str = "2024-01-02") -> dict[str, object]:
    at = f"{day} 10:00:00"
    return good(event="purchase", price=price, currency=currency, at=at, order=f"{price}{currency}")


def log_of(folder: Path, *rows: dict[str, object], declared: str = "") -> OneCurrencyLog:
    store = EventStore(folder)
    ingest_rows(store, *rows)
    store.reload()
    return OneCurrencyLog(store, declared)


def revenue(log: OneCurrencyLog, as_of: int = AS_OF) -> tuple[int, float]:
    """Orders and money of the one person."""
    for bucket in range(log.num_buckets):
        frame = log.read_bucket(bucket, as_of=as_of)
        if frame.height:
            facts = build_facts(frame, log.items(as_of=as_of), as_of=as_of)
            return facts.select("orders", "revenue").row(0)
    raise AssertionError("there is nobody")


MIXED = [bought("10", "EUR"), bought("20", "EUR"), bought("7000", "JPY")]


def test_amounts_are_added_up_in_the_currency_of_most_purchases(tmp_path: Path) -> None:
    log = log_of(tmp_path, *MIXED)
    assert log.currency(AS_OF) == "EUR"
    assert revenue(log) == (3, 30.0)


def test_the_shops_own_currency_wins(tmp_path: Path) -> None:
    assert revenue(log_of(tmp_path / "a", *MIXED, declared="JPY")) == (3, 7000.0)
    assert revenue(log_of(tmp_path / "b", *MIXED, declared="USD")) == (3, 30.0)


@pytest.mark.parametrize("currency", ["EUR", None])
def test_a_log_of_one_currency_is_read_as_it_is(tmp_path: Path, currency: str | None) -> None:
    log = log_of(tmp_path, bought("10", currency), bought("20", currency), declared="USD")
    assert revenue(log) == (2, 30.0)
    assert log.currency() == (currency or "USD")


def test_later_purchases_do_not_change_the_currency(tmp_path: Path) -> None:
    later = [bought(str(n), "JPY", "2024-03-01") for n in range(1, 9)]
    log = log_of(tmp_path, *MIXED, *later)
    assert revenue(log) == (3, 30.0)
    assert log.currency() == "JPY"


def test_prices_of_other_currencies_are_left_out_and_the_events_stay(tmp_path: Path) -> None:
    log = log_of(tmp_path, bought("10", "EUR"), bought("9", "EUR"), good(price="7", currency="JPY"))
    frames = [log.read_bucket(bucket) for bucket in range(log.num_buckets)]
    prices = sorted(price or 0 for frame in frames for price in frame["price"])
    assert prices == [0, 9.0, 10.0]


def test_amounts_that_name_no_currency_are_the_shops_own_or_nobodys(tmp_path: Path) -> None:
    nameless = [good(event="purchase", price="5", at="2024-01-03 10:00:00", order="n")]
    plain = events_source(columns={k: v for k, v in EVENT_COLUMNS.items() if k != "currency"})
    for folder, declared, money in ((tmp_path / "a", "EUR", 35.0), (tmp_path / "b", "", 30.0)):
        store = EventStore(folder)
        ingest_rows(store, *MIXED)
        ingest_rows(store, *nameless, name="till.csv", source=plain)
        store.reload()
        assert revenue(OneCurrencyLog(store, declared)) == (4, money)
