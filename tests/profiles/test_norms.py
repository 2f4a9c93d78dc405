from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from habitue.config import ProfileSettings
from habitue.errors import Refused
from habitue.profiles.norms import ShopNorms, fit_norms
from habitue.schema import DAY
from tests.profiles.log_lines import (
    MONDAY,
    SETTINGS,
    Line,
    frame_of,
    items_of,
    log_of,
    norms_of,
    shop,
    shop_norms,
)
from tests.shop import MemoryLog, Shop

AS_OF = MONDAY + 40 * DAY


def test_a_share_is_the_mean_over_persons_also_those_of_other_buckets() -> None:
    frame = frame_of([Line(1, 1, item=0), Line(2, 1, item=1), Line(3, 1, item=1), Line(4, 1)])
    norms = norms_of(frame, items_of(["a", "b"]), as_of=AS_OF)
    shares = dict(norms.shares.filter(pl.col("kind") == "category").select("name", "share").rows())
    assert shares == pytest.approx({"a": 0.5, "b": 0.5})


def test_one_heavy_buyer_does_not_move_the_shop() -> None:
    heavy = [Line(9, 1, item=0, visit=n) for n in range(100)]
    light = [Line(p, 1, item=1) for p in range(9)]
    norms = norms_of(frame_of(heavy + light), items_of(["a", "b"]), as_of=AS_OF)
    assert norms.shares.filter(pl.col("name") == "a")["share"].item() == pytest.approx(0.1)


def test_bots_are_left_out() -> None:
    frame = frame_of([Line(1, 1, item=0), Line(2, 1, item=1)])
    frame = frame.with_columns(is_bot=pl.col("subject_id") == 2)
    norms = norms_of(frame, items_of(["a", "b"]), as_of=AS_OF)
    assert norms.persons == 1
    assert "b" not in norms.shares["name"]


def test_prices_are_ranked_within_the_category() -> None:
    categories = ["cheap"] * 5 + ["dear"] * 5
    prices = [1.0, 2.0, 3.0, 4.0, 5.0, 100.0, 200.0, 300.0, 400.0, 500.0]
    frame = frame_of([Line(1, 1, "view_item", item=n, price=p) for n, p in enumerate(prices)])
    norms = norms_of(frame, items_of(categories), as_of=AS_OF)
    assert norms.items["price_rank"].to_list() == pytest.approx([0.1, 0.3, 0.5, 0.7, 0.9] * 2)


def test_a_shop_without_prices_has_no_ranks() -> None:
    frame = frame_of([Line(1, 1, item=n, price=None) for n in range(6)])
    norms = norms_of(frame, items_of(["a"] * 6), as_of=AS_OF)
    assert norms.items["price_rank"].null_count() == 6


def test_future_events_leave_the_norms_unchanged() -> None:
    made = shop()
    as_of = made.start_at + 120 * DAY
    # A log that ignores as_of: the norms must not rely on the reader alone.
    leaky = _LeakyLog(made)
    past = Shop(made.events.filter(pl.col("timestamp") < as_of), made.items, {}, {}, 0, 0)
    _assert_same(
        fit_norms(leaky, as_of=as_of, settings=SETTINGS),
        fit_norms(MemoryLog(past), as_of=as_of, settings=SETTINGS),
    )


class _LeakyLog(MemoryLog):
    def read_bucket(
        self, bucket: int, *, as_of: int | None = None, subject_id: int | None = None
    ) -> pl.DataFrame:
        return super().read_bucket(bucket)


def _assert_same(one: ShopNorms, other: ShopNorms) -> None:
    assert (one.half_life, one.persons, one.traits) == (
        other.half_life, other.persons, other.traits,
    )  # fmt: skip
    assert one.edges == other.edges
    for table in ("shares", "items"):
        left, right = getattr(one, table), getattr(other, table)
        assert left.columns == right.columns
        for column in left.columns:
            if left[column].dtype.is_float():
                assert left[column].to_list() == pytest.approx(right[column].to_list())
            else:
                assert left[column].equals(right[column])


def test_saved_norms_load_as_they_were(tmp_path: Path) -> None:
    norms = shop_norms(shop().end_at)
    norms.save(tmp_path / "norms")
    _assert_same(ShopNorms.load(tmp_path / "norms"), norms)


def test_norms_of_a_later_moment_are_refused() -> None:
    norms = shop_norms(shop().end_at)
    told = (
        r"taken at 2024-08-28T00:00:00Z, after the moment asked for, 2024-08-27T00:00:00Z\. "
        r"Train a version for that moment: habitue train --as-of 2024-08-27T00:00:00Z$"
    )
    with pytest.raises(Refused, match=told):
        norms.check(shop().end_at - DAY)


def test_a_stray_event_does_not_make_the_shop_older() -> None:
    stray = frame_of([Line(1, -3000, item=0)])
    frame = pl.concat([frame_of([Line(p, p, item=1) for p in range(30)]), stray])
    log = log_of(frame, items_of(["a", "b"]))
    norms = fit_norms(log, as_of=AS_OF, settings=SETTINGS, start_at=MONDAY)
    assert norms.start_at == MONDAY
    assert norms.half_life == 10 * DAY
    assert fit_norms(log, as_of=AS_OF, settings=SETTINGS).half_life > 10 * DAY


def test_norms_are_the_same_to_the_last_digit_in_whatever_order_they_are_added_up() -> None:
    made = shop()
    rng = np.random.default_rng(0)
    prices = pl.Series(rng.uniform(1, 9, made.events.height).round(2))
    events = made.events.with_columns(price=prices, value=prices)
    found = [
        fit_norms(log, as_of=made.end_at, settings=SETTINGS)
        for log in (
            MemoryLog(replace(made, events=events)),
            MemoryLog(replace(made, events=events), num_buckets=1),
            MemoryLog(replace(made, events=events.sort("event_key", descending=True))),
        )
    ]
    for other in found[1:]:
        assert other.shares.equals(found[0].shares)
        assert other.items.equals(found[0].items)
        assert other.edges == found[0].edges
        assert (other.mean_price_rank, other.sd_price_rank, other.bargain_share) == (
            found[0].mean_price_rank, found[0].sd_price_rank, found[0].bargain_share,
        )  # fmt: skip


def test_progress_counts_the_buckets_of_both_passes() -> None:
    told = Told()
    log = MemoryLog(shop())
    fit_norms(log, as_of=shop().end_at, settings=SETTINGS, progress=told)
    assert told.lines == ["Norms: 8 of 8 buckets"]


class Told:
    """A progress that remembers what each stretch came to."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._done = 0

    def start(self, label: str, total: int | None, unit: str) -> None:
        self._label, self._total, self._unit, self._done = label, total, unit, 0

    def advance(self, amount: int = 1, note: str = "") -> None:
        self._done += amount

    def finish(self) -> None:
        self.lines.append(f"{self._label}: {self._done} of {self._total} {self._unit}")


def test_a_time_zone_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="a time zone such as Europe/London"):
        ProfileSettings(time_zone="Mars/Olympus")
