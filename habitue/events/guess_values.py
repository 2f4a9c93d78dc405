"""How the values of a mapped source are to be read: units, words, refunds, equal rows, postage.

In: a source with its columns mapped, a sample, and what a look through the whole columns showed.
Out: the source with its other settings, and a `Guess` with the reason for each. Knows nothing
about files.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as default

import polars as pl

from habitue.config import CleaningSettings, SourceSettings
from habitue.events.clean_times import moments_of
from habitue.events.column_facts import HALF, TimeGuess, guess_time
from habitue.events.field_names import event_type_of
from habitue.events.guess_report import Guess
from habitue.events.whole_columns import WholeColumns, field_texts
from habitue.schema import DAY, EVENT_TYPE_ALIASES, EVENT_TYPES, parse_time

_MANY = 0.9
_NEARLY_ALL = 0.95
_FEW_CODES = 20
_PLACEHOLDERS = frozenset(CleaningSettings.model_fields["placeholder_ids"].default)
_EXAMPLE_CHARACTERS = 40
_CLOSE = 0.2  # of a logarithm: within a fifth
_CROWD = 0.2  # share of rows of one user that no real person reaches
_UNKNOWN_ORIGIN = "2000-01-01"
_PLAUSIBLE_TIMES = (DAY, parse_time("2101-01-01"))
_BEHAVIOUR_CODES = {"1": "view_item", "2": "add_to_wishlist", "3": "add_to_cart", "4": "purchase"}
_PATH_MARKS = (" > ", ">", "|", "\\", "::", ".", ":")


@dataclass
class Draft:
    """A source on its way: settings that will be written, guesses that explain them."""

    file: str
    source: SourceSettings
    guesses: list[Guess] = default(default_factory=list)
    unknown_words: dict[str, int] = default(default_factory=dict)
    time: TimeGuess | None = None

    def settle(
        self,
        name: str,
        value: object,
        because: str,
        *,
        examples: list[str] | None = None,
        confirm: bool = False,
    ) -> None:
        """Change a setting of the source, with the reason."""
        self.source = self.source.model_copy(update={name: value})
        self.note(name, _shown(value), because, examples=examples, confirm=confirm)

    def note(
        self,
        name: str,
        value: str,
        because: str,
        *,
        examples: list[str] | None = None,
        confirm: bool = False,
    ) -> None:
        """Say something about a field, with the reason."""
        shown = [example[:_EXAMPLE_CHARACTERS] for example in examples or []]
        self.guesses.append(Guess(self.file, name, value, because, shown, confirm))


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} = {entry}" for key, entry in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value)


def guess_values(draft: Draft, whole: WholeColumns, sample: pl.DataFrame) -> None:
    """Settle everything about a source of events beyond its columns."""
    if whole.times:
        guess_time_settings(draft, pl.concat(whole.times))
    _guess_event_types(draft, whole)
    guess_category_path(draft, sample)
    guess_decimal_mark(draft, sample)
    _guess_refunds(draft, whole)
    _guess_fractions(draft, whole)
    _guess_duplicates(draft, whole)
    _guess_not_products(draft, whole)
    _note_crowded_user(draft, whole)


def guess_time_settings(draft: Draft, times: pl.Series) -> None:
    """Say in which unit or form the times stand, by values from everywhere in the files."""
    found = guess_time(times, least=HALF)
    if found is None:
        _count_days(draft, times)
        return
    draft.time = found
    form = {"time_unit": found.unit, "time_format": found.format}
    unread = _unread(times, draft.source.model_copy(update=form))
    examples = [str(text) for text in times.drop_nulls().head(2).to_list()]
    read = f"read so, the times run from {found.first} to {found.last}{unread}"
    if found.unit != "iso":
        because = f"numbers of this size are times in {found.unit}; {read}"
        draft.settle("time_unit", found.unit, because, examples=examples, confirm=True)
    elif found.format:
        twin = "; day and month could be the other way round" if found.is_ambiguous else ""
        because = f"this pattern fits {found.share:.0%} of the values; {read}{twin}"
        confirm = found.is_ambiguous or bool(unread)
        draft.settle("time_format", found.format, because, examples=examples, confirm=confirm)
    else:
        because = f"the values are ISO 8601; {read}"
        draft.note("time_unit", "iso", because, examples=examples, confirm=bool(unread))
    if not found.has_zone:
        because = "the times name no zone; if they are local, name theirs, as in 'Europe/London'"
        draft.note("time_zone", draft.source.time_zone, because, confirm=True)


def _count_days(draft: Draft, times: pl.Series) -> None:
    days = times.drop_nulls().cast(pl.Float64, strict=False).drop_nulls().to_list()
    if not days:
        return
    because = (
        f"whole numbers from {min(days):g} to {max(days):g} count days from a day that the file "
        "does not name; set time_origin to it"
    )
    draft.settle("time_unit", "days", because, confirm=True)
    draft.settle("time_origin", _UNKNOWN_ORIGIN, "a stand-in for the unknown day", confirm=True)


def _unread(times: pl.Series, source: SourceSettings) -> str:
    """Say how many of the times cannot be read as the source says, where there are any."""
    filled = times.drop_nulls()
    if filled.dtype == pl.String:
        filled = filled.filter(filled.str.strip_chars() != "")
    is_read = moments_of(filled, source).is_between(*_PLAUSIBLE_TIMES).fill_null(False)
    if is_read.all():
        return ""
    unread = filled.filter(~is_read)
    return (
        f"; {len(unread):,} of {len(filled):,} values looked at, such as '{unread[0]}', cannot be "
        "read as plausible times and will be set aside"
    )


def _guess_event_types(draft: Draft, whole: WholeColumns) -> None:
    if not whole.words:
        return
    meant: dict[str, str] = {}
    words = dict(whole.words.most_common())
    if set(words) <= set(_BEHAVIOUR_CODES) and "1" in words:
        meant = {word: _BEHAVIOUR_CODES[word] for word in words}
        because = "the usual codes: 1 view, 2 favourite, 3 cart, 4 purchase; " + _counted(words)
        draft.settle("event_types", meant, because, confirm=True)
        return
    for word in words:
        kind = event_type_of(word)
        plain = word.strip().lower()
        if kind and plain not in EVENT_TYPES and plain not in EVENT_TYPE_ALIASES:
            meant[word] = kind
        elif not kind:
            draft.unknown_words[word] = words[word]
    if meant:
        because = "by their meaning; " + _counted({word: words[word] for word in meant})
        draft.settle("event_types", meant, because, confirm=True)
    else:
        known = {word: count for word, count in words.items() if word not in draft.unknown_words}
        draft.note("event_types", _shown(list(known)), f"known words; {_counted(known)}")
    if draft.unknown_words:
        shown = list(draft.unknown_words)[:_FEW_CODES]
        because = "no known event type; rows with these words will be set aside until they have one"
        draft.note("event_types", "?", because, examples=shown, confirm=True)


def _counted(words: dict[str, int]) -> str:
    return ", ".join(f"{word} {count:,}" for word, count in list(words.items())[:12])


def guess_category_path(draft: Draft, sample: pl.DataFrame) -> None:
    """Find the mark between the levels of a category that stands in one column."""
    name = "item_category" if draft.source.table == "events" else "category"
    column = draft.source.columns.get(name)
    if not isinstance(column, str) or sample[column].dtype != pl.String:
        return
    values = sample[column].drop_nulls().unique(maintain_order=True)
    values = values.filter(values.str.strip_chars() != "")
    if values.is_empty() or values.str.contains("/", literal=True).mean() == 1.0:
        return
    for mark in _PATH_MARKS:
        is_between = values.str.contains(rf"\S{_escaped(mark)}\S")
        has_blank = values.str.contains(" ", literal=True)
        if mark in (".", ":") and (has_blank.any() or values.str.contains(r"^[\d.:]+$").any()):
            continue
        if int(is_between.sum()) >= 0.5 * values.len():
            because = f"'{mark}' stands between the levels of {column}"
            draft.settle("category_separator", mark, because, examples=values.head(3).to_list())
            return


def _escaped(mark: str) -> str:
    return "".join("\\" + letter if letter in ".|\\" else letter for letter in mark)


def guess_decimal_mark(draft: Draft, sample: pl.DataFrame) -> None:
    """See whether amounts are written with a decimal comma."""
    for name in ("price", "value", "quantity"):
        texts = field_texts(sample, draft.source, name)
        if texts is None:
            continue
        with_comma = texts.drop_nulls().filter(texts.drop_nulls().str.contains(r"^-?[\d.]*\d,\d+$"))
        with_point = texts.drop_nulls().str.contains(r"^-?\d*\.\d{1,2}$").sum()
        if with_comma.len() > with_point and with_comma.len() > 0.05 * texts.len():
            because = "amounts are written with a comma"
            draft.settle("decimal_mark", ",", because, examples=with_comma.head(3).to_list())
            return


def _guess_refunds(draft: Draft, whole: WholeColumns) -> None:
    if not whole.negative_rows:
        return
    for prefix, (rows, negative) in whole.order_prefixes.items():
        others = whole.num_rows - rows
        if prefix and rows < 0.5 * whole.num_rows and negative >= _MANY * rows and rows > 1:
            because = (
                f"{negative:,} of {rows:,} lines of orders that begin with '{prefix}' have a "
                f"negative quantity, {whole.negative_rows - negative:,} of {others:,} of the others"
            )
            draft.settle("refund_order_prefix", prefix, because)
            break
    because = f"{whole.negative_rows:,} lines have a negative quantity: goods that came back"
    draft.settle("negative_quantity", "refund", because, confirm=True)


def _guess_fractions(draft: Draft, whole: WholeColumns) -> None:
    if whole.fractional_rows:
        because = (
            f"{whole.fractional_rows:,} lines have a part of a piece: sold by weight or length"
        )
        draft.settle("fractional_quantity", "accept", because, confirm=True)


def _guess_duplicates(draft: Draft, whole: WholeColumns) -> None:
    if not whole.num_equal_rows:
        return
    columns = draft.source.columns
    share = whole.num_equal_rows / max(whole.num_rows, 1)
    seen = f"{whole.num_equal_rows:,} rows ({share:.1%}) equal an earlier one in all mapped columns"
    if "order_id" in columns and "event_type" not in columns and "event_id" not in columns:
        because = (
            f"{seen}; they lie within one order, whose lines have no id of their own, so the same "
            "article may well have been entered twice; 'drop' would lose those pieces"
        )
        draft.settle("duplicate_rows", "keep", because, confirm=True)
    elif _is_bought_by_the_piece(draft):
        because = (
            f"{seen}; times are days and no column counts pieces, so equal rows are pieces bought "
            "on one day; 'drop' would lose them"
        )
        draft.settle("duplicate_rows", "keep", because, confirm=True)
    else:
        draft.note("duplicate_rows", "drop", f"{seen}: sent or exported twice")


def _is_bought_by_the_piece(draft: Draft) -> bool:
    is_day = draft.time is not None and draft.time.is_date_only
    is_sale = draft.source.constants.get("event_type") == "purchase"
    return is_day and is_sale and "quantity" not in draft.source.columns


def _guess_not_products(draft: Draft, whole: WholeColumns) -> None:
    codes, share_several = whole.letter_codes()
    if not codes or share_several < _NEARLY_ALL or len(whole.items) < _FEW_CODES:
        return
    because = (
        f"codes without a digit, where {share_several:.0%} of all {len(whole.items):,} codes have "
        "several: postage, charges, adjustments rather than goods"
    )
    examples = [f"{code} ({whole.items[code]:,} rows)" for code in codes[:5]]
    draft.settle("not_products", codes, because, examples=examples, confirm=True)


def _note_crowded_user(draft: Draft, whole: WholeColumns) -> None:
    for user, count in whole.users.most_common():
        if user.lower() in _PLACEHOLDERS:
            because = f"{count:,} rows have this user id, which means nobody; they are set aside"
            draft.note("user_id", user, because)
        elif count > _CROWD * whole.num_rows and len(whole.users) > 20:
            because = (
                f"one user has {count:,} of {whole.num_rows:,} rows; if this id means nobody, "
                "add it to cleaning.placeholder_ids"
            )
            draft.note("user_id", user, because, confirm=True)


def price_is_total(sample: pl.DataFrame, item: str, price: str, quantity: str) -> bool | None:
    """Return whether a price grows with the quantity, hence is the line's total.

    None where the sample cannot tell. Compares, for items sold both singly and in several, the
    price of several with that of one.
    """
    rows = sample.select(
        item=pl.col(item).cast(pl.String),
        price=pl.col(price).cast(pl.Float64, strict=False),
        quantity=pl.col(quantity).cast(pl.Float64, strict=False),
    ).filter((pl.col("price") > 0) & (pl.col("quantity") >= 1))
    single = (
        rows.filter(pl.col("quantity") == 1)
        .group_by("item")
        .agg(pl.col("price").median().alias("one"))
    )
    several = rows.filter(pl.col("quantity") >= 2).join(single, on="item")
    if several.height < _FEW_CODES:
        return None
    ratio = (pl.col("price") / pl.col("one")).log()
    as_unit, as_total = several.select(
        unit=ratio.abs().median(), total=(ratio - pl.col("quantity").log()).abs().median()
    ).row(0)
    # Neither fits, or both do: prices that wander tell nothing.
    if min(as_unit, as_total) > _CLOSE or abs(as_unit - as_total) < _CLOSE / 2:
        return None
    return bool(as_total < as_unit)
