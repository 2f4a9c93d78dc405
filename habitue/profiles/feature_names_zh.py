"""What each feature says about a person, in Chinese: the texts of `feature_names` once more.

The measure word stands in the text, so a number comes alone; money without a currency, a length of
time with its unit. `none` is said of nothing at all ("没有下单", not "下单0次").
"""

from typing import Final

from habitue.profiles.feature_names import (
    AD_WINDOWS,
    SHORT_WINDOWS,
    TREND_WINDOWS,
    WINDOWS,
    FeatureText,
)
from habitue.schema import PLATFORMS

_WINDOW_WORDS: Final[dict[str, str]] = {
    name: f"{name[:-1]}小时" if name.endswith("h") else f"{name[:-1]}天" for name in WINDOWS
}
_PLATFORM_WORDS: Final[dict[str, str]] = {
    "web": "网页",
    "app": "App",
    "mini_program": "小程序",
    "store": "线下门店",
    "other": "其他渠道",
}
_NO_ORDERS: Final = "还没有下过单"


def _recency() -> dict[str, FeatureText]:
    return {
        "days_since_event": FeatureText("最近一次到访在{}前"),
        "days_since_purchase": FeatureText("已有{}未下单；平时每{gap_mean_days}下一单", _NO_ORDERS),
        "days_since_view": FeatureText("最近一次浏览商品在{}前"),
        "days_since_cart": FeatureText("最近一次加购在{}前"),
        "days_since_search": FeatureText("最近一次搜索在{}前"),
        "purchase_overdue": FeatureText(
            "已有{days_since_purchase}未下单；平时每{gap_mean_days}下一单",
            "订单太少，还看不出购买周期",
        ),
        "visit_overdue": FeatureText(
            "已有{days_since_event}未到访；平时每{visit_gap_days}来一次",
            "到访太少，还看不出到访周期",
        ),
    }


def _windows() -> dict[str, FeatureText]:
    texts = {}
    for name, words in _WINDOW_WORDS.items():
        lately = f"过去{words}"
        texts[f"events_{name}"] = FeatureText(f"{lately}有{{}}次行为", none=f"{lately}没有任何行为")
        texts[f"orders_{name}"] = FeatureText(f"{lately}下单{{}}次", none=f"{lately}没有下单")
        texts[f"spend_{name}"] = FeatureText(f"{lately}消费{{}}", none=f"{lately}没有消费")
    for name in SHORT_WINDOWS:
        lately = f"过去{_WINDOW_WORDS[name]}"
        texts[f"views_{name}"] = FeatureText(
            f"{lately}浏览商品{{}}次", none=f"{lately}没有浏览商品"
        )
        texts[f"carts_{name}"] = FeatureText(f"{lately}加购{{}}件商品", none=f"{lately}没有加购")
    for name, _ in TREND_WINDOWS:
        words = _WINDOW_WORDS[name]
        lately, than = f"过去{words}", f"约为再往前{words}的{{}}倍"
        texts[f"events_trend_{name}"] = FeatureText(f"{lately}有{{events_{name}}}次行为，{than}")
        texts[f"orders_trend_{name}"] = FeatureText(f"{lately}下单{{orders_{name}}}次，{than}")
        texts[f"spend_trend_{name}"] = FeatureText(f"{lately}消费{{spend_{name}}}，{than}")
    return texts


def _lifetime() -> dict[str, FeatureText]:
    no_orders = "没有订单"
    return {
        "tenure_days": FeatureText("首次到访在{}前"),
        "customer_days": FeatureText("首次下单在{}前", _NO_ORDERS),
        "events": FeatureText("累计{}次行为"),
        "active_days": FeatureText("累计活跃{}"),
        "sessions": FeatureText("累计到访{}次"),
        "orders": FeatureText("累计下单{}次", none=_NO_ORDERS),
        "order_days": FeatureText("累计有{}下过单", none=_NO_ORDERS),
        "repeat_orders": FeatureText("首单之后又下单{}次", none="首单之后没有再下单"),
        "last_repeat_days": FeatureText("首单与最近一单相隔{}"),
        "spend": FeatureText("累计消费{}", none="还没有消费"),
        "mean_order_value": FeatureText("客单价{}", no_orders),
        "max_order_value": FeatureText("最大一单{}", no_orders),
        "last_order_value": FeatureText("最近一单{}", no_orders),
        "mean_order_lines": FeatureText("平均每单{}种商品", no_orders),
        "spend_per_day": FeatureText("首单以来日均消费{}", none="首单以来没有消费"),
    }


