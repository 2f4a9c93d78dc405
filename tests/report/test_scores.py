"""Verdicts, bars and tables of results beside baselines."""

import pytest

from habitue.report.documents import Interval, Scores
from habitue.report.formats import Currency
from habitue.report.scores import bars, best_baseline, metric_rows, verdict, written
from habitue.report.texts import Texts

TEXTS, MONEY = Texts(), Currency.of("GBP")


def scores(name: str, interval: Interval | None = None, **metrics: float) -> Scores:
    named = {key.replace("_at_", "@"): amount for key, amount in metrics.items()}
    return Scores(name, named, dict.fromkeys(named, interval) if interval else {})


@pytest.mark.parametrize(
    ("interval", "expected"),
    [((0.31, 0.35), "better"), ((0.28, 0.40), "even"), ((0.20, 0.28), "behind")],
)
def test_lead_is_clear_only_outside_the_interval(interval: Interval, expected: str) -> None:
    ours = scores("habitue", interval, recall_at_10=sum(interval) / 2)
    assert verdict(ours, [scores("popularity", recall_at_10=0.3)], "recall@10") == expected


def test_interval_of_the_gain_decides_before_all_else() -> None:
    ours, rival = scores("habitue", (0.7, 0.9), auc=0.8), scores("rfm", auc=0.75)
    assert verdict(ours, [rival], "auc", gain=(0.01, 0.09)) == "better"
    assert verdict(ours, [rival], "auc", gain=(-0.01, 0.09)) == "even"
    assert verdict(ours, [rival], "auc", gain=(-0.05, -0.01)) == "behind"


def test_without_an_interval_a_lead_is_no_more_than_a_lead() -> None:
    assert verdict(scores("h", auc=0.8), [scores("r", auc=0.7)], "auc") == "ahead"
    assert verdict(scores("h", auc=0.7), [scores("r", auc=0.8)], "auc") == "behind"
    assert verdict(scores("h", auc=0.8), [scores("r", auc=0.801)], "auc") == "even"
    assert verdict(scores("h", mae=3.0), [scores("r", mae=4.0)], "mae") == "ahead"


def test_without_a_rival_there_is_no_verdict() -> None:
    assert verdict(scores("h", auc=0.8), [], "auc") == "alone"
    assert verdict(scores("h", auc=0.8), [scores("network", auc=0.9)], "auc") == "alone"


def test_best_baseline_is_the_lowest_error_and_no_part_of_ours() -> None:
    rivals = [scores("a", mae=3.0), scores("b", mae=2.0), scores("network", mae=1.0)]
    best = best_baseline(rivals, "mae")
    assert best is not None
    assert best.name == "b"


def test_bars_of_auc_begin_at_chance() -> None:
    ours = scores("habitue", auc=0.75)
    rows = bars(ours, [scores("base_rate", auc=0.5), scores("rfm", auc=0.625)], "auc",
                texts=TEXTS, money=MONEY)  # fmt: skip
    assert [row.length for row in rows] == [1.0, 0.5, 0.0]
    assert [row.is_ours for row in rows] == [True, False, False]


def test_whisker_lies_within_the_track() -> None:
    ours = scores("habitue", (0.3, 0.5), recall_at_10=0.4)
    (row,) = bars(ours, [], "recall@10", texts=TEXTS, money=MONEY)
    assert row.length == pytest.approx(0.8)
    assert row.whisker == pytest.approx((0.6, 1.0))


def test_best_of_each_row_is_marked_and_variety_is_no_contest() -> None:
    ours = Scores("habitue", {"log_loss": 0.4, "auc": 0.7, "coverage@10": 0.2, "unheard": 1.0})
    rival = Scores("rfm", {"log_loss": 0.5, "auc": 0.8, "coverage@10": 0.9})
    rows = {row.name: row for row in metric_rows(ours, [rival], texts=TEXTS, money=MONEY)}
    assert len(rows) == 3
    assert [cell.is_best for cell in rows["Log-loss"].cells] == [True, False]
    assert [cell.is_best for cell in rows["Ranking (AUC)"].cells] == [False, True]
    assert not any(cell.is_best for cell in rows["Variety"].cells)


@pytest.mark.parametrize(
    ("metric", "amount", "text"),
    [
        ("auc", 0.781, "78.1 %"),
        ("lift@10%", 3.42, "3.4 ×"),
        ("mae", 21.4, "£21.40"),
        ("ndcg@10", 0.1614, "0.161"),
        ("auc", None, "–"),
    ],
)
def test_metrics_are_written_in_their_units(metric: str, amount: float | None, text: str) -> None:
    assert written(metric, amount, MONEY).replace("\u00a0", " ") == text
