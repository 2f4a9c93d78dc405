import re
from string import Formatter

import pytest

from habitue.explanations.texts import LANGUAGES, Words, decimals_of
from habitue.profiles.feature_names import MODEL_FEATURES
from habitue.profiles.prediction_reasons import EMBEDDING_THEME
from habitue.schema import EVENT_TYPES, Task

LESS = "less than 0.1 points"
# What a language may leave out: a month as a word or a number, a feature's own sentence.
OPTIONAL = {"month", "number", "said", "name", "theme", "value", "count"}


def braces(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_every_text_is_there_in_every_language() -> None:
    english = LANGUAGES["en"]
    for language, table in LANGUAGES.items():
        assert table.keys() == english.keys(), language
        for name, text in table.items():
            assert braces(text) ^ braces(english[name]) <= OPTIONAL, f"{language}: {name}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_whatever_happens_has_its_words(language: str) -> None:
    words = Words(language)
    for event in EVENT_TYPES:
        for item in ("Tent X", None):
            for count in (1, 2, 3, 12):
                assert "{" not in words.deed(event, item, count, 20_404)
        assert words(f"event.{event}")
    for theme in {feature.theme for feature in MODEL_FEATURES.values()} | {EMBEDDING_THEME}:
        assert words(f"theme.{theme}")
    for part in ("network", "popularity", "personal", "recent", "last"):
        assert words(f"part.{part}")
    for part in ("personal_frequency", "again", "habit", "cooccurrence", "popularity_7d"):
        assert words(f"part.{part}")
    for part in ("item_knn", "ease", "linear_transition"):
        assert words(f"part.{part}")


def test_chinese_holds_no_english_words() -> None:
    for name, text in LANGUAGES["zh"].items():
        assert not re.search(r"[A-Za-z]", re.sub(r"\{\w+\}", "", text)), name


@pytest.mark.parametrize(
    ("task", "english", "chinese"),
    [
        (Task("a", "event", horizon_days=30), "purchase within 30 days", "30天内购买"),
        (
            Task("a", "no_event", horizon_days=90, rhythm=2.0),
            "no purchase within 2 times their usual pause, 90 days at most",
            "在自身平时间隔的2倍时间内（最长90天）不再购买",
        ),
        (
            Task("a", "event", horizon_days=30, absent_days=90),
            "purchase within 30 days, after 90 days of absence",
            "离开90天后，30天内购买",
        ),
        (
            Task("a", "event", event="any", horizon_days=1),
            "visit within 1 day",
            "1天内来访",
        ),
        (
            Task("a", "no_event", horizon_days=0.5),
            "no purchase within 12 hours",
            "12小时内不再购买",
        ),
        (
            Task("a", "no_event", horizon_days=90, fall_to=0.5),
            "spending within 90 days below 50% of the 90 days before",
            "90天内消费低于此前90天的50%",
        ),
        (
            Task("a", "sum", horizon_days=90),
            "expected spending within 90 days",
            "90天内的预期消费金额",
        ),
    ],
)
def test_a_task_is_told_in_words(task: Task, english: str, chinese: str) -> None:
    assert Words("en").task(task) == english
    assert Words("zh").task(task) == chinese


def test_effects_are_told_in_tenths_of_a_point() -> None:
    words = Words()
    told = [words.effect(one, is_share=True) for one in (0.0257, -0.5, 0.0015, -0.01, 0.0004)]
    assert told == ["+2.6 points", "−50.0 points", "+0.1 points", "−1.0 points", LESS]
    assert words.level(0.0012, is_share=True) == "0.12%"
    assert words.level(0.00002, is_share=True) == "less than 0.01%"
    assert words.level(0.9998, is_share=True) == "more than 99.9%"
    assert words.level(1234.5, is_share=False) == "1,234.50"
    assert words.effect(0.004, is_share=False) == "less than 0.01"
    assert Words("zh").effect(-0.0004, is_share=True) == "不到0.1个百分点"


def test_effects_on_a_rare_thing_have_more_digits() -> None:
    words = Words()
    told = [
        words.effect(one, is_share=True, decimals=decimals_of(0.004)) for one in (0.0004, 0.00004)
    ]
    assert told == ["+0.04 points", "less than 0.01 points"]
