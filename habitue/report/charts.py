"""ECharts options for the drawn charts, each with a sentence and a table for those who see none.

In: figures. Out: `Chart`s of plain JSON values. Two kinds of text stand for what JSON cannot
hold, and the page's script puts the real thing in their place: `var:--name` a colour of the
current theme, `fmt:name` a function that writes numbers. Knows nothing about HTML.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from habitue.display import shorten
from habitue.report import formats
from habitue.report.data import PersonEvent
from habitue.report.documents import Decile, ReliabilityPoint
from habitue.report.figures import Timeline
from habitue.report.texts import Texts
from habitue.schema import DAY

Json = str | float | bool | None | Sequence["Json"] | Mapping[str, "Json"]
Option = dict[str, Json]

# From the first look to the purchase: the order of rows and of colours.
TYPE_ORDER = (
    "impression", "view_item_list", "view_item", "select_item", "click", "search",
    "add_to_wishlist", "add_to_cart", "remove_from_cart", "view_cart", "begin_checkout",
    "purchase", "refund",
)  # fmt: skip
TYPE_COLOURS = {
    "view_item": "blue",
    "select_item": "blue",
    "click": "blue",
    "view_item_list": "grey",
    "impression": "grey",
    "search": "violet",
    "add_to_wishlist": "rose",
    "add_to_cart": "amber",
    "view_cart": "amber",
    "begin_checkout": "amber",
    "remove_from_cart": "grey",
    "purchase": "teal",
    "refund": "red",
}
MOST_PANELS = 5
MOST_CURVES = 4
MOST_EVENTS = 500
FAINT = 0.4


@dataclass(frozen=True)
class Table:
    """The chart's figures as text, for a screen reader or a sceptic."""

    head: list[str]
    rows: list[list[str]]


@dataclass(frozen=True)
class Chart:
    """What to draw, how high, and how to say it without a picture."""

    name: str
    option: Option
    height: int
    label: str
    table: Table


def colour(name: str) -> str:
    """Return the stand-in for a theme colour."""
    return f"var:--{name}"


def _text(size: int = 12, shade: str = "muted") -> Option:
    return {"color": colour(shade), "fontSize": size}


def _category_axis(labels: Sequence[str], **more: Json) -> Option:
    return {
        "type": "category",
        "data": list(labels),
        "axisTick": {"show": False},
        "axisLine": {"lineStyle": {"color": colour("line")}},
        "axisLabel": {**_text(), "hideOverlap": True},
        **more,
    }


def _value_axis(format_name: str, **more: Json) -> Option:
    return {
        "type": "value",
        "splitNumber": 3,
        "axisLine": {"show": False},
        "axisLabel": {**_text(11), "formatter": f"fmt:{format_name}"},
        "splitLine": {"lineStyle": {"color": colour("line"), "opacity": 0.6}},
        **more,
    }


def _tooltip(trigger: str) -> Option:
    return {
        "trigger": trigger,
        "confine": True,
        "backgroundColor": colour("panel"),
        "borderColor": colour("line"),
        "textStyle": _text(13, "ink"),
        "axisPointer": {"type": "shadow", "shadowStyle": {"color": colour("shade")}},
    }


def _base(**more: Json) -> Option:
    return {
        "animation": False,
        "useUTC": True,
        "textStyle": {"fontFamily": "var:--sans"},
        "color": [colour(name) for name in ("teal", "blue", "amber", "violet", "rose", "red")],
        **more,
    }


@dataclass(frozen=True)
class _Panel:
    """One row of small bars under the common time axis."""

    title: str
    series: list[tuple[str, list[float], str]]  # name, values, colour; drawn on one another
    format_name: str


