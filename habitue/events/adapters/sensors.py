"""Sensors Data (神策): a record a line, `track` for what a user did.

`track_signup` and `track_id_bind` say who is who; `profile_*` and `item_*` records are no events.
Properties are the shop's own: the usual English names are known, any other is mapped in the
settings (`item_id = "properties.goods_no"`), and so are words for events.
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
from habitue.events.json_values import JsonObject, parse_json
from habitue.schema import IDENTIFY

_COLUMNS: dict[str, str | list[str]] = {
    "event_id": "_track_id",
    "event_type": "event",
    "timestamp": "time",
    "sent_at": "_flush_time",
    "received_at": "recv_time",
    "user_id": "user",
    "anonymous_id": "visitor",
    "session_id": "properties.$event_session_id",
    "platform": "platform",
    "device_type": "properties.$os",
    "item_id": "product.id",
    "item_name": "product.name",
    "item_category": ["product.category", "product.category2", "product.category3"],
    "item_brand": "product.brand",
    "price": "product.price",
    "quantity": "product.quantity",
    "order_id": "product.order",
    "search_query": "product.query",
    "position": "product.position",
    "campaign": "properties.$utm_campaign",
}
# The names that shops give to properties; the first that is there is taken.
_NAMES = {
    "id": ("product_id", "commodity_id", "goods_id", "item_id", "sku_id", "spu_id", "商品ID"),
    "name": ("product_name", "commodity_name", "goods_name", "item_name", "商品名称"),
    "category": (
        "first_commodity", "first_category", "product_classify", "product_category",
        "commodity_category", "category", "一级分类",
    ),
    "category2": ("second_commodity", "second_category", "二级分类"),
    "category3": ("third_commodity", "third_category", "三级分类"),
    "brand": ("product_brand", "commodity_brand", "brand", "品牌"),
    "price": ("product_price", "present_price", "commodity_price", "unit_price", "price", "单价"),
    "quantity": ("product_quantity", "commodity_quantity", "goods_num", "quantity", "数量"),
    "order": ("order_id", "orderID", "order_no", "订单号"),
    "query": ("key_word", "keyword", "search_keyword", "query", "搜索词"),
    "position": ("position", "position_number", "commodity_rank"),
}  # fmt: skip
_LINKS = ("track_signup", "track_id_bind")
_RECORDS = ("track", "profile_", "item_")
_WORDS = Words(
    {
        "identify": IDENTIFY,
        "ViewProduct": "view_item",
        "ViewCommodityDetail": "view_item",
        "CommodityDetail": "view_item",
        "ProductDetails": "view_item",
        "AddToShoppingCart": "add_to_cart",
        "AddShoppingCart": "add_to_cart",
        "RemoveFromShoppingCart": "remove_from_cart",
        "SubmitOrder": "begin_checkout",
        "SubmitOrderDetail": "begin_checkout",
        "PayOrder": "purchase",
        "PayOrderDetail": "purchase",
        "CancelPayOrder": "refund",
        "ReturnGoods": "refund",
        "SearchRequest": "search",
        "SearchResultClick": "select_item",
        "CollectGoods": "add_to_wishlist",
    },
    ignored=("$*", "profile_*", "item_*", "track_id_unbind"),
)
_DEVICES = (
    "$identity_cookie_id", "$identity_android_id", "$identity_idfv", "$identity_anonymous_id",
    "$identity_idfa",
)  # fmt: skip


def _is_record(one: JsonObject) -> bool:
    ids = ("distinct_id", "login_id", "anonymous_id", "identities")
    has_id = any(name in one for name in ids)
    return has_id and "time" in one and text_of(one.get("type")).startswith(_RECORDS)


def _recognise(head: Head) -> str:
    if any(map(_is_record, head.objects)):
        return "its records have distinct_id, time and a type (track, track_signup, profile_set …)"
    return ""


def _source_of(head: Head) -> SourceSettings:
    return object_source("sensors", _COLUMNS, _WORDS).model_copy(update={"time_unit": "ms"})


def _unroll(record: JsonObject) -> list[JsonObject]:
    properties = record.get("properties")
    if isinstance(properties, str) and properties:
        properties = parse_json(properties)
    properties = object_at(properties, "properties")
    kind = text_of(record.get("type"))
    is_link = kind in _LINKS
    word = text_of(record.get("event")) if kind == "track" else "identify" if is_link else kind
    user, visitor = _ids(record, properties, is_link=is_link)
    product = {name: first_of(properties, *names) for name, names in _NAMES.items()}
    return [
        {
            **record,
            "event": word,
            "properties": properties,
            "user": user,
            "visitor": visitor,
            "platform": _platform(properties),
            "product": product,
        }
    ]


def _ids(record: JsonObject, properties: JsonObject, *, is_link: bool) -> tuple[object, object]:
    """Return the login id and the device's, either of which may be missing."""
    identities = object_at(record.get("identities"), "identities")
    given = record.get("distinct_id")
    user = first_of(record, "login_id") or first_of(identities, "$identity_login_id")
    is_login = is_link or properties.get("$is_login_id") is True
    user = user or (given if is_login else None)
    visitor = first_of(record, "anonymous_id", "original_id") or first_of(identities, *_DEVICES)
    return user, visitor or (None if user else given)


def _platform(properties: JsonObject) -> str | None:
    library = text_of(properties.get("$lib")).lower()
    if "mini" in library:
        return "mini_program"
    if library in ("js", "web"):
        return "web"
    return "app" if library in ("ios", "android", "harmonyos", "harmony") else None


SENSORS = Adapter(
    "sensors",
    "Sensors Data (神策)",
    recognise=_recognise,
    source_of=_source_of,
    unroll=_unroll,
    own="properties",
)