def _habits() -> dict[str, FeatureText]:
    texts = {
        "gap_mean_days": FeatureText("平均每{}下一单", "订单不足两笔"),
        "gap_sd_days": FeatureText("下单间隔上下波动{}", "订单不足三笔"),
        "last_gap_days": FeatureText("最近两单相隔{}"),
        "visit_gap_days": FeatureText("平均每{}来一次", "只有一天到访过"),
        "distinct_items": FeatureText("接触过{}件不同的商品"),
        "distinct_categories": FeatureText("接触过{}个不同的品类"),
        "distinct_brands": FeatureText("接触过{}个不同的品牌"),
        "category_breadth": FeatureText("兴趣分布在{}个品类"),
        "favourite_share": FeatureText("{}的行为集中在最常看的品类"),
        "rebought_share": FeatureText("{}的订单商品是复购"),
        "refunds": FeatureText("累计退款{}次", none="没有退过款"),
        "refund_share": FeatureText("{}的消费金额已退款"),
        "cart_per_view": FeatureText("浏览到加购的转化率为{}"),
        "purchase_per_view": FeatureText("浏览到购买的转化率为{}"),
        "purchase_per_cart": FeatureText("加购到购买的转化率为{}"),
        "open_cart_items": FeatureText("购物车里还有{}件商品未买", none="购物车里没有未买的商品"),
        "wishlist_items": FeatureText("收藏了{}件商品", none="没有收藏商品"),
        "checkouts": FeatureText("进入结算{}次", none="没有进入过结算"),
        "removals": FeatureText("从购物车移除{}件商品", none="没有从购物车移除过商品"),
        "searches": FeatureText("累计搜索{}次", none="没有搜索过"),
        "searches_7d": FeatureText("过去7天搜索{}次", none="过去7天没有搜索"),
        "weekend_share": FeatureText("{}的行为发生在周末"),
        "hour_sin": FeatureText("常来的时段"),
        "hour_cos": FeatureText("常来的时段"),
        "mean_price": FeatureText("购买商品的均价为{}", "没有价格信息"),
        "below_list_share": FeatureText("{}的订单商品低于平时价格"),
        "mean_discount": FeatureText("平均比平时价格低{}"),
        "mean_dwell_seconds": FeatureText("每页平均停留{}秒"),
        "dwell_minutes_7d": FeatureText("过去7天在店内停留{}分钟", none="过去7天没有停留"),
    }
    for platform in PLATFORMS:
        texts[f"{platform}_share"] = FeatureText(f"{{}}的行为来自{_PLATFORM_WORDS[platform]}")
    return texts


def _campaigns() -> dict[str, FeatureText]:
    texts = {
        "days_since_impression": FeatureText("最近一次看到推广在{}前", "从未看到推广"),
        "days_since_click": FeatureText("最近一次点击推广在{}前", "从未点击推广"),
        "impressions": FeatureText("累计看到推广{}次", none="从未看到推广"),
        "clicks": FeatureText("累计点击推广{}次", none="从未点击推广"),
        "click_per_impression": FeatureText("看到推广后点击的比例为{}"),
        "campaigns": FeatureText("累计被{}个活动触达", none="没有被任何活动触达"),
        "answered_campaigns": FeatureText("累计响应{}个活动", none="没有响应过任何活动"),
        "answered_share": FeatureText("响应了{}的活动"),
        "open_campaigns": FeatureText("近60天有{}个活动尚未响应", none="近60天没有尚未响应的活动"),
    }
    for name in AD_WINDOWS:
        lately = f"过去{_WINDOW_WORDS[name]}"
        texts[f"impressions_{name}"] = FeatureText(
            f"{lately}看到推广{{}}次", none=f"{lately}没有看到推广"
        )
        texts[f"clicks_{name}"] = FeatureText(
            f"{lately}点击推广{{}}次", none=f"{lately}没有点击推广"
        )
    return texts


FEATURE_TEXTS: Final[dict[str, FeatureText]] = {
    "return_chance": FeatureText("按下单规律和沉默时间推算，再下单的可能性为{}", _NO_ORDERS),
    "order_days_to_come": FeatureText("按下单规律和沉默时间推算，预计还会下单{}次", _NO_ORDERS),
    "value_to_come": FeatureText("按下单规律和以往订单推算，预计消费{}", _NO_ORDERS),
    **_recency(),
    **_windows(),
    **_lifetime(),
    **_habits(),
    **_campaigns(),
    "month": FeatureText("季节因素"),
    "day_of_year_sin": FeatureText("季节因素"),
    "day_of_year_cos": FeatureText("季节因素"),
    "weekday": FeatureText("星期几的因素"),
}


def quantity(value: float, unit: str) -> str:
    """Return a number as it stands in the texts of this table.

    >>> quantity(0.5, "day"), quantity(2, "order"), quantity(1, "doublings"), quantity(0.12, "share")
    ('12小时', '2', '2', '12%')
    """
    if unit == "money":
        return f"{value:,.2f}"
    if unit == "share":
        return "99%以上" if 0.995 <= value < 1 else f"{value:.0%}"
    if unit == "times":
        return f"{value:.1f}"
    if unit == "doublings":
        return "10多" if 2**value > 10 else f"{2**value:.2g}"
    if unit == "number":
        return f"{value:.2g}" if abs(value) < 10 else f"{value:,.0f}"
    if unit == "day" and value < 1:
        return f"{max(round(value * 24), 1)}小时"
    number = f"{value if 0 < value < 10 else round(value):,.1f}".removesuffix(".0")
    return f"{number}天" if unit == "day" else number
