"""What is missing in another language is found: words of views and errors, drifted texts."""

import ast
import re
from pathlib import Path

import pytest

from habitue.cli import views
from habitue.cli.texts_zh import SENTENCES
from habitue.languages import retold, speaking
from habitue.languages.retelling import GAP as NAMED_GAP
from habitue.languages.retelling import TEMPLATES
from habitue.languages.zh_work import USAGE
from tests.languages.raised import GAP, PACKAGE, Raised, literals, raised, text_of

RAISED = [one for one in raised() if one.message.strip(GAP + " :.{}")]
# Where a gap holds words of ours, each way to fill it: the sentence is told as a whole.
FILLED = {
    "The name '{}' {}.": ("The name 'a.txt' ends in '.txt'.", "The name 'a' has no ending."),
    "{} holds {} already.": ("/a holds a shop already.", "/a holds files already."),
    "{} is {}.": (
        "/a is a gzip archive.", "/a is an xz archive.", "/a is a 7z archive.",
        "/a is an old Excel workbook.", "/a is a PNG picture.", "/a is a PDF document.",
        "/a is an SQLite database.", "/a is an ORC file.", "/a is an Avro file.",
        "/a is a zip archive or an Excel workbook.",
    ),
    "{} {}, before byte {} ({}: {}).": (
        "/a is damaged, before byte 7 (gzip: bad header).",
        "/a has something foreign after the end of the archive, before byte 7 (zstd: 7).",
    ),
    "{} is a zip archive that {}.": (
        "/a is a zip archive that has an encrypted entry ('b').",
        "/a is a zip archive that holds 7,000 entries.",
    ),
    "{} is no regular file but {}.": (
        "/a is no regular file but a pipe.",
        "/a is no regular file but a socket.",
        "/a is no regular file but a device.",
    ),
    "A task or an item is explained, and {} was given.": (
        "A task or an item is explained, and neither was given.",
        "A task or an item is explained, and both was given.",
    ),
    "{} is {}, which is in the way of writing {}.": (
        "/a is a folder, which is in the way of writing /a/b.",
        "/a is a file, which is in the way of writing /a/b.",
    ),
    "{}, or describe the file: habitue init --from {}": (
        'Set delimiter = ";" in it, or describe the file: habitue init --from a.csv',
        "Correct its delimiter, or describe the file: habitue init --from a.csv",
    ),
    "Fields of {}: {}.": ("Fields of events: a, b.", "Fields of items: a, b."),
    "Add ?{}=NAME to the URL; there are: {}.": ("Add ?table=NAME to the URL; there are: a.",),
    "{} Known here: {}.": ("Pass another value. Known here: a, b.",),
}  # fmt: skip
# A command to type, a regular expression, or nothing but gaps.
NO_WORDS = re.compile(r"[^A-Za-z]*(habitue|pip install) .*|.*\(\?.*|.*\(\[.*|[^A-Za-z]*")


def samples(text: str) -> tuple[str, ...]:
    """Return the text with its gaps filled; one at the end, which may hold a hint, also empty."""
    filled = FILLED.get(text.replace(GAP, "{}"))
    return filled or tuple(
        dict.fromkeys((text.removesuffix(GAP).replace(GAP, "7"), text.replace(GAP, "7")))
    )


def is_told(text: str) -> bool:
    """Whether it has Chinese: every way to fill it that we name, else any."""
    with speaking("zh"):
        told = [retold(one) != one for one in samples(text)]
    return all(told) if text.replace(GAP, "{}") in FILLED else any(told)


@pytest.mark.parametrize("error", RAISED, ids=lambda one: one.place)
def test_an_error_and_its_fix_are_told_in_chinese(error: Raised) -> None:
    assert is_told(error.message), f"no Chinese for {error.code}: {error.message}"
    assert NO_WORDS.fullmatch(error.fix) or is_told(error.fix), f"no Chinese for: {error.fix}"


