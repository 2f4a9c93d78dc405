"""The command line: one command a `Workspace` verb, no logic.

Every verb prints readable tables, or with `--json` exactly one JSON document on stdout; progress,
warnings and messages go to stderr. Exit code 0: done; 1: failed; 2: refused, with the reason and
the fix. Heavy imports happen inside the verbs, so that `--help` answers at once.
"""

import errno
import json
import os
import re
import shlex
import sys
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, TextIO

import typer

from habitue.answer import Answer, AnswerLost, print_answer
from habitue.benchmark_commands import benchmark_app
from habitue.display import inert
from habitue.errors import Failed, HabitueError, HabitueWarning, Refused
from habitue.failures import system_error, unexpected_error
from habitue.options import (
    AdapterOption,
    ArchitectureOption,
    ArchitecturesOption,
    AsOfOption,
    ComparingOption,
    EncodingOption,
    FilesArgument,
    JsonOption,
    ManyOption,
    MinutesOption,
    OutOption,
    SalvageOption,
    SeedOption,
    TrialsOption,
    UserArgument,
    WorkspaceOption,
)
from habitue.simulation import options

if TYPE_CHECKING:
    from habitue.workspace import Workspace

app = typer.Typer(
    name="habitue",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
models_app = typer.Typer(no_args_is_help=True, help="Model versions and which one answers.")
quarantine_app = typer.Typer(no_args_is_help=True, help="What was set aside, and why.")
alerts_app = typer.Typer(no_args_is_help=True, help="Early warnings.")
app.add_typer(models_app, name="models")
app.add_typer(quarantine_app, name="quarantine")
app.add_typer(alerts_app, name="alerts")
app.add_typer(benchmark_app, name="benchmark")

SHOP = Path("shop")
# A command within the text of a fix: its verb, of two words in the groups.
COMMAND = re.compile(r"habitue (?:(?:models|quarantine|alerts) )?+[a-z]+\b(?! -w )")
USAGE_WORDS = {
    "Input should be a valid integer, unable to parse string as an integer": "expected an integer",
    "Input should be": "expected a number",
    "No such command": "There is no verb",
}
INTERRUPTED = 130  # what typer makes of Ctrl-C
STOPPED = Failed("Stopped.", fix="", code="stopped")
_opened: list[Path] = []  # the shops asked about by this process, the last one last


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
) -> None:
    """From a shop's event log to profiles, predictions and recommendations."""


@app.command()
def demo(workspace: WorkspaceOption = Path("demo-shop"), as_json: JsonOption = False) -> None:
    """Go the whole way on real shopping data, with no arguments: a tour of about five minutes."""
    from habitue.demo import run_demo

    answer(run_demo(_open(workspace)), as_json, "demo")


@app.command()
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
    shop = _open(workspace)
    answer(shop.init(given, adapter=adapter, encoding=encoding, force=force), as_json, "init")


@app.command()
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
    found = _open(workspace).validate(*(files or []), encoding=encoding, salvage=salvage)
    answer(found.told(_about_shop), as_json, "validate")
    if found.report.status == "FAIL":
        raise typer.Exit(1)


@app.command()
def ingest(
    files: FilesArgument = None,
    encoding: EncodingOption = "",
    salvage: SalvageOption = False,
    workspace: WorkspaceOption = SHOP,
    as_json: JsonOption = False,
) -> None:
    """Read, clean and store files; the same file again adds nothing."""
    stored = _open(workspace).ingest(*(files or []), encoding=encoding, salvage=salvage)
    answer(stored, as_json, "ingest")


@quarantine_app.command("show")
def quarantine_show(
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, help="Rows shown.")] = 20,
    workspace: WorkspaceOption = SHOP,
    as_json: JsonOption = False,
) -> None:
    """Show rows that were set aside: file, line, field, reason."""
    answer(_open(workspace).quarantine(limit=limit), as_json, "quarantine show")


@quarantine_app.command("retry")
def quarantine_retry(workspace: WorkspaceOption = SHOP, as_json: JsonOption = False) -> None:
    """Feed what was set aside again, after the mapping was corrected."""
    answer(_open(workspace).quarantine_retry(), as_json, "quarantine retry")


