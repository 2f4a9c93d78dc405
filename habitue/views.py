"""How each verb's answer looks in the terminal.

In: the JSON document of a verb. Out: tables on stdout. A verb without a view of its own is shown
key by key. Knows nothing about how the answers come about.
"""

from collections.abc import Callable, Mapping, Sequence

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from habitue.choice_views import show_comparison, show_tuning
from habitue.display import inert, shorten
from habitue.tables import Json, Object, number
from habitue.tables import cell as _cell
from habitue.tables import entries_of as _list
from habitue.tables import heading as _heading
from habitue.tables import is_nested as _is_nested
from habitue.tables import object_of as _object
from habitue.tables import objects_of as _objects
from habitue.tables import percent as _percent
from habitue.tables import rows_table as _rows_table
from habitue.tables import scalars as _scalars
from habitue.tables import signed as _signed
from habitue.tables import table as _table
from habitue.tables import whole as _int
from habitue.tables import words as _words

EVIDENCE_SHOWN = 2
RAW_SHOWN = 100  # characters of a row that was set aside
_COLOURS = {"PASS": "green", "WARN": "yellow", "FAIL": "red"}
WHERE = "where"  # what views know beside the document: the option that names the shop
ADVICE_METRICS = ("ndcg@10", "recall@10", "hit_rate@10", "mrr@10", "coverage@10")
BENCHMARK_METRICS = ("recall@10", "ndcg@10", "recall@20", "mrr@20")
TASK_METRICS = (
    ("probabilities", ("auc", "pr_auc", "log_loss", "ece", "lift@10%")),
    ("amounts", ("mae", "spearman", "gini", "total_error")),
    ("what comes next", ("accuracy", "hit_rate@3", "mrr", "log_loss")),
)


def show(verb: str, document: Object, *, where: str = "") -> None:
    """Print a verb's answer; `where` is the option that names the shop in the next command."""
    # Names such as :bomb: are a shop's own words, and no pictures.
    console = Console(emoji=False)
    VIEWS.get(verb, _any)(console, {**document, WHERE: escape(inert(where))})


def _any(console: Console, document: Object) -> None:
    """Scalars as a list, lists and nested objects as tables below."""
    document = {key: value for key, value in document.items() if key != WHERE}
    _scalars(console, {k: v for k, v in document.items() if not _is_nested(v)})
    for name, value in document.items():
        if isinstance(value, Mapping) and value:
            _heading(console, name)
            _scalars(console, value)
        elif isinstance(value, list | tuple) and value:
            rows = [row for row in value if isinstance(row, Mapping)]
            _heading(console, name)
            if rows:
                console.print(_rows_table(rows))
            else:
                for line in value:
                    console.print(f"  {_cell(line)}")


def _init(console: Console, document: Object) -> None:
    file = ""
    for guess in _objects(document, "guesses"):
        if guess.get("file") != file:
            file = str(guess.get("file"))
            console.print(f"\n[bold]{_cell(file.rsplit('/', 1)[-1])}[/]")
        mark = "[yellow]?[/]" if guess.get("confirm") else "[green]✓[/]"
        line = f"{mark} {_cell(guess.get('field'))} = [bold]{_cell(guess.get('guess'))}[/]"
        console.print(Padding(line, (0, 0, 0, 2)))
        console.print(Padding(f"[dim]{_cell(guess.get('because'))}[/]", (0, 0, 0, 6)))
    for one in _objects(document, "left_out"):
        console.print(f"\nLeft out: {_cell(one.get('file'))}: {_cell(one.get('because'))}")
    for question in _list(document, "questions"):
        console.print(f"\n[yellow]?[/] {_cell(question)}")
    console.print(
        f"\nWritten to [bold]{_cell(document.get('settings'))}[/]; "
        "a line marked [yellow]?[/] deserves a look."
    )
    if document.get("kept"):
        console.print(f"The settings before are kept in {_cell(document.get('kept'))}.")
    console.print(f"[bold]Next:[/] {_cell(document.get('next'))}", soft_wrap=True)


def _validate(console: Console, document: Object) -> None:
    for finding in _objects(document, "findings"):
        status = str(finding.get("status"))
        console.print(
            f"[{_COLOURS[status]}]{status}[/] [bold]{_cell(finding.get('rule'))}[/]"
            f"  {_cell(finding.get('message'))}"
        )
        for example in _list(finding, "examples"):
            console.print(Padding(f"[dim]{_cell(example)}[/]", (0, 0, 0, 7)))
    status = str(document.get("status"))
    console.print(f"\n[{_COLOURS[status]}][bold]{status}[/]")


