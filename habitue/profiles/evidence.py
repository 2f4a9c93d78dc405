"""Evidence: the dated events behind each tag, in words.

In: a bucket's events, the catalogue, the shop's norms and tags. Out: the tags with when their
events were and the few that weigh most. Knows nothing about why a tag was given.
"""

from typing import Final

import polars as pl

from habitue.languages import Language, told
from habitue.profiles.attention import KINDS, item_names, search_name, weight_of_event
from habitue.profiles.facts import seen_before
from habitue.profiles.habits import DEAR_RANK, is_bargain, time_names
from habitue.profiles.norms import ShopNorms
from habitue.schema import EVENT_TYPE, EVENT_TYPES, item_label

EVENTS_SHOWN: Final = 3
NAME_LENGTH: Final = 80  # longer item names are cut in texts

# What happened, with an item and without one.
EVENT_TEXTS: Final[dict[str, tuple[str, str]]] = {
    "view_item": ("viewed '{item}' on {date}", "viewed an item on {date}"),
    "view_item_list": ("saw '{item}' in a list on {date}", "viewed a list on {date}"),
    "select_item": ("chose '{item}' from a list on {date}", "chose from a list on {date}"),
    "search": ("searched and found '{item}' on {date}", "searched on {date}"),
    "add_to_wishlist": ("wished for '{item}' on {date}", "added to the wish list on {date}"),
    "add_to_cart": ("put '{item}' in the cart on {date}", "added to the cart on {date}"),
    "remove_from_cart": ("took '{item}' out of the cart on {date}", "emptied the cart on {date}"),
    "view_cart": ("looked at '{item}' in the cart on {date}", "looked at the cart on {date}"),
    "begin_checkout": ("went to pay for '{item}' on {date}", "went to pay on {date}"),
    "purchase": ("bought '{item}' on {date}", "bought on {date}"),
    "refund": ("gave back '{item}' on {date}", "gave back on {date}"),
    "impression": ("was shown '{item}' on {date}", "was shown an offer on {date}"),
    "click": ("clicked on '{item}' on {date}", "clicked on an offer on {date}"),
}
EVENT_TEXTS_ZH: Final[dict[str, tuple[str, str]]] = {
    "view_item": ("{date}浏览“{item}”", "{date}浏览商品"),
    "view_item_list": ("{date}在列表中看到“{item}”", "{date}浏览商品列表"),
    "select_item": ("{date}在列表中点开“{item}”", "{date}在列表中点开商品"),
    "search": ("{date}搜索到“{item}”", "{date}搜索"),
    "add_to_wishlist": ("{date}收藏“{item}”", "{date}收藏商品"),
    "add_to_cart": ("{date}把“{item}”加入购物车", "{date}加购"),
    "remove_from_cart": ("{date}把“{item}”移出购物车", "{date}清理购物车"),
    "view_cart": ("{date}在购物车中查看“{item}”", "{date}查看购物车"),
    "begin_checkout": ("{date}结算“{item}”", "{date}进入结算"),
    "purchase": ("{date}购买“{item}”", "{date}购买"),
    "refund": ("{date}退货“{item}”", "{date}退货"),
    "impression": ("{date}看到“{item}”的广告", "{date}看到广告"),
    "click": ("{date}点击“{item}”的广告", "{date}点击广告"),
}
_TABLES: Final[dict[Language, dict[str, tuple[str, str]]]] = {
    "en": EVENT_TEXTS,
    "zh": EVENT_TEXTS_ZH,
}
_TEXTS: Final[dict[Language, tuple[pl.Series, ...]]] = {
    spoken: tuple(pl.Series([table[name][n] for name in EVENT_TYPES]) for n in (0, 1))
    for spoken, table in _TABLES.items()
}
DATE_FORMATS: Final[dict[Language, str]] = {"en": "%Y-%m-%d", "zh": "%Y年%-m月%-d日"}

RETURNED_KINDS: Final = frozenset({"returned_category", "returned_brand", "returned_item"})
_TAG_KEY: Final = ("subject_id", "kind", "name")


