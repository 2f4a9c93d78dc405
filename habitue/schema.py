"""The dictionary of the project: event types, columns, tables, units and tasks.

Times are int64 microseconds since 1970 in UTC, and their names end in `_at` or are `timestamp`
and `as_of`. Outside ids (of users, items, orders) are always texts; `subject_id` and
`item_number` are the store's own integers and never leave the house.

An `as_of` moment T means: nothing dated T or later may be read (`timestamp < T`).

Knows nothing about files, settings or models.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

import polars as pl

from habitue.errors import Refused
from habitue.languages import told

FORMAT_VERSION: Final = 1

SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

EVENT_TYPES: Final[tuple[str, ...]] = (
    "view_item",
    "view_item_list",
    "select_item",
    "search",
    "add_to_wishlist",
    "add_to_cart",
    "remove_from_cart",
    "view_cart",
    "begin_checkout",
    "purchase",
    "refund",
    "impression",
    "click",
)

EVENT_TYPE_ALIASES: Final[dict[str, str]] = {
    "view": "view_item",
    "pv": "view_item",
    "pageview": "view_item",
    "product_viewed": "view_item",
    "list": "view_item_list",
    "select": "select_item",
    "wishlist": "add_to_wishlist",
    "fav": "add_to_wishlist",
    "favorite": "add_to_wishlist",
    "favourite": "add_to_wishlist",
    "cart": "add_to_cart",
    "addtocart": "add_to_cart",
    "product_added": "add_to_cart",
    "removefromcart": "remove_from_cart",
    "remove": "remove_from_cart",
    "product_removed": "remove_from_cart",
    "checkout": "begin_checkout",
    "buy": "purchase",
    "order": "purchase",
    "transaction": "purchase",
    "order_completed": "purchase",
    "return": "refund",
    "cancel": "refund",
    "order_refunded": "refund",
}

# Among a source's words for events: a record that says who is who, and is no event.
IDENTIFY: Final = "identify"

PLATFORMS: Final[tuple[str, ...]] = ("web", "app", "mini_program", "store", "other")

# Event types that say "this person wants this item", weakest first; recommendations aim at them.
POSITIVE_EVENT_TYPES: Final[tuple[str, ...]] = (
    "view_item",
    "select_item",
    "click",
    "add_to_wishlist",
    "add_to_cart",
    "purchase",
)
MONEY_EVENT_TYPES: Final[tuple[str, ...]] = ("purchase", "refund")

EVENT_TYPE: Final = pl.Enum(EVENT_TYPES)
PLATFORM: Final = pl.Enum(PLATFORMS)

# One row an event and item, as stored. `value` is the money of the line in the shop's currency,
# negative for a refund; `price` and `quantity` are positive. `event_key` identifies the row among
# those of its subject: a hash of the given event id, or of the mapped fields and the occurrence
# number among equal rows of the same file.
EVENT_COLUMNS: Final[dict[str, pl.DataType]] = {
    "subject_id": pl.Int64(),
    "timestamp": pl.Int64(),
    "received_at": pl.Int64(),
    "event_key": pl.UInt64(),
    "event_type": EVENT_TYPE,
    "item_number": pl.Int32(),
    "price": pl.Float64(),
    "quantity": pl.Float64(),
    "value": pl.Float64(),
    "currency": pl.String(),
    "platform": PLATFORM,
    "device_type": pl.String(),
    "session_id": pl.String(),
    "order_id": pl.String(),
    "list_id": pl.String(),
    "position": pl.Int32(),
    "recommendation_id": pl.String(),
    "campaign": pl.String(),
    "consent": pl.String(),
    "event_id": pl.String(),
    "anonymous_subject_id": pl.Int64(),
}

# Added when a bucket is read, never stored, because a late event may change them.
DERIVED_COLUMNS: Final[dict[str, pl.DataType]] = {
    "session_number": pl.Int32(),  # 0, 1, 2 … within a subject
    "dwell_seconds": pl.Float32(),  # to the next event of the session; null for its last event
    "is_bot": pl.Boolean(),
    "search_query": pl.String(),  # joined from the side table of typed texts
}

# What a person typed; kept apart so that it can be encrypted and erased on its own.
TEXT_COLUMNS: Final[dict[str, pl.DataType]] = {
    "subject_id": pl.Int64(),
    "event_key": pl.UInt64(),
    "search_query": pl.String(),
    "properties": pl.String(),
}

# Who is who, as records say: a user's subject and that of the visitor they were until then.
IDENTITY_COLUMNS: Final[dict[str, pl.DataType]] = {
    "subject_id": pl.Int64(),
    "anonymous_subject_id": pl.Int64(),
    "timestamp": pl.Int64(),
    "received_at": pl.Int64(),
}

ITEM_COLUMNS: Final[dict[str, pl.DataType]] = {
    "item_number": pl.Int32(),
    "item_id": pl.String(),
    "name": pl.String(),
    "category": pl.String(),  # path "a/b/c"
    "brand": pl.String(),
    "price": pl.Float64(),
    "text": pl.String(),
    "available": pl.Boolean(),
    "is_product": pl.Boolean(),  # False for postage, bank charges, adjustments …
}


def item_label() -> pl.Expr:
    """Return how an item is called, over `ITEM_COLUMNS`: its name, else what is known, else its id.

    Where there is no name, brand, last category and id stand for it, if the category is a word.
    """
    leaf = pl.col("category").str.split("/").list.last()
    described = pl.concat_str("brand", leaf, "item_id", separator=" ", ignore_nulls=True)
    is_word = leaf.str.contains(r"\p{L}").fill_null(False)
    return pl.coalesce("name", pl.when(is_word).then(described), "item_id")


# The fields a source may map onto.
EVENT_FIELDS: Final[tuple[str, ...]] = (
    "event_id",
    "event_type",
    "timestamp",
    "sent_at",
    "received_at",
    "user_id",
    "anonymous_id",
    "session_id",
    "platform",
    "device_type",
    "item_id",
    "item_name",
    "item_category",
    "item_brand",
    "item_variant",
    "price",
    "quantity",
    "currency",
    "value",
    "order_id",
    "search_query",
    "list_id",
    "position",
    "recommendation_id",
    "campaign",
    "consent",
    "properties",
)
ITEM_FIELDS: Final[tuple[str, ...]] = (
    "item_id",
    "name",
    "category",
    "brand",
    "price",
    "created_at",
    "available",
    "text",
)

TaskKind = Literal["event", "no_event", "sum", "next"]

# A task is a column of the profile table, where these names are taken, and a word of the rules.
PROFILE_COLUMNS: Final = frozenset(
    {
        "subject_id", "user_id", "first_seen", "last_seen", "events", "sessions", "active_days",
        "tenure_days", "recency_days", "usual_gap_days", "orders", "first_order_at",
        "last_order_at", "order_days", "last_order_days", "order_gap_days",
        "longest_order_gap_days", "revenue", "refunds", "spend_90d", "frequency", "monetary",
        "average_items_per_order", "distinct_items", "platforms", "favourite_weekday",
        "favourite_hour", "is_bot", "patience_days", "segment", "group", "data_sufficiency", "tags",
        "top_categories", "top_brands",
    }
)  # fmt: skip
RULE_WORDS: Final = frozenset(
    {
        "and", "or", "not", "has", "in", "is", "between", "before", "after", "since", "contains",
        "unknown", "true", "false", "everyone",
    }
)  # fmt: skip
EXPECTED_SUFFIX: Final = "_expected"  # of the second column of a task of kind sum


@dataclass(frozen=True)
class Task:
    """A prediction: of what event, for whom, how far ahead.

    `event`: will one come within the horizon. `no_event`: will none come; with `fall_to` = f,
    will the person's value within the horizon stay below f times that of the equally long time
    before. `sum`: what value within the horizon. `next`: which `target` comes next
    ("event_type", "category" or "brand"); it has no horizon.

    With `rhythm` = r a purchase must not come within r times the person's own usual pause, and
    `horizon_days` is the longest that is waited for anybody.

    With `absent_days` the population are persons who had the event once, but whose own last event
    lies longer ago than that; `active_days` then says nothing. With `active_event` they are persons
    with that very event in `active_days`, be it an `impression`, that the shop did to them.
    """

    name: str
    kind: TaskKind
    event: str = "purchase"
    horizon_days: float = 30.0
    active_days: float = 90.0  # population: persons with an event in these days before as_of
    fall_to: float | None = None
    target: str = ""
    absent_days: float | None = None
    active_event: str = ""
    rhythm: float | None = None

    @property
    def horizon(self) -> int:
        """The horizon in microseconds."""
        return round(self.horizon_days * DAY)

    @property
    def is_probability(self) -> bool:
        """Whether the answer is a probability (else an amount or a distribution)."""
        return self.kind in ("event", "no_event")


def task_name(name: str) -> str:
    """Return the name if a task may have it.

    Raises:
        ValueError: saying what a name is.
    """
    if not re.fullmatch(r"[^\W\d]\w{0,59}", name):
        raise ValueError("up to 60 letters, digits and underscores, a letter first")
    if name.lower() in PROFILE_COLUMNS or name.endswith(EXPECTED_SUFFIX):
        raise ValueError("a name that no column of the profile table has")
    if name.lower() in RULE_WORDS:
        raise ValueError("a name that is no word of the rules for audiences")
    return name


def parse_time(text: str) -> int:
    """Return a moment written as ISO 8601 (date or date and time, UTC unless it says) as µs.

    >>> parse_time("2017-10-01")
    1506816000000000
    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise Refused(
            f"'{text}' is not a time.",
            fix="Write it as 2025-11-30 or 2025-11-30T18:00:00Z.",
            code="bad_time",
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def format_time(at: int) -> str:
    """Return microseconds as ISO 8601 in UTC, to the second.

    >>> format_time(1506816000000000)
    '2017-10-01T00:00:00Z'
    """
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def format_date(at: int) -> str:
    """Return microseconds as an ISO date in UTC."""
    return format_time(at)[:10]


def spoken_date(at: int) -> str:
    """Return microseconds as a date in UTC, as a sentence of the spoken language has it.

    >>> spoken_date(1506816000000000)
    '2017-10-01'
    """
    year, month, day = format_date(at).split("-")
    return told({"en": f"{year}-{month}-{day}", "zh": f"{year}年{int(month)}月{int(day)}日"})