def timeline_chart(timeline: Timeline, texts: Texts, *, money: formats.Currency | None) -> Chart:
    """Return small bars by period: active people, each event type, revenue."""
    panels = _panels(timeline, texts, has_money=money is not None)
    labels = [formats.period(at, timeline.unit) for at in timeline.starts]
    row, gap, top = 74, 40, 26
    indices = list(range(len(panels)))
    bottom = indices[-1]
    option = _base(
        tooltip=_tooltip("axis"),
        axisPointer={"link": [{"xAxisIndex": "all"}]},
        title=[
            {
                "text": panel.title,
                "left": 0,
                "top": n * (row + gap),
                "textStyle": {**_text(12, "ink"), "fontWeight": 600},
            }
            for n, panel in enumerate(panels)
        ],
        grid=[
            {"left": 58, "right": 8, "top": top + n * (row + gap), "height": row} for n in indices
        ],
        xAxis=[
            _category_axis(
                labels,
                gridIndex=n,
                axisLabel={**_text(), "hideOverlap": True, "show": n == bottom},
            )
            for n in indices
        ],
        yAxis=[
            _value_axis(panel.format_name, gridIndex=n, splitNumber=2)
            for n, panel in enumerate(panels)
        ],
        series=[
            {
                "type": "bar",
                "name": name,
                "stack": panel.title,
                "xAxisIndex": n,
                "yAxisIndex": n,
                "barCategoryGap": "18%",
                "barMaxWidth": 36,
                "itemStyle": {"color": colour(shade)},
                "tooltip": {"valueFormatter": f"fmt:{panel.format_name}"},
                "data": _partial(values, timeline),
            }
            for n, panel in enumerate(panels)
            for name, values, shade in panel.series
        ],
    )
    height = top + len(panels) * (row + gap) - gap + 34
    label = texts("time.aria", unit=texts(f"unit.{timeline.unit}"))
    return Chart("timeline", option, height, label, _timeline_table(timeline, texts, money))


def _panels(timeline: Timeline, texts: Texts, *, has_money: bool) -> list[_Panel]:
    known = [
        active - new for active, new in zip(timeline.persons, timeline.new_persons, strict=True)
    ]
    people = _Panel(
        texts("time.persons.title"),
        [
            (texts("time.persons"), list(map(float, known)), "violet"),
            (texts("time.new"), list(map(float, timeline.new_persons)), "rose"),
        ],
        "number",
    )
    kinds = sorted(timeline.counts, key=lambda kind: -sum(timeline.counts[kind]))[:MOST_PANELS]
    panels = [people]
    for kind in sorted(kinds, key=TYPE_ORDER.index):
        title = texts.named("type", kind)
        values = list(map(float, timeline.counts[kind]))
        panels.append(_Panel(title, [(title, values, TYPE_COLOURS[kind])], "number"))
    if has_money:
        title = texts("time.revenue")
        panels.append(_Panel(title, [(title, timeline.revenue, "green")], "money"))
    return panels


def _partial(values: Sequence[float], timeline: Timeline) -> list[Json]:
    """Draw a period that is not complete lighter, lest its low bar read as a fall."""
    bars: list[Json] = list(values)
    for place, is_partial in ((0, timeline.is_first_partial), (-1, timeline.is_last_partial)):
        if is_partial:
            bars[place] = {"value": values[place], "itemStyle": {"opacity": FAINT}}
    return bars


def _timeline_table(timeline: Timeline, texts: Texts, money: formats.Currency | None) -> Table:
    kinds = sorted(timeline.counts, key=TYPE_ORDER.index)
    head: list[str] = [texts("time.period"), texts("time.persons"), texts("time.new")]
    head += [texts.named("type", kind) for kind in kinds]
    columns: list[list[str]] = [
        [formats.period(at, timeline.unit) for at in timeline.starts],
        list(map(formats.number, timeline.persons)),
        list(map(formats.number, timeline.new_persons)),
        *(list(map(formats.number, timeline.counts[kind])) for kind in kinds),
    ]
    if money is not None:
        head.append(texts("time.revenue"))
        columns.append([money.money(amount) for amount in timeline.revenue])
    return Table(head, [list(row) for row in zip(*columns, strict=True)])


