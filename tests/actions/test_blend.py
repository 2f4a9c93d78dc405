import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from habitue.actions import blend as blend_module
from habitue.actions.blend import (
    Blend,
    BlendReport,
    Recommender,
    choose_blend,
    persons_weighed_on,
)
from habitue.actions.targets import Window, block_size, choose_target_types, takers
from habitue.baselines.cooccurrence import CoOccurrence
from habitue.baselines.personal import PersonalFrequency
from habitue.baselines.popularity import Popularity
from habitue.errors import NotReady
from habitue.schema import DAY, POSITIVE_EVENT_TYPES
from habitue.sequences.sequences import Sequences
from tests.histories import Event, day, encoded_shop, make_sequences, with_future
from tests.shop import make_shop

NO_REPORT = BlendReport(0, 0.0, 0.0, 0.0, {}, 0.0)


@dataclass(frozen=True)
class Table:
    """A recommender that reads its scores from a table, one row a subject id."""

    name: str
    rows: npt.NDArray[np.float32]

    def scores(self, sequences: Sequences, *, as_of: int) -> npt.NDArray[np.float32]:
        return np.asarray(self.rows[sequences.subject_ids], dtype=np.float32)


def table(name: str, rows: list[list[float]]) -> Table:
    return Table(name, np.array(rows, dtype=np.float32))


def split_shop(num: int = 40) -> Sequences:
    """Each person had a past; in the window (from day 10) person p takes item p."""
    histories: list[list[Event]] = [[(1, num), (12, person)] for person in range(num)]
    return make_sequences(histories)


WINDOW = Window(day(10), day(20))


def knowing(persons: range, num: int = 40, *, noise: float = 0.5) -> npt.NDArray[np.float32]:
    """Right about `persons`, sure of a wrong item for the others."""
    rows = np.random.default_rng(len(persons)).random((num, num + 1)).astype(np.float32) * 0.01
    for person in range(num):
        right = person if person in persons else (person + 7) % num
        rows[person, right] += noise if person in persons else 0.05
    return np.asarray(rows / rows.sum(axis=1, keepdims=True))


def test_two_halves_of_the_truth_are_both_used() -> None:
    parts = [Table("first", knowing(range(20))), Table("second", knowing(range(20, 40)))]
    blend = choose_blend(parts, [split_shop()], WINDOW, num_items=41, target_types=("purchase",))
    assert min(blend.weights) > 0.1
    assert blend.report.blend_ndcg > max(blend.report.single_ndcg.values()) + 0.1


@pytest.mark.parametrize(
    ("num_items", "persons"), [(1, 4000), (20_000, 4000), (50_000, 1600), (200_000, 800)]
)
def test_many_persons_decide_and_fewer_on_a_large_catalogue(num_items: int, persons: int) -> None:
    assert persons_weighed_on(num_items) == persons


def test_more_persons_than_a_large_catalogue_allows_decide_on_a_small_one() -> None:
    parts = [Table("good", knowing(range(900), 900))]
    shop = split_shop(900)
    asked = choose_blend(parts, [shop], WINDOW, num_items=901, target_types=("purchase",))
    assert asked.report.num_persons == 900


def test_a_useless_component_gets_no_weight() -> None:
    noise = np.random.default_rng(0).random((40, 41)).astype(np.float32)
    parts = [
        Table("noise", noise / noise.sum(axis=1, keepdims=True)),
        Table("good", knowing(range(40))),
    ]
    blend = choose_blend(parts, [split_shop()], WINDOW, num_items=41, target_types=("purchase",))
    assert blend.weights == (0, 1)
    assert blend.report.blend_ndcg == pytest.approx(1)


def test_where_nobody_took_the_same_again_nothing_seen_is_offered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Weights that chance makes better on validation must not decide it."""

    def lucky(_: object, policy: str) -> npt.NDArray[np.float32]:
        return np.array([1, 0] if policy == "allow" else [0, 1], dtype=np.float32)

    monkeypatch.setattr(blend_module, "_search", lucky)
    parts = [Table("good", knowing(range(40))), Table("half", knowing(range(20)))]
    blend = choose_blend(parts, [split_shop()], WINDOW, num_items=41, target_types=("purchase",))
    assert blend.report.ndcg_allow > blend.report.ndcg_filter
    assert blend.seen_items == "filter"


def test_a_component_that_knows_nobody_is_not_taken_for_the_best() -> None:
    """All others would share its weight: two halves of the truth, at no merit of its own."""
    parts = [
        Table("silent", np.zeros((40, 41), dtype=np.float32)),
        Table("first", knowing(range(20))),
        Table("second", knowing(range(20, 40))),
    ]
    blend = choose_blend(parts, [split_shop()], WINDOW, num_items=41, target_types=("purchase",))
    assert blend.weights[0] == 0
    assert min(blend.weights[1:]) > 0.1


def test_a_component_of_hidden_items_alone_is_not_taken_for_the_best() -> None:
    """Where nobody takes the same again, a person's own items are no offer, whatever they weigh."""
    own = np.zeros((40, 41), dtype=np.float32)
    own[:, 40] = 1
    parts = [
        Table("own", own),
        Table("first", knowing(range(20))),
        Table("second", knowing(range(20, 40))),
    ]
    blend = choose_blend(parts, [split_shop()], WINDOW, num_items=41, target_types=("purchase",))
    assert blend.seen_items == "filter"
    assert blend.weights[0] == 0
    assert min(blend.weights[1:]) > 0.1


