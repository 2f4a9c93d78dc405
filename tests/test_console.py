"""Progress and tables: what a person sees in the terminal."""

import io

import pytest
from rich.console import Console

from habitue.cli import views
from habitue.cli.console import Bars
from habitue.cli.tables import Object, number


def shown(verb: str, document: Object, width: int = 100) -> str:
    console = Console(width=width, record=True, file=io.StringIO())
    views.VIEWS.get(verb, views.show_any)(console, document)
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


@pytest.mark.parametrize(("amount", "line"), [(0, "Norms in"), (1, "Norms: 1 step in")])
def test_progress_counts_as_people_do(
    capsys: pytest.CaptureFixture[str], amount: int, line: str
) -> None:
    bars = Bars()
    bars.start("Norms", None, "steps")
    bars.advance(amount)
    bars.finish()
    assert capsys.readouterr().err.startswith(line)


def test_hostile_texts_are_shown_as_they_are() -> None:
    text = shown("profile", {"user_id": "[red]x[/red]", "facts": {"a": "[bold]"}})
    assert "[red]x[/red]" in text
    assert "[bold]" in text


HOSTILE = "[red]x[/] [/nothing] :bomb: \x1b[31m \x9bm \u202e [link=https://x.example]y[/link]"


@pytest.mark.parametrize("verb", sorted({*views.VIEWS, "train"}))
def test_no_word_of_a_shop_is_run_by_the_terminal(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = {
        "user_id": HOSTILE,
        "name": HOSTILE,
        "item_id": HOSTILE,
        "raw": HOSTILE,
        "reason": HOSTILE,
    }
    document: Object = {
        "user_id": HOSTILE, "facts": {"a": HOSTILE, HOSTILE: 1}, "notes": [HOSTILE],
        "by_reason": {HOSTILE: 1}, "rows": [{**entry, "file": HOSTILE, "code": HOSTILE}],
        "items": [entry], "path": HOSTILE, "settings": HOSTILE, "next": HOSTILE,
        "guesses": [{"file": HOSTILE, "field": HOSTILE, "guess": HOSTILE, "because": HOSTILE}],
        "left_out": [{"file": HOSTILE, "because": HOSTILE}], "questions": [HOSTILE],
        "alerts": [{**entry, "reasons": [HOSTILE]}], "sentence": HOSTILE,
        "findings": [
            {"status": "PASS", "rule": HOSTILE, "message": HOSTILE, "examples": [HOSTILE]}
        ],
        "status": "PASS", "checks": [{"status": "PASS", "name": HOSTILE, "message": HOSTILE}],
        "tags": [{"name": HOSTILE, "kind": HOSTILE, "evidence": [{"text": HOSTILE}]}],
        "segment": HOSTILE, "skipped": {HOSTILE: HOSTILE},
    }  # fmt: skip
    views.show(verb, document, where=f" -w '{HOSTILE}'")
    told = capsys.readouterr().out
    assert not set(told) & {"\x1b", "\x9b", "\u202e", "💣"}
    assert ":bomb:" in told


def test_a_file_may_be_called_like_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    bars = Bars()
    bars.console = Console(file=io.StringIO(), force_terminal=True, width=300)
    bars.start("Reading", 2, "rows")
    bars.advance(1, note=HOSTILE)
    bars.finish()
    assert isinstance(bars.console.file, io.StringIO)
    assert "[/nothing] :bomb: \\x1b[31m" in bars.console.file.getvalue()


def test_the_score_card_names_every_contender_and_the_difference() -> None:
    document: Object = {
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
    assert "habitue train --as-of 2024-02-01" in text
    text = shown("evaluate", {**document, "architecture": "gru", "size": "tiny"})
    assert "habitue train --architecture gru --size tiny --as-of 2024-02-01" in text


def test_a_prediction_about_others_is_named_without_its_number() -> None:
    record = {"probability": 0.3125, "base_rate": 0.3, "asked": False}
    text = shown("profile", {"predictions": {"reactivation_30d": record}}, 120)
    assert "Not asked of this customer: reactivation_30d." in text
    assert "31" not in text


def test_amount_of_a_profile_is_the_expected_one_that_its_base_rate_compares_with() -> None:
    record: Object = {"value": 0.0, "expected": 21.5, "interval": [0, 90], "base_rate": 30.0}
    text = shown("profile", {"user_id": "u1", "predictions": {"value_90d": record}}, 120)
    assert "21.5 (typically 0)" in text
    without = {**record, "expected": None}
    assert "typically" not in shown("profile", {"predictions": {"value_90d": without}}, 120)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_an_answer_without_a_view_is_shown_key_by_key(width: int) -> None:
    text = shown(
        "no view", {"model_version": "1", "items": [{"item_id": "a", "score": 0.5}]}, width
    )
    assert "item id" in text
    assert "0.5" in text


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.48e-15, "0"), (-2e-16, "0"), (0.00087, "0.0009"), (0.0123456, "0.0123"), (0.5, "0.5")],
)
def test_a_number_is_never_written_with_an_exponent(value: float, text: str) -> None:
    assert number(value) == text


