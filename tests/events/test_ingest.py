import os
import shutil
from functools import partial
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from habitue.config import Settings, SourceSettings, StoreSettings
from habitue.errors import Failed, FileRefused, Refused, SettingsError
from habitue.events.ingest import SPILL_FOLDER, Input, ingest_files, ingest_inputs
from habitue.events.ingest_report import IngestReport
from habitue.events.lock import writer_lock
from habitue.events.manifest import read_manifest
from habitue.events.quarantine import read_quarantine
from habitue.events.records import RecordChunk, Rejection
from habitue.events.spill import Spill
from habitue.events.store import EventStore
from tests.events.made_chunks import (
    NOW,
    all_events,
    chunk,
    events_source,
    good,
    ingest_chunks,
    ingest_rows,
    items_source,
)
from tests.events.test_clean import DIRTY_ROWS
from tests.examples import examples
from tests.shop import make_shop, write_csv

SHOP_SOURCE = SourceSettings(
    name="shop",
    columns={
        "user_id": "customer",
        "timestamp": "event_time",
        "event_type": "event_type",
        "item_id": "product_id",
        "item_name": "product_name",
        "item_category": "category",
        "item_brand": "brand",
        "price": "price",
        "quantity": "quantity",
        "order_id": "order_id",
        "platform": "platform",
    },
)


def sums_up(report: IngestReport) -> bool:
    outcome = report.accepted + report.duplicates + report.quarantined
    return report.received == outcome and report.repaired <= report.accepted


def lines(*items: str, keep: bool = True) -> list[dict[str, object]]:
    return [good(event="purchase", item=item, order="o1", price="2") for item in items]


# --- What is seen and left as it is ---


def test_ids_that_name_a_person_are_kept_and_noted_when_they_are_new(tmp_path: Path) -> None:
    rows = [
        good(user="a@b.de"),
        good(user="a@b.de", item="B"),
        good(user=None, visitor="+4930123456"),
    ]
    first, again = (ingest_rows(EventStore(tmp_path), *rows) for _ in range(2))
    assert (first.accepted, first.remarks["looks_like_pii"]) == (3, 2)
    assert any("2 ids look like e-mail addresses" in note for note in first.notes)
    assert "looks_like_pii" not in again.remarks


def test_times_in_another_unit_are_set_aside_with_the_likely_unit(tmp_path: Path) -> None:
    source = events_source(time_unit="s")
    rows = [good(at=str(1_704_189_600 * factor)) for factor in (1, 1000, 10**6, 10**9)]
    report = ingest_rows(EventStore(tmp_path), *rows, source=source)
    assert report.by_reason == {"ts_other_unit": 3}
    for word in ("milliseconds", "microseconds", "nanoseconds"):
        told = f"1 times are none in seconds but would be in {word} ({word}?)"
        assert any(told in note for note in report.notes)


def test_events_that_do_not_fit_together_are_kept_and_noted(tmp_path: Path) -> None:
    store = EventStore(tmp_path)
    rows = [good(event="view", item="B"), good(event="purchase"), good(event="remove", user="u2")]
    report = ingest_rows(store, *rows)
    assert report.accepted == 3
    assert report.remarks == {
        "time_without_zone": 3, "purchase_without_view": 1, "removal_without_cart": 1,
    }  # fmt: skip
    assert any(
        "removals from a cart of what was not put into it (1, 100 % of all)" in n
        for n in report.notes
    )
    refund = ingest_rows(store, good(event="refund", at="2024-02-01 10:00:00"))
    assert "refund_without_purchase" not in refund.remarks


def test_few_purchases_of_what_was_never_seen_are_no_news(tmp_path: Path) -> None:
    seen = [good(user=f"u{n}", event=event) for n in range(2) for event in ("view", "purchase")]
    report = ingest_rows(EventStore(tmp_path), *seen, good(user="u9", event="purchase"))
    assert report.remarks["purchase_without_view"] == 1
    assert not any("do not fit together" in note for note in report.notes)


def test_consent_is_asked_about_while_anything_is_new(tmp_path: Path) -> None:
    store = EventStore(tmp_path)
    told = []
    for _ in range(2):
        report = ingest_rows(store, good())
        told.append(any("agreed to being recorded" in note for note in report.notes))
    assert told == [True, False]


