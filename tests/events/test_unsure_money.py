from pathlib import Path

import pytest

from habitue.config import Settings, ShopSettings, StoreSettings
from habitue.events.ingest import Input, ingest_inputs
from habitue.events.ingest_report import IngestReport
from habitue.events.quarantine import read_quarantine
from habitue.events.store import EventStore
from tests.events.made_chunks import (
    EVENT_COLUMNS,
    NOW,
    all_events,
    chunk,
    events_source,
    good,
    ingest_chunks,
)


def bought(user: str, currency: str | None) -> dict[str, object]:
    return good(user=user, event="purchase", price="5", currency=currency)


NAMELESS = [bought("a", None), bought("b", "EUR"), good(user="c", price="5", currency=None)]
FOREIGN = [bought("d", "JPY")]


def test_money_without_a_currency_is_set_aside_where_several_are_seen(tmp_path: Path) -> None:
    store = EventStore(tmp_path)
    # The other currency comes in a later chunk.
    report = ingest_chunks(store, chunk(NAMELESS), chunk(FOREIGN, first_record=10))
    assert (report.received, report.accepted, report.quarantined) == (4, 3, 1)
    assert report.by_reason == {"currency_missing": 1}
    row = read_quarantine(tmp_path)[0].row(0, named=True)
    assert (row["line"], row["code"], row["field"]) == (2, "currency_missing", "currency")
    assert '"user":"a"' in row["raw"]
    store.reload()
    assert all_events(store).height == 3


def test_in_a_log_of_one_currency_it_is_taken(tmp_path: Path) -> None:
    store = EventStore(tmp_path)
    first, again = (ingest_chunks(store, chunk(NAMELESS)) for _ in range(2))
    assert (first.accepted, first.duplicates) == (3, 0)
    assert (again.accepted, again.duplicates) == (0, 3)


def test_a_currency_that_is_stored_was_seen_too(tmp_path: Path) -> None:
    store = EventStore(tmp_path)
    ingest_chunks(store, chunk(FOREIGN))
    reports = [ingest_chunks(store, chunk(NAMELESS), name="again.csv") for _ in range(2)]
    assert [report.by_reason for report in reports] == [{"currency_missing": 1}] * 2
    assert [report.accepted for report in reports] == [2, 0]


def test_what_was_taken_before_the_second_currency_came_stays_a_duplicate(tmp_path: Path) -> None:
    store = EventStore(tmp_path)
    ingest_chunks(store, chunk(NAMELESS))
    ingest_chunks(store, chunk(FOREIGN), name="other.csv")
    store.reload()
    fingerprint = store.fingerprint
    again = ingest_chunks(store, chunk(NAMELESS))
    assert (again.duplicates, again.quarantined) == (3, 0)
    store.reload()
    assert store.fingerprint == fingerprint


def with_settings(store: EventStore, shop: ShopSettings, **source: object) -> IngestReport:
    given = Input("a.csv", events_source(**source), lambda: [chunk([*NAMELESS, *FOREIGN])])
    settings = Settings(shop=shop, store=StoreSettings(buckets=2))
    return ingest_inputs(store, [given], settings, now=NOW)


def test_a_shop_that_names_its_currency_needs_no_other_word(tmp_path: Path) -> None:
    assert with_settings(EventStore(tmp_path), ShopSettings(currency="EUR")).accepted == 4


@pytest.mark.parametrize("constant", ["EUR", None])
def test_a_source_that_names_one_for_all_or_none_at_all_is_taken(
    tmp_path: Path, constant: str | None
) -> None:
    columns = {key: column for key, column in EVENT_COLUMNS.items() if key != "currency"}
    constants = {"currency": constant} if constant else {}
    store = EventStore(tmp_path)
    report = with_settings(store, ShopSettings(), columns=columns, constants=constants)
    assert report.accepted == 4
