"""Whether a column of arrival times tells when each event arrived.

Nothing that arrived later than a moment is read at that moment. So a column that holds one time
for all rows, that of the export, would hide the whole past. In: a sample and the mapped source.
Out: why the column should stay unmapped, or an empty text. Knows nothing about cleaning.
"""

import polars as pl

from habitue.config import SourceSettings
from habitue.events.clean_times import moments_of
from habitue.events.column_facts import HALF, guess_time
from habitue.events.whole_columns import field_texts
from habitue.schema import DAY

_MOST_EARLY = 0.1  # share of events that wrong clocks may date after their arrival
_LONGEST_DELAY = 7 * DAY  # of half the events


def arrival_doubt(sample: pl.DataFrame, source: SourceSettings) -> str:
    """Return why `received_at` cannot be what it says, or an empty text."""
    column = source.columns.get("received_at")
    if not isinstance(column, str):
        return ""
    left_out = f"column '{column}' is left out"
    arrivals = sample[column].drop_nulls()
    if len(arrivals) > 1 and arrivals.n_unique() == 1:
        return (
            f"{left_out}: all rows hold {arrivals[0]}, the time of an export rather than of each "
            "event's arrival; it would hide all events before it"
        )
    happened, arrived = _moments(sample, source)
    num_read = len(arrived) - arrived.null_count()
    if num_read < HALF * len(arrivals):
        return (
            f"{left_out}: it is not written as the column of timestamp is, and one source reads "
            "all its times alike"
        )
    delay = (arrived - happened).drop_nulls()
    early = int((delay < 0).sum())
    if early > _MOST_EARLY * len(delay):
        return f"{left_out}: {early:,} of {len(delay):,} events would arrive before they happened"
    late = int((delay > _LONGEST_DELAY).sum())
    if late > HALF * len(delay):
        return (
            f"{left_out}: {late:,} of {len(delay):,} events would arrive more than a week after "
            "they happened, which looks like the time of an export"
        )
    return ""


def _moments(sample: pl.DataFrame, source: SourceSettings) -> tuple[pl.Series, pl.Series]:
    """Return when the events happened and arrived, both read as the timestamps are written."""
    column = source.columns["timestamp"]
    times = sample[column] if isinstance(column, str) else field_texts(sample, source, "timestamp")
    assert times is not None
    found = guess_time(times, least=HALF)
    if found is not None:
        form = {"time_unit": found.unit, "time_format": found.format}
        source = source.model_copy(update=form)
    return moments_of(times, source), moments_of(sample[str(source.columns["received_at"])], source)
