import json

import polars as pl
import pytest

from habitue.config import ProfileSettings
from habitue.errors import Refused
from habitue.profiles.facts import FACTS, LogTraits
from habitue.profiles.norms import ShopNorms
from habitue.profiles.prediction_record import PredictionRecord
from habitue.profiles.profile import (
    Profile,
    build_profiles,
    profile_table,
    unknown_profile,
)
from habitue.profiles.segments import SEGMENTS
from habitue.schema import DAY, format_time
from tests.profiles.log_lines import SETTINGS, Line, frame_of, shop, shop_norms, user_ids

CHURN = pl.DataFrame(
    {
        "subject_id": [3, 4],
        "probability": [0.25, 0.5],
        "interval_low": [0.1, 0.4],
        "interval_high": [0.4, 0.6],
        "base_rate": [0.3, 0.3],
    }
)
CHURN_OF_3 = PredictionRecord(probability=0.25, interval=(0.1, 0.4), base_rate=0.3)
VALUE = pl.DataFrame({"subject_id": [3], "value": [10.0], "expected": [20.0]})


def profiles_of(frame: pl.DataFrame, as_of: int, norms: ShopNorms | None = None) -> list[Profile]:
    return build_profiles(
        frame,
        shop().items,
        as_of=as_of,
        norms=norms or shop_norms(as_of),
        settings=SETTINGS,
        user_ids=user_ids,
        predictions={3: {"churn_90d": CHURN_OF_3}},
        model_version="v7",
    )


def table_of(frame: pl.DataFrame, as_of: int, **tasks: pl.DataFrame) -> pl.DataFrame:
    return profile_table(
        frame,
        shop().items,
        as_of=as_of,
        norms=shop_norms(as_of),
        settings=SETTINGS,
        user_ids=user_ids,
        predictions=tasks,
    )


def test_a_profile_has_the_documented_keys_and_is_json() -> None:
    made = shop()
    profile = profiles_of(made.events, made.end_at)[3].as_json()
    assert list(profile) == [
        "user_id", "person_id", "as_of", "model_version", "facts", "tags", "interests",
        "predictions", "segment", "group", "fallback", "data_sufficiency", "reason", "history",
    ]  # fmt: skip
    again = json.loads(json.dumps(profile, allow_nan=False))
    assert again["user_id"] == "u0003"
    assert again["as_of"] == format_time(made.end_at)
    assert again["model_version"] == "v7"
    assert list(again["facts"]) == list(FACTS)
    assert again["facts"]["last_seen"].endswith("Z")
    assert set(again["interests"]) == {"categories", "brands", "items", "searches"}
    assert {"name", "weight", "last_seen"} <= set(again["interests"]["items"][0])
    assert {"name", "kind", "weight", "evidence", "first_seen", "last_seen"} <= set(
        again["tags"][0]
    )
    assert set(again["tags"][0]["evidence"][0]) == {"event_id", "timestamp", "text"}
    assert again["predictions"] == {"churn_90d": CHURN_OF_3.as_json()}
    assert again["segment"] in SEGMENTS
    assert again["fallback"] is None
    assert (again["data_sufficiency"], again["reason"]) == ("ok", "")


def test_an_interest_says_in_how_many_days_it_halves() -> None:
    made = shop()
    shown = profiles_of(made.events, made.end_at)[3].interests
    days = {kind: {one["half_life_days"] for one in rows} for kind, rows in shown.items() if rows}
    assert (days["categories"], days["items"]) == ({90.0}, {45.0})


def test_a_tag_says_in_how_many_days_it_halves_and_of_a_kind_that_never_fades_nothing() -> None:
    made = shop()
    tags = [tag for one in profiles_of(made.events, made.end_at) for tag in one.tags]
    days = {tag["kind"]: tag["half_life_days"] for tag in tags}
    half_of_the_log = (made.end_at - made.start_at) / 2 / DAY
    assert (days["category"], days["item"]) == (90.0, 45.0)
    assert days["time"] == pytest.approx(half_of_the_log, abs=1)
    assert days["loyalty"] is None


def test_one_person_reads_as_within_the_bucket() -> None:
    made = shop()
    everyone = profiles_of(made.events, made.end_at)
    for subject in (3, 40, 77):
        alone = profiles_of(made.events.filter(pl.col("subject_id") == subject), made.end_at)
        assert alone == [everyone[subject]]


def test_the_top_interest_is_the_favourite_category() -> None:
    made = shop()
    right = 0
    for profile, love in zip(
        profiles_of(made.events, made.end_at), made.favourite.values(), strict=True
    ):
        right += profile.interests["categories"][0]["name"] == love
    assert right / len(made.favourite) > 0.9


def test_future_events_leave_profiles_and_table_unchanged() -> None:
    made = shop()
    as_of = made.start_at + 120 * DAY
    past = made.events.filter(pl.col("timestamp") < as_of)
    assert profiles_of(made.events, as_of) == profiles_of(past, as_of)
    assert table_of(made.events, as_of).equals(table_of(past, as_of))


def test_norms_from_the_future_are_refused() -> None:
    made = shop()
    with pytest.raises(Refused, match="after the moment asked for"):
        profiles_of(made.events, made.start_at + DAY, shop_norms(made.end_at))


