"""The event spec of Segment, which RudderStack keeps to: calls of one JSON object each.

A `track` call with products becomes one row each; one that names its product in the properties
becomes one. `identify` and `alias` calls say who is who. `page`, `screen` and `group` calls are no
events of a shop.
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
from habitue.events.json_values import JsonObject
from habitue.schema import IDENTIFY

CALLS = frozenset({"track", "identify", "page", "screen", "group", "alias"})

# A product within an event, as all who follow the specification for shops name its fields.
PRODUCT_COLUMNS = {
    "item_id": "product.item_id",
    "item_name": "product.name",
    "item_category": "product.category",
    "item_brand": "product.brand",
    "item_variant": "product.variant",
    "price": "product.price",
    "quantity": "product.quantity",
}
COLUMNS: dict[str, str | list[str]] = {
    "event_id": "messageId",
    "event_type": "event",
    "timestamp": "timestamp",
    "sent_at": "sentAt",
    "received_at": "receivedAt",
    "user_id": "userId",
    "anonymous_id": "anonymousId",
    "session_id": "session",
    "platform": "platform",
    "device_type": "device",
    **PRODUCT_COLUMNS,
    "value": "line_value",
    "currency": "currency",
    "order_id": "properties.order_id",
    "search_query": "properties.query",
    "list_id": "properties.list_id",
    "position": "product.position",
    "campaign": "context.campaign.name",
}
SHOP_WORDS = {
    "Products Searched": "search",
    "Product List Viewed": "view_item_list",
    "Product List Filtered": "view_item_list",
    "Viewed Product Category": "view_item_list",
    "Promotion Viewed": "impression",
    "Promotion Clicked": "click",
    "Product Clicked": "select_item",
    "Product Viewed": "view_item",
    "Viewed Product": "view_item",
    "Product Added": "add_to_cart",
    "Added Product": "add_to_cart",
    "Wishlist Product Added to Cart": "add_to_cart",
    "Product Removed": "remove_from_cart",
    "Removed Product": "remove_from_cart",
    "Product Added to Wishlist": "add_to_wishlist",
    "Cart Viewed": "view_cart",
    "Checkout Started": "begin_checkout",
    "Order Completed": "purchase",
    "Completed Order": "purchase",
    "Order Refunded": "refund",
    "Order Cancelled": "refund",
}
NO_SHOP_WORDS = (
    "Checkout Step *", "Payment Info Entered", "Order Updated", "Coupon *", "Product Shared",
    "Cart Shared", "Product Reviewed", "Product Removed from Wishlist", "Application *",
    "Deep Link *", "Push Notification *", "Signed *", "Email *",
)  # fmt: skip
_WORDS = Words(
    {**SHOP_WORDS, "identify": IDENTIFY, "alias": IDENTIFY},
    ignored=(*NO_SHOP_WORDS, "page", "screen", "group"),
)
_MONEY = frozenset({"order completed", "completed order", "order refunded", "order cancelled"})


def products_of(properties: JsonObject) -> list[JsonObject]:
    """Return the products of an event, each with an `item_id`; one without any where none is named.

    Raises:
        Flawed: `products` is no list of objects.
    """
    products = objects_at(properties.get("products"), "properties.products") or [properties]
    return [
        {**one, "item_id": first_of(one, "product_id", "productId", "sku", "id")}
        for one in products
    ]


def line_value(properties: JsonObject, word: str) -> object:
    """Return the money of an order that lists no products."""
    if properties.get("products") or word.lower() not in _MONEY:
        return None
    return first_of(properties, "revenue", "total", "value")


def _is_call(one: JsonObject) -> bool:
    ids = ("messageId", "anonymousId", "userId", "originalTimestamp")
    return text_of(one.get("type")) in CALLS and any(name in one for name in ids)


def _is_rudder(one: JsonObject) -> bool:
    context = one.get("context")
    library = context.get("library") if isinstance(context, dict) else None
    name = text_of(library.get("name")) if isinstance(library, dict) else ""
    return "rudder" in name.lower() or "rudderId" in one or "request_ip" in one


def _recognise_segment(head: Head) -> str:
    calls = [one for one in head.objects if _is_call(one)]
    if not calls or any(map(_is_rudder, calls)):
        return ""
    return "its records have a type (track, identify …) and messageId, anonymousId or userId"


def _recognise_rudderstack(head: Head) -> str:
    if any(_is_call(one) and _is_rudder(one) for one in head.objects):
        return "its records are calls (track, identify …) sent by a RudderStack library"
    return ""


def _source_of(head: Head) -> SourceSettings:
    return object_source("calls", COLUMNS, _WORDS)


def _unroll(record: JsonObject) -> list[JsonObject]:
    call = text_of(record.get("type"))
    properties = object_at(record.get("properties"), "properties")
    context = object_at(record.get("context"), "context")
    word = text_of(record.get("event")) if call in ("track", "") else call
    shared: JsonObject = {
        **record,
        "event": word,
        "properties": properties,
        "context": context,
        "session": _session(record, context),
        "platform": _platform(record, context),
        "device": _device(context),
        "anonymousId": record.get("previousId") if call == "alias" else record.get("anonymousId"),
        "line_value": line_value(properties, word),
        **_times(record),
    }
    return [
        {
            **shared,
            "product": one,
            "currency": first_of(one, "currency") or properties.get("currency"),
        }
        for one in products_of(properties)
    ]


def _times(record: JsonObject) -> JsonObject:
    """Return when it happened, and when it was sent if both are by the same clock.

    Beside an `originalTimestamp`, the `timestamp` has been freed of the device's clock already.
    """
    happened = first_of(record, "timestamp", "originalTimestamp")
    is_corrected = first_of(record, "timestamp") and first_of(record, "originalTimestamp")
    return {"timestamp": happened, "sentAt": None if is_corrected else record.get("sentAt")}


def _session(record: JsonObject, context: JsonObject) -> str | None:
    """Return a session's id: each device numbers its own."""
    number, visitor = text_of(context.get("sessionId")), text_of(record.get("anonymousId"))
    return f"{visitor}.{number}" if visitor and number else None


def _platform(record: JsonObject, context: JsonObject) -> str | None:
    channel = text_of(first_of(record, "channel") or context.get("channel"))
    if channel in ("web", "browser"):
        return "web"
    if channel == "mobile" or (context.get("app") and not context.get("page")):
        return "app"
    return "web" if context.get("page") else None


def _device(context: JsonObject) -> object:
    device = context.get("device")
    system = context.get("os")
    return (first_of(device, "type") if isinstance(device, dict) else None) or (
        first_of(system, "name") if isinstance(system, dict) else None
    )


SEGMENT = Adapter(
    "segment", "Segment event spec", recognise=_recognise_segment, source_of=_source_of,
    unroll=_unroll,
)  # fmt: skip
RUDDERSTACK = Adapter(
    "rudderstack", "RudderStack event spec", recognise=_recognise_rudderstack,
    source_of=_source_of, unroll=_unroll,
)  # fmt: skip
