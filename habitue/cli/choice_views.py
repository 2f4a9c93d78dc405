"""How the answers of `compare` and `tune` look in the terminal.

In: their JSON documents. Out: tables on stdout. Knows nothing about how they come about.
"""

from rich.console import Console

from habitue.cli.tables import (
    Json,
    Object,
    cell,
    cells_table,
    entries_of,
    object_of,
    objects_of,
    signed,
)
from habitue.cli.texts import say

TRIALS_SHOWN = 11
COMPARE_METRICS = ("ndcg@10", "recall@10")
COMPARE_COSTS = ("seconds", "seconds_per_epoch", "events_per_second", "parameters")


def show_comparison(console: Console, document: Object) -> None:
    """Print quality and cost of each architecture, and the choice."""
    table = objects_of(document, "table")
    names = [cell(row.get("architecture")) for row in table]
    names = [
        f"[bold]{name} ✓[/]" if row.get("chosen") else name
        for name, row in zip(names, table, strict=True)
    ]
    quality = [
        (
            name,
            *(_four(row.get(metric)) for metric in COMPARE_METRICS),
            _signed_with_limits(object_of(row, "difference")),
        )
        for name, row in zip(names, table, strict=True)
    ]
    columns = ("architecture", *COMPARE_METRICS, "to the best (95 %)")
    console.print(cells_table(columns, quality, numbers_from=1))
    costs = [
        (name, *(cell(row.get(cost)) for cost in COMPARE_COSTS), *_out_of_time(row))
        for name, row in zip(names, table, strict=True)
    ]
    costs_told = ("architecture", *(cost.replace("_", "\n") for cost in COMPARE_COSTS), "epochs")
    console.print(cells_table(costs_told, costs, numbers_from=1))
    if any(row.get("out_of_time") for row in table):
        console.print(
            say("* its share of the time was over; it counts with its best epoch so far.")
        )
    console.print(cell(document.get("reason")), soft_wrap=True)
    console.print(
        say("[bold]Next:[/] {command}", command=cell(document.get("next"))), soft_wrap=True
    )


def show_tuning(console: Console, document: Object) -> None:
    """Print the best trials beside the settings in force, and what was written."""
    table = objects_of(document, "table")
    shown = sorted(table, key=lambda row: (not row.get("in_force"), -_ndcg(row)))[:TRIALS_SHOWN]
    names = [name.split(".")[-1].replace("_", "\n") for name in object_of(document, "chosen")]
    rows = [
        (
            _standing(row),
            *(cell(value) for value in object_of(row, "settings").values()),
            _four(row.get("ndcg@10")),
            signed(object_of(row, "difference").get("mean")),
        )
        for row in shown
    ]
    console.print(cells_table(("", *names, "ndcg@10", "gain"), rows, numbers_from=1))
    if any(row.get("pruned") for row in shown):
        console.print(say("cut: given up early, for it lagged behind the others."))
    if len(table) > len(shown):
        console.print(say("{shown} more; all with --json.", shown=str(len(table) - len(shown))))
    if document.get("out_of_time"):
        console.print(
            say("The time was over before all trials were done; the same command goes on.")
        )
    console.print(cell(document.get("reason")), soft_wrap=True)
    if object_of(document, "written"):
        told = ", ".join(f"{k} = {cell(v)}" for k, v in object_of(document, "written").items())
        console.print(
            say(
                "Written to [bold]{path}[/]: {told}.",
                path=cell(document.get("settings")),
                told=told,
            )
        )
        if document.get("kept"):
            console.print(
                say("The settings before are kept in {path}.", path=cell(document.get("kept")))
            )
    console.print(
        say("[bold]Next:[/] {command}", command=cell(document.get("next"))), soft_wrap=True
    )


def _standing(row: Object) -> str:
    if row.get("in_force"):
        return "now"
    return "[bold]best[/]" if row.get("chosen") else "cut" if row.get("pruned") else ""


def _ndcg(row: Object) -> float:
    found = row.get("ndcg@10")
    return found if isinstance(found, float) else 0.0


def _out_of_time(row: Object) -> tuple[str]:
    return (cell(row.get("epochs")) + (" *" if row.get("out_of_time") else ""),)


def _four(value: Json) -> str:
    return f"{value:.4f}" if isinstance(value, int | float) else "–"


def _signed_with_limits(difference: Object) -> str:
    mean = signed(difference.get("mean"))
    limits = ", ".join(signed(limit) for limit in entries_of(difference, "interval"))
    return f"{mean} ({limits})" if limits else mean
