"""Tables of SQLite as a source; those of a PostgreSQL server are in `test_postgresql`."""

import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import pytest

from habitue.config import Settings, SourceSettings, load_settings
from habitue.errors import FileRefused, MissingExtra, Refused
from habitue.events.database import DatabaseTable, column_names, is_url, read_table
from habitue.events.guess import guess_sources
from habitue.events.ingest import ingest_files
from habitue.events.object_rows import WantedColumns
from habitue.events.quarantine import read_quarantine
from habitue.events.settings_file import write_settings
from habitue.events.sources import places_of
from habitue.events.store import EventStore
from habitue.events.validate import validate_files
from habitue.workspace import Workspace
from tests.events.adapters import test_segment

COLUMNS = {
    "user_id": "customer",
    "timestamp": "at",
    "event_type": "what",
    "item_id": "article",
    "price": "price",
}
ROWS = [(n, f"c{n % 3}", f"2024-01-{1 + n:02} 10:00:00", "buy", 500 + n, 2.5) for n in range(20)]


def make_table(path: Path, rows: Sequence[Sequence[object]] = ROWS, name: str = "orders") -> str:
    """An SQLite table `(line, customer, at, what, article, price)` and its URL."""
    with sqlite3.connect(path) as connection:
        connection.execute(
            f"CREATE TABLE {name} (line INTEGER PRIMARY KEY, customer TEXT, at TEXT, what TEXT, "
            "article, price REAL)"
        )
        connection.executemany(f"INSERT INTO {name} VALUES (?, ?, ?, ?, ?, ?)", rows)
    connection.close()
    return f"sqlite:///{path}?table={name}"


def settings_of(url: str = "", **cells: object) -> Settings:
    given = {"name": "shop", "columns": COLUMNS, "url": url, **cells}
    return Settings(sources=[SourceSettings.model_validate(given)])


def records(table: DatabaseTable, *columns: str) -> list[tuple[object, ...]]:
    pieces = read_table(table, wanted=WantedColumns(columns=columns))
    return [row for piece in pieces for row in piece.frame.select(columns).rows()]


def test_a_table_is_ingested_once(tmp_path: Path) -> None:
    url = make_table(tmp_path / "shop.db")
    store = EventStore(tmp_path / "store")
    settings = settings_of(url)

    first = ingest_files(store, [DatabaseTable(url)], settings)
    again = ingest_files(store, [DatabaseTable(url)], settings)

    assert (first.received, first.accepted, first.event_rows) == (20, 20, 20)
    assert (again.accepted, again.duplicates, again.event_rows) == (0, 20, 0)
    assert first.sources[0].file == "orders"
    assert store.items()["item_id"].sort().to_list() == [str(500 + n) for n in range(20)]


def test_names_and_values_that_look_like_sql_run_nothing(tmp_path: Path) -> None:
    path, name = tmp_path / "shop.db", 'x"; DROP TABLE kept; --'
    columns = [f'{column}"; DROP TABLE kept; --' for column in COLUMNS.values()]

    def quoted(word: str) -> str:
        return '"' + word.replace('"', '""') + '"'

    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE kept (one TEXT)")
        connection.execute(f"CREATE TABLE {quoted(name)} ({', '.join(map(quoted, columns))})")
        row = ["'; DROP TABLE kept; --", "2024-01-02 10:00:00", "buy", "1) OR 1=1", 2.5]
        connection.execute(f"INSERT INTO {quoted(name)} VALUES (?, ?, ?, ?, ?)", row)
    connection.close()
    url = f"sqlite:///{path}?table={quote(name)}"
    settings = settings_of(url, columns=dict(zip(COLUMNS, columns, strict=True)))
    store = EventStore(tmp_path / "store")
    report = ingest_files(store, [DatabaseTable(url)], settings)
    store.reload()
    assert report.accepted == 1
    assert store.read_table("subjects")["outside_id"].to_list() == [row[0]]
    assert store.items()["item_id"].to_list() == [row[3]]
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
    connection.close()


