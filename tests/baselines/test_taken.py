from pathlib import Path

from habitue.baselines.taken import most_taken
from habitue.events.store import EventStore
from habitue.schema import POSITIVE_EVENT_TYPES, parse_time
from tests.events.made_chunks import good, ingest_rows, items_source

AS_OF = parse_time("2024-02-01")


def bought(
    user: str, item: str, day: str = "2024-01-30", event: str = "purchase"
) -> dict[str, object]:
    return good(user=user, item=item, at=f"{day} 10:00:00", event=event)


def taken(folder: Path, *rows: dict[str, object], least: int = 1) -> list[tuple[str, int]]:
    store = EventStore(folder)
    ingest_rows(store, *rows)
    store.reload()
    found = most_taken(store, as_of=AS_OF, least=least, k=10)
    return list(found.items.select("item_id", "recent").iter_rows())


def test_the_persons_of_the_last_week_order_the_items(tmp_path: Path) -> None:
    rows = [bought("a", "A"), bought("a", "A", "2024-01-29"), bought("b", "B"), bought("c", "B")]
    old = [bought(user, "C", "2024-01-02") for user in "abcdef"]
    assert taken(tmp_path, *rows, *old) == [("B", 2), ("A", 1), ("C", 0)]


def test_what_few_persons_took_is_left_out(tmp_path: Path) -> None:
    rows = [bought("a", "A"), bought("b", "B"), bought("c", "B", "2024-01-02")]
    assert taken(tmp_path, *rows, least=2) == [("B", 1)]


def test_without_purchases_every_interest_counts(tmp_path: Path) -> None:
    store = EventStore(tmp_path)
    ingest_rows(store, bought("a", "A", event="view"), bought("b", "A", event="cart"))
    store.reload()
    found = most_taken(store, as_of=AS_OF, least=1, k=10)
    assert found.event_types == POSITIVE_EVENT_TYPES
    assert found.items.rows() == [("A", "A", 2)]


def test_later_events_change_nothing(tmp_path: Path) -> None:
    rows = [bought("a", "A"), bought("b", "A")]
    later = [bought(user, "B", "2024-02-01") for user in "abc"]
    assert taken(tmp_path, *rows, *later) == [("A", 2)]


def test_what_is_sold_out_is_left_out(tmp_path: Path) -> None:
    store = EventStore(tmp_path)
    ingest_rows(store, {"item": "A", "available": "no"}, name="items.csv", source=items_source())
    assert taken(tmp_path, bought("a", "A"), bought("a", "B")) == [("B", 1)]