def test_workspaces_know_nothing_of_each_others_event_ids(tmp_path: Path) -> None:
    for shop, item in (("a", "A"), ("b", "B")):
        report = ingest_rows(EventStore(tmp_path / shop), good(id="e1", item=item))
        assert (report.accepted, report.duplicates) == (1, 0)
        assert "duplicate_of" not in report.remarks


# --- Files ---


def test_a_file_with_nothing_but_a_header_is_named(tmp_path: Path) -> None:
    path = tmp_path / "empty.csv"
    path.write_text(",".join(map(str, SHOP_SOURCE.columns.values())) + "\n")
    report = ingest_files(EventStore(tmp_path / "store"), [path], Settings(sources=[SHOP_SOURCE]))
    assert report.received == 0
    assert report.notes[0] == "empty.csv holds no records."


def test_a_made_up_shop_comes_back_from_the_store(tmp_path: Path) -> None:
    shop = make_shop(num_persons=30, days=60)
    path = write_csv(shop, tmp_path / "events.csv")
    store = EventStore(tmp_path / "store")
    report = ingest_files(store, [path], Settings(sources=[SHOP_SOURCE]))
    assert (report.received, report.accepted, report.quarantined) == (shop.events.height,) * 2 + (
        0,
    )
    assert report.event_rows == store.num_events == shop.events.height
    assert report.items == store.num_items == shop.events["item_number"].n_unique()
    assert report.sources[0].file == "events.csv"
    assert report.sources[0].columns["user_id"] == "customer"
    got, true = (
        frame.group_by("event_type")
        .agg(pl.len(), pl.col("value").sum().round(3))
        .sort("event_type")
        for frame in (all_events(store), shop.events)
    )
    assert_frame_equal(got, true)
    for name in ("session_number", "dwell_seconds"):
        assert all_events(store)[name].sum() == pytest.approx(shop.events[name].sum(), rel=0.01)


def test_the_same_file_and_a_renamed_copy_add_nothing(tmp_path: Path) -> None:
    path = write_csv(make_shop(num_persons=10, days=30), tmp_path / "events.csv")
    copy = shutil.copy(path, tmp_path / "copy of events.csv")
    store = EventStore(tmp_path / "store")
    first = ingest_files(store, [path], Settings(sources=[SHOP_SOURCE]))
    fingerprint = store.fingerprint
    for again in (path, copy):
        report = ingest_files(store, [Path(again)], Settings(sources=[SHOP_SOURCE]))
        assert (report.accepted, report.duplicates) == (0, first.accepted)
        assert (report.event_rows, report.items) == (0, 0)
        assert store.fingerprint == fingerprint


def test_a_refused_file_leaves_nothing_of_any_file(tmp_path: Path) -> None:
    good_file = write_csv(make_shop(num_persons=5, days=20), tmp_path / "a.csv")
    broken = tmp_path / "b.csv"
    header = good_file.read_text().splitlines()[0]
    broken.write_text(header + "\n" + "too,few\n" * 50)
    store = EventStore(tmp_path / "store")
    with pytest.raises(FileRefused, match=r"b\.csv cannot be parsed"):
        ingest_files(store, [good_file, broken], Settings(sources=[SHOP_SOURCE]))
    assert store.is_empty
    assert leftovers(store) == []


def test_a_source_that_maps_too_little_is_refused_before_reading(tmp_path: Path) -> None:
    source = SourceSettings(name="shop", columns={"user_id": "user"})
    with pytest.raises(SettingsError, match=r"maps no event_type and no timestamp"):
        ingest_rows(EventStore(tmp_path), good(), source=source)


# --- The sum ---


@settings(max_examples=examples(15), deadline=None)
@given(DIRTY_ROWS, DIRTY_ROWS, st.sampled_from(["drop", "keep"]))
def test_the_sum_comes_out_for_whatever_comes(
    tmp_path_factory: pytest.TempPathFactory,
    first: list[dict[str, object]],
    second: list[dict[str, object]],
    duplicate_rows: str,
) -> None:
    source = events_source(duplicate_rows=duplicate_rows)
    store = EventStore(tmp_path_factory.mktemp("store"))
    unparsed = Rejection(len(first) + 1, 99, None, "columns 3!=4", "", "raw")
    chunks = [chunk(first, rejected=[unparsed]), chunk(second, first_record=len(first) + 2)]
    report = ingest_chunks(store, *chunks, source=source)
    assert sums_up(report)
    assert report.received == len(first) + len(second) + 1
    assert report.event_rows == report.accepted == store.num_events
    assert sum(report.by_reason.values()) == report.quarantined
    again = ingest_chunks(store, *chunks, source=source)
    assert (again.accepted, again.event_rows) == (0, 0)
    assert again.quarantined == report.quarantined
    assert sums_up(again)


