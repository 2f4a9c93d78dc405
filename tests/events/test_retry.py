"""What was set aside is fed again: as if the file had been ingested by the settings of now."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from habitue.config import Settings, SourceSettings, StoreSettings
from habitue.errors import SettingsError
from habitue.events import parquet, retry
from habitue.events.ingest import ingest_files
from habitue.events.ingest_report import IngestReport
from habitue.events.manifest import Part
from habitue.events.quarantine import read_quarantine, scan_quarantine
from habitue.events.reread import CannotReread, source_now
from habitue.events.retry import RetryReport, retry_quarantine
from habitue.events.store import EventStore
from habitue.workspace import Workspace

COLUMNS: dict[str, str | list[str]] = {
    "user_id": "user", "event_type": "event", "timestamp": "at", "item_id": "item",
    "price": "price", "order_id": "order",
}  # fmt: skip
HEADER = "user,event,at,item,price,order,member,shop\n"


def source(**changes: object) -> SourceSettings:
    changes.setdefault("columns", COLUMNS)
    return SourceSettings.model_validate({"name": "log", **changes})


def mapped(**columns: str | list[str]) -> dict[str, str | list[str]]:
    return {**COLUMNS, **columns}


def row(n: int, **cells: str) -> str:
    given = {
        "user": f"u{n}", "event": "view", "at": f"2024-01-02 10:00:{n:02d}", "item": f"i{n % 3}",
        "price": "2", "order": "", "member": f"m{n}", "shop": "x", **cells,
    }  # fmt: skip
    return ",".join(given.values()) + "\n"


def written(path: Path, *rows: str) -> Path:
    path.write_bytes((HEADER + "".join(rows)).encode())
    return path


def ingested(store: EventStore, files: Sequence[Path], *sources: SourceSettings) -> IngestReport:
    return ingest_files(
        store, files, Settings(sources=list(sources), store=StoreSettings(buckets=2))
    )


def retried(store: EventStore, *sources: SourceSettings) -> RetryReport:
    report = retry_quarantine(store, Settings(sources=list(sources)))
    tried = report.tried
    assert tried.received == tried.accepted + tried.duplicates + tried.quarantined
    assert report.by_reason == read_quarantine(store.folder)[1]
    assert report.rows == sum(report.by_reason.values())
    return report


def told(store: EventStore) -> dict[str, pl.DataFrame]:
    """All that the store holds, by the shop's own ids."""
    subjects = store.read_table("subjects")
    names = dict(subjects.select("subject_id", pl.col("kind") + ":" + pl.col("outside_id")).rows())
    items = dict(store.read_table("items").select("item_number", "item_id").rows())
    events = pl.concat([store.read_bucket(bucket) for bucket in range(store.num_buckets)])
    events = events.with_columns(
        pl.col("subject_id").replace_strict(names, return_dtype=pl.String),
        pl.col("item_number").replace_strict(items, return_dtype=pl.String),
        pl.col(pl.Enum).cast(pl.String),
    )
    catalogue = store.items().drop("item_number").sort("item_id")
    return {"events": events.sort(events.columns), "items": catalogue}


def assert_same(store: EventStore, other: EventStore) -> None:
    mine, theirs = told(store), told(other)
    for table in mine:
        assert_frame_equal(mine[table], theirs[table])


def assert_as_if(
    tmp_path: Path, files: Sequence[Path], wrong: SourceSettings, right: SourceSettings
) -> RetryReport:
    """Ingest by the wrong source, retry by the right one; it must be as by the right one alone."""
    store, other = EventStore(tmp_path / "retried"), EventStore(tmp_path / "right")
    ingested(store, files, wrong)
    report = retried(store, right)
    direct = ingested(other, files, right)
    assert_same(store, other)
    assert report.by_reason == direct.by_reason
    fingerprint = store.fingerprint
    again = ingested(store, files, right)
    assert (again.accepted, again.event_rows) == (0, 0)
    assert store.fingerprint == fingerprint
    assert read_quarantine(store.folder)[1] == direct.by_reason
    return report


# --- Mappings corrected ---


