import polars as pl

from habitue.explanations.groups import group_events
from habitue.explanations.texts import Words
from habitue.schema import EVENT_TYPE, HOUR, parse_time

NOON = parse_time("2025-11-12T12:00:00Z")
ITEMS = pl.DataFrame(
    {
        "item_number": pl.Series([7, 8], dtype=pl.Int32),
        "item_id": ["P7", "P8"],
        "name": ["Tent X", None],
        "category": ["camping", None],
        "brand": [None, None],
    },
    schema_overrides={"brand": pl.String},
)


def events(*rows: tuple[int, str, int | None]) -> pl.DataFrame:
    at, kind, item = (list(column) for column in zip(*rows, strict=True))
    return pl.DataFrame(
        {
            "timestamp": pl.Series(at, dtype=pl.Int64),
            "event_type": pl.Series(kind, dtype=EVENT_TYPE),
            "item_number": pl.Series(item, dtype=pl.Int32),
            "event_key": pl.Series(range(len(at)), dtype=pl.UInt64),
            "event_id": [f"e{n}" for n in range(len(at))],
        }
    )


def texts(frame: pl.DataFrame, language: str = "en", time_zone: str = "UTC") -> list[str]:
    grouped = group_events(frame, ITEMS, Words(language), time_zone=time_zone)
    return [one.text for one in grouped.groups]


def test_the_same_deed_on_the_same_day_is_one_line() -> None:
    frame = events(
        (NOON, "view_item", 7),
        (NOON + 1, "view_item", 8),
        (NOON + 2, "view_item", 7),
        (NOON + 3, "view_item", 7),
        (NOON + 4, "purchase", 7),
    )
    grouped = group_events(frame, ITEMS, Words())
    assert [one.text for one in grouped.groups] == [
        "viewed 'P8' on 12 Nov 2025",
        "viewed 'Tent X' three times on 12 Nov 2025",
        "bought 'Tent X' on 12 Nov 2025",
    ]
    assert grouped.groups[1].event_ids == ("e0", "e2", "e3")
    assert grouped.groups[1].timestamp == NOON + 3
    assert grouped.group_of_event.tolist() == [1, 0, 1, 1, 2]
    assert grouped.sizes.tolist() == [1, 3, 1]


def test_a_day_ends_when_it_does_where_the_shop_is() -> None:
    evening = parse_time("2025-11-12T15:30:00Z")
    frame = events((evening, "search", None), (evening + HOUR, "search", None))
    assert texts(frame) == ["searched twice on 12 Nov 2025"]
    assert texts(frame, time_zone="Asia/Shanghai") == [
        "searched on 12 Nov 2025",
        "searched on 13 Nov 2025",
    ]


def test_chinese_says_it_in_chinese() -> None:
    frame = events((NOON, "view_item", 7), (NOON + 1, "view_item", 7), (NOON + 2, "purchase", None))
    assert texts(frame, "zh") == ["2025年11月12日浏览“Tent X”2次", "2025年11月12日下单"]


def test_a_name_with_braces_is_a_name() -> None:
    strange = ITEMS.with_columns(name=pl.lit("{date} {0}"))
    grouped = group_events(events((NOON, "purchase", 7)), strange, Words())
    assert grouped.groups[0].text == "bought '{date} {0}' on 12 Nov 2025"
