"""Options of the drawn charts: the figures are in them, and nothing JSON cannot hold."""

import json
from collections.abc import Iterator

import pytest

from habitue.report import charts
from habitue.report.data import PersonEvent
from habitue.report.documents import Decile, ReliabilityPoint
from habitue.report.figures import Timeline
from habitue.report.formats import Currency
from habitue.report.page import _static
from habitue.report.texts import Texts
from habitue.schema import DAY, EVENT_TYPES, parse_time

TEXTS, MONEY = Texts(), Currency.of("USD")
START = parse_time("2024-01-01")


def timeline(counts: dict[str, list[int]]) -> Timeline:
    return Timeline(
        unit="week",
        starts=[START, START + 7 * DAY],
        counts=counts,
        persons=[5, 6],
        new_persons=[5, 2],
        revenue=[10.0, 20.0],
        is_first_partial=False,
        is_last_partial=True,
    )


def texts_in(option: charts.Json) -> Iterator[str]:
    if isinstance(option, str):
        yield option
    elif isinstance(option, dict):
        for value in option.values():
            yield from texts_in(value)
    elif isinstance(option, list):
        for value in option:
            yield from texts_in(value)


def series_of(chart: charts.Chart) -> list[dict[str, charts.Json]]:
    series = json.loads(json.dumps(chart.option))["series"]
    assert isinstance(series, list)
    return series


def test_every_event_type_has_a_place_and_a_colour() -> None:
    assert set(charts.TYPE_ORDER) == set(charts.TYPE_COLOURS) == set(EVENT_TYPES)
    assert all(TEXTS.has(f"type.{kind}") for kind in EVENT_TYPES)


def test_timeline_has_a_panel_a_type_from_look_to_purchase() -> None:
    counts = {"purchase": [1, 2], "view_item": [30, 40]}
    chart = charts.timeline_chart(timeline(counts), TEXTS, money=MONEY)
    names = [series["name"] for series in series_of(chart)]
    assert names == ["Active people", "of them new", "Views", "Purchases", "Revenue"]
    assert chart.table.rows[1] == ["2024-01-08", "6", "2", "40", "2", "$20.00"]


def test_returning_and_new_people_stack_to_all_active_people() -> None:
    chart = charts.timeline_chart(timeline({"view_item": [3, 4]}), TEXTS, money=None)
    returning, new = series_of(chart)[:2]
    assert returning["data"] == [0.0, {"value": 4.0, "itemStyle": {"opacity": charts.FAINT}}]
    assert new["data"] == [5.0, {"value": 2.0, "itemStyle": {"opacity": charts.FAINT}}]


def test_log_of_many_types_shows_the_busiest() -> None:
    counts = {kind: [n, n] for n, kind in enumerate(EVENT_TYPES, start=1)}
    chart = charts.timeline_chart(timeline(counts), TEXTS, money=None)
    assert len(series_of(chart)) == 2 + charts.MOST_PANELS
    assert len(chart.table.head) == 3 + len(EVENT_TYPES)


def test_a_whisker_is_what_chance_allows_of_so_many() -> None:
    points = [ReliabilityPoint(0.5, 0.5, 100), ReliabilityPoint(0.2, 0.0, 10)]
    chart = charts.reliability_chart("c", points, TEXTS, task="Will buy")
    whiskers = series_of(chart)[1]["data"]
    assert isinstance(whiskers, list)
    assert whiskers[0] == [0.5, pytest.approx(0.4038, abs=1e-4)]
    assert whiskers[1] == [0.5, pytest.approx(0.5962, abs=1e-4)]
    assert whiskers[2] == ["-", "-"]
    assert whiskers[3:5] == [[0.2, 0.0], [0.2, pytest.approx(0.2775, abs=1e-4)]]
    assert [row[2].replace("\u00a0", " ") for row in chart.table.rows] == [
        "40.4 % – 59.6 %",
        "0 % – 27.8 %",
    ]


def test_reliability_axes_fit_the_points() -> None:
    points = [ReliabilityPoint(0.01, 0.02, 50), ReliabilityPoint(0.05, 0.07, 10)]
    chart = charts.reliability_chart("c", points, TEXTS, task="Will buy")
    x_axis = chart.option["xAxis"]
    assert isinstance(x_axis, dict)
    assert x_axis["max"] == 0.08
    assert chart.label == "Predicted against observed shares for Will buy."


@pytest.mark.parametrize(("top", "limit"), [(0.97, 1.0), (0.39, 0.4), (0.01, 0.04)])
def test_deciles_of_shares_have_four_equal_steps(top: float, limit: float) -> None:
    deciles = [Decile(1, top, None, 10), Decile(2, top / 2, None, 10)]
    chart = charts.decile_chart("d", deciles, TEXTS, task="Buys", average=None, money=None)
    y_axis = chart.option["yAxis"]
    assert isinstance(y_axis, dict)
    assert (y_axis["max"], y_axis["interval"]) == (limit, limit / 4)


def test_deciles_of_amounts_are_money() -> None:
    deciles = [Decile(1, 90.0, 100.0, 10), Decile(2, 10.0, None, 10)]
    chart = charts.decile_chart("d", deciles, TEXTS, task="Value", average=50.0, money=MONEY)
    assert chart.table.rows == [["1", "$100.00", "$90.00", "10"], ["2", "–", "$10.00", "10"]]
    assert "fmt:money" in set(texts_in(chart.option))


def test_learning_curves_need_two_passes() -> None:
    rows = [
        {"epoch": 1, "train_loss": 2.0},
        {"epoch": 2, "train_loss": 1.5, "valid_ndcg@10": 0.1, "seconds": 9},
    ]
    assert [chart.name for chart in charts.learning_charts(rows, TEXTS)] == ["learning-train_loss"]
    assert charts.learning_charts([], TEXTS) == []


def test_person_with_too_many_events_shows_the_latest() -> None:
    events = [PersonEvent(START + n, "view_item", f"item {n}") for n in range(700)]
    chart = charts.person_chart("p", events, TEXTS, user="u", log_span=DAY)
    (series,) = series_of(chart)
    points = series["data"]
    assert isinstance(points, list)
    assert len(points) == charts.MOST_EVENTS
    assert chart.table.rows[0][2] == "item 699"


def test_stand_ins_are_known_to_style_sheet_and_script() -> None:
    style, script = _static("report.css"), _static("report.js")
    drawn = [
        charts.timeline_chart(timeline({kind: [1, 1]}), TEXTS, money=MONEY) for kind in EVENT_TYPES
    ]
    drawn.append(charts.reliability_chart("c", [ReliabilityPoint(0.1, 0.1, 1)], TEXTS, task="t"))
    for text in {text for chart in drawn for text in texts_in(chart.option)}:
        if text.startswith("var:"):
            assert f"{text.removeprefix('var:')}:" in style
        if text.startswith("fmt:"):
            assert f"    {text.removeprefix('fmt:')}: " in script
