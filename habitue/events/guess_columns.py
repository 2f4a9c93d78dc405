"""Which column is which field, by its name and by its values.

In: the facts about each column of a file. Out: a mapping with a reason for each entry. A name
proposes, the values confirm or veto: a column called `amount` of small whole numbers is a
quantity, one of decimal numbers is money. A field's own name (`user_id`) is vetoed only where its
values cannot be read at all. Knows nothing about whole columns; `guess_values` does.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import polars as pl

from habitue.events.column_facts import HALF, ColumnFacts
from habitue.events.field_names import (
    EVENT_FIELD_NAMES,
    ITEM_FIELD_NAMES,
    event_type_of,
    is_standard_name,
    name_score,
    normal_form,
)

_STANDARD = 11.0  # a score above that of any other name
_MAX_LEVELS = 4
_MIN_NESTED = 0.9
_MIN_FILLED = 0.05
_DAY_NAMES = ("day", "dayno", "daynumber", "daynum", "dayindex", "dayid", "第几天", "天")
_MOST_DAYS = 20_000
_PLATFORM_WORDS = frozenset({
    "web", "app", "ios", "android", "h5", "pc", "mobile", "desktop", "mini_program", "miniprogram",
    "wechat", "store", "offline", "online", "other", "wap", "website", "browser", "微信", "小程序",
    "门店", "网页",
})  # fmt: skip


@dataclass
class Mapping:
    """Fields given to columns so far, and why; `doubts` say why one was not given."""

    columns: dict[str, str | list[str]] = field(default_factory=dict)
    because: dict[str, str] = field(default_factory=dict)
    unsure: set[str] = field(default_factory=set)
    doubts: dict[str, str] = field(default_factory=dict)

    @property
    def used(self) -> set[str]:
        """The columns that have a field."""
        names: set[str] = set()
        for column in self.columns.values():
            names.update([column] if isinstance(column, str) else column)
        return names

    def give(
        self, name: str, column: str | list[str], because: str, *, unsure: bool = False
    ) -> None:
        """Map a field, with the reason."""
        self.doubts.pop(name, None)
        self.columns[name] = column
        self.because[name] = because
        if unsure:
            self.unsure.add(name)


def _is_amount(facts: ColumnFacts) -> bool:
    return max(facts.numbers, facts.comma_numbers, facts.numbers + facts.comma_numbers) > 0.9


def _is_time(facts: ColumnFacts) -> bool:
    return facts.time is not None


def _is_count(facts: ColumnFacts) -> bool:
    return facts.numbers > 0.9 and facts.time is None and abs(facts.largest) < 1e7


def _is_event(facts: ColumnFacts) -> bool:
    few = bool(facts.words) and facts.mean_length < 60
    is_coded = facts.integers > 0.9 and facts.num_distinct <= 10
    return few and facts.time is None and (facts.integers < 0.1 or is_coded)


def _is_platform(facts: ColumnFacts) -> bool:
    known = [word for word in facts.words if word.lower() in _PLATFORM_WORDS]
    return bool(facts.words) and len(known) * 2 >= len(facts.words)


def _is_id(facts: ColumnFacts) -> bool:
    is_clock = facts.time is not None and facts.integers < 0.9
    return facts.looks_like_id and not is_clock


def _is_user(facts: ColumnFacts) -> bool:
    return _is_id(facts) and facts.filled > 0.02


def _is_text(facts: ColumnFacts) -> bool:
    return facts.filled > 0 and facts.numbers < 0.9 and facts.time is None


def _is_any(facts: ColumnFacts) -> bool:
    return facts.filled > 0


_FITS: dict[str, Callable[[ColumnFacts], bool]] = {
    "user_id": _is_user,
    "anonymous_id": _is_user,
    "timestamp": _is_time,
    "received_at": _is_time,
    "created_at": _is_time,
    "event_type": _is_event,
    "item_id": _is_id,
    "order_id": _is_id,
    "session_id": _is_id,
    "event_id": _is_id,
    "item_name": _is_text,
    "name": _is_text,
    "text": _is_text,
    "price": _is_amount,
    "value": _is_amount,
    "quantity": _is_count,
    "position": _is_count,
    "platform": _is_platform,
    "device_type": _is_text,
}


def _reads_as_time(facts: ColumnFacts) -> bool:
    return facts.rough_time is not None


def _reads_as_number(facts: ColumnFacts) -> bool:
    return facts.numbers + facts.comma_numbers > HALF


# What a column with the field's own name must at least hold; anything, where nothing is said.
_READABLE: dict[str, Callable[[ColumnFacts], bool]] = {
    **dict.fromkeys(("timestamp", "received_at", "created_at"), _reads_as_time),
    **dict.fromkeys(("price", "value", "quantity", "position"), _reads_as_number),
}
_CATEGORIES = ("item_category", "category")
# Whatever such a column holds further down in the file can be read.
_FREE_TEXTS = (
    "order_id", "search_query", "list_id", "campaign", "recommendation_id", "item_name",
    "item_brand", "item_variant",
)  # fmt: skip


def map_events(facts: Sequence[ColumnFacts], sample: pl.DataFrame) -> Mapping:
    """Return the likely mapping of a file of events; `user_id` or `timestamp` may be missing."""
    mapping = Mapping()
    _assign_by_name(mapping, facts, EVENT_FIELD_NAMES)
    _find_the_only_one(mapping, facts)
    _settle_users(mapping)
    _find_time(mapping, facts)
    _find_event_words(mapping, facts)
    _settle_money(mapping, facts)
    _map_category(mapping, "item_category", facts, sample)
    _map_empty(mapping, facts)
    return mapping


def map_items(facts: Sequence[ColumnFacts], sample: pl.DataFrame) -> Mapping:
    """Return the likely mapping of a catalogue; without `item_id` the file is none."""
    mapping = Mapping()
    unique = [one for one in facts if one.uniqueness > 0.95 and one.filled > 0.99]
    scored = [(name_score(one.name, ITEM_FIELD_NAMES["item_id"]), one) for one in unique]
    scored = [(score, one) for score, one in scored if score and _is_id(one)]
    if not scored:
        return mapping
    best = max(scored, key=lambda entry: entry[0])[1]
    mapping.give("item_id", best.name, f"the name, and a different value in each row{_seen(best)}")
    others = {name: names for name, names in ITEM_FIELD_NAMES.items() if name != "item_id"}
    _assign_by_name(mapping, [one for one in facts if one is not best], others)
    _map_category(mapping, "category", facts, sample)
    _map_name(mapping, facts)
    return mapping


def map_headerless(facts: Sequence[ColumnFacts], sample: pl.DataFrame) -> Mapping:
    """Return the likely mapping of a file whose columns have no names, by the values alone."""
    mapping = Mapping()
    left = list(facts)
    timed = [one for one in left if one.time is not None]
    if not timed:
        return mapping
    time = max(timed, key=lambda one: (one.time.format == "" if one.time else False, one.place))
    mapping.give("timestamp", time.name, f"the values are times{_seen(time)}", unsure=True)
    left.remove(time)
    worded = [one for one in left if one.words and one.event_words >= 0.5 and one.integers < 0.1]
    if worded:
        mapping.give("event_type", worded[0].name, f"words for events{_seen(worded[0])}")
        left.remove(worded[0])
    money = [one for one in left if one.fractions > 0.05]
    left = [one for one in left if one not in money]
    counts = [one for one in left if money and one.integers > 0.9 and abs(one.largest) < 1000]
    counts = [one for one in counts if one.place > time.place and one.num_distinct < 200]
    if counts:
        mapping.give(
            "quantity", counts[0].name, f"small whole numbers{_seen(counts[0])}", unsure=True
        )
        left.remove(counts[0])
    if money:
        name = "value" if counts else "price"
        mapping.give(name, money[0].name, f"decimal numbers{_seen(money[0])}", unsure=True)
    _place_ids(mapping, [one for one in left if one.looks_like_id], sample)
    return mapping


def _place_ids(mapping: Mapping, ids: list[ColumnFacts], sample: pl.DataFrame) -> None:
    """Tell user, item and category apart: a category has fewer values, one for each item."""
    if not ids:
        return
    user, rest = ids[0], ids[1:]
    because = f"the first column of ids; its values come again{_seen(user)}"
    mapping.give("user_id", user.name, because, unsure=True)
    rest = [one for one in rest if _determined(sample, user.name, one.name) < 0.99]
    if not rest:
        return
    item = max(rest[:2], key=lambda one: one.num_distinct)
    because = f"the column of ids with most values{_seen(item)}"
    mapping.give("item_id", item.name, because, unsure=True)
    for one in rest:
        is_parent = _determined(sample, item.name, one.name) > 0.95
        if one is not item and one.num_distinct < item.num_distinct and is_parent:
            because = f"each value of {item.name} has one value here{_seen(one)}"
            mapping.give("item_category", one.name, because, unsure=True)
            return


def _assign_by_name(
    mapping: Mapping, facts: Sequence[ColumnFacts], names: dict[str, tuple[str, ...]]
) -> None:
    """Give the surest pairs of field and column first; a column serves one field only."""
    pairs = []
    for one in facts:
        for name, known in names.items():
            if name in _CATEGORIES:
                continue
            if is_standard_name(one.name, name):
                score = _STANDARD if _is_readable(mapping, name, one) else 0.0
            else:
                score = name_score(one.name, known) if _FITS.get(name, _is_any)(one) else 0.0
            if score > 0:
                pairs.append((score, one, name))
    for _, one, name in sorted(pairs, key=lambda pair: (-pair[0], pair[1].place)):
        if name not in mapping.columns and one.name not in mapping.used:
            oddity = "" if _FITS.get(name, _is_any)(one) else f", although {_oddity(one)}"
            mapping.give(name, one.name, f"the name{oddity}{_seen(one)}", unsure=bool(oddity))


def _map_empty(mapping: Mapping, facts: Sequence[ColumnFacts]) -> None:
    """Take a column that is called as its field is, though nothing shows yet: it may come later."""
    for one in facts:
        for name in _FREE_TEXTS:
            if one.filled == 0 and name not in mapping.columns and is_standard_name(one.name, name):
                because = "the name, although the first rows of the file have no value"
                mapping.give(name, one.name, because, unsure=True)


def _is_readable(mapping: Mapping, name: str, one: ColumnFacts) -> bool:
    """Whether a column that is called as the field can serve it; a doubt is noted."""
    if one.filled == 0:
        return False
    if _READABLE.get(name, _is_any)(one):
        return True
    kind = "times" if _READABLE[name] is _reads_as_time else "numbers"
    because = f"column '{one.name}' is left out: most of its values are no {kind}{_seen(one)}"
    mapping.doubts[name] = because
    return False


def _oddity(one: ColumnFacts) -> str:
    if one.num_distinct == 1:
        return "all rows hold the same value"
    if one.filled < _MIN_FILLED:
        return f"only {one.filled:.1%} of the rows have a value"
    return "its values alone would not tell"


def _find_the_only_one(mapping: Mapping, facts: Sequence[ColumnFacts]) -> None:
    """Take a column that is called so and holds one value, where no other is the user or item."""
    for name in ("user_id", "item_id"):
        known = EVENT_FIELD_NAMES[name]
        only = [one for one in facts if one.num_distinct == 1 and one.name not in mapping.used]
        only = [one for one in only if one.filled >= _MIN_FILLED and name_score(one.name, known)]
        if only and name not in mapping.columns:
            best = max(only, key=lambda one: (name_score(one.name, known), -one.place))
            because = f"the name, although {_oddity(best)}{_seen(best)}"
            mapping.give(name, best.name, because, unsure=True)


def _settle_users(mapping: Mapping) -> None:
    """A visitor's id is a user id only where no other column says who it was."""
    columns = mapping.columns
    if "user_id" not in columns and "anonymous_id" in columns:
        name = columns["anonymous_id"]
        if isinstance(name, str) and "visitor" in normal_form(name):
            columns.pop("anonymous_id")
            mapping.give("user_id", name, "the name; the only column that says who it was")