# Parts of sentences that are only said joined; the joined ones follow.
JOINED = frozenset(
    {
        "by their meaning; ", "{}: sent or exported twice", "{}: a catalogue", "not mapped",
        "who it was (a user id)", "when (a time)", "column '{}' is left out", " and the size",
        "{}: it is not written as the column of timestamp is, and one source reads all its times "
        "alike",
        "{}: {} of {} events would arrive before they happened",
        "{}: {} of {} events would arrive more than a week after they happened, which looks like "
        "the time of an export",
        "it was named", "{} of {} rows ({})", "{} will be set aside: {}", "no row was read",
        "{} equal an earlier row of the same file; {}", "files without a single row{}",
        "nothing that is mapped speaks of it", "1 rule was", "; {} not checked, for {}: {}",
        "{} cannot be parsed and will be set aside", "{}: too short for predictions over days",
        "column '{}' is left out: most of its values are no {}{}", "a date and its time of day{}{}",
        "purchases of what the person had not looked at before", "{} ({}, {} % of all)",
        "refunds of what the person had not bought", "{} in the weeks before",
        "removals from a cart of what was not put into it", "The log looks broken: ",
        "{} of the events from {} on repeat another in all but the id, {}",
        "{} of the times from {} on are bare dates, {}",
        "{} is empty in {} of {} events from {} on, {}",
        "the median price is about {} from {} on, ", "{} persons as of {}", "{}, up to date.",
        "{} events in {} files, all whole; format ", "{}; events came since.",
        "{}, by model {}, but model {} answers now.", "{} is not installed",
        "{}; Habitue needs {}{}.",
    }
)  # fmt: skip
SAID = (Path(__file__).parent / "said.txt").read_text(encoding="utf-8").splitlines()
# Names of columns, files, units, products; what a shop's own data holds.
OURS_OR_THEIRS = re.compile(
    r"habitue [a-z]+( -w \w+)?( FILE…)?|Google Analytics 4, BigQuery export|SALE"
    r"|\S*\w[_./:]\w\S*|\(\w+: [\w, ]+\)"
)
EVENTS = PACKAGE / "events"
LOOKED_AT = [
    *sorted(EVENTS.glob("guess*.py")),
    EVENTS / "validate.py",
    EVENTS / "consent.py",
    EVENTS / "ingest_notes.py",
    EVENTS / "data_checks.py",
    PACKAGE / "doctor.py",
]


@pytest.mark.parametrize("path", LOOKED_AT, ids=lambda one: one.stem)
def test_what_is_found_in_a_log_is_told_in_chinese(path: Path) -> None:
    missing = [
        (line, text)
        for line, text in literals(path)
        if len(text.replace(GAP, "").split()) >= 3
        and not NO_WORDS.fullmatch(text)
        and text.replace(GAP, "{}") not in JOINED
        and not any(map(is_told, (text.strip(" ;"), text.removesuffix(GAP) + " (a: b)")))
    ]
    assert not missing, "no Chinese for these"


@pytest.mark.parametrize("sentence", SAID, ids=lambda one: one[:30])
def test_joined_sentences_leave_no_english_in_chinese(sentence: str) -> None:
    with speaking("zh"):
        told = retold(sentence)
    assert not re.findall(r"[A-Za-z]{2,} [A-Za-z]{2,}", OURS_OR_THEIRS.sub("", told)), told


@pytest.mark.parametrize("path", sorted((EVENTS / "adapters").glob("*.py")), ids=lambda p: p.stem)
def test_how_a_layout_was_recognised_is_told_in_chinese(path: Path) -> None:
    for _, text in literals(path):
        if text.startswith(("its records", "it has", "it is called", "every column")):
            assert is_told(f"Layout: {text}"), text


def test_every_sentence_of_a_view_has_chinese_with_the_same_gaps() -> None:
    said = set()
    for path in (PACKAGE / "cli").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            if is_call and node.func.id == "say" and isinstance(node.args[0], ast.Constant):  # type: ignore[attr-defined]
                said.add(str(node.args[0].value))  # type: ignore[attr-defined]
    assert said <= SENTENCES.keys()
    for english, chinese in SENTENCES.items():
        assert set(NAMED_GAP.findall(chinese)) == set(NAMED_GAP.findall(english)), english


def source_texts() -> str:
    """All literal texts of the package but the tables themselves."""
    found = []
    for path in PACKAGE.rglob("*.py"):
        if path.parent.name == "languages" or path.stem.endswith("_zh"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant | ast.JoinedStr):
                found.append(text_of(node))
    return "\n".join(found)


def test_what_is_retold_is_still_said_so_in_english() -> None:
    said, lost = "\n".join([source_texts(), *SAID, *sum(FILLED.values(), ())]), []
    for english in TEMPLATES["zh"].keys() - USAGE.keys():  # those are of the parser of options
        for part in NAMED_GAP.split(english)[::2]:
            for piece in re.split(r"(?<=[.:;,]) | \(", part):
                words = piece.strip(" .:;,()'")
                if len(words.split()) >= 4 and "habitue " not in words and words not in said:
                    lost.append(words)
    assert not lost, "nobody says these any more"


