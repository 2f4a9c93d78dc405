"""Sentences that say what the figures say."""

from dataclasses import replace

from habitue.report import findings
from habitue.report.data import SegmentSummary
from habitue.report.figures import Cohort, Cohorts, FunnelStep, RankedRow, Ranking
from habitue.report.formats import Currency
from habitue.report.texts import Texts
from habitue.schema import Task
from tests.report.sample import sample

TEXTS, MONEY = Texts(), Currency.of("GBP")


def plain(text: str) -> str:
    return str(text).replace("\u00a0", " ")


def row(name: str, amount: float, recent: float = 0, previous: float = 0) -> RankedRow:
    return RankedRow(name, name, "", 50, 50, amount, recent, previous)


def test_headline_says_people_orders_money_and_trend() -> None:
    stats = sample().report.statistics
    words = plain(findings.headline(stats, TEXTS, MONEY))
    assert words.startswith("In 10 months, 142 people placed 1,919 orders and spent £23.8 k.")
    assert "£23.8 k" in words
    assert "lower than in the 28 days before" in words


def test_headline_of_views_is_silent_about_money() -> None:
    stats = replace(sample().report.statistics, sales=None, recent=None)
    assert plain(findings.headline(stats, TEXTS, MONEY)).endswith("13,084 events.")


def test_funnel_counts_looks_that_end_in_purchases() -> None:
    steps = [FunnelStep("view_item", 200, 50), FunnelStep("purchase", 10, 8)]
    words = plain(findings.funnel_finding(steps, TEXTS))
    assert "Of 100 visits that look at something, 5 end in a purchase" in words
    assert "16.0 % ever buy" in words


def test_returning_share_is_over_all_cohorts_old_enough() -> None:
    cohorts = Cohorts("month", [Cohort(0, 30, [30, 15, 3, 3]), Cohort(1, 10, [10, 1])])
    words = plain(findings.cohort_finding(cohorts, TEXTS))
    assert words == "One month after the first visit 40 % come back, 10 % after 3 months."


def test_shares_of_a_handful_of_people_are_not_spoken_of() -> None:
    cohorts = Cohorts("week", [Cohort(0, 1, [1, 0, 0, 1]), Cohort(1, 40, [40, 10])])
    words = plain(findings.cohort_finding(cohorts, TEXTS))
    assert words == "One week after the first visit 24 % come back."


def test_busiest_hour_and_days_are_named() -> None:
    rhythm = [[1] * 24 for _ in range(7)]
    rhythm[3][20] = 90
    rhythm[6] = [0] * 24
    words = plain(findings.rhythm_finding(rhythm, TEXTS))
    assert words.startswith(
        "Busiest: Thursday, 20:00 to 21:00. Thursday is the strongest day, Sunday"
    )


def test_ranking_names_what_rises_and_falls() -> None:
    rows = [row("a", 60, 20, 10), row("b", 20, 5, 10), row("c", 15, 9, 9), row("d", 5, 1, 1)]
    words = plain(findings.ranking_finding(Ranking("revenue", rows, 4, 100), TEXTS, 28))
    assert words.startswith("The first 3 of 4 make 95.0 % of revenue.")
    assert "Rising most in the last 28 days: <bdi>a</bdi> (+100 %)" in words
    assert "Falling most: <bdi>b</bdi> (−50 %)" in words
    assert words.endswith(
        "(Looked at are those with 20 purchases or more, and 1 % of what all shown here had "
        "before.)"
    )


def test_tiny_rows_do_not_make_the_news() -> None:
    rows = [row("a", 900, 100, 100), row("b", 90, 10, 10), row("c", 1, 9, 0.1)]
    words = findings.ranking_finding(Ranking("revenue", rows, 3, 991), TEXTS, 28)
    assert "Rising" not in words


def test_rare_rows_do_not_make_the_news() -> None:
    rare = [replace(row(name, 50, now, 10), purchases=3) for name, now in (("a", 90), ("b", 1))]
    words = findings.ranking_finding(Ranking("purchases", rare, 2, 100), TEXTS, 28)
    assert "Rising" not in words
    assert "Looked at" not in words


def test_names_are_escaped_and_isolated() -> None:
    assert findings.isolated("<b>&") == "<bdi>&lt;b&gt;&amp;</bdi>"
    assert len(findings.isolated("x" * 500)) < 150


def test_a_date_in_a_name_stays_whole() -> None:
    told = findings.isolated("bought 'x-2017-11-03-y' on 2017-11-03")
    assert told.count('<span class="whole">2017-11-03</span>') == 2
    assert "<script" not in findings.isolated("<script>2017-11-03")


def test_rows_of_one_name_are_told_apart_by_their_ids() -> None:
    rows = [replace(row("milk", 9), key="P1"), replace(row("milk", 5), key="P2"), row("tea", 1)]
    ranking = Ranking("revenue", rows, 3, 15)
    names = [findings.row_name(one, ranking, TEXTS) for one in rows]
    assert [
        f"no. <bdi>{key}</bdi>" in name for key, name in zip(("P1", "P2"), names[:2], strict=True)
    ] == [True, True]
    assert names[2] == "<bdi>tea</bdi>"


def test_segment_sentence_needs_money_to_speak_of_money() -> None:
    segments = [SegmentSummary("champion", 10, 80.0, ""), SegmentSummary("lost", 30, 20.0, "")]
    words = plain(findings.segment_finding(segments, TEXTS))
    assert "“<bdi>champion</bdi>”: 25.0 % of the people, 80.0 % of the revenue" in words
    poor = [replace(segment, revenue=None) for segment in segments]
    assert "largest group is “<bdi>lost</bdi>”, with 75.0 %" in plain(
        findings.segment_finding(poor, TEXTS)
    )


def test_tasks_are_told_in_words() -> None:
    tasks = {
        "a": Task("a", "event", horizon_days=7),
        "b": Task("b", "no_event", horizon_days=90),
        "c": Task("c", "sum", horizon_days=1),
        "d": Task("d", "no_event", horizon_days=30, fall_to=0.5),
        "e": Task("e", "next", target="category"),
        "f": Task("f", "event", event="view_cart"),
        "g": Task("g", "no_event", horizon_days=30, fall_to=0.7),
        "h": Task("h", "event", event="any", horizon_days=1 / 48),
        "i": Task("i", "event", horizon_days=30, absent_days=90),
        "j": Task("j", "no_event", horizon_days=90, rhythm=2.0),
    }
    assert [plain(TEXTS.task(name, tasks)) for name in [*tasks, "home_made"]] == [
        "Will buy within 7 days",
        "Will not buy within 90 days",
        "Spending in the next 1 day",
        "Will spend less than half as much in the next 30 days",
        "The category they will turn to next",
        "Will do “view_cart” within 30 days",
        "Will spend less than 70 % of what they spent before in the next 30 days",
        "Will come within 30 minutes",
        "Will buy within 30 days, of those not seen for 90 days",
        "Will not buy within 2 times their own usual pause",
        "Home made",
    ]
