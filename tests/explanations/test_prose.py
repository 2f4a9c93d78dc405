from dataclasses import replace

from habitue.explanations.groups import EventGroup
from habitue.explanations.prose import tell
from habitue.explanations.record import (
    Change,
    CitedEvent,
    DayTaken,
    Decision,
    Explanation,
    FeatureEffect,
    Together,
)
from habitue.explanations.texts import Words

SILENCE = FeatureEffect(
    "purchase_overdue", 12.0, -0.31, "recency", "no order for 330 days; usually every 26 days"
)


def event(text: str, effect: float) -> CitedEvent:
    return CitedEvent("e", 0, text, effect, effect, ("e",))


def explanation(*events: CitedEvent, together: float) -> Explanation:
    return Explanation(
        user_id="u7",
        as_of=0,
        model_version="0001",
        task="purchase_30d",
        item_id=None,
        unit="probability",
        base_rate=0.291,
        prediction=0.146,
        events=events,
        together=Together(together, 0.146 - together),
        features=(SILENCE,),
        decision=Decision(0.291, "base_rate"),
    )


def test_each_effect_is_told_to_the_tenth_of_a_point_and_crumbs_are_counted() -> None:
    told = explanation(
        event("bought 'Tent'", 0.0257),
        event("returned 'Bag'", -0.0191),
        event("viewed 'Rope'", -0.0014),
        event("viewed 'Mat'", 0.00041),
        event("viewed 'Cup'", -0.0003),
        together=0.114,
    )
    assert tell(told, "purchase within 30 days", Words()) == (
        "Purchase within 30 days: 14.6%; on average 29.1%.",
        "Raised by: bought 'Tent' (+2.6 points).",
        "Lowered by: returned 'Bag' (−1.9 points).",
        "3 more move it by 0.1 points at most.",
        "Without all 5 of these it would be 11.4%.",
        "All in all: no order for 330 days, usually every 26 days (−31.0 points).",
        "No removal of up to 20 entries was found that takes it past the average of 29.1%.",
    )


def test_where_no_event_matters_the_text_says_so_and_what_does() -> None:
    told = explanation(event("viewed 'Mat'", 0.0063), event("viewed 'Cup'", 0.0003), together=0.131)
    assert tell(told, "purchase within 30 days", Words())[1:4] == (
        "No single event moves it much: 0.6 points at most.",
        "Without the 2 that move it most it would be 13.1%.",
        "What moves it is the history as a whole: no order for 330 days, usually every 26 days "
        "(−31.0 points).",
    )
    assert tell(told, "30天内购买", Words("zh"))[1:3] == (
        "没有哪个单独的事件影响明显：最多0.6个百分点。",
        "若去掉影响最大的2项，结果为13.1%。",
    )


def test_the_value_that_matters_is_told_with_whose_it_is() -> None:
    plain = explanation(event("bought 'Tent'", 0.0257), together=0.12)
    change = Change((EventGroup(("e",), 0, "bought 'Tent'", 0),), 0.2)
    for decision, english, chinese in (
        (Decision(0.291, "base_rate"), "the average of 29.1%", "平均值29.1%"),
        (Decision(0.437, "alert"), "43.7%, where the alert begins", "预警线43.7%"),
        (Decision(0.2, "given"), "the given 20.0%", "给定的界限20.0%"),
    ):
        for found in (None, change):
            told = replace(plain, decision=decision, smallest_change=found)
            assert tell(told, "", Words())[-1].endswith(f"{english}.")
            assert tell(told, "", Words("zh"))[-1].endswith(f"{chinese}。")


def test_what_is_weak_beside_the_strongest_is_counted() -> None:
    plain = explanation(event("A", 0.020), event("B", 0.006), event("C", 0.004), together=0.12)
    near = replace(plain, base_rate=0.147)
    assert tell(near, "", Words())[1:3] == (
        "Raised by: A (+2.0 points); B (+0.6 points).",
        "One more moves it by 0.4 points.",
    )


def test_a_day_is_told_where_it_does_more_than_any_event() -> None:
    plain = explanation(event("bought 'Tent'", 0.0257), together=0.12)
    for effect, is_told in ((0.09, True), (0.02, False)):
        day = DayTaken(20_404, 10, 0.146 - effect, effect)
        told = tell(replace(plain, heaviest_day=day), "", Words())
        assert ("Without all 10 events of 12 Nov 2025 it would be 5.6%." in told) is is_told
