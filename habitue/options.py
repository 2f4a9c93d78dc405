"""Options and arguments that several verbs of the command line share.

One name each, so that a word means the same wherever it stands. Knows nothing about the verbs.
"""

from pathlib import Path
from typing import Annotated

import typer

WorkspaceOption = Annotated[
    Path,
    typer.Option(
        "-w",
        "--workspace",
        metavar="WORKSPACE",
        envvar="HABITUE_WORKSPACE",
        help="The shop's folder.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
AsOfOption = Annotated[
    str | None,
    typer.Option(
        "--as-of",
        metavar="TIME",
        help="Read nothing from this moment on, such as 2025-11-30.",
    ),
]
FilesArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="FILE…",
        help="CSV, JSON lines or Parquet; also .gz, .zst, .zip; or a database table's URL. None: "
        "the tables of the settings.",
    ),
]
EncodingOption = Annotated[
    str,
    typer.Option(
        "--encoding",
        metavar="NAME",
        help="Of the text files, such as gb18030 or cp1252; wins over the settings.",
    ),
]
SalvageOption = Annotated[
    bool,
    typer.Option("--salvage", help="Of an archive that is cut off, take the complete rows."),
]
OutOption = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help="Where to write; ends in .csv or .parquet."),
]
UserArgument = Annotated[str, typer.Argument(metavar="USER", help="The shop's own user id.")]
ManyOption = Annotated[
    int, typer.Option("-k", metavar="K", min=1, max=1000, help="How many items.")
]
