"""Does the log look as it usually does? What a broken export shows, rule by rule.

In: an `EventLog`. Out: `Finding`s. A rule compares a week with the four weeks before it, at each
day of the log, and knows when a log is too short to say: two weeks must lie before that day, three
days after it. A change of the last four weeks, or one that no shop makes on purpose, `refuses` a
training; an older one, by now what is usual, is noted. Knows nothing about files or models.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from habitue.compute import Progress
from habitue.config import CheckName
from habitue.display import quoted
from habitue.errors import Refused
from habitue.events.daily import FIELDS, LAG_BIN, DailyFigures, gather_daily, price_of_bin
from habitue.events.log import EventLog
from habitue.schema import DAY, EVENT_TYPES, HOUR, PLATFORMS, format_date

Numbers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

BEFORE_DAYS: Final = 28
AFTER_DAYS: Final = 7
MIN_BEFORE_DAYS: Final = 14
MIN_AFTER_DAYS: Final = 3
RECENT_DAYS: Final = 28  # a change this late is news; an older one is how the shop is now

VOLUME_LEFT: Final = 0.5  # of the usual week
SLOW_WEEK_LEFT: Final = 0.75  # and of the slowest week before: seasons end step by step
PAUSE_DAYS: Final = 3  # so many days without any event are a pause, not a slow week
GAP_DAYS: Final = 14
GAP_OVER_OTHERS: Final = 2  # times as long as any other pause: the holidays come every year
EMPTY_MORE: Final = 0.10
USUALLY_FILLED: Final = 0.5  # a field emptier than this was never to be relied on
NEW_TYPE_SHARE: Final = 0.05
ONE_USER_SHARE: Final = 0.20
FEWEST_PERSONS: Final = 100  # below it a task answers not_enough_data, and a fifth is no wonder
REPEATED_MORE: Final = 0.10
BARE_MORE: Final = 0.50
PRICE_FACTOR: Final = 30.0
UNKNOWN_MORE: Final = 0.50
GONE: Final = 0.02  # what is left of something's share when it is gone
LEAST_EXPECTED: Final = 30  # events that should have come, before their absence says anything
CHANCE_OF_NONE: Final = 1e-4  # of so many days without any, by how rare such days were before
SHIFT_HOURS: Final = 2  # daylight saving moves by one
MIN_EVENTS: Final = 100  # after the change; twice as many before it
# Events of one visit resemble each other: noise counts as if there were a quarter of them.
_NOISE: Final = 5 * 2.0


@dataclass(frozen=True)
class Finding:
    """What one rule found, and whether a training should wait for it to be mended."""

    rule: CheckName
    refuses: bool
    message: str


Rule = Callable[[DailyFigures], Iterator[Finding]]


def check_log(
    log: EventLog,
    *,
    as_of: int | None = None,
    skip: Sequence[CheckName] = (),
    progress: Progress | None = None,
) -> tuple[Finding, ...]:
    """Return what the rules find in a log, of what was known at `as_of`, `skip` left out."""
    names = [name for name in RULES if name not in skip]
    if not names:
        return ()
    daily = gather_daily(log, as_of=as_of, progress=progress)
    if daily.num_days < MIN_BEFORE_DAYS + MIN_AFTER_DAYS:
        names = [name for name in names if name in OF_ANY_LENGTH]
    return tuple(finding for name in names for finding in RULES[name](daily))


def refuse_broken(
    findings: Sequence[Finding], *, store: Path, skip: Sequence[CheckName] = ()
) -> None:
    """Raise where a finding refuses; `skip` is what the settings leave out already.

    Raises:
        Refused: `data_check_failed`, with every such finding and how to go on.
    """
    broken = [finding for finding in findings if finding.refuses]
    if not broken:
        return
    rules = json.dumps(list(dict.fromkeys([*skip, *(one.rule for one in broken)])))
    raise Refused(
        "The log looks broken: "
        + "; ".join(f"{finding.message} ({finding.rule})" for finding in broken)
        + ".",
        fix=f"Mend the export, remove the store, and ingest again: rm -r {quoted(store)} && "
        "habitue ingest FILE… If this is how it was, train all the same: "
        f"HABITUE_CHECKS__SKIP='{rules}' habitue train",
        code="data_check_failed",
    )


# Windows: at each boundary, a day number d, the weeks before it and the week from it on.


@dataclass(frozen=True)
class _Windows:
    """Sums before and from each boundary on: [B] or [B, …], B boundaries."""

    at: Numbers  # [B] day numbers
    before: Numbers
    after: Numbers


def _windows(counts: Numbers) -> _Windows:
    """Sum daily counts [D, …] around each day that has enough days on either side."""
    num_days = len(counts)
    at = np.arange(MIN_BEFORE_DAYS, num_days - MIN_AFTER_DAYS + 1)
    running = np.concatenate([np.zeros((1, *counts.shape[1:]), np.int64), counts.cumsum(axis=0)])
    first = np.maximum(at - BEFORE_DAYS, 0)
    last = np.minimum(at + AFTER_DAYS, num_days)
    return _Windows(at, running[at] - running[first], running[last] - running[at])


def _share(part: Numbers, whole: Numbers) -> Floats:
    return np.asarray(part / np.maximum(whole, 1))


def _rise(part: _Windows, whole: _Windows) -> Floats:
    """Return by how much a share rose at each boundary; 0 where noise may have done it."""
    before, after = _share(part.before, whole.before), _share(part.after, whole.after)
    middle = (before + after) / 2
    spread = 1 / np.maximum(whole.before, 1) + 1 / np.maximum(whole.after, 1)
    noise = _NOISE * np.sqrt(middle * (1 - middle) * spread)
    enough = (whole.before >= 2 * MIN_EVENTS) & (whole.after >= MIN_EVENTS)
    return np.where(enough & (after - before > noise), after - before, 0.0)


def _worst(rise: Floats, at: Numbers, num_days: int, *, least: float) -> tuple[int, bool] | None:
    """Return the boundary with the greatest rise above `least`, and whether it is recent.

    Recent ones come first.
    """
    is_recent = at >= num_days - RECENT_DAYS
    for recent in (True, False):
        found = np.where(is_recent == recent, rise, 0.0)
        if len(found) and found.max() > least:
            return int(found.argmax()), recent
    return None


def _date(daily: DailyFigures, day: int) -> str:
    return format_date((daily.first_day + day) * DAY)


def _weeks_before(text: str) -> str:
    return f"{text} in the weeks before"


# The rules


def _volume(daily: DailyFigures) -> Iterator[Finding]:
    """Half of the events of a usual week are missing."""
    days = np.flatnonzero(_is_open(daily.totals))[1:]  # the first day may be half a day
    totals = daily.totals[days][:-1]  # and so may the last
    running = np.concatenate([[0], totals.cumsum()])
    at = np.arange(MIN_BEFORE_DAYS, len(totals) - AFTER_DAYS + 1)
    if not len(at):
        return
    weeks = np.array(
        [
            running[np.maximum(at - 7 * n, 0)] - running[np.maximum(at - 7 * n - 7, 0)]
            for n in range(BEFORE_DAYS // 7)
        ],
        dtype=np.float64,
    )
    weeks[np.arange(BEFORE_DAYS // 7)[:, None] * 7 + 7 > at] = np.nan
    usual, slowest = np.nanmedian(weeks, axis=0), np.nanmin(weeks, axis=0)
    after = running[at + AFTER_DAYS] - running[at]
    fell = np.maximum(usual - after, 0) / np.maximum(usual, 1)
    # The week before a holiday is slow too, and so is that of it.
    days_and_end = np.append(days, daily.num_days)
    soon = np.minimum(at + 2 * AFTER_DAYS, len(days))
    has_pause = days_and_end[soon] - days[at] >= soon - at + PAUSE_DAYS
    fell[(usual < MIN_EVENTS) | (after > SLOW_WEEK_LEFT * slowest) | has_pause] = 0.0
    found = _worst(fell, days[at], daily.num_days, least=1 - VOLUME_LEFT)
    if found:
        worst, recent = found
        yield Finding(
            "volume",
            recent,
            f"{after[worst]:,} events in the week from {_date(daily, int(days[at][worst]))} on, "
            f"{fell[worst]:.0%} less than the {usual[worst]:,.0f} of a usual week before",
        )


def _is_open(totals: Numbers) -> Flags:
    """Return which days are not part of a pause."""
    empty = totals == 0
    runs = np.cumsum(np.concatenate([[1], (empty[1:] != empty[:-1]).astype(np.int64)]))
    return np.asarray(~(empty & (np.bincount(runs)[runs] >= PAUSE_DAYS)))


def _time_gap(daily: DailyFigures) -> Iterator[Finding]:
    """A stretch without any event."""
    days = np.flatnonzero(daily.totals)
    pauses = np.diff(days) - 1
    if len(pauses) < MIN_BEFORE_DAYS:
        return
    worst = int(pauses.argmax())
    longest, second = int(pauses[worst]), int(np.sort(pauses)[-2])
    if longest >= GAP_DAYS and longest >= GAP_OVER_OTHERS * second:
        first, last = _date(daily, int(days[worst]) + 1), _date(daily, int(days[worst + 1]) - 1)
        yield Finding(
            "time_gap",
            True,
            f"no event from {first} to {last}, {longest} days; the longest other pause is "
            f"{second} days",
        )


def _empty_field(daily: DailyFigures) -> Iterator[Finding]:
    """A field that used to be filled is empty."""
    whole = _windows(daily.events)
    for number, field in enumerate(FIELDS):
        empty = _windows(daily.empty[..., number])
        # Within a type of event and a platform, whose mix may change; the platform within a type.
        axis = (2,) if field == "platform" else ()
        part = _Windows(empty.at, empty.before.sum(axis), empty.after.sum(axis))
        of = _Windows(whole.at, whole.before.sum(axis), whole.after.sum(axis))
        usual = _share(part.before, of.before)
        rise = np.where(usual <= USUALLY_FILLED, _rise(part, of), 0.0)
        rise = rise.reshape(len(rise), -1)
        found = _worst(rise.max(axis=1), whole.at, daily.num_days, least=EMPTY_MORE)
        if found:
            worst, recent = found
            cell = np.unravel_index(int(rise[worst].argmax()), part.before.shape[1:])
            kind = EVENT_TYPES[int(cell[0])]
            share = _share(part.after, of.after)[(worst, *cell)]
            before = usual[(worst, *cell)]
            yield Finding(
                "empty_field",
                recent,
                f"{field} is empty in {share:.0%} of {kind} events from "
                f"{_date(daily, int(whole.at[worst]))} on, {_weeks_before(f'{before:.0%}')}",
            )


def _new_event_type(daily: DailyFigures) -> Iterator[Finding]:
    """A type of event comes up that there never was."""
    by_type = daily.events.sum(axis=2)
    whole = _windows(daily.totals)
    for number, kind in enumerate(EVENT_TYPES):
        part = _windows(by_type[:, number])
        ever = np.concatenate([[0], by_type[:, number].cumsum()])[part.at]
        rise = np.where(ever == 0, _rise(part, whole), 0.0)
        found = _worst(rise, part.at, daily.num_days, least=NEW_TYPE_SHARE)
        if found:
            worst, recent = found
            yield Finding(
                "new_event_type",
                recent,
                f"{rise[worst]:.0%} of the events from {_date(daily, int(part.at[worst]))} on are "
                f"{kind}; none was before",
            )


def _one_user(daily: DailyFigures) -> Iterator[Finding]:
    """One user id has a fifth of all events: a shared or placeholder id."""
    crowd = daily.crowd
    if crowd.persons < FEWEST_PERSONS:
        return
    share = crowd.top_events / max(crowd.events, 1)
    if share > ONE_USER_SHARE:
        yield Finding(
            "one_user",
            True,
            f"one of {crowd.persons:,} users has {share:.0%} of the events ({crowd.top_events:,}); "
            "habitue validate names it, and an id that many share belongs into "
            "cleaning.placeholder_ids",
        )
    bots = crowd.bot_events / max(crowd.all_events, 1)
    if bots > ONE_USER_SHARE:
        yield Finding(
            "one_user",
            False,
            f"one user, taken for a bot and left out, has {bots:.0%} of all events",
        )


def _duplicates(daily: DailyFigures) -> Iterator[Finding]:
    """The same events were exported twice under other ids."""
    repeated = _risen(daily, daily.repeated, daily.timed, least=REPEATED_MORE)
    if repeated:
        share, since, before = repeated
        yield Finding(
            "duplicates",
            True,
            f"{share} of the events from {since} on repeat another in all but the id, {before}",
        )


def _midnight(daily: DailyFigures) -> Iterator[Finding]:
    """Times have become bare dates."""
    bare = _risen(daily, daily.bare, daily.totals, least=BARE_MORE)
    if bare:
        share, since, before = bare
        yield Finding(
            "midnight", True, f"{share} of the times from {since} on are bare dates, {before}"
        )


def _risen(
    daily: DailyFigures, part_D: Numbers, whole_D: Numbers, *, least: float
) -> tuple[str, str, str] | None:
    """Return, in words, a share that rose by more than `least`, since when, and what it was."""
    part, whole = _windows(part_D), _windows(whole_D)
    found = _worst(_rise(part, whole), part.at, daily.num_days, least=least)
    if not found:
        return None
    worst, _ = found
    before = _share(part.before, whole.before)[worst]
    share = f"{_share(part.after, whole.after)[worst]:.0%}"
    return share, _date(daily, int(part.at[worst])), _weeks_before(f"{before:.0%}")


def _price_scale(daily: DailyFigures) -> Iterator[Finding]:
    """Prices are a hundred times what they were, or a hundredth: cents for euros."""
    prices = _windows(daily.prices)
    enough = (prices.before.sum(axis=1) >= MIN_EVENTS) & (prices.after.sum(axis=1) >= MIN_EVENTS)
    if not enough.any():
        return
    before, after = _median_bin(prices.before), _median_bin(prices.after)
    factor = price_of_bin(1.0) / price_of_bin(0.0)
    times = np.where(enough, factor ** np.abs(after - before), 1.0)
    found = _worst(times, prices.at, daily.num_days, least=PRICE_FACTOR)
    if found:
        worst, _ = found
        yield Finding(
            "price_scale",
            True,
            f"the median price is about {_price_text(after[worst])} from "
            f"{_date(daily, int(prices.at[worst]))} on, "
            + _weeks_before(_price_text(before[worst])),
        )


def _price_text(position: float) -> str:
    """Return the price in the middle of a bin, in two digits and never as a power of ten."""
    return f"{Decimal(f'{price_of_bin(position):.2g}'):,f}"


def _median_bin(counts: Numbers) -> Numbers:
    """Return the bin that holds the median of each row of counts [B, bins]."""
    running = counts.cumsum(axis=1)
    return np.asarray((running * 2 < running[:, -1:]).sum(axis=1))


def _platform_gone(daily: DailyFigures) -> Iterator[Finding]:
    """Nothing comes from one platform any more."""
    known = daily.events.sum(axis=1)[:, : len(PLATFORMS)]
    for number, platform in enumerate(PLATFORMS):
        yield from _gone(daily, "platform_gone", known[:, number], known.sum(axis=1), platform)


def _no_purchases(daily: DailyFigures) -> Iterator[Finding]:
    """Nobody buys any more."""
    bought = daily.events[:, EVENT_TYPES.index("purchase")].sum(axis=1)
    yield from _gone(daily, "no_purchases", bought, daily.totals, "purchases")


def _gone(
    daily: DailyFigures, rule: CheckName, part_D: Numbers, whole_D: Numbers, what: str
) -> Iterator[Finding]:
    """Yield where hardly anything is left of a share that stands for many events."""
    part, whole = _windows(part_D), _windows(whole_D)
    expected = _share(part.before, whole.before) * whole.after
    # Days, not events, are counted: a few large orders are many events.
    without, days = _windows(1 * (part_D == 0)), _windows(np.ones_like(part_D))
    by_chance = ((without.before + 1) / (days.before + 2)) ** days.after
    is_gone = (part.after <= GONE * expected) & (by_chance <= CHANCE_OF_NONE)
    found = _worst(np.where(is_gone, expected, 0.0), part.at, daily.num_days, least=LEAST_EXPECTED)
    if found:
        worst, recent = found
        yield Finding(
            rule,
            recent,
            f"{part.after[worst]:,} of {whole.after[worst]:,} events are {what} in the days from "
            f"{_date(daily, int(part.at[worst]))} on, where {expected[worst]:,.0f} were to be "
            "expected",
        )


def _unknown_items(daily: DailyFigures) -> Iterator[Finding]:
    """Most events are suddenly of items nobody has seen: the ids changed."""
    starts = np.arange(max(daily.num_days - AFTER_DAYS + 1, 0))
    age = np.arange(AFTER_DAYS)
    new = daily.new_items[starts[:, None] + age, age].sum(axis=1)
    whole = daily.items[starts[:, None] + age].sum(axis=1)
    at = np.arange(MIN_BEFORE_DAYS + AFTER_DAYS, len(starts))
    earlier = at - AFTER_DAYS
    rise = _rise(
        _Windows(at, 2 * new[earlier], new[at]), _Windows(at, 2 * whole[earlier], whole[at])
    )
    found = _worst(rise, at, daily.num_days, least=UNKNOWN_MORE)
    if found:
        worst, _ = found
        now, then = _share(new, whole)[at[worst]], _share(new, whole)[earlier[worst]]
        yield Finding(
            "unknown_items",
            True,
            f"{now:.0%} of the events in the week from {_date(daily, int(at[worst]))} on are of "
            f"items never seen before, {then:.0%} in the week before",
        )


def _clock_shift(daily: DailyFigures) -> Iterator[Finding]:
    """Times, or times of arrival, have moved by whole hours: another time zone."""
    hours = _windows(daily.hours)
    enough = (hours.before.sum(axis=1) >= 1000) & (hours.after.sum(axis=1) >= 1000)
    before, after = (one / np.maximum(one.sum(axis=1, keepdims=True), 1) for one in
                     (hours.before, hours.after))  # fmt: skip
    distance = np.array(
        [np.abs(np.roll(before, hour, axis=1) - after).sum(axis=1) / 2 for hour in range(24)]
    )
    best = distance.argmin(axis=0)
    gain = distance[0] - distance.min(axis=0)
    moved = np.where(best > 12, best - 24, best)
    plain = (np.abs(moved) >= SHIFT_HOURS) & (gain >= distance[0] / 2) & enough
    found = _worst(np.where(plain, gain, 0.0), hours.at, daily.num_days, least=0.15)
    if found:
        worst, _ = found
        yield Finding(
            "clock_shift",
            True,
            f"the hours of the day moved by {moved[worst]:+d} from "
            f"{_date(daily, int(hours.at[worst]))} on, as if the times were of another zone",
        )
    else:
        yield from _arrival_shift(daily)


def _arrival_shift(daily: DailyFigures) -> Iterator[Finding]:
    """Yield where the time from happening to arrival grew or shrank by whole hours."""
    lags = _windows(daily.lags)
    enough = (lags.before.sum(axis=1) >= MIN_EVENTS) & (lags.after.sum(axis=1) >= MIN_EVENTS)
    if not enough.any():
        return
    before, after = _median_bin(lags.before), _median_bin(lags.after)
    bins_an_hour = HOUR // LAG_BIN
    moved = after - before
    off = np.abs(moved - np.round(moved / bins_an_hour) * bins_an_hour)
    # Only where all take about as long: a nightly delivery has any delay, and may move.
    steady = (_near(lags.before, before) >= 0.5) & (_near(lags.after, after) >= 0.5)
    plain = enough & steady & (off <= 1)
    hours = np.where(plain, np.abs(moved) / bins_an_hour, 0.0)
    found = _worst(hours, lags.at, daily.num_days, least=SHIFT_HOURS - 0.1)
    if found:
        worst, _ = found
        yield Finding(
            "clock_shift",
            True,
            f"events arrive {moved[worst] / bins_an_hour:+.0f} hours later than before from "
            f"{_date(daily, int(lags.at[worst]))} on, as if received_at were of another zone",
        )


def _near(counts: Numbers, middle: Numbers) -> Floats:
    """Return the share of each row of counts [B, bins] within a bin of `middle`."""
    bins = np.arange(counts.shape[1])
    is_near = np.abs(bins[None, :] - middle[:, None]) <= 1
    return _share((counts * is_near).sum(axis=1), counts.sum(axis=1))


RULES: Final[dict[CheckName, Rule]] = {
    "volume": _volume,
    "time_gap": _time_gap,
    "empty_field": _empty_field,
    "new_event_type": _new_event_type,
    "one_user": _one_user,
    "duplicates": _duplicates,
    "midnight": _midnight,
    "price_scale": _price_scale,
    "platform_gone": _platform_gone,
    "no_purchases": _no_purchases,
    "unknown_items": _unknown_items,
    "clock_shift": _clock_shift,
}
OF_ANY_LENGTH: Final[tuple[CheckName, ...]] = ("one_user",)
