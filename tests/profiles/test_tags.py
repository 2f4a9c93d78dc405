from dataclasses import replace

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from habitue.config import ProfileSettings
from habitue.errors import Refused
from habitue.profiles.evidence import add_evidence
from habitue.profiles.interests import build_interests
from habitue.profiles.tags import TAG_WORDS, build_tags, without_explained
from habitue.schema import DAY
from tests.profiles.log_lines import (
    MONDAY,
    SETTINGS,
    Line,
    frame_of,
    items_of,
    norms_of,
    shop,
    shop_norms,
)

AS_OF = MONDAY + 200 * DAY


def tags_of(lines: list[Line], items: pl.DataFrame) -> dict[int, list[str]]:
    frame = frame_of(lines)
    norms = norms_of(frame, items, as_of=AS_OF)
    table = build_tags(frame, items, as_of=AS_OF, norms=norms, settings=SETTINGS)
    listed = table.group_by("subject_id", maintain_order=True).agg("tag")
    return dict(listed.iter_rows())


def crowd(**line: object) -> list[Line]:
    """Twenty persons, 100 to 119, with ten plain purchases of item 0 each."""
    return [
        Line(person, 20 * n, **line)  # type: ignore[arg-type]
        for person in range(100, 120)
        for n in range(10)
    ]


def test_the_favourite_category_is_the_top_tag() -> None:
    made = shop()
    table = build_tags(
        made.events, made.items, as_of=made.end_at, norms=shop_norms(made.end_at), settings=SETTINGS
    )
    counts = made.events.group_by("subject_id").len()
    busy = set(counts.filter(pl.col("len") >= 20)["subject_id"])
    top = dict(table.group_by("subject_id").first().select("subject_id", "tag").iter_rows())
    right = [top.get(p) == f"category: {love}" for p, love in made.favourite.items() if p in busy]
    assert len(right) > 100
    assert sum(right) / len(right) >= 0.95


def test_a_category_whose_subcategory_explains_it_is_no_tag() -> None:
    items = items_of(["a/x", "a/y", "b/z", "c/w"])
    lines = crowd(item=3) + [Line(1, day, item=0) for day in range(10)]
    assert tags_of(lines, items)[1][0] == "category: a/x"
    assert "category: a" not in tags_of(lines, items)[1]


def test_a_category_liked_in_many_small_parts_is_a_tag() -> None:
    candidates = pl.DataFrame(
        {
            "subject_id": [1] * 4,
            "kind": ["category"] * 4,
            "name": ["a", "a/x", "b", "b/y"],
            "level": [1, 2, 1, 2],
            "weight": [0.5, 0.1, 0.3, 0.2],
        }
    )
    assert without_explained(candidates)["name"].to_list() == ["a", "a/x", "b/y"]


def test_a_category_without_items_of_its_own_needs_five_events() -> None:
    items = items_of(["a/x", "a/y", "a/z", "a/v", "a/w", "b"])
    twice = [Line(1, 1, item=0), Line(1, 2, item=1), *(Line(1, d, item=5) for d in range(3, 9))]
    often = [Line(2, d, item=d) for d in range(5)]
    found = tags_of([*crowd(item=5), *twice, *often], items)
    assert "category: a" not in found.get(1, [])
    assert "category: a" in found[2]


def test_what_is_searched_again_is_a_tag_with_the_searches_as_evidence() -> None:
    items = items_of(["a"])
    asked = [Line(1, d, "search", item=None, query="Camping  Stove") for d in (1, 2)]
    others = [Line(p, 1, "search", item=None, query="milk") for p in range(100, 120)]
    frame = frame_of([*crowd(), *asked, *others])
    norms = norms_of(frame, items, as_of=AS_OF)
    table = build_tags(frame, items, as_of=AS_OF, norms=norms, settings=SETTINGS)
    table = add_evidence(table, frame, items, as_of=AS_OF, norms=norms)
    found = table.filter((pl.col("subject_id") == 1) & (pl.col("kind") == "search"))
    assert found["tag"].to_list() == ["search: camping stove"]
    texts = [one["text"] for one in found["evidence"].item()]
    assert texts == ["searched on 2024-01-03", "searched on 2024-01-02"]


