"""The part of the model card that tells for whom recommendations and predictions are less good.

In: the document of an evaluation, with the slices of `recommendation` and of each task. Out:
blocks, the plain words first. Knows nothing about how it was measured.
"""

from collections.abc import Callable

from habitue.evaluate import HEADLINE
from habitue.languages import told
from habitue.model_card_texts import SLICE_NAMES, CardTexts
from habitue.report.blocks import Block, Bullets, Heading, Table, Words
from habitue.report.documents import Document
from habitue.report.formats import number, percent


def groups(judged: Document, texts: CardTexts) -> list[Block]:
    """Return for whom recommendations and predictions work less well."""
    return [
        Heading(texts.advice_slices_title, level=3),
        *_of_advice(judged.child("recommendation"), texts),
        Heading(texts.task_slices_title, level=3),
        *_of_tasks(_sliced_tasks(judged), texts),
    ]


def plain_words(judged: Document, texts: CardTexts) -> list[str]:
    """Return for whom it works less well, a sentence each."""
    advice = judged.child("recommendation")
    said = [_advice_words(_slices(advice), texts)] if _slices(advice) else []
    tasks = _sliced_tasks(judged)
    said += [line for name, task in tasks.items() for line in _plain_words(name, task, texts)]
    return [line.replace("*", "").replace("`", "") for line in said]


def _sliced_tasks(judged: Document) -> dict[str, Document]:
    tasks = judged.child("tasks")
    sliced = {name: tasks.child(name) for name in tasks.entries}
    return {name: task for name, task in sliced.items() if _slices(task)}


def figure(amount: float | None) -> str:
    """Return a measure of any size."""
    return "–" if amount is None else f"{amount:.3f}" if abs(amount) < 10 else number(amount)


def _slices(judged: Document) -> list[Document]:
    return judged.children("slices", lambda one: one)


def _named(slices: list[Document], texts: CardTexts) -> str:
    return texts.comma.join(_name(one) for one in slices)


def _name(one: Document) -> str:
    return told(SLICE_NAMES).get(one.text("slice"), one.text("slice"))


# Recommendations


def _of_advice(advice: Document, texts: CardTexts) -> list[Block]:
    slices = _slices(advice)
    if not slices:
        return [Words(texts.no_slices)]
    return [
        Words(_advice_words(slices, texts)),
        Words(texts.slices),
        Table(texts.slice_columns, [_advice_row(one, texts) for one in slices]),
        Words(texts.cold.format(n=number(advice.number("cold")))),
    ]


def _advice_words(slices: list[Document], texts: CardTexts) -> str:
    worse = [one for one in slices if one.text("verdict") == "worse"]
    return texts.worse_for.format(names=_named(worse, texts)) if worse else texts.nobody_worse


def _advice_row(one: Document, texts: CardTexts) -> list[str]:
    n, others = one.number("n") or 0, one.child("others")
    interval = one.interval("interval")
    words = {"worse": texts.less_well, "better": texts.more_well}
    return [
        _name(one),
        f"{number(n)} ({percent(n / (n + (others.number('n') or 0)))})",
        figure(one.number(HEADLINE)),
        texts.unknown if interval is None else f"{interval[0]:.3f} – {interval[1]:.3f}",
        figure(others.number(HEADLINE)),
        texts.unknown if interval is None else words.get(one.text("verdict"), texts.alike),
    ]


# Predictions


def _of_tasks(tasks: dict[str, Document], texts: CardTexts) -> list[Block]:
    if not tasks:
        return [Words(texts.no_task_slices)]
    lines = [line for name, task in tasks.items() for line in _plain_words(name, task, texts)]
    plain: list[Block] = [Words(texts.nobody_less_reliable)]
    if lines:
        plain = [Words(texts.less_reliable), Bullets(lines)]
    rows = [_task_row(name, one, texts) for name, task in tasks.items() for one in _slices(task)]
    return [*plain, Words(texts.task_slices), Table(texts.task_slice_columns, rows)]


def _plain_words(name: str, task: Document, texts: CardTexts) -> list[str]:
    """Return what a reader of the task's predictions must know of some groups."""
    said: list[str] = []
    worse = [one for one in _slices(task) if one.text("verdict") == "worse"]
    if worse:
        words = texts.worse_amount if _is_amount(task) else texts.worse_order
        said.append(words.format(names=_named(worse, texts)))
    for level, words in (("too_high", texts.too_high), ("too_low", texts.too_low)):
        off = [_with_level(one, texts) for one in _slices(task) if one.text("level") == level]
        if off:
            said.append(words.format(names=texts.comma.join(off)))
    return [texts.of_task.format(name=name, said=line) for line in said]


def _with_level(one: Document, texts: CardTexts) -> str:
    written = _writer(one)
    return texts.with_level.format(
        name=_name(one), told=written(one.number("predicted")), came=written(_came(one))
    )


def _is_amount(task: Document) -> bool:
    return "mae" in task.numbers("metrics")


def _came(one: Document) -> float | None:
    return one.number("mean") if "mae" in one.entries else one.number("base_rate")


def _writer(one: Document) -> Callable[[float | None], str]:
    return number if "mae" in one.entries else percent


def _task_row(name: str, one: Document, texts: CardTexts) -> list[str]:
    measure = "relative_error" if "mae" in one.entries else "auc"
    written = _writer(one)
    return [
        f"`{name}`",
        _name(one),
        number(one.number("persons")),
        figure(one.number(measure)),
        figure(one.child("others").number(measure)),
        written(one.number("predicted")),
        written(_came(one)),
        _task_verdict(one, texts),
    ]


def _task_verdict(one: Document, texts: CardTexts) -> str:
    said = [
        {"worse": texts.less_well, "better": texts.more_well, "alike": texts.alike}.get(
            one.text("verdict"), texts.unknown
        )
    ]
    level = {"too_high": texts.level_high, "too_low": texts.level_low}.get(one.text("level"))
    return texts.comma.join([*said, *([level] if level else [])])
