"""The verbs `benchmark next-item` and `benchmark session` on the command line; no logic."""

from pathlib import Path
from typing import Annotated

import typer

from habitue.cli.answer import print_answer
from habitue.cli.options import JsonOption

RESULTS = Path("benchmarks/results")
ArchitectureOption = Annotated[
    str,
    typer.Option(
        "--architecture",
        metavar="A",
        help="Kind of network: flagship, transformer, sasrec, gru, lstm or cnn; none: no network.",
    ),
]
SeedsOption = Annotated[
    int, typer.Option("--seeds", metavar="N", min=1, max=100, help="Networks, one a seed.")
]
ResultsOption = Annotated[
    Path,
    typer.Option("--out", metavar="FOLDER", help="Keeps results; what is there is not run again."),
]


def benchmark_next_item(
    data: Annotated[
        Path, typer.Option("--data", metavar="FILE", help="Lines of: user item item …")
    ],
    architecture: ArchitectureOption = "flagship",
    seeds: SeedsOption = 1,
    attributes: Annotated[
        Path | None,
        typer.Option(
            "--attributes",
            metavar="FILE",
            help="JSON object of each item's attributes. Left out: NAME_item2attributes.json "
            "beside the data.",
        ),
    ] = None,
    ids_only: Annotated[
        bool, typer.Option("--ids-only", help="Read no attributes, though there are some.")
    ] = False,
    out: ResultsOption = RESULTS,
    as_json: JsonOption = False,
) -> None:
    """Hold each user's last item back, rank all items for it, and tell how high it stands."""
    from habitue.benchmarks.benchmark import next_item
    from habitue.cli.console import Bars

    measured = next_item(
        data, architecture=architecture, seeds=seeds, attributes=attributes, ids_only=ids_only,
        out=out, progress=Bars(),
    )  # fmt: skip
    print_answer(measured, as_json, "benchmark")


def benchmark_session(
    data: Annotated[
        Path,
        typer.Option(
            "--data", metavar="DIR", help="Holds train_sessions.jsonl and test_examples.jsonl."
        ),
    ],
    architecture: ArchitectureOption = "flagship",
    seeds: SeedsOption = 1,
    out: ResultsOption = RESULTS,
    as_json: JsonOption = False,
) -> None:
    """Ask for the next click of each test example among all items."""
    from habitue.benchmarks.benchmark import session
    from habitue.cli.console import Bars

    measured = session(data, architecture=architecture, seeds=seeds, out=out, progress=Bars())
    print_answer(measured, as_json, "benchmark")