def test_one_order_of_five_items_is_one_record(tmp_path: Path) -> None:
    store = EventStore(tmp_path)
    order = chunk([*lines("A", "B", "C", "A", "D")], records=[1] * 5)
    report = ingest_chunks(store, order)
    assert (report.received, report.accepted, report.event_rows) == (1, 1, 5)
    again = ingest_chunks(store, order)
    assert (again.duplicates, again.event_rows) == (1, 0)


def test_an_order_with_one_bad_line_is_accepted_and_the_line_set_aside(tmp_path: Path) -> None:
    store = EventStore(tmp_path)
    rows = [*lines("A", "B"), good(event="purchase", item="C", price="free")]
    report = ingest_chunks(store, chunk(rows, records=[1, 1, 1]))
    assert (report.received, report.accepted, report.quarantined) == (1, 1, 0)
    assert (report.event_rows, report.by_reason) == (2, {})
    assert read_quarantine(tmp_path)[1] == {"price_not_number": 1}


def test_an_order_that_gained_a_line_is_accepted_for_that_line(tmp_path: Path) -> None:
    store = EventStore(tmp_path)
    ingest_chunks(store, chunk(lines("A", "B"), records=[1, 1]))
    report = ingest_chunks(store, chunk(lines("A", "B", "C"), records=[1, 1, 1]))
    assert (report.accepted, report.duplicates, report.event_rows) == (1, 0, 1)


def test_repaired_records_are_counted_among_the_accepted(tmp_path: Path) -> None:
    report = ingest_rows(EventStore(tmp_path), good(user=" u1 "), good(user="u2"))
    assert (report.accepted, report.repaired) == (2, 1)
    assert report.repairs["id_trimmed"] == 1


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo"])
def test_a_time_without_a_zone_is_a_note_until_one_is_set_and_no_repair(
    tmp_path: Path, zone: str
) -> None:
    source = events_source(time_zone=zone)
    rows = [good(), good(user="u2"), good(user="u3", at="2024-01-02T10:00:00Z")]
    report = ingest_rows(EventStore(tmp_path), *rows, source=source)
    assert (report.accepted, report.repaired, report.repairs) == (3, 0, {})
    told = [note for note in report.notes if "zone" in note]
    asked = (
        "2 times name no zone and were read as UTC. If that is not theirs, set time_zone in their "
        "source."
    )
    assert told == ([asked] if zone == "UTC" else [])
    assert report.remarks == {"time_without_zone": 2}


# --- Again, and overlapping ---


def test_equal_rows_are_dropped_or_kept_as_the_source_says(tmp_path: Path) -> None:
    for choice, expected in (("drop", (1, 2)), ("keep", (3, 0))):
        store = EventStore(tmp_path / choice)
        report = ingest_rows(store, *[good()] * 3, source=events_source(duplicate_rows=choice))
        assert (report.accepted, report.duplicates) == expected


@pytest.mark.parametrize("choice", ["drop", "keep"])
def test_an_overlapping_export_adds_only_what_lies_beyond(tmp_path: Path, choice: str) -> None:
    source = events_source(duplicate_rows=choice)
    days = [good(at=f"2024-01-{day:02d} 10:00:00", name="x", price="3") for day in range(1, 21)]
    apart, whole = EventStore(tmp_path / "apart"), EventStore(tmp_path / "whole")
    ingest_rows(whole, *days, source=source)
    ingest_rows(apart, *days[:12], name="january.csv", source=source)
    report = ingest_rows(apart, *days[8:], name="later.csv", source=source)
    assert (report.accepted, report.duplicates) == (8, 4)
    assert_frame_equal(all_events(apart), all_events(whole))
    again = ingest_rows(apart, *days[3:15], name="part.csv", source=source)
    assert (again.accepted, again.duplicates) == (0, 12)


