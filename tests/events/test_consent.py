from pathlib import Path

import pytest

from habitue.config import ConsentSettings, Settings, load_settings
from habitue.events.consent import QUESTION, reminder, sentence, silent_sources
from habitue.events.guess_report import Guess, GuessReport
from habitue.events.settings_file import settings_text, write_settings
from habitue.events.store import EventStore
from tests.events.made_chunks import events_source, good, ingest_rows, items_source

COLUMNS = {**events_source().columns, "consent": "agreed"}
TOLD = events_source(columns=COLUMNS)
ASSUMED = ConsentSettings(assumed="contract")


def test_only_sources_of_events_without_a_word_of_consent_are_silent() -> None:
    constant = events_source(constants={"consent": "yes"})
    assert silent_sources([events_source(), TOLD, constant, items_source()]) == ["shop"]


def test_ingest_asks_until_the_shop_has_said_what_it_assumes(tmp_path: Path) -> None:
    first = ingest_rows(EventStore(tmp_path / "a"), good())
    told = ingest_rows(EventStore(tmp_path / "b"), good(agreed="yes"), source=TOLD)
    assert [note for note in first.notes if "under [consent]" in note]
    assert first.accepted == 1
    assert not [note for note in told.notes if "under [consent]" in note]
    assert reminder([events_source()], Settings(consent=ASSUMED)) == ""


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (Settings(consent=ASSUMED), "is assumed: contract."),
        (Settings(sources=[events_source()]), "nothing is assumed"),
        (Settings(sources=[TOLD]), ""),
    ],
)
def test_a_models_card_says_what_is_assumed(settings: Settings, told: str) -> None:
    assert told in sentence(settings)
    assert bool(sentence(settings)) == bool(told)


def test_init_writes_the_question_down(tmp_path: Path) -> None:
    guesses = [Guess("shop.csv", "user_id", "user", "the name")]
    report = GuessReport([events_source()], guesses, [], {}, "", "", 0)
    text = settings_text(report)
    asked = text[text.index("[consent]") :]
    assert " ".join(asked.replace("#", " ").split()) == f'[consent] (?) {QUESTION} assumed = ""'
    write_settings(tmp_path, report)
    assert load_settings(tmp_path).consent.assumed == ""
    silent = GuessReport([TOLD], guesses, [], {}, "", "", 0)
    assert "[consent]" not in settings_text(silent)
