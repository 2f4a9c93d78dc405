"""The language of audiences: a condition over the profile table, in words a manager can write.

    churn_90d > 50% and revenue >= 100 and segment = "champion"
    has tag "category: outdoor/camping" and last_seen before 2017-11-01 and not (orders < 2)
    monetary between 20 and 80 and segment in ("new", "promising") and value_90d is not unknown

In: the text and the columns of the table. Out: a `Rule` (made by `rule_parser`) that becomes a
Polars expression or a plain sentence. Knows nothing about files or predictions.

    rule      = all {"or" all}           all  = part {"and" part}
    part      = "not" part | "(" rule ")" | "everyone" | "has" list-word text | column test
    test      = (= | != | > | >= | < | <=) value | "between" value "and" value
              | ["not"] "in" "(" value {"," value} ")" | "contains" text
              | "before" date | "after" date | "since" date | "is" ["not"] "unknown"

A value the table does not know satisfies neither a test nor its opposite; ask for it with
`is unknown`. Texts are compared exactly. `after 2017-11-01` begins on the second.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

import polars as pl

from habitue.actions.rule_texts import Value, compared, has_word, readable, shown, text
from habitue.profiles.facts import WEEKDAYS
from habitue.profiles.segments import SEGMENTS
from habitue.schema import DAY, format_time

ColumnKind = Literal["number", "text", "time", "list", "flag"]
Operator = Literal["=", "!=", ">", ">=", "<", "<="]

# The singular word after "has" -> the column that lists them.
LIST_WORDS: Final[dict[str, str]] = {
    "tag": "tags",
    "category": "top_categories",
    "brand": "top_brands",
    "platform": "platforms",
}
CLOSED_WORDS: Final[dict[str, Collection[str]]] = {
    "segment": tuple(SEGMENTS),
    "favourite_weekday": WEEKDAYS,
}


@dataclass(frozen=True)
class RuleColumns:
    """What a rule may speak of: columns by kind, and the known words of some."""

    kinds: Mapping[str, ColumnKind]
    words: Mapping[str, Collection[str]] = field(default_factory=dict)  # column -> all its words


def columns_of(table: pl.DataFrame) -> RuleColumns:
    """Return what rules over `table` may speak of.

    Words are checked for segments and lists, so that a misspelt tag is told at once.
    """
    kinds: dict[str, ColumnKind] = {}
    words: dict[str, Collection[str]] = {}
    for name, dtype in table.schema.items():
        kind = _kind(name, dtype)
        if kind is None or name == "subject_id":
            continue
        kinds[name] = kind
        if name == "group" and kind == "text":
            words[name] = set(table[name].drop_nulls().unique())
        if kind == "list":
            words[name] = set(table[name].drop_nulls().explode().drop_nulls().unique())
    closed = {name: all_words for name, all_words in CLOSED_WORDS.items() if name in kinds}
    return RuleColumns(kinds, words | closed)


def _kind(name: str, dtype: pl.DataType) -> ColumnKind | None:
    if name.endswith(("_seen", "_at")) and dtype.is_integer():
        return "time"
    if dtype.is_numeric():
        return "number"
    if dtype == pl.Boolean:
        return "flag"
    if dtype == pl.List(pl.String):
        return "list"
    return "text" if dtype == pl.String else None


@dataclass(frozen=True)
class Everyone:
    """True of all."""

    def expression(self) -> pl.Expr:
        """Return the condition."""
        return pl.lit(True)

    def phrase(self) -> str:
        """Return the words."""
        return text("everyone")


@dataclass(frozen=True)
class Comparison:
    """A column against one value; of a time column the value is a moment in µs."""

    column: str
    operator: Operator
    value: Value
    is_time: bool = False

    def expression(self) -> pl.Expr:
        """Return the condition; null where the column is unknown."""
        left, right = pl.col(self.column), pl.lit(self.value)
        match self.operator:
            case "=":
                return left == right
            case "!=":
                return left != right
            case ">":
                return left > right
            case ">=":
                return left >= right
            case "<":
                return left < right
            case "<=":
                return left <= right

    def phrase(self) -> str:
        """Return the words."""
        if self.is_time:
            moment = format_moment(int(self.value))
            told = text("since" if self.operator == ">=" else "before").format(moment)
        elif isinstance(self.value, bool):
            told = text("yes" if self.value == (self.operator == "=") else "no")
        else:
            told = compared(self.operator, shown(self.value, self.column))
        return text("column").format(readable(self.column), told)


@dataclass(frozen=True)
class Between:
    """A column within two values, both included; of times `high` is excluded."""

    column: str
    low: float
    high: float
    is_time: bool = False

    def expression(self) -> pl.Expr:
        """Return the condition; null where the column is unknown."""
        closed: Literal["left", "both"] = "left" if self.is_time else "both"
        return pl.col(self.column).is_between(self.low, self.high, closed=closed)

    def phrase(self) -> str:
        """Return the words."""
        low, high = shown(self.low), shown(self.high)
        if self.is_time:
            # A bound that ends a day is named by that day.
            last = int(self.high) - DAY if int(self.high) % DAY == 0 else int(self.high)
            low, high = format_moment(int(self.low)), format_moment(last)
        return text("column").format(readable(self.column), text("between").format(low, high))


@dataclass(frozen=True)
class Membership:
    """A column that is one of some values."""

    column: str
    values: tuple[Value, ...]

    def expression(self) -> pl.Expr:
        """Return the condition; null where the column is unknown."""
        column = pl.col(self.column)
        if not isinstance(self.values[0], str):
            column = column.cast(pl.Float64)  # whole numbers are compared with any number
        return column.is_in(list(self.values))

    def phrase(self) -> str:
        """Return the words."""
        values = text("comma").join(shown(value, self.column) for value in self.values)
        return text("column").format(readable(self.column), text("in").format(values))


@dataclass(frozen=True)
class Contains:
    """A text column with some text within."""

    column: str
    text: str

    def expression(self) -> pl.Expr:
        """Return the condition; null where the column is unknown."""
        return pl.col(self.column).str.contains(self.text, literal=True)

    def phrase(self) -> str:
        """Return the words."""
        told = text("contains").format(shown(self.text))
        return text("column").format(readable(self.column), told)


@dataclass(frozen=True)
class Has:
    """A list column that holds a text."""

    word: str  # a key of LIST_WORDS
    text: str

    def expression(self) -> pl.Expr:
        """Return the condition; null where the list is unknown."""
        return pl.col(LIST_WORDS[self.word]).list.contains(self.text)

    def phrase(self) -> str:
        """Return the words."""
        return text("has").format(has_word(self.word), shown(self.text, LIST_WORDS[self.word]))


@dataclass(frozen=True)
class Unknown:
    """A column without a value."""

    column: str

    def expression(self) -> pl.Expr:
        """Return the condition; never null."""
        return pl.col(self.column).is_null()

    def phrase(self) -> str:
        """Return the words."""
        return text("column").format(readable(self.column), text("unknown"))


@dataclass(frozen=True)
class Not:
    """The opposite; what is unknown stays unknown."""

    part: "Rule"

    def expression(self) -> pl.Expr:
        """Return the condition."""
        return ~self.part.expression()

    def phrase(self) -> str:
        """Return the words."""
        return text("not").format(self.part.phrase())


@dataclass(frozen=True)
class Both:
    """All of several parts (`and`)."""

    parts: tuple["Rule", ...]

    def expression(self) -> pl.Expr:
        """Return the condition."""
        # One flat call: a chain of a thousand `&` would nest a thousand deep.
        return pl.all_horizontal([part.expression() for part in self.parts])

    def phrase(self) -> str:
        """Return the words."""
        return text("and").join(_grouped(part) for part in self.parts)


@dataclass(frozen=True)
class Either:
    """At least one of several parts (`or`)."""

    parts: tuple["Rule", ...]

    def expression(self) -> pl.Expr:
        """Return the condition."""
        return pl.any_horizontal([part.expression() for part in self.parts])

    def phrase(self) -> str:
        """Return the words."""
        return text("or").join(_grouped(part) for part in self.parts)


Rule = Everyone | Comparison | Between | Membership | Contains | Has | Unknown | Not | Both | Either


def members(rule: Rule) -> pl.Expr:
    """Return the condition as a filter: of whom it is unknown, is no member.

    A number that is NaN counts as any number would; make it null first.
    """
    return rule.expression().fill_null(False)


def describe(rule: Rule) -> str:
    """Return the rule as a plain sentence."""
    return text("sentence").format(rule.phrase())


def _grouped(part: Rule) -> str:
    told = part.phrase()
    return text("grouped").format(told) if isinstance(part, Both | Either) else told


def format_moment(at: int) -> str:
    """Return a moment as a date, with the time of day where it is not midnight."""
    text = format_time(at)
    return text[:10] if at % DAY == 0 else text
