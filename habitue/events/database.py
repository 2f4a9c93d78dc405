"""A database table, or a query, as records: through SQLAlchemy, streamed.

In: a URL such as `postgresql+psycopg://reader@db/shop?table=events`. Out: its columns, and pieces
of records in bounded memory, in the order of the primary key where there is one. The connection
only reads. Values come as texts, as the database shows them; JSON columns are taken apart as JSON
lines are. A password is never shown. Knows nothing about fields or cleaning.
"""

import re
import sqlite3
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from habitue.errors import FileRefused, MissingExtra, nearest
from habitue.events.json_values import JsonObject, object_of, parse_json
from habitue.events.object_rows import ObjectRows, WantedColumns
from habitue.events.plain_files import check_path
from habitue.events.records import RecordChunk

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine, Result
    from sqlalchemy.sql import Executable

TABLE_KEY: Final = "table"  # of the URL's query: which table is meant
_URL = re.compile(r"^[a-z][a-z0-9_]*(\+[a-z0-9_]+)?://", re.IGNORECASE)
_READING = re.compile(r"(\s|--[^\n]*\n|/\*.*?\*/|\()*(select|with)\b", re.IGNORECASE | re.DOTALL)
_FETCHED_ROWS: Final = 5_000
_QUERY_ROWS: Final = 1_000_000
_CONNECT_SECONDS: Final = 10
_MAX_MESSAGE: Final = 300


def is_url(text: str) -> bool:
    """Return whether a text is a database's URL rather than a path.

    >>> is_url("sqlite:///shop.db?table=events"), is_url("exports/shop.csv")
    (True, False)
    """
    return _URL.match(text) is not None


@dataclass(frozen=True)
class DatabaseTable:
    """A table of a database, or the rows of a query; `url` may hold a password."""

    url: str = field(repr=False)
    query: str = ""

    def __str__(self) -> str:
        """Return the URL as it may be shown: without password and options."""
        table = f"?{TABLE_KEY}={self.table}" if self.table else ""
        return f"{_without_password(_parsed(self)).split('?')[0]}{table}"

    @property
    def name(self) -> str:
        """What reports call it."""
        return self.table or "query"

    @property
    def url_without_password(self) -> str:
        """The URL as it may be written down."""
        return _without_password(_parsed(self))

    @property
    def has_password(self) -> bool:
        """Whether the URL holds a password."""
        return bool(_secrets(_parsed(self)))

    @property
    def table(self) -> str:
        """The table's name, with its schema where the URL has one; empty for a query."""
        named = _parsed(self).query.get(TABLE_KEY, "")
        return named if isinstance(named, str) and not self.query else ""

    def is_same(self, other: "DatabaseTable") -> bool:
        """Return whether both mean the same rows; passwords and users tell nothing apart.

        A URL without a table means the query of its database.
        """
        return _place(self) == _place(other) and other.query in ("", self.query)

    def known_as(self, tables: "Iterable[DatabaseTable]") -> "DatabaseTable":
        """Return the one of these tables that is meant, with the password of the one that has it.

        A table that is not among them is returned as it is.
        """
        known = next((one for one in tables if one.is_same(self)), None)
        if known is None:
            return self
        url = self.url if self.has_password else known.url
        return DatabaseTable(url, known.query)


def _place(table: DatabaseTable) -> tuple[object, ...]:
    url = _parsed(table)
    return (url.get_backend_name(), url.host, url.port, url.database, table.table)


def column_names(table: DatabaseTable) -> list[str]:
    """Return the names of the columns of a table or a query.

    Raises:
        FileRefused: as `read_table`.
        MissingExtra: SQLAlchemy or the database's driver is not installed.
    """
    with _connected(table) as connection:
        return _column_names(connection, table)


def read_table(table: DatabaseTable, *, wanted: WantedColumns) -> Iterator[RecordChunk]:
    """Yield the rows as pieces of records; a row's line is its number.

    Raises:
        FileRefused: `no_database`, `no_table`, `bad_query`, or `database_failed` where the
            connection breaks on the way; nothing is stored then.
        MissingExtra: SQLAlchemy or the database's driver is not installed.
    """
    with _connected(table) as connection:
        statement = _statement(connection, table, wanted)
        with _streamed(connection, statement) as result:
            names = _distinct(table, result.keys())
            as_json = _json_columns(wanted, names)
            rows = ObjectRows(wanted)
            record = 1
            for partition in result.partitions(_FETCHED_ROWS):
                for row in partition:
                    value = _value(dict(zip(names, row, strict=True)), as_json)
                    rows.add(record, record, None, value)
                    record += 1
                yield rows.piece()
            yield rows.piece()


