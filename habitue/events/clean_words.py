"""Cleaning steps: words from a fixed list (event types, platforms, yes or no) and category paths.

Comes in: a batch with texts as the file has them. Goes out: the words of `schema`, and category
paths "a/b/c". Knows nothing about money or time.
"""

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from typing import Final

import polars as pl

from habitue.config import SourceSettings
from habitue.errors import SettingsError, nearest
from habitue.events.batch import CATEGORY_FIELDS, Batch
from habitue.events.field_names import event_type_of
from habitue.events.words import changed, distinct_texts, is_coded, rows_where
from habitue.schema import EVENT_TYPES, IDENTIFY, PLATFORMS

IGNORED: Final = "ignored"  # the meaning of a word that is none of a shop's
MAX_CATEGORY_LEVELS: Final = 16
_LARGEST_POSITION: Final = 2**31 - 1

_PLATFORM_WORDS: Final[dict[str, str]] = {
    "web": "web website site www desktop pc browser h5 wap m_site mobile_web",
    "app": "app mobile_app native ios android iphone ipad harmony harmonyos",
    "mini_program": "mini_program miniprogram mini_app miniapp wechat weixin alipay applet",
    "store": "store shop pos offline retail in_store instore physical branch",
}
_PLATFORM_OF: Final = {
    word: platform for platform, words in _PLATFORM_WORDS.items() for word in words.split()
} | {platform: platform for platform in PLATFORMS}
_YES: Final = ("true", "1", "1.0", "yes", "y", "t", "in_stock", "available", "active")
_DENIED: Final = (
    "no", "n", "false", "f", "0", "0.0", "denied", "deny", "refused", "declined", "rejected",
    "withdrawn", "revoked", "disagree", "disagreed", "objected", "not granted", "not given",
    "not consented", "opt out", "optout", "opted out", "nein", "non", "否", "不同意", "拒绝",
)  # fmt: skip
_NO: Final = ("false", "0", "0.0", "no", "n", "f", "out_of_stock", "unavailable", "inactive")


def leave_out_ignored(batch: Batch) -> Batch:
    """Leave out events that the source ignores, whatever else may be wrong with them."""
    if not batch.source.ignored_events or not batch.has("event_type"):
        return batch
    words = batch.frame["event_type"]
    distinct = distinct_texts(words).to_list()
    types = event_types_of(distinct, batch.source)
    ignored = [word for word, kind in zip(distinct, types, strict=True) if kind == IGNORED]
    is_ignored = rows_where(words, lambda texts: texts.is_in(ignored))
    return batch.leave_out(is_ignored, "no_shop_event", "event_type")


def require_consent(batch: Batch) -> Batch:
    """Leave out events of people who said no; they are counted, and no row of them is kept."""
    if not batch.has("consent"):
        return batch
    words = batch.frame["consent"].str.strip_chars().str.to_lowercase()
    plain = words.str.replace_all(r"[\s_-]+", " ")
    return batch.leave_out(plain.is_in(_DENIED), "no_consent", "consent")


def name_event_types(batch: Batch) -> Batch:
    """Give each event its type: by the source's mapping, else by the usual words; case apart."""
    words = batch.frame["event_type"] if batch.has("event_type") else _empty(batch)
    named = _translated(words, lambda texts: event_types_of(texts, batch.source))
    batch = batch.with_columns(event_type=named)
    return batch.reject(pl.col("event_type").is_null(), "unknown_type", "event_type")


def event_types_of(words: Sequence[str], source: SourceSettings) -> list[str]:
    """Return the event type of each word, `IGNORED`, or nothing where nobody knows it."""
    known = {key.strip().lower(): value for key, value in source.event_types.items()}
    patterns = [pattern.lower() for pattern in source.ignored_events]
    types = []
    for word in words:
        plain = word.strip().lower()
        kind = source.event_types.get(word) or known.get(plain, "")
        if not kind and any(fnmatchcase(plain, pattern) for pattern in patterns):
            kind = IGNORED
        types.append(kind or event_type_of(word))
    return types


def name_platforms(batch: Batch) -> Batch:
    """Bring platforms to web, app, mini_program and store; any other word is 'other'."""
    if not batch.has("platform"):
        return batch

    def names(words: Sequence[str]) -> list[str]:
        forms = [_plain(word) for word in words]
        return [_PLATFORM_OF.get(form, "other") if form else "" for form in forms]

    return batch.with_columns(platform=_translated(batch.frame["platform"], names))


