"""Rules and their parser: what they say, whom they choose, and how they refuse."""

from collections.abc import Mapping

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from habitue.actions import rule_texts
from habitue.actions.rule_parser import MAX_DEPTH, MAX_LENGTH, parse_rule
from habitue.actions.rules import (
    LIST_WORDS,
    Between,
    Both,
    Comparison,
    Contains,
    Either,
    Everyone,
    Has,
    Membership,
    Not,
    Rule,
    Unknown,
    columns_of,
    describe,
    members,
)
from habitue.errors import Refused, UnknownName
from habitue.languages import speaking
from habitue.schema import PROFILE_COLUMNS, parse_time
from tests.examples import examples

TABLE = pl.DataFrame(
    {
        "subject_id": [1, 2, 3, 4],
        "user_id": ["u1", "u2", "u3", 'say "hi"'],
        "churn_90d": [0.9, 0.5, None, 0.1],
        "revenue": [100.0, 250.5, 0.0, None],
        "orders": [1, 2, 3, None],
        "segment": ["champion", "lost", None, "champion"],
        "last_seen": [parse_time(day) for day in ("2017-10-31", "2017-11-01", "2017-11-02T08:00",
                                                  "2018-01-01")],
        "tags": [["category: outdoor/camping", "price: low"], ["price: low"], [], None],
        "platforms": [["web"], ["app", "web"], ["app"], None],
        "is_bot": [False, True, None, False],
    }
)  # fmt: skip
COLUMNS = columns_of(TABLE)


def chosen(text: str) -> list[int]:
    rule = parse_rule(text, COLUMNS)
    return TABLE.filter(members(rule))["subject_id"].to_list()


@pytest.mark.parametrize(
    ("text", "subjects"),
    [
        ("everyone", [1, 2, 3, 4]),
        ("churn_90d > 0.5", [1]),
        ("churn_90d >= 50%", [1, 2]),
        ("CHURN_90D is unknown" .lower(), [3]),
        ("churn_90d is not unknown", [1, 2, 4]),
        ("not (churn_90d >= 0.5)", [4]),  # 3 is unknown: neither the test nor its opposite
        ("orders = 2 or orders = 3", [2, 3]),
        ("orders != 2", [1, 3]),
        ("orders == 1.0", [1]),
        ("orders in (1, 3.0)", [1, 3]),
        ("orders not in (1, 2)", [3]),
        ("revenue between 100 and 300", [1, 2]),
        ("revenue > -1 and orders < +2", [1]),
        ('segment = "champion"', [1, 4]),
        ("segment = 'champion' AND NOT revenue is unknown", [1]),
        ('segment in ("lost", "champion")', [1, 2, 4]),
        ('segment != "champion"', [2]),
        ('has tag "category: outdoor/camping"', [1]),
        ('not has tag "category: outdoor/camping"', [2, 3]),
        ('has platform "app" and has tag "price: low"', [2]),
        ("last_seen before 2017-11-01", [1]),
        ("last_seen since 2017-11-01", [2, 3, 4]),
        ("last_seen after 2017-11-01", [3, 4]),
        ("last_seen after 2017-11-02T08:00:00Z", [4]),
        ("last_seen between 2017-11-01 and 2017-11-02", [2, 3]),
        ("is_bot = true", [2]),
        ("is_bot != true", [1, 4]),
        ('user_id contains "u"', [1, 2, 3]),
        (r'user_id = "say \"hi\""', [4]),
        ("orders = 1 or orders = 2 and revenue > 1000", [1]),  # and binds tighter
        ("(orders = 1 or orders = 2) and revenue > 200", [2]),
    ],
)  # fmt: skip
def test_a_rule_chooses(text: str, subjects: list[int]) -> None:
    assert chosen(text) == subjects


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "position 1: expected a column, has, not or \\(, found the end"),
        ("orders", "position 7: expected one of = != > >= < <= between in is".replace(" ", ",? ")),
        ("orders >", "position 9: expected a number, found the end"),
        ('orders > "x"', "position 10: expected a number, found '\"x\"'"),
        ("(orders > 3", 'position 12: expected "\\)", found the end'),
        ("orders > 3 revenue > 4", 'position 12: expected "and", "or" or the end, found'),
        ("orders > 3)", "position 11: expected"),
        ("orders not 3", 'position 12: expected "in" after "not", found \'3\''),
        ("orders between 5 and 3", "position 16: the first value is the greater one"),
        ("orders is", 'position 10: expected "unknown", found the end'),
        ("orders; drop", "position 7: ';' has no meaning here"),
        ('segment = "lost', "position 11: the text that begins here has no closing quote"),
        ("segment = “lost”", "position 11: “ is a typographic quote"),
        ('segment > "lost"', "position 9: expected one of =, !=, in, contains, is after the text"),
        ("tags = 3", "or write: has tag \"…\" after the list column 'tags'"),
        ('has colour "red"', 'position 5: expected "tag" or "platform" after "has"'),
        ("has tag price", "position 9: expected a text in quotes"),
        ("last_seen = 2017-11-01", "expected one of before, after, since, between, is after the"),
        ("last_seen before 3", "position 18: expected a date such as 2017-11-01, found '3'"),
        ("last_seen before 2017-13-01", "position 18: '2017-13-01' is not a time"),
        ("last_seen after 9999-12-31", "position 17: the year of 9999-12-31 is not in 1900 to"),
        ("is_bot = 1", 'position 10: expected "true" or "false", found \'1\''),
        ("orders > " + "9" * 400, "position 10: the number is too large"),
        ("not " * (MAX_DEPTH + 1) + "everyone", f"more than {MAX_DEPTH} parentheses or nots"),
        ("(" * 5000, f"more than {MAX_DEPTH} parentheses or nots"),
        (" " * (MAX_LENGTH + 1), f"the rule is longer than {MAX_LENGTH} characters"),
    ],
)
def test_a_wrong_rule_is_refused_at_its_position(text: str, message: str) -> None:
    with pytest.raises(Refused, match=message) as caught:
        parse_rule(text, COLUMNS)
    assert caught.value.code == "bad_rule"
    assert caught.value.fix


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("order > 3", "position 1: there is no column 'order'. Did you mean 'orders'?"),
        ("orders > 1 and churn_90 > 0", "position 16: .* Did you mean 'churn_90d'?"),
        ('segment = "champio"', "position 11: no one has 'champio' in segment. Did .* 'champion'"),
        ('segment in ("lost", "gone")', "position 21: no one has 'gone' in segment"),
        (
            'has tag "category: outdoor/campin"',
            "position 9: no one has .* in tags. Did you mean 'category: outdoor/camping'",
        ),
        ("subject_id > 1", "there is no column 'subject_id'"),
    ],
)
def test_an_unknown_name_is_told_with_the_nearest(text: str, message: str) -> None:
    with pytest.raises(UnknownName, match=message):
        parse_rule(text, COLUMNS)


