"""What learnt groups are called and what marks them, in words of each language.

In: a group's traits, or its English name, which rules ask for. Out: words. A group's name is made
of words joined by commas, so that it can be told in another language word by word: what is ours
has a translation, what is the shop's (a category, a brand) stays. Knows nothing about embeddings.
"""

import math
from collections.abc import Sequence
from typing import Final

import polars as pl

from habitue.languages import Language, told
from habitue.profiles.group_traits import LOGARITHMS, SHARES, Trait
from habitue.profiles.tag_texts import OWN_NAMES

JOINT: Final = ", "
# (kind, "high" or "low") -> the word of a measure.
_WORDS_EN: Final[dict[tuple[str, str], str]] = {
    ("price", "high"): "dear items",
    ("price", "low"): "cheap items",
    ("discount", "high"): "bargains",
    ("discount", "low"): "full price",
    ("items_an_order", "high"): "many items an order",
    ("items_an_order", "low"): "few items an order",
    ("order_value", "high"): "large orders",
    ("order_value", "low"): "small orders",
    ("orders_a_month", "high"): "orders often",
    ("orders_a_month", "low"): "orders rarely",
    ("visits_a_month", "high"): "visits often",
    ("visits_a_month", "low"): "visits rarely",
    ("orders_a_visit", "high"): "decides at once",
    ("orders_a_visit", "low"): "looks around first",
    ("one_category", "high"): "few categories",
    ("one_category", "low"): "many categories",
    ("returned", "high"): "gives back",
    ("returned", "low"): "keeps what is bought",
}
NOTHING_SPECIAL: Final = "like most"
_WORDS_ZH: Final[dict[str, str]] = {
    "dear items": "偏好高价",
    "cheap items": "偏好低价",
    "bargains": "爱买折扣",
    "full price": "原价购买",
    "many items an order": "每单件数多",
    "few items an order": "每单件数少",
    "large orders": "大额订单",
    "small orders": "小额订单",
    "orders often": "常下单",
    "orders rarely": "少下单",
    "visits often": "常来",
    "visits rarely": "少来",
    "decides at once": "进店即买",
    "looks around first": "先逛后买",
    "few categories": "品类集中",
    "many categories": "品类广泛",
    "gives back": "常退货",
    "keeps what is bought": "很少退货",
    NOTHING_SPECIAL: "与多数人相同",
}
WORDS: Final[dict[Language, dict[str, str]]] = {
    "en": {word: word for word in _WORDS_ZH},
    "zh": _WORDS_ZH,
}
# A trait's kind -> what is said of the group, after "they".
CLAUSES: Final[dict[Language, dict[str, str]]] = {
    "en": {
        "category": "give {value} of their attention to {name} (everyone: {usual})",
        "brand": "give {value} of their attention to the brand {name} (everyone: {usual})",
        "time": "make {value} of their visits on {name} (everyone: {usual})",
        "platform": "make {value} of their visits by {name} (everyone: {usual})",
        "price": "choose items dearer than {value} of their category (everyone: {usual})",
        "discount": "buy {value} of their items below the usual price (everyone: {usual})",
        "items_an_order": "buy {value} items an order (everyone: {usual})",
        "order_value": "spend {value} an order (everyone: {usual})",
        "orders_a_month": "order {value} times a month (everyone: {usual})",
        "visits_a_month": "visit {value} times a month (everyone: {usual})",
        "orders_a_visit": "order in {value} of their visits (everyone: {usual})",
        "one_category": "give {value} of their attention to one category (everyone: {usual})",
        "returned": "give back {value} of what they buy (everyone: {usual})",
    },
    "zh": {
        "category": "{value}的关注给了{name}（全体：{usual}）",
        "brand": "{value}的关注给了品牌{name}（全体：{usual}）",
        "time": "{value}的到访在{name}（全体：{usual}）",
        "platform": "{value}的到访来自{name}（全体：{usual}）",
        "price": "所选商品的价格高于同品类的{value}（全体：{usual}）",
        "discount": "{value}的商品低于平时价格买入（全体：{usual}）",
        "items_an_order": "每单{value}件商品（全体：{usual}）",
        "order_value": "每单消费{value}（全体：{usual}）",
        "orders_a_month": "每月下单{value}次（全体：{usual}）",
        "visits_a_month": "每月到访{value}次（全体：{usual}）",
        "orders_a_visit": "{value}的到访会下单（全体：{usual}）",
        "one_category": "{value}的关注集中在一个品类（全体：{usual}）",
        "returned": "退回所购商品的{value}（全体：{usual}）",
    },
}
FRAMES: Final[dict[Language, dict[str, str]]] = {
    "en": {
        "sentence": "They {clauses}.",
        "nothing": "Nothing sets them clearly apart.",
        "joint": "; ",
        "comma": ", ",
    },
    "zh": {
        "sentence": "{clauses}。",
        "nothing": "没有明显不同之处。",
        "joint": "；",
        "comma": "、",
    },
}
# Why there are no groups, or a person has none: code -> sentence.
REASONS: Final[dict[Language, dict[str, str]]] = {
    "en": {
        "old_version": "this model version has no groups; train again to learn them",
        "few_persons": "only {n} persons with enough events; {needed} are needed",
        "no_agreement": "two halves of the persons do not fall into the same groups "
        "(adjusted Rand index {agreement}; {needed} is needed)",
        "few_events": "fewer than {n} events: too few to be like anybody",
        "nobody": "nobody has seen this person",
    },
    "zh": {
        "old_version": "此模型版本没有群体，重新训练即可学习",
        "few_persons": "行为足够的客户只有{n}人，至少需要{needed}人",
        "no_agreement": "客户的两半各自分群后结果不一致"
        "（调整兰德指数{agreement}，至少需要{needed}）",
        "few_events": "少于{n}次行为，还看不出与谁相似",
        "nobody": "没有此客户的记录",
    },
}


