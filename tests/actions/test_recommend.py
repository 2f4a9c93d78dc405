from dataclasses import replace

import polars as pl
import pytest

from habitue.actions import recommend
from habitue.actions.blend import Blend, BlendReport, Recommender, SeenPolicy, choose_blend
from habitue.actions.offers import OFFER_COLUMNS
from habitue.actions.reasons import LANGUAGES, Catalogue
from habitue.actions.recommend import Adviser
from habitue.actions.targets import Window
from habitue.baselines.cooccurrence import CoOccurrence
from habitue.baselines.personal import PersonalFrequency
from habitue.baselines.popularity import Popularity
from habitue.errors import NotReady, UnknownName
from habitue.languages import Language
from habitue.schema import DAY, POSITIVE_EVENT_TYPES
from habitue.sequences.sequences import Sequences
from tests.actions.test_blend import NO_REPORT, Table, knowing
from tests.histories import (
    Event,
    day,
    encoded_shop,
    make_items,
    make_sequences,
    with_future,
)
from tests.shop import make_shop

AS_OF = day(30)
NUM_ITEMS = 6

# Person 0 buys item 0 again and again; 1 follows 0 in every other history; 2 and 3 are this
# week's best-sellers; 5 is bought by nobody.
FOLLOWERS: list[list[Event]] = [[(1, 0), (2, 1)] for _ in range(6)]
TWOS: list[list[Event]] = [[(28, 2)] for _ in range(9)]
THREES: list[list[Event]] = [[(29, 3)] for _ in range(5)]
REGULAR: list[Event] = [(4, 0), (11, 0), (18, 0, "view_item"), (20, 0)]
VIEWER: list[Event] = [(29, 4, "view_item"), (29.5, 4, "view_item")]
HISTORIES = [REGULAR, *FOLLOWERS, *TWOS, *THREES, VIEWER, []]
SHOP = make_sequences(HISTORIES)
USERS = [f"u{n}" for n in range(len(HISTORIES))]


def components(sequences: Sequences = SHOP) -> list[Recommender]:
    return [
        PersonalFrequency(NUM_ITEMS),
        CoOccurrence.fit([sequences], num_items=NUM_ITEMS, as_of=AS_OF),
        Popularity.fit([sequences], num_items=NUM_ITEMS, as_of=AS_OF),
    ]


def adviser(
    *,
    items: pl.DataFrame | None = None,
    seen_items: SeenPolicy = "allow",
    parts: list[Recommender] | None = None,
    language: Language = "en",
    target_types: tuple[str, ...] = ("purchase",),
) -> Adviser:
    chosen = parts or components()
    weights = (0.6, 0.3, 0.1)[: len(chosen)]
    blend = Blend(tuple(chosen), weights, seen_items, target_types, NO_REPORT)
    catalogue = make_items(NUM_ITEMS) if items is None else items
    ids = [f"P{n}" for n in range(NUM_ITEMS)]
    return Adviser(blend, Catalogue.of(ids, catalogue), language, "v1")


def test_each_offer_names_its_source_and_dated_events() -> None:
    offers = adviser().recommend(SHOP, USERS, as_of=AS_OF, k=3)[0]
    assert offers.fallback is None
    assert [(item.item_id, item.source, item.reason) for item in offers.items] == [
        ("P0", "bought_before", "bought 3 times, last on 2024-01-21"),
        (
            "P1",
            "goes_with",
            "often bought with or after 'thing 0', which you bought on 2024-01-21",
        ),
        ("P2", "popular", "popular in the last 7 days: 9 people"),
    ]
    scores = [item.score for item in offers.items]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == pytest.approx(0.6, abs=1e-3)  # and a trace of popularity


def test_what_was_only_viewed_is_not_called_bought() -> None:
    viewer = adviser().recommend(SHOP, USERS, as_of=AS_OF)[-2]
    assert viewer.items[0].source == "seen_before"
    assert viewer.items[0].reason == "viewed 2 times, last on 2024-01-30"


def test_an_event_once_is_told_as_once() -> None:
    buyer = adviser().recommend(SHOP, USERS, as_of=AS_OF)[1]
    reasons = {item.item_id: item.reason for item in buyer.items}
    assert reasons["P1"] == "bought on 2024-01-03"


def test_one_person_is_not_several_people() -> None:
    sequences = make_sequences([[(29, 0)], []])
    offers = adviser(parts=components(sequences)).recommend_unknown("u", as_of=AS_OF)
    assert offers.items[0].reason == "popular in the last 7 days: 1 person"


