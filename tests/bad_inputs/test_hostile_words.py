"""What some other program would run, in every word of a shop: inert on the whole way.

One shop is stored, learnt from and refreshed; what comes out is looked at as a spreadsheet, a
terminal and a browser would.
"""

import csv
import json
import re
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from habitue.workspace import Workspace
from tests.bad_inputs.running import run_here

pytestmark = pytest.mark.slow

WORDS = (
    "'; DROP TABLE events; --", "{{7*7}}", "${jndi:ldap://x.example/a}", "%s%n%x", "../../x",
    "<script>alert(1)</script>", "javascript:alert(1)", "[red]x[/red]", "[/nothing]", ":bomb:",
    "=cmd|'/c calc'!A0", "@SUM(1+1)", "+1+1", "-1+1", "＝1+1", "$(touch pwned)", "`touch pwned`",
    "\x1b[31mred", "\u202egnp.exe", '"><img src=x onerror=alert(2)>', "a,b;c\"d'e", "-12", "007",
)  # fmt: skip
# Ids hold no control or invisible characters.
IDS = tuple(word for word in WORDS if word.isprintable())
FORMULA = re.compile(r"\s*[=+\-@＝＋－＠]")
NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
COLUMNS = ("user", "time", "event", "item", "title", "category", "brand", "order", "price")


@dataclass(frozen=True)
class Hostile:
    """The shop, and the folder it lies in."""

    shop: Workspace
    root: Path


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Hostile:
    root = tmp_path_factory.mktemp("hostile")
    path = root / "=cmd; $(touch pwned) [red] '.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for day in range(240):
            for person, user in enumerate(IDS):
                number = (day * 7 + person * 3 + day % (person + 2)) % len(IDS)
                if (day + person) % 3 == 0:
                    at = f"{2024 + day // 336}-{1 + day % 336 // 28:02d}-{1 + day % 28:02d}"
                    event = "purchase" if (day + person) % 2 else "view"
                    item, title = IDS[number], WORDS[number % len(WORDS)]
                    cells = (f"{at}T10:00:00Z", event, item, title, f"{title}/{item}", title)
                    writer.writerow([user, *cells, f"{user}{day}", 1 + number])
    shop = Workspace(
        root / "shop",
        settings={
            "model": {"size": "tiny"},
            "training": {"epochs": 1},
            "recommend": {"min_persons": 1},
            "consent": {"assumed": WORDS[5]},
            "checks": {"skip": ["midnight", "one_user"]},
        },
    )
    shop.init([path])
    assert shop.ingest(path).report.quarantined == 0
    shop.train()
    shop.refresh()
    return Hostile(shop, root)


def cells_of(path: Path) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        return [cell for row in csv.reader(file) for cell in row]


def test_no_cell_of_a_csv_file_is_a_formula_and_parquet_is_as_it_was(hostile: Hostile) -> None:
    shop, root = hostile.shop, hostile.root
    task = next(name for name in shop.profile(IDS[0]).predictions if "purchase" in name)
    shop.predict(task, out=root / "scores.csv")
    shop.recommend_all(k=5, out=root / "offers.csv")
    shop.audience("events >= 1", name="everyone", out=root / "everyone.csv")
    for name in ("scores.csv", "offers.csv", "everyone.csv"):
        dangerous = [
            cell
            for cell in cells_of(root / name)
            if FORMULA.match(cell) and not NUMBER.fullmatch(cell)
        ]
        assert dangerous == []
    assert {"'=cmd|'/c calc'!A0", "'＝1+1", "-12", "007"} <= set(cells_of(root / "scores.csv"))
    shop.predict(task, out=root / "scores.parquet")
    assert set(pl.read_parquet(root / "scores.parquet")["user_id"]) == set(IDS)


def test_a_file_for_machines_holds_ids_as_they_are(
    hostile: Hostile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HABITUE_EXPORT__FOR_SPREADSHEET", "false")
    offers = hostile.shop.recommend_all(k=2, out=hostile.root / "plain.csv")
    assert offers.escaped == 0
    assert set(IDS) <= set(cells_of(hostile.root / "plain.csv"))


def test_the_report_runs_nothing(hostile: Hostile) -> None:
    page = Path(str(hostile.shop.report().path)).read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert not re.search(r"href=[\"']?javascript:", page)
    assert "{{7*7}}" in page
    # A turn of direction ends with the name that it stands in.
    for place in re.finditer("\u202e", page.split('id="payload"')[0]):
        assert "</bdi>" in page[place.start() : place.start() + 400]


@pytest.mark.parametrize("verb", ["profile", "recommend", "similar", "popular", "quarantine show"])
def test_the_terminal_shows_words_as_they_are(
    hostile: Hostile, verb: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = hostile.shop.folder
    for word in IDS if verb in ("profile", "recommend", "similar") else [""]:
        words: list[str | Path] = [*verb.split(), "-w", folder, *(["--", word] if word else [])]
        ran = run_here(monkeypatch, capsys, *words)
        assert ran.code == 0, ran.err
        assert not {"\x1b", "\u202e", "💣"} & set(ran.out + ran.err)
        if word:
            ran = run_here(monkeypatch, capsys, *verb.split(), "-w", folder, "--json", "--", word)
            assert json.loads(ran.out)


def test_the_models_card_repeats_what_is_assumed_of_consent(hostile: Hostile) -> None:
    notes = hostile.shop.model().as_json()["notes"]
    assert f"is assumed: {WORDS[5]}." in str(notes)


def test_nothing_was_written_or_run_beside_the_shop(hostile: Hostile) -> None:
    assert not list(hostile.root.rglob("pwned"))
    assert not (hostile.root.parent / "x").exists()
