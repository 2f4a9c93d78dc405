import polars as pl
import pytest

from habitue.events.personal import looks_like_person, may_hold_personal, redacted, worth_reading

PERSONAL = [
    ("email", "write to anna.b+c@shop-x.co.uk!", "write to [redacted]!"),
    ("email", "https://x.de/?mail=a%40b.com&p=1", "https://x.de/?mail=[redacted]&p=1"),
    ("phone", "call +49 (0)30 123-4567", "call [redacted]"),
    ("phone", '{"phone": 13812345678}', '{"phone": "[redacted]"}'),
    ("phone", '{"手机": "13812345678"}', '{"手机": "[redacted]"}'),
    ("card", "4111 1111 1111 1111", "[redacted]"),
    ("card", "card 378282246310005.", "card [redacted]."),
    ("card", '{"n": 6200000000000005, "m": [5555555555554444]}',
     '{"n": "[redacted]", "m": ["[redacted]"]}'),
    ("iban", "DE89 3704 0044 0532 0130 00 IST GUT", "[redacted] IST GUT"),
    ("iban", "pay gb29nwbk60161331926819 now", "pay [redacted] now"),
    ("password", "https://x.de/login?user=u&password=hunter2&n=1",
     "https://x.de/login?user=u&password=[redacted]&n=1"),
    ("password", '{"userPassword": "a\\"b", "n": 1}', '{"userPassword": "[redacted]", "n": 1}'),
    ("password", '{"api_key": 12345}', '{"api_key": "[redacted]"}'),
]  # fmt: skip
PLAIN = [
    "4111111111111112",  # the check digit is wrong
    "1700000000000", "4006381333931", "0.4111111111111111", "x4111111111111111",
    "550e8400-e29b-41d4-a716-446655440000", "DE00 3704 0044 0532 0130 00", "DE89",
    "logo@2x.png", "@handle", "a@b", "+1+1", "+49", "1234567890", "phone=iPhone 14",
    '{"password": null, "mobile": true, "token": "abc"}', "[redacted]", "password=[redacted]", "",
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text", "clean"), PERSONAL)
def test_what_is_personal_is_blotted_out(kind: str, text: str, clean: str) -> None:
    assert redacted(text) == (clean, frozenset({kind}))
    assert redacted(clean) == (clean, frozenset())


@pytest.mark.parametrize("text", PLAIN)
def test_what_only_resembles_it_stays(text: str) -> None:
    assert redacted(text) == (text, frozenset())


@pytest.mark.parametrize(("kind", "text", "clean"), PERSONAL)
def test_the_quick_look_misses_nothing(kind: str, text: str, clean: str) -> None:
    texts = pl.Series([None, "lamp", text])
    assert may_hold_personal(texts, typed=True)
    assert worth_reading(texts, typed=True).to_list() == [False, False, True]


def test_the_quick_look_passes_over_columns_without_anything() -> None:
    assert not may_hold_personal(pl.Series(["lamp 42", None, "tent, red (4-6)"]), typed=True)
    assert not may_hold_personal(pl.Series([None, ""], dtype=pl.String), typed=True)
    assert not may_hold_personal(pl.Series(["4111 1111 1111 1111"]), typed=False)


def test_names_of_goods_lose_addresses_but_no_numbers() -> None:
    assert redacted("lamp 4111111111111111 a@b.de", typed=False)[0] == (
        "lamp 4111111111111111 [redacted]"
    )


@pytest.mark.parametrize(
    "piece", ["a", "_", "+1", "4111 ", '"password', "DE89 ", "a.b", "%40", "x@y.", "password="]
)
def test_long_texts_take_no_squares(piece: str) -> None:
    text = piece * (100_000 // len(piece))
    assert len(redacted(text + "@")[0]) <= len(text) + 1


def test_ids_that_are_addresses_or_telephone_numbers_are_told_by_their_look() -> None:
    persons = ["a@b.de", "+49 30 1234567", "13812345678", "(555) 123-4567"]
    others = ["u1", "42", "2024-01-02", "17850", "@x", "550e8400-e29b-41d4-a716-446655440000", None]
    found = looks_like_person(pl.Series(persons + others))
    assert found.to_list() == [True] * len(persons) + [False] * len(others)
