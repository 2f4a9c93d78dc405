"""What an ingest has to say beside its sums: a sentence each.

In: what was noticed on the way. Out: sentences for people. The same numbers stand under their codes
in the report's `remarks`. Knows nothing about how things are noticed.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from habitue.config import SourceSettings
from habitue.events.clean_times import UNIT_WORDS

_ALONE_SHARE: Final = 0.5  # less than that is what any shop's log looks like
_ALONE: Final = {
    "purchase_without_view": "purchases of what the person had not looked at before",
    "refund_without_purchase": "refunds of what the person had not bought",
    "removal_without_cart": "removals from a cart of what was not put into it",
}


_DEFAULT_ZONE: Final = SourceSettings.model_fields["time_zone"].default


@dataclass(frozen=True)
class Noticed:
    """What one ingest came upon."""

    empty_files: Sequence[str]
    told_by_readers: Collection[str]
    currencies: Collection[str]
    zones: Collection[str]  # of the sources
    remarks: Mapping[str, int]
    shares: Mapping[str, float]  # of events that stand alone, among those of their kind
    hints: Mapping[tuple[str, str], int]  # source and unit in which its times would be likely
    units: Mapping[str, str]  # of the sources' times
    reminder: str  # of what nobody has said of consent


def notes(noticed: Noticed) -> Iterator[str]:
    """Yield the sentences."""
    remarks = noticed.remarks
    for name in noticed.empty_files:
        yield f"{name} holds no records."
    yield from noticed.told_by_readers
    if len(noticed.currencies) > 1:
        listed = ", ".join(sorted(noticed.currencies))
        yield (
            f"Money in several currencies ({listed}); it is never converted. Sums are in one: in "
            "the one that [shop] currency names, else in that of most purchases; amounts without a "
            "currency are in the shop's own, where it is named, and else left out."
        )
    if count := remarks.get("duplicate_of"):
        yield (
            f"{count} records carry an event id that was there before with other content; they are "
            "stored beside the first, under an id of their own (duplicate_of)."
        )
    if (count := remarks.get("time_without_zone")) and _DEFAULT_ZONE in noticed.zones:
        zones = ", ".join(sorted(noticed.zones))
        yield (
            f"{count:,} times name no zone and were read as {zones}. If that is not theirs, set "
            "time_zone in their source."
        )
    for (source, unit), count in noticed.hints.items():
        yield (
            f"{count:,} times are none in {UNIT_WORDS[noticed.units[source]]} but would be in "
            f'{UNIT_WORDS[unit]} ({UNIT_WORDS[unit]}?). If all are, set time_unit = "{unit}" in '
            f"source '{source}'; a source has one unit."
        )
    if count := remarks.get("looks_like_pii"):
        yield (
            f"{count:,} ids look like e-mail addresses or telephone numbers (looks_like_pii). They "
            "lie in the store's table of subjects alone; better is an id that says nothing."
        )
    alone = [
        f"{text} ({remarks[kind]:,}, {100 * noticed.shares[kind]:.0f} % of all)"
        for kind, text in _ALONE.items()
        if noticed.shares.get(kind, 0.0) >= _ALONE_SHARE
    ]
    if alone:
        yield f"Kept as they are, though they do not fit together: {'; '.join(alone)}."
    if noticed.reminder:
        yield noticed.reminder
