import numpy as np
import polars as pl
from polars.testing import assert_frame_equal

from habitue.events.bots import flag_bots
from habitue.events.sessions import add_sessions
from habitue.explanations.removals import History
from tests.shop import make_shop

SHOP = make_shop(num_persons=3, days=120)
GAP = 30.0


def derived(events: pl.DataFrame, *, per_day: int = 1000) -> pl.DataFrame:
    """What the store makes of stored events when it reads them."""
    return flag_bots(add_sessions(events, gap_minutes=GAP), events_per_day=per_day)


OWN = derived(SHOP.events.filter(pl.col("subject_id") == 1))


def without(*removed: list[int], per_day: int = 1000) -> pl.DataFrame:
    masks = np.zeros((len(removed), OWN.height), dtype=bool)
    for row, events in enumerate(removed):
        masks[row, events] = True
    return History(OWN, GAP, per_day).without(masks)


def test_nothing_removed_is_the_history_itself() -> None:
    assert_frame_equal(without([]).drop("subject_id"), OWN.drop("subject_id"))


def test_each_variant_is_what_a_log_without_the_events_would_read_as() -> None:
    sets = [[0], [3, 4], [OWN.height - 1], list(range(10))]
    frame = without(*sets)
    for number, removed in enumerate(sets):
        stored = OWN.with_row_index("row").filter(~pl.col("row").is_in(removed)).drop("row")
        variant = frame.filter(pl.col("subject_id") == number)
        assert_frame_equal(variant.drop("subject_id"), derived(stored).drop("subject_id"))


def test_an_event_taken_out_of_a_visit_lengthens_the_stay_before_it() -> None:
    inner = OWN.with_row_index("row").filter(
        pl.col("session_number") == pl.col("session_number").shift(1),
        pl.col("session_number") == pl.col("session_number").shift(-1),
    )["row"][0]
    before = OWN["dwell_seconds"][inner - 1]
    assert without([inner])["dwell_seconds"][inner - 1] > before


def test_a_bot_without_its_busy_day_is_none() -> None:
    day = OWN["timestamp"] // 86_400_000_000
    busiest = day.value_counts(sort=True)
    most, when = int(busiest["count"][0]), busiest["timestamp"][0]
    busy = OWN.with_row_index("row").filter(day == when)["row"].to_list()
    frame = without([], busy, per_day=most - 1)
    found = dict(frame.group_by("subject_id").agg(pl.col("is_bot").first()).iter_rows())
    assert found[0] is True
    assert found[1] is (int(busiest["count"][1]) > most - 1)


def test_a_variant_without_any_event_has_no_row() -> None:
    frame = without(list(range(OWN.height)), [0])
    assert frame["subject_id"].unique().to_list() == [1]
