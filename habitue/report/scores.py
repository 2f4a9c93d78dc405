"""Results beside baselines, ready to draw: bars with intervals, a table, and an honest verdict.

In: an evaluation's scores. Knows nothing about HTML.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from habitue.report import formats
from habitue.report.documents import OWN_PARTS, Interval, Scores
from habitue.report.texts import Texts

Verdict = Literal["better", "ahead", "even", "behind", "alone"]

SHARE_METRICS = (
    "hit_rate@10", "hit_rate@3", "recall@10", "coverage@10", "auc", "pr_auc", "ece",
    "top_decile_share", "accuracy",
)  # fmt: skip
MONEY_METRICS = ("mae", "rmse")
LOWER_IS_BETTER = ("log_loss", "brier", "ece", "mae", "rmse")
# Variety is told but does not decide who is best: offering junk is various too.
NO_CONTEST = ("coverage@10",)
# A difference below this share of the score says nothing where no interval was computed.
SAME = 0.01


@dataclass(frozen=True)
class Bar:
    """One contender's bar; places are shares of the full width."""

    name: str
    text: str
    length: float
    whisker: Interval | None
    is_ours: bool


@dataclass(frozen=True)
class Cell:
    """A figure of the table, marked if it is the best of its row."""

    text: str
    is_best: bool


@dataclass(frozen=True)
class MetricRow:
    """One measure of all contenders."""

    name: str
    note: str
    cells: list[Cell]


def written(metric: str, amount: float | None, money: formats.Currency) -> str:
    """Return a metric's figure as people read it."""
    if amount is None:
        return formats.DASH
    if metric in SHARE_METRICS:
        return formats.percent(amount)
    if metric in MONEY_METRICS:
        return money.money(amount)
    if metric.startswith("lift"):
        return f"{formats.number(amount, 1)}{formats.NBSP}×"
    return formats.number(amount, 3)


def best_baseline(baselines: Sequence[Scores], metric: str) -> Scores | None:
    """Return the simple method that is best in `metric`."""
    known = [
        scores for scores in baselines if metric in scores.metrics and scores.name not in OWN_PARTS
    ]
    if not known:
        return None
    choose = min if metric in LOWER_IS_BETTER else max
    return choose(known, key=lambda scores: scores.metrics[metric])


def that_offer(baselines: Sequence[Scores], metric: str) -> list[Scores]:
    """Return the methods that were right at least once: own habits never offer what is new."""
    return [scores for scores in baselines if scores.metrics.get(metric)]


def verdict(
    ours: Scores, baselines: Sequence[Scores], metric: str, *, gain: Interval | None = None
) -> Verdict:
    """Return how `ours` stands against the best baseline.

    Clearly better or behind only where chance is ruled out: by the interval of the `gain`, else
    where the other's figure lies outside our interval. Without either, a lead is called no more
    than a lead.
    """
    best = best_baseline(baselines, metric)
    if best is None or metric not in ours.metrics:
        return "alone"
    mine, theirs = ours.metrics[metric], best.metrics[metric]
    lead = theirs - mine if metric in LOWER_IS_BETTER else mine - theirs
    limits = ours.intervals.get(metric)
    if gain is not None:
        return "better" if gain[0] > 0 else "behind" if gain[1] < 0 else "even"
    if limits is not None:
        if limits[0] <= theirs <= limits[1]:
            return "even"
        return "better" if lead > 0 else "behind"
    if abs(lead) <= SAME * max(abs(mine), abs(theirs)):
        return "even"
    return "ahead" if lead > 0 else "behind"


def bars(
    ours: Scores,
    baselines: Sequence[Scores],
    metric: str,
    *,
    texts: Texts,
    money: formats.Currency,
) -> list[Bar]:
    """Return a bar for each contender that has the metric, the best first after ours."""
    origin = 0.5 if metric == "auc" else 0.0
    known = [scores for scores in baselines if metric in scores.metrics]
    known.sort(key=lambda scores: -scores.metrics[metric])
    contenders = [ours, *known] if metric in ours.metrics else known
    reach = max(
        (max(s.metrics[metric], *s.intervals.get(metric, (0.0, 0.0))) for s in contenders),
        default=1.0,
    )
    width = max(reach - origin, 1e-9)

    def place(amount: float) -> float:
        return min(max((amount - origin) / width, 0.0), 1.0)

    return [
        Bar(
            name=texts.named("who", scores.name),
            text=written(metric, scores.metrics[metric], money),
            length=place(scores.metrics[metric]),
            whisker=(place(limits[0]), place(limits[1]))
            if (limits := scores.intervals.get(metric))
            else None,
            is_ours=scores is ours,
        )
        for scores in contenders
    ]


def metric_rows(
    ours: Scores, baselines: Sequence[Scores], *, texts: Texts, money: formats.Currency
) -> list[MetricRow]:
    """Return a row for each measure known to the page, contenders as columns, ours first."""
    contenders = [ours, *baselines]
    names = dict.fromkeys(name for scores in contenders for name in scores.metrics)
    rows = []
    for name in names:
        if not texts.has(f"metric.{name}"):
            continue
        amounts = [scores.metrics.get(name) for scores in contenders]
        known = [amount for amount in amounts if amount is not None]
        best = min(known) if name in LOWER_IS_BETTER else max(known)
        contested = len(known) > 1 and name not in NO_CONTEST
        rows.append(
            MetricRow(
                texts.named("metric", name),
                texts.named("metric", f"{name}.note"),
                [
                    Cell(written(name, amount, money), contested and amount == best)
                    for amount in amounts
                ],
            )
        )
    return rows
