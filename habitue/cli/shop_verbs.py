"""The verbs about a shop as a whole: demo, backup, restore, doctor; no logic."""

from pathlib import Path
from typing import Annotated

import typer

from habitue.cli.asked import SHOP, answer, open_shop
from habitue.cli.options import JsonOption, WorkspaceOption


def demo(workspace: WorkspaceOption = Path("demo-shop"), as_json: JsonOption = False) -> None:
    """Go the whole way on real shopping data, with no arguments: a tour of about five minutes."""
    from habitue.demo import run_demo

    answer(run_demo(open_shop(workspace)), as_json, "demo")


def backup(
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Ends in .tar.zst; or a folder."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the file that --out names, if it is there.")
    ] = False,
    workspace: WorkspaceOption = SHOP,
    as_json: JsonOption = False,
) -> None:
    """Copy the shop into one file, while others may write; without --out beside its folder."""
    answer(open_shop(workspace).backup(out=out, force=force), as_json)


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Written by: habitue backup")],
    workspace: WorkspaceOption = SHOP,
    as_json: JsonOption = False,
) -> None:
    """Make a shop from a backup, in a folder that does not exist yet."""
    answer(open_shop(workspace).restore(file), as_json)


def doctor(workspace: WorkspaceOption = SHOP, as_json: JsonOption = False) -> None:
    """Say what is wrong with the installation and the shop, and which command mends it.

    Where something is wrong the exit code is 1.
    """
    found = open_shop(workspace).doctor()
    answer(found, as_json, "doctor")
    if found.status != "PASS":
        raise typer.Exit(1)
