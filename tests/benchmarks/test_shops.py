"""Real shops' recommendations: what the blend is ahead of whom, on the same persons."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from habitue.actions.blend import Blend
from habitue.actions.targets import Window
from habitue.baselines.personal import PersonalFrequency
from habitue.baselines.popularity import Popularity
from habitue.evaluate import RecommendationEvaluation, evaluate_recommendation
from habitue.schema import DAY
from tests.actions.test_blend import NO_REPORT
from tests.histories import encoded_shop
from tests.shop import make_shop

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def _scripts_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(FOLDER), *sys.path])


def judged_shop(*, weights: tuple[float, float]) -> RecommendationEvaluation:
    """The made-up shop, where people take their own things again, and nothing else tells more."""
    shop = make_shop()
    as_of = shop.end_at - 28 * DAY
    people, item_ids = encoded_shop(shop, as_of=as_of)
    num = len(item_ids)
    parts = (
        PersonalFrequency.fit([people], num_items=num, as_of=as_of, window=28 * DAY),
        Popularity.fit([people], num_items=num, as_of=as_of),
    )
    blend = Blend(parts, weights, "allow", ("purchase",), NO_REPORT)
    window = Window(as_of, shop.end_at)
    return evaluate_recommendation(blend, [people], window, offered=np.ones(num, dtype=bool))


def test_the_interval_leaves_out_zero_where_one_recommender_is_clearly_better() -> None:
    from shops import measured

    told = measured(judged_shop(weights=(1, 0)))
    ahead = told["differences"]["popularity_7d"]
    assert ahead["interval"][0] > 0.05
    reached = {name: figures["ndcg@10"] for name, figures in told["recommenders"].items()}
    assert ahead["mean"] == pytest.approx(reached["blend"] - reached["popularity_7d"], abs=2e-5)


def test_the_interval_lies_below_zero_where_the_blend_is_clearly_worse() -> None:
    from shops import measured

    told = measured(judged_shop(weights=(0, 1)))
    assert told["differences"]["personal_frequency"]["interval"][1] < -0.05


def test_the_interval_of_two_alike_holds_zero() -> None:
    from shops import differences

    rng = np.random.default_rng(0)
    ndcg = {"blend": rng.random(300), "rival": rng.random(300)}
    low, high = differences(ndcg)["rival"]["interval"]
    assert low < 0 < high


def test_each_recommender_is_judged_on_the_same_persons() -> None:
    ranking = judged_shop(weights=(1, 0)).overall
    assert set(ranking.ndcg) == {"blend", "personal_frequency", "popularity_7d"}
    assert all(len(figures) == len(ranking.persons) for figures in ranking.ndcg.values())
    assert len(np.unique(ranking.persons)) == ranking.n
    # Weight 1 for personal frequency: person by person the blend is at least what it is.
    assert np.all(ranking.ndcg["blend"] >= ranking.ndcg["personal_frequency"])


def test_figures_of_different_persons_are_never_subtracted() -> None:
    from shops import differences, pooled

    with pytest.raises(AssertionError, match="rival was judged on 2 persons, not 3"):
        differences({"blend": np.ones(3), "rival": np.ones(2)})
    ndcg = {"blend": np.ones(3), "rival": np.zeros(3)}
    with pytest.raises(AssertionError, match="the seeds were judged on different persons"):
        pooled([np.array([1, 2, 3]), np.array([1, 2, 4])], [ndcg, ndcg])


def test_of_several_seeds_a_person_counts_once_with_the_mean() -> None:
    from shops import pooled

    persons = np.arange(20)
    seeds = [{"blend": np.full(20, ours), "rival": np.full(20, 0.2)} for ours in (0.3, 0.5)]
    told = pooled([persons, persons], seeds)
    assert told["persons"] == 20
    assert told["ndcg@10"] == {"blend": 0.4, "rival": 0.2}
    assert told["differences"]["rival"] == {"mean": 0.2, "interval": [0.2, 0.2]}


def test_what_is_measured_is_not_measured_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shops

    asked: list[tuple[str, int]] = []

    def measure(name: str, seed: int, work: Path) -> dict[str, Any]:
        asked.append((name, seed))
        figures = {"blend": {"ndcg@10": 0.1}}
        return {
            "shop": name, "seed": seed, "persons": 1, "recommenders": figures, "differences": {},
        }  # fmt: skip

    monkeypatch.setattr(shops, "measure", measure)
    out = tmp_path / "shops.json"
    shops.run(["taobao"], 1, work=tmp_path, out=out)
    document = shops.run(["rees46", "taobao"], 2, work=tmp_path, out=out)
    assert asked == [("taobao", 0), ("rees46", 0), ("rees46", 1), ("taobao", 1)]
    rows = [(row["shop"], row["seed"]) for row in document["rows"]]
    assert rows == [("taobao", 0), ("taobao", 1), ("rees46", 0), ("rees46", 1)]
