import json

import numpy as np
import pytest

from habitue.actions.blend import Blend, Recommender, SeenPolicy
from habitue.actions.targets import Window
from habitue.baselines.cooccurrence import CoOccurrence
from habitue.baselines.personal import PersonalFrequency
from habitue.baselines.popularity import Popularity
from habitue.errors import NotEnoughData
from habitue.evaluate import RecommendationEvaluation, evaluate_recommendation
from habitue.schema import DAY
from habitue.sequences.sequences import Sequences
from tests.actions.test_blend import NO_REPORT, Table, table
from tests.histories import Event, day, encoded_shop, make_sequences, with_future
from tests.shop import make_shop

WINDOW = Window(day(10), day(20))
NUM = 30

# Everyone bought item 0; in the window: person 0 items 0 and 1, person 1 item 2 and one the
# model does not know, person 2 nothing, person 3 (no past) item 1.
HISTORIES: list[list[Event]] = [
    [(1, 0), (11, 0), (12, 1), (12, 1)],
    [(1, 0), (12, 2), (13, NUM + 5), (25, 3)],
    [(1, 0)],
    [(12, 1)],
]


def one_row(*columns: int) -> list[float]:
    """Falling scores for these columns; the others share the rest."""
    row = np.full(NUM, 1e-4)
    row[list(columns)] = np.linspace(1, 0.5, len(columns))
    return list(row / row.sum())


def perfect() -> Table:
    return table("perfect", [one_row(0, 1), one_row(2), one_row(0), one_row(1)])


def blend_of(*parts: Recommender, seen_items: SeenPolicy = "allow") -> Blend:
    weights = (1.0,) + (0.0,) * (len(parts) - 1)
    return Blend(parts, weights, seen_items, ("purchase",), NO_REPORT)


def evaluate(blend: Blend, sequences: Sequences | None = None) -> RecommendationEvaluation:
    batch = make_sequences(HISTORIES) if sequences is None else sequences
    return evaluate_recommendation(blend, [batch], WINDOW, offered=np.ones(NUM, dtype=bool))


def test_known_hits_give_known_metrics() -> None:
    result = evaluate(blend_of(perfect()))
    assert result.overall.n == 2
    assert result.num_cold == 1
    metrics = result.overall.metrics
    # Person 1 wanted two items, one of them unknown to the model: it counts as missed.
    assert metrics["recall@10"] == pytest.approx((1 + 0.5) / 2)
    ideal = 1 + 1 / np.log2(3)
    assert metrics["ndcg@10"] == pytest.approx((1 + 1 / ideal) / 2)
    assert metrics["mrr@10"] == pytest.approx(1)
    assert metrics["hit_rate@10"] == pytest.approx(1)
    assert result.unknown_share == pytest.approx(1 / 4)


def test_discovery_counts_new_items_only() -> None:
    result = evaluate(blend_of(perfect()))
    assert result.discovery is not None
    assert result.discovery.n == 2
    # Person 0 took item 1 new: with item 0 hidden it stands first.
    assert result.discovery.metrics["mrr@10"] == pytest.approx(1)
    assert result.discovery.metrics["recall@10"] == pytest.approx((1 + 0.5) / 2)


def test_no_discovery_where_nobody_takes_anything_new() -> None:
    sequences = make_sequences([[(1, 0), (11, 0)]])
    assert evaluate(blend_of(table("t", [one_row(0)])), sequences).discovery is None


def test_filtered_items_are_hidden_from_every_recommender() -> None:
    result = evaluate(blend_of(perfect(), seen_items="filter"))
    # Person 0 wanted 0 (hidden) and 1.
    assert result.overall.metrics["recall@10"] == pytest.approx(0.5)
    assert "items taken before hidden" in result.protocol


def test_the_best_baseline_and_the_paired_difference_are_named() -> None:
    bad = table("bad", [one_row(20)] * 4)
    worse = Table("silent", np.zeros((4, NUM), dtype=np.float32))
    result = evaluate(blend_of(perfect(), bad, worse))
    assert result.overall.best_baseline == "perfect"
    assert result.overall.difference.mean == pytest.approx(0)
    assert result.overall.baselines["silent"]["hit_rate@20"] == 0
    assert result.overall.baselines["silent"]["coverage@20"] == 0


