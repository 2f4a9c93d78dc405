"""Options and arguments that several verbs of the command line share.

One name each, so that a word means the same wherever it stands. Knows nothing about the verbs.
"""

from pathlib import Path
from typing import Annotated, Literal

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
LanguageOption = Annotated[
    Literal["en", "zh"] | None,
    typer.Option(
        "--lang",
        metavar="LANGUAGE",
        envvar="HABITUE_LANG",
        help="Of what is told: en or zh; without it, that of the shop's settings.",
    ),
]
UserArgument = Annotated[str, typer.Argument(metavar="USER", help="The shop's own user id.")]
ManyOption = Annotated[
    int, typer.Option("-k", metavar="K", min=1, max=1000, help="How many items.")
]
ArchitectureOption = Annotated[
    str | None,
    typer.Option(
        "--architecture",
        metavar="A",
        help="Kind of network: transformer, sasrec, gru, lstm or cnn; auto: the one that `compare` "
        "chooses.",
    ),
]
ArchitecturesOption = Annotated[
    str | None,
    typer.Option(
        "--architectures",
        metavar="A,B,…",
        help="Of transformer, sasrec, gru, lstm and cnn; left out: those of the settings, all.",
    ),
]
MinutesOption = Annotated[
    float | None,
    typer.Option("--minutes", metavar="M", help="For all trainings together."),
]
ComparingOption = Annotated[
    float | None,
    typer.Option("--minutes", metavar="M", help="Of --architecture auto: for the comparison."),
]
SeedOption = Annotated[
    int | None,
    typer.Option("--seed", metavar="N", help="Of chance: same seed and data, same model."),
]
TrialsOption = Annotated[
    int | None,
    typer.Option(
        "--trials", metavar="N", min=1, help="Settings tried, those of earlier runs included."
    ),
]
AdapterOption = Annotated[
    str,
    typer.Option(
        "--adapter",
        metavar="NAME",
        help="The published layout of all of them: ga4, segment, rudderstack, posthog, "
        "sensors, recbole, rees46 or recsys2025. Without it, it is looked for.",
    ),
]
