"""Every table of texts has each text in every language, with the same gaps."""

import re
from collections.abc import Mapping
from string import Formatter

import pytest

from habitue import model_card_texts
from habitue.actions import alerts, reasons, rule_texts
from habitue.languages import LANGUAGES, Language
from habitue.languages.retelling import COMMON, GAP, TEMPLATES
from habitue.profiles import (
    evidence,
    feature_names_zh,
    group_texts,
    segment_texts,
    sufficiency,
    tag_texts,
)
from habitue.profiles.feature_names import MODEL_FEATURES
from habitue.profiles.prediction_reasons import EMBEDDING_TEXTS
from habitue.report import texts as report_texts
from habitue.schema import EVENT_TYPES, PLATFORMS

# Gaps that a language may leave out or add: where a word is put once in one and twice in another.
FREE = {
    "time.caption", "lede.trend.revenue", "lede.trend.orders", "lede.trend.events",
}  # fmt: skip


def gaps(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def flat(table: object, prefix: str = "") -> dict[str, str]:
    """Return every text of a table under its path."""
    if isinstance(table, str):
        return {prefix: table}
    if isinstance(table, tuple):
        table = {str(number): text for number, text in enumerate(table)}
    entries = table.items() if isinstance(table, Mapping) else vars(table).items()
    return {
        key: text for name, one in entries for key, text in flat(one, f"{prefix}/{name}").items()
    }


TABLES: dict[str, Mapping[Language, object]] = {
    "alerts": alerts.TEXTS,
    "reasons": reasons.LANGUAGES,
    "sufficiency": sufficiency.TEXTS,
    "report": report_texts.TABLES,
    "embedding": EMBEDDING_TEXTS,
    "segment labels": segment_texts.LABELS,
    "segments": segment_texts.SENTENCES,
    "segments by visits": segment_texts.SENTENCES_BY_VISITS,
    "model card": model_card_texts.TEXTS,
    "model card measures": model_card_texts.METRICS,
    "model card groups": model_card_texts.SLICE_NAMES,
    "group words": group_texts.WORDS,
    "groups": group_texts.CLAUSES,
    "sentences of groups": group_texts.FRAMES,
    "why there is no group": group_texts.REASONS,
    "tag kinds": tag_texts.KIND_WORDS,
    "words of rules": rule_texts.TEXTS,
    "operators of rules": rule_texts.OPERATORS,
    "what a rule says one has": rule_texts.HAS,
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_has_the_same_texts_in_every_language(name: str) -> None:
    table = TABLES[name]
    assert tuple(table) == LANGUAGES
    english = flat(table["en"])
    for language in LANGUAGES:
        other = flat(table[language])
        assert other.keys() == english.keys(), language
        for key, text in english.items():
            if key.strip("/") not in FREE:
                assert gaps(other[key]) == gaps(text), f"{language}: {key}"
            assert bool(other[key]) == bool(text) or key == "/blank", f"{language}: {key}"


def test_a_length_of_time_has_its_unit_once_in_chinese() -> None:
    for name, chinese in feature_names_zh.FEATURE_TEXTS.items():
        length = feature_names_zh.quantity(3.0, MODEL_FEATURES[name].unit)
        assert "天天" not in chinese.text.replace("{}", length), name


def test_every_feature_has_chinese_words_with_the_same_gaps() -> None:
    assert feature_names_zh.FEATURE_TEXTS.keys() == MODEL_FEATURES.keys()
    for name, chinese in feature_names_zh.FEATURE_TEXTS.items():
        english = MODEL_FEATURES[name]
        assert gaps(chinese.text) == gaps(english.text), name
        assert bool(chinese.missing) == bool(english.missing), name


def test_every_event_type_has_chinese_evidence_with_the_same_gaps() -> None:
    assert tuple(evidence.EVENT_TEXTS_ZH) == EVENT_TYPES == tuple(evidence.EVENT_TEXTS)
    for name, texts in evidence.EVENT_TEXTS.items():
        for english, chinese in zip(texts, evidence.EVENT_TEXTS_ZH[name], strict=True):
            assert gaps(chinese) == gaps(english), name


def test_every_name_of_a_tag_that_is_ours_is_known_in_chinese() -> None:
    from habitue.profiles.habits import DAYPARTS

    names = tag_texts.OWN_NAMES["zh"]
    assert names["platform"].keys() == set(PLATFORMS)
    days = [f"{day} {part}" for day in ("weekday", "weekend") for part in DAYPARTS]
    assert names["time"].keys() == {"weekdays", "weekends", *DAYPARTS, *days}


@pytest.mark.parametrize("language", [one for one in LANGUAGES if one != "en"])
def test_what_is_retold_keeps_its_gaps(language: Language) -> None:
    for table in (TEMPLATES, COMMON):
        for english, other in table[language].items():
            named = set(GAP.findall(english))
            unused = named - set(GAP.findall(other))
            assert set(GAP.findall(other)) <= named, english
            assert not {gap for gap in unused if not gap.startswith("same")}, english


def test_no_text_in_chinese_has_english_marks_between_its_words() -> None:
    for name, table in TABLES.items():
        for key, text in flat(table["zh"]).items():
            assert not re.search(r"[\u4e00-\u9fff][,;:?!][\u4e00-\u9fff]", text), (name, key)
