"""What each feature is called, what it says about a person, and in which unit.

`FEATURES` maps a feature's name to a `Feature`, its texts in English; other languages have tables
of their own, such as `feature_names_zh`. `habitue.profiles.features` computes exactly
these columns. `LIFETIME_FEATURES` are told by fitted models. `habitue.profiles.prediction_reasons`
speaks of both. Knows nothing about how they are computed.
"""

from dataclasses import dataclass
from typing import Final

from habitue.schema import DAY, HOUR, PLATFORMS

WINDOWS: Final[dict[str, int]] = {
    "1h": HOUR,
    "6h": 6 * HOUR,
    "1d": DAY,
    "3d": 3 * DAY,
    "7d": 7 * DAY,
    "14d": 14 * DAY,
    "30d": 30 * DAY,
    "60d": 60 * DAY,
    "90d": 90 * DAY,
    "180d": 180 * DAY,
}
SHORT_WINDOWS: Final = ("1h", "1d", "7d", "30d")
AD_WINDOWS: Final = ("7d", "30d", "90d")
TREND_WINDOWS: Final = (("7d", "14d"), ("30d", "60d"), ("90d", "180d"))

_WINDOW_WORDS: Final[dict[str, str]] = {
    "1h": "hour",
    "6h": "6 hours",
    "1d": "day",
    **{name: f"{name[:-1]} days" for name in WINDOWS if name.endswith("d") and name != "1d"},
}


@dataclass(frozen=True)
class Feature:
    """One number about a person.

    `text` is a sentence with `{}` for the person's own value and `{name}` for other features;
    `missing` is said where the value is not known. `unit` is "money", "share", "times",
    "number", or the thing counted ("order"). Reasons are told one to a `theme`.
    """

    text: str
    unit: str
    theme: str
    missing: str = ""


@dataclass(frozen=True)
class FeatureText:
    """What a `Feature` says in another language; gaps as there.

    `none` is said instead of a count or an amount of nothing.
    """

    text: str
    missing: str = ""
    none: str = ""


def _recency() -> dict[str, Feature]:
    return {
        "days_since_event": Feature("last seen {} ago", "day", "recency"),
        "days_since_purchase": Feature(
            "no order for {}; usually every {gap_mean_days}", "day", "recency", "has not ordered"
        ),
        "days_since_view": Feature("last looked at an item {} ago", "day", "looking"),
        "days_since_cart": Feature("last filled the cart {} ago", "day", "cart"),
        "days_since_search": Feature("last searched {} ago", "day", "search"),
        "purchase_overdue": Feature(
            "no order for {days_since_purchase}; usually every {gap_mean_days}",
            "times",
            "recency",
            "too few orders to know a rhythm",
        ),
        "visit_overdue": Feature(
            "not seen for {days_since_event}; usually every {visit_gap_days}",
            "times",
            "recency",
            "too few visits to know a rhythm",
        ),
    }


def _windows() -> dict[str, Feature]:
    features = {}
    for name in WINDOWS:
        words = _WINDOW_WORDS[name]
        features[f"events_{name}"] = Feature(f"{{}} in the last {words}", "event", "activity")
        features[f"orders_{name}"] = Feature(f"{{}} in the last {words}", "order", "orders")
        features[f"spend_{name}"] = Feature(f"spent {{}} in the last {words}", "money", "spending")
    for name in SHORT_WINDOWS:
        words = _WINDOW_WORDS[name]
        features[f"views_{name}"] = Feature(f"{{}} in the last {words}", "item view", "looking")
        features[f"carts_{name}"] = Feature(
            f"put {{}} into the cart in the last {words}", "item", "cart"
        )
    for name, _ in TREND_WINDOWS:
        words = _WINDOW_WORDS[name]
        features[f"events_trend_{name}"] = Feature(
            f"{{events_{name}}} in the last {words}, {{}} as many as in the {words} before",
            "doublings",
            "activity",
        )
        features[f"orders_trend_{name}"] = Feature(
            f"{{orders_{name}}} in the last {words}, {{}} as many as in the {words} before",
            "doublings",
            "orders",
        )
        features[f"spend_trend_{name}"] = Feature(
            f"spent {{spend_{name}}} in the last {words}, {{}} as much as in the {words} before",
            "doublings",
            "spending",
        )
    return features


def _lifetime() -> dict[str, Feature]:
    return {
        "tenure_days": Feature("first seen {} ago", "day", "tenure"),
        "customer_days": Feature("first ordered {} ago", "day", "tenure", "has not ordered"),
        "events": Feature("{} so far", "event", "activity"),
        "active_days": Feature("active on {}", "day", "activity"),
        "sessions": Feature("{} so far", "visit", "activity"),
        "orders": Feature("{} so far", "order", "orders"),
        "repeat_orders": Feature("{} after the first", "order", "orders"),
        "order_days": Feature("ordered on {}", "day", "orders"),
        "last_repeat_days": Feature("{} between first and last order", "day", "orders"),
        "spend": Feature("spent {} so far", "money", "spending"),
        "mean_order_value": Feature("{} an order on average", "money", "basket", "no orders"),
        "max_order_value": Feature("largest order {}", "money", "basket", "no orders"),
        "last_order_value": Feature("last order {}", "money", "basket", "no orders"),
        "mean_order_lines": Feature("{} in an average order", "line", "basket", "no orders"),
        "spend_per_day": Feature("{} spent a day since the first order", "money", "spending"),
    }


