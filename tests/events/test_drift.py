import polars as pl
import pytest

from habitue.events.drift import MIN_AFTER, MIN_BEFORE, Drift, DriftWatch
from habitue.events.records import RecordChunk, rejected_frame

Row = dict[str, str | None]
MAPPED = ("user", "event", "price")  # readers give these columns even where no row has them


def piece(rows: list[Row], first: int = 1) -> RecordChunk:
    names = dict.fromkeys([*MAPPED, *(name for row in rows for name in row)])
    cells = {name: pl.Series([row.get(name) for row in rows], dtype=pl.String) for name in names}
    numbers = pl.Series(range(first, first + len(rows)), dtype=pl.UInt64)
    frame = pl.DataFrame(cells).with_columns(
        _record=numbers, _line=numbers, _offset=pl.lit(None, dtype=pl.UInt64)
    )
    return RecordChunk(frame, rejected_frame([]))


def objects(count: int, **cells: str) -> list[Row]:
    return [{"user": f"u{n}", "event": "view", **cells} for n in range(count)]


def watched(*pieces: list[Row]) -> tuple[int, list[int], tuple[str, ...]]:
    """How many rows were kept, the records set aside, and the notes."""
    watch = DriftWatch(MAPPED, event_column="event")
    first, kept, aside, notes = 1, 0, list[int](), list[str]()
    chunks = []
    for rows in pieces:
        chunks.append(piece(rows, first))
        first += len(rows)
    for chunk in watch.watched(chunks, "log.jsonl"):
        kept += chunk.frame.height
        aside += chunk.rejected["_record"].to_list()
        notes += chunk.notes
        assert set(chunk.rejected["code"]) <= {"schema_drift"}
    return kept, aside, tuple(notes)


@pytest.mark.parametrize("before_end", [0, 4], ids=["between pieces", "within a piece"])
def test_rows_from_a_renamed_key_on_are_set_aside(before_end: int) -> None:
    old, new = objects(MIN_BEFORE + 4, price="9"), objects(MIN_AFTER, cost="9")
    cut = len(old) - before_end
    kept, aside, notes = watched(old[:cut], old[cut:] + new, objects(5, cost="9"))

    assert kept == len(old)
    assert aside == list(range(len(old) + 1, len(old) + MIN_AFTER + 6))
    assert notes == (
        f"schema_drift: from line {len(old) + 1} of log.jsonl on 'price' is called 'cost'; all "
        "rows from there were set aside. Cut the file there, and describe the second part as a "
        "source of its own.",
    )


def test_second_header_that_renames_a_column_sets_aside_what_follows() -> None:
    header: Row = {"user": "user", "event": "event", "price": "cost"}
    rows = objects(2, price="9")
    assert watched([*rows, header, *rows]) == (
        2,
        [3, 4, 5],
        (
            "schema_drift: from line 3 of log.jsonl on 'price' is called 'cost'; all rows from "
            "there were set aside. Cut the file there, and describe the second part as a source "
            "of its own.",
        ),
    )


def test_mapped_column_may_have_any_name() -> None:
    mapped = ("_row", "event", "price")
    rows: list[Row] = [{"_row": f"u{n}", "event": "view", "price": "9"} for n in range(3)]
    header: Row = {"_row": "_row", "event": "event", "price": "cost"}
    watch = DriftWatch(mapped)
    chunk = piece([*rows, header, *rows])
    chunk = RecordChunk(chunk.frame.select(*mapped, "_record", "_line", "_offset"), chunk.rejected)
    assert [one.frame.height for one in watch.watched([chunk], "log.csv")] == [3]
    assert watch.drift == Drift(3, {"price": "cost"})


def test_third_of_the_names_may_be_others_and_come_again() -> None:
    header: Row = {"user": "user", "event": "event", "price": "cost\t(2)"}
    rows = objects(2, price="9")
    kept, aside, notes = watched(rows, [header], rows, [header, *rows])
    assert (kept, aside) == (2, [3, 4, 5, 6, 7, 8])
    assert "'price' is called 'cost\t(2)'" in notes[0]


@pytest.mark.parametrize(
    "odd",
    [
        "9", "-9", ".5", "2024-01-01T00:00:00Z", "Mon Jan 01 2024", "1 Jan", "nan", "", None, "i10",
        "sold out", "(x)", "N/A", "x" * 100_000,
    ],
    ids=lambda odd: str(odd)[:20],
)  # fmt: skip
@pytest.mark.parametrize("alone", [False, True], ids=["within a piece", "a piece of its own"])
def test_header_with_a_value_in_it_is_a_row(odd: str | None, alone: bool) -> None:
    header: Row = {"user": "user", "event": "event", "price": odd}
    rows = [*objects(2, price="i9"), *objects(1, price="sold out")]
    pieces = [rows, [header], rows] if alone else [[*rows, header, *rows]]
    assert watched(*pieces) == (7, [], ())


@pytest.mark.parametrize("cell", ["i10", "colour"])
def test_one_name_of_two_is_no_header(cell: str) -> None:
    rows: list[Row] = [{"item": f"i{n}", "category": "toys"} for n in range(5)]
    odd: Row = {"item": cell, "category": "category"}
    watch = DriftWatch(("item", "category"))
    kept = [one.frame.height for one in watch.watched([piece([*rows, odd, *rows])], "items.csv")]
    assert (kept, watch.drift) == ([11], None)


@pytest.mark.parametrize(
    "rows",
    [
        [*objects(12, price="9"), *objects(5)],
        [*objects(12, price="9"), *objects(5, price="9", cost="9")],
        [*objects(12, price="9"), *objects(5, cost="9"), *objects(1, price="9")],
        [*objects(12, price="9"), *objects(5, cost="9"), *objects(1)],
        [*objects(6, price="9"), *objects(6), *objects(1, price="9"), *objects(5, cost="9")],
        [*objects(MIN_BEFORE - 1, price="9"), *objects(5, cost="9")],
        [*objects(12, price="9"), *objects(MIN_AFTER - 1, cost="9")],
        [*objects(12, price="9"), *objects(5, cost="9", event="search")],
        [{"user": "user", "event": "view", "price": "9"}, *objects(5, price="9")],
        [{"user": "user", "event": "event", "price": "price"}, *objects(5, price="9")],
    ],
    ids=[
        "a key that ends", "a key that begins", "a key that comes back", "a new key that ends",
        "a key not always there", "too few before", "too few after", "another kind of event",
        "a value like a column's name", "the same header once more",
    ],
)  # fmt: skip
def test_what_may_be_otherwise_raises_no_alarm(rows: list[Row]) -> None:
    assert watched(rows) == (len(rows), [], ())