def _doctor(console: Console, document: Object) -> None:
    _scalars(console, {**_object(document, "versions"), **_object(document, "paths")})
    for check in _objects(document, "checks"):
        status = str(check.get("status"))
        told = f"[{_COLOURS[status]}]{status}[/] [bold]{_cell(check.get('name'))}[/]"
        console.print(f"{told}  {_cell(check.get('message'))}", soft_wrap=True)
        if check.get("fix"):
            console.print(f"     {_cell(check.get('fix'))}", soft_wrap=True)


def _ingest(console: Console, document: Object) -> None:
    keys = (
        "received", "accepted", "repaired", "duplicates", "quarantined", "event_rows", "items",
        "seconds", "events_per_second",
    )  # fmt: skip
    _scalars(console, {key: document.get(key) for key in keys})
    set_aside = _object(document, "by_reason")
    if set_aside:
        console.print(_reasons_table(set_aside))
        console.print(f"See the rows: habitue quarantine show{document.get(WHERE, '')}")
    repairs = _object(document, "repairs")
    if repairs:
        _heading(console, "Repaired or remarked")
        _scalars(console, repairs)
    for note in _list(document, "notes"):
        console.print(_cell(note))


def _retry(console: Console, document: Object) -> None:
    keys = ("received", "accepted", "repaired", "duplicates", "quarantined", "event_rows", "items")
    _scalars(console, {key: document.get(key) for key in keys})
    still = _object(document, "by_reason")
    if still:
        _heading(console, f"Still set aside: {_cell(document.get('rows'))} rows")
        console.print(_reasons_table(still))
        console.print(f"See them: habitue quarantine show{document.get(WHERE, '')}")
    else:
        console.print("Nothing is set aside any more.")
    for note in _list(document, "notes"):
        console.print(_cell(note), soft_wrap=True)


def _reasons_table(counts: Object) -> Table:
    from habitue.events.quarantine import reason_text

    rows = [(_cell(count), _cell(reason_text(code))) for code, count in counts.items()]
    return _table(("rows", "set aside because"), rows)


def _quarantine(console: Console, document: Object) -> None:
    counts = _object(document, "by_reason")
    if not counts:
        console.print(
            "Nothing is set aside. Rows that cannot be used are kept here when files are stored: "
            f"habitue ingest{document.get(WHERE, '')} FILE…",
            soft_wrap=True,
        )
        return
    console.print(_reasons_table(counts))
    rows = [
        (
            f"{_cell(row.get('file'))}:{row.get('line') or '–'}",
            _because(row),
            _field_and_value(row),
            _cell(shorten(str(row.get("raw")), RAW_SHOWN)),
        )
        for row in _objects(document, "rows")
    ]
    columns = ("file and line", "because", "field and value", "the row")
    console.print(_table(columns, rows, lines=True))
    total = sum(count for count in counts.values() if isinstance(count, int))
    if total > len(rows):
        console.print(f"{len(rows):,} of {total:,} rows are shown; more with --limit.")


def _because(row: Object) -> str:
    """Say why; what a rule of cleaning says stands in the table of reasons already."""
    from habitue.events.batch import REASONS
    from habitue.events.records import reader_reason

    code = str(row.get("code") or "")
    return _cell(code.replace("_", " ") if code in REASONS else reader_reason(code))


def _field_and_value(row: Object) -> str:
    field, value = _cell(row.get("field")), row.get("value")
    return _words(field) if value is None else f"{field}={_cell(value)}"


def _versions(console: Console, document: Object) -> None:
    rows = [
        (
            f"{_cell(one.get('version'))}{' (answers)' if one.get('published') else ''}",
            f"{_cell(one.get('architecture'))}, {_cell(one.get('size'))}",
            _cell(one.get("parameters")),
            _cell(one.get("trained_until"))[:10],
            _cell(one.get("seconds")),
        )
        for one in _objects(document, "versions")
    ]
    if not rows:
        console.print(f"There is no model yet. Train one: habitue train{document.get(WHERE, '')}")
        return
    columns = ("version", "network", "parameters", "learnt until", "seconds")
    console.print(_table(columns, rows))


def _similar(console: Console, document: Object) -> None:
    console.print(f"[dim]Model {_cell(document.get('model_version'))}.[/]")
    _items(console, document, "score")


