import polars as pl
import pytest

from habitue.events.keys import row_hashes
from habitue.events.merge import Merged, merge

Row = dict[str, object]


def rows_of(*rows: Row, file: int = 0, keep: bool = False) -> pl.DataFrame:
    """Rows with `what` as their content; each is a record of its own unless it says."""
    full = [
        {"subject_id": 1, "received_at": 0, "event_id": None, "_record": place, **row}
        for place, row in enumerate(rows, 1)
    ]
    schema = {
        "subject_id": pl.Int64,
        "received_at": pl.Int64,
        "event_id": pl.String,
        "_record": pl.UInt64,
        "what": pl.String,
    }
    frame = pl.DataFrame(full, schema=schema)
    return frame.with_columns(
        _content=pl.Series(row_hashes(frame, ["event_id", "what"])),
        _file=pl.lit(file, dtype=pl.UInt32),
        _keep_equal=pl.lit(keep),
    )


def merged(*frames: pl.DataFrame, stored: Merged | None = None) -> Merged:
    known = pl.DataFrame(schema={"identity": pl.UInt64})
    if stored is not None:
        known = stored.fresh.select("identity", "subject_id", "event_id")
    return merge(pl.concat(frames), known)


def kept(result: Merged) -> list[str]:
    return result.fresh["what"].to_list()


def test_equal_rows_of_a_file_are_dropped_by_default() -> None:
    result = merged(rows_of({"what": "a"}, {"what": "b"}, {"what": "a"}))
    assert kept(result) == ["a", "b"]


def test_equal_rows_of_a_file_are_kept_where_they_are_meant() -> None:
    result = merged(rows_of({"what": "a"}, {"what": "a"}, {"what": "a"}, keep=True))
    assert kept(result) == ["a", "a", "a"]
    assert result.fresh["event_key"].n_unique() == 3


@pytest.mark.parametrize("keep", [False, True])
def test_the_same_rows_again_add_nothing(keep: bool) -> None:
    file = rows_of({"what": "a"}, {"what": "a"}, {"what": "b"}, keep=keep)
    first = merged(file)
    assert kept(merged(file, stored=first)) == []
    again = file.with_columns(_file=pl.lit(7, dtype=pl.UInt32))
    assert kept(merged(file, again)) == kept(first), "twice in one ingest"


def test_an_overlapping_export_adds_only_what_lies_beyond() -> None:
    first = merged(rows_of({"what": "a"}, {"what": "b"}, {"what": "b"}, keep=True))
    overlap = rows_of({"what": "b"}, {"what": "b"}, {"what": "b"}, {"what": "c"}, keep=True)
    assert kept(merged(overlap, stored=first)) == ["b", "c"]


def test_the_same_content_of_another_subject_is_another_event() -> None:
    first = merged(rows_of({"what": "a"}))
    other = rows_of({"what": "a", "subject_id": 2})
    assert kept(merged(other, stored=first)) == ["a"]


def test_a_second_delivery_under_the_same_id_is_a_duplicate_though_received_later() -> None:
    first = merged(rows_of({"what": "a", "event_id": "e1"}))
    later = rows_of({"what": "a", "event_id": "e1", "received_at": 99})
    result = merged(later, stored=first)
    assert kept(result) == []
    assert result.num_changed_ids == 0


def test_equal_rows_without_ids_received_at_other_times_are_two_events() -> None:
    assert kept(merged(rows_of({"what": "a"}, {"what": "a", "received_at": 99}))) == ["a", "a"]


def test_the_same_id_with_other_content_is_stored_beside_the_first_and_counted() -> None:
    first = merged(rows_of({"what": "a", "event_id": "e1"}))
    changed = rows_of({"what": "b", "event_id": "e1"}, {"what": "a", "event_id": "e1"})
    result = merged(changed, stored=first)
    assert kept(result) == ["b"]
    assert result.num_changed_ids == 1
    assert kept(merged(changed, stored=result)) == ["a"], "known by id and content, not by order"


def test_the_same_id_twice_in_a_file_with_other_content_is_counted() -> None:
    result = merged(rows_of({"what": "a", "event_id": "e1"}, {"what": "b", "event_id": "e1"}))
    assert kept(result) == ["a", "b"]
    assert result.num_changed_ids == 1


def test_the_lines_of_one_order_share_its_id() -> None:
    order = rows_of(
        {"what": "a", "event_id": "o1", "_record": 1},
        {"what": "b", "event_id": "o1", "_record": 1},
        {"what": "b", "event_id": "o1", "_record": 1},
    )
    result = merged(order)
    assert kept(result) == ["a", "b", "b"], "two equal lines of one order are two lines"
    assert result.num_changed_ids == 0
    assert kept(merged(order, stored=result)) == []


def test_given_ids_are_never_kept_twice() -> None:
    rows = rows_of({"what": "a", "event_id": "e1"}, {"what": "a", "event_id": "e1"}, keep=True)
    assert kept(merged(rows)) == ["a"]
