"""The mapping of unknown files, guessed, each guess with its reason.

In: some files of one shop, of any format. Out: a `GuessReport`: a source for each kind of file
that is events or a catalogue, every guess with the values that led to it, and the files left out.
Writes nothing; `settings_file.write_settings` does. Knows nothing about cleaning.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from habitue.config import SourceSettings
from habitue.errors import Refused
from habitue.events.batch import ID_FIELDS
from habitue.events.column_facts import ColumnFacts, column_facts
from habitue.events.database import DatabaseTable
from habitue.events.field_names import EVENT_FIELD_NAMES, name_score
from habitue.events.guess_arrival import arrival_doubt
from habitue.events.guess_columns import Mapping, map_events, map_headerless, map_items
from habitue.events.guess_layouts import LayoutGuess, free_name, guess_layouts
from habitue.events.guess_report import Guess, GuessReport, LeftOut
from habitue.events.guess_values import (
    Draft,
    guess_category_path,
    guess_decimal_mark,
    guess_time_settings,
    guess_values,
    price_is_total,
)
from habitue.events.probe import Probe, probe_file
from habitue.events.settings_file import write_settings
from habitue.events.sources import Place, mapped_columns
from habitue.events.whole_columns import WholeColumns, look_through

__all__ = ["Guess", "GuessReport", "LeftOut", "guess_sources", "write_settings"]

_SUBJECTS = ("user_id", "anonymous_id", "session_id")
_HAPPENINGS = ("event_type", "item_id", "order_id", "quantity", "price", "value", "search_query")
_SALES = ("order_id", "quantity", "price", "value")
_NEARLY_ALL = 0.99


@dataclass
class _Group:
    """The files of one schema, on their way to a source."""

    probes: list[Probe]
    facts: list[ColumnFacts]
    table: str = ""
    mapping: Mapping = field(default_factory=Mapping)
    draft: Draft | None = None
    whole: WholeColumns | None = None

    @property
    def first(self) -> Probe:
        return self.probes[0]


def guess_sources(files: Sequence[Place], *, adapter: str = "", encoding: str = "") -> GuessReport:
    """Return how these files of one shop are to be read; all as the layout `adapter` if named.

    The `encoding` of the text files is guessed where none is named.

    Raises:
        FileRefused: one of them cannot be read at all, or is not laid out as `adapter`.
        Refused: `no_mapping`, none of them has both a user and a time that can be recognised.
    """
    layouts, unknown = guess_layouts(files, adapter)
    groups = _grouped([probe_file(path, encoding) for path in unknown])
    left_out: list[LeftOut] = []
    for group in groups:
        reason = _choose_table(group)
        left_out += [LeftOut(str(probe.path), reason) for probe in group.probes if reason]
    chosen = [group for group in groups if group.table]
    has_events = any(layout.has_events for layout in layouts)
    if not has_events and not any(group.table == "events" for group in chosen):
        raise _no_mapping(groups, left_out)
    _name_sources(chosen, {layout.draft.source.name for layout in layouts})
    for group in chosen:
        _settle(group)
    _strip_decimals(chosen)
    return _report(layouts, chosen, left_out)


def _grouped(probes: list[Probe]) -> list[_Group]:
    groups: dict[object, _Group] = {}
    for probe in probes:
        if probe.schema_key in groups:
            groups[probe.schema_key].probes.append(probe)
            continue
        facts = [
            column_facts(probe.sample[name], place)
            for place, name in enumerate(probe.columns)
            if name in probe.sample.columns
        ]
        groups[probe.schema_key] = _Group([probe], facts)
    return list(groups.values())


def _choose_table(group: _Group) -> str:
    """Decide what the files are; return why they are left out, or an empty text."""
    probe = group.first
    if probe.sample.is_empty():
        return f"it has no rows below its columns {', '.join(probe.columns[:12])}"
    if probe.header:
        events = map_events(group.facts, probe.sample)
    else:
        events = map_headerless(group.facts, probe.sample)
    group.mapping = events
    has_subject = any(name in events.columns for name in _SUBJECTS)
    has_time = "timestamp" in events.columns
    happened = [name for name in _HAPPENINGS if name in events.columns]
    if has_subject and has_time and happened:
        group.table = "events"
        return ""
    items = map_items(group.facts, probe.sample) if probe.header else Mapping()
    described = {"name", "category", "brand", "price", "text"} & items.columns.keys()
    if "item_id" in items.columns and described and not has_subject:
        group.table, group.mapping = "items", items
        return ""
    return _reason(group, has_subject=has_subject, has_time=has_time)


def _reason(group: _Group, *, has_subject: bool, has_time: bool) -> str:
    listed = ", ".join(group.first.columns[:12])
    if has_subject and has_time:
        return f"it says who and when but not what happened; columns: {listed}"
    lacking = [
        what
        for what, has in (("who it was (a user id)", has_subject), ("when (a time)", has_time))
        if not has
    ]
    doubts = "".join(f"; {doubt}" for doubt in group.mapping.doubts.values())
    lacked = " or ".join(lacking)
    return f"no column says {lacked}, and it is no catalogue; columns: {listed}{doubts}"


def _no_mapping(groups: list[_Group], left_out: list[LeftOut]) -> Refused:
    seen = "; ".join(f"{Path(entry.file).name}: {entry.because}" for entry in left_out)
    if not left_out:
        seen = "; ".join(f"{group.first.path.name}: a catalogue" for group in groups)
    first = groups[0].first.path.name if groups else "FILE"
    return Refused(
        f"No file of events was recognised ({seen}).",
        fix="Join the files so that each row has a user and a time, or write the mapping by hand "
        f'into habitue.toml: [[sources]] name = "{Path(first).stem}", and [sources.columns] '
        'user_id = "...", timestamp = "...", item_id = "...".',
        code="no_mapping",
    )


def _name_sources(groups: list[_Group], taken: set[str]) -> None:
    """Name each source after its first file, and its columns where the file names none."""
    for group in groups:
        stem = group.first.path.name.split(".")[0]
        name = free_name(re.sub(r"[^\w-]+", "_", stem).strip("_") or "source", taken)
        source = group.first.source(name)
        columns = dict(group.mapping.columns)
        if not group.first.header:
            source, columns = _with_names(source, columns)
        source = source.model_copy(update={"table": group.table, "columns": columns})
        group.draft = Draft(str(group.first.path), source)


def _with_names(
    source: SourceSettings, columns: dict[str, str | list[str]]
) -> tuple[SourceSettings, dict[str, str | list[str]]]:
    fields = {column: field for field, column in columns.items() if isinstance(column, str)}
    names = [fields.get(column, column) for column in source.column_names]
    return source.model_copy(update={"column_names": names}), {f: f for f in columns}


def _settle(group: _Group) -> None:
    """Explain the columns, then guess all else about the source."""
    draft, mapping, probe = group.draft, group.mapping, group.first
    assert draft is not None
    _note_format(draft, probe)
    sample = probe.sample
    if not probe.header:
        sample = sample.rename(dict(zip(probe.columns, draft.source.column_names, strict=True)))
    _settle_price(draft, mapping, sample)
    _settle_arrival(draft, mapping, sample)
    _note_columns(group, draft, mapping)
    if draft.source.table == "items":
        _settle_created(draft, sample)
        guess_category_path(draft, sample)
        guess_decimal_mark(draft, sample)
        group.whole = look_through([one.path for one in group.probes], _ids_only(draft.source))
        return
    _set_fallback(group, draft)
    _set_constant(group, draft)
    _read_float_ids(group, draft)
    group.whole = look_through([one.path for one in group.probes], draft.source)
    if group.whole.num_unparsed:
        because = f"{group.whole.num_unparsed:,} lines cannot be parsed and will be set aside"
        draft.note("rows", f"{group.whole.num_rows:,}", because)
    if not group.whole.is_complete:
        because = "only so many rows were looked at; rarer words and codes may be missing"
        draft.note("rows", f"{group.whole.num_rows:,}", because, confirm=True)
    guess_values(draft, group.whole, sample)


def _ids_only(source: SourceSettings) -> SourceSettings:
    return source.model_copy(update={"columns": {"item_id": source.columns["item_id"]}})


def _note_format(draft: Draft, probe: Probe) -> None:
    source = draft.source
    if isinstance(probe.path, DatabaseTable):
        because = "a database table"
        if probe.path.has_password:
            because += "; its password is not written down: set PGPASSWORD, or use ~/.pgpass"
        draft.note("url", str(probe.path), because, confirm=probe.path.has_password)
        return
    if probe.format != "csv":
        draft.note("format", probe.format, "by its first bytes")
        return
    draft.note("delimiter", repr(source.delimiter), "it cuts the lines into equally many fields")
    if source.encoding != "utf-8":
        because = f"the text is no UTF-8, and reads as {source.encoding}"
        draft.note("encoding", source.encoding, because, confirm=True)
    if not source.header:
        because = "the first row holds values, not names; the names are ours"
        shown = ", ".join(source.column_names)
        draft.note("column_names", shown, because, confirm=True)


def _settle_price(draft: Draft, mapping: Mapping, sample: pl.DataFrame) -> None:
    """See by the values whether money is that of one piece or of the whole line."""
    columns = draft.source.columns
    item, quantity = columns.get("item_id"), columns.get("quantity")
    has_both = "price" in columns and "value" in columns
    money = columns.get("price") or columns.get("value")
    if has_both or not (isinstance(item, str) and isinstance(quantity, str)):
        return
    if not isinstance(money, str):
        return
    is_total = price_is_total(sample, item, money, quantity)
    if is_total is None or is_total == ("value" in columns):
        return
    old, new = ("price", "value") if is_total else ("value", "price")
    renamed = {new if name == old else name: column for name, column in columns.items()}
    draft.source = draft.source.model_copy(update={"columns": renamed})
    mapping.because[new] = (
        f"{money} grows with the quantity: it is the money of the line"
        if is_total
        else f"{money} does not grow with the quantity: it is the price of one piece"
    )
    mapping.unsure.add(new)


def _settle_arrival(draft: Draft, mapping: Mapping, sample: pl.DataFrame) -> None:
    """Leave out a column of arrival times that cannot be what it says."""
    doubt = arrival_doubt(sample, draft.source)
    if doubt:
        columns = {n: column for n, column in draft.source.columns.items() if n != "received_at"}
        draft.source = draft.source.model_copy(update={"columns": columns})
        mapping.doubts["received_at"] = doubt


def _settle_created(draft: Draft, sample: pl.DataFrame) -> None:
    """Say how the times stand in a catalogue that has some."""
    created = draft.source.columns.get("created_at")
    if isinstance(created, str):
        guess_time_settings(draft, sample[created])


def _note_columns(group: _Group, draft: Draft, mapping: Mapping) -> None:
    by_name = {one.name: one for one in group.facts}
    for name, column in draft.source.columns.items():
        shown = column if isinstance(column, str) else ", ".join(column)
        original = mapping.columns.get(name, column)
        first = original if isinstance(original, str) else original[0]
        examples = list(by_name[first].examples[:3]) if first in by_name else []
        because = mapping.because.get(name, "the name")
        draft.note(name, shown, because, examples=examples, confirm=name in mapping.unsure)
    for name, doubt in mapping.doubts.items():
        draft.note(name, "not mapped", doubt, confirm=True)


def _set_fallback(group: _Group, draft: Draft) -> None:
    """Where the category has gaps, let a column of category ids fill them."""
    column = draft.source.columns.get("item_category")
    by_name = {one.name: one for one in group.facts}
    if not isinstance(column, str) or column not in by_name:
        return
    filled = by_name[column].filled
    used = mapped_columns(draft.source)
    for one in group.facts:
        score = name_score(one.name, EVENT_FIELD_NAMES["item_category"])
        if score and one.name not in used and filled < _NEARLY_ALL and one.filled > filled:
            because = f"{column} is empty in {1 - filled:.0%} of the rows, {one.name} is not"
            draft.settle("category_fallback", one.name, because, examples=list(one.examples[:2]))
            return


def _set_constant(group: _Group, draft: Draft) -> None:
    """Give rows without a word for what happened an event type of their own."""
    columns = draft.source.columns
    if "event_type" in columns:
        return
    sold = [name for name in _SALES if name in columns]
    if sold:
        because = f"no column says what happened; {', '.join(sold)} make these lines of orders"
        kind = "purchase"
    elif "search_query" in columns and "item_id" not in columns:
        because, kind = "no column says what happened; there are search words", "search"
    else:
        because = "no column says what happened, and there is no order, price or quantity"
        kind = "view_item"
    constants = {**draft.source.constants, "event_type": kind}
    draft.source = draft.source.model_copy(update={"constants": constants})
    draft.note("event_type", kind, because, confirm=kind != "purchase" or sold == ["price"])


def _read_float_ids(group: _Group, draft: Draft) -> None:
    """Let ids that a file keeps as decimal numbers be read, which is refused unless told."""
    floats = {one.name for one in group.facts if one.is_native_float and one.fractions == 0}
    fields = [name for name in ID_FIELDS if draft.source.columns.get(name) in floats]
    draft.source = draft.source.model_copy(update={"strip_decimal": fields})
    for name in fields:
        because = f"{name} is kept as a decimal number, an artefact of export"
        draft.note("strip_decimal", name, because, confirm=True)


def _strip_decimals(groups: list[_Group]) -> None:
    """Strip '.0' from ids where another file of the shop has the same ids without it."""
    for group in groups:
        assert group.draft is not None
        assert group.whole is not None
        fields = list(group.draft.source.strip_decimal)
        for name, (with_zero, _, total) in group.whole.point_zero.items():
            if name in fields or not total or with_zero < _NEARLY_ALL * total:
                continue
            other = next(
                (one for one in groups if one is not group and _has_plain(one, name)), None
            )
            if other is not None:
                fields.append(name)
                because = f"{name} ends in '.0' here and does not in {other.first.path.name}"
                group.draft.note("strip_decimal", name, because, confirm=True)
        group.draft.source = group.draft.source.model_copy(update={"strip_decimal": fields})


def _has_plain(group: _Group, name: str) -> bool:
    assert group.whole is not None
    _, plain, total = group.whole.point_zero.get(name, (0, 0, 0))
    return total > 0 and plain >= _NEARLY_ALL * total


def _report(
    layouts: list[LayoutGuess], groups: list[_Group], left_out: list[LeftOut]
) -> GuessReport:
    drafts = [group.draft for group in groups if group.draft is not None]
    events = [draft for draft in drafts if draft.source.table == "events"]
    times = [draft.time for draft in events if draft.time is not None]
    times += [time for layout in layouts for time in layout.times]
    drafts = [*(layout.draft for layout in layouts), *drafts]
    return GuessReport(
        sources=[draft.source for draft in drafts],
        guesses=[guess for draft in drafts for guess in draft.guesses],
        left_out=left_out,
        unknown_words={draft.file: draft.unknown_words for draft in drafts if draft.unknown_words},
        start=min((time.first for time in times), default=""),
        end=max((time.last for time in times), default=""),
        num_rows=sum(g.whole.num_rows for g in groups if g.whole and g.table == "events")
        + sum(layout.num_rows for layout in layouts),
    )
