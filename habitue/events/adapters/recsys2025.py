"""The files of the RecSys Challenge 2025: one event type a file, told by the file's name.

Prices are numbers of price ranges and names are codes, so neither is money nor words: the price
goes into the catalogue as a rank, the codes as text that alike items share. A visited page is no
item; it counts as a list, which `list_id` names.
"""

from habitue.config import SourceSettings
from habitue.errors import FileRefused
from habitue.events.adapters.layout import Adapter, Head

_EVENTS = {
    "product_buy": ("purchase", {"item_id": "sku"}),
    "add_to_cart": ("add_to_cart", {"item_id": "sku"}),
    "remove_from_cart": ("remove_from_cart", {"item_id": "sku"}),
    "page_visit": ("view_item_list", {"list_id": "url"}),
    "search_query": ("search", {"search_query": "query"}),
}
_ITEMS = "product_properties"


def _recognise(head: Head) -> str:
    name, columns = _name(head), set(head.columns)
    if name in _EVENTS and {"client_id", "timestamp", *_EVENTS[name][1].values()} <= columns:
        return f"it is called {name} and has client_id and timestamp"
    if name == _ITEMS and {"sku", "category"} <= columns:
        return f"it is called {name} and has sku and category"
    return ""


def _source_of(head: Head) -> SourceSettings:
    name = _name(head)
    if name == _ITEMS:
        texts = [column for column in ("name", "embedding") if column in head.columns]
        columns = {"item_id": "sku", "category": "category", "price": "price"}
        return SourceSettings(
            name=name,
            table="items",
            format="parquet",
            columns=columns | ({"text": texts[0]} if texts else {}),
        )
    if name not in _EVENTS:
        raise FileRefused(
            f"The name of {head.path} says nothing of what it holds.",
            fix=f"Name it {', '.join((*_EVENTS, _ITEMS))} as it was published.",
            code="wrong_layout",
        )
    event_type, columns = _EVENTS[name]
    return SourceSettings(
        name=name,
        format="parquet",
        columns={"user_id": "client_id", "timestamp": "timestamp", **columns},
        constants={"event_type": event_type},
        # A row is a piece: there is no column for how many.
        duplicate_rows="keep",
    )


def _name(head: Head) -> str:
    return head.path.name.split(".")[0]


RECSYS2025 = Adapter(
    "recsys2025", "RecSys Challenge 2025", recognise=_recognise, source_of=_source_of
)
