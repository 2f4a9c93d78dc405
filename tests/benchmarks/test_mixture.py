from dataclasses import dataclass

import numpy as np
import pytest

from habitue.baselines.item_histories import ItemHistories
from habitue.baselines.next_item import FittedNextItem, Floats, ScoreKind
from habitue.benchmarks.candidates import TEMPERATURES, Candidates, log_norm, tempered
from habitue.benchmarks.mixture import Recipe, choose_recipe, mixture_ranks
from habitue.benchmarks.protocols import Examples
from habitue.benchmarks.ranking import measures, ranks
from habitue.compute import Silent

ITEMS = 400


@dataclass(frozen=True)
class Table:
    """Scores by the last item of the history, which is the example's number."""

    rows: Floats
    kind: ScoreKind = "logit"

    def scores(self, histories: ItemHistories) -> Floats:
        return self.rows[histories.newest_item()].copy()


def knowing(answers: np.ndarray, known: np.ndarray, seed: int) -> Table:
    """Noise, and for the known examples a raised score of the right answer."""
    rows = np.random.default_rng(seed).normal(size=(len(answers), ITEMS)).astype(np.float32)
    rows[np.flatnonzero(known), answers[known]] += 6
    return Table(rows)


@pytest.fixture
def asked() -> Examples:
    rng = np.random.default_rng(5)
    answers = rng.integers(ITEMS, size=300)
    hidden = [[int(one)] for one in (answers + 1) % ITEMS]
    return Examples(ItemHistories.of([[n] for n in range(300)]), answers, ItemHistories.of(hidden))


@pytest.fixture
def parts(asked: Examples) -> list[FittedNextItem]:
    half = np.arange(len(asked)) % 2 == 0
    noise = np.random.default_rng(9).normal(size=(len(asked), ITEMS)).astype(np.float32)
    return [knowing(asked.answers, half, 1), knowing(asked.answers, ~half, 2), Table(noise)]


def value(parts: list[FittedNextItem], recipe: Recipe, asked: Examples) -> float:
    found = mixture_ranks(parts, recipe, asked, num_items=ITEMS, progress=Silent())
    return measures(found, ["ndcg@10"])["ndcg@10"]


def candidates(parts: list[FittedNextItem], asked: Examples, most: int = 60) -> Candidates:
    return Candidates.of(parts, asked, num_items=ITEMS, progress=Silent(), most=most)


def test_two_halves_of_the_truth_are_joined_and_noise_is_left_out(
    asked: Examples, parts: list[FittedNextItem]
) -> None:
    chosen = choose_recipe(candidates(parts, asked), "ndcg@10")
    assert chosen.value > 0.9
    assert chosen.recipe.weights[2] < 0.1
    assert sum(chosen.recipe.weights) == pytest.approx(1)


def test_a_blend_is_no_worse_than_its_best_part_on_what_it_is_chosen_by(
    asked: Examples, parts: list[FittedNextItem]
) -> None:
    alone = [ranks(part, asked, num_items=ITEMS, progress=Silent()) for part in parts]
    best = max(measures(found, ["ndcg@10"])["ndcg@10"] for found in alone)
    assert choose_recipe(candidates(parts, asked), "ndcg@10").value >= best


def test_candidates_rank_as_all_items_do(asked: Examples, parts: list[FittedNextItem]) -> None:
    chosen = choose_recipe(candidates(parts, asked), "ndcg@10")
    assert chosen.uncertain == 0
    assert chosen.value == pytest.approx(value(parts, chosen.recipe, asked), abs=1e-6)


def test_too_few_candidates_are_told(asked: Examples) -> None:
    flat = [Table(np.random.default_rng(n).normal(size=(300, ITEMS)).astype(np.float32) * 0.01)
            for n in (1, 2)]  # fmt: skip
    chosen = choose_recipe(candidates(list(flat), asked, most=2), "ndcg@10")
    assert chosen.uncertain > 0


def test_the_same_parts_give_the_same_recipe(asked: Examples, parts: list[FittedNextItem]) -> None:
    first = choose_recipe(candidates(parts, asked), "ndcg@10")
    assert choose_recipe(candidates(parts, asked), "ndcg@10") == first


@pytest.mark.parametrize("kind", ["logit", "share"])
def test_probabilities_sum_to_one_over_what_may_be_offered(kind: ScoreKind) -> None:
    rows = np.random.default_rng(0).normal(size=(3, ITEMS)).astype(np.float32)
    asked = Examples(ItemHistories.of([[0], [1], [2]]), np.array([1, 2, 3]))
    found = candidates([Table(rows, kind)], asked, most=ITEMS)
    for temperature in TEMPERATURES:
        assert found.probabilities(0, temperature).sum(axis=1) == pytest.approx(1, abs=1e-4)
        logs = found.logs[0]
        sums = tempered(logs, log_norm(logs, temperature), temperature).sum(axis=1)
        assert sums == pytest.approx(1, abs=1e-4)


def test_a_part_that_knows_nothing_of_somebody_leaves_the_answer_to_the_others(
    asked: Examples,
) -> None:
    knows = knowing(asked.answers, np.ones(len(asked), dtype=bool), 1)
    silent = Table(np.zeros((len(asked), ITEMS), dtype=np.float32), "share")
    both = Recipe((0.5, 0.5), (1.0, 1.0))
    alone = Recipe((1.0, 0.0), (1.0, 1.0))
    parts: list[FittedNextItem] = [knows, silent]
    assert value(parts, both, asked) == pytest.approx(value(parts, alone, asked))
