"""Why a prediction is what it is: its drivers as sentences with the person's own numbers.

In: a `TaskModel`, the features it looked at, and the embedding if it uses one. Out: for each
person a few `Reason`s, strongest first, at most one a theme ("recency", "spending" …), each with
its effect: how much lower the probability (in points, 0 to 1) or the expected amount would be
without it. Contributions are Shapley values of the trees (Lundberg et al. 2020) and the terms of
the linear model, which add up to the raw score. Knows nothing about events.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from habitue.languages import Language, told
from habitue.profiles import feature_names_zh
from habitue.profiles.feature_names import MODEL_FEATURES, FeatureText
from habitue.profiles.samples import MODEL_COLUMNS, feature_matrix
from habitue.profiles.task_model import TaskModel

Floats = npt.NDArray[np.floating]

EMBEDDING_THEME: Final = "visits"
EMBEDDING_TEXTS: Final[dict[Language, str]] = {
    "en": "the pattern of recent visits",
    "zh": "近期的到访规律",
}
_NOTHING: Final = ("0", "0.00")
_SOME: Final = 3.0  # a number that is told as most are: not one, and not nothing


@dataclass(frozen=True)
class Reason:
    """One driver of one prediction."""

    text: str
    theme: str
    feature: str  # the feature it speaks of; "embedding" for the pattern of visits
    value: float | None
    effect: float  # on the probability, or on the expected amount


def explain_predictions(
    model: TaskModel,
    features: pl.DataFrame,
    embeddings: Floats | None = None,
    *,
    limit: int = 3,
) -> list[tuple[Reason, ...]]:
    """Return the reasons of each person of `features`, in its order.

    Where the model knows nothing but the base rate there are none.
    """
    found = theme_effects(model, features, embeddings)
    if found is None:
        return [()] * len(features)
    return [_reasons_of(found, row, limit) for row in range(len(features))]


@dataclass(frozen=True)
class ThemeEffects:
    """What each theme adds to each person's answer: N persons, T themes, C columns, M values."""

    themes: tuple[str, ...]
    names: tuple[str, ...]  # [C] the feature of each column the model looks at, or "embedding"
    values: Floats  # [N, M], columns MODEL_COLUMNS
    effects: Floats  # [N, T] how much lower the answer would be without the theme
    parts: Floats  # [N, C] what each column adds to the raw score of the chance
    weight: Floats  # [N, C] how heavy each column is, in either score

    def columns_of(self, theme: str) -> list[int]:
        """Return the columns of a theme."""
        return [column for column, name in enumerate(self.names) if _theme(name) == theme]


def theme_effects(
    model: TaskModel, features: pl.DataFrame, embeddings: Floats | None = None
) -> ThemeEffects | None:
    """Return the effects of each person of `features`; None where the model knows nothing."""
    if model.chance is None or not len(features):
        return None
    features_NF = feature_matrix(features)
    matrix = model.matrix(features_NF, embeddings)
    names = (*model.columns, *["embedding"] * model.embedding_dim)
    parts = model.chance.contributions(matrix)[:, :-1]
    amount_parts = None
    if model.amount is not None:
        amount_parts = model.amount.contributions(matrix)[:, :-1]
    themes = tuple(sorted({_theme(name) for name in names}))
    member_CT = np.array([[_theme(name) == theme for theme in themes] for name in names], float)
    effects_NT = _effects(model, matrix, parts, amount_parts, member_CT)
    weight = np.abs(parts) if amount_parts is None else np.abs(parts) + np.abs(amount_parts)
    values = model.chosen(MODEL_COLUMNS, features_NF)
    return ThemeEffects(themes, names, values, effects_NT, parts, weight)


def _theme(name: str) -> str:
    return EMBEDDING_THEME if name == "embedding" else MODEL_FEATURES[name].theme


def _effects(
    model: TaskModel,
    matrix: Floats,
    parts_NC: Floats,
    amount_parts_NC: Floats | None,
    member_CT: Floats,
) -> Floats:
    """Return how much lower each person's answer would be without each theme, [N, T]."""
    assert model.chance is not None, "a model without a scorer has no reasons"
    raw = model.chance.raw(matrix)[:, None]
    full = model.calibrator.chance(raw)
    without = model.calibrator.chance(raw - parts_NC @ member_CT)
    if model.amount is None or model.shape is None or amount_parts_NC is None:
        return full - without
    log_amount = (model.amount.raw(matrix) + model.amount.log_excess(matrix))[:, None]
    lower = model.shape.mean(full, log_amount) - model.shape.mean(
        without, log_amount - amount_parts_NC @ member_CT
    )
    return lower * model.times


