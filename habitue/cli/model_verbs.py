"""The verbs that train, choose, list and judge models; no logic."""

from typing import Annotated

import typer

from habitue.cli.asked import SHOP, answer, open_shop
from habitue.cli.options import (
    ArchitectureOption,
    ArchitecturesOption,
    AsOfOption,
    ComparingOption,
    JsonOption,
    MinutesOption,
    SeedOption,
    TrialsOption,
    WorkspaceOption,
)
from habitue.compute import is_helper


def train(
    architecture: ArchitectureOption = None,
    size: Annotated[
        str | None, typer.Option("--size", metavar="S", help="Size: tiny, small, base or large.")
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
    if is_helper():
        from habitue.model.helping import help_out

        help_out()
        return
    shop = open_shop(workspace)
    trained = shop.train(
        architecture=architecture, size=size, epochs=epochs, seed=seed, minutes=minutes,
        as_of=as_of,
    )  # fmt: skip
    answer(trained, as_json, "train")


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
    shop = open_shop(workspace)
    found = shop.compare(architectures=architectures, minutes=minutes, seed=seed, as_of=as_of)
    answer(found, as_json, "compare")


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
    found = open_shop(workspace).tune(trials=trials, minutes=minutes, seed=seed, as_of=as_of)
    answer(found, as_json, "tune")


def models_list(workspace: WorkspaceOption = SHOP, as_json: JsonOption = False) -> None:
    """List the versions, newest first, and which one answers."""
    answer(open_shop(workspace).models(), as_json, "models list")


def models_show(
    version: Annotated[
        str | None, typer.Argument(metavar="VERSION", help="Default: the one that answers.")
    ] = None,
    workspace: WorkspaceOption = SHOP,
    as_json: JsonOption = False,
) -> None:
    """Show one version: what it is, what it learned from, and its model card in short."""
    answer(open_shop(workspace).model(version), as_json, "models show")


def models_publish(
    version: Annotated[
        str, typer.Argument(metavar="VERSION", help="Such as 0001; see: habitue models list")
    ],
    workspace: WorkspaceOption = SHOP,
    as_json: JsonOption = False,
) -> None:
    """Let this version answer from now on."""
    answer(open_shop(workspace).publish(version), as_json, "models publish")


def models_rollback(workspace: WorkspaceOption = SHOP, as_json: JsonOption = False) -> None:
    """Let the version that answered before answer again."""
    answer(open_shop(workspace).rollback(), as_json, "models rollback")


def evaluate(
    as_of: AsOfOption = None, workspace: WorkspaceOption = SHOP, as_json: JsonOption = False
) -> None:
    """Measure the model on the future it has not seen, beside its baselines."""
    answer(open_shop(workspace).evaluate(as_of=as_of), as_json, "evaluate")