def reliability_chart(
    name: str, points: Sequence[ReliabilityPoint], texts: Texts, *, task: str
) -> Chart:
    """Return predicted against observed shares; the larger a point, the more people in it.

    A whisker is what chance allows of so many: the 95 % interval of Wilson (1927).
    """
    most = max(point.n for point in points) or 1
    likely = [_wilson(point.observed, point.n) for point in points]
    limit = _share_limit(max(max(point.predicted, point.observed) for point in points))
    diagonal: Option = {
        "type": "line",
        "silent": True,
        "symbol": "none",
        "lineStyle": {"type": "dashed", "color": colour("muted"), "width": 1},
        "data": [[0, 0], [limit, limit]],
    }
    ours: Option = {
        "type": "line",
        "name": texts("task.observed"),
        "lineStyle": {"width": 1.5, "color": colour("teal")},
        "itemStyle": {"color": colour("teal")},
        "symbol": "circle",
        "data": [
            {
                "value": [point.predicted, point.observed, point.n, *limits],
                "symbolSize": 4 + 6 * (point.n / most) ** 0.5,
            }
            for point, limits in zip(points, likely, strict=True)
        ],
    }
    whiskers: Option = {
        "type": "line",
        "silent": True,
        "symbol": "none",
        "lineStyle": {"width": 1.5, "color": colour("teal"), "opacity": 0.55},
        "data": [
            end
            for point, limits in zip(points, likely, strict=True)
            for end in (
                *([point.predicted, min(limit, one)] for one in limits),
                ["-", "-"],  # lifts the pen
            )
        ],
    }
    option = _base(
        grid={"left": 52, "right": 16, "top": 30, "bottom": 44},
        tooltip={**_tooltip("item"), "formatter": "fmt:reliability"},
        xAxis=_value_axis(
            "percent",
            min=0,
            max=limit,
            interval=limit / 4,
            name=texts("task.predicted"),
            nameLocation="middle",
            nameGap=28,
            nameTextStyle=_text(),
        ),
        yAxis=_value_axis(
            "percent",
            min=0,
            max=limit,
            interval=limit / 4,
            name=texts("task.observed"),
            nameTextStyle={**_text(), "align": "left", "padding": [0, 0, 0, -44]},
        ),
        series=[diagonal, whiskers, ours],
    )
    table = Table(
        [texts(f"task.{name}") for name in ("predicted", "observed", "likely", "people")],
        [
            [
                formats.percent(point.predicted),
                formats.percent(point.observed),
                f"{formats.percent(low)} – {formats.percent(high)}",
                formats.number(point.n),
            ]
            for point, (low, high) in zip(points, likely, strict=True)
        ],
    )
    return Chart(name, option, 250, texts("task.calibration.aria", task=task), table)


