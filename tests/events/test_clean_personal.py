import pytest

from tests.events.made_chunks import cleaned, events_source, good, items_source

CARD = "4111 1111 1111 1111"


def test_personal_data_goes_out_of_texts_and_is_counted_by_kind() -> None:
    rows = [
        good(query=f"pay {CARD} or a@b.de", properties='{"pwd": "x", "n": 1}', name="Tent a@b.de"),
        good(query="tent", properties=None, name="Tent"),
    ]
    result = cleaned(rows)
    fields = ("search_query", "properties", "item_name")
    assert result.frame.select(fields).rows() == [
        ("pay [redacted] or [redacted]", '{"pwd": "[redacted]", "n": 1}', "Tent [redacted]"),
        ("tent", None, "Tent"),
    ]
    assert result.repairs == {"card_redacted": 1, "email_redacted": 1, "password_redacted": 1}
    assert result.frame["_repaired"].to_list() == [True, False]


def test_ids_stay_as_they_are() -> None:
    ids = good(user="a@b.de", item="+49301234567", order="4111111111111111")
    result = cleaned([ids])
    assert result.frame.select("subject", "item_id", "order_id").row(0) == (
        "a@b.de", "+49301234567", "4111111111111111",
    )  # fmt: skip
    assert result.repairs == {}


def test_rejected_rows_are_kept_without_what_was_found() -> None:
    row = good(query=f"pay {CARD}", price="free", user="a@b.de")
    rejected = cleaned([row]).rejected.row(0, named=True)
    assert rejected["code"] == "price_not_number"
    assert "[redacted]" in rejected["raw"]
    assert CARD not in rejected["raw"]
    assert "a@b.de" in rejected["raw"], "who it was is told by the id alone"


def test_rows_with_personal_data_are_rejected_where_the_shop_wants_so() -> None:
    rejected = cleaned([good(), good(query=CARD)], personal_data="reject").rejected
    assert rejected.select("_record", "code", "field").rows() == [
        (2, "looks_like_pii", "search_query")
    ]
    assert CARD not in rejected["raw"][0]


def test_personal_data_is_kept_where_the_shop_wants_so() -> None:
    result = cleaned([good(query=CARD)], personal_data="keep")
    assert result.frame["search_query"].to_list() == [CARD]


def test_columns_that_are_joined_lose_it_too() -> None:
    columns = {**events_source().columns, "properties": ["page", "note"]}
    row = good(page="/?pwd=x", note="hm", price="free")
    rejected = cleaned([row], events_source(columns=columns)).rejected
    assert '"page":"/?pwd=[redacted]"' in rejected["raw"][0]


@pytest.mark.parametrize(("field", "text"), [("text", f"ask {CARD}"), ("name", "by a@b.de")])
def test_catalogue_rows_lose_it_too(field: str, text: str) -> None:
    frame = cleaned([{"item": "A", field: text}], items_source()).frame
    assert "[redacted]" in frame[field][0]