def test_what_fewer_than_five_persons_searched_is_not_kept_in_a_model_version() -> None:
    lines = [Line(p, 1, "search", item=None, query="milk") for p in range(5)]
    lines += [Line(p, 2, "search", item=None, query="my name is Ann") for p in range(4)]
    shares = norms_of(frame_of([*crowd(), *lines]), items_of(["a"]), as_of=AS_OF).shares
    assert shares.filter(pl.col("kind") == "search")["name"].to_list() == ["milk"]


def test_what_is_given_back_is_told_with_the_returns_as_evidence() -> None:
    items = items_of(["a/x", "b"], brands=["acme", "other"])
    kept = [Line(1, d, item=1) for d in range(6)]
    returned = [Line(1, d, kind, item=0) for d in (1, 3) for kind in ("purchase", "refund")]
    frame = frame_of([*crowd(item=1), *kept, *returned, Line(1, 9, "refund", item=1)])
    norms = norms_of(frame, items, as_of=AS_OF)
    table = build_tags(frame, items, as_of=AS_OF, norms=norms, settings=SETTINGS)
    table = add_evidence(table, frame, items, as_of=AS_OF, norms=norms)
    unhappy = table.filter(pl.col("kind").str.starts_with("returned"))
    assert unhappy["tag"].to_list() == [
        "gives back category: a/x", "gives back brand: acme", "gives back item: thing 0",
    ]  # fmt: skip
    assert unhappy["weight"].to_list() == [1.0] * 3
    texts = [one["text"] for one in unhappy["evidence"][0]]
    assert texts == ["gave back 'thing 0' on 2024-01-04", "gave back 'thing 0' on 2024-01-02"]
    assert not table["tag"].is_in(["category: a/x", "brand: acme"]).any()


def test_what_is_given_back_is_no_liking_however_often_it_was_looked_at() -> None:
    items = items_of(["a/x", "b"], brands=["acme", "other"])
    looked = [Line(1, d, "view_item", item=0) for d in range(8)]
    bought = [Line(1, d, item=0) for d in (10, 12)]
    back = [Line(1, d, "refund", item=0) for d in (11, 13)]
    kept, gone = (tags_of([*crowd(item=1), *lines], items)[1] for lines in (
        looked + bought, looked + bought + back
    ))  # fmt: skip
    assert {"category: a/x", "brand: acme", "item: thing 0"} <= {*kept}
    assert gone == [
        "gives back category: a/x", "gives back brand: acme", "gives back item: thing 0",
    ]  # fmt: skip


def test_a_return_takes_weight_from_the_interest() -> None:
    items = items_of(["a", "b"])
    bought = [*(Line(1, d, item=0) for d in range(4)), *(Line(1, d, item=1) for d in range(4, 8))]
    weights = []
    for lines in (bought, [*bought, Line(1, 9, "refund", item=0)]):
        frame = frame_of([*crowd(item=1), *lines])
        norms = norms_of(frame, items, as_of=AS_OF)
        interests = build_interests(frame, items, as_of=AS_OF, norms=norms)
        mine = (pl.col("subject_id") == 1) & (pl.col("kind") == "category")
        weights.append(interests.filter(mine & (pl.col("name") == "a"))["weight"].item())
    assert weights[1] < 0.9 * weights[0]


def test_one_return_of_many_purchases_is_no_tag() -> None:
    lines = [*(Line(1, d) for d in range(6)), Line(1, 9, "refund")]
    assert not any(
        "gives back" in tag for tag in tags_of(crowd() + lines, items_of(["a"])).get(1, [])
    )


