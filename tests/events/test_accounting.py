import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from habitue.events.accounting import Fate, Ledger
from tests.examples import examples


def records(*numbers: int) -> pl.Series:
    return pl.Series(numbers, dtype=pl.UInt64)


def test_a_record_with_one_new_row_is_accepted() -> None:
    ledger = Ledger()
    file = ledger.add_file()
    ledger.reject(file, records(1, 2), pl.Series(["bad", "worse"]))
    ledger.note(file, records(1, 3), Fate.DUPLICATE)
    ledger.note(file, records(1), Fate.ACCEPTED)
    counts = ledger.counts()
    assert (counts.received, counts.accepted, counts.duplicates, counts.quarantined) == (3, 1, 1, 1)
    assert counts.by_reason == {"worse": 1}


def test_repaired_is_a_part_of_accepted() -> None:
    ledger = Ledger()
    file = ledger.add_file()
    ledger.note(file, records(1, 2), Fate.ACCEPTED)
    ledger.note(file, records(2), Fate.REPAIRED)
    ledger.note(file, records(2), Fate.ACCEPTED)
    counts = ledger.counts()
    assert (counts.accepted, counts.repaired) == (2, 1)


def test_a_record_counts_once_with_its_first_reason() -> None:
    ledger = Ledger()
    file = ledger.add_file()
    ledger.reject(file, records(5, 5, 6), pl.Series(["first", "second", "second"]))
    ledger.reject(file, records(5), pl.Series(["third"]))
    assert ledger.counts().by_reason == {"first": 1, "second": 1}


def test_records_of_different_files_are_different() -> None:
    ledger = Ledger()
    for _ in range(2):
        ledger.note(ledger.add_file(), records(1), Fate.ACCEPTED)
    assert ledger.counts().received == 2


NOTES = st.lists(
    st.tuples(st.integers(0, 2), st.integers(1, 5000), st.sampled_from(list(Fate)[1:])), max_size=60
)


@settings(max_examples=examples(80), deadline=None)
@given(NOTES)
def test_the_sum_comes_out_whatever_happens(notes: list[tuple[int, int, Fate]]) -> None:
    ledger = Ledger()
    files = [ledger.add_file() for _ in range(3)]
    for file, record, fate in notes:
        if fate == Fate.QUARANTINED:
            ledger.reject(files[file], records(record), pl.Series([f"code{record % 7}"]))
        else:
            ledger.note(files[file], records(record), fate)
    counts = ledger.counts()
    assert counts.received == len({(file, record) for file, record, _ in notes})
    assert counts.received == counts.accepted + counts.duplicates + counts.quarantined
    assert counts.quarantined == sum(counts.by_reason.values())
    assert counts.repaired <= counts.accepted
