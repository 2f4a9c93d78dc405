"""`habitue simulate`: one JSON document, errors with a fix."""

import json
import subprocess
import sys
from pathlib import Path


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "habitue", "simulate", *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def test_verb_prints_one_document(tmp_path: Path) -> None:
    out = tmp_path / "shop"
    done = run(
        *(
            "--users",
            "20",
            "--events",
            "1000",
            "--out",
            str(out),
            "--seed",
            "4",
            "--like",
            "rees46",
        ),
        *("--truth-at", "2024-03-01", "--truth-at", "2024-05-01"),
        *("--processes", "1", "--json"),
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert (document["users"], document["events"]) == (20, 1000)
    assert (document["path"], document["truth"]) == (str(out), str(out / "truth"))
    plan = json.loads((out / "truth" / "plan.json").read_text(encoding="utf-8"))
    assert plan["truth_days"] == [60, 121]
    assert plan["seed"] == 4


def test_refusal_names_the_range(tmp_path: Path) -> None:
    done = run("--users", "20", "--events", "10", "--out", str(tmp_path / "shop"), "--json")
    assert done.returncode == 2
    assert "from 80 to 20,000,000" in json.loads(done.stdout)["error"]["message"]