def test_one_event_is_no_tag() -> None:
    lines = [*crowd(item=1), Line(1, 1, item=0), *(Line(1, d, item=1) for d in range(5))]
    assert "category: a" not in tags_of(lines, items_of(["a", "b"])).get(1, [])


def test_what_everyone_likes_is_no_tag() -> None:
    assert tags_of(crowd(), items_of(["a"])) == {}


def test_who_buys_only_the_dearest_is_premium_and_who_the_cheapest_is_low() -> None:
    items = items_of(["a"] * 20)
    every = [
        Line(p, d, item=n, price=1.0 + n) for p in range(100, 110) for d, n in enumerate(range(20))
    ]
    dear = [Line(1, n, item=n, price=1.0 + n) for n in range(12, 20)]
    cheap = [Line(2, n, item=n, price=1.0 + n) for n in range(8)]
    found = tags_of(every + dear + cheap, items)
    assert "price: premium" in found[1]
    assert "price: low" in found[2]
    assert not any(tag.startswith("price:") for tag in found.get(100, []))


def test_price_level_is_relative_to_the_category() -> None:
    # Person 1 buys the cheapest of a dear category: low, although each costs a fortune.
    items = items_of(["dear"] * 10 + ["cheap"] * 10)
    price = {n: (1000.0 if n < 10 else 1.0) + n for n in range(20)}
    every = [Line(p, n, item=n, price=price[n]) for p in range(100, 120) for n in range(20)]
    low = [Line(1, n, item=n, price=price[n]) for n in range(3)]
    low += [Line(1, n, item=n, price=price[n]) for n in range(10, 13)]
    assert "price: low" in tags_of(every + low, items)[1]


def test_loyal_to_a_brand_that_others_mix() -> None:
    items = items_of(["a", "a"], brands=["acme", "other"])
    lines = [Line(p, d, item=d % 2) for p in range(100, 110) for d in range(10)]
    lines += [Line(1, d, item=0) for d in range(6)]
    found = tags_of(lines, items)
    assert "loyal to brand: acme" in found[1]
    assert not any("loyal" in tag for tag in found.get(100, []))


def test_only_the_two_loyalties_with_most_purchases_are_told() -> None:
    brands = [name for n in range(4) for name in (f"own{n}", f"other{n}")]
    items = items_of([f"c{n // 2}" for n in range(8)], brands=brands)
    lines = [Line(p, n, item=n) for p in range(100, 130) for n in range(8)]
    lines += [Line(1, d, item=2 * n) for n in range(4) for d in range(5 + n)]
    loyal = [tag for tag in tags_of(lines, items)[1] if tag.startswith("loyal")]
    assert sorted(loyal) == ["loyal to brand: own2", "loyal to brand: own3"]


def test_nobody_is_loyal_where_there_is_one_brand() -> None:
    items = items_of(["a", "b"], brands=["acme", "acme"])
    assert not any("loyal" in tag for tags in tags_of(crowd(), items).values() for tag in tags)


def test_bargains_make_a_discount_hunter_only_beyond_chance() -> None:
    usual = crowd(price=10.0)
    hunter = [Line(1, d, price=7.0) for d in range(8)] + [Line(2, d, price=10.0) for d in range(8)]
    found = tags_of(usual + hunter, items_of(["a"]))
    assert found[1] == ["discount: hunter"]
    assert 2 not in found