def test_all_tables_of_the_settings_are_read_where_none_is_named(tmp_path: Path) -> None:
    url = make_table(tmp_path / "shop.db")
    make_table(tmp_path / "shop.db", ROWS[:2], name="old")
    (tmp_path / "shop").mkdir()
    lines = "\n".join(f'{name} = "{column}"' for name, column in COLUMNS.items())
    (tmp_path / "shop" / "habitue.toml").write_text(
        f'[[sources]]\nname = "shop"\nurl = "{url}"\n[sources.columns]\n{lines}\n'
    )
    shop = Workspace(tmp_path / "shop")
    assert shop.validate().report.status in ("PASS", "WARN")
    assert shop.ingest().report.accepted == 20
    assert shop.ingest(url).report.duplicates == 20
    # Another table with the same columns, that no source has the URL of, has no source.
    with pytest.raises(FileRefused, match="No source in the settings says how to read sqlite"):
        shop.ingest(f"sqlite:///{tmp_path}/shop.db?table=old")


def test_a_table_without_a_source_of_its_own_is_matched_by_its_columns(tmp_path: Path) -> None:
    url = make_table(tmp_path / "shop.db")
    report = ingest_files(EventStore(tmp_path / "store"), [DatabaseTable(url)], settings_of())
    assert report.accepted == 20


def test_nothing_named_and_no_table_is_refused() -> None:
    with pytest.raises(Refused, match="No file was named"):
        places_of([], settings_of().sources)


def test_a_query_gives_the_records(tmp_path: Path) -> None:
    url = make_table(tmp_path / "shop.db").split("?")[0]
    query = "SELECT customer, at, what, article, price FROM orders WHERE line < 5 ORDER BY line"
    settings = settings_of(url, query=query)
    places = places_of([DatabaseTable(url)], settings.sources)
    report = ingest_files(EventStore(tmp_path / "store"), places, settings)
    assert (report.accepted, report.sources[0].file) == (5, "query")


def test_a_colon_of_a_query_is_a_colon(tmp_path: Path) -> None:
    url = make_table(tmp_path / "shop.db").split("?")[0]
    query = "-- after ten\nSELECT line FROM orders WHERE at >= '2024-01-05 10:00:00' AND ':x' <> ''"
    assert len(records(DatabaseTable(url, query), "line")) == 16
    assert column_names(DatabaseTable(url, query)) == ["line"]


@pytest.mark.parametrize(
    "query", ["DELETE FROM orders", "  update orders SET price = 0", """ WITHIN"""]
)
def test_a_query_that_does_not_read_is_refused(tmp_path: Path, query: str) -> None:
    url = make_table(tmp_path / "shop.db")
    with pytest.raises(FileRefused, match="does not begin with SELECT or WITH") as refused:
        records(DatabaseTable(url.split("?")[0], query), "line")
    assert refused.value.code == "bad_query"
    assert len(records(DatabaseTable(url), "line")) == 20


def test_rows_come_in_the_order_of_the_key(tmp_path: Path) -> None:
    url = make_table(tmp_path / "shop.db", ROWS[::-1])
    assert [at for (at,) in records(DatabaseTable(url), "line")] == [str(n) for n in range(20)]


def test_values_are_texts_as_the_database_has_them(tmp_path: Path) -> None:
    rows = [(1, "007", "2024-01-01", None, 2**62, float("nan")), (2, 7, 1704067200, "", "a", 1e22)]
    url = make_table(tmp_path / "shop.db", rows)
    assert records(DatabaseTable(url), "customer", "at", "what", "article", "price") == [
        ("007", "2024-01-01", None, str(2**62), None),
        ("7", "1704067200", "", "a", "1e+22"),
    ]


