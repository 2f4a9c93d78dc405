"""A table of a real PostgreSQL server as a source."""

from collections.abc import Generator, Iterator
from pathlib import Path

import psycopg
import pytest

from habitue.config import Settings, SourceSettings
from habitue.errors import FileRefused
from habitue.events.database import DatabaseTable, column_names, read_table
from habitue.events.guess import guess_sources
from habitue.events.ingest import ingest_files
from habitue.events.object_rows import WantedColumns
from habitue.events.quarantine import read_quarantine
from habitue.events.store import EventStore
from habitue.schema import parse_time
from tests.postgresql import MISSING, PASSWORD, programs, running_server

pytestmark = pytest.mark.skipif(programs() is None, reason=MISSING)
NUM_ROWS = 12_000
COLUMNS = {
    "event_id": "id",
    "user_id": "customer",
    "timestamp": "at",
    "event_type": "what",
    "item_id": "cart.lines.sku",
    "price": "cart.lines.price",
    "quantity": "cart.lines.qty",
    "value": "total",
}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with running_server() as url:
        with psycopg.connect(url) as connection:
            connection.execute("CREATE SCHEMA web")
            connection.execute("CREATE SEQUENCE web.numbers")
            connection.execute(
                "CREATE TABLE web.events (id uuid PRIMARY KEY, customer bigint, "
                "at timestamptz, what text, cart jsonb, total numeric(20, 2), extra inet)"
            )
            connection.execute(
                "INSERT INTO web.events SELECT md5(n::text)::uuid, 1 + n % 50, "
                "'2024-01-01 12:00+02'::timestamptz + n * interval '1 minute', 'purchase', "
                "jsonb_build_object('lines', jsonb_build_array(jsonb_build_object("
                "'sku', 'A' || n % 7, 'qty', 2, 'price', 1.25))), 2.5, '::1' "
                f"FROM generate_series(1, {NUM_ROWS}) AS n"
            )
        yield url


def settings_of(url: str, **cells: object) -> Settings:
    given = {"name": "web", "url": url, "columns": COLUMNS, **cells}
    return Settings(sources=[SourceSettings.model_validate(given)])


def test_a_large_table_is_streamed_and_ingested_once(server: str, tmp_path: Path) -> None:
    table = DatabaseTable(f"{server}?table=web.events")
    store = EventStore(tmp_path / "store")
    settings = settings_of(table.url)

    first = ingest_files(store, [table], settings)
    again = ingest_files(store, [table], settings)

    assert (first.received, first.accepted, first.quarantined) == (NUM_ROWS, NUM_ROWS, 0)
    assert (again.accepted, again.duplicates) == (0, NUM_ROWS)
    assert store.start_at == parse_time("2024-01-01T10:01:00Z")
    assert store.num_subjects == 50
    assert store.num_items == 7


def test_rows_come_in_pieces_through_a_cursor_of_the_server(server: str) -> None:
    table = DatabaseTable(f"{server}?table=web.events")
    pieces = read_table(table, wanted=WantedColumns(columns=("customer",)))
    assert isinstance(pieces, Generator)
    first = next(pieces)
    with psycopg.connect(server) as connection:
        cursors = connection.execute(
            "SELECT query FROM pg_stat_activity WHERE query LIKE 'FETCH%'"
        ).fetchall()
    pieces.close()
    assert 0 < first.frame.height < NUM_ROWS
    assert len(cursors) == 1


def test_only_reading_is_possible(server: str) -> None:
    table = DatabaseTable(server, query="SELECT nextval('web.numbers')")
    with pytest.raises(FileRefused, match="read-only transaction") as caught:
        list(read_table(table, wanted=WantedColumns()))
    assert caught.value.code == "bad_query"


def test_times_that_no_clock_shows_are_set_aside(server: str, tmp_path: Path) -> None:
    query = (
        "SELECT 'u' AS customer, at, 'view' AS what FROM (VALUES ('infinity'::timestamptz), "
        "('2024-01-02'), ('0044-03-15 BC'), ('12345-01-01')) AS moments (at)"
    )
    columns = {name: COLUMNS[name] for name in ("user_id", "timestamp", "event_type")}
    store = EventStore(tmp_path / "store")
    report = ingest_files(
        store, [DatabaseTable(server, query)], settings_of(server, query=query, columns=columns)
    )
    assert (report.received, report.accepted) == (4, 1)
    assert set(read_quarantine(store.folder)[0]["code"]) == {"time_not_readable"}


def test_kinds_of_columns_as_texts(server: str) -> None:
    query = (
        "SELECT 12345678901234567890::numeric AS a, 1.50::numeric AS b, DATE '2024-01-02' AS c, "
        "TIMESTAMP '2024-01-02 03:04:05.6' AS d, true AS e, 'NaN'::float8 AS f, ARRAY[1, 2] AS g, "
        "'\\x6869'::bytea AS h, INTERVAL '1 hour' AS i"
    )
    table = DatabaseTable(server, query)
    wanted = WantedColumns(columns=tuple(column_names(table)))
    frame = next(read_table(table, wanted=wanted)).frame
    assert frame.select(wanted.columns).row(0) == (
        "12345678901234567890", "1.50", "2024-01-02", "2024-01-02 03:04:05.6", "true", None,
        "[1,2]", "hi", "1:00:00",
    )  # fmt: skip


def test_a_wrong_password_is_told_without_it(server: str) -> None:
    table = DatabaseTable(server.replace(PASSWORD, "sesame") + "?table=web.events")
    with pytest.raises(FileRefused, match="password authentication failed") as caught:
        column_names(table)
    assert caught.value.code == "no_database"
    assert "sesame" not in str(caught.value)


def test_the_password_may_come_from_the_environment(
    server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    table = DatabaseTable(server.replace(f":{PASSWORD}", "") + "?table=web.events")
    assert "customer" in column_names(table)


def test_a_table_that_is_not_there_is_named(server: str) -> None:
    with pytest.raises(FileRefused, match=r"no table 'event'. Did you mean 'events'\?"):
        column_names(DatabaseTable(f"{server}?table=web.event"))


def test_init_describes_a_table_and_leaves_the_password_out(server: str) -> None:
    query = "SELECT id, customer, at, what, total FROM web.events LIMIT 100"
    with psycopg.connect(server) as connection:
        connection.execute(f"CREATE OR REPLACE VIEW web.sales AS {query}")
    report = guess_sources([DatabaseTable(f"{server}?table=web.sales")])
    url = report.sources[0].url.get_secret_value()
    assert PASSWORD not in url
    assert url.endswith("?table=web.sales")
    assert not [guess for guess in report.guesses if PASSWORD in repr(guess)]
    assert any("PGPASSWORD" in guess.because for guess in report.guesses)