def test_two_persons_say_nothing_of_certainty() -> None:
    document = evaluate(blend_of(perfect())).as_json()
    assert document["n"] == 2
    assert document["difference"] == {"metric": "ndcg@10", "mean": 0.0, "interval": None}


def test_a_constant_recommender_earns_nothing() -> None:
    constant = table("constant", [[1 / NUM] * NUM] * 4)
    metrics = evaluate(blend_of(constant)).overall.metrics
    assert metrics["hit_rate@20"] == 0


def test_items_not_offered_are_hidden_but_still_wanted() -> None:
    offered = np.ones(NUM, dtype=bool)
    offered[0] = False
    result = evaluate_recommendation(
        blend_of(perfect()), [make_sequences(HISTORIES)], WINDOW, offered=offered
    )
    assert result.overall.metrics["recall@10"] == pytest.approx(0.5)


def test_an_empty_window_is_refused() -> None:
    sequences = make_sequences([[(1, 0)], [(12, 1)]])
    with pytest.raises(NotEnoughData, match="Nobody with events before 2024-01-11T00:00:00Z took"):
        evaluate(blend_of(perfect()), sequences.slice(0, 1))
    with pytest.raises(NotEnoughData, match="an earlier --as-of or a longer holdout_days"):
        evaluate(blend_of(perfect()), sequences.slice(1, 2))


def test_bots_are_not_judged() -> None:
    assert evaluate(blend_of(perfect()), make_sequences(HISTORIES, bots=[0])).overall.n == 1


def test_json_has_the_documented_keys() -> None:
    document = json.loads(json.dumps(evaluate(blend_of(perfect())).as_json()))
    assert {"metrics", "baselines", "n", "discovery", "cold", "protocol"} <= document.keys()
    names = {"recall", "ndcg", "mrr", "hit_rate", "coverage"}
    expected = {f"{name}@{k}" for name in names for k in (10, 20)}
    assert document["metrics"].keys() == expected
    assert document["baselines"]["perfect"].keys() == expected


def test_events_after_the_window_change_nothing() -> None:
    sequences = make_sequences(HISTORIES)
    future = with_future(sequences, day(20), num_items=NUM)
    assert evaluate(blend_of(perfect())) == evaluate(blend_of(perfect()), future)


def test_batches_do_not_matter() -> None:
    sequences = make_sequences(HISTORIES)
    parts = [sequences.slice(0, 1), sequences.slice(1, 4)]
    pieces = evaluate_recommendation(
        blend_of(perfect()), parts, WINDOW, offered=np.ones(NUM, dtype=bool)
    )
    assert pieces == evaluate(blend_of(perfect()))


def test_on_the_made_up_shop_personal_history_beats_popularity() -> None:
    shop = make_shop(num_persons=120, days=160)
    as_of = shop.end_at - 28 * DAY
    sequences, ids = encoded_shop(shop, as_of=as_of)
    parts: list[Recommender] = [
        PersonalFrequency.fit([sequences], num_items=len(ids), as_of=as_of, window=28 * DAY),
        CoOccurrence.fit([sequences], num_items=len(ids), as_of=as_of),
        Popularity.fit([sequences], num_items=len(ids), as_of=as_of),
    ]
    result = evaluate_recommendation(
        Blend(tuple(parts), (0.6, 0.2, 0.2), "allow", ("purchase",), NO_REPORT),
        [sequences],
        Window(as_of, shop.end_at),
        offered=np.ones(len(ids), dtype=bool),
    )
    baselines = result.overall.baselines
    assert result.overall.n > 50
    assert baselines["personal_frequency"]["ndcg@10"] > baselines["popularity_7d"]["ndcg@10"] + 0.05
    assert result.overall.metrics["ndcg@10"] > baselines["popularity_7d"]["ndcg@10"] + 0.05