def event_texts(events: pl.DataFrame, items: pl.DataFrame, *, time_zone: str = "UTC") -> pl.Series:
    """Return a sentence an event, such as "bought 'Tent X' on 2017-11-03"."""
    shown = item_label().str.slice(0, NAME_LENGTH)
    names = items.select("item_number", shown=shown)
    named = events.select("event_type", "timestamp", "item_number").join(
        names, on="item_number", how="left", maintain_order="left"
    )
    local = pl.from_epoch("timestamp", time_unit="us").dt.replace_time_zone("UTC")
    date = local.dt.convert_time_zone(time_zone).dt.strftime(told(DATE_FORMATS))
    kind = pl.col("event_type").cast(EVENT_TYPE).to_physical()
    with_item, without = (pl.lit(texts).gather(kind) for texts in told(_TEXTS))
    template = pl.when(pl.col("shown").is_null()).then(without).otherwise(with_item)
    # The date first: an item may be called "{date}".
    dated = template.str.replace("{date}", date, literal=True)
    text = dated.str.replace("{item}", pl.col("shown").fill_null(""), literal=True)
    return named.select(text=text)["text"]


def event_ids(events: pl.DataFrame) -> pl.Series:
    """Return the given event id, or the store's key in hexadecimal where none was given."""
    key = pl.col("event_key").map_elements(lambda number: f"{number:016x}", return_dtype=pl.String)
    return events.select(event_id=pl.coalesce("event_id", key))["event_id"]


def add_evidence(
    tags: pl.DataFrame,
    frame: pl.DataFrame,
    items: pl.DataFrame,
    *,
    as_of: int,
    norms: ShopNorms,
) -> pl.DataFrame:
    """Return `tags` with `events`, `first_seen`, `last_seen` filled and a column `evidence`.

    `evidence` lists up to three events, weightiest (type and age) first, each a struct of
    `event_id`, `timestamp` (µs) and `text`.
    """
    events = seen_before(frame, as_of).with_row_index("row")
    items = items.join(events, on="item_number", how="semi")
    marks = _marks(tags, events, items, norms)
    # A return speaks as loudly as a purchase.
    weight = weight_of_event().abs() * 0.5 ** ((as_of - pl.col("timestamp")) / norms.half_life)
    facts = events.select("row", "timestamp", "event_key", weight=weight)
    marks = marks.join(facts, on="row")
    spans = marks.group_by(_TAG_KEY).agg(
        num=pl.len().cast(pl.Int64),
        first=pl.col("timestamp").min(),
        last=pl.col("timestamp").max(),
    )
    order = [*_TAG_KEY, "weight", "timestamp", "event_key"]
    shown = marks.sort(order, descending=[False, False, False, True, True, False])
    shown = shown.group_by(_TAG_KEY, maintain_order=True).head(EVENTS_SHOWN)
    # A semi-join keeps the order of `events`, so the texts are looked up by row afterwards.
    told = events.join(shown.select("row").unique(), on="row", how="semi")
    told = told.select(
        "row",
        pl.struct(
            event_id=event_ids(told),
            timestamp="timestamp",
            text=event_texts(told, items, time_zone=norms.traits.time_zone),
        ).alias("evidence"),
    )
    listed = (
        shown.join(told, on="row", maintain_order="left")
        .group_by(_TAG_KEY, maintain_order=True)
        .agg("evidence")
    )
    key = list(_TAG_KEY)
    return (
        tags.join(spans, on=key, how="left", maintain_order="left")
        .join(listed, on=key, how="left", maintain_order="left")
        .with_columns(
            pl.coalesce("events", "num"),
            pl.coalesce("first_seen", "first"),
            pl.coalesce("last_seen", "last"),
        )
        .drop("num", "first", "last")
    )


def _marks(
    tags: pl.DataFrame, events: pl.DataFrame, items: pl.DataFrame, norms: ShopNorms
) -> pl.DataFrame:
    """Return `row, subject_id, kind, name`: which event speaks for which of the tags."""
    wanted = tags.select(_TAG_KEY)
    given = set(tags["kind"].unique())
    marks = [events.head(0).select("row", "subject_id", kind=pl.lit(""), name=pl.lit(""))]
    if given.intersection(KINDS):
        marks.append(_by_name(wanted, events.filter(weight_of_event() > 0), items))
    if "search" in given:
        asked = events.filter(pl.col("event_type") == "search")
        marks.append(
            _matching(wanted, asked.with_columns(kind=pl.lit("search"), name=search_name()))
        )
    if given & RETURNED_KINDS:
        marks.append(_by_return(wanted, events, items))
    if "loyalty" in given:
        marks.append(_by_brand_bought(wanted, events, items))
    if given & {"price", "discount"}:
        marks += _by_money(wanted, events, norms.items_of(items))
    if given & {"time", "platform"}:
        marks += _by_visit(wanted, events, norms)
    if "customer" in given:
        marks.append(_by_first_day(wanted, events))
    return pl.concat(marks)