@app.command()
def train(
    architecture: ArchitectureOption = None,
    size: Annotated[
        str | None, typer.Option("--size", metavar="S", help="Size of the network: tiny or small.")
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option("--epochs", metavar="N", min=1, help="Go through the log so often at most."),
    ] = None,
    seed: SeedOption = None,
    minutes: ComparingOption = None,
    as_of: AsOfOption = None,
    workspace: WorkspaceOption = SHOP,
    as_json: JsonOption = False,
) -> None:
    """Train the behaviour model and everything that stands on it; save and publish a version.

    Without --as-of the last part of the log is held out, so that `evaluate` can look at a future
    the model has never seen.
    """
    shop = _open(workspace)
    trained = shop.train(
        architecture=architecture, size=size, epochs=epochs, seed=seed, minutes=minutes,
        as_of=as_of,
    )  # fmt: skip
    answer(trained, as_json)


@app.command()
def compare(
    architectures: ArchitecturesOption = None,
    minutes: MinutesOption = None,
    seed: SeedOption = None,
    as_of: AsOfOption = None,
    workspace: WorkspaceOption = SHOP,
    as_json: JsonOption = False,
) -> None:
    """Train several architectures under one budget of time, and choose one by validation.

    Publishes nothing. The same command again goes on where it was stopped.
    """
    shop = _open(workspace)
    found = shop.compare(architectures=architectures, minutes=minutes, seed=seed, as_of=as_of)
    answer(found, as_json, "compare")


@app.command()
def tune(
    trials: TrialsOption = None,
    minutes: MinutesOption = None,
    seed: SeedOption = None,
    as_of: AsOfOption = None,
    workspace: WorkspaceOption = SHOP,
    as_json: JsonOption = False,
) -> None:
    """Search the settings that suit this shop, and write the best into habitue.toml.

    Publishes nothing. The same command again goes on where it was stopped.
    """
    found = _open(workspace).tune(trials=trials, minutes=minutes, seed=seed, as_of=as_of)
    answer(found, as_json, "tune")


@models_app.command("list")
def models_list(workspace: WorkspaceOption = SHOP, as_json: JsonOption = False) -> None:
    """List the versions, newest first, and which one answers."""
    answer(_open(workspace).models(), as_json, "models list")


@models_app.command("show")
def models_show(
    version: Annotated[
        str | None, typer.Argument(metavar="VERSION", help="Default: the one that answers.")
    ] = None,
    workspace: WorkspaceOption = SHOP,
    as_json: JsonOption = False,
) -> None:
    """Show one version's card: what it is, what it learned from, how good it is."""
    answer(_open(workspace).model(version), as_json)


@models_app.command("publish")
def models_publish(
    version: Annotated[
        str, typer.Argument(metavar="VERSION", help="Such as 0001; see: habitue models list")
    ],
    workspace: WorkspaceOption = SHOP,
    as_json: JsonOption = False,
) -> None:
    """Let this version answer from now on."""
    answer(_open(workspace).publish(version), as_json)


@models_app.command("rollback")
def models_rollback(workspace: WorkspaceOption = SHOP, as_json: JsonOption = False) -> None:
    """Let the version that answered before answer again."""
    answer(_open(workspace).rollback(), as_json)


@app.command()
def evaluate(
    as_of: AsOfOption = None, workspace: WorkspaceOption = SHOP, as_json: JsonOption = False
) -> None:
    """Measure the model on the future it has not seen, beside its baselines."""
    answer(_open(workspace).evaluate(as_of=as_of), as_json, "evaluate")


@app.command()
def refresh(
    as_of: AsOfOption = None, workspace: WorkspaceOption = SHOP, as_json: JsonOption = False
) -> None:
    """Compute everyone's profile, predictions and recommendations."""
    answer(_open(workspace).refresh(as_of=as_of), as_json)


@app.command()
def profile(
    user: UserArgument,
    as_of: AsOfOption = None,
    workspace: WorkspaceOption = SHOP,
    as_json: JsonOption = False,
) -> None:
    """Tell who a customer is: facts, interest tags, predictions."""
    answer(_open(workspace).profile(user, as_of=as_of), as_json, "profile")


@app.command()
def predict(
    task: Annotated[
        str,
        typer.Option("--task", metavar="T", help="Such as purchase_30d; a wrong name lists all."),
    ],
    out: OutOption = None,
    as_of: AsOfOption = None,
    workspace: WorkspaceOption = SHOP,
    as_json: JsonOption = False,
) -> None:
    """Write everyone's score for one task as CSV or Parquet."""
    answer(_open(workspace).predict(task, out=out, as_of=as_of), as_json)