def test_the_network_speaks_of_the_last_visits() -> None:
    network = Table("network", knowing(range(NUM_ITEMS - 1), NUM_ITEMS - 1))
    first = SHOP.slice(0, 1)
    items = make_items(NUM_ITEMS, category="camping")
    offer = adviser(parts=[network], items=items).recommend(first, ["u0"], as_of=AS_OF)[0].items[0]
    assert (offer.source, offer.reason) == ("network", "fits your last visits: camping")
    plain = items.with_columns(category=pl.lit(None, dtype=pl.String))
    offer = adviser(parts=[network], items=plain).recommend(first, ["u0"], as_of=AS_OF)[0].items[0]
    assert offer.reason == "fits your last visits: thing 0"
    nobody = SHOP.slice(0, 1).before(day(0))
    offer = adviser(parts=[network]).recommend(nobody, ["u0"], as_of=AS_OF)[0].items[0]
    assert offer.reason == "fits your history"


def test_chinese_has_every_text() -> None:
    assert LANGUAGES["zh"].keys() == LANGUAGES["en"].keys()
    offers = adviser(language="zh").recommend(SHOP, USERS, as_of=AS_OF, k=3)[0]
    assert [item.reason for item in offers.items] == [
        "您购买过3次，最近一次是2024年1月21日",
        "常与“thing 0”一起或在其后被购买，您于2024年1月21日购买过它",
        "近7天热门：9人",
    ]


def test_sold_out_gone_and_excluded_items_and_postage_are_never_offered() -> None:
    items = (
        make_items(NUM_ITEMS)
        .with_columns(
            available=pl.col("item_id") != "P0",
            is_product=pl.col("item_id") != "P1",
        )
        .filter(pl.col("item_id") != "P2")
    )
    advice = adviser(items=items)
    offered = {
        item.item_id
        for offers in advice.recommend(SHOP, USERS, as_of=AS_OF, exclude=["P3", "unheard of"])
        for item in offers.items
    }
    assert offered == {"P4"}
    unknown = advice.recommend_unknown("stranger", as_of=AS_OF)
    assert [item.item_id for item in unknown.items] == ["P3"]
    assert [item.item_id for item in advice.popular()] == ["P3"]
    assert [item.item_id for item in advice.similar("P0")] == ["P3", "P4", "P5"]


def test_seen_items_are_filtered_where_the_shop_wants_it() -> None:
    offers = adviser(seen_items="filter").recommend(SHOP, USERS, as_of=AS_OF)[0]
    assert "P0" not in {item.item_id for item in offers.items}
    assert offers.items[0].item_id == "P1"


def test_a_person_without_events_is_cold_and_gets_what_is_popular() -> None:
    offers = adviser().recommend(SHOP, USERS, as_of=AS_OF, k=2)[-1]
    assert offers.fallback == "cold"
    assert [(item.item_id, item.source) for item in offers.items] == [
        ("P2", "popular"),
        ("P3", "popular"),
    ]


def test_an_unknown_user_gets_what_is_popular_labelled_so() -> None:
    offers = adviser().recommend_unknown("stranger", as_of=AS_OF, k=2)
    assert (offers.user_id, offers.fallback) == ("stranger", "popular")
    assert [item.item_id for item in offers.items] == ["P2", "P3"]
    assert offers.items[0].reason == "popular in the last 7 days: 9 people"


def test_nothing_left_to_offer_is_an_empty_list_with_a_label() -> None:
    items = make_items(NUM_ITEMS).with_columns(available=pl.lit(False))
    advice = adviser(items=items)
    everyone = advice.recommend(SHOP, USERS, as_of=AS_OF)
    for offers in (*everyone, advice.recommend_unknown("stranger", as_of=AS_OF)):
        assert (offers.fallback, offers.items) == ("empty", ())


def test_the_id_is_stable_and_tells_answers_apart() -> None:
    one = adviser().recommend(SHOP, USERS, as_of=AS_OF)
    two = adviser().recommend(SHOP, USERS, as_of=AS_OF)
    assert one == two
    ids = [offers.recommendation_id for offers in one]
    assert len(set(ids)) == len(ids)
    later = adviser().recommend(SHOP, USERS, as_of=AS_OF + DAY)
    assert later[0].recommendation_id != one[0].recommendation_id


def test_future_events_change_no_offer() -> None:
    future = with_future(SHOP, AS_OF, num_items=NUM_ITEMS)
    before = adviser().recommend(SHOP, USERS, as_of=AS_OF)
    after = adviser(parts=components(future)).recommend(future, USERS, as_of=AS_OF)
    assert before == after


def test_json_has_the_documented_keys() -> None:
    document = adviser().recommend(SHOP, USERS, as_of=AS_OF, k=1)[0].as_json()
    assert document.keys() == {"recommendation_id", "user_id", "fallback", "items"}
    items = document["items"]
    assert isinstance(items, list)
    assert items[0].keys() == {"item_id", "score", "source", "reason"}


def test_similar_items_are_those_that_go_with_it_then_its_category() -> None:
    similar = adviser().similar("P0", 3)
    assert similar[0].item_id == "P1"
    assert similar[0].score > 0
    # Nothing else goes with P0: the best-sellers of its category follow.
    assert [(item.item_id, item.score) for item in similar[1:]] == [("P2", 0), ("P3", 0)]