def _wilson(share: float, n: int) -> tuple[float, float]:
    """Return between which shares the true one lies, 95 %, where `share` of `n` did it."""
    if not n:
        return 0.0, 1.0
    z = 1.96
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * (share * (1 - share) / n + z * z / (4 * n * n)) ** 0.5 / (1 + z * z / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def _share_limit(top: float) -> float:
    """Return where an axis of shares ends, four equal steps from 0."""
    return next(edge for edge in (0.04, 0.08, 0.2, 0.4, 0.6, 0.8, 1.0) if top <= edge or edge == 1)


def decile_chart(
    name: str,
    deciles: Sequence[Decile],
    texts: Texts,
    *,
    task: str,
    average: float | None,
    money: formats.Currency | None,
) -> Chart:
    """Return the observed rate (with `money`: the mean amount) by tenth of people."""
    is_share = money is None
    format_name = "percent" if is_share else "money"
    limit = _share_limit(max(decile.observed for decile in deciles))
    scale: Option = {"max": limit, "interval": limit / 4} if is_share else {}
    bars: Option = {
        "type": "bar",
        "name": texts("task.observed"),
        "itemStyle": {"color": colour("teal"), "borderRadius": [3, 3, 0, 0]},
        "barCategoryGap": "22%",
        "data": [decile.observed for decile in deciles],
        "tooltip": {"valueFormatter": f"fmt:{format_name}"},
    }
    if average is not None:
        bars["markLine"] = {
            "silent": True,
            "symbol": "none",
            "lineStyle": {"type": "dashed", "color": colour("muted")},
            "label": {
                **_text(11),
                "formatter": texts("task.average"),
                "position": "insideEndTop",
            },
            "data": [{"yAxis": average}],
        }
    option = _base(
        grid={"left": 52, "right": 12, "top": 30, "bottom": 44},
        tooltip=_tooltip("axis"),
        xAxis=_category_axis(
            [str(decile.number) for decile in deciles],
            name=texts("task.group"),
            nameLocation="middle",
            nameGap=28,
            nameTextStyle=_text(),
        ),
        yAxis=_value_axis(format_name, min=0, **scale),
        series=[bars],
    )

    def written(amount: float | None) -> str:
        return formats.percent(amount) if money is None else money.money(amount)

    table = Table(
        [
            texts("task.group"),
            texts("task.predicted"),
            texts("task.observed"),
            texts("task.people"),
        ],
        [
            [str(d.number), written(d.predicted), written(d.observed), formats.number(d.n)]
            for d in deciles
        ],
    )
    return Chart(name, option, 250, texts("task.deciles.aria", task=task), table)


def learning_charts(rows: Sequence[Mapping[str, float]], texts: Texts) -> list[Chart]:
    """Return a curve for each measure that has at least two passes."""
    names = [
        name
        for name in dict.fromkeys(key for row in rows for key in row)
        if name.startswith(("train_", "valid_")) and sum(name in row for row in rows) > 1
    ]
    return [_learning_chart(name, rows, texts) for name in names[:MOST_CURVES]]


def _learning_chart(name: str, rows: Sequence[Mapping[str, float]], texts: Texts) -> Chart:
    title = _curve_title(name, texts)
    epochs = [formats.number(row.get("epoch", n)) for n, row in enumerate(rows, start=1)]
    option = _base(
        tooltip=_tooltip("axis"),
        grid={"left": 52, "right": 14, "top": 12, "bottom": 44},
        xAxis=_category_axis(
            epochs,
            name=texts("learning.epoch"),
            nameLocation="middle",
            nameGap=28,
            nameTextStyle=_text(),
        ),
        yAxis=_value_axis("number", scale=True),
        series=[
            {
                "type": "line",
                "name": title,
                "symbolSize": 7,
                "connectNulls": True,
                "itemStyle": {"color": colour("amber" if "loss" in name else "teal")},
                "lineStyle": {"width": 2},
                "tooltip": {"valueFormatter": "fmt:number"},
                "data": [row.get(name) for row in rows],
            }
        ],
    )
    table = Table(
        [texts("learning.epoch"), title],
        [
            [epoch, formats.number(row.get(name), 4)]
            for epoch, row in zip(epochs, rows, strict=True)
        ],
    )
    return Chart(f"learning-{name}", option, 210, title, table)


def _curve_title(name: str, texts: Texts) -> str:
    part, _, measure = name.partition("_")
    return texts(f"learning.{part}", measure=texts.named("metric", measure))


def person_chart(
    name: str, events: Sequence[PersonEvent], texts: Texts, *, user: str, log_span: int
) -> Chart:
    """Return a person's latest events as dots, one row an event type."""
    latest = sorted(events, key=lambda event: event.timestamp)[-MOST_EVENTS:]
    kinds = [
        kind for kind in reversed(TYPE_ORDER) if any(event.event_type == kind for event in latest)
    ]
    # A single visit in a log of months needs days around it to be read as a date.
    own_span = latest[-1].timestamp - latest[0].timestamp
    pad = max(own_span // 30, min(2 * DAY, log_span // 10))
    option = _base(
        grid={"left": 92, "right": 16, "top": 8, "bottom": 30},
        tooltip={**_tooltip("item"), "formatter": "fmt:event"},
        xAxis={
            "type": "time",
            "min": (latest[0].timestamp - pad) // 1000,
            "max": (latest[-1].timestamp + pad) // 1000,
            "axisLabel": {**_text(11), "hideOverlap": True},
            "axisLine": {"lineStyle": {"color": colour("line")}},
            "axisTick": {"show": False},
        },
        yAxis=_category_axis(
            [texts.named("type", kind) for kind in kinds],
            axisLine={"show": False},
            axisLabel=_text(12, "ink"),
            splitLine={"show": True, "lineStyle": {"color": colour("line")}},
        ),
        series=[
            {
                "type": "scatter",
                "name": texts.named("type", kind),
                "symbolSize": 11 if kind == "purchase" else 9,
                "itemStyle": {"color": colour(TYPE_COLOURS[kind]), "opacity": 0.75},
                "data": [
                    [
                        event.timestamp // 1000,
                        row,
                        shorten(event.text, 90),
                        formats.date_time(event.timestamp),
                    ]
                    for event in latest
                    if event.event_type == kind
                ],
            }
            for row, kind in enumerate(kinds)
        ],
    )
    table = Table(
        [texts("story.when"), texts("story.what"), texts("story.item")],
        [
            [
                formats.date_time(event.timestamp),
                texts.named("type", event.event_type),
                shorten(event.text, 90),
            ]
            for event in reversed(latest[-12:])
        ],
    )
    height = 46 + 34 * max(len(kinds), 1)
    return Chart(name, option, height, texts("story.timeline.aria", user=user), table)
