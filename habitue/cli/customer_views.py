"""How what is known of customers looks in the terminal: profile, recommend, audience, alerts …

In: their JSON documents. Out: tables on stdout. Knows nothing about how they come about.
"""

from collections.abc import Callable, Collection, Iterator, Mapping

from rich.console import Console

from habitue.cli.tables import (
    Json,
    Object,
    cell,
    cells_table,
    entries_of,
    object_of,
    objects_of,
    percent,
    scalars,
    whole,
    words,
)
from habitue.cli.texts import say
from habitue.languages import language, retold
from habitue.profiles.group_texts import group_label
from habitue.profiles.segment_texts import segment_label
from habitue.profiles.tag_texts import shown_tag, shown_tag_text
from habitue.schema import EVENT_TYPES

EVIDENCE_SHOWN = 2
MOVES_SHOWN = 5
BECAUSE = {"en": " ({})", "zh": "（{}）"}
SEMICOLON = {"en": "; ", "zh": "；"}
COMMA = {"en": ", ", "zh": "，"}
MIN_OPTION = 0.005  # as in the report


def show_similar(console: Console, document: Object) -> None:
    """Print items that go with one."""
    console.print(
        "[dim]" + say("Model {model}.", model=cell(document.get("model_version"))) + "[/]"
    )
    _items(console, document, "score")


def show_popular(console: Console, document: Object) -> None:
    """Print what most people took, and in which days."""
    did = say(" or ").join(words(cell(one)) for one in entries_of(document, "event_types"))
    day = str(document.get("as_of"))[:10]
    console.print(
        say(
            "Customers with a {did} of the item in the {days} days up to {day}. [dim]Items with 0 "
            "were popular before; what fewer customers took than recommend.min_persons is left "
            "out.[/]",
            did=did,
            days=cell(document.get("window_days")),
            day=day,
        )
    )
    _items(console, document, "customers")


def _items(console: Console, document: Object, score: str) -> None:
    rows = [
        tuple(cell(item.get(key)) for key in ("item_id", "name", "score"))
        for item in objects_of(document, "items")
    ]
    console.print(cells_table(("item", "name", score), rows, numbers_from=2))


def show_audience(console: Console, document: Object) -> None:
    """Print the persons selected beside everyone."""
    persons, everyone = whole(document, "persons"), whole(document, "everyone")
    console.print(
        cell(document.get("sentence"))
        + "\n"
        + say(
            "[bold]{persons} of {everyone} customers[/] ({share}). [dim]As of {as_of}.[/]",
            persons=f"{persons:,}",
            everyone=f"{everyone:,}",
            share=percent(document.get("share")),
            as_of=cell(document.get("as_of")),
        )
    )
    if persons:
        segments = _beside(object_of(document, "segments"), percent)
        console.print(cells_table(("segment", "in the list", "everyone"), segments, numbers_from=1))
        means = _beside(object_of(document, "means"), cell)
        console.print(cells_table(("mean", "in the list", "everyone"), means, numbers_from=1))
    console.print(
        say("Written to [bold]{path}[/].", path=cell(document.get("path"))), soft_wrap=True
    )


def _beside(entries: Object, shown: Callable[[Json], str]) -> list[tuple[str, ...]]:
    """Rows of what holds for the list and for everyone."""
    pairs = {name: one for name, one in entries.items() if isinstance(one, Mapping)}
    return [
        (cell(segment_label(words(name))), shown(one.get("audience")), shown(one.get("everyone")))
        for name, one in pairs.items()
    ]


