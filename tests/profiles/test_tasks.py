from dataclasses import replace

import polars as pl
import pytest

from habitue.config import TaskSettings
from habitue.errors import SettingsError, UnknownName
from habitue.profiles.labels import ANY_EVENT
from habitue.profiles.tasks import (
    LogOutline,
    describe_task,
    fall_instead,
    is_rare_churn,
    outline_log,
    resolve_tasks,
    task_named,
)
from habitue.schema import DAY, Task, TaskKind
from tests.shop import MemoryLog, make_shop

YEAR = LogOutline(0, 370 * DAY, {"purchase": 9, "view_item": 9}, True, True, True)
WEEK = replace(YEAR, end_at=9 * DAY)


def test_outline_counts_the_log() -> None:
    shop = make_shop(num_persons=20, days=60)
    outline = outline_log(MemoryLog(shop))
    assert sum(outline.counts.values()) == len(shop.events)
    assert outline.has_money
    assert outline.has_categories
    assert outline.start_at == MemoryLog(shop).start_at


def test_outline_as_of_a_moment_counts_nothing_later() -> None:
    shop = make_shop(num_persons=20, days=60)
    cut = shop.start_at + 20 * DAY
    outline = outline_log(MemoryLog(shop), as_of=cut)
    assert sum(outline.counts.values()) == (shop.events["timestamp"] < cut).sum()
    assert outline.end_at == cut


def test_a_year_answers_every_shipped_task() -> None:
    resolved = resolve_tasks({}, YEAR)
    assert [one.task.name for one in resolved] == [
        "purchase_7d",
        "purchase_30d",
        "churn_90d",
        "churn_own_rhythm",
        "reactivation_30d",
        "value_90d",
        "next_event",
        "next_category",
        "next_brand",
    ]
    assert {one.status for one in resolved} == {"ok"}


def test_a_short_log_says_what_it_lacks_and_proposes_what_fits() -> None:
    resolved = resolve_tasks({}, WEEK)
    purchase = task_named("purchase_7d", resolved)
    assert purchase.status == "not_enough_data"
    assert purchase.reason == "the log spans 9 days; a horizon of 7 days needs 28 days"
    proposed = [one.task.name for one in resolved if one.is_proposed]
    assert proposed == ["purchase_1d", "churn_1d", "value_1d"]


@pytest.mark.parametrize(
    ("days", "proposed"),
    [(209, "reactivation_14d"), (98, "reactivation_14d"), (49, "reactivation_7d")],
)
def test_a_log_too_short_for_reactivation_gets_a_shorter_one(days: int, proposed: str) -> None:
    resolved = resolve_tasks({}, replace(YEAR, end_at=days * DAY))
    shipped = task_named("reactivation_30d", resolved)
    assert shipped.status == "not_enough_data"
    assert shipped.reason == (
        f"the log spans {days} days; a horizon of 30 days after an absence of 90 days "
        "needs 210 days"
    )
    offered = task_named(proposed, resolved)
    assert offered.is_proposed
    assert offered.task.absent_days == 3 * offered.task.horizon_days


def test_a_log_in_which_nobody_can_be_absent_gets_no_reactivation() -> None:
    resolved = resolve_tasks({}, replace(YEAR, end_at=48 * DAY))
    found = [one for one in resolved if one.task.absent_days is not None]
    assert [one.status for one in found] == ["not_enough_data"]


def test_reactivation_does_not_stand_in_for_purchases() -> None:
    own = {
        "purchase_7d": TaskSettings(kind="event", event="refund"),
        "purchase_30d": TaskSettings(kind="event", event="refund"),
    }
    resolved = resolve_tasks(own, YEAR)
    assert task_named("reactivation_30d", resolved).status == "ok"
    assert task_named("purchase_60d", resolved).is_proposed


