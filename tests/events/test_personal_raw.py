"""Rows that readers and drift set aside are kept without personal data, and stay what they were."""

import json
from pathlib import Path

import polars as pl
import pytest

from habitue.config import CleaningSettings, PersonalData, Settings, SourceSettings, StoreSettings
from habitue.events.ingest import ingest_files
from habitue.events.ingest_report import IngestReport
from habitue.events.personal_raw import without_personal
from habitue.events.quarantine import read_quarantine
from habitue.events.records import KNOWN_BY, Form, Rejection, rejected_frame
from habitue.events.retry import retry_quarantine
from habitue.events.store import EventStore
from tests.events.made_chunks import chunk, cleaned, events_source, good, items_source

CARD = "4111 1111 1111 1111"
COLUMNS: dict[str, str | list[str]] = {
    "user_id": "user", "event_type": "event", "timestamp": "at", "item_id": "item",
    "search_query": "query",
}  # fmt: skip
HEADER = "user,event,at,item,query\n"


def rejected(raw: str, form: Form) -> pl.DataFrame:
    return rejected_frame([Rejection(1, 2, 0, "columns 3!=4", "", raw, form)])


def kept(raw: str, form: Form, personal_data: PersonalData = "redact") -> str:
    rows = without_personal(rejected(raw, form), events_source(), personal_data)
    return str(rows["raw"][0])


def settings(personal_data: str, format: str = "csv") -> Settings:
    source = SourceSettings.model_validate({"name": "log", "columns": COLUMNS, "format": format})
    return Settings(
        sources=[source],
        store=StoreSettings(buckets=2),
        cleaning=CleaningSettings.model_validate({"personal_data": personal_data, "max_bad": 0.9}),
    )


def ingested(store: EventStore, path: Path, personal_data: str = "redact") -> IngestReport:
    store.reload()
    return ingest_files(store, [path], settings(personal_data))


def line(n: int, query: str, *, user: str = "u1") -> str:
    return f"{user},view,2024-01-02 10:00:{n:02d},A,{query}\n"


def test_line_that_cannot_be_read_loses_what_names_a_person() -> None:
    assert kept(f"u1,view,pay {CARD},x,y", "line") == "u1,view,pay [redacted],x,y"


def test_object_and_cells_keep_their_ids() -> None:
    text = '{"user":"a@b.de","item":4111111111111111,"query":"mail c@d.de","more":{"pwd":"x"}}'
    assert kept(text, "object") == (
        '{"user":"a@b.de","item":4111111111111111,"query":"mail [redacted]",'
        '"more":{"pwd":"[redacted]"}}'
    )
    cells = {"user": "a@b.de", "query": "call +49301234567", "properties": '{"pwd": "x"}'}
    assert json.loads(kept(json.dumps(cells), "cells")) == {
        "user": "a@b.de", "query": "call [redacted]", "properties": '{"pwd": "[redacted]"}',
    }  # fmt: skip


def test_broken_object_loses_it_too() -> None:
    assert kept('{"user":"a@b.de","query":"c@d.de",,}', "object") == (
        '{"user":"a@b.de","query":"[redacted]",,}'
    )


def test_bytes_that_are_no_text_go_with_what_was_found() -> None:
    rows = rejected("u1,a@b.de,\udcff", "line")
    assert rows["bytes"][0] is not None
    row = without_personal(rows, events_source(), "redact").row(0, named=True)
    assert (row["raw"], row["bytes"], row["form"]) == ("u1,[redacted],�", None, None)


def test_where_it_is_kept_the_row_stays_and_is_known_by_what_redaction_leaves() -> None:
    rows = without_personal(rejected("u1,a@b.de", "line"), events_source(), "keep")
    assert rows.select("raw", KNOWN_BY).row(0) == ("u1,a@b.de", "u1,[redacted]")


