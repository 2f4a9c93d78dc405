"""The batch that cleaning steps hand on: its rows, the rules, and what was found so far.

A step takes a `Batch` and returns one. Rejecting marks a row with a code and a field (the first
reason stays); repairing marks a row and counts the kind of repair. No row is ever removed on the
way, so that each can still be traced to its record. Knows nothing about what the steps check.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import polars as pl

from habitue.config import CleaningSettings, PersonalData, SourceSettings
from habitue.events.words import Words, is_coded
from habitue.schema import MINUTE, parse_time

# Fields that hold an outside id, always text.
ID_FIELDS: Final = (
    "event_id",
    "user_id",
    "anonymous_id",
    "session_id",
    "item_id",
    "order_id",
    "list_id",
    "recommendation_id",
)
TIME_FIELDS: Final = ("timestamp", "received_at", "created_at")
NUMBER_FIELDS: Final = ("price", "quantity", "value", "position")
CATEGORY_FIELDS: Final = ("item_category", "category")

# Every code a cleaning step may give, and what it means.
REASONS: Final[dict[str, str]] = {
    "no_subject": "no user, anonymous or session id says who did it",
    "placeholder_id": "the id is a word for nobody (see cleaning.placeholder_ids)",
    "no_item": "a catalogue row without an item id",
    "type": "the column holds true/false, lists or bytes where an id or a text is needed",
    "number_range": "a whole number of more than 64 bits",
    "id_too_long": "the id is longer than cleaning.max_id_bytes",
    "control_char": "an id with a control character, or a text with a NUL",
    "invisible_char": "an id with a zero-width or direction mark",
    "looks_like_pii": "a text holds personal data or a secret (see cleaning.personal_data)",
    "time_missing": "no time",
    "time_not_readable": "the time does not read as the source's time_unit or time_format says",
    "ts_epoch_zero": "the time is zero: 1970-01-01",
    "ts_too_old": "the time lies before cleaning.earliest",
    "ts_future": "the time lies more than five minutes ahead of now",
    "ts_other_unit": "the number is no time in the source's time_unit but is one in another unit",
    "unknown_type": "the event type is no known word (see the source's event_types)",
    "no_shop_event": "none of a shop's events (see the source's ignored_events), or who is who "
    "with one id only; counted, not kept",
    "no_consent": "the person said no to being recorded; counted, not kept",
    "price_not_number": "the price is not a number",
    "price_negative": "a negative price that is not a refund's",
    "price_too_high": "the price is above cleaning.max_price",
    "quantity_not_number": "the quantity is not a number",
    "quantity_not_positive": "a quantity of zero or less that is not a refund's",
    "quantity_fractional": "a part of a piece (see the source's fractional_quantity)",
    "quantity_too_high": "the quantity is above cleaning.max_quantity",
    "value_not_number": "the value is not a number",
    "value_negative": "a negative value that is not a refund's",
    "value_too_high": "the value is above cleaning.max_price for each piece",
    "currency_unknown": "the currency is no ISO 4217 code",
    "currency_missing": "money without a currency in a log of several (see [shop] currency)",
    "category_too_deep": "the category path has more than sixteen levels",
    "category_cycle": "the category path comes back to a level it has left",
}

# The quarantine keeps no rows of these: nothing went wrong, or they may not be held.
COUNTED_ONLY: Final = frozenset({"no_shop_event", "no_consent"})


@dataclass(frozen=True)
class Rules:
    """The cleaning settings, made ready for comparing."""

    earliest_at: int
    latest_at: int
    max_price: float
    max_quantity: float
    max_id_bytes: int
    placeholder_ids: frozenset[str]
    personal_data: PersonalData = "redact"
    shop_currency: str = ""  # of money that names none; empty where nobody has said it

    @classmethod
    def of(cls, cleaning: CleaningSettings, *, now: int, currency: str = "") -> "Rules":
        """Return the rules at the moment `now` (µs), which says what lies in the future."""
        return cls(
            earliest_at=parse_time(cleaning.earliest),
            latest_at=now + 5 * MINUTE,
            max_price=cleaning.max_price,
            max_quantity=cleaning.max_quantity,
            max_id_bytes=cleaning.max_id_bytes,
            placeholder_ids=frozenset(word.lower() for word in cleaning.placeholder_ids),
            personal_data=cleaning.personal_data,
            shop_currency=currency,
        )


@dataclass(frozen=True)
class Batch:
    """Rows on their way through the cleaning steps.

    `frame` holds a column for each mapped field that the file has, and `_code`, `_field`
    (why a row is rejected; null: it is not), `_repaired`. `raw` holds the rows as the file had
    them. A column of texts may be coded, where there are `words`: then steps ask each text once,
    by `words.rows_where` and `words.changed`, or take the column as `text`. `repairs` and
    `remarks` say which rows each kind of them concerned; `hints` say of rejected rows what may
    have gone wrong. `keeps_personal` says that texts hold personal data, which the rules keep.
    """

    frame: pl.DataFrame
    raw: pl.DataFrame
    source: SourceSettings
    rules: Rules
    words: Words | None = None
    repairs: Mapping[str, pl.Series] = field(default_factory=dict)
    remarks: Mapping[str, pl.Series] = field(default_factory=dict)
    hints: Mapping[str, pl.Series] = field(default_factory=dict)
    keeps_personal: bool = False

    def has(self, field: str) -> bool:
        """Whether the batch has a column for `field`."""
        return field in self.frame.columns

    def text(self, field: str) -> pl.Series:
        """Return a field's column of texts as texts, coded or not."""
        column = self.frame[field]
        return column.cast(pl.String) if is_coded(column) else column

    def is_tidy(self, field: str) -> bool:
        """Whether the field is known to hold tidy texts only; see `Words.are_tidy`."""
        return self.words is not None and self.words.are_tidy(self.frame[field])

    def with_columns(self, *exprs: pl.Expr | pl.Series, **named: pl.Expr | pl.Series) -> "Batch":
        """Return the batch with these columns added or replaced."""
        return replace(self, frame=self.frame.with_columns(*exprs, **named))

    def rows(self, condition: pl.Expr | pl.Series) -> pl.Series:
        """Return where `condition` holds among the rows not rejected so far."""
        rows = self.frame.select(rows=pl.Expr.fill_null(_expr(condition), False))["rows"]
        # Nearly always nothing is found.
        return rows & self.frame["_code"].is_null() if rows.any() else rows

    def reject(self, condition: pl.Expr | pl.Series, code: str, field: str) -> "Batch":
        """Mark the rows where `condition` holds as rejected, unless they are already."""
        return self._rejected(self.rows(condition), code, field)

    def leave_out(self, condition: pl.Series, code: str, field: str) -> "Batch":
        """Mark the rows where `condition` holds as left out, whatever else is wrong with them.

        `code` is one of `COUNTED_ONLY`: nothing of these rows is kept.
        """
        return self._rejected(condition.fill_null(False), code, field)

    def _rejected(self, rows: pl.Series, code: str, field: str) -> "Batch":
        if not rows.any():
            return self
        return self.with_columns(
            _code=pl.when(rows).then(pl.lit(code)).otherwise("_code"),
            _field=pl.when(rows).then(pl.lit(field)).otherwise("_field"),
        )

    def repair(self, condition: pl.Expr | pl.Series, kind: str) -> "Batch":
        """Mark the rows where `condition` holds as repaired, and note them under `kind`."""
        rows = self.rows(condition)
        if not rows.any():
            return self
        repaired = replace(self, repairs=_noted(self.repairs, kind, rows))
        return repaired.with_columns(_repaired=pl.col("_repaired") | rows)

    def remark(self, condition: pl.Expr | pl.Series, kind: str) -> "Batch":
        """Note the rows where `condition` holds under `kind`; they are not repairs."""
        rows = self.rows(condition)
        return replace(self, remarks=_noted(self.remarks, kind, rows)) if rows.any() else self

    def hint(self, condition: pl.Expr | pl.Series, kind: str) -> "Batch":
        """Note under `kind` what may be wrong with the rows where `condition` holds."""
        rows = self.rows(condition)
        return replace(self, hints=_noted(self.hints, kind, rows)) if rows.any() else self


def _noted(noted: Mapping[str, pl.Series], kind: str, rows: pl.Series) -> Mapping[str, pl.Series]:
    return {**noted, kind: noted[kind] | rows if kind in noted else rows}


def _expr(condition: pl.Expr | pl.Series) -> pl.Expr:
    return pl.lit(condition) if isinstance(condition, pl.Series) else condition