def _popular(console: Console, document: Object) -> None:
    did = " or ".join(_words(_cell(one)) for one in _list(document, "event_types"))
    day = str(document.get("as_of"))[:10]
    console.print(
        f"Customers with a {did} of the item in the {_cell(document.get('window_days'))} days "
        f"up to {day}. [dim]Items with 0 were popular before; what fewer customers took than "
        "recommend.min_persons is left out.[/]"
    )
    _items(console, document, "customers")


def _items(console: Console, document: Object, score: str) -> None:
    rows = [
        tuple(_cell(item.get(key)) for key in ("item_id", "name", "score"))
        for item in _objects(document, "items")
    ]
    console.print(_table(("item", "name", score), rows, numbers_from=2))


def _audience(console: Console, document: Object) -> None:
    persons, everyone = _int(document, "persons"), _int(document, "everyone")
    console.print(
        f"{_cell(document.get('sentence'))}\n[bold]{persons:,} of {everyone:,} customers[/] "
        f"({_percent(document.get('share'))}). [dim]As of {_cell(document.get('as_of'))}.[/]"
    )
    if persons:
        segments = _beside(_object(document, "segments"), _percent)
        console.print(_table(("segment", "in the list", "everyone"), segments, numbers_from=1))
        means = _beside(_object(document, "means"), _cell)
        console.print(_table(("mean", "in the list", "everyone"), means, numbers_from=1))
    console.print(f"Written to [bold]{_cell(document.get('path'))}[/].", soft_wrap=True)


def _beside(entries: Object, shown: Callable[[Json], str]) -> list[tuple[str, ...]]:
    """Rows of what holds for the list and for everyone."""
    pairs = {name: one for name, one in entries.items() if isinstance(one, Mapping)}
    return [
        (_cell(_words(name)), shown(one.get("audience")), shown(one.get("everyone")))
        for name, one in pairs.items()
    ]


def _evaluation(console: Console, document: Object) -> None:
    advice = document.get("recommendation")
    console.print(
        f"Judged on {_cell(document.get('as_of'))} to {_cell(document.get('until'))}, "
        f"which version {_cell(document.get('model_version'))} has not seen.\n"
    )
    if isinstance(advice, Mapping) and advice:
        _advice_scores(console, advice)
    tasks = {n: t for n, t in _object(document, "tasks").items() if isinstance(t, Mapping)}
    for title, metrics in TASK_METRICS:
        _task_scores(console, title, metrics, tasks)
    skipped = _object(document, "skipped")
    if skipped:
        console.print("[bold]Not possible with this log[/]")
        _scalars(console, skipped)
    console.print(
        "\nTo learn from the held-out part too, before this version goes to work: "
        f"habitue train{document.get(WHERE, '')}{_network(document)} "
        f"--as-of {_cell(document.get('until'))}",
        soft_wrap=True,
    )


def _network(document: Object) -> str:
    """Return the options that train the network that was judged."""
    given = {name: document.get(name) for name in ("architecture", "size")}
    return "".join(f" --{name} {_cell(value)}" for name, value in given.items() if value)


def _advice_scores(console: Console, advice: Object) -> None:
    rows = [("[bold]habitue[/]", _object(advice, "metrics"))]
    baselines = _object(advice, "baselines")
    rows += [(_words(name), b) for name, b in baselines.items() if isinstance(b, Mapping)]
    cells = [(name, *(_cell(metrics.get(key)) for key in ADVICE_METRICS)) for name, metrics in rows]
    title = f"Recommendations: what {number(_int(advice, 'n'))} persons took next"
    console.print(_table(("", *ADVICE_METRICS), cells, title=title, numbers_from=1))
    difference = _object(advice, "difference")
    low, high = [*_list(difference, "interval"), None, None][:2]
    best = _words(str(advice.get("best_baseline")))
    sure = "too few persons to say how sure"
    sure = sure if low is None else f"95 %: {_signed(low)} to {_signed(high)}"
    console.print(
        f"  [dim]{_cell(difference.get('metric'))} over {best}: "
        f"{_signed(difference.get('mean'))} ({sure})[/]\n"
    )


