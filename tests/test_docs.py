"""The docs say what the code does: generated pages are current, links lead somewhere."""

import re
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
import typer

from habitue.actions.rule_parser import parse_rule
from habitue.actions.rules import columns_of
from habitue.cli import app
from habitue.config import TrainingSettings
from habitue.events.batch import REASONS
from habitue.events.clean import CLEANING_STEPS
from habitue.schema import PROFILE_COLUMNS

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)\s#]+)(#[^)]*)?\)")


@pytest.mark.parametrize(
    "script",
    [
        "make_reference",
        "make_benchmark_tables",
        "make_ablation_table",
        "make_explanation_tables",
        "make_shop_table",
        "make_task_tables",
        "make_when_tables",
    ],
)
def test_what_a_script_writes_of_the_pages_is_current(script: str) -> None:
    done = subprocess.run(
        [sys.executable, f"scripts/{script}.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_relative_links_lead_to_files(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for match in LINK.finditer(text):
        target = match.group(1)
        if "://" in target or target.startswith("mailto:"):
            continue
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_steps_of_cleaning_are_told_in_their_order() -> None:
    text = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
    table = text.split("## Cleaning")[1].split("## ")[0]
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    told = [step for cell in cells for step in re.findall(r"`(\w+)`", cell)]
    assert told == [step.__name__ for step in CLEANING_STEPS]
    reasons = text.split("## Reason codes")[1]
    assert all(f"`{code}`" in reasons for code in REASONS)


def test_every_option_of_training_is_told_with_when_to_use_it() -> None:
    text = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| `")]
    told = [cells[0].strip("`") for cells in rows]
    assert sorted(told) == sorted(TrainingSettings.model_fields)
    for name, what, when in rows:
        assert min(len(what.split()), len(when.split())) >= 2, name


def test_every_page_stands_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    for page in (ROOT / "docs").rglob("*.md"):
        name = page.relative_to(ROOT / "docs").as_posix()
        assert f" {name}\n" in navigation, name


def test_example_rules_speak_only_of_what_every_log_has() -> None:
    """Tasks come and go with the length of the log; facts and segments are always there."""
    readmes = [(ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh.md")]
    rules = [
        rule
        for text in readmes
        for rule in re.findall(r"""^habitue audience (?:'([^']+)'|"([^"]+)")""", text, re.MULTILINE)
    ]
    audience = typer.main.get_command(app).commands["audience"]  # type: ignore[attr-defined]
    told = next(one.help for one in audience.params if one.name == "rule")
    number = dict.fromkeys(PROFILE_COLUMNS - {"segment", "group"}, pl.Float64())
    columns = columns_of(
        pl.DataFrame(schema={**number, "segment": pl.String(), "group": pl.String()})
    )
    assert len(rules) == 2
    for rule in ["".join(quoted) for quoted in rules] + [told.removeprefix("Such as: ")]:
        parse_rule(rule, columns)


@pytest.mark.parametrize("name", ["README.md", "README.zh.md"])
def test_readmes_name_only_verbs_and_options_that_exist(name: str) -> None:
    reference = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    text = (ROOT / name).read_text(encoding="utf-8")
    commands = re.findall(r"^\s*(?:\$ )?habitue ([a-z]+(?: [a-z]+)?)(.*)$", text, re.MULTILINE)
    assert commands
    for verb, rest in commands:
        first = verb.split()[0]
        assert f"`habitue {verb}`" in reference or f"`habitue {first}`" in reference, verb
        for option in re.findall(r"(?<!\w)--[a-z][a-z-]*", rest.split("#")[0]):
            assert option in reference or option in ("--json", "--workspace"), option
