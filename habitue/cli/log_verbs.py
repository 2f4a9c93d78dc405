"""The verbs that bring events in: init, validate, ingest, quarantine; no logic."""

from typing import Annotated

import typer

from habitue.cli.asked import SHOP, about_shop, answer, open_shop
from habitue.cli.options import (
    AdapterOption,
    EncodingOption,
    FilesArgument,
    JsonOption,
    SalvageOption,
    WorkspaceOption,
)
from habitue.errors import Refused


def init(
    files: Annotated[
        list[str] | None,
        typer.Option("--from", metavar="FILE…", help="Orders, visits, products, …"),
    ] = None,
    more: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILE…", help="More files; --from may be left out."),
    ] = None,
    adapter: AdapterOption = "",
    encoding: EncodingOption = "",
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Replace the settings that are there, and keep them as habitue.toml.bak.",
        ),
    ] = False,
    workspace: WorkspaceOption = SHOP,
    as_json: JsonOption = False,
) -> None:
    """Guess what the columns of unknown files mean, and write the settings down."""
    given = [*(files or []), *(more or [])]
    if not given:
        raise Refused("No file is named.", fix="Name some: habitue init --from FILE…", code="usage")
    shop = open_shop(workspace)
    answer(shop.init(given, adapter=adapter, encoding=encoding, force=force), as_json, "init")


def validate(
    files: FilesArgument = None,
    encoding: EncodingOption = "",
    salvage: SalvageOption = False,
    workspace: WorkspaceOption = SHOP,
    as_json: JsonOption = False,
) -> None:
    """Check files against the rules, with examples of what breaks them; write nothing.

    Where a rule fails the exit code is 1.
    """
    found = open_shop(workspace).validate(*(files or []), encoding=encoding, salvage=salvage)
    answer(found.told(about_shop), as_json, "validate")
    if found.report.status == "FAIL":
        raise typer.Exit(1)


def ingest(
    files: FilesArgument = None,
    encoding: EncodingOption = "",
    salvage: SalvageOption = False,
    workspace: WorkspaceOption = SHOP,
    as_json: JsonOption = False,
) -> None:
    """Read, clean and store files; the same file again adds nothing."""
    stored = open_shop(workspace).ingest(*(files or []), encoding=encoding, salvage=salvage)
    answer(stored, as_json, "ingest")


def quarantine_show(
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, help="Rows shown.")] = 20,
    workspace: WorkspaceOption = SHOP,
    as_json: JsonOption = False,
) -> None:
    """Show rows that were set aside: file, line, field, reason."""
    answer(open_shop(workspace).quarantine(limit=limit), as_json, "quarantine show")


def quarantine_retry(workspace: WorkspaceOption = SHOP, as_json: JsonOption = False) -> None:
    """Feed what was set aside again, after the mapping was corrected."""
    answer(open_shop(workspace).quarantine_retry(), as_json, "quarantine retry")
