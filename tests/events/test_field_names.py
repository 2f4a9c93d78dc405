import pytest

from habitue.events.field_names import (
    EVENT_FIELD_NAMES,
    ITEM_FIELD_NAMES,
    event_type_of,
    name_score,
    normal_form,
)
from habitue.schema import EVENT_FIELDS, EVENT_TYPE_ALIASES, EVENT_TYPES, ITEM_FIELDS


def likeliest(name: str) -> str:
    scores = {field: name_score(name, names) for field, names in EVENT_FIELD_NAMES.items()}
    best = max(scores, key=lambda field: scores[field])
    return best if scores[best] else ""


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("Customer ID", "user_id"),
        ("household_key", "user_id"),
        ("会员卡号", "user_id"),
        ("visitorid", "anonymous_id"),
        ("InvoiceDate", "timestamp"),
        ("t_dat", "timestamp"),
        ("下单时间", "timestamp"),
        ("StockCode", "item_id"),
        ("item_id:token", "item_id"),
        ("lines.productId", "item_id"),
        ("商品编码", "item_id"),
        ("behavior_type", "event_type"),
        ("行为类型", "event_type"),
        ("UnitPrice", "price"),
        ("sales_value", "value"),
        ("实付金额", "value"),
        ("InvoiceNo", "order_id"),
        ("订单号", "order_id"),
        ("user_session", "session_id"),
        ("数量", "quantity"),
        ("anonymous_id", "anonymous_id"),
        ("store_name", ""),
        ("campaign_type", ""),
        ("weather", ""),
    ],
)
def test_name_means_its_field(name: str, field: str) -> None:
    assert likeliest(name) == field


def test_every_field_of_the_tables_is_among_the_names() -> None:
    assert set(EVENT_FIELD_NAMES) == set(EVENT_FIELDS)
    assert set(ITEM_FIELD_NAMES) == set(ITEM_FIELDS)
    for field, names in EVENT_FIELD_NAMES.items():
        assert normal_form(field) in names


def test_all_names_are_in_normal_form() -> None:
    for names in EVENT_FIELD_NAMES.values():
        assert [normal_form(name) for name in names] == list(names)


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("pv", "view_item"),
        ("Product Viewed", "view_item"),
        ("addToCart", "add_to_cart"),
        ("加入购物车", "add_to_cart"),
        ("支付", "purchase"),
        ("Order Completed", "purchase"),
        ("$pageview", "view_item"),
        ("退货", "refund"),
        (" VIEW ", "view_item"),
        ("heartbeat", ""),
        ("", ""),
    ],
)
def test_word_means_its_event(word: str, kind: str) -> None:
    assert event_type_of(word) == kind


def test_own_words_and_aliases_mean_what_the_schema_says() -> None:
    assert all(event_type_of(kind) == kind for kind in EVENT_TYPES)
    assert all(event_type_of(alias) == kind for alias, kind in EVENT_TYPE_ALIASES.items())
