"""How the scores of models look in the terminal: models list, evaluate, demo, benchmark.

In: their JSON documents. Out: tables on stdout. Knows nothing about how they come about.
"""

from collections.abc import Mapping, Sequence

from rich.console import Console

from habitue.cli.tables import (
    WHERE,
    Object,
    cell,
    cells_table,
    entries_of,
    number,
    object_of,
    objects_of,
    scalars,
    signed,
    whole,
    words,
)
from habitue.cli.texts import say

ADVICE_METRICS = ("ndcg@10", "recall@10", "hit_rate@10", "mrr@10", "coverage@10")
BENCHMARK_METRICS = ("recall@10", "ndcg@10", "recall@20", "mrr@20")
TASK_METRICS = (
    ("probabilities", ("auc", "pr_auc", "log_loss", "ece", "lift@10%")),
    ("amounts", ("mae", "spearman", "gini", "total_error")),
    ("what comes next", ("accuracy", "hit_rate@3", "mrr", "log_loss")),
)

WAIT_METRICS = ("log_loss", "brier", "days_off", "ece_7d", "ece_30d", "below_low", "above_high")


def show_versions(console: Console, document: Object) -> None:
    """Print the versions, the one that answers marked."""
    rows = [
        (
            say("{version} (answers)", version=cell(one.get("version")))
            if one.get("published")
            else cell(one.get("version")),
            f"{cell(one.get('architecture'))}, {cell(one.get('size'))}",
            cell(one.get("parameters")),
            cell(one.get("trained_until"))[:10],
            cell(one.get("seconds")),
        )
        for one in objects_of(document, "versions")
    ]
    if not rows:
        console.print(
            say(
                "There is no model yet. Train one: habitue train{where}",
                where=str(document.get(WHERE, "")),
            )
        )
        return
    columns = ("version", "network", "parameters", "learnt until", "seconds")
    console.print(cells_table(columns, rows))


def show_evaluation(console: Console, document: Object) -> None:
    """Print every contender's scores, the difference, and what to do next."""
    advice = document.get("recommendation")
    console.print(
        say(
            "Judged on {start} to {until}, which version {model} has not seen.\n",
            start=cell(document.get("as_of")),
            until=cell(document.get("until")),
            model=cell(document.get("model_version")),
        )
    )
    if isinstance(advice, Mapping) and advice:
        _advice_scores(console, advice)
    tasks = {n: t for n, t in object_of(document, "tasks").items() if isinstance(t, Mapping)}
    for title, metrics in TASK_METRICS:
        _task_scores(console, title, metrics, tasks)
    if object_of(document, "when"):
        _wait_scores(console, object_of(document, "when"))
    skipped = object_of(document, "skipped")
    if skipped:
        console.print(say("[bold]Not possible with this log[/]"))
        scalars(console, skipped)
    console.print(
        say(
            "\nTo learn from the held-out part too, before this version goes to work: {command}",
            command=f"habitue train{document.get(WHERE, '')}{_network(document)} "
            f"--as-of {cell(document.get('until'))}",
        ),
        soft_wrap=True,
    )


def _network(document: Object) -> str:
    """Return the options that train the network that was judged."""
    given = {name: document.get(name) for name in ("architecture", "size")}
    return "".join(f" --{name} {cell(value)}" for name, value in given.items() if value)


def _advice_scores(console: Console, advice: Object) -> None:
    rows = [("[bold]habitue[/]", object_of(advice, "metrics"))]
    baselines = object_of(advice, "baselines")
    rows += [(words(name), b) for name, b in baselines.items() if isinstance(b, Mapping)]
    cells = [(name, *(cell(metrics.get(key)) for key in ADVICE_METRICS)) for name, metrics in rows]
    title = say("Recommendations: what {n} persons took next", n=number(whole(advice, "n")))
    console.print(cells_table(("", *ADVICE_METRICS), cells, title=title, numbers_from=1))
    difference = object_of(advice, "difference")
    low, high = [*entries_of(difference, "interval"), None, None][:2]
    best = words(str(advice.get("best_baseline")))
    sure = say("too few persons to say how sure")
    sure = sure if low is None else say("95 %: {low} to {high}", low=signed(low), high=signed(high))
    told = say(
        "{metric} over {best}: {mean} ({sure})",
        metric=cell(difference.get("metric")),
        best=best,
        mean=signed(difference.get("mean")),
        sure=sure,
    )
    console.print(f"  [dim]{told}[/]\n")


