from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import polars as pl

from habitue.config import Settings
from habitue.events.span import SpannedLog, span_of
from habitue.events.store import EventStore
from habitue.refreshing import Refresh
from habitue.reporting import Sources, report_data
from habitue.schema import DAY
from tests.shop import MemoryLog, Shop, make_shop

SHOP = make_shop(num_persons=60, days=120)


@dataclass(frozen=True)
class Stored:
    """The members of `EventStore` that a report without a model needs."""

    fingerprint: str = "now"
    counts: tuple[tuple[str, int], ...] = ()

    def currencies(self, *, as_of: int | None = None) -> dict[str, int]:
        return dict(self.counts)


def sources(shop: Shop, refresh: Refresh | None = None) -> Sources:
    log = MemoryLog(shop)
    return Sources(
        folder=Path("my shop"),
        log=SpannedLog(log, span_of(log)),
        store=cast(EventStore, Stored()),
        settings=Settings(),
        version=None,
        evaluation=None,
        refresh=refresh,
        adviser=None,
    )


def test_amounts_are_told_in_the_currency_of_the_log() -> None:
    shop = make_shop(num_persons=20, days=60)
    stored = cast(EventStore, Stored(counts=(("EUR", 9), ("JPY", 3))))
    data = report_data(replace(sources(shop), store=stored))
    assert (data.currency, data.other_currencies) == ("EUR", ("JPY",))


def refreshed(fingerprint: str, *, as_of: int) -> Refresh:
    return Refresh(
        folder=Path("none"),
        as_of=as_of,
        model_version="0001",
        data_fingerprint=fingerprint,
        persons=0,
        seconds=0.0,
    )


def test_events_dated_long_before_and_long_after_all_others_are_told() -> None:
    first, last = SHOP.events.head(1), SHOP.events.tail(1)
    early = first.with_columns(pl.col("timestamp", "received_at") - 900 * DAY)
    late = last.with_columns(pl.col("timestamp", "received_at") + 900 * DAY)
    strayed = pl.concat([early, SHOP.events, late]).sort("subject_id", "timestamp")
    report = report_data(sources(replace(SHOP, events=strayed)))
    clean = report_data(sources(SHOP))
    assert report.statistics.num_strays == 2
    assert replace(report.statistics, num_strays=0) == clean.statistics


def test_at_an_earlier_moment_what_came_later_is_no_stray() -> None:
    as_of = SHOP.start_at + 60 * DAY
    report = report_data(sources(SHOP, refreshed("now", as_of=as_of)))
    assert (report.statistics.num_strays, report.statistics.as_of) == (0, as_of)


def test_events_since_the_last_refresh_are_told() -> None:
    end = MemoryLog(SHOP).end_at
    assert not report_data(sources(SHOP, refreshed("now", as_of=end))).is_behind
    assert report_data(sources(SHOP, refreshed("before", as_of=end))).is_behind
    assert not report_data(sources(SHOP)).is_behind


def test_commands_name_the_workspace() -> None:
    report = report_data(sources(SHOP))
    assert report.workspace == " -w 'my shop'"
    assert all(command.endswith(report.workspace) for command in report.commands)