def test_bad_rows_are_set_aside(tmp_path: Path) -> None:
    rows = [
        ROWS[0],
        (1, None, *ROWS[1][2:]),
        (2, "c", "soon", *ROWS[2][3:]),
        (3, "c", ROWS[3][2], "dance", 5, 1.0),
        (4, "c", ROWS[3][2], "buy", 7.5, 1.0),
        (5, "c", ROWS[3][2], "buy", b"\xff\xfe", 1.0),
        (6, "c", ROWS[3][2], "buy", 5, "free"),
        (7, "c\0d", ROWS[3][2], "buy", 5, 1.0),
    ]
    url = make_table(tmp_path / "shop.db", rows)
    store = EventStore(tmp_path / "store")
    settings = settings_of(url, name="shop")
    cleaning = settings.cleaning.model_copy(update={"max_bad": 0.5})
    settings = settings.model_copy(update={"cleaning": cleaning})

    report = ingest_files(store, [DatabaseTable(url)], settings)

    assert (report.received, report.accepted, report.quarantined) == (8, 1, 7)
    set_aside = read_quarantine(store.folder)[0].sort("line")
    assert set_aside.select("file", "line", "code", "field").rows() == [
        ("orders", 2, "no_subject", "user_id"),
        ("orders", 3, "time_not_readable", "timestamp"),
        ("orders", 4, "unknown_type", "event_type"),
        ("orders", 5, "type", "article"),
        ("orders", 6, "not_utf8", "article"),
        ("orders", 7, "price_not_number", "price"),
        ("orders", 8, "control_char", "customer"),
    ]
    assert '"article":"7.5"' in set_aside["raw"][3].replace('"article":7.5', '"article":"7.5"')


def test_what_lies_within_a_json_column_is_mapped_with_dots(tmp_path: Path) -> None:
    cart = '{"lines": [{"sku": "A", "qty": 2}, {"sku": "B", "qty": 1}]}'
    url = make_table(tmp_path / "shop.db", [(1, "c", "2024-01-01", "buy", cart, 1.0)])
    columns = {**COLUMNS, "item_id": "article.lines.sku", "quantity": "article.lines.qty"}
    settings = settings_of(url, columns=columns)
    store = EventStore(tmp_path / "store")
    report = ingest_files(store, [DatabaseTable(url)], settings)
    assert (report.received, report.event_rows) == (1, 2)
    assert store.items()["item_id"].sort().to_list() == ["A", "B"]


def make_calls(path: Path) -> str:
    """An SQLite table of Segment's calls, objects as JSON text, and its URL."""
    names = ("type", "messageId", "anonymousId", "userId", "event", "timestamp", "properties")
    rows = [[test_segment.json_cell(call.get(name)) for name in names] for call in test_segment.ALL]
    with sqlite3.connect(path) as connection:
        connection.execute(f"CREATE TABLE calls ({', '.join(names)})")
        connection.executemany(f"INSERT INTO calls VALUES ({', '.join('?' * len(names))})", rows)
    connection.close()
    return f"sqlite:///{path}?table=calls"


def test_a_published_layout_may_lie_in_a_table(tmp_path: Path) -> None:
    url = make_calls(tmp_path / "calls.db")
    source = SourceSettings.model_validate({"name": "calls", "adapter": "segment", "url": url})
    store = EventStore(tmp_path / "store")
    report = ingest_files(store, [DatabaseTable(url)], Settings(sources=[source]))
    assert (report.received, report.accepted, report.event_rows) == (8, 7, 8)


def test_init_describes_a_table_and_writes_its_url(tmp_path: Path) -> None:
    url = make_table(tmp_path / "shop.db")
    report = guess_sources([DatabaseTable(url)])
    write_settings(tmp_path / "shop", report)
    source = load_settings(tmp_path / "shop").sources[0]
    assert source == report.sources[0]
    assert source.name == "orders"
    assert source.url.get_secret_value() == url
    assert source.columns["user_id"] == "customer"
    assert Workspace(tmp_path / "shop").ingest().report.accepted == 20


def test_a_password_is_nowhere_to_be_seen(tmp_path: Path) -> None:
    secret = DatabaseTable("postgresql://ann:hunter2@127.0.0.1:1/shop?table=events")
    settings = settings_of(secret.url)
    with pytest.raises(FileRefused, match="cannot be read") as caught:
        column_names(secret)
    shown = [
        str(caught.value),
        caught.value.fix,
        str(secret),
        repr(secret),
        secret.name,
        secret.url_without_password,
        repr(settings),
        settings.model_dump_json(),
    ]
    assert not [text for text in shown if "hunter2" in text]
    assert str(secret) == "postgresql://ann@127.0.0.1:1/shop?table=events"
    assert caught.value.code == "no_database"


