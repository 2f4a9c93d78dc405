from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from habitue.profiles.facts import build_facts
from habitue.profiles.segment_texts import segment_summary
from habitue.profiles.segments import (
    RHYTHM_COLUMNS,
    SEGMENTS,
    SegmentEdges,
    add_segments,
    fit_edges,
)
from habitue.schema import DAY
from tests.examples import examples
from tests.profiles.log_lines import MONDAY, Line, frame_of, items_of, shop

EDGES = SegmentEdges(
    as_of=0, has_orders=True, persons=100, usual_gap_days=10, regular_days=5, champion_value=500.0
)


def person(
    order_days: int, since: float | None, *, gap: float | None = 10, longest: float = 15,
    revenue: float = 100,
) -> pl.DataFrame:  # fmt: skip
    is_repeater = order_days > 1
    return pl.DataFrame(
        {
            "subject_id": [1], "tenure_days": [300.0], "recency_days": [since or 3.0],
            "active_days": [order_days + 2], "usual_gap_days": [5.0], "orders": [order_days],
            "order_days": [order_days], "last_order_days": [since],
            "order_gap_days": [gap if is_repeater else None],
            "longest_order_gap_days": [longest if is_repeater else None],
            "revenue": [revenue], "is_bot": [False],
        },
        schema_overrides={"last_order_days": pl.Float64, "order_gap_days": pl.Float64,
                          "longest_order_gap_days": pl.Float64, "revenue": pl.Float64},
    )  # fmt: skip


def segment_of(facts: pl.DataFrame, edges: SegmentEdges = EDGES) -> str:
    return str(add_segments(facts, edges=edges)["segment"].item())


@pytest.mark.parametrize(
    ("facts", "segment"),
    [
        (person(0, None), "visitor"),
        (person(1, 19.0), "new"),
        (person(1, 21.0), "one-time"),
        (person(3, 5.0), "promising"),
        (person(5, 19.0), "regular"),
        (person(3, 19.0, revenue=501), "champion"),
        (person(5, 19.0, revenue=500), "regular"),
        (person(2, 19.0, revenue=900), "promising"),
        (person(5, 21.0, revenue=900), "needs attention"),
        (person(5, 31.0), "slipping away"),
        (person(5, 51.0), "lost"),
    ],
)
def test_each_segment(facts: pl.DataFrame, segment: str) -> None:
    assert segment_of(facts) == segment


def test_late_is_measured_by_the_persons_own_rhythm() -> None:
    assert segment_of(person(30, 12.0, gap=2, longest=4)) == "lost"
    assert segment_of(person(30, 12.0, gap=30, longest=40)) == "regular"


def test_a_pause_the_person_once_came_back_from_is_not_yet_late() -> None:
    assert segment_of(person(30, 39.0, gap=5, longest=40)) == "regular"


def test_edges_are_those_of_the_population() -> None:
    made = shop()
    facts = build_facts(made.events, made.items, as_of=made.end_at)
    edges = fit_edges(facts, as_of=made.end_at)
    buyers = facts.filter(pl.col("orders") > 0)
    richer = buyers.filter(pl.col("revenue") > edges.champion_value).height / buyers.height
    assert richer == pytest.approx(0.2, abs=0.02)
    assert edges.usual_gap_days == facts["order_gap_days"].median()
    assert (edges.has_orders, edges.persons) == (True, facts.height)


def test_who_left_the_made_up_shop_is_late_and_who_stays_is_not() -> None:
    made = shop()
    facts = build_facts(made.events, made.items, as_of=made.end_at)
    table = add_segments(facts, edges=fit_edges(facts, as_of=made.end_at))
    late = table["segment"].is_in(["needs attention", "slipping away", "lost", "one-time"])
    gone = table["subject_id"].is_in(list(made.leaves_at))
    assert late.filter(gone).to_list().count(True) > 0.85 * len(made.leaves_at)
    stayed = late.filter(~gone).to_list()
    assert stayed.count(True) < 0.15 * len(stayed)


