import polars as pl

from habitue.events.consistency import Inconsistencies

NOTHING = pl.DataFrame(
    schema={"subject_id": pl.Int64, "item_number": pl.Int32, "timestamp": pl.Int64,
            "event_type": pl.String}
)  # fmt: skip


def events(*rows: tuple[int, int | None, int, str]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=NOTHING.schema, orient="row")


def counted(new: pl.DataFrame, stored: pl.DataFrame = NOTHING) -> dict[str, int]:
    found = Inconsistencies()
    found.add(new, lambda subjects: stored.filter(pl.col("subject_id").is_in(subjects.implode())))
    return found.counts()


def test_what_stands_alone_is_counted() -> None:
    rows = events(
        (1, 7, 10, "purchase"), (1, 7, 20, "view_item"),
        (2, 7, 10, "refund"), (2, 8, 5, "purchase"), (2, 8, 1, "view_item"),
        (3, 7, 10, "remove_from_cart"), (3, 7, 20, "add_to_cart"),
    )  # fmt: skip
    assert counted(rows) == {
        "purchase_without_view": 1, "refund_without_purchase": 1, "removal_without_cart": 1,
    }  # fmt: skip


def test_what_came_before_at_the_latest_in_the_same_moment_is_enough() -> None:
    rows = events(
        (1, 7, 10, "view_item"), (1, 7, 10, "purchase"), (1, 7, 30, "refund"),
        (1, 7, 5, "add_to_cart"), (1, 7, 6, "remove_from_cart"), (1, None, 9, "refund"),
    )  # fmt: skip
    assert counted(rows) == {}


def test_share_is_of_all_events_of_the_kind_over_all_buckets() -> None:
    found = Inconsistencies()
    for person in (1, 2, 3):
        rows = [(person, 7, 10, "view_item"), (person, 7, 20, "purchase")]
        rows += [(person, 8, 20, "purchase")] if person == 3 else []
        found.add(events(*rows), lambda subjects: NOTHING)
    assert found.shares() == {"purchase_without_view": 0.25}


def test_what_is_stored_already_counts_as_before() -> None:
    refund = events((1, 7, 30, "refund"))
    assert counted(refund) == {"refund_without_purchase": 1}
    assert counted(refund, events((1, 7, 10, "purchase"))) == {}
    assert counted(refund, events((2, 7, 10, "purchase"))) == {"refund_without_purchase": 1}


def test_a_log_of_orders_alone_misses_no_views() -> None:
    assert counted(events((1, 7, 10, "purchase"))) == {}
