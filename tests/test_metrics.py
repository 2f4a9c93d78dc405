import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as reference

from habitue import metrics
from habitue.errors import Failed, NotEnoughData
from habitue.metrics import NO_ITEM


def scored_sample(seed: int = 0, n: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Outcomes and scores that tell something, with many ties."""
    rng = np.random.default_rng(seed)
    score = rng.random(n).round(2)
    return rng.random(n) < score, score


def test_top_k_equals_a_full_sort() -> None:
    rng = np.random.default_rng(1)
    for num_items in (5, 300, 3000):
        scores = rng.integers(0, 50, (40, num_items)).astype(np.float32)
        wanted = rng.random(scores.shape) < 0.1
        exclude = rng.random(scores.shape) < 0.2
        top = metrics.top_k(scores, 4, exclude=exclude, wanted=wanted)
        for row in range(len(scores)):
            columns = np.flatnonzero(~exclude[row])
            keys = (columns, wanted[row, columns], -scores[row, columns])
            expected = columns[np.lexsort(keys)][:4]
            assert top[row, : len(expected)].tolist() == expected.tolist()
            assert (top[row, len(expected) :] == NO_ITEM).all()


def test_top_k_of_many_rows_equals_a_full_sort() -> None:
    rng = np.random.default_rng(5)
    scores = rng.standard_normal((300, 4999)).astype(np.float32)
    scores[7, -1], scores[8, 0], scores[299, 2500] = 9, 9, 9
    is_hidden = rng.random(4999) < 0.3
    expected = np.argsort(-scores, axis=1, kind="stable")
    assert (metrics.top_k(scores, 20) == expected[:, :20]).all()
    shown = np.array([row[~is_hidden[row]][:20] for row in expected])
    assert (metrics.top_k(scores, 20, exclude=is_hidden) == shown).all()


def test_top_k_with_maxima_at_hand_is_the_same() -> None:
    rng = np.random.default_rng(6)
    for num_items, num_runs in ((1000, 20), (4999, 78), (107, 10)):
        scores = rng.integers(0, 1000, (50, num_items)).astype(np.float32)
        scores[3, -1], scores[4] = 2000, 7
        wanted = rng.random(scores.shape) < 0.1
        width = num_items // num_runs
        runs = scores[:, : num_runs * width].reshape(50, num_runs, width)
        top = metrics.top_k(scores, 10, wanted=wanted, maxima=runs.max(axis=2))
        assert (top == metrics.top_k(scores, 10, wanted=wanted)).all()


def test_top_k_of_rows_that_hardly_differ_takes_the_lower_columns() -> None:
    scores = np.zeros((3, 5000), dtype=np.float32)
    scores[1] = -np.inf
    scores[1, [4, 4000]] = 0
    scores[2, [70, 4999]] = 1
    top = metrics.top_k(scores, 4).tolist()
    assert top == [[0, 1, 2, 3], [4, 4000, NO_ITEM, NO_ITEM], [70, 4999, 0, 1]]


def test_top_k_puts_wanted_items_last_among_equals() -> None:
    scores = np.zeros((1, 5000), dtype=np.float32)
    scores[0, 7] = 1
    wanted = np.zeros(scores.shape, dtype=bool)
    wanted[0, :4] = True
    assert metrics.top_k(scores, 3, wanted=wanted).tolist() == [[7, 4, 5]]


def test_top_k_leaves_places_empty_rather_than_offer_what_is_excluded() -> None:
    scores = np.array([[3.0, 2.0, 1.0]])
    exclude = np.array([True, False, False])
    assert metrics.top_k(scores, 4, exclude=exclude).tolist() == [[1, 2, NO_ITEM, NO_ITEM]]
    assert metrics.top_k(scores, 2, exclude=~np.zeros(3, bool)).tolist() == [[NO_ITEM] * 2]


def test_top_k_of_an_empty_catalogue_is_empty() -> None:
    top = metrics.top_k(np.zeros((2, 0)), 2)
    assert top.tolist() == [[NO_ITEM, NO_ITEM]] * 2
    assert not metrics.hits_of(top, np.zeros((2, 0), dtype=bool)).any()


def test_nan_scores_fail() -> None:
    scores = np.array([[0.1, np.nan]])
    with pytest.raises(Failed, match=r"1 of 2 scores are not a number \(NaN\)"):
        metrics.top_k(scores, 1)
    for place in (0, 2047, 4998):  # wherever it stands, hidden or not
        scores = np.zeros((300, 4999), dtype=np.float32)
        scores[299, place] = np.nan
        is_hidden = np.arange(4999) == place
        for exclude in (None, is_hidden):
            with pytest.raises(Failed, match=r"1 of 1499700 scores are not a number \(NaN\)"):
                metrics.top_k(scores, 10, exclude=exclude)


def test_a_measure_of_nan_scores_fails() -> None:
    scores = np.array([[0.1, np.nan]])
    with pytest.raises(Failed, match="train it again with a lower learning rate"):
        metrics.auc(np.array([True, False]), scores[0])
    for measure in (metrics.mae, metrics.rmse, metrics.spearman, metrics.gini, metrics.brier):
        with pytest.raises(Failed, match="NaN"):
            measure(np.array([1.0, 0.0]), scores[0])


def test_ranking_metrics_of_a_worked_example() -> None:
    # Five offers; hits on places 2 and 4; three items were wanted.
    hits = np.array([[False, True, False, True, False], [False] * 5])
    wanted = np.array([3, 1])
    assert metrics.recall_at(hits, wanted, 5) == pytest.approx([2 / 3, 0])
    assert metrics.recall_at(hits, wanted, 2) == pytest.approx([1 / 3, 0])
    assert metrics.mrr_at(hits, 5) == pytest.approx([1 / 2, 0])
    assert metrics.hit_rate_at(hits, 1) == pytest.approx([0, 0])
    assert metrics.hit_rate_at(hits, 5) == pytest.approx([1, 0])
    gain = 1 / np.log2(3) + 1 / np.log2(5)
    ideal = 1 + 1 / np.log2(3) + 1 / np.log2(4)
    assert metrics.ndcg_at(hits, wanted, 5) == pytest.approx([gain / ideal, 0])


def test_ndcg_equals_scikit_learn() -> None:
    rng = np.random.default_rng(2)
    scores = rng.permuted(np.tile(np.arange(60.0), (30, 1)), axis=1)
    wanted = rng.random(scores.shape) < 0.1
    wanted[:, 0] = True
    hits = metrics.hits_of(metrics.top_k(scores, 10), wanted)
    ours = metrics.ndcg_at(hits, wanted.sum(axis=1), 10).mean()
    assert ours == pytest.approx(reference.ndcg_score(wanted, scores, k=10))


def test_a_perfect_list_has_ndcg_and_recall_one() -> None:
    hits = np.array([[True, True, False]])
    assert metrics.ndcg_at(hits, np.array([2]), 3) == pytest.approx([1])
    assert metrics.recall_at(hits, np.array([2]), 3) == pytest.approx([1])


def test_ranking_metrics_of_fewer_offers_than_k() -> None:
    hits = np.array([[True]])
    assert metrics.ndcg_at(hits, np.array([1]), 10) == pytest.approx([1])


def test_a_constant_score_earns_no_more_than_chance() -> None:
    rng = np.random.default_rng(3)
    wanted = rng.random((50, 100)) < 0.2
    top = metrics.top_k(np.ones(wanted.shape), 10, wanted=wanted)
    assert metrics.hits_of(top, wanted).sum() == 0
    truth, _ = scored_sample()
    constant = np.full(len(truth), 0.3)
    assert metrics.auc(truth, constant) == pytest.approx(0.5)
    assert metrics.pr_auc(truth, constant) == pytest.approx(truth.mean())
    assert metrics.lift_at(truth, constant) == pytest.approx(1)
    assert metrics.gini(truth.astype(float), constant) == pytest.approx(0)
    assert metrics.spearman(truth.astype(float), constant) == 0
    assert metrics.top_decile_share(truth.astype(float), constant) == pytest.approx(0.1)


def test_coverage_counts_distinct_offers() -> None:
    top = np.array([[0, 1, 9], [1, 2, NO_ITEM]])
    assert metrics.coverage_at(top, 10, 2) == pytest.approx(0.3)
    assert metrics.coverage_at(top, 10, 3) == pytest.approx(0.4)


def test_probability_metrics_equal_scikit_learn() -> None:
    truth, score = scored_sample()
    assert metrics.auc(truth, score) == pytest.approx(reference.roc_auc_score(truth, score))
    expected = reference.average_precision_score(truth, score)
    assert metrics.pr_auc(truth, score) == pytest.approx(expected)
    clipped = score.clip(0.01, 0.99)
    assert metrics.log_loss(truth, clipped) == pytest.approx(reference.log_loss(truth, clipped))
    assert metrics.brier(truth, score) == pytest.approx(reference.brier_score_loss(truth, score))


def test_amount_metrics_equal_references() -> None:
    rng = np.random.default_rng(4)
    truth = rng.gamma(1.0, 10.0, 300)
    predicted = (truth + rng.normal(0, 8, 300)).round(0)
    assert metrics.mae(truth, predicted) == pytest.approx(
        reference.mean_absolute_error(truth, predicted)
    )
    assert metrics.rmse(truth, predicted) == pytest.approx(
        reference.root_mean_squared_error(truth, predicted)
    )
    assert metrics.spearman(truth, predicted) == pytest.approx(
        stats.spearmanr(truth, predicted).statistic
    )


def test_log_loss_of_a_certain_mistake_is_finite() -> None:
    assert metrics.log_loss(np.array([True]), np.array([0.0])) == pytest.approx(-np.log(1e-15))


def test_gini_of_two_classes_is_twice_auc_less_one() -> None:
    truth, score = scored_sample(5)
    expected = 2 * reference.roc_auc_score(truth, score) - 1
    assert metrics.gini(truth.astype(float), score) == pytest.approx(expected)


def test_gini_of_the_right_and_of_the_reversed_order() -> None:
    truth = np.array([0.0, 1.0, 5.0, 20.0])
    assert metrics.gini(truth, truth) == pytest.approx(1)
    assert metrics.gini(truth, -truth) == pytest.approx(-1)


def test_top_decile_share_of_the_right_order() -> None:
    truth = np.array([90.0] + [10.0 / 9] * 9)
    assert metrics.top_decile_share(truth, truth) == pytest.approx(0.9)


def test_lift_of_a_perfect_order_is_bounded_by_the_base_rate() -> None:
    truth = np.arange(100) < 20
    assert metrics.lift_at(truth, truth.astype(float)) == pytest.approx(5)


def test_reliability_bins_hold_equally_many_and_never_split_a_tie() -> None:
    probability = np.repeat([0.1, 0.2, 0.7, 0.9], 25)
    truth = np.tile([True, False, False, False, False], 20)
    curve = metrics.reliability_bins(truth, probability, 4)
    assert curve.count.tolist() == [25] * 4
    assert curve.predicted == pytest.approx([0.1, 0.2, 0.7, 0.9])
    assert curve.observed == pytest.approx([0.2] * 4)
    one = metrics.reliability_bins(truth, np.full(100, 0.4), 10)
    assert one.count.tolist() == [100]


def test_ece_of_calibrated_and_of_shifted_probabilities() -> None:
    truth = np.tile([True, False, False, False], 50)
    assert metrics.ece(truth, np.full(200, 0.25)) == pytest.approx(0)
    assert metrics.ece(truth, np.full(200, 0.65)) == pytest.approx(0.4)


def test_one_class_is_too_little() -> None:
    score = np.array([0.1, 0.2])
    for measure in (metrics.auc, metrics.pr_auc):
        with pytest.raises(NotEnoughData, match="2 of 2 outcomes are positive; both kinds"):
            measure(np.array([True, True]), score)
    with pytest.raises(NotEnoughData, match="outcomes of all 2 persons are 0"):
        metrics.lift_at(np.array([False, False]), score)
    with pytest.raises(NotEnoughData, match="All 2 true amounts are equal"):
        metrics.gini(np.array([3.0, 3.0]), score)


def test_bootstrap_interval_holds_the_mean_and_narrows_with_persons() -> None:
    rng = np.random.default_rng(6)
    few, many = rng.normal(1, 1, 50), rng.normal(1, 1, 5000)
    small, large = metrics.bootstrap_interval(few), metrics.bootstrap_interval(many)
    assert small.low < small.mean < small.high
    # 1.96 standard errors either side
    assert large.high - large.low == pytest.approx(2 * 1.96 / np.sqrt(5000), rel=0.1)
    assert large.high - large.low < small.high - small.low


def test_bootstrap_is_the_same_twice() -> None:
    values = np.arange(20.0)
    assert metrics.bootstrap_interval(values) == metrics.bootstrap_interval(values)


def test_limits_are_told_of_ten_persons_and_more() -> None:
    interval = metrics.Interval(0.2, 0.1, 0.3)
    assert metrics.limits_of(interval, 9) is None
    assert metrics.limits_of(interval, 10) == [0.1, 0.3]


def test_paired_difference_of_a_better_score_is_above_zero() -> None:
    truth, score = scored_sample(7, 2000)
    noise = np.random.default_rng(8).random(2000)
    gain = metrics.bootstrap_difference(metrics.auc, truth, score, noise)
    assert gain.low > 0.2
    same = metrics.bootstrap_difference(metrics.auc, truth, score, score)
    assert (same.mean, same.low, same.high) == (0, 0, 0)


def test_the_rows_of_one_person_are_drawn_together() -> None:
    rng = np.random.default_rng(3)
    truth, ours, theirs = rng.random(40), rng.random(40), rng.random(40)

    def closeness(one: np.ndarray, other: np.ndarray) -> float:
        return -float(np.abs(one - other).mean())

    once = metrics.bootstrap_difference(closeness, truth, ours, theirs)
    thrice = metrics.bootstrap_difference(
        closeness,
        *(np.tile(column, 3) for column in (truth, ours, theirs)),
        persons=np.tile(np.arange(40), 3),
    )
    assert (thrice.mean, thrice.low, thrice.high) == pytest.approx((once.mean, once.low, once.high))