def test_never_falls_behind_the_best_single_recommender_on_validation() -> None:
    shop = make_shop(num_persons=80, days=120)
    as_of = shop.end_at - 14 * DAY
    sequences, item_ids = encoded_shop(shop, as_of=as_of)
    parts = fitted(sequences, len(item_ids), as_of)
    blend = choose_blend(
        parts,
        [sequences],
        Window(as_of, shop.end_at),
        num_items=len(item_ids),
        target_types=("purchase",),
    )
    assert blend.report.num_persons > 30
    assert blend.report.blend_ndcg >= max(blend.report.single_ndcg.values())
    assert sum(blend.weights) == pytest.approx(1)


def fitted(sequences: Sequences, num_items: int, as_of: int) -> list[Recommender]:
    return [
        Popularity.fit([sequences], num_items=num_items, as_of=as_of),
        CoOccurrence.fit([sequences], num_items=num_items, as_of=as_of),
        PersonalFrequency.fit([sequences], num_items=num_items, as_of=as_of, window=14 * DAY),
    ]


def test_rows_sum_to_one_whatever_the_components_know() -> None:
    parts = [
        table("popularity", [[0.5, 0.3, 0.2]] * 3),
        table("personal", [[0, 0, 1], [0, 0, 0], [0, 0.5, 0.5]]),
    ]
    blend = Blend(tuple(parts), (0.25, 0.75), "allow", ("purchase",), NO_REPORT)
    scores = blend.scores(make_sequences([[], [], []]), as_of=day(1))
    assert scores.sum(axis=1) == pytest.approx([1, 1, 1])
    assert scores[0] == pytest.approx([0.125, 0.075, 0.8])
    # Person 1 is unknown to the second component: its weight goes to the first.
    assert scores[1] == pytest.approx([0.5, 0.3, 0.2])


def test_recommenders_that_know_few_items_are_mixed_like_those_that_know_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sequences = make_sequences([[(1, 0), (2, 1), (3, 0)], [], [(1, 2)], [(1, 3), (2, 2)]])
    few: list[Recommender] = [
        PersonalFrequency(5),
        CoOccurrence.fit([sequences], num_items=5, as_of=day(9)),
    ]
    network = table("network", [[0.2] * 5] * 4)
    dense = [network, *(Table(part.name, part.scores(sequences, as_of=day(9))) for part in few)]
    monkeypatch.setattr(blend_module, "_SCORES_AT_ONCE", 10)  # two persons
    found, expected = (
        Blend(tuple(parts), (0.5, 0.3, 0.2), "allow", ("purchase",), NO_REPORT).mixed(
            sequences, as_of=day(9)
        )
        for parts in ([network, *few], dense)
    )
    np.testing.assert_array_equal(found.scores, expected.scores)
    persons, columns = np.divmod(np.arange(20), 5)
    shares = found.shares(persons, columns)
    np.testing.assert_array_equal(shares, expected.shares(persons, columns))
    np.testing.assert_allclose(shares.sum(axis=1), found.scores.ravel(), rtol=1e-6)
    assert found.shares(persons[:0], columns[:0]).shape == (0, 3)


def test_an_unused_component_only_fills_what_the_others_leave_empty() -> None:
    parts = [table("popularity", [[0.9, 0.1, 0.0]]), table("personal", [[0.0, 0.001, 0.999]])]
    blend = Blend(tuple(parts), (0.0, 1.0), "allow", ("purchase",), NO_REPORT)
    scores = blend.scores(make_sequences([[]]), as_of=day(1))[0]
    assert np.argsort(-scores).tolist() == [2, 1, 0]
    assert scores[0] > 0


def repeat_shop(*, repeats: bool) -> Sequences:
    histories: list[list[Event]] = []
    for person in range(60):
        kind = person % 2
        before: list[Event] = [(float(n), kind * 10 + n) for n in range(1, 6)]
        after: list[Event] = [(11.0, kind * 10 + (n if repeats else n + 4)) for n in range(2, 4)]
        histories.append(before + after)
    return make_sequences(histories)