def tidy_categories(batch: Batch) -> Batch:
    """Bring category paths to "a/b/c": levels trimmed, empty ones dropped."""
    for field in CATEGORY_FIELDS:
        paths = batch.frame[field] if batch.has(field) else None
        if paths is None and not (batch.source.category_fallback and field in _own(batch)):
            continue
        tidy = _empty(batch) if paths is None else _tidy_paths(paths, _separator(batch, field))
        fallback = batch.source.category_fallback
        if fallback in batch.raw.columns:
            spare = batch.raw[fallback].cast(pl.String).str.replace_all("/", "-", literal=True)
            tidy = tidy.cast(pl.String)
            tidy = tidy.zip_with(tidy.is_not_null(), _tidy_paths(spare, "/"))
        batch = batch.with_columns(tidy.alias(field))
    return batch


def limit_categories(batch: Batch) -> Batch:
    """Reject catalogue rows whose category path has too many levels or comes back to one."""
    if not batch.has("category"):
        return batch
    levels = pl.col("category").str.count_matches("/", literal=True) + 1
    batch = batch.reject(levels > MAX_CATEGORY_LEVELS, "category_too_deep", "category")
    paths = batch.frame["category"]
    cycles = [path for path in paths.drop_nulls().unique() if _comes_back(path)]
    return batch.reject(paths.is_in(cycles), "category_cycle", "category") if cycles else batch


def read_positions(batch: Batch) -> Batch:
    """Turn positions in lists into whole numbers; drop what is none, for the event still counts."""
    if not batch.has("position"):
        return batch
    column = batch.frame["position"]
    texts = column.cast(pl.String).str.strip_chars()
    number = texts.cast(pl.Float64, strict=False)
    is_position = (number >= 0) & (number <= _LARGEST_POSITION) & (number.floor() == number)
    is_position = is_position.fill_null(False)
    position = number.set(~is_position, None).cast(pl.Int32)
    batch = batch.with_columns(position=position)
    return batch.repair(~is_position & (texts != ""), "position_dropped")


def read_availability(batch: Batch) -> Batch:
    """Turn a catalogue's words for in stock and out of stock into true and false."""
    if not batch.has("available"):
        return batch
    column = batch.frame["available"]
    if column.dtype != pl.Boolean:
        words = column.cast(pl.String)
        values = {"yes": True, "no": False}
        words = _translated(words, lambda texts: [_answer(_plain(word)) for word in texts])
        column = words.replace_strict(values, default=None, return_dtype=pl.Boolean)
    return batch.with_columns(column.alias("available"))


def check_event_types(event_types: dict[str, str], source: str) -> None:
    """Refuse a mapping onto an event type that does not exist.

    Raises:
        SettingsError: naming the word and the nearest event type.
    """
    for word, event_type in event_types.items():
        if event_type not in (*EVENT_TYPES, IDENTIFY):
            raise SettingsError(
                f"Source '{source}' maps '{word}' to the event type '{event_type}', which does "
                f"not exist.{nearest(event_type, EVENT_TYPES)}",
                fix=f"Event types: {', '.join(EVENT_TYPES)}.",
            )


def _comes_back(path: str) -> bool:
    """Whether a level stands in the path again after another; the same twice running is a name."""
    levels = path.split("/")
    steps = [
        level for level, before in zip(levels, [None, *levels], strict=False) if level != before
    ]
    return len(set(steps)) < len(steps)


def _own(batch: Batch) -> str:
    return "item_category" if batch.source.table == "events" else "category"


def _separator(batch: Batch, field: str) -> str:
    """Return what stands between levels; columns that were joined have slashes already."""
    mapped = batch.source.columns.get(field, "")
    return batch.source.category_separator if isinstance(mapped, str) else "/"


def _tidy_paths(paths: pl.Series, separator: str) -> pl.Series:
    def tidy(path: str) -> str:
        levels = [level.strip() for level in path.split(separator)]
        return "/".join(level.replace("/", "-") for level in levels if level)

    return _translated(paths, lambda texts: [tidy(path) for path in texts])


def _translated(texts: pl.Series, meanings_of: Callable[[Sequence[str]], list[str]]) -> pl.Series:
    """Return each text's meaning, asked for once; an empty meaning is null."""

    def meanings(words: pl.Series) -> pl.Series:
        found = pl.Series(meanings_of(words.to_list()), dtype=pl.String)
        return found.set(found == "", None)

    if is_coded(texts):
        return changed(texts, meanings)
    distinct = distinct_texts(texts)
    return texts.replace_strict(distinct, meanings(distinct), default=None, return_dtype=pl.String)


def _answer(word: str) -> str:
    return "yes" if word in _YES else "no" if word in _NO else ""


def _plain(word: str) -> str:
    return word.strip().lower().replace("-", "_").replace(" ", "_")


def _empty(batch: Batch) -> pl.Series:
    return pl.repeat(None, batch.frame.height, dtype=pl.String, eager=True)