def test_three_hours_get_half_an_hour() -> None:
    hours = replace(YEAR, end_at=3 * DAY // 24)
    proposed = [one.task for one in resolve_tasks({}, hours) if one.is_proposed]
    assert [task.name for task in proposed] == ["purchase_30m", "churn_30m", "value_30m"]


def test_a_log_of_views_asks_who_comes_back() -> None:
    views = replace(YEAR, counts={"view_item": 9}, has_money=False)
    resolved = resolve_tasks({}, views)
    assert task_named("churn_90d", resolved).task.event == ANY_EVENT
    assert task_named("churn_90d", resolved).status == "ok"
    own = task_named("churn_own_rhythm", resolved)
    assert (own.status, own.reason) == ("not_enough_data", "the log has no purchase events")
    assert task_named("reactivation_30d", resolved).task.event == ANY_EVENT
    assert task_named("purchase_7d", resolved).reason == "the log has no purchase events"
    assert task_named("value_90d", resolved).status == "not_enough_data"
    assert task_named("visit_60d", resolved).is_proposed


def test_without_money_there_is_no_value() -> None:
    resolved = resolve_tasks({}, replace(YEAR, has_money=False))
    assert task_named("value_90d", resolved).reason.startswith("the log has no money")


def test_without_categories_no_next_category() -> None:
    resolved = resolve_tasks({}, replace(YEAR, has_categories=False))
    assert "category" in task_named("next_category", resolved).reason


def test_without_brands_no_next_brand() -> None:
    found = task_named("next_brand", resolve_tasks({}, replace(YEAR, has_brands=False)))
    assert (found.status, found.reason) == ("not_enough_data", "no item of this log has a brand")


def test_blank_brands_are_none() -> None:
    shop = make_shop(num_persons=20, days=20)
    blank = replace(shop, items=shop.items.with_columns(brand=pl.lit(" ")))
    assert outline_log(MemoryLog(shop)).has_brands
    assert not outline_log(MemoryLog(blank)).has_brands


def test_the_shops_own_task_replaces_a_shipped_one() -> None:
    own = {"churn_90d": TaskSettings(kind="no_event", horizon_days=20)}
    found = [one for one in resolve_tasks(own, YEAR) if one.task.name == "churn_90d"]
    assert [one.task.horizon_days for one in found] == [20]
    assert not found[0].may_fall


def test_an_unknown_event_is_refused() -> None:
    own = {"t": TaskSettings(kind="event", event="purchse")}
    with pytest.raises(SettingsError, match=r"event 'purchse'.*Did you mean 'purchase'"):
        resolve_tasks(own, YEAR)


@pytest.mark.parametrize("kind", ["no_event", "next"])
def test_who_is_absent_cannot_stop(kind: TaskKind) -> None:
    own = {"t": TaskSettings(kind=kind, target="category", absent_days=90)}
    with pytest.raises(SettingsError, match=r"kind \w+ and names absent_days: .*stopped already"):
        resolve_tasks(own, YEAR)


@pytest.mark.parametrize(
    ("given", "says"),
    [({"fall_to": 0.5}, "whoever spent before"), ({"absent_days": 9}, "absent ones")],
)
def test_a_population_said_in_two_ways_is_refused(given: dict[str, float], says: str) -> None:
    own = {"t": TaskSettings(kind="sum", active_event="click", **given)}
    with pytest.raises(
        SettingsError, match=rf"persons with click .*{says}.*Leave out one of the two"
    ):
        resolve_tasks(own, YEAR)


def test_an_unknown_event_of_the_population_is_refused() -> None:
    own = {"t": TaskSettings(kind="event", active_event="impresion")}
    with pytest.raises(SettingsError, match=r"'impresion'.*Did you mean 'impression'"):
        resolve_tasks(own, YEAR)


def test_a_population_that_the_log_has_not_is_told() -> None:
    own = {"t": TaskSettings(kind="event", event="purchase", active_event="impression")}
    found = task_named("t", resolve_tasks(own, YEAR))
    assert (found.status, found.reason) == ("not_enough_data", "the log has no impression events")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"kind": "event"}, "of event of purchase; only the usual pause"),
        ({"event": "any"}, "of no_event of any; only the usual pause"),
        ({"fall_to": 0.5}, r"\(fall_to\) and for a pause"),
    ],
)
def test_a_rhythm_is_that_of_purchases(given: dict[str, object], says: str) -> None:
    chosen = TaskSettings.model_validate({"kind": "no_event", "rhythm": 2.0, **given})
    with pytest.raises(SettingsError, match=says):
        resolve_tasks({"t": chosen}, YEAR)


def test_a_pause_by_ones_own_rhythm_is_no_fall_and_stands_in_for_nothing() -> None:
    own = {"churn_90d": TaskSettings(kind="no_event", event="refund")}
    resolved = resolve_tasks(own, YEAR)
    rhythm = task_named("churn_own_rhythm", resolved)
    assert (rhythm.status, rhythm.may_fall) == ("ok", False)
    assert task_named("churn_60d", resolved).is_proposed


def test_seen_and_not_seen_lately_is_refused() -> None:
    own = {"t": TaskSettings(kind="event", active_days=60, absent_days=90)}
    with pytest.raises(SettingsError, match=r"'t' is asked of persons seen in 60 days .* 90 days"):
        resolve_tasks(own, YEAR)


def test_an_unknown_target_is_refused() -> None:
    own = {"t": TaskSettings(kind="next", target="brnd")}
    with pytest.raises(SettingsError, match=r"target 'brnd'.*Did you mean 'brand'"):
        resolve_tasks(own, YEAR)


def test_an_unknown_task_is_refused() -> None:
    with pytest.raises(UnknownName, match=r"No task is named 'churn_9d'.*Did you mean 'churn_90d'"):
        task_named("churn_9d", resolve_tasks({}, YEAR))


def test_rare_churn_becomes_a_fall() -> None:
    churn = task_named("churn_90d", resolve_tasks({}, YEAR))
    assert churn.may_fall
    assert is_rare_churn(0.06)
    assert not is_rare_churn(0.3)
    assert fall_instead(churn.task).fall_to == 0.5


@pytest.mark.parametrize(
    ("task", "sentence"),
    [
        (
            Task("p", "event", horizon_days=1, active_days=3),
            "purchase within 1 day, of persons seen in the 3 days before",
        ),
        (
            Task("c", "no_event", horizon_days=90),
            "no purchase within 90 days, of persons with one in the 90 days before",
        ),
        (
            Task("c", "no_event", horizon_days=90, fall_to=0.5),
            "spending within 90 days below 50% of the 90 days before, of persons who spent then",
        ),
        (
            Task("n", "next", target="event_type"),
            "what event type comes next, of persons seen in the 90 days before",
        ),
        (
            Task("r", "event", horizon_days=30, absent_days=90),
            "purchase within 30 days, of persons who had one once and were not seen in the 90 days "
            "before",
        ),
        (
            Task("k", "event", "click", active_event="impression", active_days=14),
            "click within 30 days, of persons with impression in the 14 days before",
        ),
        (
            Task("k", "no_event", active_event="view_item"),
            "no purchase within 30 days, of persons with view item in the 90 days before",
        ),
        (
            Task("o", "no_event", horizon_days=90, rhythm=2.0),
            "no purchase within 2 times the person's own usual pause (90 days at most), of persons "
            "with one in the 90 days before",
        ),
        (
            Task("v", "sum", horizon_days=1 / 48),
            "value of purchase events within 30 minutes, of persons seen in the 90 days before",
        ),
    ],
)
def test_a_task_is_told_in_a_sentence(task: Task, sentence: str) -> None:
    assert describe_task(task) == sentence
