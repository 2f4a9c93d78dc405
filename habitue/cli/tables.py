"""Pieces of which the views are made: numbers, cells and tables as people read them.

In: values of a JSON document. Out: texts and tables for the terminal. Knows no verb.
"""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from habitue.cli.texts import label, retold_sentence
from habitue.display import inert

Json = Mapping[str, "Json"] | Sequence["Json"] | str | int | float | bool | None
Object = Mapping[str, Json]
WHERE = "where"  # what views know beside the document: the option that names the shop


def number(value: float) -> str:
    """Return a number as people read it.

    >>> number(1234567.0), number(12.34), number(0.01234), number(3), number(-1.5e-15)
    ('1,234,567', '12.3', '0.0123', '3', '0')
    """
    if value != value:  # NaN
        return "–"
    if isinstance(value, int) or abs(value) >= 100:
        return f"{value:,.0f}"
    if abs(value) < 0.001:
        return f"{value:.4f}" if abs(value) >= 0.00005 else "0"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3g}"


def cells_table(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    title: str | None = None,
    numbers_from: int | None = None,
    lines: bool = False,
) -> Table:
    """Return a table of these cells; the columns from `numbers_from` on hold numbers."""
    table = Table(title=title, title_justify="left", header_style="bold", show_lines=lines)
    for position, column in enumerate(columns):
        is_number = numbers_from is not None and position >= numbers_from
        # Ids are there to be copied: folded, never cut.
        table.add_column(
            label(column),
            justify="right" if is_number else "left",
            no_wrap=is_number,
            overflow="fold",
        )
    for row in rows:
        if row:
            table.add_row(*row)
        else:
            table.add_section()
    return table


def rows_table(rows: Sequence[Object]) -> Table:
    """Return a table with a column a key."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    cells = [tuple(cell(row.get(column)) for column in columns) for row in rows]
    return cells_table([words(column) for column in columns], cells)


def scalars(console: Console, entries: Object) -> None:
    """Print names and values side by side."""
    grid = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, value in entries.items():
        grid.add_row(f"[dim]{cell(words(name))}", cell(value))
    if grid.row_count:
        console.print(grid)


def heading(console: Console, name: str) -> None:
    """Print what the lines below are about."""
    console.print(f"\n[bold]{words(name)}[/]")


def object_of(entries: Object, key: str) -> Object:
    """Return the object under a key, or an empty one."""
    found = entries.get(key)
    return found if isinstance(found, Mapping) else {}


def objects_of(entries: Object, key: str) -> list[Object]:
    """Return the objects of the list under a key."""
    return [row for row in entries_of(entries, key) if isinstance(row, Mapping)]


def entries_of(entries: Object, key: str) -> list[Json]:
    """Return the list under a key, or an empty one."""
    found = entries.get(key)
    return list(found) if isinstance(found, list | tuple) else []


def whole(entries: Object, key: str) -> int:
    """Return the integer under a key, or 0."""
    found = entries.get(key)
    return found if isinstance(found, int) else 0


def is_nested(value: Json) -> bool:
    """Whether a value holds others."""
    return isinstance(value, Mapping | list | tuple)


def signed(value: Json) -> str:
    """Return a difference with its sign."""
    return f"{value:+.4f}" if isinstance(value, float) else "–"


def cell(value: Json) -> str:
    """Return any value as text that does nothing to a terminal."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return label("yes" if value else "no")
    if isinstance(value, int | float):
        return number(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{cell(words(key))} {cell(one)}" for key, one in value.items())
    if isinstance(value, list | tuple):
        return "; ".join(cell(one) for one in value)
    return escape(inert(retold_sentence(str(value))))


def percent(value: Json) -> str:
    """Return a share in percent."""
    return f"{value:.1%}" if isinstance(value, int | float) else "–"


def words(name: str) -> str:
    """Return a key as words."""
    return label(name.replace("_", " "))
