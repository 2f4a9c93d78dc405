"""Cleaning: the visible list of steps from a file's rows to events that can be trusted.

    rows of a file  →  CLEANING_STEPS  →  clean events  +  rejected rows, each with its reason

Comes in: the rows of one chunk and how their source maps them. Goes out: `Cleaned`. The same
steps serve files and, later, live events. Knows nothing about files, duplicates or the store.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import polars as pl

from habitue.config import SourceSettings
from habitue.errors import SettingsError, nearest
from habitue.events.batch import Batch, Rules
from habitue.events.clean_fields import (
    fold_variant,
    map_fields,
    reject_unfit_ids,
    require_item,
    strip_decimals,
    tidy_ids,
    tidy_texts,
)
from habitue.events.clean_money import (
    check_amounts,
    check_currency,
    derive_amounts,
    read_amounts,
    read_catalogue_price,
    turn_cancellations_into_refunds,
)
from habitue.events.clean_personal import redact_personal, with_redacted
from habitue.events.clean_skew import correct_skew
from habitue.events.clean_subjects import SUBJECT_FIELDS, choose_subject, require_two_ids
from habitue.events.clean_times import check_created, check_times, fill_received, read_times
from habitue.events.clean_words import (
    check_event_types,
    leave_out_ignored,
    limit_categories,
    name_event_types,
    name_platforms,
    read_availability,
    read_positions,
    require_consent,
    tidy_categories,
)
from habitue.events.records import KNOWN_BY, REJECTED_COLUMNS
from habitue.events.unsure_money import CODE, is_unsure
from habitue.events.words import Words
from habitue.schema import EVENT_FIELDS, ITEM_FIELDS

Step = Callable[[Batch], Batch]

# Each step may rely on the ones before it. The first reason found is the one a row keeps.
CLEANING_STEPS: Final[tuple[Step, ...]] = (
    map_fields,
    leave_out_ignored,
    require_consent,
    redact_personal,
    strip_decimals,
    tidy_ids,
    reject_unfit_ids,
    choose_subject,
    read_times,
    correct_skew,
    check_times,
    fill_received,
    name_event_types,
    require_two_ids,
    read_amounts,
    turn_cancellations_into_refunds,
    check_amounts,
    derive_amounts,
    tidy_texts,
    check_currency,
    tidy_categories,
    name_platforms,
    read_positions,
    fold_variant,
)

CATALOGUE_STEPS: Final[tuple[Step, ...]] = (
    map_fields,
    redact_personal,
    strip_decimals,
    tidy_ids,
    reject_unfit_ids,
    require_item,
    read_times,
    check_created,
    read_catalogue_price,
    tidy_texts,
    tidy_categories,
    limit_categories,
    read_availability,
)


@dataclass(frozen=True)
class Cleaned:
    """What became of one chunk.

    `frame` has a column for each field that the source maps, and `_record` and `_repaired`;
    events also have `subject`, `subject_kind`, `received_at`, `price`, `quantity` and `value`, and
    where personal data are kept those columns that `clean_personal.as_redacted` knows.
    `rejected` has `records.REJECTED_COLUMNS` and `subject`. `repairs` and `remarks` say how many
    rows of `frame` each kind of them concerned, `hints` how many rejected rows have a time that
    would be a likely one in another unit. `unsure` are rows of `frame` that have to be rejected if
    the log has several currencies; it looks as `rejected` does.
    """

    frame: pl.DataFrame
    rejected: pl.DataFrame
    repairs: Mapping[str, int]
    remarks: Mapping[str, int]
    hints: Mapping[str, int]
    unsure: pl.DataFrame


def clean(
    frame: pl.DataFrame, source: SourceSettings, rules: Rules, words: Words | None = None
) -> Cleaned:
    """Return the clean rows of a chunk and the rejected ones.

    Given `words`, the columns of clean rows that repeat their texts are coded by them.

    Raises:
        FileRefused: `id_is_float`, where ids are kept as decimal numbers.
    """
    batch = _after_steps(frame, source, rules, words)
    known_by = batch.raw
    if batch.keeps_personal:
        redacted = _after_steps(frame, source, replace(rules, personal_data="redact"), words)
        batch = replace(batch, frame=with_redacted(batch.frame, redacted.frame))
        known_by = redacted.raw
    is_clean = batch.frame["_code"].is_null()
    kept = batch.frame if is_clean.all() else batch.frame.filter(is_clean)
    return Cleaned(
        kept.drop("_code", "_field"),
        _rejected(batch, ~is_clean, known_by),
        repairs=_counted(batch.repairs, is_clean),
        remarks=_counted(batch.remarks, is_clean),
        hints=_counted(batch.hints, ~is_clean),
        unsure=_unsure(batch, is_clean, known_by),
    )


def _after_steps(
    frame: pl.DataFrame, source: SourceSettings, rules: Rules, words: Words | None
) -> Batch:
    start = frame.select(
        "_record",
        _code=pl.lit(None, dtype=pl.String),
        _field=pl.lit(None, dtype=pl.String),
        _repaired=pl.lit(False),
    )
    batch = Batch(start, frame, source, rules, words)
    for step in CLEANING_STEPS if source.table == "events" else CATALOGUE_STEPS:
        batch = step(batch)
    return batch


def check_source(source: SourceSettings) -> None:
    """Refuse a source that cannot give events or items, before any row is read.

    Raises:
        SettingsError: a field is unknown or a needed one is mapped nowhere; an event type does
            not exist.
    """
    fields = EVENT_FIELDS if source.table == "events" else ITEM_FIELDS
    mapped = {*source.columns, *source.constants}
    for field in mapped:
        if field not in fields:
            raise SettingsError(
                f"Source '{source.name}' maps the unknown field '{field}'.{nearest(field, fields)}",
                fix=f"Fields of {source.table}: {', '.join(fields)}.",
            )
    check_event_types(source.event_types, source.name)
    _check_needed(source, mapped)


def _check_needed(source: SourceSettings, mapped: set[str]) -> None:
    needed = {"item_id"} if source.table == "items" else {"timestamp", "event_type"}
    missing = sorted(needed - mapped)
    if missing:
        raise SettingsError(
            f"Source '{source.name}' maps no {' and no '.join(missing)}.",
            fix="Map it under columns, or, where it is always the same, under constants "
            '(as in event_type = "purchase").',
        )
    subjects = [field for field, _ in SUBJECT_FIELDS]
    if source.table == "events" and not mapped.intersection(subjects):
        raise SettingsError(
            f"Source '{source.name}' maps nobody: no {', '.join(subjects)}.",
            fix="Map at least one of them under columns.",
        )


def _counted(noted: Mapping[str, pl.Series], is_clean: pl.Series) -> dict[str, int]:
    counts = {kind: int((rows & is_clean).sum()) for kind, rows in noted.items()}
    return {kind: count for kind, count in counts.items() if count}


def _unsure(batch: Batch, is_clean: pl.Series, known_by: pl.DataFrame) -> pl.DataFrame:
    if batch.rules.shop_currency or "currency" not in batch.source.columns:
        return _rejected(batch, ~is_clean & is_clean, known_by)
    unsure = is_clean & is_unsure(batch.frame)
    code, field = pl.lit(CODE), pl.lit("currency")
    return _rejected(batch.with_columns(_code=code, _field=field), unsure, known_by)


def _rejected(batch: Batch, is_rejected: pl.Series, known_by: pl.DataFrame) -> pl.DataFrame:
    """Return the rejected rows as the file had them, as JSON, with position and reason.

    With `KNOWN_BY`, where the file's rows hold personal data and `known_by` does not.
    """
    if not is_rejected.any():
        return pl.DataFrame(schema={**REJECTED_COLUMNS, "subject": pl.String()})
    reasons = batch.frame.filter(is_rejected)
    raw = batch.raw.filter(is_rejected)
    is_known = "subject" in reasons.columns
    subject = reasons["subject"].cast(pl.String) if is_known else pl.lit(None, pl.String)
    rejected = raw.select(
        "_record",
        "_line",
        "_offset",
        code=reasons["_code"],
        field=reasons["_field"],
        raw=_as_json(raw),
        form=pl.lit("cells"),
        bytes=pl.lit(None, pl.Binary),
        subject=subject,
    )
    if known_by is batch.raw:
        return rejected
    return rejected.with_columns(_as_json(known_by.filter(is_rejected)).alias(KNOWN_BY))


def _as_json(rows: pl.DataFrame) -> pl.Series:
    """Return the cells of each row as JSON."""
    texts = rows.with_columns(pl.col(pl.Categorical).cast(pl.String))
    cells = pl.struct(pl.exclude("_record", "_line", "_offset"))
    return texts.select(cells=cells.struct.json_encode())["cells"]