def test_a_log_of_views_is_segmented_by_visits() -> None:
    items = items_of(["a"])
    lines = [Line(p, 5 * n, "view_item") for p in range(10) for n in range(8)]
    lines += [Line(9, 5 * n + 2, "view_item") for n in range(7)]
    lines += [Line(20, 35, "view_item"), Line(21, 0, "view_item")]
    as_of = MONDAY + 36 * DAY
    facts = build_facts(frame_of(lines), items, as_of=as_of)
    table = add_segments(facts, edges=fit_edges(facts, as_of=as_of))
    found = dict(table.select("subject_id", "segment").iter_rows())
    assert (found[0], found[9]) == ("regular", "champion")
    assert (found[20], found[21]) == ("new", "one-time")
    sentences = segment_summary(table)["sentence"]
    assert not any("bought" in text for text in sentences.head(4))


def test_where_nobody_came_back_nobody_is_late() -> None:
    facts = build_facts(frame_of([Line(1, 0), Line(2, 1)]), items_of(["a"]), as_of=MONDAY + 3 * DAY)
    table = add_segments(facts, edges=fit_edges(facts, as_of=MONDAY + 3 * DAY))
    assert table["segment"].to_list() == ["new", "new"]


def test_an_empty_shop_has_edges() -> None:
    facts = build_facts(frame_of([]), items_of(["a"]), as_of=MONDAY)
    edges = fit_edges(facts, as_of=MONDAY)
    assert (edges.persons, edges.champion_value) == (0, None)
    assert add_segments(facts, edges=edges).height == 0


def test_saved_edges_load_as_they_were(tmp_path: Path) -> None:
    EDGES.save(tmp_path / "edges.json")
    assert SegmentEdges.load(tmp_path / "edges.json") == EDGES


def test_the_summary_accounts_for_everyone_and_all_money() -> None:
    made = shop()
    facts = build_facts(made.events, made.items, as_of=made.end_at)
    table = add_segments(facts, edges=fit_edges(facts, as_of=made.end_at))
    summary = segment_summary(table)
    assert summary["segment"].to_list() == list(SEGMENTS)
    assert summary["persons"].sum() == table.height
    assert summary["revenue"].sum() == pytest.approx(table["revenue"].sum())
    assert summary["share"].sum() == pytest.approx(1)
    assert summary["revenue_share"].sum() == pytest.approx(1)


days = st.none() | st.floats(0, 5000, allow_nan=False)


@settings(max_examples=examples(200), deadline=None, derandomize=True)
@given(
    order_days=st.integers(0, 400) | st.none(),
    active=st.integers(1, 4000),
    since=days,
    gap=days,
    longest=days,
    revenue=st.none() | st.floats(0, 1e9),
    recency=st.floats(0, 5000),
    has_orders=st.booleans(),
    champion=st.none() | st.floats(0, 1e6),
    shop_gap=st.floats(0, 1000),
)
def test_every_person_has_exactly_one_segment(
    order_days: int | None, active: int, since: float | None, gap: float | None,
    longest: float | None, revenue: float | None, recency: float, has_orders: bool,
    champion: float | None, shop_gap: float,
) -> None:  # fmt: skip
    row = {
        "subject_id": 1, "tenure_days": recency, "recency_days": recency, "active_days": active,
        "usual_gap_days": gap, "orders": order_days, "order_days": order_days,
        "last_order_days": since, "order_gap_days": gap, "longest_order_gap_days": longest,
        "revenue": revenue, "is_bot": None,
    }  # fmt: skip
    types = {"orders": pl.Int64, "order_days": pl.Int64, "is_bot": pl.Boolean}
    floats = ("last_order_days", "order_gap_days", "longest_order_gap_days", "usual_gap_days")
    types |= dict.fromkeys((*floats, "revenue"), pl.Float64)
    facts = pl.DataFrame([row], schema_overrides=types)
    assert tuple(facts.columns) == RHYTHM_COLUMNS
    edges = SegmentEdges(0, has_orders, 1, shop_gap, 3, champion)
    assert segment_of(facts, edges) in SEGMENTS
