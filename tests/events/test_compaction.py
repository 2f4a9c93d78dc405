import json
from dataclasses import replace
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from habitue.events import compaction
from habitue.events.compaction import MOST_PARTS, crowded_runs
from habitue.events.manifest import MANIFEST_FILE, Part, part_files, write_manifest
from habitue.events.quarantine import read_quarantine
from habitue.events.store import EventStore
from tests.events.made_chunks import all_events, good, ingest_rows, items_source


def part(rows: int, number: int = 0, *, table: str = "events", bucket: int = 0) -> Part:
    return Part(table, f"{table}/{bucket}/{number}", bucket, rows, 0, 1, rows * 10, "00", rows)


def sizes(*rows: int) -> list[Part]:
    return [part(count, number) for number, count in enumerate(rows)]


def joined(*rows: int) -> list[int]:
    return [one.rows for run in crowded_runs(sizes(*rows)) for one in run]


def test_few_parts_stay_as_they_are() -> None:
    assert joined(*[1] * MOST_PARTS) == []


def test_of_many_the_small_new_ones_are_laid_together() -> None:
    assert joined(*[1] * 9) == [1] * 9
    assert joined(1000, 100, *[1] * 8) == [1] * 8
    assert joined(1000, 5, *[1] * 8) == [5, *[1] * 8]


def test_parts_that_double_in_size_stay() -> None:
    assert joined(512, 256, 128, 64, 32, 16, 8, 4, 2) == []


def test_a_large_part_is_never_rewritten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction, "_CLOSED_BYTES", 500)
    assert joined(1, 1, 60, *[20] * 7) == [20] * 7


def test_each_bucket_of_each_table_is_looked_at_alone() -> None:
    few = [part(1, number, bucket=bucket) for number in range(5) for bucket in (0, 1)]
    few += [part(1, number, table="texts") for number in range(5)]
    assert crowded_runs(few) == []


@given(st.lists(st.integers(1, 1000), max_size=200))
def test_a_bucket_keeps_a_handful_of_parts_and_rows_are_rewritten_seldom(added: list[int]) -> None:
    rows: list[int] = []
    rewritten = 0
    for count in added:
        rows.append(count)
        for run in crowded_runs(sizes(*rows)):
            merged = [one.rows for one in run]
            assert rows[-len(merged) :] == merged
            rows[-len(merged) :] = [sum(merged)]
            rewritten += sum(merged)
        assert len(rows) <= MOST_PARTS + 18
    assert sum(rows) == sum(added)
    assert rewritten <= 12 * sum(added)


def days(number: int) -> list[dict[str, object]]:
    return [
        good(user=f"u{n % 5}", at=f"2024-01-{1 + (7 * number + n) % 28:02d} 10:00:{n:02d}",
             item=f"i{n}", name=f"n{number % 3}", price=str(n), query=f"q{number}")
        for n in range(6)
    ] + [good(user="", at="never", item=f"bad {number}")]  # fmt: skip


def test_a_compacted_store_answers_as_one_that_is_not(tmp_path: Path) -> None:
    plain, compacted = EventStore(tmp_path / "plain"), EventStore(tmp_path / "compacted")
    for number in range(8):
        for store, most in ((plain, 1000), (compacted, 3)):
            with mock.patch.object(compaction, "MOST_PARTS", most):
                ingest_rows(store, *days(number), name=f"day{number}.csv")
                name = f"catalogue {number}"
                ingest_rows(store, {"item": "i1", "name": name}, source=items_source())
    assert len(plain.manifest.parts) > 50
    assert len(compacted.manifest.parts) < 40
    assert compacted.fingerprint == plain.fingerprint
    assert_frame_equal(all_events(compacted), all_events(plain))
    assert_frame_equal(compacted.items(), plain.items())
    for table in ("subjects", "items", "versions"):
        assert_frame_equal(compacted.read_table(table), plain.read_table(table))
    left, right = (read_quarantine(store.folder, 1000)[0] for store in (compacted, plain))
    assert_frame_equal(left, right)
    again = ingest_rows(compacted, *days(4), name="day4.csv")
    assert (again.accepted, again.duplicates) == (0, 6)
    early, late = compacted.start_at, compacted.end_at
    assert (early, late) == (plain.start_at, plain.end_at)


def test_what_a_reader_may_still_open_stays_until_nobody_reads(tmp_path: Path) -> None:
    writer = EventStore(tmp_path)
    with mock.patch.object(compaction, "MOST_PARTS", 2):
        ingest_rows(writer, *days(0))
        ingest_rows(writer, *days(1))
        reader = EventStore(tmp_path)
        seen = all_events(EventStore(tmp_path))
        ingest_rows(writer, *days(2))
        assert writer.manifest.retired
        assert set(writer.manifest.retired) <= part_files(tmp_path)
        assert_frame_equal(all_events(reader), seen)
        del reader
        ingest_rows(writer, *days(3))
    listed = {one.path for one in writer.manifest.parts}
    assert part_files(tmp_path) == listed


def test_an_ingest_that_adds_nothing_leaves_the_names_of_parts_alone(tmp_path: Path) -> None:
    store = EventStore(tmp_path)
    ingest_rows(store, *days(0))
    before = store.manifest
    ingest_rows(store, *days(0))
    assert store.manifest.parts == before.parts
    assert store.manifest.next_part == before.next_part


def test_a_crowded_store_that_a_known_file_lays_together_loses_nothing(tmp_path: Path) -> None:
    spans = (range(1), range(1, 3), range(3, 9))  # each longer than all before it
    files = [[row for number in span for row in days(number)] for span in spans]
    crowded, plain = EventStore(tmp_path / "crowded"), EventStore(tmp_path / "plain")
    for number, rows in enumerate(files):
        ingest_rows(plain, *rows, name=f"{number}.csv")
    written = []
    for number, most in ((0, 1000), (1, 1000), (0, 1), (2, 1)):
        with mock.patch.object(compaction, "MOST_PARTS", most):
            ingest_rows(crowded, *files[number], name=f"{number}.csv")
        document = json.loads((crowded.folder / MANIFEST_FILE).read_bytes())
        written.append(document["manifest"]["next_part"])
    assert written == [2, 3, 4, 5]
    assert_frame_equal(all_events(crowded), all_events(plain))


def test_an_older_store_that_names_a_joined_part_as_the_next_goes_on(tmp_path: Path) -> None:
    old, plain = EventStore(tmp_path / "old"), EventStore(tmp_path / "plain")
    for store, most in ((plain, 1000), (old, 1)):
        with mock.patch.object(compaction, "MOST_PARTS", most):
            ingest_rows(store, *days(0))
            ingest_rows(store, *days(1), *days(2))
            if store is old:
                written = store.manifest
                assert any("joined-000002" in one.path for one in written.parts)
                write_manifest(store.folder, replace(written, next_part=2))
            ingest_rows(store, *[row for number in range(3, 9) for row in days(number)])
    assert_frame_equal(all_events(old), all_events(plain))
    assert old.manifest.next_part == 4