def show_profile(console: Console, document: Object) -> None:
    """Print who a customer is."""
    fallback, reason = document.get("fallback"), document.get("reason")
    label = _fallback(fallback)
    because = BECAUSE[language()].format(cell(reason)) if reason else ""
    told = say(
        "as of {as_of}, model {model}, data: {data}{because}",
        as_of=cell(document.get("as_of")),
        model=cell(document.get("model_version")),
        data=words(cell(document.get("data_sufficiency"))),
        because=because,
    )
    console.print(
        f"[bold]{cell(document.get('user_id'))}[/]  "
        f"{cell(segment_label(str(document.get('segment'))))}{_group(document)}{label}  "
        f"[dim]{told}[/]\n"
    )
    facts = {k: v for k, v in object_of(document, "facts").items() if v not in (None, [])}
    if "favourite_weekday" in facts:
        facts["favourite_weekday"] = words(str(facts["favourite_weekday"]))
    scalars(console, facts)
    tags = [
        (
            cell(shown_tag(str(tag.get("name")), str(tag.get("kind")))),
            cell(tag.get("weight")),
            words(cell(tag.get("trend"))),
            cell(str(tag.get("last_seen") or "")[:10]),
            SEMICOLON[language()].join(
                cell(one.get("text")) for one in objects_of(tag, "evidence")[:EVIDENCE_SHOWN]
            ),
        )
        for tag in objects_of(document, "tags")
    ]
    if tags:
        console.print(cells_table(("tag", "weight", "trend", "latest", "because"), tags))
    predictions = object_of(document, "predictions")
    rows = [
        _prediction(name, one)
        for name, one in predictions.items()
        if isinstance(one, Mapping) and one.get("asked") is not False
    ]
    if rows:
        columns = ("prediction", "answer", "90 % interval", "percentile", "base rate", "data")
        console.print(cells_table(columns, rows))
    others = [name for name in predictions if object_of(predictions, name).get("asked") is False]
    if others:
        told = say("Not asked of this customer: {tasks}.", tasks=COMMA[language()].join(others))
        console.print(f"[dim]{told}[/]")
    for name, one in predictions.items():
        if isinstance(one, Mapping) and object_of(one, "when"):
            console.print(f"[bold]{name}[/]: {_when(object_of(one, 'when'))}", soft_wrap=True)
    _history(console, document)


def _when(told: Object) -> str:
    """Say in how many days the next event is expected."""
    low, median, high, reach, week, month = (
        one if isinstance(one := told.get(name), float | int) else None
        for name in (
            "low_days", "median_days", "high_days", "reach_days", "chance_7d", "chance_30d",
        )
    )  # fmt: skip
    if median is None:
        text = say("likelier later than within {reach} days", reach=_days(reach))
    elif high is None:
        text = say("in about {median} days, or much later", median=_days(median))
    else:
        text = say(
            "in about {median} days (8 of 10: {low} to {high})",
            median=_days(median),
            low=_days(low),
            high=_days(high),
        )
    for days, chance in ((7, week), (30, month)):
        if chance is not None:
            text += say("; {chance} within {days} days", chance=f"{chance:.0%}", days=str(days))
    return text


def _days(days: float | None) -> str:
    """Return days as people say them: a decimal only where they are few."""
    return "–" if days is None else f"{days:.0f}" if days >= 10 else f"{days:.1f}"


def _history(console: Console, document: Object) -> None:
    """Print how a customer moved from refresh to refresh, the latest first."""
    moves = objects_of(document, "history")
    if len(moves) < 2:  # one entry says where it stands, not how it moved
        return
    shares = {
        task
        for task, record in object_of(document, "predictions").items()
        if isinstance(record, Mapping) and record.get("probability") is not None
    }
    rows = [
        (
            cell(str(now.get("as_of"))[:10]),
            cell(segment_label(str(now.get("segment")))),
            "\n".join(_moved_predictions(now, before, shares)),
            _tags(now, "tags_gained"),
            _tags(now, "tags_lost"),
        )
        for now, before in zip(moves[:MOVES_SHOWN], [*moves[1:], {}], strict=False)
    ]
    console.print("\n[bold]" + say("How it moved") + "[/]")
    columns = ("as of", "segment", "predictions that moved", "tags that came", "tags that went")
    console.print(cells_table(columns, rows))


def _moved_predictions(now: Object, before: Object, shares: Collection[str]) -> Iterator[str]:
    """Yield the predictions that say something else than before; of the first move all."""
    had = object_of(before, "predictions")
    for task, value in object_of(now, "predictions").items():
        shown = percent if task in shares else cell
        if task not in had:
            yield f"{cell(task)} {shown(value)}"
        elif shown(value) != shown(had[task]):
            yield f"{cell(task)} {shown(had[task])} → {shown(value)}"


