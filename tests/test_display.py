import pytest

from habitue.display import inert, letters, shorten

FAMILY = "👨\u200d👩\u200d👧\u200d👦"
STACK = "Z" + "\u0335" * 200


@pytest.mark.parametrize(
    ("text", "most", "shown"),
    [
        ("umbrella", 8, "umbrella"),
        ("umbrella", 7, "umbrel…"),
        (FAMILY * 3, 2, f"{FAMILY}…"),
        ("👍🏽👍🏽👍🏽", 3, "👍🏽👍🏽👍🏽"),
        ("🇩🇪🇫🇷🇨🇳", 2, "🇩🇪…"),
        ("e\u0301e\u0301e\u0301", 2, "e\u0301…"),
        ("각".encode().decode() * 3, 2, "각…"),
        ("𠀀𪛖𠀀", 2, "𠀀…"),
    ],
)
def test_texts_are_cut_between_letters_as_people_see_them(text: str, most: int, shown: str) -> None:
    assert shorten(text, most) == shown


def test_accents_heaped_on_one_letter_do_not_run_over_the_page() -> None:
    assert len(shorten(STACK * 30, 20)) < 20 * 10
    assert len(list(letters("a\u200d" * 1000))) > 50, "joiners make no letter without end"


def test_letters_put_together_are_the_text() -> None:
    text = f"a{FAMILY} é e\u0301 🇩🇪🇩 خيمة\r\n"
    assert "".join(letters(text)) == text


def test_commands_to_a_terminal_are_shown_as_codes() -> None:
    assert inert("\x1b]0;title\x07") == "\\x1b]0;title\\x07"
    assert inert("\x9b31m\r") == "\\x9b31m\\r"
    assert inert("exe\u202egnp.\u2066") == "exe\\u202egnp.\\u2066"
    assert inert("a\tb\nc خيمة\u200f 👍🏽") == "a\tb\nc خيمة\u200f 👍🏽"