def test_tags_are_the_same_where_the_store_has_other_numbers_for_its_items() -> None:
    items = items_of(["a"] * 20, brands=["acme", "other"] * 10)
    lines = [Line(p, n, item=n, price=1.0 + n) for p in range(100, 110) for n in range(20)]
    lines += [Line(1, n, item=n, price=1.0 + n) for n in range(12, 20)]
    lines += [Line(2, n, item=0, price=0.5) for n in range(8)]
    frame = frame_of(lines)
    norms = norms_of(frame, items, as_of=AS_OF)
    as_before = build_tags(frame, items, as_of=AS_OF, norms=norms, settings=SETTINGS)
    told = {"price: premium", "discount: hunter", "loyal to brand: acme"}
    assert told <= {*as_before["tag"]}
    renumbered = 19 - pl.col("item_number")
    frame, items = frame.with_columns(renumbered), items.with_columns(renumbered)
    items = items.sort("item_number")
    anew = build_tags(frame, items, as_of=AS_OF, norms=norms, settings=SETTINGS)
    assert_frame_equal(anew, as_before)
    shown = add_evidence(anew, frame, items, as_of=AS_OF, norms=norms)
    of_price = shown.filter(pl.col("kind") == "price")["evidence"].explode()
    assert of_price.struct.field("text").str.contains("thing 1[2-9]").all()


def test_norms_of_an_older_version_know_items_by_number() -> None:
    items = items_of(["a"] * 6)
    frame = frame_of([Line(1, n, item=n, price=1.0 + n) for n in range(6)])
    norms = norms_of(frame, items, as_of=AS_OF)
    by_number = norms.items_of(items)
    old = replace(norms, items=by_number)
    assert_frame_equal(old.items_of(items[2:4]), by_number[2:4])


def test_weekend_mornings_are_a_habit() -> None:
    others = [
        Line(p, 7 * n + p % 7 + (n % 4) / 4 + 0.1) for p in range(100, 128) for n in range(12)
    ]
    regular = [Line(1, 7 * n + 5 + 8 / 24) for n in range(12)]
    assert tags_of(others + regular, items_of(["a"]))[1] == ["time: weekend mornings"]


def test_three_weekends_in_five_visits_are_chance_where_one_in_ten_is_usual() -> None:
    others = [Line(p, 7 * n + (5 if n == 9 else n % 5)) for p in range(100, 150) for n in range(10)]
    few = [Line(1, d) for d in (0, 5, 12, 19, 21)]  # three standard errors, and one case in 117
    many = [Line(2, d) for n in range(4) for d in (7 * n, 7 * n + 5, 7 * n + 6)]
    found = tags_of([*others, *few, *many], items_of(["a"]))
    assert 1 not in found
    assert found[2] == ["time: weekends"]


def test_bare_dates_make_no_time_of_day() -> None:
    others = [Line(p, 7 * n + p % 7) for p in range(100, 128) for n in range(12)]
    weekend = [Line(1, 7 * n + 5) for n in range(12)]
    assert tags_of(others + weekend, items_of(["a"]))[1] == ["time: weekends"]


def test_a_platform_is_a_tag_where_others_use_another() -> None:
    lines = crowd(platform="web") + [Line(1, d, platform="app") for d in range(8)]
    found = tags_of(lines, items_of(["a"]))
    assert found[1] == ["platform: app"]
    assert 100 not in found


def app_trend(days_on_app: range, days_on_web: range) -> str | None:
    """The trend of somebody's app tag at day 200 of a log whose trends span 50 days."""
    lines = [Line(p, 4 * n, platform="web") for p in range(100, 120) for n in range(50)]
    lines += [Line(1, d, platform="app") for d in days_on_app]
    lines += [Line(1, d, platform="web") for d in days_on_web]
    frame, items = frame_of(lines), items_of(["a"])
    norms = norms_of(frame, items, as_of=AS_OF)
    assert norms.half_life == 50 * DAY
    table = build_tags(frame, items, as_of=AS_OF, norms=norms, settings=SETTINGS)
    found = table.filter((pl.col("subject_id") == 1) & (pl.col("kind") == "platform"))
    assert found["name"].to_list() == ["app"]
    trend: str | None = found["trend"].item()
    return trend