def _task_scores(
    console: Console, title: str, metrics: Sequence[str], tasks: Mapping[str, Object]
) -> None:
    rows: list[tuple[str, ...]] = []
    for name, task in tasks.items():
        ours = object_of(task, "metrics")
        if metrics[0] not in ours:
            continue
        rate = task.get("base_rate")
        is_rate = isinstance(rate, float) and metrics[0] != "mae"
        shown = [f"[bold]{name}[/]", *(f"[dim]{line}[/]" for line in _judged_on(task))]
        shown += ["[dim]" + say("base rate {rate}", rate=f"{rate:.1%}") + "[/]"] if is_rate else []
        contenders = list({"[bold]habitue[/]": ours, **object_of(task, "baselines")}.items())
        contenders += [("", {})] * (len(shown) - len(contenders))
        for line, (who, figures) in enumerate(contenders):
            if isinstance(figures, Mapping):
                head = shown[line] if line < len(shown) else ""
                cells = (cell(figures[key]) if key in figures else "" for key in metrics)
                rows.append((head, words(who), *cells))
        rows.append(())
    if rows:
        table = cells_table(
            ("task", "", *metrics),
            rows[:-1],
            title=say("Predictions: {kind}", kind=words(title)),
            numbers_from=2,
        )
        console.print(table)
        for name, task in tasks.items():
            if task.get("reason") and metrics[0] in object_of(task, "metrics"):
                why = cell(task.get("reason"))
                told = say("{task}: habitue tells the base rate: {why}", task=name, why=why)
                console.print(f"  [dim]{told}[/]")
        console.print()


def _wait_scores(console: Console, when: Object) -> None:
    """Print how good the days until the next event are, beside life tables."""
    baselines = object_of(when, "baselines")
    contenders = {"[bold]habitue[/]": object_of(when, "metrics"), **baselines}
    shown = [name for name in WAIT_METRICS if name in object_of(when, "metrics")]
    rows = [
        (words(who), *(cell(figures.get(name)) for name in shown))
        for who, figures in contenders.items()
        if isinstance(figures, Mapping)
    ]
    title = say("Days until the next event, of {n} persons", n=number(whole(when, "persons")))
    console.print(cells_table(("", *shown), rows, title=title, numbers_from=1))
    console.print()


def _judged_on(task: Object) -> list[str]:
    """Say on how many a task was judged; a person counts once a cut."""
    outcomes, persons = whole(task, "n"), whole(task, "persons")
    if outcomes == persons:
        return [say("{n} persons", n=number(persons))]
    return [
        say("{n} outcomes", n=number(outcomes)),
        say("of {n} persons", n=number(persons)),
    ]


def show_demo(console: Console, document: Object) -> None:
    """Print the score card of the tour, and where to go on."""
    console.rule("[bold]" + say("Score card"))
    show_evaluation(console, object_of(document, "evaluation"))
    for note in entries_of(document, "notes"):
        console.print(f"  [dim]•[/] {cell(note)}")
    steps = ", ".join(f"{k} {cell(v)} s" for k, v in object_of(document, "steps").items())
    console.print(
        say("\nDone in {seconds} s ({steps}).", seconds=cell(document.get("seconds")), steps=steps)
    )
    console.print(say("The data are the Complete Journey of 84.51°, simulated from real shopping."))
    console.print(say("\n[bold]Report:[/] {path}", path=cell(document.get("report"))))
    console.print(say("[bold]Try next:[/]"))
    for line in entries_of(document, "next"):
        console.print(f"  {cell(line)}", soft_wrap=True)


def show_benchmark(console: Console, document: Object) -> None:
    """Print quality and cost of each contender."""
    console.print(f"[bold]{cell(document.get('dataset'))}[/], {cell(document.get('protocol'))}.")
    scalars(console, object_of(document, "counts"))
    results = objects_of(document, "results")
    names = [
        name for name in BENCHMARK_METRICS if results and name in object_of(results[0], "metrics")
    ]
    cells = [(cell(row.get("model")), cell(row.get("seeds"))) for row in results]
    quality = [
        [_mean_and_spread(object_of(object_of(r, "metrics"), n)) for n in names] for r in results
    ]
    rows = [(*cell, *told) for cell, told in zip(cells, quality, strict=True)]
    console.print(cells_table(("model", "seeds", *names), rows, numbers_from=1))
    costs = ("seconds", "targets_per_second", "peak_rss_mb")
    rows = [(cell(row.get("model")), *(cell(row.get(cost)) for cost in costs)) for row in results]
    console.print(cells_table(("model", *map(words, costs)), rows, numbers_from=1))
    for note in entries_of(document, "notes"):
        console.print(cell(note), soft_wrap=True)
    console.print(say("Kept in {folder}.", folder=cell(document.get("folder"))), soft_wrap=True)


def _mean_and_spread(told: Object) -> str:
    mean, spread = told.get("mean"), told.get("sd")
    if not isinstance(mean, int | float) or not isinstance(spread, int | float):
        return "–"
    return f"{mean:.4f}" + (f" ±{spread:.4f}" if spread else "")
