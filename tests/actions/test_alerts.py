from collections.abc import Sequence

import polars as pl
import pytest

from habitue.actions.alerts import Alert, churn_alerts, fact_reasons
from habitue.config import AlertSettings
from habitue.errors import NotReady
from habitue.profiles.profile import profile_table
from habitue.schema import DAY, parse_time
from tests.profiles.log_lines import SETTINGS, shop, shop_norms, user_ids

AS_OF = parse_time("2024-03-01")


def row(
    subject: int, churn: float | None, *, spend: float | None = 100.0, is_bot: bool = False
) -> dict[str, object]:
    return {
        "subject_id": subject, "user_id": f"u{subject}", "churn_90d": churn, "spend_90d": spend,
        "revenue": None if spend is None else 500.0, "refunds": 0.0, "orders": 5, "order_days": 5,
        "last_order_days": 41.2, "last_order_at": AS_OF - 41 * DAY, "order_gap_days": 9.0,
        "recency_days": 2.0, "last_seen": AS_OF - 2 * DAY, "active_days": 2,
        "usual_gap_days": 3.0, "is_bot": is_bot, "segment": "lost",
    }  # fmt: skip


def alerts_of(
    rows: Sequence[dict[str, object]], *, limit: int = 10, base_rate: float = 0.3
) -> list[Alert]:
    table = pl.DataFrame(rows, schema_overrides={"churn_90d": pl.Float64, "spend_90d": pl.Float64})
    return churn_alerts(table, base_rate=base_rate, settings=AlertSettings(limit=limit))


def test_most_value_at_risk_comes_first() -> None:
    rows = [row(1, 0.9, spend=10), row(2, 0.5, spend=100), row(3, 0.6, spend=50)]
    found = alerts_of(rows)
    assert [alert.user_id for alert in found] == ["u2", "u3", "u1"]
    assert [alert.value_at_risk for alert in found] == pytest.approx([50, 30, 9])


def with_expected(
    rows: Sequence[dict[str, object]], expected: Sequence[float | None]
) -> list[Alert]:
    table = pl.DataFrame(rows).with_columns(
        value_90d_expected=pl.Series(expected, dtype=pl.Float64)
    )
    return churn_alerts(table, base_rate=0.3, settings=AlertSettings())


def test_leaving_is_reckoned_with_once() -> None:
    # Who would bring 100 by staying and stays with 10 % is expected to bring 10: 90 are at risk.
    # Of 60 by half a chance, 30 are expected and 30 at risk.
    rows = [row(1, 0.9, spend=200), row(2, 0.5, spend=200)]
    found = with_expected(rows, [10.0, 30.0])
    assert [a.user_id for a in found] == ["u1", "u2"]
    assert [a.value_at_risk for a in found] == pytest.approx([90, 30])


def test_staying_brings_no_more_than_lately_or_than_is_expected_anyway() -> None:
    rows = [row(1, 0.99, spend=50), row(2, 0.5, spend=10), row(3, 1.0, spend=40)]
    found = {a.user_id: a.value_at_risk for a in with_expected(rows, [10.0, 30.0, 1.0])}
    assert found == pytest.approx({"u1": 0.99 * 50, "u2": 0.5 * 30, "u3": 40})


def test_where_nothing_is_expected_the_past_spend_stands_in() -> None:
    found = with_expected([row(1, 0.5, spend=10), row(2, 0.5, spend=20)], [None, None])
    assert [(a.user_id, a.value_at_risk) for a in found] == [("u2", 10.0), ("u1", 5.0)]


def test_only_persons_clearly_likelier_than_usual_are_listed() -> None:
    # Base rate .3 and min_lift 1.5: from .45 on.
    rows = [
        row(1, 0.46),
        row(2, 0.44),
        row(3, None),
        row(4, 0.9, is_bot=True),
        row(5, float("nan")),
    ]
    assert [alert.user_id for alert in alerts_of(rows)] == ["u1"]


def test_the_limit_keeps_the_first() -> None:
    rows = [row(n, 0.5, spend=float(n)) for n in range(20)]
    assert [alert.user_id for alert in alerts_of(rows, limit=2)] == ["u19", "u18"]