def test_an_unknown_item_is_refused_with_the_nearest_known_one() -> None:
    with pytest.raises(UnknownName, match=r"knows no item 'P00'\. Did you mean 'P0'\?"):
        adviser().similar("P00")


def test_popular_items_count_persons() -> None:
    popular = adviser().popular(2)
    assert [(item.item_id, item.score) for item in popular] == [("P2", 9), ("P3", 5)]


def test_what_few_persons_took_is_in_no_list_for_everyone() -> None:
    advice = replace(adviser(), min_persons=6)
    stranger = advice.recommend_unknown("stranger", as_of=AS_OF).items
    assert [item.item_id for item in advice.popular()] == ["P2", "P0", "P1"]
    assert [item.item_id for item in stranger] == ["P2", "P0", "P1"]
    assert [item.item_id for item in advice.similar("P0")] == ["P1", "P2"]
    assert [item.item_id for item in replace(advice, min_persons=7).similar("P0")] == ["P2"]


def test_a_blend_without_popularity_says_what_is_missing() -> None:
    with pytest.raises(NotReady, match="The blend has no Popularity recommender"):
        adviser(parts=[PersonalFrequency(NUM_ITEMS)]).popular()


def test_everyones_rows_tell_the_same_as_their_offers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recommend, "block_size", lambda _: 10)  # of five persons
    rows = adviser().offer_rows(SHOP, USERS, as_of=AS_OF, k=3)
    assert dict(rows.schema) == OFFER_COLUMNS
    assert rows.rows() == [
        (offers.user_id, rank, item.item_id, item.score, item.source, item.reason)
        for offers in adviser().recommend(SHOP, USERS, as_of=AS_OF, k=3)
        for rank, item in enumerate(offers.items, start=1)
    ]
    nobody = adviser().offer_rows(SHOP.slice(0, 0), [], as_of=AS_OF, k=3)
    assert dict(nobody.schema) == OFFER_COLUMNS


def test_the_strongest_and_last_thing_done_with_an_item_is_told() -> None:
    past: list[Event] = [
        (1, 0),
        (2, 0),
        (3, 0, "view_item"),
        (4, 5, "add_to_cart"),
        (4, 5, "view_item"),
    ]
    sequences = make_sequences([[(1, 5)], past])
    advice = adviser(parts=[PersonalFrequency(NUM_ITEMS)])
    offers = advice.recommend(sequences, ["u0", "u1"], as_of=AS_OF)[1]
    assert {item.item_id: item.reason for item in offers.items} == {
        "P0": "bought 2 times, last on 2024-01-03",
        "P5": "put in the cart on 2024-01-05",
    }


def test_of_what_was_viewed_then_bought_the_buying_is_told() -> None:
    past: list[Event] = [(3, 0, "view_item"), (3.1, 0)]
    sequences = make_sequences([*HISTORIES[:-1], past])
    offers = adviser(parts=components(sequences)).recommend(sequences, USERS, as_of=AS_OF)[-1]
    told = {item.item_id: item.reason for item in offers.items}
    assert told["P1"] == "often bought with or after 'thing 0', which you bought on 2024-01-04"


def test_goes_with_speaks_of_choosing_where_any_interest_is_a_hit() -> None:
    advice = adviser(target_types=POSITIVE_EVENT_TYPES)
    offers = advice.recommend(SHOP, USERS, as_of=AS_OF, k=3)[0]
    assert "often chosen with or after 'thing 0'" in offers.items[1].reason


def test_the_made_up_shop_is_offered_its_favourite_categories() -> None:
    shop = make_shop(num_persons=100, days=160)
    as_of = shop.end_at - 20 * DAY
    valid_from = as_of - 20 * DAY
    sequences, ids = encoded_shop(shop, as_of=as_of)

    def fitted(until: int) -> list[Recommender]:
        num = len(ids)
        return [
            Popularity.fit([sequences], num_items=num, as_of=until),
            CoOccurrence.fit([sequences], num_items=num, as_of=until),
            PersonalFrequency.fit([sequences], num_items=num, as_of=until, window=20 * DAY),
        ]

    blend = choose_blend(
        fitted(valid_from),
        [sequences],
        Window(valid_from, as_of),
        num_items=len(ids),
        target_types=("purchase",),
    ).with_components(fitted(as_of))
    catalogue = Catalogue.of(ids, shop.items)
    users = [str(subject) for subject in sequences.subject_ids]
    offers = Adviser(blend, catalogue).recommend(sequences, users, as_of=as_of, k=1)
    category = dict(zip(shop.items["item_id"], shop.items["category"], strict=True))
    right = [
        category[item.item_id] == shop.favourite[int(offer.user_id)]
        for offer in offers
        for item in offer.items
    ]
    # By chance one in six.
    assert sum(right) / len(right) > 0.6
    assert all(len(offer.items) == 1 for offer in offers)
    assert isinstance(blend.report, BlendReport)
