"""PostHog's events, as its batch exports and its capture API write them.

Events with products keep to Segment's names. A `distinct_id` is the visitor's until they are
identified, and the user's from then on.
"""

from habitue.config import SourceSettings
from habitue.events.adapters.layout import (
    Adapter,
    Head,
    Words,
    first_of,
    object_at,
    object_source,
    text_of,
)
from habitue.events.adapters.segment import (
    NO_SHOP_WORDS,
    PRODUCT_COLUMNS,
    SHOP_WORDS,
    line_value,
    products_of,
)
from habitue.events.json_values import JsonObject, parse_json
from habitue.schema import IDENTIFY

_COLUMNS: dict[str, str | list[str]] = {
    "event_id": "uuid",
    "event_type": "event",
    "timestamp": "timestamp",
    "user_id": "user",
    "anonymous_id": "visitor",
    "session_id": "properties.$session_id",
    "platform": "platform",
    "device_type": "properties.$device_type",
    **PRODUCT_COLUMNS,
    "value": "line_value",
    "currency": "currency",
    "order_id": "properties.order_id",
    "search_query": "properties.query",
    "list_id": "properties.list_id",
    "position": "product.position",
    "campaign": "properties.utm_campaign",
}
_WORDS = Words(
    {
        **SHOP_WORDS,
        "$identify": IDENTIFY,
        "$create_alias": IDENTIFY,
        "$merge_dangerously": IDENTIFY,
    },
    ignored=(*NO_SHOP_WORDS, "$*"),
)
_LINKS = ("$identify", "$create_alias", "$merge_dangerously")


def _is_event(one: JsonObject) -> bool:
    has_id = "distinct_id" in one or "distinct_id" in _properties_or_none(one)
    is_posthog = "uuid" in one or "api_key" in one or "$lib" in _properties_or_none(one)
    return has_id and "event" in one and is_posthog and "time" not in one


def _recognise(head: Head) -> str:
    if any(map(_is_event, head.objects)):
        return "its records have event, distinct_id and a uuid, or properties of PostHog's"
    return ""


def _source_of(head: Head) -> SourceSettings:
    return object_source("posthog", _COLUMNS, _WORDS)


def _unroll(record: JsonObject) -> list[JsonObject]:
    properties = object_at(_parsed(record.get("properties")), "properties")
    word = text_of(record.get("event"))
    user, visitor = _ids(record, properties, word)
    shared: JsonObject = {
        **record,
        "event": word,
        "uuid": first_of(record, "uuid") or properties.get("$insert_id"),
        "properties": properties,
        "user": user,
        "visitor": visitor,
        "platform": _platform(properties),
        "line_value": line_value(properties, word),
    }
    return [
        {
            **shared,
            "product": one,
            "currency": first_of(one, "currency") or properties.get("currency"),
        }
        for one in products_of(properties)
    ]


def _ids(record: JsonObject, properties: JsonObject, word: str) -> tuple[object, object]:
    """Return the user's and the visitor's id, either of which may be missing."""
    given = first_of(record, "distinct_id") or properties.get("distinct_id")
    device = first_of(properties, "$anon_distinct_id", "$device_id")
    if word in _LINKS:
        return given, first_of(properties, "$anon_distinct_id", "alias")
    is_visitor = properties.get("$is_identified") is False or given == device
    return (None, given) if is_visitor else (given, device)


def _platform(properties: JsonObject) -> str | None:
    library = text_of(properties.get("$lib"))
    if library in ("web", "js"):
        return "web"
    is_app = any(word in library for word in ("ios", "android", "react-native", "flutter"))
    return "app" if is_app else None


def _parsed(value: object) -> object:
    """Return the properties, which Parquet and some tables keep as JSON text."""
    return parse_json(value) if isinstance(value, str) and value else value


def _properties_or_none(one: JsonObject) -> JsonObject:
    properties = _parsed(one.get("properties"))
    return properties if isinstance(properties, dict) else {}


POSTHOG = Adapter(
    "posthog",
    "PostHog events",
    recognise=_recognise,
    source_of=_source_of,
    unroll=_unroll,
    roots=("uuid", "event", "distinct_id", "properties", "timestamp"),
)