@pytest.mark.parametrize(("repeats", "policy"), [(True, "allow"), (False, "filter")])
def test_whether_seen_items_may_be_offered_is_read_from_the_data(
    repeats: bool, policy: str
) -> None:
    sequences = repeat_shop(repeats=repeats)
    blend = choose_blend(
        fitted(sequences, 20, day(10)),
        [sequences],
        WINDOW,
        num_items=20,
        target_types=("purchase",),
    )
    assert blend.seen_items == policy
    report = blend.report
    if repeats:
        assert report.repeat_share == 1
        assert report.ndcg_filter == 0 < report.ndcg_allow
        expected = "100% of what people took they had taken before .*: items taken before may be"
    else:
        assert report.repeat_share == 0
        expected = "items taken before are not offered again"
    assert report.sentence(blend.seen_items).count("NDCG@10") == 1
    assert re.search(expected, report.sentence(blend.seen_items))


def test_the_shops_own_policy_wins_over_the_data() -> None:
    sequences = repeat_shop(repeats=True)
    blend = choose_blend(
        fitted(sequences, 20, day(10)),
        [sequences],
        WINDOW,
        num_items=20,
        target_types=("purchase",),
        seen_items="filter",
    )
    assert blend.seen_items == "filter"


def test_an_empty_window_shares_the_weight_and_says_so() -> None:
    parts = [table("first", [[1.0]]), table("second", [[1.0]])]
    blend = choose_blend(
        parts, [make_sequences([[(1, 0)]])], WINDOW, num_items=1, target_types=("purchase",)
    )
    assert blend.weights == (0.5, 0.5)
    assert "nothing was chosen" in blend.report.sentence(blend.seen_items)


def test_events_after_the_window_change_nothing() -> None:
    sequences = repeat_shop(repeats=True)
    future = with_future(sequences, day(20), num_items=20)
    parts = fitted(sequences, 20, day(10))
    chosen = [
        choose_blend(parts, [batch], WINDOW, num_items=20, target_types=("purchase",))
        for batch in (sequences, future)
    ]
    assert chosen[0].weights == chosen[1].weights
    assert chosen[0].report == chosen[1].report


def test_batches_do_not_matter_to_who_is_sampled() -> None:
    sequences = split_shop()
    parts = [sequences.slice(0, 13), sequences.slice(13, 40)]
    whole = takers([sequences], WINDOW, target_types=("purchase",), max_persons=9)
    pieces = takers(parts, WINDOW, target_types=("purchase",), max_persons=9)
    assert whole is not None
    assert pieces is not None
    assert whole.subject_ids.tolist() == pieces.subject_ids.tolist()
    assert len(whole) == 9


def test_saved_blend_joins_its_components_by_name(tmp_path: Path) -> None:
    parts = [table("first", [[1.0]]), table("second", [[1.0]])]
    report = BlendReport(3, 0.5, 0.2, 0.1, {"first": 0.1, "second": 0.2}, 0.2)
    blend = Blend(tuple(parts), (0.25, 0.75), "filter", ("purchase",), report)
    blend.save(tmp_path)
    assert Blend.load(tmp_path, parts[::-1]) == blend
    with pytest.raises(NotReady, match="made of 'second', which is not here; here are: first"):
        Blend.load(tmp_path, parts[:1])


def test_newer_components_keep_the_weights() -> None:
    old = [table("first", [[1.0]]), table("second", [[1.0]])]
    new = [table("second", [[0.5]]), table("first", [[0.25]])]
    blend = Blend(tuple(old), (0.25, 0.75), "allow", ("purchase",), NO_REPORT)
    assert [part.name for part in blend.with_components(new).components] == ["first", "second"]
    assert blend.with_components(new).components[0] is new[1]


def test_a_component_left_out_changes_no_other_weight() -> None:
    parts = [table(name, [[1.0]]) for name in ("first", "second", "third")]
    blend = Blend(tuple(parts), (0.25, 0.0, 0.75), "allow", ("purchase",), NO_REPORT)
    assert blend.weight_of("third") == 0.75
    assert blend.weight_of("fourth") == 0
    left = blend.without("second")
    assert (left.components, left.weights) == ((parts[0], parts[2]), (0.25, 0.75))
    assert blend.without("fourth") is blend


def test_purchases_are_the_target_where_they_are_common() -> None:
    window = Window(day(0), day(10))
    buyers: list[list[Event]] = [[(1, 0, "view_item"), (2, 0)] for _ in range(40)]
    viewers: list[list[Event]] = [[(1, 0, "view_item")] for _ in range(200)]
    crowd: list[list[Event]] = [[(1, 0, "view_item")] for _ in range(900)]
    late: list[list[Event]] = [[(1, 0, "view_item"), (11, 0)] for _ in range(60)]
    assert choose_target_types([make_sequences(buyers + viewers)], window) == ("purchase",)
    for others in (buyers + crowd, buyers[:20], late, []):
        chosen = choose_target_types([make_sequences(others)], window)
        assert chosen == POSITIVE_EVENT_TYPES
    assert choose_target_types([], window, setting="add_to_cart") == ("add_to_cart",)


def test_blocks_shrink_with_the_catalogue() -> None:
    assert block_size(100) == 512
    assert block_size(500_000) * 500_000 <= 8_000_000
    assert block_size(10**9) == 1
