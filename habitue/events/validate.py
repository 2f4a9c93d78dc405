"""Would these files go in well? Looked at rule by rule; nothing is written.

In: files and the settings that `ingest` would use. Out: a `ValidationReport` with a PASS, WARN or
FAIL for each rule that could be checked, how many rows it concerns and a few of them; a rule that
nothing in the files speaks of is named, never passed. The rows are judged by the very cleaning
steps of `ingest`, so that both agree. Knows nothing about the store.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import polars as pl

from habitue.config import Settings, SourceSettings
from habitue.errors import FileRefused
from habitue.events.bad_values import bad_value
from habitue.events.batch import COUNTED_ONLY, ID_FIELDS, REASONS, TIME_FIELDS, Rules
from habitue.events.clean import Cleaned, check_source, clean
from habitue.events.clean_subjects import SUBJECT_FIELDS
from habitue.events.database import DatabaseTable
from habitue.events.plain_files import check_path
from habitue.events.records import RULE_CODES, reader_reason
from habitue.events.sources import (
    Place,
    file_columns,
    mapped_columns,
    match_source,
    open_source,
)
from habitue.events.unsure_money import CODE as NO_CURRENCY
from habitue.events.words import distinct_texts
from habitue.schema import DAY, format_date, format_time

Status = Literal["PASS", "WARN", "FAIL"]

MAX_EXAMPLES = 5
_RAW_SHOWN = 160
_CROWD_WARN, _CROWD_FAIL = 0.05, 0.5
_MANY_DUPLICATES = 0.1
_LONG_GAP_DAYS = 7
_ROW_REFUSALS = ("too_many_bad_lines", "not_utf8")
_BOOKKEEPING = ("_record", "_repaired", "_line", "_offset", "received_at")


@dataclass(frozen=True)
class Finding:
    """What one rule found: how many rows it concerns, and up to five of them."""

    rule: str
    status: Status
    count: int
    message: str
    examples: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ValidationReport:
    """All findings; `status` is the worst of them."""

    status: Status
    findings: list[Finding]


@dataclass(frozen=True)
class RowRule:
    """A rule that rows break one by one; above the share `fail_above` of all rows it fails.

    It says something only of rows that have one of its `fields`.
    """

    name: str
    codes: tuple[str, ...]
    fail_above: float
    holds: str
    fields: tuple[str, ...]


_SUBJECTS = tuple(field for field, _ in SUBJECT_FIELDS)
_EVENT_TIMES = ("timestamp", "received_at")
_AMOUNTS = ("price", "quantity", "value", "currency")
ROW_RULES: tuple[RowRule, ...] = (
    RowRule(
        "users_present",
        ("no_subject", "placeholder_id"),
        0.5,
        "every row says who it was",
        _SUBJECTS,
    ),
    RowRule(
        "ids_well_formed",
        (
            "id_too_long", "control_char", "invisible_char", "type", "number_range", "no_item",
            "looks_like_pii",
        ),
        0.05,
        "ids and texts are well-formed",
        ID_FIELDS,
    ),
    RowRule(
        "columns_keep_their_names",
        ("schema_drift",),
        0.0,
        "no column changes its name within a file",
        ("timestamp", "item_id"),
    ),
    RowRule(
        "times_parse",
        ("time_missing", "time_not_readable"),
        0.05,
        "all times can be read",
        TIME_FIELDS,
    ),
    RowRule(
        "times_plausible",
        ("ts_epoch_zero", "ts_too_old", "ts_future"),
        0.05,
        "all times lie in a plausible span",
        _EVENT_TIMES,
    ),
    RowRule(
        "time_unit_consistent",
        ("ts_other_unit",),
        0.05,
        "all times have the same unit",
        _EVENT_TIMES,
    ),
    RowRule(
        "event_types_known",
        ("unknown_type",),
        0.5,
        "every word for an event is known",
        ("event_type",),
    ),
    RowRule(
        "amounts_plausible",
        (
            "price_not_number", "price_negative", "price_too_high", "quantity_not_number",
            "quantity_not_positive", "quantity_fractional", "quantity_too_high", "value_not_number",
            "value_negative", "value_too_high", "currency_unknown", "currency_missing",
        ),
        0.2,
        "prices and quantities are numbers of a plausible size",
        _AMOUNTS,
    ),
    RowRule(
        "categories_sound",
        ("category_too_deep", "category_cycle"),
        0.05,
        "category paths are not too deep",
        ("category",),
    ),
)  # fmt: skip
_EVENT_RULES = ("duplicates", "time_span", "time_gaps", "one_user_share")


def validate_files(
    files: Sequence[Place], settings: Settings, *, salvage: bool = False
) -> ValidationReport:
    """Return how each rule fares on the files, read as `settings` says.

    With `salvage`, of an archive that is cut off the whole rows are judged.

    Raises:
        FileRefused: one of them is not there, is a folder, or cannot be opened.
        SettingsError: a source maps too little.
    """
    for path in files:
        _check_there(path)
    tally = _Tally()
    now = time.time_ns() // 1000
    rules = Rules.of(settings.cleaning, now=now, currency=settings.shop.currency)
    for path in files:
        _look_through(path, settings, rules, tally, salvage=salvage)
    if len(tally.currencies) > 1 and tally.num_unsure:
        tally.note(NO_CURRENCY, tally.num_unsure, tally.unsure)
    findings = list(_findings(tally))
    statuses: list[Status] = [finding.status for finding in findings]
    worst: Status = "FAIL" if "FAIL" in statuses else "WARN" if "WARN" in statuses else "PASS"
    return ValidationReport(worst, findings)


def _check_there(path: Place) -> None:
    if isinstance(path, DatabaseTable):
        return
    try:
        check_path(path)
    except FileRefused as refusal:
        if refusal.code != "empty_file":
            raise


@dataclass(frozen=True)
class _Refusal:
    """A file that was refused; about its rows, where some of them had been read before."""

    path: Place
    why: FileRefused
    is_about_rows: bool


@dataclass
class _Tally:
    """What has been seen so far."""

    num_files: int = 0
    num_matched: int = 0  # files that have the columns of a source
    num_rows: int = 0
    num_unparsed: int = 0
    num_ignored: int = 0  # rows that are no events of a shop
    codes: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[str]] = field(default_factory=dict)
    fields: set[str] = field(default_factory=set)  # mapped in files that have rows
    refusals: list[_Refusal] = field(default_factory=list)
    unmapped: list[str] = field(default_factory=list)
    empty_files: list[str] = field(default_factory=list)
    users: list[pl.DataFrame] = field(default_factory=list)
    days: dict[int, int] = field(default_factory=dict)
    first_at: int | None = None
    last_at: int | None = None
    num_equal: int = 0
    num_dropped: int = 0
    currencies: set[str] = field(default_factory=set)
    num_unsure: int = 0  # rows that will be set aside if there are several currencies
    unsure: list[str] = field(default_factory=list)

    def note(self, code: str, count: int, examples: list[str]) -> None:
        self.codes[code] = self.codes.get(code, 0) + count
        shown = self.examples.setdefault(code, [])
        shown += examples[: MAX_EXAMPLES - len(shown)]

    @property
    def num_lines(self) -> int:
        """How many lines were read, parsed or not."""
        return self.num_rows + self.num_unparsed


def _look_through(
    path: Place, settings: Settings, rules: Rules, tally: _Tally, *, salvage: bool
) -> None:
    tally.num_files += 1
    hashes: list[np.ndarray] = []
    rows_before, lines_before = tally.num_rows, tally.num_lines
    try:
        source = match_source(path, settings.sources)
        check_source(source)
        tally.num_matched += 1
        _note_unmapped(path, source, tally)
        chunks = open_source(
            path,
            source,
            chunk_rows=settings.store.chunk_rows,
            max_bad=settings.cleaning.max_bad,
            salvage=salvage,
        )
        for chunk in chunks:
            _note_rejected(path, source, chunk.rejected, tally, is_parsed=False)
            tally.num_rows += chunk.frame.height
            if chunk.frame.height:
                tally.fields.update(source.columns, source.constants)
            cleaned = clean(chunk.frame, source, rules)
            _note_rejected(path, source, cleaned.rejected, tally, is_parsed=True)
            if source.table == "events" and cleaned.frame.height:
                _note_events(cleaned.frame, tally)
                _note_money(path, source, cleaned, tally)
                hashes.append(_hashes(cleaned.frame))
    except FileRefused as refusal:
        is_about_rows = refusal.code in _ROW_REFUSALS and tally.num_lines > lines_before
        tally.refusals.append(_Refusal(path, refusal, is_about_rows))
        return
    if tally.num_rows == rows_before:
        tally.empty_files.append(str(path))
    if hashes:
        together = np.concatenate(hashes)
        num_equal = together.size - np.unique(together).size
        tally.num_equal += num_equal
        tally.num_dropped += num_equal if source.duplicate_rows == "drop" else 0


def _note_unmapped(path: Place, source: SourceSettings, tally: _Tally) -> None:
    used = mapped_columns(source)
    unused = [name for name in file_columns(path, source) if name not in used]
    if unused:
        tally.unmapped.append(f"{path.name}: {', '.join(unused)}")


def _note_rejected(
    path: Place, source: SourceSettings, rejected: pl.DataFrame, tally: _Tally, *, is_parsed: bool
) -> None:
    is_ignored = rejected["code"].is_in(COUNTED_ONLY)
    tally.num_ignored += int(is_ignored.sum())
    rejected = rejected.filter(~is_ignored)
    if not is_parsed:
        num_broken = int(rejected["code"].is_in(RULE_CODES).sum())
        tally.num_unparsed += rejected.height - num_broken
        tally.num_rows += num_broken
    for (code,), rows in rejected.group_by(["code"], maintain_order=True):
        tally.note(str(code), rows.height, _shown(path, rows, source))


def _shown(path: Place, rows: pl.DataFrame, source: SourceSettings) -> list[str]:
    """Return some rows, the value that they are about first: a row is cut before its end."""
    shown = []
    lines = rows.head(MAX_EXAMPLES).select("_line", "field", "raw").iter_rows()
    for line, name, raw in lines:
        value = bad_value(raw, name or "", source)
        told = "" if value is None else f"{name}={value} in "
        shown.append(f"{path.name} line {line}: {told}{raw[:_RAW_SHOWN]}")
    return shown


def _note_money(path: Place, source: SourceSettings, cleaned: Cleaned, tally: _Tally) -> None:
    if "currency" in cleaned.frame.columns:
        tally.currencies.update(distinct_texts(cleaned.frame["currency"]))
    tally.num_unsure += cleaned.unsure.height
    tally.unsure += _shown(path, cleaned.unsure, source)[: MAX_EXAMPLES - len(tally.unsure)]


def _note_events(frame: pl.DataFrame, tally: _Tally) -> None:
    tally.users.append(frame.group_by("subject").len())
    if len(tally.users) >= 8:
        tally.users = [_summed(tally.users)]
    by_day = frame.group_by(pl.col("timestamp") // DAY).len()
    for day, count in by_day.iter_rows():
        tally.days[day] = tally.days.get(day, 0) + count
    first, last = frame.select(first=pl.col("timestamp").min(), last=pl.col("timestamp").max()).row(
        0
    )
    tally.first_at = first if tally.first_at is None else min(first, tally.first_at)
    tally.last_at = last if tally.last_at is None else max(last, tally.last_at)


def _summed(frames: list[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat(frames).group_by("subject").agg(pl.col("len").sum())


def _hashes(frame: pl.DataFrame) -> np.ndarray:
    return frame.drop(_BOOKKEEPING, strict=False).hash_rows(seed=0).to_numpy()


def _findings(tally: _Tally) -> Iterator[Finding]:
    yield _file_finding(tally)
    missing = [each.why for each in tally.refusals if each.why.code == "missing_column"]
    if missing or tally.num_matched:
        yield _columns_finding(missing, tally)
    if tally.num_lines:
        yield _parse_finding(tally)
    for rule in ROW_RULES:
        if _is_checked(rule, tally):
            yield _row_finding(rule, tally)
    if tally.first_at is not None:
        yield _duplicates_finding(tally)
        yield _span_finding(tally)
        yield _gap_finding(tally)
        yield _crowd_finding(tally)


def _is_checked(rule: RowRule, tally: _Tally) -> bool:
    return not tally.fields.isdisjoint(rule.fields) or any(c in tally.codes for c in rule.codes)


def _unchecked(tally: _Tally) -> str:
    """Say which rules nothing in the files speaks of, and why; empty where there are none."""
    names = [] if tally.num_lines else ["rows_parse"]
    names += [rule.name for rule in ROW_RULES if not _is_checked(rule, tally)]
    if tally.first_at is None:
        names += _EVENT_RULES
    if not names:
        return ""
    why = "nothing that is mapped speaks of it" if tally.num_rows else "no row was read"
    rules = "1 rule was" if len(names) == 1 else f"{len(names)} rules were"
    return f"; {rules} not checked, for {why}: {', '.join(names)}"


def _file_finding(tally: _Tally) -> Finding:
    unchecked = "" if tally.num_lines else _unchecked(tally)
    refused = [each for each in tally.refusals if not each.is_about_rows]
    if refused:
        examples = [f"{each.path.name}: {each.why.message} {each.why.fix}" for each in refused]
        message = f"{len(refused)} of {tally.num_files} files cannot be read as the settings say"
        message += unchecked
        return Finding("files_readable", "FAIL", len(refused), message, examples[:MAX_EXAMPLES])
    if tally.empty_files:
        message = f"files without a single row{unchecked}"
        count = len(tally.empty_files)
        return Finding("files_readable", "WARN", count, message, tally.empty_files[:MAX_EXAMPLES])
    message = f"{tally.num_files} files, {tally.num_rows:,} rows"
    if tally.num_ignored:
        message += (
            f"; {tally.num_ignored:,} of them are left out (no events of a shop, or no consent)"
        )
    return Finding("files_readable", "PASS", 0, message)


def _columns_finding(missing: list[FileRefused], tally: _Tally) -> Finding:
    if missing:
        examples = [f"{why.message} {why.fix}" for why in missing[:MAX_EXAMPLES]]
        message = "columns that the settings map are missing"
        return Finding("columns_mapped", "FAIL", len(missing), message, examples)
    message = "all mapped columns are there"
    if tally.unmapped:
        message += "; columns that are not used: see the examples"
    if tally.num_lines:
        message += _unchecked(tally)
    return Finding("columns_mapped", "PASS", 0, message, tally.unmapped[:MAX_EXAMPLES])


def _parse_finding(tally: _Tally) -> Finding:
    row_codes = {code for rule in ROW_RULES for code in rule.codes}
    codes = [code for code in tally.codes if code not in row_codes]
    examples = [
        f"{shown} ({reader_reason(code)})" for code in codes for shown in tally.examples[code]
    ]
    sunk = [each for each in tally.refusals if each.is_about_rows]
    count = tally.num_unparsed
    if sunk:
        message = f"{sunk[0].path.name}: {sunk[0].why}"
        return Finding("rows_parse", "FAIL", count, message, examples[:MAX_EXAMPLES])
    if count:
        message = f"{_share(count, tally)} cannot be parsed and will be set aside"
        return Finding("rows_parse", "WARN", count, message, examples[:MAX_EXAMPLES])
    return Finding("rows_parse", "PASS", 0, "every line can be parsed")


def _row_finding(rule: RowRule, tally: _Tally) -> Finding:
    found = {code: tally.codes[code] for code in rule.codes if code in tally.codes}
    count = sum(found.values())
    if not count:
        return Finding(rule.name, "PASS", 0, rule.holds)
    status: Status = "FAIL" if count > rule.fail_above * max(tally.num_rows, 1) else "WARN"
    reasons = "; ".join(f"{REASONS.get(code, code)} ({found[code]:,})" for code in found)
    examples = [shown for code in found for shown in tally.examples[code]]
    message = f"{_share(count, tally)} will be set aside: {reasons}"
    return Finding(rule.name, status, count, message, examples[:MAX_EXAMPLES])


def _share(count: int, tally: _Tally) -> str:
    total = max(tally.num_rows, count, 1)
    return f"{count:,} of {total:,} rows ({count / total:.2%})"


def _duplicates_finding(tally: _Tally) -> Finding:
    share = tally.num_equal / max(tally.num_rows, 1)
    if not tally.num_equal:
        return Finding("duplicates", "PASS", 0, "no two rows of a file are equal")
    kept = "they will be kept" if not tally.num_dropped else "the later ones will be dropped"
    message = f"{_share(tally.num_equal, tally)} equal an earlier row of the same file; {kept}"
    status: Status = "WARN" if share > _MANY_DUPLICATES else "PASS"
    return Finding("duplicates", status, tally.num_equal, message)


def _span_finding(tally: _Tally) -> Finding:
    assert tally.first_at is not None
    assert tally.last_at is not None
    days = (tally.last_at - tally.first_at) / DAY
    span = f"{format_time(tally.first_at)} to {format_time(tally.last_at)}, {days:.1f} days"
    if days < 1:
        message = f"{span}: too short for predictions over days"
        return Finding("time_span", "WARN", 0, message)
    return Finding("time_span", "PASS", 0, span)


def _gap_finding(tally: _Tally) -> Finding:
    days = np.array(sorted(tally.days))
    gaps = np.diff(days) - 1
    # A shop closed for a week, or a log of a few busy days, is nothing to speak of.
    limit = max(_LONG_GAP_DAYS, 0.05 * float(days[-1] - days[0]))
    long = np.flatnonzero(gaps > limit)
    if not long.size:
        return Finding("time_gaps", "PASS", 0, "no long stretch without events")
    examples = [
        f"{gaps[at]} days without events after {format_date(int(days[at]) * DAY)}"
        for at in long[:MAX_EXAMPLES]
    ]
    message = "stretches without any event; is a file missing?"
    return Finding("time_gaps", "WARN", int(long.size), message, examples)


def _crowd_finding(tally: _Tally) -> Finding:
    users = _summed(tally.users).sort("len", descending=True)
    count = int(users["len"][0])
    share = count / int(users["len"].sum())
    message = f"the busiest of {users.height:,} users has {share:.1%} of the events"
    if users.height < 20 or share <= _CROWD_WARN:
        return Finding("one_user_share", "PASS", count, message)
    status: Status = "FAIL" if share > _CROWD_FAIL else "WARN"
    hint = "; a placeholder for nobody belongs into cleaning.placeholder_ids"
    examples = [str(name) for name in users["subject"].head(3)]
    return Finding("one_user_share", status, count, message + hint, examples)
