"""Every verb of the command line, in the order in which `--help` lists them."""

import json
from collections.abc import Callable
from typing import Annotated

import typer

from habitue.cli.benchmark_verbs import benchmark_next_item, benchmark_session
from habitue.cli.customer_verbs import (
    alerts_churn,
    audience,
    explain,
    popular,
    predict,
    profile,
    recommend,
    refresh,
    report,
    similar,
)
from habitue.cli.log_verbs import ingest, init, quarantine_retry, quarantine_show, validate
from habitue.cli.model_verbs import (
    compare,
    evaluate,
    models_list,
    models_publish,
    models_rollback,
    models_show,
    train,
    tune,
)
from habitue.cli.options import JsonOption, LanguageOption
from habitue.cli.shop_verbs import backup, demo, doctor, restore
from habitue.cli.simulation_verb import simulate
from habitue.cli.speaking import in_any_language

app = typer.Typer(
    name="habitue",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
# What a group is for, and its verbs.
GROUPS: dict[str, tuple[str, dict[str, Callable[..., None]]]] = {
    "models": (
        "Model versions and which one answers.",
        {
            "list": models_list,
            "show": models_show,
            "publish": models_publish,
            "rollback": models_rollback,
        },
    ),
    "quarantine": (
        "What was set aside, and why.",
        {"show": quarantine_show, "retry": quarantine_retry},
    ),
    "alerts": ("Early warnings.", {"churn": alerts_churn}),
    "benchmark": (
        "Published benchmarks with their published protocols.",
        {"next-item": benchmark_next_item, "session": benchmark_session},
    ),
}


def _print_version(is_asked: bool) -> None:
    if is_asked:
        version()
        raise typer.Exit


@app.callback()
def habitue(
    _: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and stop."
        ),
    ] = False,
    lang: LanguageOption = None,
) -> None:
    """From a shop's event log to profiles, predictions and recommendations."""


def version(as_json: JsonOption = False) -> None:
    """Print Habitue's version."""
    from habitue import __version__

    if as_json:
        typer.echo(json.dumps({"version": __version__}))
    else:
        typer.echo(f"habitue {__version__}")


VERBS: tuple[Callable[..., None], ...] = (
    demo, init, validate, ingest, train, compare, tune, evaluate, refresh, profile, predict,
    explain, recommend, similar, popular, audience, report, backup, restore, doctor, simulate,
    version,
)  # fmt: skip
for verb in VERBS:
    app.command()(in_any_language(verb))

for group, (purpose, verbs) in GROUPS.items():
    group_app = typer.Typer(no_args_is_help=True, help=purpose)
    for name, verb in verbs.items():
        group_app.command(name)(in_any_language(verb))
    app.add_typer(group_app, name=group)
