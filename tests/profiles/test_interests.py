import polars as pl
import pytest

from habitue.errors import Refused
from habitue.profiles.interests import build_interests
from habitue.schema import DAY
from tests.profiles.log_lines import MONDAY, Line, frame_of, items_of, norms_of, shop, shop_norms

AS_OF = MONDAY + 80 * DAY


def of_person(table: pl.DataFrame, person: int, name: str) -> dict[str, float]:
    return table.filter((pl.col("subject_id") == person) & (pl.col("name") == name)).row(
        0, named=True
    )


def milk_shop() -> list[Line]:
    """Everyone buys milk thrice as often as anything; person 1 also buys tents, others bread."""
    lines = []
    for person in range(1, 11):
        for day in range(20):
            lines += [Line(person, day, item=0)] * 3
            lines.append(Line(person, day, item=1 if person == 1 else 2))
    return lines


def test_what_everyone_buys_is_nobodys_special_interest() -> None:
    items = items_of(["milk", "tents", "bread"])
    frame = frame_of(milk_shop())
    table = build_interests(frame, items, as_of=AS_OF, norms=norms_of(frame, items, as_of=AS_OF))
    milk, tents = of_person(table, 1, "milk"), of_person(table, 1, "tents")
    assert milk["share"] == pytest.approx(0.75**0.5)  # of each visit the root of its part
    assert milk["weight"] == pytest.approx(0, abs=1e-6)  # shares are averaged in millionths
    assert milk["strength"] < 0.01 < tents["strength"]
    assert milk["lift"] == pytest.approx(1)
    assert tents["share"] == pytest.approx(0.25**0.5)
    assert tents["weight"] > 0.2
    assert tents["lift"] > 8
    first = table.filter((pl.col("subject_id") == 1) & (pl.col("kind") == "category"))["name"][0]
    assert first == "tents"


def test_the_same_share_weighs_less_when_it_rests_on_one_event() -> None:
    items = items_of(["a", "b"])
    lines = [Line(p, d, item=1) for p in range(8) for d in range(5)]
    lines += [Line(20, 1, item=0), *(Line(21, d, item=0) for d in range(30))]
    frame = frame_of(lines)
    table = build_interests(frame, items, as_of=AS_OF, norms=norms_of(frame, items, as_of=AS_OF))
    once, often = of_person(table, 20, "a"), of_person(table, 21, "a")
    assert once["share"] == often["share"] == 1.0
    assert once["weight"] == pytest.approx(0.8 / 4)
    assert often["weight"] > 0.6


@pytest.mark.parametrize(
    ("days_of_a", "days_of_b", "trend"),
    [
        ([72, 74, 76], [2, 74], "new"),
        ([1, 40, 72, 74, 76, 78], [1, 2, 3, 4, 5, 6, 77], "rising"),
        ([1, 2, 3, 4, 5, 70], [6, 72, 73, 74, 75, 76], "falling"),
        ([1, 20, 70, 76], [2, 21, 71, 77], "steady"),
        ([1, 2, 3], [2, 76], "dormant"),
    ],
)
def test_trend(days_of_a: list[int], days_of_b: list[int], trend: str) -> None:
    items = items_of(["a", "b"])
    frame = frame_of(
        [Line(1, d, item=0) for d in days_of_a] + [Line(1, d, item=1) for d in days_of_b]
    )
    norms = norms_of(frame, items, as_of=AS_OF)
    table = build_interests(frame, items, as_of=AS_OF, norms=norms)
    found = table.filter(pl.col("name") == "a")["trend"].item()
    assert found == trend


def test_the_favourite_category_comes_first() -> None:
    made = shop()
    table = build_interests(
        made.events, made.items, as_of=made.end_at, norms=shop_norms(made.end_at)
    )
    leaves = table.filter((pl.col("kind") == "category") & (pl.col("level") == 2))
    top = dict(leaves.group_by("subject_id").first().select("subject_id", "name").iter_rows())
    right = [top[person] == love for person, love in made.favourite.items()]
    assert sum(right) / len(right) > 0.95


def test_weights_and_shares_lie_within_bounds() -> None:
    made = shop()
    table = build_interests(
        made.events, made.items, as_of=made.end_at, norms=shop_norms(made.end_at)
    )
    assert table["weight"].is_between(0, 1).all()
    assert table["share"].is_between(0, 1).all()
    assert (table["lift"] > 0).all()


def test_future_events_leave_interests_unchanged() -> None:
    made = shop()
    as_of = made.start_at + 120 * DAY
    norms = shop_norms(as_of)
    past = made.events.filter(pl.col("timestamp") < as_of)
    one = build_interests(past, made.items, as_of=as_of, norms=norms)
    other = build_interests(made.events, made.items, as_of=as_of, norms=norms)
    exact = ["subject_id", "kind", "name", "events", "first_seen", "last_seen", "trend"]
    assert other.select(exact).equals(one.select(exact))
    assert other["weight"].to_list() == pytest.approx(one["weight"].to_list())


def test_norms_from_the_future_are_refused() -> None:
    made = shop()
    with pytest.raises(Refused, match="after the moment asked for"):
        build_interests(
            made.events, made.items, as_of=made.start_at + DAY, norms=shop_norms(made.end_at)
        )


def test_a_category_first_seen_after_the_norms_has_a_finite_lift() -> None:
    items = items_of(["a", "b"])
    early = frame_of([Line(1, 1), Line(2, 1)])
    norms = norms_of(early, items, as_of=MONDAY + 2 * DAY)
    frame = frame_of([Line(1, 1), Line(1, 5, item=1)])
    table = build_interests(frame, items, as_of=AS_OF, norms=norms)
    assert 1 < of_person(table, 1, "b")["lift"] < 10
