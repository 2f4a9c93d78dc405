"""Which predictions a shop gets: the shipped tasks, the shop's own, and what the log allows.

In: the settings' tasks and an outline of the log. Out: each task resolved, ready or with the
reason why the log cannot answer it; for logs too short for the shipped horizons, tasks that fit.
Knows nothing about how a task is learnt.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import polars as pl

from habitue.config import TaskSettings
from habitue.errors import SettingsError, UnknownName, nearest
from habitue.events.log import EventLog
from habitue.events.span import span_of
from habitue.profiles.labels import ANY_EVENT
from habitue.schema import DAY, EVENT_TYPES, MONEY_EVENT_TYPES, Task, TaskKind

SHIPPED_TASKS: Final = (
    Task("purchase_7d", "event", horizon_days=7),
    Task("purchase_30d", "event", horizon_days=30),
    Task("churn_90d", "no_event", horizon_days=90),
    Task("churn_own_rhythm", "no_event", horizon_days=90, rhythm=2.0),
    Task("reactivation_30d", "event", horizon_days=30, absent_days=90),
    Task("value_90d", "sum", horizon_days=90),
    Task("next_event", "next", target="event_type"),
    Task("next_category", "next", target="category"),
    Task("next_brand", "next", target="brand"),
)
# Horizons offered where the shipped ones are too long, in days.
_LADDER: Final = {
    "30m": 1 / 48,
    "1h": 1 / 24,
    "6h": 1 / 4,
    "1d": 1.0,
    "3d": 3.0,
    "7d": 7.0,
    "14d": 14.0,
    "30d": 30.0,
    "60d": 60.0,
}
_REACTIVATION: Final = "reactivation"
# A shorter absence than three weeks is none.
_REACTIVATION_LADDER: Final = {name: _LADDER[name] for name in ("7d", "14d", "30d")}
_ABSENCE_PER_HORIZON: Final = 3
_SPANS_PER_HORIZON: Final = 4
_RARE_CHURN: Final = 0.10
_FALL_TO: Final = 0.5
_KIND_NAMES: Final[dict[TaskKind, str]] = {
    "event": "purchase",
    "no_event": "churn",
    "sum": "value",
}


@dataclass(frozen=True)
class LogOutline:
    """What decides which tasks make sense."""

    start_at: int
    end_at: int
    counts: Mapping[str, int]  # event type -> events
    has_money: bool
    has_categories: bool
    has_brands: bool

    @property
    def span(self) -> int:
        """From the first event to the last, in microseconds."""
        return self.end_at - self.start_at


@dataclass(frozen=True)
class ResolvedTask:
    """A task and whether this log can answer it.

    `may_fall`: a shipped churn task whose definition becomes a fall in spending where nearly
    everyone comes back; decided when it is fitted.
    """

    task: Task
    status: Literal["ok", "not_enough_data"]
    reason: str = ""
    is_proposed: bool = False
    may_fall: bool = False


def outline_log(log: EventLog, *, as_of: int | None = None) -> LogOutline:
    """Read every bucket once and say what the log holds."""
    counts: dict[str, int] = {}
    has_money = False
    for bucket in range(log.num_buckets):
        frame = log.read_bucket(bucket, as_of=as_of)
        for event_type, count in frame["event_type"].cast(pl.String).value_counts().iter_rows():
            counts[event_type] = counts.get(event_type, 0) + count
        money = pl.any_horizontal(*(pl.col("event_type") == one for one in MONEY_EVENT_TYPES))
        has_money = has_money or bool(frame.filter(money)["value"].is_not_null().any())
    items = log.items(as_of=as_of)
    span = span_of(log, as_of=as_of)
    return LogOutline(
        start_at=span.start_at,
        end_at=span.end_at if as_of is None else as_of,
        counts=counts,
        has_money=has_money,
        has_categories=bool(items["category"].is_not_null().any()),
        has_brands=bool((items["brand"].str.strip_chars() != "").any()),
    )


def resolve_tasks(
    settings: Mapping[str, TaskSettings], outline: LogOutline
) -> tuple[ResolvedTask, ...]:
    """Return the shipped tasks, the shop's own and, for a short log, tasks that fit it.

    A shop's task of a shipped name replaces it.

    Raises:
        SettingsError: a task names an event type or a target that does not exist, or says two
            things that cannot both be.
    """
    own = {name: _own_task(name, chosen) for name, chosen in settings.items()}
    resolved = []
    for shipped in SHIPPED_TASKS:
        if shipped.name in own:
            continue
        task = _for_views_only(shipped, outline)
        found = _resolve(task, outline)
        resolved.append(replace(found, may_fall=_may_fall(found.task)))
    resolved += [_resolve(task, outline) for task in own.values()]
    return (*resolved, *_proposals(resolved, outline))


def task_named(name: str, resolved: Sequence[ResolvedTask]) -> ResolvedTask:
    """Return the task of that name.

    Raises:
        UnknownName: there is none.
    """
    for one in resolved:
        if one.task.name == name:
            return one
    known = [one.task.name for one in resolved]
    raise UnknownName(
        f"No task is named '{name}'.{nearest(name, known)}",
        fix=f"Tasks of this shop: {', '.join(known)}.",
    )


def fall_instead(task: Task) -> Task:
    """Return the churn task as a fall: less than half the spending of the equally long before."""
    return replace(task, fall_to=_FALL_TO)


def is_rare_churn(base_rate: float) -> bool:
    """Whether so few persons leave for good that a fall in spending is the better question."""
    return base_rate < _RARE_CHURN


def describe_task(task: Task) -> str:
    """Say in a sentence what the task predicts, and of whom."""
    event = "event" if task.event == ANY_EVENT else task.event.replace("_", " ")
    horizon, active = _duration(task.horizon_days), _duration(task.active_days)
    whom = f"of persons seen in the {active} before"
    if task.active_event not in ("", ANY_EVENT):
        whom = f"of persons with {task.active_event.replace('_', ' ')} in the {active} before"
    if task.absent_days is not None:
        absent = _duration(task.absent_days)
        whom = f"of persons who had one once and were not seen in the {absent} before"
    if task.kind == "next":
        return f"what {task.target.replace('_', ' ')} comes next, {whom}"
    if task.kind == "sum":
        return f"value of {event} events within {horizon}, {whom}"
    if task.fall_to is not None:
        return (
            f"spending within {horizon} below {task.fall_to:.0%} of the {horizon} before, "
            f"of persons who spent then"
        )
    if task.kind == "no_event" and task.rhythm is not None:
        horizon = f"{task.rhythm:g} times the person's own usual pause ({horizon} at most)"
    if task.kind == "no_event":
        whom = whom if task.active_event else f"of persons with one in the {active} before"
        return f"no {event} within {horizon}, {whom}"
    return f"{event} within {horizon}, {whom}"


def _duration(days: float) -> str:
    for unit, length in (("day", 1.0), ("hour", 1 / 24), ("minute", 1 / 1440)):
        if days >= length:
            number = days / length
            told = f"{number:,.0f}" if number >= 1000 else f"{number:.3g}"
            return f"{told} {unit}{'' if number == 1 else 's'}"
    return f"{days * 86400:.3g} seconds"


def _own_task(name: str, chosen: TaskSettings) -> Task:
    known = (*EVENT_TYPES, ANY_EVENT)
    for event in (chosen.event, chosen.active_event or ANY_EVENT):
        if event not in known:
            raise SettingsError(
                f"Task '{name}' names the event '{event}'.{nearest(event, known)}",
                fix=f"Known events: {', '.join(known)}.",
            )
    targets = ("event_type", "category", "brand")
    if chosen.kind == "next" and chosen.target not in targets:
        raise SettingsError(
            f"Task '{name}' names the target '{chosen.target}'.{nearest(chosen.target, targets)}",
            fix=f"Known targets: {', '.join(targets)}.",
        )
    _check_population(name, chosen)
    _check_absence(name, chosen)
    _check_rhythm(name, chosen)
    return Task(
        name=name,
        kind=chosen.kind,
        event=chosen.event,
        horizon_days=chosen.horizon_days,
        active_days=chosen.active_days,
        fall_to=chosen.fall_to,
        target=chosen.target,
        absent_days=chosen.absent_days,
        active_event=chosen.active_event,
        rhythm=chosen.rhythm,
    )


def _check_rhythm(name: str, chosen: TaskSettings) -> None:
    if chosen.rhythm is None:
        return
    if chosen.kind != "no_event" or chosen.event != "purchase":
        raise SettingsError(
            f"Task '{name}' asks by each person's own rhythm of {chosen.kind} of {chosen.event}; "
            "only the usual pause between purchases is known.",
            fix='Leave out rhythm, or say kind = "no_event" and no event.',
        )
    if chosen.fall_to is not None:
        raise SettingsError(
            f"Task '{name}' asks for a fall in spending (fall_to) and for a pause (rhythm).",
            fix="Leave out one of the two.",
        )


def _check_population(name: str, chosen: TaskSettings) -> None:
    """Refuse a task that says in two ways of whom it is asked."""
    if not chosen.active_event:
        return
    if chosen.fall_to is not None:
        raise SettingsError(
            f"Task '{name}' is asked of persons with {chosen.active_event} (active_event), and a "
            "fall in spending (fall_to) of whoever spent before.",
            fix="Leave out one of the two.",
        )
    if chosen.absent_days is not None:
        raise SettingsError(
            f"Task '{name}' is asked of persons with {chosen.active_event} (active_event) lately, "
            "and of absent ones (absent_days).",
            fix="Leave out one of the two.",
        )


def _check_absence(name: str, chosen: TaskSettings) -> None:
    if chosen.absent_days is None:
        return
    if chosen.kind not in ("event", "sum"):
        raise SettingsError(
            f"Task '{name}' is of kind {chosen.kind} and names absent_days: whoever is absent has "
            "stopped already.",
            fix='Leave out absent_days, or ask who comes back: kind = "event".',
        )
    if "active_days" in chosen.model_fields_set:
        raise SettingsError(
            f"Task '{name}' is asked of persons seen in {chosen.active_days:g} days (active_days) "
            f"and of persons not seen in {chosen.absent_days:g} days (absent_days).",
            fix="Leave out one of the two.",
        )


def _for_views_only(task: Task, outline: LogOutline) -> Task:
    """Without purchases, churn means that a person no longer comes at all, and return a visit."""
    is_about_coming = task.kind == "no_event" and task.rhythm is None
    is_about_coming |= task.absent_days is not None
    if is_about_coming and not outline.counts.get("purchase"):
        return replace(task, event=ANY_EVENT)
    return task


def _may_fall(task: Task) -> bool:
    is_plain = task.fall_to is None and task.rhythm is None
    return task.kind == "no_event" and task.event == "purchase" and is_plain


def _resolve(task: Task, outline: LogOutline) -> ResolvedTask:
    reason = _obstacle(task, outline)
    return ResolvedTask(task, "not_enough_data" if reason else "ok", reason)


def _obstacle(task: Task, outline: LogOutline) -> str:
    """Return why the log cannot answer the task, or an empty text."""
    if task.active_event not in ("", ANY_EVENT) and not outline.counts.get(task.active_event):
        return f"the log has no {task.active_event} events"
    if task.kind == "next":
        if task.target == "category" and not outline.has_categories:
            return "no item of this log has a category"
        if task.target == "brand" and not outline.has_brands:
            return "no item of this log has a brand"
        return ""
    if task.event != ANY_EVENT and not outline.counts.get(task.event):
        return f"the log has no {task.event} events"
    if (task.kind == "sum" or task.fall_to is not None) and not outline.has_money:
        return "the log has no money: no purchase has a price or value"
    needed = _SPANS_PER_HORIZON * task.horizon + round((task.absent_days or 0) * DAY)
    if outline.span < needed and task.absent_days is not None:
        return (
            f"the log spans {_duration(outline.span / DAY)}; a horizon of "
            f"{_duration(task.horizon_days)} after an absence of {_duration(task.absent_days)} "
            f"needs {_duration(needed / DAY)}"
        )
    if outline.span < needed:
        return (
            f"the log spans {_duration(outline.span / DAY)}; a horizon of "
            f"{_duration(task.horizon_days)} needs {_duration(needed / DAY)}"
        )
    return ""


def _proposals(resolved: Sequence[ResolvedTask], outline: LogOutline) -> list[ResolvedTask]:
    """Return, for each kind that no task can answer, one of the longest horizon that fits."""
    proposals = []
    taken = {one.task.name for one in resolved}
    for kind, word in _KIND_NAMES.items():
        if any(_answers(one, kind) for one in resolved):
            continue
        has_purchases = bool(outline.counts.get("purchase"))
        event = "purchase" if has_purchases or kind == "sum" else ANY_EVENT
        name = "visit" if kind == "event" and event == ANY_EVENT else word
        for label, days in reversed(_LADDER.items()):
            task = Task(f"{name}_{label}", kind, event, days, active_days=min(90.0, 3 * days))
            if not _obstacle(task, outline) and task.name not in taken:
                proposals.append(
                    ResolvedTask(task, "ok", is_proposed=True, may_fall=_may_fall(task))
                )
                break
    if not any(one.task.absent_days is not None and one.status == "ok" for one in resolved):
        proposals += _return_proposals(taken, outline)
    return proposals


def _answers(one: ResolvedTask, kind: TaskKind) -> bool:
    """Whether persons who come and go get an answer of this kind."""
    is_plain = one.task.absent_days is None and one.task.rhythm is None
    return one.task.kind == kind and one.status == "ok" and is_plain


def _return_proposals(taken: set[str], outline: LogOutline) -> list[ResolvedTask]:
    """Return the longest question that fits of whether the absent come back, if any does."""
    for label, days in reversed(_REACTIVATION_LADDER.items()):
        absent = _ABSENCE_PER_HORIZON * days
        task = Task(f"{_REACTIVATION}_{label}", "event", horizon_days=days, absent_days=absent)
        task = _for_views_only(task, outline)
        if not _obstacle(task, outline) and task.name not in taken:
            return [ResolvedTask(task, "ok", is_proposed=True)]
    return []
