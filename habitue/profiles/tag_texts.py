"""What tags are called in each language; the tags themselves, in English, are what rules ask for.

Knows nothing about how tags are found.
"""

from typing import Final

from habitue.languages import Language, told
from habitue.profiles.tags import TAG_WORDS

KIND_WORDS: Final[dict[Language, dict[str, str]]] = {
    "en": TAG_WORDS,
    "zh": {
        "category": "品类：",
        "brand": "品牌：",
        "item": "商品：",
        "search": "搜索：",
        "loyalty": "忠于品牌：",
        "returned_category": "常退品类：",
        "returned_brand": "常退品牌：",
        "returned_item": "退过商品：",
        "price": "价格偏好：",
        "discount": "折扣偏好：",
        "time": "到访时间：",
        "platform": "来源渠道：",
        "customer": "客户：",
    },
}
_DAYS_ZH: Final[dict[str, str]] = {"weekday": "工作日", "weekend": "周末"}
_PARTS_ZH: Final[dict[str, str]] = {
    "nights": "凌晨",
    "mornings": "上午",
    "afternoons": "下午",
    "evenings": "晚上",
}
# Names that are ours and not the shop's, by kind.
OWN_NAMES: Final[dict[Language, dict[str, dict[str, str]]]] = {
    "en": {},
    "zh": {
        "price": {"premium": "高价", "low": "低价"},
        "discount": {"hunter": "爱买折扣"},
        "customer": {"new": "新客户"},
        "platform": {
            "web": "网页",
            "app": "App",
            "mini_program": "小程序",
            "store": "线下门店",
            "other": "其他渠道",
        },
        "time": {f"{day}s": word for day, word in _DAYS_ZH.items()}
        | _PARTS_ZH
        | {
            f"{day} {part}": f"{day_word}{word}"
            for day, day_word in _DAYS_ZH.items()
            for part, word in _PARTS_ZH.items()
        },
    },
}


def bare_name(tag: str, kind: str) -> str:
    """Return the name in a tag's text, in the spoken language where the name is ours.

    >>> bare_name("category: outdoor/camping", "category")
    'outdoor/camping'
    """
    name = tag.removeprefix(TAG_WORDS.get(kind, ""))
    return told(OWN_NAMES).get(kind, {}).get(name, name)


def shown_tag(tag: str, kind: str) -> str:
    """Return a tag's text in the spoken language."""
    return told(KIND_WORDS).get(kind, "") + bare_name(tag, kind)


def shown_tag_text(tag: str) -> str:
    """Return a tag's text in the spoken language; its kind is told by its first words."""
    kinds = (kind for kind, words in TAG_WORDS.items() if tag.startswith(words))
    return shown_tag(tag, next(kinds, ""))