def num_rows(table: DatabaseTable) -> int:
    """Return the number of rows of a table; of a query, which would run twice, a guess."""
    from sqlalchemy import func, select
    from sqlalchemy import table as table_clause

    if table.query:
        return _QUERY_ROWS
    schema, name = _schema_and_name(table)
    with _connected(table) as connection:
        counted = select(func.count()).select_from(table_clause(name, schema=schema))
        return int(connection.execute(counted).scalar_one())


def first_rows(table: DatabaseTable, num_rows: int) -> list[JsonObject]:
    """Return the first rows, JSON columns taken for what they hold."""
    with _connected(table) as connection:
        statement = _statement(connection, table, WantedColumns())
        with _streamed(connection, statement) as result:
            names = _distinct(table, result.keys())
            rows = [dict(zip(names, row, strict=True)) for row in result.fetchmany(num_rows)]
    return [_value(row, frozenset(names)) for row in rows]


def _streamed(connection: "Connection", statement: "Executable") -> "Result[Any]":
    """Run a statement whose rows stay with the server until they are asked for."""
    return connection.execution_options(stream_results=True).execute(statement)


def _distinct(table: DatabaseTable, names: Iterable[str]) -> list[str]:
    """Return the names of a result's columns; a query may give two of them the same."""
    listed = list(names)
    twice = next((name for name in listed if listed.count(name) > 1), "")
    if twice:
        raise FileRefused(
            f"The query on {table} gives the column '{twice}' twice.",
            fix=f"Give one of them another name: SELECT ... AS {twice}_2.",
            code="duplicate_column",
        )
    return listed


def _value(row: Mapping[str, object], as_json: frozenset[str]) -> JsonObject:
    """Return a row as an object; texts of the columns `as_json` that look so are parsed."""
    value = object_of(row)
    for name in as_json:
        cell = value[name]
        if isinstance(cell, str) and cell.lstrip()[:1] in ("{", "["):
            parsed = parse_json(cell)
            value[name] = parsed if isinstance(parsed, dict | list) else cell
    return value


def _json_columns(wanted: WantedColumns, names: Iterable[str]) -> frozenset[str]:
    """Return the columns that something is wanted from within."""
    if wanted.unroll is not None:
        return frozenset(names)
    inner = {column.split(".")[0] for column in wanted.columns if "." in column}
    return frozenset(inner.intersection(names))


def _without_password(url: "URL") -> str:
    plain = type(url).create(
        url.drivername, url.username, None, url.host, url.port, url.database, url.query
    )
    return plain.difference_update_query(["password"]).render_as_string()


def _secrets(url: "URL") -> list[str]:
    given = (url.password, url.query.get("password"))
    return [str(secret) for secret in given if secret]


def _parsed(table: DatabaseTable) -> "URL":
    try:
        from sqlalchemy import make_url
        from sqlalchemy.exc import ArgumentError
    except ModuleNotFoundError:
        raise MissingExtra("database", "Reading a database table") from None
    try:
        return make_url(table.url)
    except (ArgumentError, ValueError):
        raise _no_url() from None


def _no_url() -> FileRefused:
    return FileRefused(
        "That is no database URL.",
        fix="Write it as postgresql+psycopg://USER@HOST/DATABASE?table=NAME or "
        "sqlite:///FILE?table=NAME.",
        code="no_database",
    )


@contextmanager
def _connected(table: DatabaseTable) -> "Iterator[Connection]":
    """Connect for reading, and turn the database's complaints into ours."""
    url = _parsed(table)
    from sqlalchemy.exc import DBAPIError, SQLAlchemyError, StatementError

    engine = _engine(table, url)
    try:
        with engine.connect() as connection:
            if engine.dialect.driver == "psycopg":
                _show_times_as_text(connection)
            yield connection
    except DBAPIError as error:
        code = "database_failed" if error.connection_invalidated else "bad_query"
        code = code if error.statement else "no_database"
        raise _refused(table, url, error.orig or error, code) from None
    except StatementError as error:
        raise _refused(table, url, error.orig or error, "bad_query") from None
    except SQLAlchemyError as error:
        raise _refused(table, url, error, "database_failed") from None
    finally:
        engine.dispose()


def _show_times_as_text(connection: "Connection") -> None:
    """Take times of PostgreSQL as it writes them: Python knows no infinity and no year 10,000."""
    from psycopg.types.string import TextLoader

    connection.exec_driver_sql("SET datestyle = 'ISO, YMD'")
    adapters = connection.connection.driver_connection.adapters  # type: ignore[union-attr]
    for kind in ("date", "timestamp", "timestamptz"):
        adapters.register_loader(kind, TextLoader)


