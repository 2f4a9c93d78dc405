import polars as pl

from habitue.profiles.evidence import EVENT_TEXTS, add_evidence, event_ids, event_texts
from habitue.profiles.tags import build_tags
from habitue.schema import DAY, EVENT_TYPES
from tests.profiles.log_lines import SETTINGS, Line, frame_of, items_of, shop, shop_norms


def test_every_event_type_has_words() -> None:
    assert set(EVENT_TEXTS) == set(EVENT_TYPES)


def test_texts_name_the_item_and_the_day() -> None:
    items = items_of(["a", "a"]).with_columns(
        name=pl.Series(["tent '{date}' $1", None], dtype=pl.String)
    )
    frame = frame_of([Line(1, 2), Line(1, 3, "view_item", item=1), Line(1, 4, "search", item=None)])
    assert event_texts(frame, items).to_list() == [
        "bought 'tent '{date}' $1' on 2024-01-03",
        "viewed 'a P1' on 2024-01-04",
        "searched on 2024-01-05",
    ]


def test_texts_tell_the_day_of_the_time_zone() -> None:
    frame = frame_of([Line(1, 0.9)])
    (text,) = event_texts(frame, items_of(["a"]), time_zone="Asia/Shanghai")
    assert text.endswith("on 2024-01-02")


def test_an_event_is_named_by_its_given_id_or_its_key() -> None:
    frame = frame_of([Line(1, 1, event_id="E-1"), Line(1, 2)])
    frame = frame.with_columns(event_key=pl.lit(2**64 - 255, dtype=pl.UInt64))
    assert event_ids(frame).to_list() == ["E-1", "ffffffffffffff01"]


def test_every_tag_has_one_to_three_events_of_its_person() -> None:
    made = shop()
    norms = shop_norms(made.end_at)
    tags = build_tags(made.events, made.items, as_of=made.end_at, norms=norms, settings=SETTINGS)
    told = add_evidence(tags, made.events, made.items, as_of=made.end_at, norms=norms)
    assert told.select(tags.columns[:5]).equals(tags.select(tags.columns[:5]))
    assert told["evidence"].list.len().is_between(1, 3).all()
    assert told.select(pl.col("events", "first_seen", "last_seen").is_null().any()).row(0) == (
        False, False, False,
    )  # fmt: skip
    owner = dict(zip(event_ids(made.events), made.events["subject_id"], strict=True))
    for subject, evidence in told.select("subject_id", "evidence").iter_rows():
        assert {owner[one["event_id"]] for one in evidence} == {subject}


def test_category_evidence_is_of_that_category_and_weightiest_first() -> None:
    made = shop()
    norms = shop_norms(made.end_at)
    tags = build_tags(
        made.events, made.items, as_of=made.end_at, norms=norms, settings=SETTINGS
    ).filter(pl.col("kind") == "category")
    told = add_evidence(tags, made.events, made.items, as_of=made.end_at, norms=norms)
    for name, evidence in told.select("name", "evidence").iter_rows():
        word = name.split("/")[-1]
        assert all(f"'{word} thing" in one["text"] for one in evidence)
    firsts = [evidence[0]["text"] for evidence in told["evidence"]]
    assert sum(text.startswith("bought") for text in firsts) / len(firsts) > 0.9


def test_future_events_are_no_evidence() -> None:
    made = shop()
    as_of = made.start_at + 120 * DAY
    norms = shop_norms(as_of)
    past = made.events.filter(pl.col("timestamp") < as_of)
    tags = build_tags(past, made.items, as_of=as_of, norms=norms, settings=SETTINGS)
    one, other = (
        add_evidence(tags, frame, made.items, as_of=as_of, norms=norms)
        for frame in (past, made.events)
    )
    assert one.equals(other)
    latest = one["evidence"].explode().struct.field("timestamp").max()
    assert isinstance(latest, int)
    assert latest < as_of


def test_no_tags_no_evidence() -> None:
    made = shop()
    norms = shop_norms(made.end_at)
    tags = build_tags(
        made.events.clear(), made.items, as_of=made.end_at, norms=norms, settings=SETTINGS
    )
    told = add_evidence(tags, made.events, made.items, as_of=made.end_at, norms=norms)
    assert told.height == 0
    assert "evidence" in told.columns