def word_of(trait: Trait) -> str:
    """Return the English word of a trait: of a category, the last step of its path.

    >>> word_of(Trait("category", "outdoor/camping", 0.4, 0.1, 1.2))
    'camping'
    """
    if trait.kind in SHARES:
        return " ".join(trait.name.split("/")[-1].replace(",", " ").split())
    return _WORDS_EN[trait.kind, trait.name]


def name_of(traits: Sequence[Trait]) -> str:
    """Return the English name that a group goes by."""
    return JOINT.join(word_of(one) for one in traits) or NOTHING_SPECIAL


def group_label(name: str) -> str:
    """Return what people call a group, in the spoken language.

    >>> group_label("camping, orders often")
    'camping, orders often'
    """
    words = told(_TRANSLATED)
    return told(FRAMES)["comma"].join(words.get(word, word) for word in name.split(JOINT))


def group_sentence(traits: Sequence[Trait]) -> str:
    """Return what marks a group, in a sentence."""
    frames = told(FRAMES)
    if not traits:
        return frames["nothing"]
    clauses = frames["joint"].join(_clause(one) for one in traits)
    return frames["sentence"].format(clauses=clauses)


def _clause(trait: Trait) -> str:
    is_ours = trait.kind in ("time", "platform")
    name = group_label(word_of(trait)) if is_ours else trait.name
    value, usual = (_amount(trait.kind, one) for one in (trait.value, trait.usual))
    return told(CLAUSES)[trait.kind].format(name=name, value=value, usual=usual)


def _amount(kind: str, value: float) -> str:
    """Return a trait's mean as people read it; of a logarithm, what it is of."""
    if kind not in LOGARITHMS:
        return f"{value:.0%}"
    amount = math.expm1(value)
    return f"{amount:,.0f}" if amount >= 10 else f"{amount:.1f}"


def group_summary(table: pl.DataFrame) -> pl.DataFrame:
    """Return `group, persons, revenue` of a profile table, the largest first."""
    has_money = table["revenue"].is_not_null().any()
    revenue = pl.col("revenue").sum() if has_money else pl.lit(None, dtype=pl.Float64)
    grouped = table.drop_nulls("group").group_by("group")
    counted = grouped.agg(persons=pl.len().cast(pl.Int64), revenue=revenue)
    return counted.sort("persons", "group", descending=[True, False])


def group_reason(code: str, **gaps: str) -> str:
    """Return why there are no groups, or why a person has none."""
    return told(REASONS)[code].format(**gaps)


_TRANSLATED: Final[dict[Language, dict[str, str]]] = {
    "en": {},
    "zh": OWN_NAMES["zh"]["time"] | OWN_NAMES["zh"]["platform"] | WORDS["zh"],
}
