"""How a customer moved, in the terminal."""

import pytest

from habitue.cli import views
from habitue.cli.tables import Object
from habitue.languages import Language, speaking

NOW: Object = {
    "as_of": "2025-11-30T08:00:00Z",
    "segment": "lost",
    "predictions": {"purchase_7d": 0.2, "value_30d": 12.5, "churn_90d": 0.5},
    "tags_gained": ["price: premium"],
    "tags_lost": ["customer: new", "item: [bold]Tent"],
}
BEFORE: Object = {
    "as_of": "2025-10-30T08:00:00Z",
    "segment": "regular",
    "predictions": {"purchase_7d": 0.4, "value_30d": 12.5},
    "tags_gained": [],
    "tags_lost": [],
}


def shown(capsys: pytest.CaptureFixture[str], *history: Object, lang: Language = "en") -> str:
    predictions = {"purchase_7d": {"probability": 0.2}, "churn_90d": {"probability": 0.5}}
    document: Object = {"user_id": "u7", "predictions": predictions, "history": list(history)}
    with speaking(lang):
        views.show("profile", document)
    return capsys.readouterr().out


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


def test_a_profile_tells_how_a_customer_moved(capsys: pytest.CaptureFixture[str]) -> None:
    told = shown(capsys, NOW, BEFORE).split("How it moved")[1]
    assert "purchase_7d 40.0% → 20.0%" in told
    assert "churn_90d 50.0%" in told
    assert "price: premium" in told
    assert "customer: new, item: [bold]Tent" in told
    assert told.count("value_30d") == 1  # of the first entry, not of the one where it stood still
    assert told.index("2025-11-30") < told.index("2025-10-30")


def test_a_single_entry_is_no_move(capsys: pytest.CaptureFixture[str]) -> None:
    assert "How it moved" not in shown(capsys, NOW)


def test_moves_are_told_in_chinese(capsys: pytest.CaptureFixture[str]) -> None:
    told = shown(capsys, NOW, BEFORE, lang="zh").split("变化历程")[1]
    assert "已流失" in told
    assert "价格偏好：高价" in told