def _task_scores(
    console: Console, title: str, metrics: Sequence[str], tasks: Mapping[str, Object]
) -> None:
    rows: list[tuple[str, ...]] = []
    for name, task in tasks.items():
        ours = _object(task, "metrics")
        if metrics[0] not in ours:
            continue
        rate = task.get("base_rate")
        is_rate = isinstance(rate, float) and metrics[0] != "mae"
        shown = [f"[bold]{name}[/]", *(f"[dim]{line}[/]" for line in _judged_on(task))]
        shown += [f"[dim]base rate {rate:.1%}[/]"] if is_rate else []
        contenders = list({"[bold]habitue[/]": ours, **_object(task, "baselines")}.items())
        contenders += [("", {})] * (len(shown) - len(contenders))
        for line, (who, figures) in enumerate(contenders):
            if isinstance(figures, Mapping):
                head = shown[line] if line < len(shown) else ""
                cells = (_cell(figures[key]) if key in figures else "" for key in metrics)
                rows.append((head, _words(who), *cells))
        rows.append(())
    if rows:
        table = _table(
            ("task", "", *metrics), rows[:-1], title=f"Predictions: {title}", numbers_from=2
        )
        console.print(table)
        for name, task in tasks.items():
            if task.get("reason") and metrics[0] in _object(task, "metrics"):
                why = _cell(task.get("reason"))
                console.print(f"  [dim]{name}: habitue tells the base rate: {why}[/]")
        console.print()


def _judged_on(task: Object) -> list[str]:
    """Say on how many a task was judged; a person counts once a cut."""
    outcomes, persons = _int(task, "n"), _int(task, "persons")
    if outcomes == persons:
        return [f"{number(persons)} persons"]
    return [f"{number(outcomes)} outcomes", f"of {number(persons)} persons"]


def _profile(console: Console, document: Object) -> None:
    fallback, reason = document.get("fallback"), document.get("reason")
    label = f"  [yellow]fallback: {_words(_cell(fallback))}[/]" if fallback else ""
    because = f" ({_cell(reason)})" if reason else ""
    console.print(
        f"[bold]{_cell(document.get('user_id'))}[/]  {_cell(document.get('segment'))}{label}  "
        f"[dim]as of {_cell(document.get('as_of'))}, model {_cell(document.get('model_version'))}, "
        f"data: {_words(_cell(document.get('data_sufficiency')))}{because}[/]\n"
    )
    _scalars(console, {k: v for k, v in _object(document, "facts").items() if v is not None})
    tags = [
        (
            _cell(tag.get("name")),
            _cell(tag.get("weight")),
            _cell(tag.get("trend")),
            _cell(str(tag.get("last_seen") or "")[:10]),
            "; ".join(_cell(one.get("text")) for one in _objects(tag, "evidence")[:EVIDENCE_SHOWN]),
        )
        for tag in _objects(document, "tags")
    ]
    if tags:
        console.print(_table(("tag", "weight", "trend", "last seen", "because"), tags))
    predictions = _object(document, "predictions")
    rows = [_prediction(name, one) for name, one in predictions.items() if isinstance(one, Mapping)]
    if rows:
        columns = ("prediction", "answer", "90 % interval", "percentile", "base rate", "data")
        console.print(_table(columns, rows))


def _prediction(name: str, record: Object) -> tuple[str, ...]:
    probability, value = record.get("probability"), record.get("value")
    best = _objects(record, "answers")[:3]
    if best:
        told = ((_cell(one.get("name")), one.get("probability")) for one in best)
        answer = ", ".join(
            f"{word} {share:.0%}" for word, share in told if isinstance(share, float)
        )
        interval = []
    elif isinstance(probability, float):
        answer = f"{probability:.1%}"
        interval = [f"{one:.1%}" for one in _list(record, "interval") if isinstance(one, float)]
    else:
        # As in the report: the mean compares with the base rate; the typical amount is 0 for most.
        expected = record.get("expected")
        answer = _cell(value if expected is None else expected)
        answer += (
            "" if expected is None or value is None else f" [dim](typically {_cell(value)})[/]"
        )
        interval = [_cell(one) for one in _list(record, "interval")]
    rate = record.get("base_rate")
    is_share = isinstance(probability, float) and isinstance(rate, float)
    return (
        name,
        answer,
        " to ".join(interval),
        _cell(record.get("percentile")) if record.get("percentile") is not None else "",
        (f"{rate:.1%}" if is_share else _cell(rate)) if rate is not None else "",
        _words(_cell(record.get("data_sufficiency"))),
    )


