"""The part of a page that a script writes, between two marks."""

import sys
from pathlib import Path


def write_or_check(page: Path, begin: str, end: str, content: str) -> int:
    """Write the part, or with `--check` say whether it is out of date; return the exit code."""
    text = page.read_text(encoding="utf-8")
    before, rest = text.split(begin)
    _, after = rest.split(end)
    made = f"{before}{begin}\n{content}\n{end}{after}"
    if "--check" in sys.argv:
        if made != text:
            print(f"docs/{page.name} is out of date; run: python scripts/{Path(sys.argv[0]).name}")
        return int(made != text)
    page.write_text(made, encoding="utf-8")
    return 0
