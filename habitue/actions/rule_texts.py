"""The words a rule is read back in, in each language; the language of rules never changes.

In: columns, operators and values of a rule. Out: their words. Knows nothing about how a rule is
parsed or asked.
"""

import re
from typing import Final

from habitue.languages import Language, language, told
from habitue.profiles.group_texts import group_label
from habitue.profiles.segment_texts import segment_label
from habitue.profiles.tag_texts import shown_tag
from habitue.profiles.tags import TAG_WORDS

Value = float | str | bool

OPERATORS: Final[dict[Language, dict[str, str]]] = {
    "en": {
        "=": "equal to {}",
        "!=": "other than {}",
        ">": "above {}",
        ">=": "of at least {}",
        "<": "below {}",
        "<=": "of at most {}",
    },
    "zh": {
        "=": "为{}",
        "!=": "不为{}",
        ">": "高于{}",
        ">=": "不低于{}",
        "<": "低于{}",
        "<=": "不高于{}",
    },
}
TEXTS: Final[dict[Language, dict[str, str]]] = {
    "en": {
        "sentence": "Customers {}.",
        "everyone": "of any kind",
        "column": "with {} {}",
        "between": "from {} to {}",
        "in": "among {}",
        "comma": ", ",
        "contains": "containing {}",
        "unknown": "unknown",
        "has": "who have the {} {}",
        "before": "before {}",
        "since": "on or after {}",
        "not": "not ({})",
        "grouped": "({})",
        "quoted": '"{}"',
        "yes": "true",
        "no": "false",
        "and": " and ",
        "or": " or ",
    },
    "zh": {
        "sentence": "{}的客户。",
        "everyone": "所有类型",
        "column": "{}{}",
        "between": "在{}至{}之间",
        "in": "为{}之一",
        "comma": "、",
        "contains": "含有{}",
        "unknown": "未知",
        "has": "有{}{}",
        "before": "早于{}",
        "since": "不早于{}",
        "not": "不符合（{}）",
        "grouped": "（{}）",
        "quoted": "“{}”",
        "yes": "为是",
        "no": "为否",
        "and": "，且",
        "or": "，或",
    },
}
HAS: Final[dict[Language, dict[str, str]]] = {
    "en": {word: word for word in ("tag", "category", "brand", "platform")},
    "zh": {"tag": "标签", "category": "偏好品类", "brand": "偏好品牌", "platform": "渠道"},
}
_COLUMNS_ZH: Final[dict[str, str]] = {
    "user_id": "客户编号", "first_seen": "首次到访", "last_seen": "最近到访", "events": "事件数",
    "sessions": "到访次数", "active_days": "活跃天数", "tenure_days": "首次到访距今天数",
    "recency_days": "距上次到访天数", "usual_gap_days": "平时到访间隔天数", "orders": "订单数",
    "first_order_at": "首次下单", "last_order_at": "最近下单", "order_days": "下单天数",
    "last_order_days": "距最近下单天数", "order_gap_days": "下单间隔天数",
    "longest_order_gap_days": "最长下单间隔天数", "revenue": "累计消费", "refunds": "退款",
    "spend_90d": "近90天消费", "frequency": "购买频次", "monetary": "客单价",
    "average_items_per_order": "每单商品数", "distinct_items": "商品种数", "platforms": "渠道",
    "favourite_weekday": "常来的日子", "favourite_hour": "常来的时段", "is_bot": "疑似机器",
    "patience_days": "可容忍的间隔天数", "segment": "客户分层", "group": "客户群体",
    "data_sufficiency": "数据充足程度",
    "tags": "标签", "top_categories": "偏好品类", "top_brands": "偏好品牌",
}  # fmt: skip
_TASKS_ZH: Final[dict[str, str]] = {
    "purchase": "未来{days}天的购买概率",
    "churn": "未来{days}天的流失概率",
    "value": "未来{days}天的消费",
    "value_expected": "未来{days}天的期望消费",
}
COLUMNS: Final[dict[Language, dict[str, str]]] = {"en": {}, "zh": _COLUMNS_ZH}
TASKS: Final[dict[Language, dict[str, str]]] = {"en": {}, "zh": _TASKS_ZH}
WEEKDAYS: Final[dict[Language, dict[str, str]]] = {
    "en": {},
    "zh": {
        "Monday": "周一",
        "Tuesday": "周二",
        "Wednesday": "周三",
        "Thursday": "周四",
        "Friday": "周五",
        "Saturday": "周六",
        "Sunday": "周日",
    },
}
_TASK: Final = re.compile(r"([a-z]+)_([0-9]+)d(_expected)?")


def text(name: str) -> str:
    """Return one of the words that join others."""
    return told(TEXTS)[name]


def compared(operator: str, value: str) -> str:
    """Return a comparison with a value, whose words are given."""
    return told(OPERATORS)[operator].format(value)


def has_word(word: str) -> str:
    """Return what is had: a tag, a category, a brand, a platform."""
    return told(HAS)[word]


def readable(column: str) -> str:
    """Return a column's name as words: `churn_90d` as "churn (90 days)"."""
    known = told(COLUMNS).get(column)
    task = _TASK.fullmatch(column)
    kind = told(TASKS).get(f"{task[1]}{task[3] or ''}") if task else None
    if kind is not None and task is not None:
        return kind.format(days=task[2])
    return known or re.sub(r" ([0-9]+)d$", r" (\1 days)", column.replace("_", " "))


def shown(value: Value, column: str = "") -> str:
    """Return a value as it is written in a rule, or what people call it in the spoken language."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return text("quoted").format(
            _escaped(value) if language() == "en" else _name(value, column)
        )
    return f"{value:.15g}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


def _name(value: str, column: str) -> str:
    if column == "segment":
        return segment_label(value)
    if column == "group":
        return group_label(value)
    if column == "favourite_weekday":
        return told(WEEKDAYS).get(value, value)
    if column == "tags":
        kind = next((one for one, word in TAG_WORDS.items() if value.startswith(word)), "")
        return shown_tag(value, kind)
    return value