DOCUMENTS: dict[str, dict[str, object]] = {
    "profile": {
        "user_id": "u7", "segment": "slipping away", "as_of": "2025-11-30", "model_version": "0001",
        "data_sufficiency": "limited", "reason": "", "fallback": None,
        "facts": {"orders": 3, "revenue": 12.5, "favourite_weekday": None},
        "tags": [{"name": "price: premium", "kind": "price", "weight": 0.5, "trend": "rising"}],
        "predictions": {"purchase_7d": {"probability": 0.2, "interval": [0.1, 0.3],
                        "base_rate": 0.1, "percentile": 80.0, "data_sufficiency": "limited"},
                        "next_event": {"when": {"median_days": 4.2, "low_days": 0.9,
                        "high_days": 21.0, "chance_7d": 0.7, "chance_30d": 0.95,
                        "reach_days": 90.0}},
                        "n": {"when": {"median_days": 4.2, "high_days": None, "reach_days": 9.0}},
                        "m": {"when": {"median_days": None, "reach_days": 9.0}}},
        "history": [
            {"as_of": "2025-11-30", "segment": "lost", "predictions": {"purchase_7d": 0.2},
             "tags_gained": ["price: premium"], "tags_lost": ["customer: new"]},
            {"as_of": "2025-10-30", "segment": "regular", "predictions": {"purchase_7d": 0.4},
             "tags_gained": [], "tags_lost": []},
        ],
    },
    "recommend": {"user_id": "u7", "as_of": "2025-11-30", "model_version": "0001",
                  "fallback": "popular", "items": [{"item_id": "i1", "name": "i1", "score": 0.1,
                  "source": "goes_with", "reason": "一起购买"}]},
    "alerts churn": {
        "task": "churn_90d", "base_rate": 0.3, "as_of": "2025-11-30", "reason": "",
        "definition": "no purchase within 90 days, of persons with one in the 90 days before",
        "alerts": [{"user_id": "u7", "probability": 0.5, "value_at_risk": 10.0,
                    "segment": "needs attention", "reasons": ["近90天没有消费"]}],
    },
    "explain": {"user_id": "u7", "task": "purchase_7d", "as_of": "2025-11-30",
                "model_version": "0001", "fallback": None, "unit": "probability",
                "sentences": ["7天内购买：20.0%；平均为10.0%。"],
                "events": [{"text": "2025年11月12日下单", "event_ids": ["a"],
                            "verified_effect": 0.1}],
                "features": [{"text": "近7天没有下单", "effect": -0.1}]},
    "audience": {"sentence": "orders >= 3", "persons": 2, "everyone": 9, "share": 0.2,
                 "as_of": "2025-11-30", "path": "a.csv",
                 "segments": {"champion": {"audience": 0.5, "everyone": 0.1}},
                 "means": {"orders": {"audience": 3.5, "everyone": 1.5}}},
    "models list": {"versions": [{"version": "0001", "published": True, "size": "tiny",
                    "architecture": "gru", "parameters": 7, "trained_until": "2025-11-30",
                    "seconds": 3.0}]},
    "quarantine show": {"by_reason": {"no_subject": 3}, "rows": []},
    "ingest": {"received": 9, "accepted": 7, "by_reason": {"time_missing": 2}, "notes": []},
    "doctor": {"checks": [{"name": "models", "status": "PASS", "message": "There is no model yet.",
               "fix": "Train one: habitue train -w shop"}]},
    "train": {"model_version": "0001", "published": True, "seconds": 3.0,
              "notes": ["value_90d: not learnt, the log has no money: no purchase has a price or "
                        "value."]},
    "evaluate": {"as_of": "2025-11-01", "until": "2025-11-30", "model_version": "0001",
                 "recommendation": {"n": 9, "metrics": {"ndcg@10": 0.1}, "best_baseline": "habit",
                 "baselines": {"habit": {"ndcg@10": 0.1}},
                 "difference": {"metric": "ndcg@10", "mean": 0.01, "interval": []}},
                 "tasks": {"purchase_7d": {"n": 9, "persons": 9, "base_rate": 0.1, "reason": "",
                 "metrics": {"auc": 0.7}, "baselines": {}}}, "skipped": {},
                 "when": {"persons": 9, "metrics": {"brier": 0.1}, "baselines": {
                 one: {"brier": 0.2} for one in ("everyone", "pause", "absence")}}},
}  # fmt: skip
# Names of tasks, versions, measures, and commands to type, which are the same in every language.
SAME = re.compile(r"habitue [a-z]+( [a-z]+)?|\S*[_@/\d]\S*|--?\w+|PASS|orders >=")


@pytest.mark.parametrize("verb", DOCUMENTS)
def test_a_view_in_chinese_leaves_no_english_sentence(
    verb: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    with speaking("zh"):
        views.show(verb, DOCUMENTS[verb])  # type: ignore[arg-type]
    told = SAME.sub("", capsys.readouterr().out)
    assert re.search(r"[\u4e00-\u9fff]", told)
    assert not re.findall(r"[A-Za-z]{2,} [A-Za-z]{2,}(?: [A-Za-z]+)*", told), told