def _reasons_of(found: ThemeEffects, row: int, limit: int) -> tuple[Reason, ...]:
    values = dict(zip(MODEL_COLUMNS, found.values[row].tolist(), strict=True))
    effects_T, weight_C = found.effects[row], found.weight[row]
    reasons: list[Reason] = []
    for position in np.argsort(-np.abs(effects_T), kind="stable"):
        theme, effect = found.themes[position], float(effects_T[position])
        if len(reasons) == limit or effect == 0:
            break
        if theme == EMBEDDING_THEME:
            reasons.append(Reason(told(EMBEDDING_TEXTS), theme, "embedding", None, effect))
            continue
        # The column that speaks is the heaviest of its theme that has something to say.
        for column in sorted(found.columns_of(theme), key=lambda one: -weight_C[one]):
            name = found.names[column]
            text = sentence(name, values)
            if text:
                value = values[name]
                known = None if np.isnan(value) else value
                reasons.append(Reason(text, theme, name, known, effect))
                break
    return tuple(reasons)


@dataclass(frozen=True)
class _Speech:
    """How features are spoken of in one language."""

    texts: Mapping[str, FeatureText]
    quantity: Callable[[float, str], str]
    separator: str  # before a part that may be left out


def sentence(name: str, values: Mapping[str, float]) -> str:
    """Return the feature's sentence with a person's values, or an empty text.

    A part after a semicolon is left out where its own value is not known.

    >>> sentence("orders_30d", {"orders_30d": 2.0})
    '2 orders in the last 30 days'
    """
    speech = told(_SPEECH)
    feature, unit = speech.texts[name], MODEL_FEATURES[name].unit
    if np.isnan(values[name]):
        return feature.missing
    parts = [part for part in feature.text.split(speech.separator) if _is_known(part, values)]
    if not parts:
        return feature.missing
    own = speech.quantity(values[name], unit)
    if feature.none and own in _NOTHING:
        return feature.none
    others = {
        other: speech.quantity(values[other], MODEL_FEATURES[other].unit)
        for _, other, _, _ in Formatter().parse(feature.text)
        if other and not np.isnan(values[other])
    }
    return speech.separator.join(parts).format(own, **others)


def sentence_of_anybody(name: str) -> str:
    """Return the feature's sentence with dots for its numbers; empty where it tells none.

    >>> sentence_of_anybody("orders_30d"), sentence_of_anybody("purchase_overdue")
    ('… orders in the last 30 days', 'no order for … days')
    """
    speech = told(_SPEECH)
    first = speech.texts[name].text.split(speech.separator)[0]
    named = {other or name for _, other, _, _ in Formatter().parse(first) if other is not None}
    dots = {
        other: re.sub(r"[\d.,]+", "…", speech.quantity(_SOME, MODEL_FEATURES[other].unit))
        for other in named
    }
    return first.format(dots.get(name, ""), **dots) if dots else ""


def _is_known(text: str, values: Mapping[str, float]) -> bool:
    named = [name for _, name, _, _ in Formatter().parse(text) if name]
    return all(not np.isnan(values[name]) for name in named)


def _ratio(value: float) -> str:
    """Return how many times as much; beside next to nothing the number itself says little."""
    if value < 0.01:
        return "less than a hundredth"
    return "more than ten times" if value > 10 else f"about {value:.2g} times"


def _quantity(value: float, unit: str) -> str:
    """Return a number with its unit, as a person would say it."""
    if unit == "money":
        return f"{value:,.2f}" if value else "nothing"
    if unit == "share":
        return "over 99%" if 0.995 <= value < 1 else f"{value:.0%}"
    if unit == "times":
        return f"{value:.1f} times"
    if unit == "doublings":
        return _ratio(2**value)
    if unit == "number":
        return f"{value:.2g}" if abs(value) < 10 else f"{value:,.0f}"
    if unit == "day" and value < 2:
        return _counted(max(round(value * 24), 1), "hour") if value < 1 else _counted(1, "day")
    return _counted(value if 0 < value < 10 else round(value), unit)


def _counted(number: float, noun: str) -> str:
    if number == 0:
        return f"no {noun}"
    text = f"{number:.1f}".removesuffix(".0")
    if text == "1":
        return f"1 {noun}"
    ending = "es" if noun.endswith("ch") else "s"
    plural = f"{noun[:-1]}ies" if noun.endswith("ry") else f"{noun}{ending}"
    return f"{text} {plural}"


_ENGLISH: Final = {name: FeatureText(one.text, one.missing) for name, one in MODEL_FEATURES.items()}
_SPEECH: Final[dict[Language, _Speech]] = {
    "en": _Speech(_ENGLISH, _quantity, ";"),
    "zh": _Speech(feature_names_zh.FEATURE_TEXTS, feature_names_zh.quantity, "；"),
}
