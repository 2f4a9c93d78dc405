"""Files of published layouts, told from others before anything is guessed.

In: some files of one shop. Out: a draft of a source for each layout among them, with the reason it
was recognised by, and the files that are of none. What the layout settles is not written out; what
this shop's files settle is: the unit of their times, names of its own, and words for events that
nobody knows. Knows nothing about columns of unknown files; `guess` does.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl
from pydantic import SecretStr

from habitue.config import SourceSettings
from habitue.events.adapters.registry import ADAPTERS, head_of, recognise, settled
from habitue.events.clean_words import IGNORED, event_types_of
from habitue.events.column_facts import HALF, TimeGuess, guess_time
from habitue.events.database import DatabaseTable
from habitue.events.field_names import EVENT_FIELD_NAMES, name_score
from habitue.events.guess_arrival import arrival_doubt
from habitue.events.guess_values import Draft
from habitue.events.sources import Place, open_source
from habitue.events.whole_columns import look_through

_SAMPLE_ROWS = 20_000
_OWN_FIELDS = (
    "item_id", "item_name", "item_category", "price", "quantity", "order_id", "search_query",
)  # fmt: skip
_SHOWN_WORDS = 5


@dataclass
class LayoutGuess:
    """The files of one layout, on their way to a source."""

    draft: Draft
    has_events: bool = False
    num_rows: int = 0
    times: list[TimeGuess] = field(default_factory=list)


def guess_layouts(
    places: Sequence[Place], adapter: str = ""
) -> tuple[list[LayoutGuess], list[Place]]:
    """Return a draft for each layout among the files, and the files that are of none.

    With `adapter` all files are taken for that layout.

    Raises:
        FileRefused: a file cannot be read; `wrong_layout`, it is not of the layout `adapter`.
    """
    found: dict[tuple[str, Place | None], tuple[str, list[Place]]] = {}
    rest: list[Place] = []
    for place in places:
        known = (ADAPTERS[adapter], "it was named") if adapter else recognise(place)
        if known is None:
            rest.append(place)
            continue
        layout, because = known
        # The files of a layout are one source; a table is one of its own.
        key = (layout.name, place if isinstance(place, DatabaseTable) else None)
        found.setdefault(key, (because, []))[1].append(place)
    taken: set[str] = set()
    return [_guess(name, *entry, taken) for (name, _), entry in found.items()], rest


def free_name(name: str, taken: set[str]) -> str:
    """Return the name, or one like it where it is `taken`; it is taken from now on."""
    while name in taken:
        name += "_2"
    taken.add(name)
    return name


def _guess(name: str, because: str, files: list[Place], taken: set[str]) -> LayoutGuess:
    source = SourceSettings(name=name, adapter=name)
    if isinstance(files[0], DatabaseTable):
        url = SecretStr(files[0].url_without_password)
        source = SourceSettings(name=files[0].name, adapter=name, url=url)
    source = source.model_copy(update={"name": free_name(source.name, taken)})
    guess = LayoutGuess(Draft(str(files[0]), source))
    guess.draft.note("adapter", name, f"{ADAPTERS[name].title}: {because}")
    words: Counter[str] = Counter()
    for place in files:
        source = settled(guess.draft.source, place)
        if source.table == "events":
            _settle_columns(guess.draft, place, source)
            source = settled(guess.draft.source, place)
        whole = look_through([place], source)
        words.update(whole.words)
        if source.table == "events":
            guess.has_events = True
            guess.num_rows += whole.num_rows
            _settle_times(guess, source, whole.times)
    _note_mapping(guess.draft, settled(guess.draft.source, files[0]))
    _note_words(guess.draft, settled(guess.draft.source, files[0]), words)
    return guess


def _settle_times(guess: LayoutGuess, source: SourceSettings, times: list[pl.Series]) -> None:
    """Take the unit that the times have, where it is not the layout's own."""
    found = guess_time(pl.concat(times), least=HALF) if times else None
    if found is None:
        return
    guess.times.append(found)
    if found.unit != source.time_unit and not source.time_format and found.unit != "iso":
        because = (
            f"numbers of this size are times in {found.unit}; read so, they run from "
            f"{found.first} to {found.last}"
        )
        guess.draft.settle("time_unit", found.unit, because, confirm=True)
    if not found.has_zone and found.unit == "iso" and "UTC" not in source.time_format:
        because = "the times name no zone; if they are local, name theirs, as in 'Europe/London'"
        guess.draft.note("time_zone", source.time_zone, because, confirm=True)


def _settle_columns(draft: Draft, place: Place, source: SourceSettings) -> None:
    """See by the first rows where this shop's files differ from the layout."""
    chunks = open_source(place, source, chunk_rows=_SAMPLE_ROWS, max_bad=1, salvage=True)
    sample = next(chunks, None)
    if sample is None or sample.frame.is_empty():
        return
    if doubt := arrival_doubt(sample.frame, source):
        _map(draft, "received_at", "")
        draft.note("received_at", "not mapped", doubt, confirm=True)
    own = ADAPTERS[source.adapter].own
    names = _own_names(place, own) if own else []
    for name in _OWN_FIELDS:
        best = max(names, key=lambda one: name_score(one, EVENT_FIELD_NAMES[name]), default="")
        if _is_filled(sample.frame, source, name) or not name_score(best, EVENT_FIELD_NAMES[name]):
            continue
        _map(draft, name, f"{own}.{best}")
        draft.note(
            name, f"{own}.{best}", f"{best} is called so, the usual names are empty", confirm=True
        )


def _map(draft: Draft, name: str, column: str) -> None:
    columns = {**draft.source.columns, name: column}
    draft.source = draft.source.model_copy(update={"columns": columns})


def _own_names(place: Place, own: str) -> list[str]:
    """Return the names that the shop gave to values of its own."""
    inner = [one.get(own) for one in head_of(place).objects]
    names = {name: None for one in inner if isinstance(one, dict) for name in one}
    return [name for name in names if not name.startswith("$")]


def _is_filled(frame: pl.DataFrame, source: SourceSettings, name: str) -> bool:
    column = source.columns.get(name, [])
    columns = [column] if isinstance(column, str) else column
    return any(frame[one].null_count() < frame.height for one in columns)


def _note_mapping(draft: Draft, source: SourceSettings) -> None:
    shown = [
        f"{name} = {json.dumps(column, ensure_ascii=False)}"
        for name, column in source.columns.items()
    ]
    because = "the layout's own; what is set under [sources.columns] is laid above it"
    draft.note("columns", f"{len(shown)} fields", because, examples=shown)
    for name in ADAPTERS[source.adapter].unsure:
        if name in source.constants:
            because = "the layout does not say; if it is something else, name it under constants"
            draft.note(name, source.constants[name], because, confirm=True)


def _note_words(draft: Draft, source: SourceSettings, words: Counter[str]) -> None:
    if not words:
        return
    listed = [word for word, _ in words.most_common()]
    meanings = dict(zip(listed, event_types_of(listed, source), strict=True))
    ignored = [word for word in listed if meanings[word] == IGNORED]
    if ignored:
        shown = ", ".join(f"{word} {words[word]:,}" for word in ignored[:_SHOWN_WORDS])
        draft.note("ignored_events", shown, "none of a shop's; counted, not kept")
    draft.unknown_words = {word: words[word] for word in listed if not meanings[word]}
    if draft.unknown_words:
        shown_words = list(draft.unknown_words)[:_SHOWN_WORDS]
        because = "no known event type; rows with these words will be set aside until they have one"
        draft.note("event_types", "?", because, examples=shown_words, confirm=True)
