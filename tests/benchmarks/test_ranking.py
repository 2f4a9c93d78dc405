from dataclasses import dataclass

import numpy as np
import pytest

from habitue.baselines.item_histories import ItemHistories
from habitue.baselines.next_item import Floats, ScoreKind
from habitue.benchmarks import ranking
from habitue.benchmarks.protocols import Examples
from habitue.benchmarks.ranking import NEVER, measures, ranks
from habitue.compute import Silent
from habitue.errors import Failed


@dataclass
class Told:
    """Scores as they are given, row after row."""

    rows: Floats
    kind: ScoreKind = "logit"
    asked: int = 0

    def scores(self, histories: ItemHistories) -> Floats:
        self.asked += len(histories)
        return self.rows[self.asked - len(histories) : self.asked].copy()


def examples(answers: list[int], hidden: list[list[int]] | None = None) -> Examples:
    return Examples(
        ItemHistories.of([[0]] * len(answers)),
        np.array(answers),
        None if hidden is None else ItemHistories.of(hidden),
    )


def ranks_of(rows: list[list[float]], asked: Examples) -> list[int]:
    scores = np.array(rows, dtype=np.float32)
    found = ranks(Told(scores), asked, num_items=scores.shape[1], progress=Silent())
    return [int(rank) for rank in found]


def test_ties_count_against_the_model() -> None:
    assert ranks_of([[1, 1, 1, 1]], examples([0])) == [4]
    assert ranks_of([[3, 2, 2, 1]], examples([1])) == [3]


def test_what_is_hidden_is_passed_over() -> None:
    assert ranks_of([[4, 3, 2, 1]], examples([2], [[0, 1]])) == [1]


def test_an_answer_that_is_hidden_is_never_found() -> None:
    assert ranks_of([[4, 3, 2, 1]], examples([0], [[0]])) == [NEVER]


def test_a_score_that_is_not_a_number_fails() -> None:
    with pytest.raises(Failed, match=r"1 of 2 scores are not a number \(NaN\)"):
        ranks_of([[1, float("nan")]], examples([0]))


@pytest.mark.parametrize("chunk", [1, 7, 8_000_000])
def test_ranks_are_those_of_sorting_everything(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking, "_CHUNK_SCORES", chunk * 30)
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 12, size=(40, 30)).astype(np.float32)  # many ties
    answers = rng.integers(30, size=40)
    hidden = [rng.choice(30, size=5, replace=False).tolist() for _ in range(40)]
    expected = []
    for row, answer, gone in zip(scores, answers, hidden, strict=True):
        order = sorted(
            (item for item in range(30) if item not in gone),
            key=lambda item: (-row[item], item == answer),
        )
        expected.append(order.index(answer) + 1 if answer in order else NEVER)
    asked = examples(answers.tolist(), hidden)
    assert ranks(Told(scores), asked, num_items=30, progress=Silent()).tolist() == expected


def test_measures_of_one_answer_each() -> None:
    found = measures(np.array([1, 2, 11, NEVER]), ["recall@10", "ndcg@10", "mrr@10", "recall@20"])
    assert found["recall@10"] == pytest.approx(2 / 4)
    assert found["recall@20"] == pytest.approx(3 / 4)
    assert found["ndcg@10"] == pytest.approx((1 + 1 / np.log2(3)) / 4)
    assert found["mrr@10"] == pytest.approx(1.5 / 4)
