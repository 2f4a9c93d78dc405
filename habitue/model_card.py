"""The model card: what a version does, how well, for whom less well, what it must not be used for.

In: a version's card and its last evaluation. Out: Markdown in the language that is spoken, for
people who decide whether and for what the model may be used. Knows nothing about how it was
measured.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from habitue.evaluate import HEADLINE
from habitue.files import write_bytes
from habitue.judging import Evaluation
from habitue.languages import LANGUAGES, retold, speaking, told
from habitue.metrics import limits_of
from habitue.model_card_texts import METRICS, SLICE_NAMES, TEXTS, CardTexts
from habitue.profiles.next_model import NETWORK
from habitue.report.documents import Document, as_interval
from habitue.report.formats import compact, number, percent
from habitue.schema import spoken_date
from habitue.slices import Slice
from habitue.versions import Card

FILES: Final = {spoken: f"model_card.{spoken}.md" for spoken in LANGUAGES}
TASK_METRICS: Final = ("auc", "mae", "accuracy")  # the first that a task has


def write_model_cards(folder: Path, card: Card, evaluation: Evaluation) -> None:
    """Write the card into a version's folder, a file a language."""
    for spoken, name in FILES.items():
        with speaking(spoken):
            write_bytes(folder / name, model_card(card, evaluation).encode())


def model_card(card: Card, evaluation: Evaluation) -> str:
    """Return the card as Markdown, in the language that is spoken."""
    texts = told(TEXTS)
    sections = [
        f"# {texts.title.format(version=card.version)}",
        texts.what.format(
            architecture=card.architecture,
            parameters=compact(card.parameters),
            events=compact(card.events),
            until=spoken_date(card.trained_until),
        ),
        f"## {texts.data_title}",
        _bullets(texts.data),
        f"## {texts.quality_title}",
        *_quality(evaluation, texts),
        f"## {texts.slices_title}",
        *_slices(evaluation, texts),
        f"## {texts.limits_title}",
        _bullets(texts.limits),
        f"## {texts.forbidden_title}",
        texts.forbidden_lead,
        _bullets(texts.forbidden),
    ]
    return "\n\n".join(sections) + "\n"


def _quality(evaluation: Evaluation, texts: CardTexts) -> list[str]:
    until = spoken_date(evaluation.until)
    lines = [texts.quality.format(since=spoken_date(evaluation.as_of), until=until)]
    rows = _advice_row(evaluation, texts)
    for name, entries in evaluation.tasks.items():
        rows.append(_task_row(name, Document(entries), texts))
    if rows:
        lines += [_table(texts.quality_columns, rows), texts.reading]
    if evaluation.skipped:
        lines.append(texts.skipped)
        lines.append(
            _bullets(f"`{name}`: {retold(reason)}" for name, reason in evaluation.skipped.items())
        )
    return lines


def _advice_row(evaluation: Evaluation, texts: CardTexts) -> list[list[str]]:
    advice = evaluation.recommendation
    if advice is None:
        return []
    ranking = advice.overall
    limits = limits_of(ranking.difference, ranking.n)
    return [
        [
            texts.advice,
            number(ranking.n),
            told(METRICS)[HEADLINE],
            _figure(ranking.metrics[HEADLINE]),
            f"{_figure(ranking.baselines[ranking.best_baseline][HEADLINE])} "
            f"(`{ranking.best_baseline}`)",
            _verdict(as_interval(limits), texts),
        ]
    ]


def _task_row(name: str, task: Document, texts: CardTexts) -> list[str]:
    measures = task.numbers("metrics")
    metric = next(one for one in TASK_METRICS if one in measures)
    best, figure = _best_baseline(task, metric)
    return [
        f"`{name}`: {retold(task.text('description'))}",
        number(task.number("persons")),
        told(METRICS)[metric],
        _figure(measures[metric]),
        f"{_figure(figure)} (`{best}`)" if best else texts.unknown,
        _verdict(task.child("difference").interval("interval"), texts),
    ]


def _best_baseline(task: Document, metric: str) -> tuple[str, float | None]:
    """Return the named best baseline; where none is named, the best simple one by the metric."""
    baselines = task.child("baselines")
    named = task.text("best_baseline")
    if named:
        return named, baselines.child(named).number(metric)
    simple = {
        name: figure
        for name in baselines.entries
        if name != NETWORK and (figure := baselines.child(name).number(metric)) is not None
    }
    return max(simple.items(), key=lambda one: one[1], default=("", None))


def _verdict(interval: tuple[float, float] | None, texts: CardTexts) -> str:
    if interval is None:
        return texts.unknown
    return texts.better if interval[0] > 0 else texts.worse if interval[1] < 0 else texts.even


def _slices(evaluation: Evaluation, texts: CardTexts) -> list[str]:
    advice = evaluation.recommendation
    if advice is None or not advice.slices:
        return [texts.no_slices]
    rows = [_slice_row(one, texts) for one in advice.slices]
    worse = [one for one in advice.slices if one.is_worse]
    names = texts.comma.join(told(SLICE_NAMES)[one.name] for one in worse)
    return [
        texts.slices,
        texts.worse_for.format(names=names) if worse else texts.nobody_worse,
        _table(texts.slice_columns, rows),
        texts.cold.format(n=number(advice.num_cold)),
    ]


def _slice_row(one: Slice, texts: CardTexts) -> list[str]:
    total = one.inside.n + one.others.n
    verdict = texts.less_well if one.is_worse else texts.more_well if one.is_better else texts.alike
    return [
        told(SLICE_NAMES)[one.name],
        f"{number(one.inside.n)} ({percent(one.inside.n / total)})",
        _figure(one.inside.mean),
        _interval(one.inside.interval, texts),
        _figure(one.others.mean),
        texts.unknown if one.inside.interval is None else verdict,
    ]


def _interval(interval: tuple[float, float] | None, texts: CardTexts) -> str:
    return texts.unknown if interval is None else f"{interval[0]:.3f} – {interval[1]:.3f}"


def _figure(amount: float | None) -> str:
    return "–" if amount is None else f"{amount:.3f}" if abs(amount) < 10 else number(amount)


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(_cell(one) for one in line) + " |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
