"""What a reader is warned of, and that nobody is warned without a reason."""

from dataclasses import replace

from habitue.report.data import ReportData
from habitue.report.figures import Bots
from habitue.report.formats import Currency
from habitue.report.remarks import remarks
from habitue.report.texts import Texts
from habitue.schema import DAY, Task
from tests.report.sample import sample

TEXTS, MONEY = Texts(), Currency.of("GBP")
SAMPLE = sample().report
YEARS = replace(
    SAMPLE.statistics,
    end_at=SAMPLE.statistics.start_at + 800 * DAY,
    time_zone="Europe/London",
    bots=Bots(0, 0, 0.0),
)
QUIET = replace(SAMPLE, statistics=YEARS, evaluation=None, unanswered={})


def told(report: ReportData) -> str:
    return " ".join(remarks(report, TEXTS, MONEY)).replace("\u00a0", " ")


def test_a_long_and_rich_log_needs_no_warning() -> None:
    assert told(QUIET) == ""


def test_what_was_left_out_is_told_at_both_ends() -> None:
    stats = replace(YEARS, num_strays=12, bots=Bots(2, 900, 30.0))
    words = told(replace(QUIET, statistics=stats))
    assert "12 events dated long before or long after all others" in words
    assert "2 people that behave like machines, with 900 events and £30.00 of purchases" in words


def test_a_log_without_a_whole_year_says_what_cannot_be_seen() -> None:
    def of_days(days: int) -> str:
        stats = replace(YEARS, end_at=YEARS.start_at + days * DAY)
        return told(replace(QUIET, statistics=stats))

    assert "spans only 6 weeks" in of_days(40)
    assert "spans 7 months, less than a year" in of_days(200)
    assert of_days(366) == ""


def test_a_log_of_views_says_that_worth_is_unknown() -> None:
    stats = replace(
        YEARS,
        sales=None,
        funnel=[],
        rhythm=None,
        cohorts=None,
        categories=None,
        events_by_type={"view_item": 9, "search": 2},
    )
    words = told(replace(QUIET, statistics=stats))
    assert "holds no purchases" in words
    assert "The log knows views, searches only" in words
    assert "no time of day" in words
    assert "Too few newcomers" in words
    assert "no categories" in words


def test_purchases_without_prices_and_hours_in_utc_are_told() -> None:
    assert YEARS.sales is not None
    stats = replace(YEARS, sales=replace(YEARS.sales, revenue=None), time_zone="UTC")
    words = told(replace(QUIET, statistics=stats))
    assert "have no price" in words
    assert "those of UTC" in words


def test_events_that_came_after_the_last_refresh_are_told() -> None:
    assert "habitue refresh" in told(replace(QUIET, is_behind=True))


def test_what_is_not_predicted_and_what_is_not_checked_are_told_apart() -> None:
    assert SAMPLE.evaluation is not None
    evaluation = replace(SAMPLE.evaluation, tasks=[], skipped={"a": "nobody left.", "b": "short"})
    report = replace(
        QUIET,
        tasks=[Task("a", "no_event", horizon_days=90)],
        evaluation=evaluation,
        unanswered={"b": "the log spans <5> days"},
    )
    words = told(report)
    assert (
        "Not checked against what happened: “Will not buy within 90 days”, "
        "because <bdi>nobody left</bdi>."
    ) in words
    assert "Not predicted: “B”, because <bdi>the log spans &lt;5&gt; days</bdi>." in words
    assert "short" not in words


def test_purchases_in_other_currencies_are_told_to_have_no_amount() -> None:
    words = told(replace(QUIET, currency="EUR", other_currencies=("JPY", "USD")))
    assert "Amounts are told in EUR alone" in words
    assert "purchases in JPY, USD count as purchases without an amount" in words
