"""Churn alerts: whom the shop is about to lose, most value at risk first, and why.

In: the profile table with a churn probability. Out: `Alert` records with dated reasons. Knows
nothing about how the probability was made; what moved it comes in as a callable.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from habitue.config import AlertSettings
from habitue.errors import NotReady
from habitue.files import Json
from habitue.languages import Language, told
from habitue.schema import spoken_date

# Given subjects, what moved each one's probability, as sentences, strongest first.
Reasons = Callable[[Sequence[int]], Sequence[Sequence[str]]]

MIN_ORDER_DAYS: Final = 3  # of whom a rhythm may be told
MUCH_LATER: Final = 1.5  # times the usual pause, before it is worth a sentence
_LEAST_STAYING: Final = 1e-6

_ENGLISH: Final[dict[str, str]] = {
    "rhythm": "last order {since} ago, on {date}; used to order {gap}",
    "order": "last order {since} ago, on {date}",
    "visit": "last seen {since} ago, on {date}",
    "visit_rhythm": "last seen {since} ago, on {date}; used to come {gap}",
    "spend": "spent {spend} in the last 90 days; {revenue} in {orders} in all",
    "no_spend": "spent nothing in the last 90 days; {revenue} in {orders} before",
    "refunds": "gave back {refunds} of {revenue}",
    "every_day": "every day",
    "every_days": "every {} days",
    "day": "1 day",
    "days": "{} days",
    "less_than_a_day": "less than a day",
    "order_count": "{} order",
    "order_counts": "{} orders",
}
_CHINESE: Final[dict[str, str]] = {
    "rhythm": "最近一单在{since}前（{date}），平时{gap}下一单",
    "order": "最近一单在{since}前（{date}）",
    "visit": "最近一次到访在{since}前（{date}）",
    "visit_rhythm": "最近一次到访在{since}前（{date}），平时{gap}来一次",
    "spend": "近90天消费{spend}；累计{orders}，共{revenue}",
    "no_spend": "近90天没有消费；此前{orders}，共{revenue}",
    "refunds": "累计消费{revenue}，其中退款{refunds}",
    "every_day": "每天",
    "every_days": "每{}天",
    "day": "1天",
    "days": "{}天",
    "less_than_a_day": "不到一天",
    "order_count": "{}单",
    "order_counts": "{}单",
}
TEXTS: Final[dict[Language, dict[str, str]]] = {"en": _ENGLISH, "zh": _CHINESE}


@dataclass(frozen=True)
class Alert:
    """A person the shop is about to lose."""

    user_id: str
    probability: float
    value_at_risk: float | None  # money lost by leaving, on average; None without money
    reasons: tuple[str, ...]
    segment: str

    def as_json(self) -> dict[str, Json]:
        """Return the entry of `alerts` that the product documents."""
        return {
            "user_id": self.user_id,
            "probability": self.probability,
            "value_at_risk": self.value_at_risk,
            "segment": self.segment,
            "reasons": list(self.reasons),
        }


def churn_alerts(
    table: pl.DataFrame,
    *,
    base_rate: float,
    settings: AlertSettings,
    task: str = "churn_90d",
    value: str = "value_90d_expected",
    reasons: Reasons | None = None,
) -> list[Alert]:
    """Return at most `settings.limit` alerts, most value at risk first.

    `table` is the profile table; `task` its column of probabilities; `value` its column of
    expected money. The value at risk is the probability times what a person would bring by
    staying (`_value_of_staying`). In a shop without money the order is by probability. Bots, and
    persons below `settings.min_lift` times `base_rate`, are left out.

    Raises:
        NotReady: the table has no such probabilities.
    """
    if task not in table.columns:
        raise NotReady(
            f"There is no churn prediction '{task}' in the profiles.",
            fix="Train a model with enough history for it, then run: habitue refresh",
        )
    probability = pl.col(task).fill_nan(None)
    at_risk = (
        table.with_columns(
            probability=probability, staying=_value_of_staying(table, value, probability)
        )
        .filter(
            pl.col("probability") >= settings.min_lift * base_rate,
            ~pl.col("is_bot").fill_null(False),
        )
        .with_columns(value_at_risk=pl.col("probability") * pl.col("staying"))
        .sort(
            "value_at_risk",
            "probability",
            "user_id",
            descending=[True, True, False],
            nulls_last=True,
        )
        .head(settings.limit)
    )
    subjects = at_risk["subject_id"].to_list()
    moved = reasons(subjects) if reasons is not None and subjects else [()] * len(subjects)
    return [
        Alert(
            user_id=row["user_id"],
            probability=row["probability"],
            value_at_risk=row["value_at_risk"],
            reasons=_told_once((*fact_reasons(row), *more)),
            segment=row["segment"],
        )
        for row, more in zip(at_risk.iter_rows(named=True), moved, strict=True)
    ]


def _told_once(reasons: Sequence[str]) -> tuple[str, ...]:
    """Leave out what an earlier reason has said already."""
    told: list[str] = []
    for reason in reasons:
        if not any(reason in earlier for earlier in told):
            told.append(reason)
    return tuple(told)


def _value_of_staying(table: pl.DataFrame, value: str, probability: pl.Expr) -> pl.Expr:
    """Money of the coming 90 days if the person stays, never negative: who brings none is no loss.

    What is expected of somebody reckons with their leaving already; over the probability of
    staying it is what they bring if they do. It is believed up to what they spent in the last 90
    days, which also stands in where nothing is expected.
    """
    spend = pl.col("spend_90d").cast(pl.Float64).clip(0)
    if value not in table.columns:
        return spend
    expected = pl.col(value).cast(pl.Float64).fill_nan(None).clip(0)
    if_staying = expected / (1 - probability).clip(_LEAST_STAYING)
    believed = pl.min_horizontal(if_staying, pl.max_horizontal(expected, spend))
    return pl.when(expected.is_null()).then(spend).otherwise(believed)


def fact_reasons(row: Mapping[str, object]) -> tuple[str, ...]:
    """Return what a row of the profile table itself says of leaving, dated where it can be."""
    return tuple(_fact_reasons(_Facts(row)))


@dataclass(frozen=True)
class _Facts:
    """A row of the table with typed reading; missing is None."""

    row: Mapping[str, object]

    def number(self, name: str) -> float | None:
        found = self.row.get(name)
        return float(found) if isinstance(found, int | float) else None

    def date(self, name: str) -> str:
        found = self.row.get(name)
        return spoken_date(found) if isinstance(found, int) else ""


def _fact_reasons(facts: _Facts) -> Iterator[str]:
    ordered = facts.number("last_order_days")
    if ordered is not None:
        days = facts.number("order_days") or 0
        gap = facts.number("order_gap_days") if days >= MIN_ORDER_DAYS else None
        yield _pause("order", "rhythm", ordered, facts.date("last_order_at"), gap)
    seen = facts.number("recency_days")
    # A visit after the last order is news of its own; the order's own visit is not.
    if seen is not None and (ordered is None or int(seen) < int(ordered)):
        days = facts.number("active_days") or 0
        gap = facts.number("usual_gap_days") if days >= MIN_ORDER_DAYS else None
        yield _pause("visit", "visit_rhythm", seen, facts.date("last_seen"), gap)
    revenue, orders = facts.number("revenue"), facts.number("orders")
    spend = facts.number("spend_90d")
    if revenue and orders and spend is not None:
        text = told(TEXTS)["no_spend"] if spend <= 0 else told(TEXTS)["spend"]
        yield text.format(spend=_money(spend), revenue=_money(revenue), orders=_orders(orders))
    refunds = facts.number("refunds")
    if refunds and revenue:
        yield told(TEXTS)["refunds"].format(refunds=_money(refunds), revenue=_money(revenue))


def _pause(plain: str, rhythm: str, since: float, date: str, gap: float | None) -> str:
    if gap is None or since < MUCH_LATER * gap:
        return told(TEXTS)[plain].format(since=_days(since), date=date)
    return told(TEXTS)[rhythm].format(since=_days(since), date=date, gap=_every(gap))


def _every(days: float) -> str:
    whole = int(days)
    return told(TEXTS)["every_day"] if whole <= 1 else told(TEXTS)["every_days"].format(whole)


def _days(days: float) -> str:
    whole = int(days)
    if whole == 0:
        return told(TEXTS)["less_than_a_day"]
    return told(TEXTS)["day"] if whole == 1 else told(TEXTS)["days"].format(whole)


def _orders(orders: float) -> str:
    return told(TEXTS)["order_count" if orders == 1 else "order_counts"].format(f"{orders:.0f}")


def _money(amount: float) -> str:
    return f"{amount:,.2f}"
