from pathlib import Path

import pytest

from habitue.errors import NotEnoughData
from habitue.events.store import EventStore
from habitue.schema import parse_time
from habitue.sequences.minimum import check_enough
from tests.events.made_chunks import good, ingest_rows

AS_OF = parse_time("2024-03-01")


def store_of(folder: Path, *histories: tuple[str, ...], at: str = "2024-01-02") -> EventStore:
    """A store of persons who viewed these items, an item an hour."""
    store = EventStore(folder)
    rows = [
        good(user=f"u{n}", item=item, at=f"{at} {hour:02d}:00:00")
        for n, items in enumerate(histories)
        for hour, item in enumerate(items)
    ]
    ingest_rows(store, *rows)
    store.reload()
    return store


def test_ten_persons_and_two_items_are_enough(tmp_path: Path) -> None:
    check_enough(store_of(tmp_path, *[("A", "B")] * 10), as_of=AS_OF)


@pytest.mark.parametrize(
    ("histories", "persons", "items"),
    [
        ([("A",)], 0, 1),
        ([("A", "B") * 10], 1, 2),
        ([("A", "A")] * 30, 30, 1),
        ([*[("A", "B")] * 9, ("A",)], 9, 2),
    ],
)
def test_less_is_refused_with_what_there_is_and_what_it_takes(
    tmp_path: Path, histories: list[tuple[str, ...]], persons: int, items: int
) -> None:
    told = rf"{persons} persons .* at least twice, and {items} items\. It takes 10 such .* 2 items"
    with pytest.raises(NotEnoughData, match=told) as refused:
        check_enough(store_of(tmp_path, *histories), as_of=AS_OF)
    assert refused.value.code == "not_enough_data"
    assert "habitue popular" in refused.value.fix


def test_later_events_do_not_help(tmp_path: Path) -> None:
    store = store_of(tmp_path, *[("A", "B")] * 10, at="2024-03-02")
    with pytest.raises(NotEnoughData, match="0 persons"):
        check_enough(store, as_of=AS_OF)