def _matching(wanted: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    rows = rows.select("row", *_TAG_KEY)
    return rows.join(wanted, on=list(_TAG_KEY), how="semi")


def _by_name(wanted: pl.DataFrame, liked: pl.DataFrame, items: pl.DataFrame) -> pl.DataFrame:
    of_names = wanted.filter(pl.col("kind").is_in(KINDS))
    names = item_names(items).join(of_names, on=["kind", "name"], how="semi")
    # Joined by person and item, not by event, first: far fewer rows to match with the tags.
    pairs = liked.select("subject_id", "item_number").unique().join(names, on="item_number")
    pairs = pairs.join(of_names, on=list(_TAG_KEY), how="semi")
    found = liked.select("row", "subject_id", "item_number").join(
        pairs, on=["subject_id", "item_number"]
    )
    return found.select("row", *_TAG_KEY)


def _by_return(wanted: pl.DataFrame, events: pl.DataFrame, items: pl.DataFrame) -> pl.DataFrame:
    returned = events.filter(pl.col("event_type") == "refund")
    named = returned.join(item_names(items), on="item_number")
    return _matching(wanted, named.with_columns(kind=pl.format("returned_{}", "kind")))


def _by_brand_bought(
    wanted: pl.DataFrame, events: pl.DataFrame, items: pl.DataFrame
) -> pl.DataFrame:
    brands = items.drop_nulls("brand").select("item_number", name="brand")
    bought = events.filter(pl.col("event_type") == "purchase").join(brands, on="item_number")
    return _matching(wanted, bought.with_columns(kind=pl.lit("loyalty")))


def _by_money(
    wanted: pl.DataFrame, events: pl.DataFrame, known: pl.DataFrame
) -> list[pl.DataFrame]:
    known = known.select("item_number", "usual_price", "prices_seen", "price_rank")
    of_money = wanted.filter(pl.col("kind").is_in(["price", "discount"]))
    priced = events.join(of_money, on="subject_id", how="semi").join(known, on="item_number")
    rank = pl.col("price_rank")
    is_dear, is_cheap = rank >= DEAR_RANK, rank <= 1 - DEAR_RANK
    level = pl.when(is_dear).then(pl.lit("premium")).when(is_cheap).then(pl.lit("low"))
    chosen = priced.filter(weight_of_event() > 0).with_columns(kind=pl.lit("price"), name=level)
    cheap = priced.filter((pl.col("event_type") == "purchase") & is_bargain())
    cheap = cheap.with_columns(kind=pl.lit("discount"), name=pl.lit("hunter"))
    return [_matching(wanted, chosen), _matching(wanted, cheap)]


def _by_visit(wanted: pl.DataFrame, events: pl.DataFrame, norms: ShopNorms) -> list[pl.DataFrame]:
    of_visits = wanted.filter(pl.col("kind").is_in(["time", "platform"]))
    first = pl.col("timestamp") == pl.col("timestamp").min().over("subject_id", "session_number")
    visits = events.join(of_visits, on="subject_id", how="semi").filter(first)
    visits = visits.unique(["subject_id", "session_number"], keep="first", maintain_order=True)
    local = pl.from_epoch("timestamp", time_unit="us").dt.replace_time_zone("UTC")
    local = local.dt.convert_time_zone(norms.traits.time_zone)
    names = time_names(
        local.dt.weekday(), local.dt.hour().cast(pl.Int32), has_clock=norms.traits.has_clock
    )
    times = visits.with_columns(kind=pl.lit("time"), name=pl.concat_list(names)).explode("name")
    platforms = visits.with_columns(
        kind=pl.lit("platform"), name=pl.col("platform").cast(pl.String)
    )
    return [_matching(wanted, times), _matching(wanted, platforms)]


def _by_first_day(wanted: pl.DataFrame, events: pl.DataFrame) -> pl.DataFrame:
    first = pl.col("timestamp") == pl.col("timestamp").min().over("subject_id")
    newcomers = wanted.filter(pl.col("kind") == "customer")
    began = events.join(newcomers, on="subject_id", how="semi").filter(first)
    return _matching(wanted, began.with_columns(kind=pl.lit("customer"), name=pl.lit("new")))