def test_a_wrong_column_corrected_lets_every_row_in(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", *(row(n, user="") for n in range(20)))
    report = assert_as_if(tmp_path, [path], source(), source(columns=mapped(user_id="member")))
    assert (report.tried.received, report.tried.accepted, report.rows) == (20, 20, 0)
    stores = [EventStore(tmp_path / name) for name in ("retried", "right")]
    assert stores[0].fingerprint == stores[1].fingerprint


@pytest.mark.parametrize(
    ("cells", "wrong", "right"),
    [
        ({"event": "zz9"}, {}, {"event_types": {"zz9": "purchase"}}),
        ({"at": "02.01.2024"}, {}, {"time_format": "%d.%m.%Y"}),
        ({"at": "1704189600"}, {"time_unit": "ms"}, {"time_unit": "s"}),
        ({"price": "1.234.5"}, {}, {"columns": mapped(price="item")}),
        ({"price": '"12,50"'}, {}, {"decimal_mark": ","}),
        ({"user": "guest"}, {}, {"columns": mapped(user_id="member")}),
    ],
    ids=["word", "time format", "time unit", "column", "decimal mark", "placeholder"],
)
def test_what_the_settings_now_read_is_let_in(
    tmp_path: Path, cells: dict[str, str], wrong: dict[str, Any], right: dict[str, Any]
) -> None:
    items = {"item": "7"} if "columns" in right else {}
    path = written(tmp_path / "a.csv", *(row(n, **cells, **items) for n in range(5)))
    report = assert_as_if(tmp_path, [path], source(**wrong), source(**right))
    assert (report.tried.accepted, report.rows) == (5, 0)


def test_some_rows_of_several_files_are_let_in_beside_those_that_were(tmp_path: Path) -> None:
    files = [
        written(tmp_path / f"{day}.csv", *(row(n, event="zz9" if n % 4 == day else "view")
                                           for n in range(day, day + 12)))
        for day in range(3)
    ]  # fmt: skip
    right = source(event_types={"zz9": "purchase"})
    report = assert_as_if(tmp_path, files, source(), right)
    assert report.tried.accepted == report.tried.received - report.tried.duplicates
    assert report.rows == 0


def test_what_is_still_bad_stays_with_its_present_reason(tmp_path: Path) -> None:
    rows = [row(1, user="", price="free"), row(2, user="", member=""), row(3, event="dance")]
    path = written(tmp_path / "a.csv", *rows, row(4))
    right = source(columns=mapped(user_id="member"))
    store = EventStore(tmp_path / "store")
    first = ingested(store, [path], source())
    assert first.by_reason == {"no_subject": 2, "unknown_type": 1}
    report = retried(store, right)
    assert report.by_reason == {"no_subject": 1, "price_not_number": 1, "unknown_type": 1}
    assert report.tried.by_reason == report.by_reason
    shown = read_quarantine(store.folder)[0].sort("line")
    assert shown["line"].to_list() == [2, 3, 4]
    assert shown["code"].to_list() == ["price_not_number", "no_subject", "unknown_type"]
    assert shown["field"].to_list() == ["price", "user_id", "event_type"]


def test_a_second_retry_does_nothing(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", row(1, user=""), row(2, event="dance"))
    store, right = EventStore(tmp_path / "store"), source(columns=mapped(user_id="member"))
    ingested(store, [path], source())
    retried(store, right)
    before = store.manifest
    report = retried(store, right)
    assert (report.tried.accepted, report.tried.quarantined, report.rows) == (0, 1, 1)
    assert (store.manifest.parts, store.manifest.next_part) == (before.parts, before.next_part)


def test_without_a_correction_nothing_changes(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", row(1, user=""), "too,few\n", row(2), row(3))
    store = EventStore(tmp_path / "store")
    ingested(
        store,
        [path],
        source(),
    )
    before = store.manifest
    report = retried(store, source())
    assert report.by_reason == {"no_subject": 1, "columns 2!=8": 1}
    assert store.manifest.parts == before.parts


def test_rows_that_the_corrected_file_brought_are_duplicates_and_leave(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", *(row(n, user="") for n in range(3)))
    store, right = EventStore(tmp_path / "store"), source(columns=mapped(user_id="member"))
    ingested(store, [path], source())
    ingested(store, [path], right)
    fingerprint = store.fingerprint
    report = retried(store, right)
    assert (report.tried.accepted, report.tried.duplicates, report.rows) == (0, 3, 0)
    assert store.fingerprint == fingerprint


def test_what_the_source_now_ignores_leaves_without_a_trace(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", row(1, event="heartbeat"), row(2))
    store = EventStore(tmp_path / "store")
    ingested(store, [path], source())
    report = retried(store, source(ignored_events=["heartbeat"]))
    assert report.tried.by_reason == {"no_shop_event": 1}
    assert report.rows == 0


def test_all_items_of_an_order_after_a_renamed_key_come_back(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    orders: list[dict[str, object]] = [
        {
            ("user" if n < 20 else "member"): f"u{n}", "event": "purchase", "order": f"o{n}",
            "at": f"2024-01-02 10:00:{n:02d}",
            "items": [{"sku": f"i{n}-{nth}", "price": 2} for nth in (0, 1, 1)],
        }
        for n in range(25)
    ]  # fmt: skip
    path.write_text("\n".join(json.dumps(order) for order in orders))
    columns = mapped(item_id="items.sku", price="items.price")
    store = EventStore(tmp_path / "store")
    first = ingested(store, [path], source(format="jsonl", columns=columns))
    assert (first.accepted, first.quarantined, first.event_rows) == (20, 5, 60)
    right = source(format="jsonl", columns={**columns, "user_id": "member"})
    report = retried(store, right)
    assert (report.tried.received, report.tried.accepted, report.tried.event_rows) == (5, 5, 15)
    assert report.rows == 0


# --- Equal rows ---


@pytest.mark.parametrize("duplicate_rows", ["drop", "keep"])
def test_equal_rows_count_as_in_the_file(tmp_path: Path, duplicate_rows: str) -> None:
    twice = row(1, event="zz9", order="o1")
    path = written(tmp_path / "a.csv", twice, row(2), twice, twice)
    right = source(event_types={"zz9": "purchase"}, duplicate_rows=duplicate_rows)
    report = assert_as_if(tmp_path, [path], source(duplicate_rows=duplicate_rows), right)
    assert report.tried.accepted == (3 if duplicate_rows == "keep" else 1)


def test_equal_rows_of_files_that_overlap_are_one(tmp_path: Path) -> None:
    bought = row(1, event="zz9")
    files = [
        written(tmp_path / "a.csv", bought, row(2)),
        written(tmp_path / "b.csv", row(3), bought),
    ]
    right = source(event_types={"zz9": "purchase"}, duplicate_rows="keep")
    report = assert_as_if(tmp_path, files, source(duplicate_rows="keep"), right)
    assert (report.tried.accepted, report.tried.duplicates) == (1, 1)


def test_equal_items_of_an_order_are_all_kept_and_all_let_in(tmp_path: Path) -> None:
    order = {
        "user": "u1", "event": "zz9", "at": "2024-01-02T10:00:00Z",
        "items": [{"sku": "A", "price": 2}, {"sku": "A", "price": 2}, {"sku": "B", "price": 3}],
    }  # fmt: skip
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(order) + "\n")
    columns = mapped(item_id="items.sku", price="items.price")
    del columns["order_id"]
    wrong = source(format="jsonl", columns=columns)
    right = source(format="jsonl", columns=columns, event_types={"zz9": "purchase"})
    report = assert_as_if(tmp_path, [path], wrong, right)
    assert (report.tried.received, report.tried.event_rows) == (1, 3)


# --- Lines that could not be parsed ---


def test_lines_with_quotes_that_enclose_nothing_are_read_once_told_so(tmp_path: Path) -> None:
    path = written(
        tmp_path / "a.csv",
        *(row(n) for n in range(30)),
        row(31, item='"x"y'),
        row(32),
        row(33, item='"never closed'),
        *(row(n) for n in range(34, 60)),
    )
    report = assert_as_if(tmp_path, [path], source(), source(quoting=False))
    assert (report.tried.accepted, report.rows) == (2, 0)


def test_bytes_of_another_encoding_are_read_once_it_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    lines = [row(n).encode() for n in range(30)]
    lines.insert(9, row(40, item="café").encode("cp1252"))
    path.write_bytes(HEADER.encode() + b"".join(lines))
    report = assert_as_if(tmp_path, [path], source(), source(encoding="cp1252"))
    assert (report.tried.accepted, report.rows) == (1, 0)
    assert "café" in EventStore(tmp_path / "retried").items()["item_id"].to_list()


def test_json_records_are_read_again_from_what_they_were(tmp_path: Path) -> None:
    good = {"event": "view", "at": "2024-01-02T10:00:00Z", "item": "A"}
    records = [
        {**good, "user": 1.5, "member": "m1"},  # a decimal number is no id
        {**good, "user": True, "member": "m2"},
        {**good, "user": "u3", "member": 4.5},
    ]
    path = tmp_path / "a.jsonl"
    text = "".join(json.dumps(record) + "\n" for record in records)
    path.write_text(text + '{"user": "u4", "user": "u5"}\n' * 2 + text.replace("10:00", "11:00"))
    columns = {name: COLUMNS[name] for name in ("user_id", "event_type", "timestamp", "item_id")}
    wrong = source(format="jsonl", columns=columns)
    right = source(format="jsonl", columns={**columns, "user_id": "member"})
    store = EventStore(tmp_path / "store")
    given = Settings(sources=[wrong]).model_copy(
        update={"cleaning": Settings().cleaning.model_copy(update={"max_bad": 0.5})}
    )
    report = ingest_files(store, [path], given)
    assert report.by_reason == {"type": 4, "duplicate_key": 2}
    after = retried(store, right)
    assert after.tried.accepted == 4
    assert after.by_reason == {"duplicate_key": 2}


# --- What cannot be read again ---


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    at = [datetime(2024, 1, 2, 10, n, 0, 123_456, tzinfo=UTC) for n in range(4)]
    frame = pl.DataFrame(
        {"user": [2**60 + n for n in range(4)], "event": ["zz9", "view"] * 2, "at": at,
         "item": ["A", "B"] * 2, "price": [0.1, 1 / 3, 2.5, 4.0], "order": [None, 1, 2, 3]}
    )  # fmt: skip
    path = tmp_path / "a.parquet"
    frame.write_parquet(path)
    right = source(event_types={"zz9": "purchase"})
    report = assert_as_if(tmp_path, [path], source(), right)
    assert (report.tried.accepted, report.rows) == (2, 0)


def test_parquet_columns_that_were_not_mapped_are_kept_for_rows_set_aside(tmp_path: Path) -> None:
    """Only mapped columns are read; of a row that is set aside the others are read after it."""
    at = [datetime(2024, 1, 2, 10, n, tzinfo=UTC) for n in range(6)]
    frame = pl.DataFrame(
        {
            "user": ["", "u1", "", "u2", "", ""],
            "event": ["view"] * 6,
            "wrong": ["x"] * 6,
            "item": ["A"] * 6,
            "when": {"happened": at},
            "member": {"id": [f"m{n}" for n in range(6)]},
            "price": ["1"] * 6,
            "cost": [1.1 * n for n in range(6)],
            "order": [None] * 6,
            "tags": [["a", "b"]] * 6,
        }
        | {
            "when": pl.Series([{"happened": one} for one in at]),
            "member": pl.Series([{"id": 2**60 + n, "new": n % 2 == 0} for n in range(6)]),
        }
    )  # fmt: skip
    path = tmp_path / "a.parquet"
    frame.write_parquet(path, row_group_size=2)
    wrong = source(columns=mapped(timestamp="wrong"))
    right = source(
        columns=mapped(
            timestamp="when.happened", user_id="member.id", price="cost", properties="tags"
        )
    )
    report = assert_as_if(tmp_path, [path], wrong, right)
    assert (report.tried.accepted, report.rows) == (6, 0)
    stores = [EventStore(tmp_path / name) for name in ("retried", "right")]
    assert stores[0].fingerprint == stores[1].fingerprint


def test_rows_without_a_column_that_is_mapped_now_are_not_tried() -> None:
    columns = json.dumps(dict.fromkeys(["user", "event", "at", "item", "price", "order"], "String"))
    assert source_now("log", "a.csv", columns, [source()]).name == "log"
    elsewhere = source(columns=mapped(user_id="member"))
    with pytest.raises(CannotReread) as told_why:
        source_now("log", "a.csv", columns, [elsewhere])
    assert (told_why.value.why, told_why.value.what) == ("column_not_kept", "member")
    # An object that lacks a key says nothing of it.
    is_open = source(columns=mapped(user_id="member"), format="jsonl")
    assert source_now("log", "a.jsonl", columns, [is_open]) == is_open


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_the_rest_of_the_columns_become_properties_as_on_reading(tmp_path: Path, kind: str) -> None:
    names = HEADER.strip().split(",")
    rows = [row(n, event="zz9" if n % 2 else "view") for n in range(6)]
    frame = pl.DataFrame([dict(zip(names, one.strip().split(","), strict=True)) for one in rows])
    path = tmp_path / f"a.{kind}"
    if kind == "csv":
        written(path, *rows)
    elif kind == "jsonl":
        frame.write_ndjson(path)
    else:
        frame.write_parquet(path)
    kinds: dict[str, Any] = {"format": "jsonl"} if kind == "jsonl" else {}
    wrong = source(columns=mapped(properties="*"), **kinds)
    right = source(columns=mapped(properties="*"), event_types={"zz9": "purchase"}, **kinds)
    report = assert_as_if(tmp_path, [path], wrong, right)
    assert (report.tried.accepted, report.rows) == (3, 0)


def test_rows_of_a_source_that_is_gone_are_not_tried(tmp_path: Path) -> None:
    store = EventStore(tmp_path / "store")
    ingested(store, [written(tmp_path / "a.csv", row(1, user=""))], source())
    report = retried(store, source(name="other"))
    assert dict(report.not_fed) == {"no_source": 1}
    assert report.by_reason == {"no_subject": 1}


def test_a_row_too_long_to_be_kept_is_cut_and_not_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("habitue.events.quarantine.MAX_RAW_BYTES", 4_000)
    store, right = EventStore(tmp_path / "store"), source(columns=mapped(user_id="member"))
    long = [row(1, user="", shop="x" * 3_000), row(2, user="", shop="x" * 5_000)]
    ingested(store, [written(tmp_path / "a.csv", *long)], source())
    report = retried(store, right)
    assert report.tried.accepted == 1
    assert dict(report.not_fed) == {"not_kept_whole": 1}


def test_settings_that_are_wrong_are_told_and_nothing_is_done(tmp_path: Path) -> None:
    store = EventStore(tmp_path / "store")
    ingested(store, [written(tmp_path / "a.csv", row(1, user=""))], source())
    before = store.manifest
    with pytest.raises(SettingsError, match="maps the unknown field 'who'"):
        retry_quarantine(store, Settings(sources=[source(columns=mapped(who="user"))]))
    store.reload()
    assert store.manifest == before


# --- Catalogue ---


def test_a_catalogue_row_let_in_late_does_not_outweigh_what_came_after_it(tmp_path: Path) -> None:
    columns: dict[str, str | list[str]] = {"item_id": "item", "name": "name", "price": "price"}
    wrong = source(table="items", columns=columns)
    right = source(table="items", columns=columns, decimal_mark=",")
    files = []
    for number, lines in enumerate(('A,Old,"1,5"\n', "A,New,\n", 'B,Other,"2,5"\n')):
        files.append(tmp_path / f"{number}.csv")
        files[-1].write_text("item,name,price\n" + lines)
    stores = [EventStore(tmp_path / name) for name in ("retried", "right")]
    for store, given_source in zip(stores, (wrong, right), strict=True):
        for path in files:
            ingested(store, [path], given_source)
    report = retried(stores[0], right)
    assert (report.tried.accepted, report.rows) == (2, 0)
    catalogue = stores[0].items().sort("item_id")
    assert catalogue.select("item_id", "name", "price").rows() == [
        ("A", "New", 1.5), ("B", "Other", 2.5),
    ]  # fmt: skip
    assert_frame_equal(catalogue.drop("item_number"),
                       stores[1].items().sort("item_id").drop("item_number"))  # fmt: skip


# --- All or nothing ---


def test_a_retry_that_breaks_off_leaves_the_store_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "a.csv", row(1, user=""), row(2))
    store, right = EventStore(tmp_path / "store"), source(columns=mapped(user_id="member"))
    ingested(store, [path], source())
    before, fingerprint = store.manifest, store.fingerprint
    with monkeypatch.context() as broken:
        broken.setattr("habitue.events.ingest.write_manifest", _broken)
        with pytest.raises(RuntimeError, match="broken"):
            retry_quarantine(store, Settings(sources=[right]))
    assert EventStore(store.folder).manifest == before
    assert store.fingerprint == fingerprint
    assert retried(store, right).tried.accepted == 1


def _broken(*_: object) -> None:
    raise RuntimeError("broken")


def test_a_store_with_nothing_set_aside_has_nothing_to_try(tmp_path: Path) -> None:
    store = EventStore(tmp_path / "store")
    assert retried(store, source()).rows == 0
    ingested(store, [written(tmp_path / "a.csv", row(1))], source())
    assert retried(store, source()).tried.received == 0


# --- The verb ---


def test_the_verb_tells_what_was_let_in_and_what_was_not(tmp_path: Path) -> None:
    settings_file = tmp_path / "shop" / "habitue.toml"
    settings_file.parent.mkdir()
    text = '[[sources]]\nname = "log"\n[sources.columns]\n'
    lines = {name: f'{name} = "{column}"\n' for name, column in COLUMNS.items()}
    settings_file.write_text(text + "".join(lines.values()))
    shop = Workspace(tmp_path / "shop")
    shop.ingest(written(tmp_path / "a.csv", row(1, user=""), row(2, event="dance"), row(3)))
    lines["user_id"] = 'user_id = "member"\n'
    settings_file.write_text(text + "".join(lines.values()))
    document: Mapping[str, Any] = shop.quarantine_retry().as_json()
    assert document["rows"] == 1
    assert document["by_reason"] == {"unknown_type": 1}
    assert (document["received"], document["accepted"], document["quarantined"]) == (2, 1, 1)
    assert shop.log.num_buckets > 0
    assert set(retry.WHY_NOT_FED) == {"not_kept_whole", "no_source", "column_not_kept"}


# --- Whatever the file ---

cells = st.fixed_dictionaries(
    {
        "user": st.sampled_from(["", "u1", "u2", "guest", "42"]),
        "event": st.sampled_from(["view", "zz9", "dance", "buy"]),
        "at": st.sampled_from(["2024-01-02 10:00:00", "2024-01-03", "3.1.2024", ""]),
        "item": st.sampled_from(["A", "B", '"C ""x"""', "", "D\u00e9"]),
        "price": st.sampled_from(["1", "2.5", '"1,5"', "free", "-1"]),
        "order": st.sampled_from(["", "o1"]),
        "member": st.sampled_from(["", "m1", "m2"]),
        "shop": st.sampled_from(["x", '"a\nb"']),
    }
)
changes = st.fixed_dictionaries(
    {
        "columns": st.sampled_from([COLUMNS, mapped(user_id="member"), mapped(price="order")]),
        "event_types": st.sampled_from([{}, {"zz9": "purchase"}]),
        "decimal_mark": st.sampled_from([".", ","]),
    }
)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(
    files=st.lists(st.lists(cells, min_size=1, max_size=12), min_size=1, max_size=3),
    right=changes,
    duplicate_rows=st.sampled_from(["drop", "keep"]),
)
def test_wrong_words_then_a_retry_is_as_if_they_had_been_right(
    tmp_path_factory: pytest.TempPathFactory,
    files: list[list[dict[str, str]]],
    right: dict[str, Any],
    duplicate_rows: str,
) -> None:
    """A source that takes nothing, corrected, takes what the right one takes, in the same order."""
    folder, names = tmp_path_factory.mktemp("any"), HEADER.strip().split(",")
    paths = [
        written(
            folder / f"{n}.csv", *(",".join(one[name] for name in names) + "\n" for one in rows)
        )
        for n, rows in enumerate(files)
    ]
    wrong = source(columns=mapped(timestamp="shop"), duplicate_rows=duplicate_rows)
    corrected = source(**right, duplicate_rows=duplicate_rows)
    store, other = EventStore(folder / "retried"), EventStore(folder / "right")
    # In one go, as the retry: an ingest each would note more of what items were called when.
    ingested(store, paths, wrong)
    ingested(other, paths, corrected)
    assert store.num_events == 0
    report = retried(store, corrected)
    assert store.fingerprint == other.fingerprint
    assert report.by_reason == read_quarantine(other.folder)[1]


# --- How often the quarantine, and a file behind it, is read ---


def test_each_part_is_read_as_often_for_many_files_as_for_few(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[int] = []

    def counted(folder: Path, parts: Sequence[Part]) -> pl.LazyFrame:
        reads.append(len(parts))
        return scan_quarantine(folder, parts)

    monkeypatch.setattr(retry, "scan_quarantine", counted)
    right = source(columns=mapped(user_id="member"))
    totals = []
    for num_files in (2, 20):
        folder = tmp_path / str(num_files)
        folder.mkdir()
        store = EventStore(folder / "store")
        files = [
            written(folder / f"{n}.csv", row(n, user=""), row(n + 30)) for n in range(num_files)
        ]
        ingested(store, files, source())
        reads.clear()
        assert retried(store, right).tried.accepted == num_files
        totals.append(sum(reads))
    assert totals[0] == totals[1] <= 3


def test_files_whose_rows_lie_in_several_parts_are_fed_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("habitue.events.quarantine._MEMORY_BYTES", 1)
    files = [
        written(tmp_path / f"{n}.csv", *(row(3 * n + one, user="") for one in range(3)))
        for n in range(4)
    ]
    report = assert_as_if(tmp_path, files, source(), source(columns=mapped(user_id="member")))
    assert (report.tried.accepted, report.rows) == (12, 0)


def test_unread_columns_are_read_once_however_many_chunks_have_bad_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    num_rows = 400
    frame = pl.DataFrame(
        {
            "user": [None if n % 5 == 0 else f"u{n}" for n in range(num_rows)],
            "event": "view", "at": [f"2024-01-02 10:{n // 60:02d}:{n % 60:02d}"
                                    for n in range(num_rows)],
            "item": "A", "price": "2", "order": None,
            "member": [f"m{n}" for n in range(num_rows)],
        }
    )  # fmt: skip
    path = tmp_path / "a.parquet"
    frame.write_parquet(path, row_group_size=num_rows)
    read = parquet._batches
    num_read: Counter[tuple[str, ...]] = Counter()

    def counted(
        path: Path,
        columns: tuple[str, ...],
        batch_rows: int,
        row_groups: list[int] | None,
        coded: parquet.CodedColumns | None = None,
    ) -> Iterator[object]:
        for batch in read(path, columns, batch_rows, row_groups, coded):
            num_read[columns] += 1
            yield batch

    monkeypatch.setattr(parquet, "_batches", counted)
    monkeypatch.setattr(parquet, "_OBJECT_ROWS", 10)
    store = EventStore(tmp_path / "store")
    settings = Settings(sources=[source()], store=StoreSettings(buckets=2, chunk_rows=20))
    assert ingest_files(store, [path], settings).quarantined == num_rows // 5
    assert num_read["member",] == num_rows // 10
    raws = read_quarantine(store.folder, num_rows)[0]["raw"].to_list()
    assert all(f'"member":"m{5 * n}"' in raw for n, raw in enumerate(raws))


def test_unread_columns_of_records_that_lie_before_are_read_again(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pl.DataFrame({"a": range(9), "b": range(9)}).write_parquet(path, row_group_size=4)
    rest = parquet.RestOfRecords(path, columns=("a",))
    for records in ([8, 9], [1, 6], [2], []):
        found = rest(pl.Series(records, dtype=pl.UInt64))
        assert found["_record"].to_list() == records
        assert records == [] or found["b"].to_list() == [record - 1 for record in records]
    rest.close()