def test_a_named_table_takes_the_password_from_the_settings_or_brings_its_own() -> None:
    sources = settings_of("postgresql://ann:hunter2@db/shop?table=events").sources
    plain = DatabaseTable("postgresql://db/shop?table=events")
    own = DatabaseTable("postgresql://bob:other@db/shop?table=events")
    other = DatabaseTable("postgresql://db/shop?table=visits")
    found = places_of([plain, own, other, Path("a.csv")], sources)
    assert [one.url for one in found if isinstance(one, DatabaseTable)] == [
        "postgresql://ann:hunter2@db/shop?table=events",
        own.url,
        other.url,
    ]


@pytest.mark.parametrize(
    ("url", "query", "code", "said"),
    [
        ("sqlite:///{0}/none.db?table=a", "", "file_missing", "none.db does not exist"),
        ("sqlite:///{0}/shop.db?table=order", "", "no_table", "no table 'order'.*'orders'"),
        ("sqlite:///{0}/shop.db", "", "no_table", "names no table"),
        ("sqlite:///{0}/shop.db", "SELECT nope FROM orders", "bad_query", "no such column: nope"),
        ("sqlite:///{0}/shop.db", "DELETE FROM orders", "bad_query", "does not begin with SELECT"),
        ("sqlite:///{0}/shop.db", "SELECT 1 AS a, 2 AS a", "duplicate_column", "column 'a' twice"),
        ("sqlite:///{0}/noise.db?table=a", "", "bad_query", "not a database"),
        ("oracle7://x/y?table=a", "", "no_driver", "No database is known by 'oracle7'"),
        ("sqlite://shop.db?table=a", "", "no_database", "no database URL"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused(
    url: str, query: str, code: str, said: str, tmp_path: Path
) -> None:
    make_table(tmp_path / "shop.db")
    (tmp_path / "noise.db").write_bytes(b"noise " * 100)
    table = DatabaseTable(url.format(tmp_path), query)
    with pytest.raises(FileRefused, match=said) as caught:
        list(read_table(table, wanted=WantedColumns()))
    assert caught.value.code == code
    assert not (tmp_path / "none.db").exists()


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    url = make_table(tmp_path / "shop.db")
    settings = settings_of(url, columns={**COLUMNS, "item_id": "artikle"})
    with pytest.raises(FileRefused, match=r"lacks the column 'artikle'.*'article'"):
        ingest_files(EventStore(tmp_path / "store"), [DatabaseTable(url)], settings)


def test_a_view_and_an_empty_table_are_read_too(tmp_path: Path) -> None:
    make_table(tmp_path / "shop.db", [])
    with sqlite3.connect(tmp_path / "shop.db") as connection:
        connection.execute("CREATE VIEW recent AS SELECT * FROM orders")
    connection.close()
    url = f"sqlite:///{tmp_path}/shop.db?table=recent"
    report = validate_files([DatabaseTable(url)], settings_of(url))
    assert report.findings[0].rule == "files_readable"
    store = EventStore(tmp_path / "store")
    assert ingest_files(store, [DatabaseTable(url)], settings_of(url)).received == 0


def test_without_sqlalchemy_the_install_line_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    with pytest.raises(MissingExtra, match=r'pip install "habitue\[database\]"'):
        column_names(DatabaseTable("sqlite:///shop.db?table=a"))


def test_urls_are_told_from_paths() -> None:
    assert is_url("postgresql+psycopg://u@h/d?table=t")
    assert not is_url("C:/exports/shop.csv")
    assert not is_url("./a://b")


def test_init_recognises_a_published_layout_in_a_table(tmp_path: Path) -> None:
    url = make_calls(tmp_path / "calls.db")
    report = guess_sources([DatabaseTable(url)])
    write_settings(tmp_path / "shop", report)
    source = load_settings(tmp_path / "shop").sources[0]
    assert (source.name, source.adapter, source.url.get_secret_value()) == ("calls", "segment", url)
    assert Workspace(tmp_path / "shop").ingest().report.accepted == 7


def test_tables_of_the_same_name_become_sources_of_their_own(tmp_path: Path) -> None:
    urls = [make_calls(tmp_path / name) for name in ("new.db", "old.db")]
    report = guess_sources([DatabaseTable(url) for url in urls])
    assert [source.name for source in report.sources] == ["calls", "calls_2"]