def _recommend(console: Console, document: Object) -> None:
    fallback = document.get("fallback")
    label = f"  [yellow]fallback: {_words(_cell(fallback))}[/]" if fallback else ""
    console.print(
        f"[bold]{_cell(document.get('user_id'))}[/]{label}  "
        f"[dim]as of {_cell(document.get('as_of'))}, "
        f"model {_cell(document.get('model_version'))}[/]"
    )
    rows = [
        tuple(_cell(item.get(key)) for key in ("item_id", "name", "score", "source", "reason"))
        for item in _objects(document, "items")
    ]
    console.print(_table(("item", "name", "score", "source", "reason"), rows))


def _alerts(console: Console, document: Object) -> None:
    rate = document.get("base_rate")
    shown = f"{rate:.1%}" if isinstance(rate, float) else "–"
    console.print(
        f"[bold]{_cell(document.get('task'))}[/]: {_cell(document.get('definition'))}. "
        f"Base rate {shown}. [dim]As of {_cell(document.get('as_of'))}.[/]"
    )
    rows = []
    for alert in _objects(document, "alerts"):
        probability = alert.get("probability")
        rows.append(
            (
                _cell(alert.get("user_id")),
                f"{probability:.0%}" if isinstance(probability, float) else "–",
                _cell(alert.get("value_at_risk")),
                _cell(alert.get("segment")),
                "\n".join(_cell(reason) for reason in _list(alert, "reasons")),
            )
        )
    if rows:
        columns = ("user", "probability", "value at risk", "segment", "why")
        console.print(_table(columns, rows, lines=True))
    elif document.get("reason"):
        console.print(
            f"This model cannot tell who leaves: {_cell(document.get('reason'))}; everyone has the "
            f"base rate of {shown}."
        )
    else:
        console.print("Nobody is clearly likelier to leave than usual.")


def _demo(console: Console, document: Object) -> None:
    console.rule("[bold]Score card")
    _evaluation(console, _object(document, "evaluation"))
    for note in _list(document, "notes"):
        console.print(f"  [dim]•[/] {_cell(note)}")
    steps = ", ".join(f"{k} {_cell(v)} s" for k, v in _object(document, "steps").items())
    console.print(f"\nDone in {_cell(document.get('seconds'))} s ({steps}).")
    console.print("The data are the Complete Journey of 84.51°, simulated from real shopping.")
    console.print(f"\n[bold]Report:[/] {_cell(document.get('report'))}")
    console.print("[bold]Try next:[/]")
    for line in _list(document, "next"):
        console.print(f"  {_cell(line)}", soft_wrap=True)


def _benchmark(console: Console, document: Object) -> None:
    console.print(f"[bold]{_cell(document.get('dataset'))}[/], {_cell(document.get('protocol'))}.")
    _scalars(console, _object(document, "counts"))
    results = _objects(document, "results")
    names = [
        name for name in BENCHMARK_METRICS if results and name in _object(results[0], "metrics")
    ]
    cells = [(_cell(row.get("model")), _cell(row.get("seeds"))) for row in results]
    quality = [
        [_mean_and_spread(_object(_object(r, "metrics"), n)) for n in names] for r in results
    ]
    rows = [(*cell, *told) for cell, told in zip(cells, quality, strict=True)]
    console.print(_table(("model", "seeds", *names), rows, numbers_from=1))
    costs = ("seconds", "targets_per_second", "peak_rss_mb")
    rows = [(_cell(row.get("model")), *(_cell(row.get(cost)) for cost in costs)) for row in results]
    console.print(_table(("model", *map(_words, costs)), rows, numbers_from=1))
    for note in _list(document, "notes"):
        console.print(_cell(note), soft_wrap=True)
    console.print(f"Kept in {_cell(document.get('folder'))}.", soft_wrap=True)


def _mean_and_spread(told: Object) -> str:
    mean, spread = told.get("mean"), told.get("sd")
    if not isinstance(mean, int | float) or not isinstance(spread, int | float):
        return "–"
    return f"{mean:.4f}" + (f" ±{spread:.4f}" if spread else "")


VIEWS: Mapping[str, Callable[[Console, Object], None]] = {
    "init": _init,
    "validate": _validate,
    "doctor": _doctor,
    "ingest": _ingest,
    "quarantine show": _quarantine,
    "quarantine retry": _retry,
    "models list": _versions,
    "similar": _similar,
    "popular": _popular,
    "evaluate": _evaluation,
    "profile": _profile,
    "recommend": _recommend,
    "audience": _audience,
    "alerts churn": _alerts,
    "demo": _demo,
    "benchmark": _benchmark,
    "compare": show_comparison,
    "tune": show_tuning,
}
