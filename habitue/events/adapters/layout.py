"""What a published layout is: how it is told from others, read, and taken apart.

An `Adapter` is a layout by name. `recognise` says by what a file is told to be of the layout, or
nothing; `source_of` gives the mapping that the layout implies; `unroll`, where a record is an
object, makes of it one object for each event and item, under names that the mapping uses. All else
(numbers, ids, times, event types, duplicates) is left to the reader and the cleaning steps.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from habitue.config import Format, SourceSettings
from habitue.events.json_values import Flaw, Flawed, JsonObject
from habitue.events.object_rows import Unroll


@dataclass(frozen=True)
class Head:
    """The beginning of a file: its columns, and its first records where they are objects."""

    path: Path
    format: Format
    columns: tuple[str, ...] = ()
    objects: tuple[JsonObject, ...] = ()


@dataclass(frozen=True)
class Adapter:
    """A published layout.

    `roots` are the keys of a record that `unroll` looks at (none named: any). Of the fields in
    `unsure` the layout says nothing: `source_of` had to take them for something. `own` is the key
    of the values that each shop names as it likes.
    """

    name: str
    title: str
    recognise: Callable[[Head], str]
    source_of: Callable[[Head], SourceSettings]
    unroll: Unroll | None = None
    roots: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()
    own: str = ""


@dataclass(frozen=True)
class Words:
    """A layout's words for events: what they mean, and which are none of a shop's."""

    meanings: Mapping[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()


def object_source(name: str, columns: dict[str, str | list[str]], words: Words) -> SourceSettings:
    """Return the settings of a layout of JSON objects (or of Parquet records)."""
    return SourceSettings(
        name=name,
        format="jsonl",
        columns=columns,
        event_types=dict(words.meanings),
        ignored_events=list(words.ignored),
    )


def object_at(value: object, where: str) -> JsonObject:
    """Return an object; nothing where there is none.

    Raises:
        Flawed: something else stands there.
    """
    if value is None:
        return {}
    if isinstance(value, dict):
        return value
    raise Flawed(value.code if isinstance(value, Flaw) else "type", where)


def objects_at(value: object, where: str) -> list[JsonObject]:
    """Return the objects of a list; none where there is no list.

    Raises:
        Flawed: something else stands there, or in the list.
    """
    if value is None:
        return []
    if not isinstance(value, list):
        raise Flawed(value.code if isinstance(value, Flaw) else "type", where)
    return [object_at(entry, where) for entry in value if entry is not None]


def first_of(value: JsonObject, *names: str) -> object:
    """Return the first of these that is there and not blank."""
    return next((value[name] for name in names if value.get(name) not in (None, "")), None)


def text_of(value: object) -> str:
    """Return a text or a number as text; of anything else nothing."""
    return value if isinstance(value, str) else ""
