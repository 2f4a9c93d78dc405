"""What segments are called, what they mean and what they bring, in words of each language.

In: the profile table with `segment`, whose ids are the same in every language. Out: a line a
segment. Knows nothing about how persons are dealt onto segments.
"""

from typing import Final

import polars as pl

from habitue.languages import Language, told
from habitue.profiles.segments import SEGMENTS, SEGMENTS_BY_VISITS

UNKNOWN: Final = "unknown"  # of somebody nobody has seen

LABELS: Final[dict[Language, dict[str, str]]] = {
    "en": {name: name for name in (*SEGMENTS, UNKNOWN)},
    "zh": {
        "champion": "核心客户",
        "regular": "稳定客户",
        "promising": "潜力客户",
        "new": "新客户",
        "needs attention": "需要关注",
        "slipping away": "正在流失",
        "lost": "已流失",
        "one-time": "一次性客户",
        "visitor": "未购访客",
        UNKNOWN: "未知客户",
    },
}
SENTENCES: Final[dict[Language, dict[str, str]]] = {
    "en": SEGMENTS,
    "zh": {
        "champion": "按自己的节奏回购，消费超过八成的购买者。",
        "regular": "按自己的节奏回购，次数足够多，值得信赖。",
        "promising": "已经回购、节奏正常，但购买次数还不多。",
        "new": "不久前刚买过一次。",
        "needs attention": "比自己平时来得晚，提醒一下也许就够了。",
        "slipping away": "离开的时间远远超过以往任何一次。",
        "lost": "离开太久，再回来会是意外之喜。",
        "one-time": "只买过一次，超过店铺常规回购间隔的两倍仍未再来。",
        "visitor": "只浏览，还没有买过。",
    },
}
SENTENCES_BY_VISITS: Final[dict[Language, dict[str, str]]] = {
    "en": SEGMENTS_BY_VISITS,
    "zh": SENTENCES["zh"]
    | {
        "champion": "按自己的节奏到访，活跃天数超过八成的访客。",
        "regular": "按自己的节奏到访，次数足够多，值得信赖。",
        "promising": "已经再次到访、节奏正常，但来的天数还不多。",
        "new": "不久前来过一天。",
        "one-time": "只来过一天，超过店铺常规到访间隔的两倍仍未再来。",
    },
}


def segment_label(segment: str) -> str:
    """Return what people call a segment.

    >>> segment_label("slipping away")
    'slipping away'
    """
    return told(LABELS).get(segment, segment)


def segment_summary(table: pl.DataFrame) -> pl.DataFrame:
    """Return `segment, persons, share, revenue, revenue_share, sentence`, all segments in order.

    `table` has a row a person with `segment`, `orders` and `revenue` (null without money).
    """
    has_money = not table["revenue"].is_null().all()
    by_visits = table["orders"].is_null().all()
    sentences = told(SENTENCES_BY_VISITS if by_visits else SENTENCES)
    revenue = pl.col("revenue").sum() if has_money else pl.lit(None, dtype=pl.Float64)
    counted = table.group_by("segment").agg(persons=pl.len().cast(pl.Int64), revenue=revenue)
    named = pl.DataFrame({"segment": list(SEGMENTS), "sentence": list(sentences.values())})
    total = pl.col("revenue").sum()
    return named.join(counted, on="segment", how="left", maintain_order="left").select(
        "segment",
        pl.col("persons").fill_null(0),
        share=(pl.col("persons") / max(table.height, 1)).fill_null(0.0),
        revenue=pl.col("revenue").fill_null(0.0) if has_money else pl.col("revenue"),
        revenue_share=pl.when(total > 0).then((pl.col("revenue") / total).fill_null(0.0)),
        sentence="sentence",
    )
