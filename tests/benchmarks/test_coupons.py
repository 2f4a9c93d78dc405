"""`benchmarks/coupons.py`: campaigns become events, and habits of answering are found."""

import sys
import tomllib
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from habitue import metrics
from habitue.config import Settings
from habitue.profiles.tasks import LogOutline, resolve_tasks, task_named
from habitue.schema import DAY, parse_time
from tests.profiles.frames import Row, catalogue, events
from tests.shop import MemoryLog, Shop

FOLDER = Path(__file__).parents[2] / "benchmarks"
FOUR_LINES = """
[tasks.redeems_30d]
kind = "event"
event = "click"
active_event = "impression"
active_days = 30
"""


@pytest.fixture(autouse=True)
def _scripts_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(FOLDER), *sys.path])


def test_a_campaign_is_shown_on_its_first_day_and_each_coupon_is_a_click() -> None:
    from coupons import offer_events

    described = pl.DataFrame({"campaign_id": [7, 8], "start_date": [date(2017, 3, 1)] * 2})
    sent = pl.DataFrame({"campaign_id": [7, 8], "household_id": [1, 2]})
    redeemed = pl.DataFrame(
        {
            "household_id": [1, 1],
            "coupon_upc": [5, 6],
            "campaign_id": [7, 7],
            "redemption_date": [date(2017, 3, 9)] * 2,
        }
    )
    found = offer_events(described, sent, redeemed)
    assert found["event_id"].n_unique() == 4
    assert found.drop("event_id").rows() == [
        ("impression", "2017-03-01T00:00:00Z", "1", "campaign 7"),
        ("impression", "2017-03-01T00:00:00Z", "2", "campaign 8"),
        ("click", "2017-03-09T00:00:00Z", "1", "campaign 7"),
        ("click", "2017-03-09T00:00:00Z", "1", "campaign 7"),
    ]


def test_the_task_is_what_four_lines_of_settings_say() -> None:
    from coupons import TASK

    counts = {"impression": 1, "click": 1}
    outline = LogOutline(0, 400 * DAY, counts, False, False, False)
    settings = Settings.model_validate(tomllib.loads(FOUR_LINES)).tasks
    found = task_named(TASK.name, resolve_tasks(settings, outline))
    assert (found.task, found.status) == (TASK, "ok")


@pytest.mark.slow
def test_who_always_answers_is_told_from_who_never_does() -> None:
    from coupons import cut_of, judged, redemptions
    from task_figures import OURS

    start = parse_time("2024-01-01")
    rows = []
    for person in range(240):
        for month in range(10):
            shown = start + month * 30 * DAY + person * 60_000_000
            rows.append(Row(person, shown, "impression", None, campaign=f"c{month}"))
            rows.append(Row(person, shown + DAY, value=9.0))
            if person % 2:
                rows.append(Row(person, shown + 9 * DAY, "click", None, campaign=f"c{month}"))
    log = MemoryLog(Shop(events(*rows), catalogue("a"), {}, {}, start, start + 300 * DAY))
    cut = cut_of(log, start + 245 * DAY)
    (part,) = judged(cut, seeds=1)
    assert part.truth.tolist() == [float(one % 2) for one in part.persons]
    assert metrics.auc(part.truth > 0, part.said[OURS][1]) == 1
    assert metrics.auc(part.truth > 0, part.said["past_redemptions"][1]) == 1
    assert metrics.auc(part.truth > 0, redemptions(cut.asked.features)["redemption_recency"]) == 1
    assert metrics.auc(part.truth > 0, part.said["rfm_boosted"][1]) < 0.9
