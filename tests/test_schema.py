import polars as pl
import pytest

from habitue.errors import Refused
from habitue.schema import (
    DERIVED_COLUMNS,
    EVENT_COLUMNS,
    EVENT_TYPE_ALIASES,
    EVENT_TYPES,
    ITEM_COLUMNS,
    format_time,
    item_label,
    parse_time,
)
from tests.shop import make_shop


def test_times_are_utc_microseconds_and_back() -> None:
    assert parse_time("1970-01-02") == 86_400_000_000
    assert parse_time("2024-03-01T08:00:00+08:00") == parse_time("2024-03-01T00:00:00Z")
    assert format_time(parse_time("2024-03-01T01:02:03Z")) == "2024-03-01T01:02:03Z"


def test_what_is_no_time_is_refused_with_an_example() -> None:
    with pytest.raises(Refused, match=r"'yesterday' is not a time\. Write it as 2025-11-30"):
        parse_time("yesterday")


def test_aliases_lead_to_event_types() -> None:
    assert set(EVENT_TYPE_ALIASES.values()) <= set(EVENT_TYPES)


def test_the_made_up_shop_has_the_columns_of_the_dictionary() -> None:
    shop = make_shop(num_persons=3, days=30)
    assert dict(shop.events.schema) == {**EVENT_COLUMNS, **DERIVED_COLUMNS} | {
        name: shop.events.schema[name] for name in shop.events.columns
    }
    assert dict(shop.items.schema) == ITEM_COLUMNS


def test_an_item_without_a_name_is_called_by_what_is_known() -> None:
    items = pl.DataFrame(
        {
            "item_id": ["1", "2", "3", "4"],
            "name": ["Tent", None, None, None],
            "category": ["a/b", "home/lamps", "2520377", None],
            "brand": ["x", "acme", "acme", "acme"],
        }
    )
    assert items.select(item_label())["name"].to_list() == ["Tent", "acme lamps 2", "3", "4"]