@pytest.mark.parametrize(
    ("days_on_app", "days_on_web", "trend"),
    [
        (range(151, 199), range(140, 148), "new"),
        (range(141, 199), range(130, 141), "rising"),
        (range(100, 199), range(0), "steady"),
        (range(60, 90), range(0), "dormant"),
        (range(146, 199), range(0), None),  # four visits before the last 50 days
        (range(100, 154), range(0), None),  # four since
    ],
)
def test_the_trend_of_a_habit_needs_five_visits_on_both_sides(
    days_on_app: range, days_on_web: range, trend: str | None
) -> None:
    assert app_trend(days_on_app, days_on_web) == trend


def test_a_habit_of_long_ago_gives_way_to_the_one_of_today() -> None:
    lines = [Line(p, 4 * n, platform="web") for p in range(100, 120) for n in range(50)]
    lines += [Line(1, d / 2, platform="web") for d in range(40)]
    lines += [Line(1, d, platform="app") for d in range(150, 199)]
    items = items_of(["a"])
    frame = frame_of(lines)
    norms = norms_of(frame, items, as_of=AS_OF)
    undecayed = replace(norms, half_lives={})
    now, before = (
        build_tags(frame, items, as_of=AS_OF, norms=one, settings=SETTINGS).filter(
            (pl.col("subject_id") == 1) & (pl.col("kind") == "platform")
        )
        for one in (norms, undecayed)
    )
    assert now["tag"].to_list() == ["platform: app"]
    assert before["tag"].to_list() == []


def test_many_interests_do_not_push_a_habit_out() -> None:
    items = items_of([f"c{n}" for n in range(10)], brands=[f"b{n}" for n in range(10)])
    others = [Line(p, 4 * n, item=9, platform="web") for p in range(100, 140) for n in range(30)]
    busy = [Line(1, d, item=d % 6, platform="app") for d in range(60)]
    frame = frame_of([*others, *busy])
    norms = norms_of(frame, items, as_of=AS_OF)
    kinds = {}
    for most in (8, 4):
        settings = ProfileSettings(max_tags=most)
        table = build_tags(frame, items, as_of=AS_OF, norms=norms, settings=settings)
        kinds[most] = table.filter(pl.col("subject_id") == 1)["kind"].to_list()
    assert kinds[8] == [*["category"] * 4, "brand", "brand", "item", "platform"]
    assert kinds[4] == ["category", "brand", "item", "platform"]


def test_new_customers_are_tagged_in_an_old_log_only() -> None:
    lines = [*crowd(), Line(1, 190)]
    assert tags_of(lines, items_of(["a"]))[1] == ["customer: new"]
    assert tags_of([Line(1, 190), Line(2, 195)], items_of(["a"])) == {}


def test_a_persons_tags_are_limited_and_ordered_by_kind() -> None:
    made = shop()
    table = build_tags(
        made.events,
        made.items,
        as_of=made.end_at,
        norms=shop_norms(made.end_at),
        settings=ProfileSettings(max_tags=3),
    )
    assert table.group_by("subject_id").len()["len"].max() == 3
    order = {kind: place for place, kind in enumerate(TAG_WORDS)}
    for kinds in table.group_by("subject_id", maintain_order=True).agg("kind")["kind"]:
        places = [order[kind] for kind in kinds]
        assert places == sorted(places)


def test_future_events_leave_tags_unchanged() -> None:
    made = shop()
    as_of = made.start_at + 120 * DAY
    past = made.events.filter(pl.col("timestamp") < as_of)
    one, other = (
        build_tags(frame, made.items, as_of=as_of, norms=shop_norms(as_of), settings=SETTINGS)
        for frame in (past, made.events)
    )
    assert one.drop("weight").equals(other.drop("weight"))
    assert one["weight"].to_list() == pytest.approx(other["weight"].to_list())


def test_norms_from_the_future_are_refused() -> None:
    made = shop()
    norms = shop_norms(made.end_at)
    with pytest.raises(Refused, match="after the moment asked for"):
        build_tags(
            made.events, made.items, as_of=made.start_at + DAY, norms=norms, settings=SETTINGS
        )
