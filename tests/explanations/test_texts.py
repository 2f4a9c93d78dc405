import re
from string import Formatter

import pytest

from habitue.explanations.texts import LANGUAGES, Words
from habitue.profiles.feature_names import MODEL_FEATURES
from habitue.profiles.prediction_reasons import EMBEDDING_THEME
from habitue.schema import EVENT_TYPES, Task

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


def test_chinese_holds_no_english_words() -> None:
    for name, text in LANGUAGES["zh"].items():
        assert not re.search(r"[A-Za-z]", re.sub(r"\{\w+\}", "", text)), name


@pytest.mark.parametrize(
    ("task", "english", "chinese"),
    [
        (Task("a", "event", horizon_days=30), "purchase within 30 days", "30天内购买"),
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
            "expected money of purchase events within 90 days",
            "90天内购买的预期金额",
        ),
    ],
)
def test_a_task_is_told_in_words(task: Task, english: str, chinese: str) -> None:
    assert Words("en").task(task) == english
    assert Words("zh").task(task) == chinese


def test_small_effects_keep_their_digits() -> None:
    words = Words()
    assert words.effect(0.00042, is_share=True) == "+0.042 points"
    assert words.effect(-0.5, is_share=True) == "−50.0 points"
    assert words.level(0.0012, is_share=True) == "0.12%"
    assert words.level(1234.5, is_share=False) == "1,234.50"