def _tags(move: Object, key: str) -> str:
    return ", ".join(cell(shown_tag_text(str(tag))) for tag in entries_of(move, key))


def _prediction(name: str, record: Object) -> tuple[str, ...]:
    probability, value = record.get("probability"), record.get("value")
    best = objects_of(record, "answers")[:3]
    if best:
        told = ((_option(str(one.get("name"))), one.get("probability")) for one in best)
        answer = COMMA[language()].join(
            f"{word} {share:.0%}"
            for word, share in told
            if isinstance(share, float) and share >= MIN_OPTION
        )
        interval = []
    elif isinstance(probability, float):
        answer = f"{probability:.1%}"
        interval = [
            f"{one:.1%}" for one in entries_of(record, "interval") if isinstance(one, float)
        ]
    else:
        # As in the report: the mean compares with the base rate; the typical amount is 0 for most.
        expected = record.get("expected")
        answer = cell(value if expected is None else expected)
        answer += (
            ""
            if expected is None or value is None
            else "[dim]" + say(" (typically {value})", value=cell(value)) + "[/]"
        )
        interval = [cell(one) for one in entries_of(record, "interval")]
    rate = record.get("base_rate")
    is_share = isinstance(probability, float) and isinstance(rate, float)
    return (
        name,
        answer,
        say("{low} to {high}", low=interval[0], high=interval[1]) if len(interval) == 2 else "",
        cell(record.get("percentile")) if record.get("percentile") is not None else "",
        (f"{rate:.1%}" if is_share else cell(rate)) if rate is not None else "",
        words(cell(record.get("data_sufficiency"))),
    )


def _option(name: str) -> str:
    """Return what may come next as people read it: an event type in words, a category as it is."""
    return cell(retold(name.replace("_", " ")) if name in EVENT_TYPES else name)


def _group(document: Object) -> str:
    name = object_of(document, "group").get("name")
    return f" · {cell(group_label(str(name)))}" if name else ""


def _fallback(fallback: Json) -> str:
    what = say("fallback: {what}", what=words(cell(fallback)))
    return f"  [yellow]{what}[/]" if fallback else ""


def show_recommendations(console: Console, document: Object) -> None:
    """Print what to offer, with source and reason."""
    label = _fallback(document.get("fallback"))
    told = say(
        "as of {as_of}, model {model}",
        as_of=cell(document.get("as_of")),
        model=cell(document.get("model_version")),
    )
    console.print(f"[bold]{cell(document.get('user_id'))}[/]{label}  [dim]{told}[/]")
    rows = [
        (
            *(cell(item.get(key)) for key in ("item_id", "name", "score")),
            words(cell(item.get("source"))) if language() != "en" else cell(item.get("source")),
            cell(item.get("reason")),
        )
        for item in objects_of(document, "items")
    ]
    console.print(cells_table(("item", "name", "score", "source", "reason"), rows))


def show_alerts(console: Console, document: Object) -> None:
    """Print whom the shop is about to lose, with reasons."""
    rate = document.get("base_rate")
    shown = f"{rate:.1%}" if isinstance(rate, float) else "–"
    console.print(
        say(
            "[bold]{task}[/]: {definition}. Base rate {rate}. [dim]As of {as_of}.[/]",
            task=cell(document.get("task")),
            definition=cell(document.get("definition")),
            rate=shown,
            as_of=cell(document.get("as_of")),
        )
    )
    rows = []
    for alert in objects_of(document, "alerts"):
        probability = alert.get("probability")
        rows.append(
            (
                cell(alert.get("user_id")),
                f"{probability:.0%}" if isinstance(probability, float) else "–",
                cell(alert.get("value_at_risk")),
                cell(segment_label(str(alert.get("segment")))),
                "\n".join(cell(reason) for reason in entries_of(alert, "reasons")),
            )
        )
    if rows:
        columns = ("user", "probability", "value at risk", "segment", "why")
        console.print(cells_table(columns, rows, lines=True))
    elif document.get("reason"):
        console.print(
            say(
                "This model cannot tell who leaves: {reason}; everyone has the base rate of "
                "{rate}.",
                reason=cell(document.get("reason")),
                rate=shown,
            )
        )
    else:
        console.print(say("Nobody is clearly likelier to leave than usual."))
