"""All layouts known by name, and a source's settings with what its layout implies.

In: a file, or a source that names an adapter. Out: which layout a file is, and by what; the
settings that the layout gives the file, beneath those that the source itself sets. Knows nothing
about cleaning.
"""

from collections.abc import Iterable
from pathlib import Path

from habitue.config import SourceSettings
from habitue.display import quoted
from habitue.errors import FileRefused
from habitue.events import parquet
from habitue.events.adapters.ga4 import GA4
from habitue.events.adapters.layout import Adapter, Head
from habitue.events.adapters.posthog import POSTHOG
from habitue.events.adapters.recbole import RECBOLE
from habitue.events.adapters.recsys2025 import RECSYS2025
from habitue.events.adapters.rees46 import REES46
from habitue.events.adapters.segment import RUDDERSTACK, SEGMENT
from habitue.events.adapters.sensors import SENSORS
from habitue.events.database import DatabaseTable, first_rows
from habitue.events.delimited import read_header
from habitue.events.formats import file_format
from habitue.events.json_lines import first_objects

# In this order a file is held against them; no two recognise the same file.
ADAPTERS: dict[str, Adapter] = {
    one.name: one
    for one in (GA4, SEGMENT, RUDDERSTACK, POSTHOG, SENSORS, RECBOLE, REES46, RECSYS2025)
}
_MERGED = ("columns", "constants", "event_types")
_HEAD_RECORDS = 200


def recognise(path: Path | DatabaseTable) -> tuple[Adapter, str] | None:
    """Return the layout of a file and by what it is told; None where none is known.

    Raises:
        FileRefused: the file cannot be read at all.
    """
    head = head_of(path)
    for adapter in ADAPTERS.values():
        if because := adapter.recognise(head):
            return adapter, because
    return None


def settled(source: SourceSettings, path: Path | DatabaseTable) -> SourceSettings:
    """Return the source as it reads this file: what its layout implies, its own settings above.

    A field that the source maps to nothing (`value = ""`) is taken out. A source without an
    adapter is returned as it is.

    Raises:
        FileRefused: `wrong_layout`, the file is not of the layout that the source names.
    """
    if not source.adapter:
        return source
    adapter, head = ADAPTERS[source.adapter], head_of(path)
    implied = adapter.source_of(head)
    # Without a single record there is nothing that could be laid out otherwise.
    if (head.objects or head.format == "csv") and not adapter.recognise(head):
        raise _wrong_layout(path, source, adapter)
    return _laid_above(implied, source)


def settled_again(source: SourceSettings, head: Head) -> SourceSettings:
    """Return the source as it reads records of a file of which only this `head` is left."""
    if not source.adapter:
        return source
    return _laid_above(ADAPTERS[source.adapter].source_of(head), source)


def _laid_above(implied: SourceSettings, source: SourceSettings) -> SourceSettings:
    own = {name: getattr(source, name) for name in source.model_fields_set}
    for name in _MERGED:
        own[name] = {**getattr(implied, name), **getattr(source, name)}
    own["columns"] = {field: column for field, column in own["columns"].items() if column}
    return implied.model_copy(update=own)


def head_of(path: Path | DatabaseTable) -> Head:
    """Return the beginning of a file or a table.

    Raises:
        FileRefused: it cannot be read at all.
    """
    if isinstance(path, DatabaseTable):
        objects = first_rows(path, _HEAD_RECORDS)
        return Head(Path(path.table or "query"), "jsonl", tuple(_keys(objects)), tuple(objects))
    found = file_format(path)
    if found == "parquet":
        columns = tuple(field.name for field in parquet.read_schema(path))
        return Head(path, found, columns, tuple(parquet.first_objects(path, _HEAD_RECORDS)))
    if found == "jsonl":
        objects = first_objects(path, encoding="utf-8", num_objects=_HEAD_RECORDS)
        return Head(path, found, tuple(_keys(objects)), tuple(objects))
    return Head(path, found, _header(path))


def _header(path: Path) -> tuple[str, ...]:
    for delimiter in ("\t", ","):
        try:
            cells = read_header(path, delimiter, "utf-8")
        except FileRefused:
            return ()
        if len(cells) > 1:
            return tuple(cell.strip() for cell in cells)
    return ()


def _keys(objects: Iterable[dict[str, object]]) -> dict[str, None]:
    return {key: None for one in objects for key in one}


def _wrong_layout(
    path: Path | DatabaseTable, source: SourceSettings, adapter: Adapter
) -> FileRefused:
    found = recognise(path)
    fix = f"Describe the file: habitue init --from {quoted(path)}"
    if found is not None:
        fix = f'It looks like {found[0].title}: set adapter = "{found[0].name}".'
    return FileRefused(
        f"{path} is not laid out as {adapter.title}, which its source '{source.name}' expects.",
        fix=fix,
        code="wrong_layout",
    )