def _engine(table: DatabaseTable, url: "URL") -> "Engine":
    from sqlalchemy import create_engine
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError

    plain = url.difference_update_query([TABLE_KEY])
    try:
        if url.get_backend_name() == "sqlite":
            return create_engine(plain, creator=lambda: _open_sqlite(url.database or ""))
        if url.get_backend_name() == "postgresql":
            return create_engine(
                _with_driver(plain),
                execution_options={"postgresql_readonly": True},
                connect_args={"connect_timeout": _CONNECT_SECONDS},
            )
        return create_engine(plain)
    except ModuleNotFoundError as error:
        if url.get_backend_name() == "postgresql":
            raise MissingExtra("database", "Reading a PostgreSQL table") from None
        raise FileRefused(
            f"The driver of {table} is not installed: {error.name}.",
            fix=f"Install it: pip install {error.name}",
            code="no_driver",
        ) from None
    except NoSuchModuleError:
        raise FileRefused(
            f"No database is known by '{url.drivername}'.",
            fix="Begin the URL with postgresql+psycopg://, sqlite:/// or another that SQLAlchemy "
            "knows.",
            code="no_driver",
        ) from None
    except ArgumentError:
        raise _no_url() from None


def _with_driver(url: "URL") -> "URL":
    """Take psycopg for PostgreSQL where the URL names no driver."""
    return url.set(drivername="postgresql+psycopg") if "+" not in url.drivername else url


def _open_sqlite(name: str) -> sqlite3.Connection:
    """Open an SQLite file for reading; a mistyped name makes no new one."""
    path = Path(name)
    check_path(path)
    return sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True)


def _statement(
    connection: "Connection", table: DatabaseTable, wanted: WantedColumns
) -> "Executable":
    from sqlalchemy import column, inspect, select
    from sqlalchemy import table as table_clause

    if table.query:
        return _query_of(table)
    schema, name = _schema_and_name(table)
    known = _column_names(connection, table)
    chosen = [one for one in known if _is_read(one, wanted)] or known
    clause = table_clause(name, *map(column, known), schema=schema)
    statement = select(*[clause.c[one] for one in chosen])
    key = inspect(connection).get_pk_constraint(name, schema=schema)["constrained_columns"]
    return statement.order_by(*[clause.c[one] for one in key])


def _query_of(table: DatabaseTable) -> "Executable":
    """Return the source's query, which has no parameters: a colon in it is a colon."""
    from sqlalchemy import text

    if not _READING.match(table.query):
        raise FileRefused(
            f"The query on {table} does not begin with SELECT or WITH.",
            fix="A query may only read: write it as SELECT ... FROM ...",
            code="bad_query",
        )
    return text(re.sub(r"(?<!\\):", r"\\:", table.query))


def _is_read(name: str, wanted: WantedColumns) -> bool:
    is_wanted = any(one == name or one.startswith(name + ".") for one in wanted.columns)
    return is_wanted or wanted.unroll is not None


def _column_names(connection: "Connection", table: DatabaseTable) -> list[str]:
    from sqlalchemy import inspect

    if table.query:
        with _streamed(connection, _query_of(table)) as result:
            return list(result.keys())
    schema, name = _schema_and_name(table)
    inspector = inspect(connection)
    names = [*inspector.get_table_names(schema), *inspector.get_view_names(schema)]
    if name not in names:
        raise FileRefused(
            f"{table} has no table '{name}'.{nearest(name, names)}"
            if name
            else f"{table} names no table.",
            fix=f"Add ?{TABLE_KEY}=NAME to the URL; there are: {', '.join(names[:20]) or 'none'}.",
            code="no_table",
        )
    with warnings.catch_warnings():
        # A type that SQLAlchemy does not know is none of our business: values are read as texts.
        warnings.simplefilter("ignore")
        return [str(one["name"]) for one in inspector.get_columns(name, schema)]


def _schema_and_name(table: DatabaseTable) -> tuple[str | None, str]:
    schema, _, name = table.table.rpartition(".")
    return schema or None, name


def _refused(table: DatabaseTable, url: "URL", error: BaseException, code: str) -> FileRefused:
    lines = str(error).strip().splitlines()
    said = lines[0][:_MAX_MESSAGE].rstrip(".") if lines else type(error).__name__
    for secret in _secrets(url):
        said = said.replace(secret, "***")
    fixes = {
        "no_database": "Check host, database, user and password (PGPASSWORD or ~/.pgpass).",
        "bad_query": "Correct the table or the query of its source.",
        "database_failed": "Try again; nothing of it was stored.",
    }
    return FileRefused(f"{table} cannot be read: {said}.", fix=fixes[code], code=code)