def test_what_was_set_aside_is_a_table_with_reasons_in_words() -> None:
    row: Object = {
        "file": "orders.csv",
        "line": 7,
        "offset": 90,
        "code": "placeholder_id",
        "field": "user_id",
        "value": "guest",
        "raw": '{"customer": "guest", ' + "x" * 500,
    }
    text = shown("quarantine show", {"by_reason": {"placeholder_id": 3}, "rows": [row]})
    assert "orders.csv:7" in text
    assert "the id is a word for nobody" in text
    assert "user_id=guest" in text
    broken: Object = {
        "by_reason": {"columns 3!=21": 1},
        "rows": [{**row, "code": "columns 3!=21"}],
    }
    lines = shown("quarantine show", broken, 200)
    assert "columns 3!=21" not in lines
    assert lines.count("a line with 3 fields where its file has 21") == 2
    assert "placeholder id" in text
    assert "x" * 200 not in text.replace("\n", "").replace(" ", "")
    assert "1 of 3 rows are shown; more with --limit." in text


def test_no_alerts_of_a_model_that_knows_the_base_rate_only_are_no_good_news() -> None:
    document: Object = {"task": "churn_90d", "base_rate": 0.25, "alerts": [], "reason": ""}
    assert "Nobody is clearly likelier to leave than usual." in shown("alerts churn", document)
    reason = "only 60 persons to learn from; 100 are needed"
    text = " ".join(shown("alerts churn", {**document, "reason": reason}).split())
    assert f"This model cannot tell who leaves: {reason}; everyone has" in text
    assert "the base rate of 25.0%." in text
    assert "Nobody" not in text


def test_empty_lists_name_the_next_command() -> None:
    document: Object = {"rows": [], "by_reason": {}, "where": " -w my-shop"}
    assert "Nothing is set aside." in shown("quarantine show", document)
    assert "habitue ingest -w my-shop FILE…" in shown("quarantine show", document)
    text = shown("models list", {"versions": [], "where": " -w my-shop"})
    assert text.strip() == "There is no model yet. Train one: habitue train -w my-shop"


def test_the_version_that_answers_is_marked() -> None:
    rows: list[Object] = [
        {"version": "0002", "architecture": "gru", "size": "tiny", "published": True},
        {"version": "0001", "architecture": "gru", "size": "tiny", "published": False},
    ]
    text = shown("models list", {"versions": rows})
    assert text.count("(answers)") == 1
    assert "0002 (answers)" in text


def test_popular_says_which_days_and_what_it_counts() -> None:
    document: Object = {
        "as_of": "2024-07-18T18:25:30Z",
        "window_days": 7.0,
        "event_types": ["purchase"],
        "items": [{"item_id": "P1", "name": "Tent", "score": 6.0}],
    }
    text = shown("popular", document)
    assert "with a purchase of the item in the 7 days up to 2024-07-18" in text
    assert "customers" in text


def test_an_audience_is_shown_beside_everyone() -> None:
    document: Object = {
        "sentence": "Customers with orders of at least 3.",
        "as_of": "2024-07-18T18:25:30Z",
        "persons": 11,
        "everyone": 100,
        "share": 0.11,
        "segments": {"lost": {"audience": 0.545, "everyone": 0.06}},
        "means": {"recency_days": {"audience": 36.2, "everyone": None}},
        "path": "shop/audiences/slipping.csv",
    }
    text = shown("audience", document)
    for words in ("11 of 100 customers (11.0%)", "54.5%", "recency days", "36.2", "slipping.csv"):
        assert words in text


def test_what_views_know_beside_the_document_is_not_shown() -> None:
    assert "where" not in shown("report", {"path": "x", "where": " -w my-shop"})


def test_a_task_judged_at_several_cuts_says_how_many_persons_that_are() -> None:
    task: Object = {
        "metrics": {"auc": 0.7}, "baselines": {}, "n": 300, "persons": 120, "base_rate": 0.25,
    }  # fmt: skip
    once: Object = {**task, "persons": 300}
    text = shown("evaluate", {"tasks": {"churn_90d": task, "churn_30d": once}})
    assert "300 outcomes" in text
    assert "of 120 persons" in text
    assert "300 persons" in text
    assert "base rate:" not in text


def test_a_task_that_knows_nothing_but_the_base_rate_says_so() -> None:
    task: Object = {
        "metrics": {"auc": 0.5}, "baselines": {}, "n": 9, "persons": 9, "reason": "only 9 persons",
    }  # fmt: skip
    text = shown("evaluate", {"tasks": {"churn_90d": task}})
    assert "churn_90d: habitue tells the base rate: only 9 persons" in text
