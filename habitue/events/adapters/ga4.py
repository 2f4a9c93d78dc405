"""Google Analytics 4, as exported to BigQuery and from there to JSON lines or Parquet.

One record is one event; its items become one row each. The export names no event id, but in newer
exports a batch's page, order and index tell events of one microsecond apart.
"""

from habitue.config import SourceSettings
from habitue.events.adapters.layout import (
    Adapter,
    Head,
    Words,
    first_of,
    object_at,
    object_source,
    objects_at,
    text_of,
)
from habitue.events.json_values import Flawed, JsonObject

_COLUMNS: dict[str, str | list[str]] = {
    "event_id": "batch_event",
    "event_type": "event_name",
    "timestamp": "event_timestamp",
    "user_id": "user_id",
    "anonymous_id": "user_pseudo_id",
    "session_id": "session",
    "platform": "platform",
    "device_type": "device.category",
    "item_id": "items.item_id",
    "item_name": "items.item_name",
    "item_category": [
        "items.item_category",
        "items.item_category2",
        "items.item_category3",
        "items.item_category4",
        "items.item_category5",
    ],
    "item_brand": "items.item_brand",
    "item_variant": "items.item_variant",
    "price": "items.price",
    "quantity": "items.quantity",
    "value": "line_value",
    "currency": "event_params.currency",
    "order_id": "order",
    "search_query": "event_params.search_term",
    "list_id": "list",
    "position": "items.item_list_index",
    "campaign": "event_params.campaign",
    "consent": "privacy_info.analytics_storage",
}
_WORDS = Words(
    {
        "view_search_results": "search",
        "view_promotion": "impression",
        "select_promotion": "click",
        "add_shipping_info": "begin_checkout",
        "add_payment_info": "begin_checkout",
        "ecommerce_purchase": "purchase",
        "in_app_purchase": "purchase",
    },
    ignored=(
        "page_view", "screen_view", "session_start", "first_visit", "first_open", "scroll",
        "user_engagement", "click", "select_content", "file_download", "form_*", "video_*",
        "app_*", "os_update", "notification_*", "tutorial_*", "login", "sign_up", "share",
        "generate_lead", "firebase_campaign", "error", "ad_*",
    ),
)  # fmt: skip
_ROOTS = (
    "event_name", "event_timestamp", "event_params", "user_id", "user_pseudo_id", "ecommerce",
    "items", "batch_page_id", "batch_ordering_id", "batch_event_index",
)  # fmt: skip
_KINDS = ("string_value", "int_value", "float_value", "double_value")
# What the export writes where nothing is known.
_NOTHING = frozenset({
    "(not set)", "(other)", "<Other>", "(data deleted)", "(not provided)", "(none)", "(direct)",
    "(organic)", "(referral)",
})  # fmt: skip
_MONEY = ("purchase", "refund", "ecommerce_purchase", "in_app_purchase")


def _recognise(head: Head) -> str:
    names = ("event_name", "event_timestamp", "event_params", "user_pseudo_id")
    # A key that is null is not written at all.
    told = ("event_name", "event_timestamp", "event_params")
    if any(all(name in one for name in told) for one in head.objects):
        return f"its records have {', '.join(names)}"
    return ""


def _source_of(head: Head) -> SourceSettings:
    return object_source("ga4", _COLUMNS, _WORDS).model_copy(update={"time_unit": "us"})


def _unroll(record: JsonObject) -> list[JsonObject]:
    params = _params(record.get("event_params"))
    lines = [_known(line) for line in objects_at(record.get("items"), "items")]
    order = _known(object_at(record.get("ecommerce"), "ecommerce"))
    shared: JsonObject = {
        **record,
        "event_name": text_of(record.get("event_name")),
        "event_params": params,
        "session": _session(record, params),
        "batch_event": _batch_event(record),
        "order": first_of(order, "transaction_id") or params.get("transaction_id"),
    }
    if not lines:
        value = first_of(order, "purchase_revenue", "refund_value") or params.get("value")
        is_money = text_of(record.get("event_name")) in _MONEY
        list_id = first_of(params, "item_list_id", "item_list_name")
        return [{**shared, "items": {}, "line_value": value if is_money else None, "list": list_id}]
    return [{**shared, **_line(line, params)} for line in lines]


def _line(line: JsonObject, params: JsonObject) -> JsonObject:
    # Of id and name the layout asks for one.
    line["item_id"] = first_of(line, "item_id", "item_name")
    return {
        "items": line,
        "line_value": first_of(line, "item_revenue", "item_refund"),
        "list": first_of(line, "item_list_id", "item_list_name")
        or first_of(params, "item_list_id", "item_list_name"),
    }


def _params(value: object) -> JsonObject:
    params: JsonObject = {}
    for entry in objects_at(value, "event_params"):
        key = entry.get("key")
        if not isinstance(key, str):
            raise Flawed("type", "event_params.key")
        params[key] = first_of(object_at(entry.get("value"), f"event_params.{key}"), *_KINDS)
    return _known(params)


def _known(values: JsonObject) -> JsonObject:
    return {
        key: None if isinstance(value, str) and value in _NOTHING else value
        for key, value in values.items()
    }


def _session(record: JsonObject, params: JsonObject) -> str | None:
    """Return a session's id: GA4 numbers the sessions of each visitor apart."""
    visitor, number = text_of(record.get("user_pseudo_id")), text_of(params.get("ga_session_id"))
    return f"{visitor}.{number}" if visitor and number else None


def _batch_event(record: JsonObject) -> str | None:
    names = ("event_timestamp", "batch_page_id", "batch_ordering_id", "batch_event_index")
    parts = [text_of(record.get(name)) for name in names]
    return ".".join(parts) if all(parts) else None


GA4 = Adapter(
    "ga4",
    "Google Analytics 4, BigQuery export",
    recognise=_recognise,
    source_of=_source_of,
    unroll=_unroll,
    roots=_ROOTS,
)
