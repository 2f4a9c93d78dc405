"""What truly came after a moment: the answers that predictions are fitted to and judged by.

In: one bucket's events as they were known at `as_of`, the same bucket's events as they are known
later, and a `Task`. Out: one row a person of the task's population with the label. The population
(and who is a bot) is decided by what was known alone; the label by events in
[as_of, as_of + horizon). Knows nothing about models.
"""

from typing import Final

import polars as pl

from habitue.schema import DAY, MONEY_EVENT_TYPES, Task

ANY_EVENT: Final = "any"  # the event of a task in a log without purchases: any sign of life
OTHER_CLASS: Final = ""  # all names that are too rare for a class of their own; never an answer

# What the shop did to a person is no sign of life.
_NOT_BY_THE_PERSON: Final = ("impression",)
_BRAND: Final = pl.col("brand").str.strip_chars()
_CLASS_OF_ITEM: Final = {
    "category": pl.col("category").str.split("/").list.first(),
    "brand": pl.when(_BRAND != "").then(_BRAND),
}


def build_labels(
    known: pl.DataFrame, later: pl.DataFrame, task: Task, *, as_of: int
) -> pl.DataFrame:
    """Return `subject_id` and `label` (Float64) of the task's population, by subject_id.

    `known` are the events as they were known at `as_of`, `later` those of when the horizon was
    over; what they say of the time before `as_of` is not looked at.

    Population: persons with an event in `task.active_days` before `as_of`; where the question is
    whether something stops (`no_event`), that very event; with `task.active_event`, that one. With
    `task.absent_days`, persons who had the task's event once and no event of theirs in those days.
    Who was a bot by then is left out.
    Labels: 0 or 1 for `event` and `no_event`, an amount of money for `sum` (refunds deducted,
    never below 0). Of a task with `rhythm` they are those of its longest horizon.
    """
    population = _population(known, task, as_of=as_of)
    future = later.lazy().filter(
        pl.col("timestamp") >= as_of, pl.col("timestamp") < as_of + task.horizon
    )
    if task.kind == "sum" or task.fall_to is not None:
        after = _value(future, task, "after")
        labelled = population.join(after, on="subject_id", how="left", maintain_order="left")
        label = pl.col("after").fill_null(0.0)
        if task.fall_to is not None:
            label = (label < task.fall_to * pl.col("before")).cast(pl.Float64)
    else:
        came = future.filter(matches(task.event)).select("subject_id", came=pl.lit(1.0)).unique()
        labelled = population.join(came, on="subject_id", how="left", maintain_order="left")
        label = pl.col("came").fill_null(0.0)
        if task.kind == "no_event":
            label = 1.0 - label
    return labelled.select("subject_id", label=label).sort("subject_id").collect()


def build_waits(
    known: pl.DataFrame, later: pl.DataFrame, task: Task, *, as_of: int
) -> pl.DataFrame:
    """Return `subject_id` and `wait` (Float64) of the task's population, by subject_id.

    The days from `as_of` to the first event of the task, null where `later` shows none.
    """
    future = later.lazy().filter(pl.col("timestamp") >= as_of, matches(task.event))
    first = future.group_by("subject_id").agg(
        wait=(pl.col("timestamp").min() - as_of).cast(pl.Float64) / DAY
    )
    waiting = _population(known, task, as_of=as_of).join(first, on="subject_id", how="left")
    return waiting.select("subject_id", "wait").sort("subject_id").collect()


def next_labels(
    known: pl.DataFrame,
    later: pl.DataFrame,
    items: pl.DataFrame,
    task: Task,
    *,
    as_of: int,
    until: int,
) -> pl.DataFrame:
    """Return `subject_id` and `label` (String): what came first in [as_of, until).

    `known` decides on the population and `later` on what came, as in `build_labels`.
    `task.target` "event_type": the type of the next event; "category": the top level of the
    category of the next event that has one; "brand": the brand of the next event that has one.
    Persons without any are left out.
    """
    future = later.lazy().filter(pl.col("timestamp") >= as_of, pl.col("timestamp") < until)
    first = (
        _classes(future, items, task)
        .sort("subject_id", "timestamp", maintain_order=True)
        .group_by("subject_id", maintain_order=True)
        .agg(label=pl.col("class").first())
    )
    return (
        _population(known, task, as_of=as_of)
        .select("subject_id")
        .join(first, on="subject_id", how="inner")
        .sort("subject_id")
        .collect()
    )


