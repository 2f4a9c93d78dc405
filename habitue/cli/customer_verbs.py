"""The verbs that tell who the customers are and what to do for them; no logic."""

from pathlib import Path
from typing import Annotated

import typer

from habitue.cli.asked import SHOP, answer, open_shop
from habitue.cli.options import (
    AsOfOption,
    JsonOption,
    ManyOption,
    OutOption,
    UserArgument,
    WorkspaceOption,
)
from habitue.cli.usage import usage


def refresh(
    as_of: AsOfOption = None,
    from_scratch: Annotated[
        bool,
        typer.Option("--from-scratch", help="Take nothing over from the refresh before."),
    ] = False,
    workspace: WorkspaceOption = SHOP,
    as_json: JsonOption = False,
) -> None:
    """Compute everyone's profile, predictions and recommendations."""
    answer(open_shop(workspace).refresh(as_of=as_of, from_scratch=from_scratch), as_json)


def profile(
    user: UserArgument,
    as_of: AsOfOption = None,
    workspace: WorkspaceOption = SHOP,
    as_json: JsonOption = False,
) -> None:
    """Tell who a customer is: facts, interest tags, predictions."""
    answer(open_shop(workspace).profile(user, as_of=as_of), as_json, "profile")


def explain(
    user: Annotated[
        str | None,
        typer.Argument(
            metavar="USER", help="The shop's own user id; none: what moves the task in this shop."
        ),
    ] = None,
    task: Annotated[
        str | None, typer.Option("--task", metavar="T", help="Whose prediction, as purchase_30d.")
    ] = None,
    item: Annotated[
        str | None, typer.Option("--item", metavar="ID", help="Whose score with the customer.")
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            "--threshold",
            metavar="X",
            help="Where the decision lies; without it: the churn alert's or the base rate.",
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=1, help="Entries cited.")
    ] = None,
    as_of: AsOfOption = None,
    workspace: WorkspaceOption = SHOP,
    as_json: JsonOption = False,
) -> None:
    """Say why: the customer's own dated events, each checked by taking it out."""
    result = open_shop(workspace).explain(
        user, task=task, item=item, threshold=threshold, limit=limit, as_of=as_of
    )
    answer(result, as_json, "explain")


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
    answer(open_shop(workspace).predict(task, out=out, as_of=as_of), as_json)


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
    shop = open_shop(workspace)
    if everyone == (user is not None):
        raise usage("Name one customer, or everyone with --all.", "recommend")
    if user is not None and out is not None:
        raise usage("--out goes with --all only.", "recommend")
    if user is not None:
        answer(shop.recommend(user, k=k, as_of=as_of), as_json, "recommend")
    else:
        answer(shop.recommend_all(k=k, out=out, as_of=as_of), as_json)


def similar(
    item: Annotated[str, typer.Argument(metavar="ITEM", help="The shop's own item id.")],
    k: ManyOption = 10,
    workspace: WorkspaceOption = SHOP,
    as_json: JsonOption = False,
) -> None:
    """List items that go with this one."""
    answer(open_shop(workspace).similar(item, k=k), as_json, "similar")


def popular(
    k: ManyOption = 10,
    as_of: AsOfOption = None,
    workspace: WorkspaceOption = SHOP,
    as_json: JsonOption = False,
) -> None:
    """List what most people took in the last seven days of the log."""
    answer(open_shop(workspace).popular(k=k, as_of=as_of), as_json, "popular")


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
    answer(open_shop(workspace).audience(rule, name=name, out=out), as_json, "audience")


def alerts_churn(
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=1, help="Customers listed.")
    ] = None,
    workspace: WorkspaceOption = SHOP,
    as_json: JsonOption = False,
) -> None:
    """List whom the shop is about to lose, most value at risk first, with reasons."""
    answer(open_shop(workspace).churn_alerts(limit=limit), as_json, "alerts churn")


def report(workspace: WorkspaceOption = SHOP, as_json: JsonOption = False) -> None:
    """Write the HTML report."""
    answer(open_shop(workspace).report(), as_json)
