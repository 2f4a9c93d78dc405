"""What Habitue promises of faults, and the tests that show it; `docs/reliability.md` prints them.

python -m tests.reliability.promises    writes the table into the page
"""

from dataclasses import dataclass
from pathlib import Path

from tests.reliability import counts
from tests.reliability.counts import Count

PAGE = Path(__file__).parent.parent.parent / "docs" / "reliability.md"
BEGIN, END = "<!-- promises -->\n", "<!-- /promises -->\n"


@dataclass(frozen=True)
class Promise:
    """One promise; tests and controls by their names in `tests`."""

    claim: str
    tests: tuple[str, ...]
    cases: Count | None = None  # of each test; None: those that its file lists
    controls: tuple[str, ...] = ()  # that find damage once the guard is off
    guard: str = ""


def _of(file: str, *names: str) -> tuple[str, ...]:
    return tuple(f"reliability/test_{file}.py::test_{name}" for name in names)


PROMISES: tuple[Promise, ...] = (
    Promise(
        "An ingest that is killed leaves the store as it was or as it shall be. What was "
        "acknowledged is there once. Done again, it ends byte for byte as if nobody had killed it.",
        _of(
            "kills_in_ingest",
            "whatever_is_killed_the_store_is_the_old_or_the_new_and_ends_as_if_nobody_had",
        ),
        counts.INGEST_KILLS,
        _of("kills_in_ingest", "without_writing_beside_kills_do_damage"),
        "files written beside and renamed",
    ),
    Promise(
        "So does `quarantine retry`.",
        _of("kills_in_retry", "a_retry_killed_anywhere_leaves_the_old_store_or_the_new"),
        None,
        _of("kills_in_retry", "a_retry_that_writes_in_place_does_damage"),
        "files written beside and renamed",
    ),
    Promise(
        "Publishing, rolling back, evaluating, refreshing, predicting, an audience, a backup and "
        "a restore that are killed leave the old or the new, and go through afterwards.",
        _of(
            "kills_in_verbs",
            "a_verb_that_is_killed_leaves_the_old_or_the_new_and_goes_through_afterwards",
        ),
        counts.VERB_KILLS,
        _of("kills_in_verbs", "a_verb_that_writes_in_place_does_damage"),
        "files and folders written beside and renamed",
    ),
    Promise(
        "A training that is killed goes on, and its network ends with the same weights bit for "
        "bit.",
        _of(
            "kills_in_training", "a_network_killed_again_and_again_ends_with_the_same_weights"
        ),
        counts.FIT_KILLS,
        _of("kills_in_training", "a_training_that_forgets_its_optimiser_ends_with_other_weights"),
        "the whole state kept",
    ),
    Promise(
        "So does the whole version, with vocabulary, recommenders and tasks.",
        _of("kills_in_training", "a_version_trained_in_pieces_is_that_of_one_go"),
        counts.TRAIN_KILLS,
    ),
    Promise(
        "On a full or broken disk an ingest fails with `write_failed`, changes nothing, leaves "
        "nothing half-written, and goes through when space returns.",
        _of("full_disk", "an_ingest_that_cannot_write_says_so_and_changes_nothing"),
        None,
        _of("full_disk", "without_writing_beside_a_full_disk_does_damage"),
        "files written beside and renamed",
    ),
    Promise(
        "So do all verbs that write.",
        _of(
            "faults_in_verbs",
            "a_verb_that_cannot_write_says_so_changes_nothing_and_goes_through_later",
        ),
        counts.VERB_FAULTS,
        _of("faults_in_verbs", "a_verb_that_writes_in_place_is_torn_by_a_full_disk"),
        "files and folders written beside and renamed",
    ),
    Promise(
        "And a training.",
        _of(
            "faults_in_verbs",
            "a_training_that_cannot_write_says_so_changes_nothing_and_goes_through_later",
        ),
        counts.TRAIN_FAULTS,
    ),
    Promise(
        "On a disk with little or no space in earnest, a verb fails whole or goes through.",
        _of(
            "faults_in_verbs",
            "on_a_disk_that_is_full_in_earnest_a_verb_fails_whole_or_goes_through",
        ),
        counts.FILLED_DISKS,
    ),
    Promise(
        "After a power cut that loses any of what was not flushed, an ingest, a training's "
        "state and a new version are the old or the new; what was acknowledged is there.",
        _of(
            "power_cut",
            "during_an_ingest",
            "during_the_first_ingest",
            "while_a_training_keeps_its_state",
            "while_a_version_appears_and_is_published",
        ),
        counts.CUTS,
        _of("power_cut", "during_an_ingest"),
        "flushing; each of these tests repeats itself without it",
    ),
    Promise(
        "So are all verbs that write, and a training.",
        _of("power_cut", "during_a_verb"),
        counts.VERB_CUTS,
        _of("power_cut", "during_a_verb"),
        "flushing",
    ),
    Promise(
        "One flipped bit in a part of the store or in its manifest is found, and its file named.",
        _of("flipped_bits", "in_a_part_of_the_store", "in_the_manifest"),
        counts.FLIPS,
        _of("flipped_bits", "in_a_part_nobody_checks", "in_a_manifest_nobody_checks"),
        "checksums",
    ),
    Promise(
        "So is one in a file of a model version, in the pointer to it or in its evaluation.",
        _of(
            "flipped_bits",
            "in_a_model_version",
            "in_the_checksums_of_a_model_version",
            "in_what_points_to_the_version_that_answers",
            "in_an_evaluation",
        ),
        counts.FLIPS,
        _of(
            "flipped_bits",
            "in_a_model_version_nobody_checks",
            "in_what_points_to_a_version_when_nobody_checks",
            "in_an_evaluation_nobody_checks",
        ),
        "checksums",
    ),
    Promise(
        "So is one in a refresh or in a backup. Of a training's state and of the store's cache "
        "it only costs time: they are made again.",
        _of(
            "flipped_bits",
            "in_a_refresh",
            "in_a_backup",
            "in_what_a_training_keeps",
            "in_what_is_kept_of_the_span",
        ),
        counts.FLIPS,
        _of(
            "flipped_bits",
            "in_a_refresh_nobody_checks",
            "in_a_backup_nobody_checks",
            "in_what_a_training_keeps_and_nobody_checks",
            "in_what_is_kept_of_the_span_and_nobody_checks",
        ),
        "checksums",
    ),
    Promise(
        "What a refresh takes over from the one before changes no byte of its answers; damaged or "
        "missing, it is made again.",
        (
            "test_refreshing_again.py::test_new_events_of_a_few",
            "test_refreshing_again.py::test_a_late_arrival",
            "test_refreshing_again.py::test_changed_settings",
            "test_refreshing_again.py::test_what_is_damaged_or_missing_is_computed_anew",
        ),
    ),
    Promise(
        "How persons moved is written with the refresh or not at all; of a person whom "
        "`forgetting.forget` took out no byte is left in what refreshes keep (the store is another "
        "matter).",
        (
            "test_refreshed_history.py::test_a_refresh_that_breaks_off_leaves_no_entry",
            "test_refreshed_history.py::"
            "test_where_the_last_refresh_is_lost_history_goes_on_from_the_one_before",
            "test_forgetting.py::test_no_byte_of_a_forgotten_person_is_left",
            "test_forgetting.py::test_what_was_killed_half_way_is_done_by_doing_it_again",
        ),
    ),
    Promise(
        "Whatever bit flips in whichever file of a shop, no verb gives another answer in silence.",
        _of("flipped_bits", "in_any_file_of_a_shop_no_verb_answers_otherwise_in_silence"),
        counts.SHOP_FLIPS,
    ),
    Promise(
        "A second writer is refused and told who writes, on which computer and since when; a "
        "lock that a killed one left is in nobody's way.",
        _of(
            "two_writers",
            "the_second_refuses_and_names_the_first",
            "of_two_ingests_at_once_each_is_done_or_refused",
            "the_lock_of_a_killed_writer_is_taken_over",
        ),
        None,
        _of("two_writers", "without_the_lock_one_of_two_ingests_is_lost"),
        "the lock",
    ),
    Promise(
        "A training or a refresh during an ingest is of what was stored when it began; of two "
        "trainings at once the second is refused.",
        _of(
            "work_side_by_side",
            "a_training_during_an_ingest_is_of_what_was_stored_when_it_began",
            "a_refresh_during_an_ingest_is_of_what_was_stored_when_it_began",
            "of_two_trainings_at_once_the_second_is_refused_and_the_first_goes_through",
        ),
        None,
        _of("work_side_by_side", "without_a_readers_lock_a_refresh_misses_parts"),
        "the readers' lock",
    ),
    Promise(
        "A backup made while others write is of one moment, and restores to it.",
        _of(
            "backup_while_writing",
            "backups_made_during_ingests_are_each_what_was_stored_at_a_moment",
            "parts_laid_together_and_versions_that_appear_meanwhile_do_no_harm",
        ),
        counts.BACKUPS,
        _of("backup_while_writing", "without_a_readers_lock_parts_are_missing"),
        "the readers' lock",
    ),
    Promise(
        "Stores and model versions of earlier formats are read; of later ones nothing is touched.",
        _of(
            "golden",
            "a_store_of_an_earlier_format_answers_as_one_of_today",
            "a_store_of_a_later_format_is_refused_and_left_as_it_is",
            "a_model_version_of_an_earlier_release_answers_as_it_did",
            "a_model_version_of_a_later_format_is_refused_and_left_as_it_is",
        ),
    ),
    Promise(
        "A model with a number that is infinite or none at all is never published.",
        ("test_versions.py::"
         "test_a_version_with_a_number_that_is_not_finite_is_never_published",),
    ),
)  # fmt: skip


def table() -> str:
    """Return the promises as a table in Markdown."""
    lines = ["| we promise | cases | shown by | control |", "|---|---|---|---|"]
    for one in PROMISES:
        cases = f"{one.cases.usual:,} / {one.cases.long:,}" if one.cases else "all"
        control = f"without {one.guard}: {_names(one.controls)}" if one.controls else ""
        lines.append(f"| {one.claim} | {cases} | {_names(one.tests)} | {control} |")
    return "\n".join(lines) + "\n"


def _names(tests: tuple[str, ...]) -> str:
    return "<br>".join(f"`{test}`" for test in tests)


def page() -> str:
    """Return the page with today's table."""
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    return before + BEGIN + "\n" + table() + "\n" + END + rest.split(END)[1]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