def test_a_shop_without_money_is_ordered_by_probability() -> None:
    found = alerts_of([row(1, 0.5, spend=None), row(2, 0.8, spend=None)])
    assert [(a.user_id, a.value_at_risk) for a in found] == [("u2", None), ("u1", None)]


def test_who_gave_more_back_than_they_bought_is_no_negative_risk() -> None:
    (alert,) = alerts_of([row(1, 0.5, spend=-70)])
    assert alert.value_at_risk == 0


def test_equal_risks_are_ordered_by_id() -> None:
    assert [a.user_id for a in alerts_of([row(2, 0.5), row(1, 0.5)])] == ["u1", "u2"]


def test_reasons_are_dated_facts_followed_by_what_moved_the_prediction() -> None:
    asked: list[Sequence[int]] = []

    def moved(subjects: Sequence[int]) -> list[list[str]]:
        asked.append(list(subjects))
        return [[f"visits fell ({subject})"] for subject in subjects]

    table = pl.DataFrame([row(1, 0.5, spend=50), row(2, 0.9, spend=0)])
    found = churn_alerts(table, base_rate=0.3, settings=AlertSettings(), reasons=moved)
    assert asked == [[1, 2]]
    assert found[0].reasons == (
        "last order 41 days ago, on 2024-01-20; used to order every 9 days",
        "last seen 2 days ago, on 2024-02-28",
        "spent 50.00 in the last 90 days; 500.00 in 5 orders in all",
        "visits fell (1)",
    )
    assert found[1].reasons[2] == "spent nothing in the last 90 days; 500.00 in 5 orders before"
    assert found[1].reasons[-1] == "visits fell (2)"


def test_a_reason_is_told_once() -> None:
    def moved(subjects: Sequence[int]) -> list[list[str]]:
        return [["spent 50.00 in the last 90 days", "visits fell"] for _ in subjects]

    table = pl.DataFrame([row(1, 0.9, spend=50)])
    found = churn_alerts(table, base_rate=0.3, settings=AlertSettings(), reasons=moved)
    assert sum("50.00" in reason for reason in found[0].reasons) == 1
    assert found[0].reasons[-1] == "visits fell"


def test_an_order_in_rhythm_is_not_called_late() -> None:
    facts = row(1, 0.5) | {"last_order_days": 10.0, "recency_days": 10.0, "refunds": 25.0}
    assert fact_reasons(facts)[0] == "last order 10 days ago, on 2024-01-20"
    assert fact_reasons(facts)[-1] == "gave back 25.00 of 500.00"


def test_a_visitor_who_never_bought_has_a_reason() -> None:
    facts = {"recency_days": 30.0, "last_seen": AS_OF - 30 * DAY, "active_days": 4,
             "usual_gap_days": 0.5}  # fmt: skip
    assert fact_reasons(facts) == ("last seen 30 days ago, on 2024-01-31; used to come every day",)


def test_an_alert_has_the_documented_keys() -> None:
    (alert,) = alerts_of([row(1, 0.5)])
    assert {"user_id", "probability", "value_at_risk", "reasons"} <= set(alert.as_json())


def test_profiles_without_a_churn_prediction_are_refused() -> None:
    with pytest.raises(NotReady, match="There is no churn prediction 'churn_90d' in the profiles"):
        churn_alerts(
            pl.DataFrame([row(1, 0.5)]).drop("churn_90d"), base_rate=0.3, settings=AlertSettings()
        )


def test_alerts_of_the_made_up_shop_find_those_who_left() -> None:
    made = shop()
    norms = shop_norms(made.end_at)
    table = profile_table(
        made.events, made.items, as_of=made.end_at, norms=norms, settings=SETTINGS,
        user_ids=user_ids,
    )  # fmt: skip
    # A stand-in for the model: the later by the own rhythm, the likelier gone.
    late = pl.col("last_order_days") / pl.col("patience_days")
    table = table.with_columns(churn_90d=late / (1 + late))
    found = churn_alerts(table, base_rate=0.3, settings=AlertSettings(min_lift=2), value="revenue")
    gone = {f"u{subject:04d}" for subject in made.leaves_at}
    assert len(found) > 20
    assert sum(alert.user_id in gone for alert in found) / len(found) > 0.7
    assert all(alert.reasons[0].startswith("last order ") for alert in found)