def test_a_rule_reads_as_a_sentence() -> None:
    rule = parse_rule(
        'churn_90d > 50% and has tag "price: low" and last_seen before 2017-11-01 '
        'and not (orders < 2 or segment in ("lost"))',
        COLUMNS,
    )
    assert describe(rule) == (
        'Customers with churn (90 days) above 0.5 and who have the tag "price: low" and with last '
        'seen before 2017-11-01 and not (with orders below 2 or with segment among "lost").'
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("everyone", "Customers of any kind."),
        ("revenue between 1 and 2.5", "Customers with revenue from 1 to 2.5."),
        ("revenue is unknown", "Customers with revenue unknown."),
        ("is_bot != true", "Customers with is bot false."),
        ('user_id contains "x"', 'Customers with user id containing "x".'),
        ("last_seen after 2017-11-01", "Customers with last seen on or after 2017-11-02."),
        (
            "last_seen between 2017-11-01 and 2017-11-30",
            "Customers with last seen from 2017-11-01 to 2017-11-30.",
        ),
        (
            "(orders = 1 or orders >= 5) and revenue <= 3",
            "Customers (with orders equal to 1 or with orders of at least 5) and with revenue of "
            "at most 3.",
        ),
    ],
)
def test_each_kind_of_test_has_words(text: str, sentence: str) -> None:
    assert describe(parse_rule(text, COLUMNS)) == sentence


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("everyone", "所有类型的客户。"),
        ('segment = "champion"', "客户分层为“核心客户”的客户。"),
        ("revenue between 1 and 2.5", "累计消费在1至2.5之间的客户。"),
        ("is_bot != true", "疑似机器为否的客户。"),
        ("last_seen after 2017-11-01", "最近到访不早于2017-11-02的客户。"),
        (
            'churn_90d > 50% and has tag "price: low" and not (orders < 2 or revenue is unknown)',
            "未来90天的流失概率高于0.5，且有标签“价格偏好：低价”，且不符合（订单数低于2，或累计消费未知）的"
            "客户。",
        ),
    ],
)
def test_a_rule_is_read_back_in_chinese(text: str, sentence: str) -> None:
    with speaking("zh"):
        assert describe(parse_rule(text, COLUMNS)) == sentence


def test_every_column_of_the_profile_table_has_chinese_words() -> None:
    assert PROFILE_COLUMNS - {"subject_id"} == rule_texts.COLUMNS["zh"].keys()


@settings(max_examples=examples(300), deadline=None, derandomize=True)
@given(text=st.text(max_size=60))
def test_any_text_is_a_rule_or_refused(text: str) -> None:
    _parses_or_refuses(text)


