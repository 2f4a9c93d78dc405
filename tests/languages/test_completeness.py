"""What is missing in another language is found: words of views and errors, drifted texts."""

import ast
import re

import pytest

from habitue.cli import views
from habitue.cli.texts_zh import SENTENCES
from habitue.languages import retold, speaking
from habitue.languages.retelling import GAP as NAMED_GAP
from habitue.languages.retelling import TEMPLATES
from tests.languages.raised import GAP, PACKAGE, Raised, raised, text_of

# Errors told in English so far: of files that cannot be parsed, of databases, of benchmarks, of the
# simulator and of several processes, which people who write code or exports meet.
ENGLISH_CODES = frozenset(
    {
        "", "_damaged", "_truncated", "array_too_long", "bad_id", "bad_output", "bad_query",
        "benchmark_files", "benchmark_layout", "changed_meanwhile", "duplicate_column",
        "embedding_mismatch", "encoding", "failed", "file_refused", "file_too_large",
        "folder_exists", "header_missing", "id_is_float", "inflated_over_limit", "json_array",
        "name_taken", "nan_scores", "nested_archive", "no_database", "no_driver", "no_mapping",
        "no_task_model", "norms_from_later", "not_a_file", "not_enough_data", "not_finite",
        "not_ready", "not_utf8", "one_column_found", "packed_parquet", "parquet_damaged",
        "ranks_differ", "refresh_broken", "schema_limits", "settings", "settings_layout",
        "several_entries", "simulation", "symlink_outside", "truth_at_outside", "unknown_format",
        "unknown_name", "unsafe_archive", "usage", "version_broken", "version_format",
        "worker_stopped", "workspace_taken", "wrong_layout", "zip_damaged", "not_a_folder",
        "missing_extra",
    }
)  # fmt: skip
RAISED = [one for one in raised() if one.message.strip(GAP + " :.{}")]


def sample(text: str) -> str:
    """Fill the gaps; one at the end, which may hold a hint, stays empty."""
    return text.removesuffix(GAP).replace(GAP, "7")


@pytest.mark.parametrize("error", RAISED, ids=lambda one: one.place)
def test_an_error_is_told_in_chinese(error: Raised) -> None:
    message = sample(error.message)
    with speaking("zh"):
        is_told = retold(message) != message
    assert is_told or error.code.replace(GAP, "") in ENGLISH_CODES, (
        f"no Chinese for {error.code}: {message}"
    )


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
    said, lost = source_texts(), []
    for english in TEMPLATES["zh"]:
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
                        "base_rate": 0.1, "percentile": 80.0, "data_sufficiency": "limited"}},
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
               "fix": "Train one: habitue train"}]},
    "train": {"model_version": "0001", "published": True, "seconds": 3.0,
              "notes": ["value_90d: not learnt, the log has no money: no purchase has a price or "
                        "value."]},
    "evaluate": {"as_of": "2025-11-01", "until": "2025-11-30", "model_version": "0001",
                 "recommendation": {"n": 9, "metrics": {"ndcg@10": 0.1}, "best_baseline": "habit",
                 "baselines": {"habit": {"ndcg@10": 0.1}},
                 "difference": {"metric": "ndcg@10", "mean": 0.01, "interval": []}},
                 "tasks": {"purchase_7d": {"n": 9, "persons": 9, "base_rate": 0.1, "reason": "",
                 "metrics": {"auc": 0.7}, "baselines": {}}}, "skipped": {}},
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
