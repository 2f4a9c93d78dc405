"""RecBole's atomic files: tab-separated, each column with its type in the header.

`.inter` files are events, `.item` files a catalogue. They say nothing of what happened: without a
column for it an interaction counts as `view_item`, unless the settings name another event type.
"""

import re

from habitue.config import SourceSettings
from habitue.errors import FileRefused
from habitue.events.adapters.layout import Adapter, Head
from habitue.events.field_names import EVENT_FIELD_NAMES, ITEM_FIELD_NAMES, name_score

_TYPED = re.compile(r"^[^:\s]+:(token|token_seq|float|float_seq)$")
_EVENT_FIELDS = (
    "user_id", "session_id", "item_id", "timestamp", "event_type", "order_id", "price", "quantity",
)  # fmt: skip
_ITEM_FIELDS = ("item_id", "name", "category", "brand", "price", "text")
_ITEM_NAMES = ITEM_FIELD_NAMES | {
    "name": (*ITEM_FIELD_NAMES["name"], "movietitle", "booktitle", "artistname", "songname"),
}


def _recognise(head: Head) -> str:
    if head.format != "csv" or len(head.columns) < 2:
        return ""
    if not all(_TYPED.match(column) for column in head.columns):
        return ""
    shown = ", ".join(head.columns[:4])
    return f"every column of its header carries a type ({shown})"


def _source_of(head: Head) -> SourceSettings:
    events = _mapped(head.columns, _EVENT_FIELDS, EVENT_FIELD_NAMES)
    items = _mapped(head.columns, _ITEM_FIELDS, _ITEM_NAMES)
    common = {"format": "csv", "delimiter": "\t", "quoting": False, "time_unit": "s"}
    is_events = "item_id" in events and not {"user_id", "session_id"}.isdisjoint(events)
    if is_events:
        constants = {} if "event_type" in events else {"event_type": "view_item"}
        source = SourceSettings(name="interactions", columns=events, constants=constants)
        return source.model_copy(update=common)
    if "item_id" not in items:
        raise FileRefused(
            f"{head.path} is an atomic file of neither interactions nor items: its columns are "
            f"{', '.join(head.columns[:8])}.",
            fix="Give the .inter file, and the .item file if there is one.",
            code="wrong_layout",
        )
    source = SourceSettings(name="items", table="items", columns=items)
    if items.get("category", "").endswith(":token_seq"):
        common["category_separator"] = " "
    return source.model_copy(update=common)


def _mapped(
    columns: tuple[str, ...], fields: tuple[str, ...], names: dict[str, tuple[str, ...]]
) -> dict[str, str]:
    """Return each field's column, by its name; the surest name wins, and no column serves twice."""
    found: dict[str, str] = {}
    for field in fields:
        free = [one for one in columns if one not in found.values() and ":float_seq" not in one]
        best = max(free, key=lambda one: name_score(one, names[field]), default="")
        if best and name_score(best, names[field]):
            found[field] = best
    return found


RECBOLE = Adapter(
    "recbole",
    "RecBole atomic files",
    recognise=_recognise,
    source_of=_source_of,
    unsure=("event_type",),
)