def _find_time(mapping: Mapping, facts: Sequence[ColumnFacts]) -> None:
    """Find a time by its values where no name gave it; join a date with a clock beside it."""
    if "timestamp" not in mapping.columns:
        free = [one for one in facts if one.time is not None and one.name not in mapping.used]
        # Ids of ten digits may pass as seconds; a name with a hint of time, or text, may not.
        free = [one for one in free if one.integers < 0.9 or _hints_at_time(one.name)]
        if free:
            best = free[0]
            mapping.give("timestamp", best.name, f"the values are times{_seen(best)}", unsure=True)
    if "timestamp" not in mapping.columns:
        _find_day_number(mapping, facts)
        return
    named = mapping.columns.get("timestamp")
    chosen = next((one for one in facts if one.name == named), None)
    if chosen is None or chosen.time is None or not chosen.time.is_date_only:
        return
    for one in facts:
        if one.name not in mapping.used and _is_clock(one):
            because = f"a date and its time of day{_seen(chosen)}{_seen(one)}"
            mapping.give("timestamp", [chosen.name, one.name], because, unsure=True)
            return


def _find_day_number(mapping: Mapping, facts: Sequence[ColumnFacts]) -> None:
    """Some published logs hide their dates and count days from an unknown one."""
    for one in facts:
        is_count = one.integers > 0.99 and 0 <= one.smallest < one.largest < _MOST_DAYS
        if is_count and normal_form(one.name) in _DAY_NAMES and one.name not in mapping.used:
            because = f"the number of a day; no column has its date{_seen(one)}"
            mapping.give("timestamp", one.name, because, unsure=True)
            return


