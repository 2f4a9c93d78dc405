from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from habitue.evaluate import Ranking, RecommendationEvaluation
from habitue.judging import Evaluation
from habitue.languages import LANGUAGES, Language, speaking
from habitue.metrics import Interval
from habitue.model_card import FILES, model_card, write_model_cards
from habitue.model_card_texts import TEXTS
from habitue.slices import Measured, Slice
from tests.test_versions import card_of

CARD = card_of("0001", "2025-01-01")
RANKING = Ranking(
    metrics={"ndcg@10": 0.2},
    baselines={"habit": {"ndcg@10": 0.1}, "network": {"ndcg@10": 0.15}},
    best_baseline="habit",
    difference=Interval(0.1, 0.05, 0.15),
    n=400,
    persons=np.arange(400),
    ndcg={},
)
NEW = Slice("new", Measured(40, 0.05, (0.02, 0.08)), Measured(360, 0.22, (0.2, 0.24)))
HEAVY = Slice("heavy", Measured(40, 0.25, (0.2, 0.3)), Measured(360, 0.2, (0.18, 0.22)))
ADVICE = RecommendationEvaluation(
    overall=RANKING,
    discovery=None,
    num_cold=17,
    unknown_share=0.0,
    seen_items="allow",
    weights={},
    target_types=("purchase",),
    protocol="",
    slices=(NEW, HEAVY),
)
EVALUATION = Evaluation(
    model_version="0001",
    architecture="gru",
    size="tiny",
    as_of=1735689600000000,
    until=1738368000000000,
    tasks={
        "purchase_30d": {
            "description": "purchase within 30 days, of persons seen in the 90 days before",
            "metrics": {"auc": 0.7},
            "baselines": {"recency": {"auc": 0.72}},
            "best_baseline": "recency",
            "persons": 300,
            "difference": {"metric": "auc", "mean": -0.02, "interval": [-0.03, -0.01]},
        },
    },
    skipped={"value_90d": "the log has no money: no purchase has a price or value"},
    recommendation=ADVICE,
)


def told(spoken: Language, evaluation: Evaluation = EVALUATION) -> str:
    with speaking(spoken):
        return model_card(CARD, evaluation)


def test_the_card_names_for_whom_it_works_clearly_less_well() -> None:
    text = told("en").replace("\u202f", " ").replace("\u00a0", " ")
    assert "**Clearly less well for:** new: first seen in the last 30 days.\n" in text
    assert (
        "| new: first seen in the last 30 days | 40 (10.0 %) | 0.050 | 0.020 – 0.080 | 0.220 "
        "| less well |"
    ) in text
    assert "| heavy: the tenth with the most events | 40 (10.0 %) | 0.250 |" in text
    assert "17 persons took something and had no event before" in text


def test_where_nobody_is_served_less_well_the_card_says_so() -> None:
    advice = replace(ADVICE, slices=(HEAVY,))
    assert "No group measured here" in told("en", replace(EVALUATION, recommendation=advice))


def test_what_a_simple_method_does_better_is_said() -> None:
    [line] = [line for line in told("en").splitlines() if "`purchase_30d`" in line]
    assert line.endswith("| 0.700 | 0.720 (`recency`) | clearly worse |")
    [advice] = [line for line in told("en").splitlines() if line.startswith("| recommendations")]
    assert advice.endswith("| 0.200 | 0.100 (`habit`) | clearly better |")


@pytest.mark.parametrize("spoken", LANGUAGES)
def test_the_card_forbids_decisions_on_peoples_lives(spoken: Language) -> None:
    section = told(spoken).split(f"## {TEXTS[spoken].forbidden_title}")[1]
    words = {"en": ("credit", "insurance", "a price"), "zh": ("信贷", "保险", "定价")}[spoken]
    assert all(word in section for word in words)


def test_without_recommendations_nothing_is_claimed_of_groups() -> None:
    text = told("en", replace(EVALUATION, recommendation=None))
    assert "Not known: recommendations could not be measured here" in text
    assert "less well |" not in text


def test_the_chinese_card_leaves_no_english_sentence() -> None:
    text = told("zh")
    assert "日志中没有金额" in text
    assert "近90天到访过的客户" in text
    assert "persons" not in text


def test_a_version_gets_a_card_in_each_language(tmp_path: Path) -> None:
    write_model_cards(tmp_path, CARD, EVALUATION)
    for spoken, name in FILES.items():
        assert (tmp_path / name).read_text(encoding="utf-8") == told(spoken)
