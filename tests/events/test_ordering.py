import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from habitue.events.ordering import sorted_by

NAMES = ("subject_id", "timestamp", "received_at", "event_key")


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 3) | st.just(2**40),
            st.integers(-5, 5) | st.sampled_from([-(2**60), 2**60]),
            st.integers(0, 2),
            st.integers(0, 2),
        )
    )
)
def test_rows_are_sorted_by_all_their_columns(
    rows: list[tuple[int, int, int, int]],
) -> None:
    events = pl.DataFrame(rows, schema=dict.fromkeys(NAMES, pl.Int64), orient="row")
    assert sorted_by(events, NAMES).rows() == sorted(rows)
