"""Reads an audience rule: text in, `Rule` out, or one error that names the position.

A tokenizer and a recursive-descent parser of the grammar that stands in `rules`; nothing is ever
evaluated as code. What may be spoken of (columns, segments, tags) comes in as `RuleColumns`.
"""

import math
import re
from dataclasses import dataclass
from typing import Final, Literal, NoReturn

from habitue.actions.rule_texts import Value
from habitue.actions.rules import (
    LIST_WORDS,
    Between,
    Both,
    ColumnKind,
    Comparison,
    Contains,
    Either,
    Everyone,
    Has,
    Membership,
    Not,
    Operator,
    Rule,
    RuleColumns,
    Unknown,
)
from habitue.errors import Refused, UnknownName, nearest
from habitue.schema import DAY, parse_time

TokenKind = Literal["date", "number", "text", "word", "symbol", "end"]

MAX_LENGTH: Final = 10_000  # characters
MAX_DEPTH: Final = 50  # parentheses and nots within one another
YEARS: Final = (1900, 2199)
KEYWORDS: Final = frozenset(
    {"and", "or", "not", "has", "in", "is", "between", "before", "after", "since", "contains"}
    | {"unknown", "true", "false", "everyone"}
)
OPERATORS: Final[dict[str, Operator]] = {
    "=": "=", "==": "=", "!=": "!=", ">": ">", ">=": ">=", "<": "<", "<=": "<=",
}  # fmt: skip
ALLOWED: Final[dict[ColumnKind, str]] = {
    "number": "= != > >= < <= between in is",
    "text": "= != in contains is",
    "time": "before after since between is",
    "flag": "= != is",
    "list": "is",
}
_TOKEN: Final = re.compile(
    r"""(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9:.]+(?:Z|[+-][0-9]{2}:[0-9]{2})?)?)
      | (?P<number>[+-]?[0-9]+(?:\.[0-9]+)?%?)
      | (?P<text>"(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*')
      | (?P<word>[^\W\d](?:\w|-(?=\w))*)
      | (?P<symbol><=|>=|!=|==|[=<>(),])""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class _Token:
    kind: TokenKind
    text: str
    position: int  # 1 for the first character of the rule

    @property
    def keyword(self) -> str:
        """The lower-case word, or the symbol; of other tokens nothing."""
        return self.text.lower() if self.kind in ("word", "symbol") else ""


def parse_rule(text: str, columns: RuleColumns) -> Rule:
    """Return the rule that `text` says.

    Raises:
        Refused: the text is no rule; the message names the position.
        UnknownName: a column, segment or tag nobody has heard of; names the nearest.
    """
    if len(text) > MAX_LENGTH:
        _refuse(MAX_LENGTH + 1, f"the rule is longer than {MAX_LENGTH} characters", "Shorten it.")
    return _Parser(_tokens(text), columns).parse()


def _refuse(position: int, what: str, fix: str) -> NoReturn:
    raise Refused(f"Rule, position {position}: {what}.", fix=fix, code="bad_rule")


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        match = _TOKEN.match(text, at)
        if match is None:
            _refuse_character(text, at)
        kind: TokenKind = match.lastgroup  # type: ignore[assignment]
        tokens.append(_Token(kind, match.group(), at + 1))
        at = match.end()
    return [*tokens, _Token("end", "the end", len(text) + 1)]


def _refuse_character(text: str, at: int) -> NoReturn:
    if text[at] in "\"'":
        _refuse(at + 1, "the text that begins here has no closing quote", "Add the quote.")
    if text[at] in "“”„‘’«»":
        _refuse(at + 1, f"{text[at]} is a typographic quote", 'Write straight quotes: "…".')
    _refuse(at + 1, f"{text[at]!r} has no meaning here", 'Example: orders >= 3 and has tag "…".')


class _Parser:
    """One token ahead; each method reads one line of the grammar."""

    def __init__(self, tokens: list[_Token], columns: RuleColumns) -> None:
        self._tokens = tokens
        self._columns = columns
        self._next = 0
        self._depth = 0

    def parse(self) -> Rule:
        """Read the whole text."""
        rule = self._either()
        if self._ahead.kind != "end":
            self._expected('"and", "or" or the end')
        return rule

    @property
    def _ahead(self) -> _Token:
        return self._tokens[self._next]

    def _take(self) -> _Token:
        token = self._ahead
        self._next += token.kind != "end"
        return token

    def _accept(self, keyword: str) -> bool:
        if self._ahead.keyword != keyword:
            return False
        self._take()
        return True

    def _require(self, keyword: str) -> None:
        if not self._accept(keyword):
            self._expected(f'"{keyword}"')

    def _expected(self, what: str) -> NoReturn:
        token = self._ahead
        found = "the end" if token.kind == "end" else f"'{token.text[:60]}'"
        _refuse(token.position, f"expected {what}, found {found}", "Correct the rule there.")

    def _either(self) -> Rule:
        parts = [self._both()]
        while self._accept("or"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def _both(self) -> Rule:
        parts = [self._part()]
        while self._accept("and"):
            parts.append(self._part())
        return parts[0] if len(parts) == 1 else Both(tuple(parts))

    def _part(self) -> Rule:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            _refuse(
                self._ahead.position,
                f"more than {MAX_DEPTH} parentheses or nots within one another",
                "Take some out; most are not needed.",
            )
        rule = self._inner_part()
        self._depth -= 1
        return rule

    def _inner_part(self) -> Rule:
        if self._accept("not"):
            return Not(self._part())
        if self._accept("("):
            rule = self._either()
            self._require(")")
            return rule
        if self._accept("everyone"):
            return Everyone()
        if self._accept("has"):
            return self._has()
        return self._test()

    def _has(self) -> Rule:
        known = [word for word, column in LIST_WORDS.items() if column in self._columns.kinds]
        token = self._ahead
        if token.keyword not in known:
            self._expected(" or ".join(f'"{word}"' for word in known) + ' after "has"')
        self._take()
        return Has(token.keyword, self._text_for(LIST_WORDS[token.keyword]))

    def _test(self) -> Rule:
        column = self._column()
        kind = self._columns.kinds[column]
        token = self._ahead
        test = OPERATORS.get(token.keyword, token.keyword)
        negated = test == "not"
        if negated:
            self._take()
            test = self._ahead.keyword
            if test != "in":
                self._expected('"in" after "not"')
        if test not in ALLOWED[kind].split():
            self._refuse_test(column, kind)
        self._take()
        rule = self._finish(column, kind, test)
        return Not(rule) if negated else rule

    def _refuse_test(self, column: str, kind: ColumnKind) -> NoReturn:
        words = ", ".join(ALLOWED[kind].split())
        if kind == "list":
            words = f'{words}; or write: has {column.removesuffix("s")} "…"'
        self._expected(f"one of {words} after the {kind} column '{column}'")

    def _finish(self, column: str, kind: ColumnKind, test: str) -> Rule:
        match test:
            case "is":
                negated = self._accept("not")
                self._require("unknown")
                return Not(Unknown(column)) if negated else Unknown(column)
            case "between":
                return self._between(column, kind)
            case "in":
                return Membership(column, self._values(column, kind))
            case "contains":
                return Contains(column, self._text())
            case "before" | "after" | "since":
                return self._moment(column, test)
        return Comparison(column, OPERATORS[test], self._value(column, kind))

    def _column(self) -> str:
        token = self._ahead
        if token.kind != "word" or token.keyword in KEYWORDS - set(self._columns.kinds):
            self._expected("a column, has, not or (")
        if token.text not in self._columns.kinds:
            known = sorted(self._columns.kinds)
            raise UnknownName(
                f"Rule, position {token.position}: there is no column '{token.text}'."
                f"{nearest(token.text, known)}",
                fix=f"Columns are: {', '.join(known)}.",
            )
        return self._take().text

    def _between(self, column: str, kind: ColumnKind) -> Rule:
        start = self._ahead.position
        if kind == "time":
            low = self._day_or_moment()[0]
            self._require("and")
            high = self._day_or_moment()[1]
            rule = Between(column, low, high, is_time=True)
        else:
            low_number = self._number()
            self._require("and")
            rule = Between(column, low_number, self._number())
        if rule.low > rule.high:
            _refuse(start, "the first value is the greater one", "Write the smaller one first.")
        return rule

    def _values(self, column: str, kind: ColumnKind) -> tuple[Value, ...]:
        self._require("(")
        values = [self._value(column, kind)]
        while self._accept(","):
            values.append(self._value(column, kind))
        self._require(")")
        return tuple(values)

    def _value(self, column: str, kind: ColumnKind) -> Value:
        if kind == "number":
            return self._number()
        if kind == "flag":
            if self._ahead.keyword not in ("true", "false"):
                self._expected('"true" or "false"')
            return self._take().keyword == "true"
        return self._text_for(column)

    def _number(self) -> float:
        token = self._ahead
        if token.kind != "number":
            self._expected("a number")
        is_percent = token.text.endswith("%")
        number = float(token.text.rstrip("%"))
        if not math.isfinite(number):
            _refuse(token.position, "the number is too large", "Write a smaller one.")
        self._take()
        return number / 100 if is_percent else number

    def _text(self) -> str:
        if self._ahead.kind != "text":
            self._expected('a text in quotes ("…")')
        return re.sub(r"\\(.)", r"\1", self._take().text[1:-1], flags=re.DOTALL)

    def _text_for(self, column: str) -> str:
        position = self._ahead.position
        text = self._text()
        words = self._columns.words.get(column)
        if words is not None and text not in words:
            raise UnknownName(
                f"Rule, position {position}: no one has '{text}' in {column}."
                f"{nearest(text, words)}",
                fix=_some(words),
            )
        return text

    def _moment(self, column: str, test: str) -> Rule:
        start, end = self._day_or_moment()
        if test == "before":
            return Comparison(column, "<", start, is_time=True)
        return Comparison(column, ">=", start if test == "since" else end, is_time=True)

    def _day_or_moment(self) -> tuple[int, int]:
        """Read a date or a time; return when it begins and the first moment after it."""
        token = self._ahead
        if token.kind != "date":
            self._expected("a date such as 2017-11-01")
        try:
            start = parse_time(token.text)
        except Refused as error:
            _refuse(token.position, error.message.removesuffix("."), error.fix)
        if not YEARS[0] <= int(token.text[:4]) <= YEARS[1]:
            years = f"{YEARS[0]} to {YEARS[1]}"
            _refuse(token.position, f"the year of {token.text} is not in {years}", "Correct it.")
        self._take()
        return start, start + (1 if "T" in token.text else DAY)


def _some(words: object) -> str:
    known = sorted(str(word) for word in words) if isinstance(words, set | tuple | list) else []
    more = f" and {len(known) - 20} more" if len(known) > 20 else ""
    return f"There are: {', '.join(known[:20])}{more}." if known else "There are none yet."
