"""Writes the tables of waits in docs/evaluation.md from benchmarks/results/when.json.

python scripts/make_when_tables.py          write them
python scripts/make_when_tables.py --check  exit 1 when they are out of date
"""

import json
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from generated_part import write_or_check
from make_log_tables import TITLES
from make_task_tables import OURS, cuts_text, difference, number, row_text

ROOT: Final = Path(__file__).parent.parent
RESULTS: Final = ROOT / "benchmarks" / "results" / "when.json"
PAGE: Final = ROOT / "docs" / "evaluation.md"
BEGIN: Final = "<!-- Waits: made by scripts/make_when_tables.py; do not edit. -->\n"
END: Final = "<!-- End of waits. -->\n"
SHOWN: Final = ("everyone", "pause", "absence", "frequency")
COLUMNS: Final = (("log_loss", "log loss", 4), ("brier", "Brier", 4), ("days_off", "days off", 2))
POOLED: Final = (("ece_7d", 3), ("ece_30d", 3), ("below_low", 3), ("above_high", 3))
Found = Mapping[str, Any]


def tables(document: Mapping[str, Found]) -> str:
    """Return the tables of every shop."""
    return "\n".join(shop_table(name, found) for name, found in document.items())


def shop_table(name: str, found: Found) -> str:
    """Return what answered, the means over cuts, and calibration over all cuts."""
    answered = Counter(cut["chosen"] for cut in found["cuts"])
    told = ", ".join(f"{who} at {count}" for who, count in answered.items())
    days = sorted({f"{cut['days']:.3g}" for cut in found["cuts"]}, key=float)
    header = ["who", *(heading for _, heading, _ in COLUMNS), "ECE 7d", "ECE 30d"]
    header += ["below low", "above high", "ours ahead, log loss", "Brier", "days off (mean)"]
    lines = [
        f"### {TITLES.get(name, name.capitalize())}: waits\n",
        f"Means over {cuts_text(found)}, watched for {' to '.join(days)} days; {told} answered.\n",
        row_text(header),
        row_text(["---"] * len(header)),
        *(contender(who, found) for who in (OURS, *SHOWN)),
        "",
    ]
    return "\n".join(lines)


def contender(who: str, found: Found) -> str:
    """Return one contender's row."""
    means, pooled = found["mean"][who], found["pooled"][who]
    cells = [f"**{who}**" if who == OURS else f"`{who}`"]
    cells += [number(means[metric], digits) for metric, _, digits in COLUMNS]
    cells += [number(pooled[key], digits) if key in pooled else "–" for key, digits in POOLED]
    ahead = found["differences"].get(who, {})
    cells += [difference(ahead[metric], digits) if ahead else "" for metric, _, digits in COLUMNS]
    return row_text(cells)


def main() -> int:
    """Write the tables, or say whether they are out of date."""
    return write_or_check(PAGE, BEGIN, END, tables(json.loads(RESULTS.read_text())))


if __name__ == "__main__":
    sys.exit(main())
