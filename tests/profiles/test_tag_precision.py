import polars as pl
import pytest

from habitue.profiles.tag_precision import tag_precision
from habitue.profiles.tags import build_tags
from habitue.schema import DAY
from tests.profiles.log_lines import MONDAY, SETTINGS, Line, frame_of, items_of, shop, shop_norms

ITEMS = items_of(["a", "b", "c"])
AS_OF = MONDAY + 50 * DAY


def test_known_hits_of_all_three_contenders() -> None:
    past = [Line(1, 1, item=0), Line(1, 2, item=0), Line(1, 3, item=1), Line(2, 1, item=1),
            Line(3, 1, item=1), Line(4, 1, item=1)]  # fmt: skip
    future = [Line(1, 51, item=2), Line(1, 52, item=0), Line(2, 51, item=2), Line(1, 99, item=1)]
    tags = pl.DataFrame({"subject_id": [1, 2], "kind": ["category"] * 2, "name": ["a", "c"]})
    found = tag_precision(tags, frame_of(past + future), ITEMS, as_of=AS_OF)
    assert found.persons == 2
    # Tags: a of 1 (hit), c of 2 (hit); three acts. Base rates: a 1/4, c 2/4.
    assert (found.tagged.precision, found.tagged.recall) == pytest.approx((1.0, 2 / 3))
    assert found.tagged.base_rate == pytest.approx((1 / 4 + 2 / 4) / 2)
    assert found.tagged.lift == pytest.approx(1.0 / 0.375)
    assert found.tagged.gain == pytest.approx(0.625)
    # Most frequent: a of 1 (hit), b of 2 (miss). Popular: b for both (misses).
    assert found.most_frequent.precision == pytest.approx(0.5)
    assert (found.popular.precision, found.popular.tags) == (0.0, 2)


def test_views_do_not_fulfil_a_purchase() -> None:
    tags = pl.DataFrame({"subject_id": [1], "kind": ["category"], "name": ["a"]})
    frame = frame_of([Line(1, 1), Line(1, 51, "view_item")])
    assert tag_precision(tags, frame, ITEMS, as_of=AS_OF).tagged.precision == 0.0
    seen = tag_precision(tags, frame, ITEMS, as_of=AS_OF, event_types=("view_item",))
    assert seen.tagged.precision == 1.0


def test_no_tags_and_no_future_give_zeros() -> None:
    tags = pl.DataFrame(schema={"subject_id": pl.Int64, "kind": pl.String, "name": pl.String})
    found = tag_precision(tags, frame_of([Line(1, 1)]), ITEMS, as_of=AS_OF)
    assert (found.persons, found.tagged.tags, found.tagged.precision) == (0, 0, 0.0)


def test_tags_of_the_made_up_shop_beat_popularity() -> None:
    made = shop()
    as_of = made.start_at + 150 * DAY
    tags = build_tags(
        made.events, made.items, as_of=as_of, norms=shop_norms(as_of), settings=SETTINGS
    )
    found = tag_precision(tags, made.events, made.items, as_of=as_of)
    assert found.tagged.precision > 1.5 * found.popular.precision
    assert found.tagged.lift > 1.7