def test_a_changed_event_under_the_same_id_is_kept_and_noted(tmp_path: Path) -> None:
    store = EventStore(tmp_path)
    ingest_rows(store, good(id="e1", price="3"))
    report = ingest_rows(store, good(id="e1", price="3"), good(id="e1", price="4"))
    assert (report.accepted, report.duplicates) == (1, 1)
    assert "1 records carry an event id that was there before" in " ".join(report.notes)
    assert report.remarks["duplicate_of"] == 1
    assert all_events(store)["event_id"].to_list() == ["e1", "e1"]


def test_the_same_content_read_in_another_zone_is_another_event(tmp_path: Path) -> None:
    store = EventStore(tmp_path)
    ingest_rows(store, good())
    report = ingest_rows(store, good(), source=events_source(time_zone="Asia/Tokyo"))
    assert report.accepted == 1


def test_money_in_several_currencies_is_noted(tmp_path: Path) -> None:
    report = ingest_rows(EventStore(tmp_path), good(currency="EUR"), good(currency="GBP"))
    assert report.notes[0].startswith("Money in several currencies (EUR, GBP); it is never conv")


# --- The catalogue ---


def test_catalogue_rows_are_records_too(tmp_path: Path) -> None:
    store = EventStore(tmp_path)
    rows: list[dict[str, object]] = [
        {"item": "A", "name": "Lamp"},
        {"item": "A", "name": "Lamp"},
        {"item": "", "name": "?"},
        {"item": "B", "name": "Rug", "price": "9"},
    ]
    report = ingest_rows(store, *rows, source=items_source())
    assert (report.accepted, report.duplicates, report.quarantined) == (2, 1, 1)
    assert (report.items, report.event_rows) == (2, 0)
    again = ingest_rows(store, *rows, source=items_source())
    assert (again.accepted, again.duplicates, again.items) == (0, 3, 0)
    changed = ingest_rows(store, {"item": "A", "name": "Desk lamp"}, source=items_source())
    assert changed.accepted == 1
    assert store.items()["name"].to_list() == ["Desk lamp", "Rug"]


def test_what_is_no_product_follows_the_settings(tmp_path: Path) -> None:
    store = EventStore(tmp_path)
    rows = [good(item="POST"), good(item="A")]
    ingest_rows(store, *rows)
    assert store.items()["is_product"].to_list() == [True, True]
    before = store.fingerprint
    ingest_rows(store, *rows, source=events_source(not_products=["POST"]))
    assert store.items()["is_product"].to_list() == [False, True]
    assert store.fingerprint != before
    ingest_rows(store, *rows)
    assert store.items()["is_product"].to_list() == [True, True]
    assert store.items()["item_number"].to_list() == [0, 1]


# --- The same again gives the same ---


def many_rows() -> list[dict[str, object]]:
    return [
        good(user=f"u{n * 7 % 11}" if n % 5 else None, visitor=f"v{n % 3}", item=f"i{n % 13}",
             at=f"2024-01-{1 + n % 28:02d} 10:{n % 60:02d}:00", name=f"n{n % 4}", price=str(n % 9),
             query=f"q{n}" if n % 6 == 0 else None)
        for n in range(120)
    ]  # fmt: skip


def cut(rows: list[dict[str, object]], size: int) -> list[RecordChunk]:
    return [
        chunk(rows[start : start + size], first_record=start + 1)
        for start in range(0, len(rows), size)
    ]


@pytest.mark.parametrize("size", [pytest.param(1, marks=pytest.mark.slow), 7, 120])
def test_the_size_of_chunks_changes_nothing(tmp_path: Path, size: int) -> None:
    reference, store = EventStore(tmp_path / "reference"), EventStore(tmp_path / "store")
    ingest_chunks(reference, *cut(many_rows(), 50))
    ingest_chunks(store, *cut(many_rows(), size))
    assert store.fingerprint == reference.fingerprint
    assert_frame_equal(all_events(store), all_events(reference))
    assert_frame_equal(store.items(), reference.items())
    assert_frame_equal(store.read_table("subjects"), reference.read_table("subjects"))


def test_the_number_of_buckets_and_spilling_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference, store = EventStore(tmp_path / "reference"), EventStore(tmp_path / "store")
    ingest_chunks(reference, *cut(many_rows(), 50))
    monkeypatch.setattr("habitue.events.ingest.Spill", partial(Spill, memory_bytes=1))
    ingest_chunks(store, *cut(many_rows(), 20), buckets=9)
    assert store.num_buckets == 9
    assert store.fingerprint == reference.fingerprint
    assert_frame_equal(all_events(store), all_events(reference))