@pytest.mark.parametrize(
    ("events", "word", "reason"),
    [
        (1, "not_enough_data", "only 1 event"),
        (4, "limited", "only 4 events"),
        (5, "ok", ""),
    ],
)
def test_data_sufficiency_follows_the_number_of_events(events: int, word: str, reason: str) -> None:
    frame = frame_of([Line(1, 150 + n, "view_item") for n in range(events)])
    (profile,) = profiles_of(frame, shop().end_at)
    assert (profile.data_sufficiency, profile.reason) == (word, reason)


def test_somebody_away_for_half_of_the_log_is_known_to_a_limited_degree_only() -> None:
    made = shop()
    days = (made.end_at - made.start_at) // DAY
    long_ago = frame_of([Line(1, days / 2 - 10 + n / 10, "view_item") for n in range(30)])
    lately = frame_of([Line(2, days / 2 + 10 + n / 10, "view_item") for n in range(30)])
    (gone,) = profiles_of(long_ago, made.end_at)
    (here,) = profiles_of(lately, made.end_at)
    assert (here.data_sufficiency, here.reason) == ("ok", "")
    assert gone.data_sufficiency == "limited"
    assert gone.reason.startswith("not seen for 127 days; what is known of interests fades")
    table = table_of(pl.concat([long_ago, lately]), made.end_at)
    assert table["data_sufficiency"].to_list() == ["limited", "ok"]


def test_the_table_has_a_row_a_person_and_a_column_a_task() -> None:
    made = shop()
    table = table_of(made.events, made.end_at, churn_90d=CHURN, value_90d=VALUE)
    assert table["subject_id"].to_list() == sorted(made.favourite)
    assert table["user_id"].to_list()[:2] == ["u0000", "u0001"]
    row = table.row(3, named=True)
    assert (row["churn_90d"], row["value_90d"], row["value_90d_expected"]) == (0.25, 10.0, 20.0)
    assert table.row(4, named=True)["value_90d"] is None
    assert table["segment"].is_in(list(SEGMENTS)).all()
    for column in ("tags", "top_categories", "top_brands"):
        assert table[column].dtype == pl.List(pl.String)
        assert table[column].null_count() == 0


def test_table_and_profiles_agree() -> None:
    made = shop()
    table = table_of(made.events, made.end_at)
    for profile, row in zip(
        profiles_of(made.events, made.end_at), table.iter_rows(named=True), strict=True
    ):
        assert [tag["name"] for tag in profile.tags] == row["tags"]
        assert profile.segment == row["segment"]
        assert profile.facts["orders"] == row["orders"]


def stranger_in(traits: LogTraits) -> Profile:
    rates = {"churn_90d": PredictionRecord(probability=0.3, base_rate=0.3)}
    return unknown_profile(
        "nobody", as_of=shop().end_at, traits=traits, predictions=rates, model_version="v7"
    )


def test_a_stranger_gets_a_labelled_fallback_of_the_same_keys() -> None:
    made = shop()
    known = profiles_of(made.events, made.end_at)[3].as_json()
    stranger = stranger_in(shop_norms(made.end_at).traits).as_json()
    assert list(stranger) == list(known)
    for part in ("facts", "interests", "predictions"):
        assert list(stranger[part]) == list(known[part])  # type: ignore[arg-type]
    assert stranger["predictions"]["churn_90d"]["base_rate"] == 0.3  # type: ignore[index, call-overload]
    assert (stranger["segment"], stranger["fallback"]) == ("unknown", "base_rates")
    assert stranger["data_sufficiency"] == "not_enough_data"
    assert stranger["reason"] == "nobody has seen this person; the predictions are base rates"


def test_a_strangers_counts_are_zero_and_all_else_is_not_known() -> None:
    facts = stranger_in(LogTraits(has_orders=True, has_money=True, has_clock=True)).facts
    assert (facts["events"], facts["orders"], facts["revenue"]) == (0, 0, 0.0)
    assert (facts["first_seen"], facts["recency_days"], facts["monetary"]) == (None, None, None)
    assert (facts["platforms"], facts["is_bot"]) == ([], False)
    views_only = stranger_in(LogTraits(has_orders=False, has_money=False, has_clock=True)).facts
    assert (views_only["events"], views_only["orders"], views_only["revenue"]) == (0, None, None)


def test_a_task_named_like_a_column_is_refused() -> None:
    made = shop()
    with pytest.raises(Refused, match="A task is called 'orders', as is a column"):
        table_of(made.events, made.end_at, orders=VALUE)


def test_an_empty_bucket_gives_no_profiles_and_an_empty_table() -> None:
    made = shop()
    assert profiles_of(made.events.clear(), made.end_at) == []
    empty = table_of(made.events.clear(), made.end_at, churn_90d=CHURN)
    assert empty.schema == table_of(made.events, made.end_at, churn_90d=CHURN).schema


def test_max_tags_limits_a_profile() -> None:
    made = shop()
    profiles = build_profiles(
        made.events,
        made.items,
        as_of=made.end_at,
        norms=shop_norms(made.end_at),
        settings=ProfileSettings(max_tags=1),
        user_ids=user_ids,
    )
    assert max(len(profile.tags) for profile in profiles) == 1