def _habits() -> dict[str, Feature]:
    features = {
        "gap_mean_days": Feature("orders every {}", "day", "rhythm", "fewer than two orders"),
        "gap_sd_days": Feature(
            "time between orders varies by {}", "day", "rhythm", "fewer than three orders"
        ),
        "last_gap_days": Feature("last two orders {} apart", "day", "rhythm"),
        "visit_gap_days": Feature("comes every {}", "day", "rhythm", "seen on one day only"),
        "distinct_items": Feature("{} touched", "different item", "variety"),
        "distinct_categories": Feature("{} touched", "different category", "variety"),
        "distinct_brands": Feature("{} touched", "different brand", "variety"),
        "category_breadth": Feature("interest spread over {}", "category", "variety"),
        "favourite_share": Feature("{} of events in the favourite category", "share", "variety"),
        "rebought_share": Feature("{} of order lines were bought before", "share", "variety"),
        "refunds": Feature("{} so far", "refund", "refunds"),
        "refund_share": Feature("{} of spending was refunded", "share", "refunds"),
        "cart_per_view": Feature("{} carted for each item viewed", "share", "conversion"),
        "purchase_per_view": Feature("{} bought for each item viewed", "share", "conversion"),
        "purchase_per_cart": Feature("{} bought for each item carted", "share", "conversion"),
        "open_cart_items": Feature("{} left in the cart", "item", "cart"),
        "wishlist_items": Feature("{} put on the wishlist", "item", "looking"),
        "checkouts": Feature("{} begun", "checkout", "cart"),
        "removals": Feature("{} taken out of the cart", "item", "cart"),
        "searches": Feature("{} so far", "search", "search"),
        "searches_7d": Feature("{} in the last 7 days", "search", "search"),
        "weekend_share": Feature("{} of events at the weekend", "share", "time of day"),
        "hour_sin": Feature("the usual time of day", "number", "time of day"),
        "hour_cos": Feature("the usual time of day", "number", "time of day"),
        "mean_price": Feature("buys items at {} on average", "money", "prices", "no prices"),
        "below_list_share": Feature("{} of order lines below the usual price", "share", "prices"),
        "mean_discount": Feature("pays {} below the usual price on average", "share", "prices"),
        "mean_dwell_seconds": Feature("stays {} on a page", "second", "attention"),
        "dwell_minutes_7d": Feature("spent {} here in the last 7 days", "minute", "attention"),
    }
    for platform in PLATFORMS:
        words = platform.replace("_", "-")
        features[f"{platform}_share"] = Feature(f"{{}} of events on: {words}", "share", "platform")
    return features


def _campaigns() -> dict[str, Feature]:
    features = {
        "days_since_impression": Feature(
            "last shown an offer {} ago", "day", "campaigns", "was never shown an offer"
        ),
        "days_since_click": Feature(
            "last clicked on an offer {} ago", "day", "campaigns", "never clicked on an offer"
        ),
        "impressions": Feature("shown {} so far", "offer", "campaigns"),
        "clicks": Feature("{} so far", "click", "campaigns"),
        "click_per_impression": Feature("{} clicked for each offer shown", "share", "campaigns"),
        "campaigns": Feature("reached by {} so far", "campaign", "campaigns"),
        "answered_campaigns": Feature("answered {} so far", "campaign", "campaigns"),
        "answered_share": Feature("answered {} of the campaigns", "share", "campaigns"),
        "open_campaigns": Feature(
            "{} of the last 60 days not answered yet", "campaign", "campaigns"
        ),
    }
    for name in AD_WINDOWS:
        words = _WINDOW_WORDS[name]
        features[f"impressions_{name}"] = Feature(
            f"shown {{}} in the last {words}", "offer", "campaigns"
        )
        features[f"clicks_{name}"] = Feature(f"{{}} in the last {words}", "click", "campaigns")
    return features


CALENDAR_FEATURES: Final[dict[str, Feature]] = {
    "month": Feature("the season", "number", "season"),
    "day_of_year_sin": Feature("the season", "number", "season"),
    "day_of_year_cos": Feature("the season", "number", "season"),
    "weekday": Feature("the day of the week", "number", "season"),
}

FEATURES: Final[dict[str, Feature]] = {
    **_recency(),
    **_windows(),
    **_lifetime(),
    **_habits(),
    **_campaigns(),
    **CALENDAR_FEATURES,
}

# Told of the task's horizon by the lifetime-value models of `habitue.baselines.lifetime`.
LIFETIME_FEATURES: Final[dict[str, Feature]] = {
    "return_chance": Feature(
        "rhythm and silence make an order {} likely", "share", "rhythm", "has not ordered"
    ),
    "order_days_to_come": Feature(
        "rhythm and silence speak for {} more orders", "number", "rhythm", "has not ordered"
    ),
    "value_to_come": Feature(
        "rhythm and orders so far promise {}", "money", "spending", "has not ordered"
    ),
}

# All that a model may look at, but for the embedding.
MODEL_FEATURES: Final[dict[str, Feature]] = {**FEATURES, **LIFETIME_FEATURES}

# Recency, frequency, money: what the simple rivals see.
RFM_FEATURES: Final = ("days_since_event", "days_since_purchase", "orders", "spend", "tenure_days")
