"""The command line: one command a `Workspace` verb, no logic.

Every verb prints readable tables, or with `--json` exactly one JSON document on stdout; progress
and messages go to stderr. Exit code 0: done; 1: failed; 2: refused, with the reason and the fix.
Heavy imports happen inside the verbs, so that `--help` answers at once.
"""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, Protocol

import typer

from habitue.errors import HabitueError

if TYPE_CHECKING:
    from habitue.files import Json
    from habitue.workspace import Workspace

app = typer.Typer(
    name="habitue",
    help="From a shop's event log to profiles, predictions and recommendations.",
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

WorkspaceOption = Annotated[
    Path,
    typer.Option("-w", "--workspace", envvar="HABITUE_WORKSPACE", help="The shop's folder."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
AsOfOption = Annotated[
    str | None, typer.Option("--as-of", metavar="TIME", help="Read nothing from this moment on.")
]
FilesArgument = Annotated[list[Path], typer.Argument(metavar="FILE…", help="The shop's files.")]
OutOption = Annotated[
    Path | None, typer.Option("--out", metavar="FILE", help="Where to write (.csv or .parquet).")
]
SHOP = Path("shop")


class Answer(Protocol):
    """What every verb of a workspace returns."""

    def as_json(self) -> "Mapping[str, Json]":
        """Return the JSON document of the contract."""


@app.command()
def demo(workspace: WorkspaceOption = Path("demo-shop"), as_json: JsonOption = False) -> None:
    """Go the whole way on real shopping data, with no arguments: a tour of about five minutes."""
    from habitue.demo import run_demo

    answer(run_demo(_open(workspace)), as_json, "demo")


@app.command()
def init(
    files: Annotated[list[Path], typer.Option("--from", metavar="FILE", help="A file.")],
    more: Annotated[list[Path] | None, typer.Argument(metavar="[FILE…]", help="More.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace existing settings.")] = False,
    workspace: WorkspaceOption = SHOP,
    as_json: JsonOption = False,
) -> None:
    """Guess what the columns of unknown files mean, and write the settings down."""
    answer(_open(workspace).init([*files, *(more or [])], force=force), as_json, "init")


@app.command()
def validate(
    files: FilesArgument, workspace: WorkspaceOption = SHOP, as_json: JsonOption = False
) -> None:
    """Check files against the rules, with examples of what breaks them; write nothing."""
    answer(_open(workspace).validate(*files), as_json, "validate")


@app.command()
def ingest(
    files: FilesArgument, workspace: WorkspaceOption = SHOP, as_json: JsonOption = False
) -> None:
    """Read, clean and store files; the same file again adds nothing."""
    answer(_open(workspace).ingest(*files), as_json, "ingest")


@quarantine_app.command("show")
def quarantine_show(
    limit: Annotated[int, typer.Option("--limit", min=1, help="Rows shown.")] = 20,
    workspace: WorkspaceOption = SHOP,
    as_json: JsonOption = False,
) -> None:
    """Show rows that were set aside: file, line, field, reason."""
    answer(_open(workspace).quarantine(limit=limit), as_json)


@app.command()
def train(
    architecture: Annotated[
        str | None, typer.Option("--architecture", metavar="A", help="transformer or gru.")
    ] = None,
    size: Annotated[str | None, typer.Option("--size", metavar="S", help="tiny or small.")] = None,
    epochs: Annotated[int | None, typer.Option("--epochs", min=1, help="At most.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Same seed, same model.")] = None,
    as_of: AsOfOption = None,
    workspace: WorkspaceOption = SHOP,
    as_json: JsonOption = False,
) -> None:
    """Train the behaviour model and everything that stands on it; save and publish a version.

    Without --as-of the last part of the log is held out, so that `evaluate` can look at a future
    the model has never seen.
    """
    shop = _open(workspace)
    answer(
        shop.train(architecture=architecture, size=size, epochs=epochs, seed=seed, as_of=as_of),
        as_json,
    )


@models_app.command("list")
def models_list(workspace: WorkspaceOption = SHOP, as_json: JsonOption = False) -> None:
    """List the versions, newest first, and which one answers."""
    answer(_open(workspace).models(), as_json)


@models_app.command("show")
def models_show(
    version: Annotated[str | None, typer.Argument(help="Default: the published one.")] = None,
    workspace: WorkspaceOption = SHOP,
    as_json: JsonOption = False,
) -> None:
    """Show one version's card: what it is, what it learned from, how good it is."""
    answer(_open(workspace).model(version), as_json)


@models_app.command("publish")
def models_publish(
    version: Annotated[str, typer.Argument(help="The version that shall answer.")],
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
    user: Annotated[str, typer.Argument(help="The shop's own user id.")],
    as_of: AsOfOption = None,
    workspace: WorkspaceOption = SHOP,
    as_json: JsonOption = False,
) -> None:
    """Tell who a customer is: facts, interest tags, predictions."""
    answer(_open(workspace).profile(user, as_of=as_of), as_json, "profile")


@app.command()
def predict(
    task: Annotated[str, typer.Option("--task", metavar="T", help="For instance churn_90d.")],
    out: OutOption = None,
    as_of: AsOfOption = None,
    workspace: WorkspaceOption = SHOP,
    as_json: JsonOption = False,
) -> None:
    """Write everyone's score for one task as CSV or Parquet."""
    answer(_open(workspace).predict(task, out=out, as_of=as_of), as_json)


@app.command()
def recommend(
    user: Annotated[str | None, typer.Argument(help="The shop's own user id.")] = None,
    k: Annotated[int, typer.Option("-k", min=1, max=1000, help="How many items.")] = 10,
    everyone: Annotated[bool, typer.Option("--all", help="For everyone, into --out.")] = False,
    out: OutOption = None,
    as_of: AsOfOption = None,
    workspace: WorkspaceOption = SHOP,
    as_json: JsonOption = False,
) -> None:
    """Say what to offer to a customer, with source and reason for each item."""
    shop = _open(workspace)
    if everyone == (user is not None):
        raise typer.BadParameter("Name one user, or pass --all with --out FILE.")
    if user is not None and out is not None:
        raise typer.BadParameter("--out goes with --all.")
    if user is not None:
        answer(shop.recommend(user, k=k, as_of=as_of), as_json, "recommend")
    else:
        answer(shop.recommend_all(k=k, out=out, as_of=as_of), as_json)


@app.command()
def similar(
    item: Annotated[str, typer.Argument(help="The shop's own item id.")],
    k: Annotated[int, typer.Option("-k", min=1, max=1000, help="How many items.")] = 10,
    workspace: WorkspaceOption = SHOP,
    as_json: JsonOption = False,
) -> None:
    """List items that go with this one."""
    answer(_open(workspace).similar(item, k=k), as_json)


@app.command()
def popular(
    k: Annotated[int, typer.Option("-k", min=1, max=1000, help="How many items.")] = 10,
    as_of: AsOfOption = None,
    workspace: WorkspaceOption = SHOP,
    as_json: JsonOption = False,
) -> None:
    """List what most people want now."""
    answer(_open(workspace).popular(k=k, as_of=as_of), as_json)


@app.command()
def audience(
    rule: Annotated[str, typer.Argument(help="For instance: churn_90d > 0.5 and orders >= 3")],
    name: Annotated[str | None, typer.Option("--name", help="Save under this name.")] = None,
    out: OutOption = None,
    workspace: WorkspaceOption = SHOP,
    as_json: JsonOption = False,
) -> None:
    """Select persons by a rule over their profiles, into a CSV file."""
    answer(_open(workspace).audience(rule, name=name, out=out), as_json)


@alerts_app.command("churn")
def alerts_churn(
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Alerts listed.")] = None,
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
def version() -> None:
    """Print Habitue's version."""
    from habitue import __version__

    typer.echo(f"habitue {__version__}")


def answer(result: Answer, as_json: bool, verb: str = "") -> None:
    """Print a verb's answer on stdout, as one JSON document or as the verb's tables."""
    document = result.as_json()
    if as_json:
        typer.echo(json.dumps(document, ensure_ascii=False, allow_nan=False, indent=2))
        return
    from habitue import views

    views.show(verb, document)


def main() -> NoReturn:
    """Run the command line and exit with 0, 1 or 2."""
    as_json = "--json" in sys.argv[1:]
    try:
        code = app(standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except HabitueError as error:
        _tell(error.as_json(), as_json)
        sys.exit(error.exit_code)
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        fix = f"See: {context.command_path if context else 'habitue'} --help"
        told = getattr(error, "format_message", error.__str__)()
        message = told or "A verb is missing."
        _tell({"error": {"code": "usage", "message": message, "fix": fix}}, as_json)
        sys.exit(2)
    except (typer.Abort, KeyboardInterrupt):
        _tell({"error": {"code": "stopped", "message": "Stopped.", "fix": ""}}, as_json)
        sys.exit(1)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        _tell({"error": _unexpected(error)}, as_json)
        sys.exit(1)


def _open(folder: Path) -> "Workspace":
    from habitue.console import Bars
    from habitue.workspace import Workspace

    return Workspace(folder, progress=Bars())


def _tell(document: Mapping[str, Mapping[str, str]], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(document, ensure_ascii=False))
        return
    error = document["error"]
    typer.echo(f"{error['message']}\n{error['fix']}".strip(), err=True)


def _unexpected(error: Exception) -> dict[str, str]:
    """A fault of ours: keep the traceback in a file, show one sentence."""
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile(
        "w", prefix="habitue-error-", suffix=".log", delete=False
    ) as file:
        traceback.print_exception(error, file=file)
    return {
        "code": "internal",
        "message": f"Something broke inside Habitue: {type(error).__name__}: {error}",
        "fix": f"Nothing half-done was kept. Please report it with the details in {file.name}",
    }