@app.command()
def recommend(
    user: Annotated[
        str | None, typer.Argument(metavar="USER", help="The shop's own user id.")
    ] = None,
    k: ManyOption = 10,
    everyone: Annotated[
        bool, typer.Option("--all", help="For everyone, into the file --out.")
    ] = False,
    out: OutOption = None,
    as_of: AsOfOption = None,
    workspace: WorkspaceOption = SHOP,
    as_json: JsonOption = False,
) -> None:
    """Say what to offer to a customer, with source and reason for each item."""
    shop = _open(workspace)
    if everyone == (user is not None):
        raise _usage("Name one customer, or everyone with --all.", "recommend")
    if user is not None and out is not None:
        raise _usage("--out goes with --all only.", "recommend")
    if user is not None:
        answer(shop.recommend(user, k=k, as_of=as_of), as_json, "recommend")
    else:
        answer(shop.recommend_all(k=k, out=out, as_of=as_of), as_json)


@app.command()
def similar(
    item: Annotated[str, typer.Argument(metavar="ITEM", help="The shop's own item id.")],
    k: ManyOption = 10,
    workspace: WorkspaceOption = SHOP,
    as_json: JsonOption = False,
) -> None:
    """List items that go with this one."""
    answer(_open(workspace).similar(item, k=k), as_json, "similar")


@app.command()
def popular(
    k: ManyOption = 10,
    as_of: AsOfOption = None,
    workspace: WorkspaceOption = SHOP,
    as_json: JsonOption = False,
) -> None:
    """List what most people took in the last seven days of the log."""
    answer(_open(workspace).popular(k=k, as_of=as_of), as_json, "popular")


@app.command()
def audience(
    rule: Annotated[
        str,
        typer.Argument(metavar="RULE", help="Such as: recency_days > 60 and orders >= 3"),
    ],
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="Keep the list under this name.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where to write; ends in .csv.")
    ] = None,
    workspace: WorkspaceOption = SHOP,
    as_json: JsonOption = False,
) -> None:
    """Select persons by a rule over their profiles, into a CSV file."""
    answer(_open(workspace).audience(rule, name=name, out=out), as_json, "audience")


@alerts_app.command("churn")
def alerts_churn(
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=1, help="Customers listed.")
    ] = None,
    workspace: WorkspaceOption = SHOP,
    as_json: JsonOption = False,
) -> None:
    """List whom the shop is about to lose, most value at risk first, with reasons."""
    answer(_open(workspace).churn_alerts(limit=limit), as_json, "alerts churn")


@app.command()
def report(workspace: WorkspaceOption = SHOP, as_json: JsonOption = False) -> None:
    """Write the HTML report."""
    answer(_open(workspace).report(), as_json)


@app.command()
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
    answer(_open(workspace).backup(out=out, force=force), as_json)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Written by: habitue backup")],
    workspace: WorkspaceOption = SHOP,
    as_json: JsonOption = False,
) -> None:
    """Make a shop from a backup, in a folder that does not exist yet."""
    answer(_open(workspace).restore(file), as_json)


@app.command()
def doctor(workspace: WorkspaceOption = SHOP, as_json: JsonOption = False) -> None:
    """Say what is wrong with the installation and the shop, and which command mends it.

    Where something is wrong the exit code is 1.
    """
    found = _open(workspace).doctor()
    answer(found, as_json, "doctor")
    if found.status != "PASS":
        raise typer.Exit(1)


@app.command()
def simulate(
    users: options.Users,
    events: options.Events,
    out: options.OutFolder,
    seed: options.Seed = 0,
    format: options.EventsFormat = "parquet",
    like: options.Like = "taobao",
    start: options.Start = "2024-01-01",
    days: options.Days = 365,
    items: options.Items = None,
    carts: options.Carts = None,
    purchases: options.Purchases = None,
    repeats: options.Repeats = None,
    bots: options.Bots = 0.0,
    dirt: options.Dirt = 0.0,
    truth_at: options.TruthAt = None,
    processes: options.Processes = None,
    as_json: JsonOption = False,
) -> None:
    """Make up a shop of any size with known truth, as files for `init` and `ingest`."""
    from habitue.console import Bars
    from habitue.simulation.simulate import simulate as make_shop

    made = make_shop(
        out, users=users, events=events, seed=seed, format=format, like=like, start=start,
        days=days, items=items, carts=carts, purchases=purchases, repeats=repeats, bots=bots,
        dirt=dirt, truth_at=truth_at or (), processes=processes, progress=Bars(),
    )  # fmt: skip
    answer(made, as_json)