def _hints_at_time(name: str) -> bool:
    form = normal_form(name)
    return any(hint in form for hint in ("time", "date", "stamp", "时间", "日期")) or form.endswith(
        ("at", "ts")
    )


def _is_clock(one: ColumnFacts) -> bool:
    return bool(one.examples) and all(
        len(parts := text.split(":")) in (2, 3) and all(p[:2].isdigit() for p in parts)
        for text in one.examples
    )


def _find_event_words(mapping: Mapping, facts: Sequence[ColumnFacts]) -> None:
    """Find the column of event words by its values; drop one that a vague name gave wrongly."""
    given = next((one for one in facts if one.name == mapping.columns.get("event_type")), None)
    free = [one for one in facts if one.name not in mapping.used and _is_event(one)]
    worded = [one for one in free if one.event_words >= 0.5 and one.integers < 0.1]
    is_standard = given is not None and is_standard_name(given.name, "event_type")
    if given is not None and not is_standard and given.event_words == 0 and given.integers < 0.9:
        is_vague = normal_form(given.name) in ("type", "op", "category", "operation")
        if worded or is_vague:
            mapping.columns.pop("event_type")
            given = None
    if given is None and worded:
        best = max(worded, key=lambda one: one.event_words)
        known = ", ".join(word for word in best.words if event_type_of(word))
        mapping.give("event_type", best.name, f"values that are words for events: {known}")