def test_subjects_and_items_are_numbered_as_they_appear(tmp_path: Path) -> None:
    store = EventStore(tmp_path)
    ingest_rows(
        store,
        good(user="007", item="7"),
        good(user="", item="bad row first", price="free"),
        good(user="7", visitor="1e5", item="007"),
        good(user="1e5", item="1.0"),
    )
    subjects = store.read_table("subjects")
    assert subjects.rows() == [
        (0, "user", "007"),
        (1, "user", "7"),
        (2, "anonymous", "1e5"),
        (3, "user", "1e5"),
    ]
    assert store.items()["item_id"].to_list() == ["7", "007", "1.0"]


def test_the_number_of_buckets_is_settled_by_the_first_events(tmp_path: Path) -> None:
    store = EventStore(tmp_path)
    ingest_rows(store, {"item": "A"}, source=items_source())
    ingest_chunks(store, chunk([good()]), buckets=5)
    ingest_chunks(store, chunk([good(user="u2")]), buckets=3)
    assert store.num_buckets == 5
    assert all_events(store).height == 2


@pytest.mark.parametrize(
    ("megabytes", "buckets"), [(1, 4), (100, 16), (1000, 64), (10_000, 256), (100_000, 1024)]
)
def test_larger_logs_get_more_buckets(tmp_path: Path, megabytes: int, buckets: int) -> None:
    given = Input("f", events_source(), lambda: [chunk([good()])], num_bytes=megabytes << 20)
    store = EventStore(tmp_path)
    ingest_inputs(store, [given], Settings(store=StoreSettings()), now=NOW)
    assert store.num_buckets == buckets


# --- All or nothing ---


def leftovers(store: EventStore) -> list[str]:
    manifest = read_manifest(store.folder)
    listed = {part.path for part in manifest.parts} if manifest else set()
    present = {
        path.relative_to(store.folder).as_posix()
        for path in store.folder.glob("*/**/*")
        if path.is_file()
    }
    return sorted(present - listed)


class Killed(BaseException):
    """What a killed process does: nothing more, no cleaning up either."""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["killed", "disk full"])
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_an_ingest_broken_off_anywhere_leaves_the_old_state_or_the_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, kind: str
) -> None:
    rows = [good(user=f"u{n}", item=f"i{n}", query=f"q{n}") for n in range(6)]
    more = [*rows, good(user="u9", item="i9", query="new"), good(user="", item="bad")]
    template = EventStore(tmp_path / "template")
    ingest_rows(template, *rows)
    old = all_events(template)
    num_finished, place = 0, 0
    while num_finished < 1:
        folder = tmp_path / f"{step}{place}"
        shutil.copytree(template.folder, folder)
        store = EventStore(folder)
        with monkeypatch.context() as patch:
            break_at(patch, step, place, Killed() if kind == "killed" else OSError("disk full"))
            try:
                ingest_rows(store, *more)
                num_finished += 1
            except (Killed, Failed):
                pass
        after = EventStore(folder)
        assert all_events(after).height in (old.height, old.height + 1)
        if all_events(after).height == old.height:
            assert_frame_equal(all_events(after), old)
        report = ingest_rows(after, *more)
        assert after.num_events == old.height + 1
        assert sums_up(report)
        assert leftovers(after) == []
        assert read_quarantine(folder)[1] == {"no_subject": 1}
        place += 1
    assert place > 6, "there are many steps to break at"


def break_at(patch: pytest.MonkeyPatch, step: str, place: int, error: BaseException) -> None:
    """Let the `place`-th flush or rename fail, and everything after it too."""
    done = 0

    def failing(original: object, *arguments: object) -> object:
        nonlocal done
        done += 1
        if done > place:
            raise error
        return original(*arguments)  # type: ignore[operator]

    owner = os if step == "fsync" else Path
    patch.setattr(owner, step, wrapped(getattr(owner, step), failing))
    if isinstance(error, Killed):
        patch.setattr(EventStore, "remove_leftovers", EventStore.reload)
        patch.setattr("habitue.events.ingest.shutil.rmtree", lambda *_, **__: None)


def wrapped(original: object, failing: object) -> object:
    def call(*arguments: object) -> object:
        return failing(original, *arguments)  # type: ignore[operator]

    return call


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    store = EventStore(tmp_path)
    with writer_lock(tmp_path), pytest.raises(Refused, match=r"is being written by process \d+"):
        ingest_rows(store, good())
    ingest_rows(store, good())
    assert store.num_events == 1


