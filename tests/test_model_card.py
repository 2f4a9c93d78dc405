from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from habitue.evaluate import Ranking, RecommendationEvaluation
from habitue.judging import Evaluation
from habitue.languages import LANGUAGES, Language, speaking
from habitue.metrics import Interval
from habitue.model_card import FILES, card_path, model_card, summary, write_model_cards
from habitue.model_card_texts import TEXTS
from habitue.profiles.prediction_slices import Reliability, TaskSlice
from habitue.report.blocks import as_markdown
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
CHANCE = {"n": 90, "persons": 40, "base_rate": 0.25, "predicted": 0.25, "auc": 0.8}
RARE = TaskSlice(
    "rare",
    Reliability({**CHANCE, "predicted": 0.5, "auc": 0.6}, (0.5, 0.65), (0.2, 0.3)),
    Reliability(CHANCE, (0.78, 0.82), (-0.1, 0.1)),
    is_error=False,
)
FEW = TaskSlice("new", Reliability(CHANCE, None, None), RARE.others, is_error=False)
AMOUNT = {"n": 90, "persons": 40, "mean": 10.0, "predicted": 10.0, "mae": 2.0}
SPENT = TaskSlice(
    "heavy",
    Reliability({**AMOUNT, "relative_error": 0.9}, (0.8, 1.0), (-0.5, -0.2)),
    Reliability({**AMOUNT, "relative_error": 0.2}, (0.1, 0.3), (-0.1, 0.1)),
    is_error=True,
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
            "slices": [RARE.as_json(), FEW.as_json()],
        },
        "value_30d": {
            "description": "value of purchase events within 30 days",
            "metrics": {"mae": 3.0},
            "baselines": {},
            "persons": 300,
            "slices": [SPENT.as_json()],
        },
    },
    skipped={"value_90d": "the log has no money: no purchase has a price or value"},
    recommendation=ADVICE,
)


def told(spoken: Language, evaluation: Evaluation = EVALUATION) -> str:
    with speaking(spoken):
        return as_markdown(model_card(CARD, evaluation.as_json()))


def test_the_card_names_for_whom_it_works_clearly_less_well() -> None:
    text = told("en").replace("\u202f", " ").replace("\u00a0", " ")
    assert (
        "**Recommendations work clearly less well for:** new (first seen in the last 30 days).\n"
        in text
    )
    assert (
        "| new (first seen in the last 30 days) | 40 (10.0 %) | 0.050 | 0.020 – 0.080 | 0.220 "
        "| less well |"
    ) in text
    assert "| heavy (the tenth with the most events) | 40 (10.0 %) | 0.250 |" in text
    assert "17 persons took something and had no event before" in text


def test_where_nobody_is_served_less_well_the_card_says_so() -> None:
    advice = replace(ADVICE, slices=(HEAVY,))
    assert "no group measured here is served" in told(
        "en", replace(EVALUATION, recommendation=advice)
    )


def test_what_a_simple_method_does_better_is_said() -> None:
    [line] = [line for line in told("en").splitlines() if "`purchase_30d`: purchase" in line]
    assert line.endswith("| 0.700 | 0.720 (`recency`) | clearly worse |")
    [advice] = [line for line in told("en").splitlines() if line.startswith("| recommendations")]
    assert advice.endswith("| 0.200 | 0.100 (`habit`) | clearly better |")


def test_the_card_names_for_whom_predictions_are_less_reliable() -> None:
    lines = told("en").replace("\u00a0", " ").splitlines()
    assert lines[lines.index("**Less reliable are:**") :][2:6] == [
        "- `purchase_30d`: says clearly less well who will and who will not among: "
        "rare (at most four events so far).",
        "- `purchase_30d`: is told too high for: "
        "rare (at most four events so far), told 50.0 %, came 25.0 %.",
        "- `value_30d`: misses clearly more of what is spent among: "
        "heavy (the tenth with the most events).",
        "- `value_30d`: is told too low for: heavy (the tenth with the most events)"
        ", told 10, came 10.",
    ]
    assert (
        "| `purchase_30d` | rare (at most four events so far) | 40 | 0.600 | 0.800 | 50.0 % "
        "| 25.0 % | less well; level too high |"
    ) in lines
    few = "| `purchase_30d` | new (first seen in the last 30 days) | 40 | 0.800 | 0.800 | 25.0 % "
    assert f"{few}| 25.0 % | not known |" in lines


def test_where_no_group_is_less_reliable_the_card_says_so() -> None:
    tasks = {"purchase_30d": {**EVALUATION.tasks["purchase_30d"], "slices": [FEW.as_json()]}}
    text = told("en", replace(EVALUATION, tasks=tasks))
    assert "For no group measured here are predictions clearly less reliable" in text


def test_an_evaluation_without_groups_claims_nothing_of_them() -> None:
    tasks = {"purchase_30d": {**EVALUATION.tasks["purchase_30d"], "slices": []}}
    assert "no probability or amount was measured" in told("en", replace(EVALUATION, tasks=tasks))


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


def test_in_short_the_card_says_how_well_and_for_whom_less_well() -> None:
    lines = summary(EVALUATION.as_json())
    assert lines[0] == (
        "recommendations: clearly better than habit, the best simple method "
        "(NDCG@10 0.200 to 0.100)."
    )
    assert lines[1] == (
        "purchase_30d: clearly worse than recency, the best simple method (AUC 0.700 to 0.720)."
    )
    assert (
        "Recommendations work clearly less well for: new (first seen in the last 30 days)." in lines
    )
    assert any(line.startswith("value_30d: misses clearly more of what is spent") for line in lines)


def test_the_card_of_the_spoken_language_is_found(tmp_path: Path) -> None:
    assert card_path(tmp_path) is None
    write_model_cards(tmp_path, CARD, EVALUATION.as_json())
    with speaking("zh"):
        assert card_path(tmp_path) == tmp_path / "model_card.zh.md"


def test_a_version_gets_a_card_in_each_language(tmp_path: Path) -> None:
    write_model_cards(tmp_path, CARD, EVALUATION.as_json())
    for spoken, name in FILES.items():
        assert (tmp_path / name).read_text(encoding="utf-8") == told(spoken)
