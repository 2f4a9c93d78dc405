import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from habitue.events import told
from habitue.events.catalogue import VERSION_COLUMNS
from habitue.events.told import ToldInEvents
from habitue.schema import DAY

WORDS = st.sampled_from(["a", "b", None])
ROWS = st.tuples(
    st.integers(0, 2),
    st.integers(-40, 100) | st.sampled_from([-10_000, 30_000]),
    st.sampled_from([0, 0, 1, 45]),
    WORDS,
    WORDS,
    st.sampled_from([1.0, 2.0, None]),
)
Row = tuple[int, int, int, str | None, str | None, float | None]


def events(rows: list[Row]) -> pl.DataFrame:
    """Events of (item, day, days until known, name, brand, price)."""
    columns = ["item_number", "timestamp", "late", "item_name", "item_brand", "price"]
    kinds = [pl.Int32, pl.Int64, pl.Int64, pl.String, pl.String, pl.Float64]
    schema = dict(zip(columns, kinds, strict=True))
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return frame.with_columns(
        timestamp=pl.col("timestamp") * DAY,
        received_at=(pl.col("timestamp") + pl.col("late")) * DAY,
        event_type=pl.lit("view_item"),
    )


def versions_of(*frames: pl.DataFrame) -> pl.DataFrame:
    gathered = ToldInEvents(max_rows=4)
    for frame in frames:
        gathered.add(frame)
    nothing = pl.DataFrame(schema=VERSION_COLUMNS)
    return pl.concat([nothing, *gathered.new_versions(nothing)], how="diagonal")


@pytest.mark.slow
@settings(deadline=None)
@given(st.lists(ROWS, max_size=30))
def test_what_is_left_out_early_changes_nothing(rows: list[Row]) -> None:
    frame = events(rows)
    quick = versions_of(frame)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(told, "_perhaps_first", lambda rows, words: rows)
        patch.setattr(told, "_perhaps_asked_for", lambda rows: rows)
        assert versions_of(frame).equals(quick)
    words = frame.with_columns(pl.col("item_name", "item_brand").cast(pl.Categorical))
    assert versions_of(words).equals(quick), "texts as numbers"
    assert versions_of(words[::2], frame[1::2]).equals(quick), "some as numbers, some as texts"
    assert versions_of(*(frame[start::3] for start in range(3))).equals(quick), "in pieces"


def test_most_rows_are_left_out_without_sorting() -> None:
    rows: list[Row] = [(item, day, 0, "a", None, 1.0) for day in range(25) for item in range(3)]
    frame = events(rows).rename({"timestamp": "valid_from", "received_at": "known_at"})
    assert told._perhaps_first(frame, ["item_name", "item_brand"]).height == 3
    assert told._perhaps_asked_for(frame).height == 6