def test_nothing_personal_reaches_the_store_from_lines_and_renamed_columns(tmp_path: Path) -> None:
    header_again = "user,event,at,item,find\n"
    rows = [line(1, "tent"), f"u1,view,{CARD}\n", header_again, line(2, f"pay {CARD}")]
    path = tmp_path / "log.csv"
    path.write_text(HEADER + "".join(rows))
    report = ingested(EventStore(tmp_path / "store"), path)
    assert report.by_reason == {"schema_drift": 2, "columns 3!=5": 1}
    raws = read_quarantine(tmp_path / "store")[0]["raw"].to_list()
    assert not any("4111" in raw for raw in raws)
    assert sum("[redacted]" in raw for raw in raws) == 2


def test_retry_makes_nobody_of_an_id_that_was_redacted(tmp_path: Path) -> None:
    path, store = tmp_path / "log.csv", EventStore(tmp_path / "store")
    cut = [line(n, '"tent', user=user) for n, user in enumerate(["a@b.de", "u2"])]
    path.write_text(HEADER + line(9, "tent") + "".join(cut))
    assert ingested(store, path).quarantined == 2
    store.reload()
    source = settings("redact").sources[0].model_copy(update={"quoting": False})
    columns = {"event_type": "event", "timestamp": "at", "user_id": "user"}
    source = source.model_copy(update={"columns": columns})
    report = retry_quarantine(store, settings("redact").model_copy(update={"sources": [source]}))
    assert report.tried.accepted == 1
    assert report.by_reason == {"looks_like_pii": 1}


@pytest.mark.parametrize(("first", "then"), [("redact", "keep"), ("keep", "redact")])
def test_what_is_stored_is_known_again_under_another_setting(
    tmp_path: Path, first: str, then: str
) -> None:
    queries = ["tent", "ask a@b.de", f"pay {CARD}"]
    rows = [line(n, query) for n, query in enumerate(queries)]
    rows += [f"u1,view,{CARD}\n", line(8, "mail c@d.de", user="guest")]
    path, store = tmp_path / "log.csv", EventStore(tmp_path / "store")
    path.write_text(HEADER + "".join(rows))
    before = ingested(store, path, first)
    assert (before.accepted, before.quarantined) == (3, 2)
    store.reload()
    fingerprint, aside = store.fingerprint, read_quarantine(store.folder)[1]
    again = ingested(store, path, then)
    store.reload()
    assert (again.accepted, again.duplicates) == (0, 3)
    assert store.fingerprint == fingerprint
    assert read_quarantine(store.folder)[1] == aside


def test_kept_rows_are_told_apart_by_what_redaction_leaves_of_them() -> None:
    rows = [good(query=f"pay {CARD}"), good(query="tent", price="free"), good(query="a@b.de")]
    result = cleaned(rows, personal_data="keep")
    assert result.frame["search_query"].to_list() == [f"pay {CARD}", "a@b.de"]
    known_by = result.frame["_as_redacted.search_query"].to_list()
    assert known_by == ["pay [redacted]", "[redacted]"]
    assert cleaned([good()], personal_data="keep").frame.columns == cleaned([good()]).frame.columns


def test_catalogue_row_is_known_again_under_another_setting(tmp_path: Path) -> None:
    path, store = tmp_path / "items.csv", EventStore(tmp_path / "store")
    path.write_text("item,text\nA,ask a@b.de\n")
    source = items_source(columns={"item_id": "item", "text": "text"})
    accepted = []
    for personal_data in ("redact", "keep", "redact"):
        given = settings(personal_data).model_copy(update={"sources": [source]})
        accepted.append(ingest_files(store, [path], given).accepted)
        store.reload()
    assert accepted == [1, 0, 0]


def test_rows_without_personal_data_are_handed_on_as_they_are() -> None:
    rows = chunk([], rejected=[Rejection(1, 2, 0, "columns 3!=4", "", "u1,view,tent")]).rejected
    assert without_personal(rows, events_source(), "keep") is rows