WORDS = [
    "and", "or", "not", "has", "tag", "in", "is", "unknown", "between", "before", "contains", "(",
    ")", ",", "=", "!=", ">", "<=", "orders", "churn_90d", "segment", "last_seen", "tags", "is_bot",
    "3", "-0.5", "50%", '"lost"', '"price: low"', "2017-11-01", "2017-02-30", "true", "everyone",
    "nobody", "'", "é", "\x00", "99999999999999999999",
]  # fmt: skip


@settings(max_examples=examples(500), deadline=None, derandomize=True)
@given(words=st.lists(st.sampled_from(WORDS), max_size=12))
def test_any_words_of_the_language_are_a_rule_or_refused(words: list[str]) -> None:
    _parses_or_refuses(" ".join(words))


def _parses_or_refuses(text: str) -> None:
    try:
        rule = parse_rule(text, COLUMNS)
    except Refused as error:
        is_placed = "position " in error.message
    else:
        is_placed = True
        assert describe(rule).startswith("Customers ")
        assert TABLE.filter(members(rule)).height <= TABLE.height
    assert is_placed


def test_a_very_long_rule_is_evaluated() -> None:
    text = " and ".join(["orders > 0"] * 600)
    assert chosen(text) == [1, 2, 3]


number = st.integers(0, 4).map(str) | st.sampled_from(["0.5", "50%", "2.5"])
numeric = st.sampled_from(["orders", "revenue", "churn_90d"])
day = st.sampled_from(["2017-10-31", "2017-11-01", "2017-11-02T08:00:00Z", "2018-01-01"])
atom = st.one_of(
    st.builds(
        "{} {} {}".format, numeric, st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), number
    ),
    st.builds("{} in ({}, {})".format, numeric, number, number),
    st.builds("{} not in ({})".format, numeric, number),
    st.builds("{} between 0 and {}".format, numeric, number),
    st.builds(
        "{} is {}unknown".format,
        numeric | st.sampled_from(["segment", "tags", "last_seen", "is_bot"]),
        st.sampled_from(["", "not "]),
    ),
    st.builds(
        "segment {} '{}'".format,
        st.sampled_from(["=", "!="]),
        st.sampled_from(["lost", "champion"]),
    ),
    st.builds("segment in ('{}')".format, st.sampled_from(["lost", "champion"])),
    st.builds("user_id contains '{}'".format, st.sampled_from(["u", "1", '"'])),
    st.builds("has tag '{}'".format, st.sampled_from(["price: low", "category: outdoor/camping"])),
    st.builds("last_seen {} {}".format, st.sampled_from(["before", "after", "since"]), day),
    st.builds("last_seen between 2017-10-30 and {}".format, day),
    st.builds(
        "is_bot {} {}".format, st.sampled_from(["=", "!="]), st.sampled_from(["true", "false"])
    ),
    st.just("everyone"),
)
sentence = st.recursive(
    atom,
    lambda part: st.one_of(
        st.builds("({} and {})".format, part, part),
        st.builds("({} or {})".format, part, part),
        st.builds("not ({})".format, part),
    ),
    max_leaves=8,
)


@settings(max_examples=examples(300), deadline=None, derandomize=True)
@given(text=sentence)
def test_the_table_is_filtered_as_a_plain_reading_would(text: str) -> None:
    rule = parse_rule(text, COLUMNS)
    expected = [r["subject_id"] for r in TABLE.iter_rows(named=True) if plainly(rule, r) is True]
    assert TABLE.filter(members(rule))["subject_id"].to_list() == expected


def plainly(rule: Rule, row: Mapping[str, object]) -> bool | None:
    """Evaluate a rule on one row; None is unknown (Kleene's three-valued logic)."""
    match rule:
        case Everyone():
            return True
        case Not(part):
            inner = plainly(part, row)
            return None if inner is None else not inner
        case Both(parts):
            found = [plainly(part, row) for part in parts]
            return False if False in found else None if None in found else True
        case Either(parts):
            found = [plainly(part, row) for part in parts]
            return True if True in found else None if None in found else False
        case Unknown(column):
            return row[column] is None
        case Has(word, text):
            listed = row[LIST_WORDS[word]]
            return None if listed is None else text in listed  # type: ignore[operator]
    value = row[rule.column]
    if value is None:
        return None
    match rule:
        case Comparison(_, operator, other):
            return {
                "=": lambda: value == other,
                "!=": lambda: value != other,
                "<": lambda: value < other,  # type: ignore[operator]
                "<=": lambda: value <= other,  # type: ignore[operator]
                ">": lambda: value > other,  # type: ignore[operator]
                ">=": lambda: value >= other,  # type: ignore[operator]
            }[operator]()
        case Between(_, low, high, is_time):
            assert isinstance(value, int | float)
            return low <= value < high if is_time else low <= value <= high
        case Membership(_, values):
            return value in values
        case Contains(_, text):
            return text in str(value)
