"""Progress and tables: what a person sees in the terminal."""

import io

import pytest
from rich.console import Console

from habitue import views
from habitue.console import Bars


def shown(verb: str, document: views.Object, width: int = 100) -> str:
    console = Console(width=width, record=True, file=io.StringIO())
    views.VIEWS.get(verb, views._any)(console, document)
    return console.export_text()


def test_progress_without_a_terminal_is_one_line_with_what_it_took(
    capsys: pytest.CaptureFixture[str],
) -> None:
    bars = Bars()
    bars.start("Reading", 10, "rows")
    bars.advance(4)
    bars.advance(6)
    bars.finish()
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("Reading: 10 rows in ")


def test_hostile_texts_are_shown_as_they_are() -> None:
    text = shown("profile", {"user_id": "[red]x[/red]", "facts": {"a": "[bold]"}})
    assert "[red]x[/red]" in text
    assert "[bold]" in text


def test_the_score_card_names_every_contender_and_the_difference() -> None:
    document: views.Object = {
        "as_of": "2024-01-01T00:00:00Z",
        "until": "2024-02-01T00:00:00Z",
        "model_version": "0001",
        "recommendation": {
            "metrics": {"ndcg@10": 0.5},
            "baselines": {"popularity_7d": {"ndcg@10": 0.1}},
            "best_baseline": "popularity_7d",
            "difference": {"metric": "ndcg@10", "mean": 0.4, "interval": [0.3, 0.5]},
            "n": 10,
        },
        "tasks": {
            "churn_90d": {
                "metrics": {"auc": 0.8},
                "baselines": {"recency": {"auc": 0.7}},
                "n": 5,
                "base_rate": 0.25,
            }
        },
        "skipped": {"value_90d": "the log has no money"},
    }
    text = shown("evaluate", document)
    for words in ("habitue", "popularity 7d", "+0.4000", "recency", "25.0%", "no money"):
        assert words in text


@pytest.mark.parametrize("width", [60, 80, 120])
def test_an_answer_without_a_view_is_shown_key_by_key(width: int) -> None:
    text = shown(
        "similar", {"model_version": "1", "items": [{"item_id": "a", "score": 0.5}]}, width
    )
    assert "item id" in text
    assert "0.5" in text