def test_a_full_disk_is_told_and_the_store_is_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = EventStore(tmp_path)
    ingest_rows(store, good())

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(Failed, match=r"Writing to .* failed: .*No space left on device"):
            ingest_rows(store, good(user="u2"))
    assert store.num_events == 1
    assert leftovers(store) == []
    assert not (tmp_path / SPILL_FOLDER).exists()


# --- Real data ---

BENCHMARK = os.environ.get("HABITUE_BENCHMARK_DATA", "")


@pytest.mark.slow
@pytest.mark.skipif(not BENCHMARK, reason="HABITUE_BENCHMARK_DATA is not set")
def test_two_overlapping_real_exports_of_one_shop_count_once(tmp_path: Path) -> None:
    folder = Path(BENCHMARK) / "online_retail_ii"
    first, second = folder / "year_2009_2010.csv.gz", folder / "2010-12_to_2011-05.csv.gz"
    names = (
        "Invoice",
        "StockCode",
        "Description",
        "Quantity",
        "InvoiceDate",
        "Price",
        "Customer ID",
    )
    other = (
        "InvoiceNo",
        "StockCode",
        "Description",
        "Quantity",
        "InvoiceDate",
        "UnitPrice",
        "CustomerID",
    )
    fields = ("order_id", "item_id", "item_name", "quantity", "timestamp", "price", "user_id")
    sources = [
        SourceSettings(
            name=name,
            columns=dict(zip(fields, columns, strict=True)),
            constants={"event_type": "purchase"},
            refund_order_prefix="C",
            strip_decimal=["user_id"],
            duplicate_rows="keep",
        )
        for name, columns in (("first", names), ("second", other))
    ]
    settings_ = Settings(sources=sources)
    store = EventStore(tmp_path)
    reports = [ingest_files(store, [path], settings_) for path in (first, second)]
    assert [(r.received, r.accepted, r.duplicates, r.quarantined) for r in reports] == [
        (525_461, 417_534, 0, 107_927),
        (209_029, 134_250, 14_803, 59_976),
    ]
    assert [r.by_reason for r in reports] == [{"no_subject": 107_927}, {"no_subject": 59_976}]
    fingerprint = store.fingerprint
    for path in (first, second):
        again = ingest_files(store, [path], settings_)
        assert (again.accepted, again.event_rows) == (0, 0)
    assert store.fingerprint == fingerprint
    refunds = all_events(store).filter(pl.col("event_type") == "refund")
    assert refunds.height > 10_000
    assert (refunds["value"] <= 0).all()
    assert (refunds["quantity"] > 0).all()


def test_a_field_may_be_told_in_few_words_in_one_file_and_in_many_in_another(
    tmp_path: Path,
) -> None:
    """The first are kept as numbers on their way, the others as texts."""
    few = pl.DataFrame(
        {
            "user": [f"u{n}" for n in range(100)],
            "event": "view",
            "at": "2024-01-02 10:00:00",
            "item": [f"i{n}" for n in range(100)],
            "name": ["lamp", None] * 50,
        }
    )
    many = few.with_columns(item="j" + pl.col("item"), name=pl.Series(range(100)))
    none = few.with_columns(item="k" + pl.col("item"), name=pl.lit(None, dtype=pl.String))
    columns = {"user_id": "user", "event_type": "event", "timestamp": "at"}
    columns |= {"item_id": "item", "item_name": "name"}
    read_as = Settings(sources=[events_source(columns=columns)])
    names: list[dict[str, str | None]] = []
    for order in ([few, many, none], [none, many, few], [many, none, few]):
        folder = tmp_path / str(len(names))
        folder.mkdir()
        files = [folder / f"{n}.parquet" for n in range(3)]
        for frame, path in zip(order, files, strict=True):
            frame.write_parquet(path)
        store = EventStore(folder / "store")
        ingest_files(store, files, read_as)
        store.reload()
        names.append(dict(store.items().select("item_id", "name").iter_rows()))
    expected = {f"i{n}": None if n % 2 else "lamp" for n in range(100)}
    expected |= {f"ji{n}": str(n) for n in range(100)} | {f"ki{n}": None for n in range(100)}
    assert names == [expected] * 3
