"""The model card: what a version does, how well, for whom less well, what it must not be used for.

In: a version's card and the document of its last evaluation. Out: blocks in the language that is
spoken, or a Markdown file a language, for people who decide whether and for what the model may be
used. `model_card_groups` tells for whom it works less well. Knows nothing about how it was
measured.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from habitue.evaluate import HEADLINE
from habitue.files import Json, write_bytes
from habitue.languages import LANGUAGES, language, retold, speaking, told
from habitue.model_card_groups import figure, groups, plain_words
from habitue.model_card_texts import METRICS, TEXTS, CardTexts
from habitue.profiles.next_model import NETWORK
from habitue.report.blocks import Block, Bullets, Heading, Table, Words, as_markdown
from habitue.report.documents import Document
from habitue.report.formats import compact, number
from habitue.schema import spoken_date
from habitue.versions import Card

FILES: Final = {spoken: f"model_card.{spoken}.md" for spoken in LANGUAGES}
_MEASURE_END: Final = re.compile("[:：;,，]")
HEADLINES: Final = (HEADLINE, "auc", "mae", "accuracy")  # the first that was measured


def write_model_cards(folder: Path, card: Card, evaluation: Mapping[str, Json]) -> None:
    """Write the card into a version's folder, a file a language."""
    for spoken, name in FILES.items():
        with speaking(spoken):
            write_bytes(folder / name, as_markdown(model_card(card, evaluation)).encode())


def model_card(card: Card, evaluation: Mapping[str, Json]) -> list[Block]:
    """Return the card in the language that is spoken; `evaluation` is what `evaluate` answered."""
    texts, judged = told(TEXTS), Document(evaluation)
    return [
        Heading(texts.title.format(version=card.version), level=1),
        Words(
            texts.what.format(
                architecture=card.architecture,
                parameters=compact(card.parameters),
                events=compact(card.events),
                until=spoken_date(card.trained_until),
            )
        ),
        Heading(texts.data_title),
        Bullets(texts.data),
        Heading(texts.quality_title),
        *_quality(judged, texts),
        Heading(texts.slices_title),
        *groups(judged, texts),
        Heading(texts.limits_title),
        Bullets(texts.limits),
        Heading(texts.forbidden_title),
        Words(texts.forbidden_lead),
        Bullets(texts.forbidden),
    ]


def card_path(folder: Path) -> Path | None:
    """Return where a version's card lies in the language that is spoken, None where it does not."""
    path = folder / FILES[language()]
    return path if path.is_file() else None


def summary(evaluation: Mapping[str, Json]) -> list[str]:
    """Return how well a version does and for whom less well, a sentence each."""
    texts, judged = told(TEXTS), Document(evaluation)
    advice, tasks = judged.child("recommendation"), judged.child("tasks")
    said = [_in_short(texts.advice, advice, texts)] if advice.numbers("metrics") else []
    said += [_in_short(name, tasks.child(name), texts) for name in tasks.entries]
    return [*said, *plain_words(judged, texts)]


def _in_short(what: str, judged: Document, texts: CardTexts) -> str:
    measures = judged.numbers("metrics")
    metric = next(one for one in HEADLINES if one in measures)
    best, theirs = _best_baseline(judged, metric)
    verdict = _verdict(judged.child("difference").interval("interval"))
    return texts.in_short[verdict].format(
        what=what,
        measure=_MEASURE_END.split(told(METRICS)[metric])[0],
        ours=figure(measures[metric]),
        best=best or "–",
        theirs=figure(theirs),
    )


def _quality(judged: Document, texts: CardTexts) -> list[Block]:
    since, until = (judged.moment(key) or 0 for key in ("as_of", "until"))
    blocks: list[Block] = [
        Words(texts.quality.format(since=spoken_date(since), until=spoken_date(until)))
    ]
    rows = _advice_row(judged.child("recommendation"), texts)
    tasks = judged.child("tasks")
    rows += [_task_row(name, tasks.child(name), texts) for name in tasks.entries]
    if rows:
        blocks += [Table(texts.quality_columns, rows), Words(texts.reading)]
    skipped = judged.child("skipped")
    if skipped.entries:
        reasons = [
            texts.of_task.format(name=name, said=retold(skipped.text(name)))
            for name in skipped.entries
        ]
        blocks += [Words(texts.skipped), Bullets(reasons)]
    return blocks


def _advice_row(advice: Document, texts: CardTexts) -> list[list[str]]:
    ours = advice.child("metrics").number(HEADLINE)
    if ours is None:
        return []
    best = advice.text("best_baseline")
    theirs = advice.child("baselines").child(best).number(HEADLINE)
    return [
        [
            texts.advice,
            number(advice.number("n")),
            told(METRICS)[HEADLINE],
            figure(ours),
            f"{figure(theirs)} (`{best}`)",
            _said(advice, texts),
        ]
    ]


def _task_row(name: str, task: Document, texts: CardTexts) -> list[str]:
    measures = task.numbers("metrics")
    metric = next(one for one in HEADLINES if one in measures)
    best, theirs = _best_baseline(task, metric)
    return [
        texts.of_task.format(name=name, said=retold(task.text("description"))),
        number(task.number("persons")),
        told(METRICS)[metric],
        figure(measures[metric]),
        f"{figure(theirs)} (`{best}`)" if best else texts.unknown,
        _said(task, texts),
    ]


def _best_baseline(task: Document, metric: str) -> tuple[str, float | None]:
    """Return the named best baseline; where none is named, the best simple one by the metric."""
    baselines = task.child("baselines")
    named = task.text("best_baseline")
    if named:
        return named, baselines.child(named).number(metric)
    simple = {
        name: found
        for name in baselines.entries
        if name != NETWORK and (found := baselines.child(name).number(metric)) is not None
    }
    return max(simple.items(), key=lambda one: one[1], default=("", None))


def _said(judged: Document, texts: CardTexts) -> str:
    words = {"better": texts.better, "worse": texts.worse, "even": texts.even}
    return words.get(_verdict(judged.child("difference").interval("interval")), texts.unknown)


def _verdict(interval: tuple[float, float] | None) -> str:
    if interval is None:
        return "unknown"
    return "better" if interval[0] > 0 else "worse" if interval[1] < 0 else "even"