@app.command()
def version(as_json: JsonOption = False) -> None:
    """Print Habitue's version."""
    from habitue import __version__

    if as_json:
        typer.echo(json.dumps({"version": __version__}))
    else:
        typer.echo(f"habitue {__version__}")


def answer(result: Answer, as_json: bool, verb: str = "") -> None:
    """Print a verb's answer, the commands in it about the shop that was asked about."""
    print_answer(result, as_json, verb, where=_where())


def main() -> NoReturn:
    """Run the command line and exit with 0, 1 or 2."""
    if sys.stdout is None:  # closed by whoever started us: nobody wants to read
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    as_json = "--json" in sys.argv[1:]
    warnings.showwarning = _show_warning
    try:
        code = _run(as_json)
        sys.stdout.flush()
    except (AnswerLost, OSError) as error:
        _forget_stdout(error.cause if isinstance(error, AnswerLost) else error)
        code = 1
    sys.exit(code)


def _run(as_json: bool) -> int:
    """Run the verb, tell what went wrong, and return the exit code."""
    try:
        code = app(standalone_mode=False, prog_name="habitue")
    except HabitueError as error:
        return _tell(error, as_json)
    except AnswerLost:
        raise
    except typer.TyperException as error:
        return _tell(_wrong_usage(error), as_json)
    except (typer.Abort, KeyboardInterrupt):
        return _tell(STOPPED, as_json)
    except OSError as error:
        sys.stdout.flush()  # raises anew where the answer itself cannot be written
        return _tell(system_error(error), as_json)
    except Exception as error:
        return _tell(unexpected_error(error), as_json)
    if code == INTERRUPTED:
        return _tell(STOPPED, as_json)
    return code if isinstance(code, int) else 0


def _open(folder: Path) -> "Workspace":
    from habitue.console import Bars
    from habitue.workspace import Workspace

    _opened.append(folder)
    return Workspace(folder, progress=Bars())


def _where() -> str:
    """Return the option that names the shop just asked about; empty where it is the default."""
    default = os.environ.get("HABITUE_WORKSPACE", str(SHOP))
    if not _opened or str(_opened[-1]) == default:
        return ""
    return f" -w {shlex.quote(str(_opened[-1]))}"


def _about_shop(text: str) -> str:
    """Return the text with the shop just asked about named in its commands."""
    return COMMAND.sub(lambda command: command[0] + _where(), text)


def _tell(error: HabitueError, as_json: bool) -> int:
    """Print an error, the commands in its fix about the same shop, and return its exit code."""
    fix = error.fix
    if not fix.endswith("--help"):
        fix = _about_shop(fix)
    if as_json:
        document = {"error": {**error.as_json()["error"], "fix": fix}}
        typer.echo(json.dumps(document, ensure_ascii=False))
    else:
        typer.echo(inert(f"{error.message}\n{fix}".strip()), err=True)
    return error.exit_code


def _usage(message: str, verb: str) -> Refused:
    return Refused(message, fix=f"See: habitue {verb} --help", code="usage")


def _wrong_usage(error: typer.TyperException) -> Refused:
    """Words for what the command line itself cannot read."""
    context = getattr(error, "ctx", None)
    path = context.command_path.removeprefix("habitue").strip() if context else ""
    told = getattr(error, "format_message", error.__str__)() or "A verb is missing."
    for theirs, ours in USAGE_WORDS.items():
        told = told.replace(theirs, ours)
    return _usage(told, path) if path else Refused(told, fix="See: habitue --help", code="usage")


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    told = f"Note: {message}"
    if not issubclass(category, HabitueWarning):
        told = warnings.formatwarning(message, category, filename, lineno, line)
    typer.echo(inert(told.rstrip()), err=True)


def _forget_stdout(error: OSError) -> None:
    """Point stdout at nothing, so that Python does not try once more to write what is left."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if error.errno != errno.EPIPE:  # a reader that went away, such as head, has what it wanted
        with suppress(OSError):
            typer.echo(f"The answer cannot be printed: {error.strerror or error}.", err=True)
