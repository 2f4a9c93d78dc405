from itertools import chain
from pathlib import Path

import polars as pl
import pytest

from habitue.errors import FileRefused
from habitue.events.records import RecordChunk, Rejection, regrouped, rejected_frame

PATH = Path("log.csv")


def chunk(records: list[int], bad: dict[int, str] | None = None) -> RecordChunk:
    frame = pl.DataFrame(
        {"_record": records, "_line": records, "_offset": records},
        schema=dict.fromkeys(["_record", "_line", "_offset"], pl.UInt64),
    )
    rejections = [Rejection(n, n, n, code, "", "raw") for n, code in (bad or {}).items()]
    return RecordChunk(frame, rejected_frame(rejections))


def regroup(pieces: list[RecordChunk], rows: int = 10, max_bad: float = 0.05) -> list[list[int]]:
    chunks = regrouped(pieces, PATH, chunk_rows=rows, max_bad=max_bad)
    return [one.frame["_record"].to_list() for one in chunks]


def test_small_pieces_are_joined_and_large_ones_cut() -> None:
    pieces = [chunk([1, 2]), chunk([3]), chunk([4]), chunk(list(range(5, 50)))]

    assert [len(one) for one in regroup(pieces, rows=4)] == [4, *[4] * 11, 1]


def test_order_and_content_survive_any_grouping() -> None:
    pieces = [chunk(list(range(n, n + 7))) for n in range(1, 71, 7)]

    for rows in (1, 2, 5, 100):
        assert list(chain(*regroup(pieces, rows))) == list(range(1, 71))


def test_rows_of_one_record_stay_in_one_chunk() -> None:
    records = [1, 1, 1, 2, 2, 2, 3, 3, 3, 4]

    for records_of_chunk in regroup([chunk(records)], rows=2):
        assert all(records_of_chunk.count(n) == records.count(n) for n in set(records_of_chunk))


def test_rejected_rows_are_all_handed_on_when_a_chunk_is_cut() -> None:
    piece = chunk([n for n in range(1, 101) if n not in (7, 55)], {7: "columns", 55: "columns"})

    chunks = list(regrouped([piece], PATH, chunk_rows=10, max_bad=0.5))

    assert [n for one in chunks for n in one.rejected["_record"]] == [7, 55]


def test_too_many_bad_lines_sink_the_file_and_the_first_are_named() -> None:
    bad = dict.fromkeys(range(95, 101), "columns 2!=3")

    with pytest.raises(
        FileRefused, match=r"6 of 100 lines.*line 95: a line with 2 fields where its file has 3"
    ) as refusal:
        regroup([chunk(list(range(1, 95)), bad)])
    assert refusal.value.code == "too_many_bad_lines"


def test_bad_lines_up_to_the_allowed_share_do_not() -> None:
    good = list(range(1, 96))
    kept = regroup([chunk(good, dict.fromkeys(range(96, 101), "columns 2!=3"))])
    assert [record for piece in kept for record in piece] == good


def test_one_cut_off_line_does_not_sink_a_short_file_unless_none_is_allowed() -> None:
    pieces = [chunk([1, 2], {3: "columns 2!=3"})]

    assert regroup(pieces) == [[1, 2]]
    with pytest.raises(FileRefused, match="1 of 3 lines"):
        regroup(pieces, max_bad=0)


def test_file_without_a_good_line_is_refused() -> None:
    with pytest.raises(FileRefused, match="1 of 1 lines"):
        regroup([chunk([], {1: "json_syntax"})])


def test_rows_that_break_a_rule_sink_no_file() -> None:
    assert regroup([chunk([1], dict.fromkeys(range(2, 100), "type"))]) == [[1]]


def test_file_of_another_encoding_is_recognised_by_its_bad_lines() -> None:
    bad = dict.fromkeys(range(1, 50), "not_utf8")

    with pytest.raises(
        FileRefused, match=r"49 of 100 lines .*\(line 1: no text in the encoding"
    ) as refusal:
        regroup([chunk(list(range(50, 101)), bad)])
    assert refusal.value.code == "not_utf8"


def test_raw_text_is_kept_whole_unless_it_is_too_long() -> None:
    codes = ("columns 3!=4", "line_too_long", "field_too_long")
    frame = rejected_frame([Rejection(1, 1, None, code, "", "y" * 5000) for code in codes])

    assert frame["raw"].str.len_chars().to_list() == [5000, 2000, 2000]
    assert frame["form"].to_list() == ["line", None, None]


def test_bytes_that_are_no_text_are_kept_beside_what_is_shown() -> None:
    raw = b"a,caf\xe9".decode("utf-8", "surrogateescape")
    frame = rejected_frame([Rejection(1, 1, None, "not_utf8", "", raw)])

    assert frame.row(0)[5:] == ("a,caf\ufffd", "line", b"a,caf\xe9")


def test_text_that_no_bytes_stand_for_is_shown_and_cannot_be_read_again() -> None:
    frame = rejected_frame([Rejection(1, 1, None, "bad_unicode", "", "\ud800y", "object")])

    assert frame.row(0)[5:] == ("?y", None, None)