def _settle_money(mapping: Mapping, facts: Sequence[ColumnFacts]) -> None:
    """Tell amounts of money from counts where the name says only `amount` or `sales`."""
    by_name = {one.name: one for one in facts}
    value = mapping.columns.get("value")
    if not isinstance(value, str) or "quantity" in mapping.columns:
        return
    vague = normal_form(value) in ("amount", "sales", "total", "count")
    is_count = by_name[value].fractions == 0 and abs(by_name[value].largest) < 10_000
    if vague and is_count and "price" in mapping.columns:
        mapping.columns.pop("value")
        because = f"small whole numbers beside a price{_seen(by_name[value])}"
        mapping.give("quantity", value, because, unsure=True)


def _map_category(
    mapping: Mapping, name: str, facts: Sequence[ColumnFacts], sample: pl.DataFrame
) -> None:
    """Map one category column, or several as a path from few to many different values."""
    scored = [
        (name_score(one.name, EVENT_FIELD_NAMES["item_category"]), one)
        for one in facts
        if one.name not in mapping.used and one.num_distinct > 0
    ]
    found = [
        one
        for score, one in scored
        if is_standard_name(one.name, name)
        or (score > 0 and one.filled > _MIN_FILLED and one.fractions == 0)
    ]
    texts = [one for one in found if one.integers < 0.9]
    # Names of categories say more than their numbers; the numbers serve where there are none.
    levels = _path(texts or found, sample)
    if not levels:
        return
    if len(levels) == 1:
        mapping.give(name, levels[0].name, f"the name{_seen(levels[0])}")
        return
    sizes = ", ".join(f"{one.name} {one.num_distinct}" for one in levels)
    because = f"different values, from few to many: {sizes}"
    mapping.give(name, [one.name for one in levels], because, unsure=True)


def _map_name(mapping: Mapping, facts: Sequence[ColumnFacts]) -> None:
    """Call items by their narrowest category and their size, where a catalogue has no names."""
    levels = mapping.columns.get("category")
    if "name" in mapping.columns or not isinstance(levels, list):
        return
    sizes = [
        one.name
        for one in facts
        if one.name not in mapping.used
        and any(word in normal_form(one.name) for word in ("size", "package", "variant"))
    ]
    because = "there is no name; the narrowest category" + (" and the size" if sizes else "")
    mapping.give("name", [levels[-1], *sizes[:1]], because, unsure=True)


def _path(found: list[ColumnFacts], sample: pl.DataFrame) -> list[ColumnFacts]:
    """Return columns that nest within each other, widest first."""
    ordered = sorted(found, key=lambda one: one.num_distinct)
    best: list[ColumnFacts] = []
    for start in range(len(ordered)):
        chain = [ordered[start]]
        for one in ordered[start + 1 :]:
            if one.num_distinct > chain[-1].num_distinct and (
                _determined(sample, one.name, chain[-1].name) >= _MIN_NESTED
            ):
                chain.append(one)
        if len(chain) > len(best):
            best = chain
    if len(best) > _MAX_LEVELS:
        best = [best[round(i * (len(best) - 1) / (_MAX_LEVELS - 1))] for i in range(_MAX_LEVELS)]
    return best


def _determined(sample: pl.DataFrame, of: str, by: str) -> float:
    """Return the share of rows whose value in `by` is the most common one of their `of` value."""
    if of not in sample.columns or by not in sample.columns:
        return 0.0
    pairs = sample.select(a=pl.col(of), b=pl.col(by)).drop_nulls()
    if pairs.is_empty():
        return 0.0
    counts = pairs.group_by("a", "b").len().group_by("a").agg(pl.col("len").max())
    return float(counts["len"].sum()) / pairs.height


def _seen(one: ColumnFacts) -> str:
    shown = ", ".join(text[:40] for text in one.examples[:3])
    return f" ({one.name}: {shown})" if shown else ""