def next_classes(
    frame: pl.DataFrame, items: pl.DataFrame, task: Task, *, as_of: int
) -> pl.DataFrame:
    """Return `subject_id` and `class` of every event before `as_of` that has one, oldest first."""
    past = frame.lazy().filter(pl.col("timestamp") < as_of, pl.col("received_at") <= as_of)
    return (
        _classes(past, items, task)
        .sort("subject_id", "timestamp", maintain_order=True)
        .select("subject_id", "class")
        .collect()
    )


def _classes(events: pl.LazyFrame, items: pl.DataFrame, task: Task) -> pl.LazyFrame:
    """Add `class`: the event's type, or the top category or the brand of its item."""
    events = events.filter(_by_the_person())
    if task.target in _CLASS_OF_ITEM:
        catalogue = items.lazy().select("item_number", **{"class": _CLASS_OF_ITEM[task.target]})
        events = events.join(catalogue, on="item_number", how="left", maintain_order="left")
    else:
        events = events.with_columns(pl.col("event_type").cast(pl.String).alias("class"))
    return events.filter(pl.col("class").is_not_null())


def population(frame: pl.DataFrame, task: Task, *, as_of: int) -> pl.DataFrame:
    """Return the `subject_id` of the persons of whom the task is asked, sorted."""
    return _population(frame, task, as_of=as_of).select("subject_id").sort("subject_id").collect()


def matches(event: str) -> pl.Expr:
    """Return whether a row is the event that a task is about."""
    return _by_the_person() if event == ANY_EVENT else pl.col("event_type") == event


def _by_the_person() -> pl.Expr:
    return pl.all_horizontal(*(pl.col("event_type") != one for one in _NOT_BY_THE_PERSON))


def _population(frame: pl.DataFrame, task: Task, *, as_of: int) -> pl.LazyFrame:
    """Return `subject_id` and, where a fall is asked for, the value `before`."""
    past = frame.lazy().filter(pl.col("timestamp") < as_of, pl.col("received_at") <= as_of)
    bots = past.filter(pl.col("is_bot")).select("subject_id").unique()
    past = past.join(bots, on="subject_id", how="anti")
    if task.fall_to is not None:
        window = past.filter(pl.col("timestamp") >= as_of - task.horizon)
        return _value(window, task, "before").filter(pl.col("before") > 0)
    if task.absent_days is not None:
        return _absent(past, task, as_of - round(task.absent_days * DAY))
    active = past.filter(
        pl.col("timestamp") >= as_of - round(task.active_days * DAY),
        matches(_active_event(task)),
    )
    return active.select("subject_id").unique()


def _active_event(task: Task) -> str:
    return task.active_event or (task.event if task.kind == "no_event" else ANY_EVENT)


def _absent(past: pl.LazyFrame, task: Task, since: int) -> pl.LazyFrame:
    """Return who had the task's event once and gave no sign of life from `since` on."""
    once = past.filter(matches(task.event)).select("subject_id").unique()
    present = past.filter(pl.col("timestamp") >= since, matches(ANY_EVENT)).select("subject_id")
    return once.join(present.unique(), on="subject_id", how="anti")


def _value(events: pl.LazyFrame, task: Task, name: str) -> pl.LazyFrame:
    """Return the money of each person; a refund of an earlier order never makes it negative."""
    counted = MONEY_EVENT_TYPES if task.event == "purchase" else (task.event,)
    is_counted = pl.any_horizontal(*(pl.col("event_type") == one for one in counted))
    return (
        events.filter(is_counted)
        .sort("subject_id", "timestamp", "event_key")
        .group_by("subject_id", maintain_order=True)
        # Rounded: an order and its refund must add up to nothing, not to a trillionth.
        .agg(pl.col("value").sum().round(6).clip(lower_bound=0.0).alias(name))
    )
