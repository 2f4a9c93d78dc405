"""The published protocols: what is learned from, what is chosen by, what is tested on.

Comes in: histories as they were read. Goes out: the same histories in parts, none of which a
model may read before its time. Knows nothing about models.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from habitue.baselines.item_histories import ItemHistories

MAX_HISTORY = 50  # last items of a history that a model may read
_VALIDATION_SHARE = 0.1  # of the training sessions, the last ones
_MAX_VALIDATION = 25_000  # examples; of more every n-th is taken, for the choice of settings only


@dataclass(frozen=True)
class Examples:
    """Questions with one right answer each."""

    histories: ItemHistories  # what a model reads
    answers: npt.NDArray[np.int64]  # [N] the column of the item that came next
    hidden: ItemHistories | None = None  # what is never offered: whole histories, or nothing

    def __len__(self) -> int:
        return len(self.answers)

    def rows(self, start: int, stop: int) -> "Examples":
        """Return the questions from `start` to `stop` (exclusive)."""
        hidden = None if self.hidden is None else self.hidden.rows(start, stop)
        return Examples(self.histories.rows(start, stop), self.answers[start:stop], hidden)


@dataclass(frozen=True)
class Trial:
    """A benchmark, ready to be run.

    A model learns from `training`, is chosen on `validation`, and answers `test`. Where the
    protocol refits, counting and linear models learn from `everything` before the test.
    """

    name: str
    sha256: str
    protocol: str
    num_items: int
    training: ItemHistories
    validation_items: npt.NDArray[np.int64]  # [training] what followed each history; -1: unknown
    validation: Examples
    test: Examples
    everything: ItemHistories
    metrics: tuple[str, ...]
    chosen_by: str
    counts: dict[str, int]
    attributes: ItemHistories | None = None  # [num_items] attribute numbers of each item
    notes: tuple[str, ...] = field(default=())


LEAVE_ONE_OUT = (
    "leave-one-out: each user's last item is the test, the one before it the validation, and "
    "models learn from the rest and are not refitted; all items are ranked, those of the user's "
    f"history left out; models read the last {MAX_HISTORY} items; ties count against the model"
)
SESSIONS = (
    "sessions: each test example is one question; all items are ranked, those of the session "
    "among them; settings are chosen on the last click of the last 10 % of the training sessions; "
    f"models read the last {MAX_HISTORY} items; ties count against the model"
)


def leave_one_out(
    histories: ItemHistories, *, name: str, sha256: str, num_items: int, empty_users: int = 0
) -> Trial:
    """Split each history with three or more items; shorter ones are only learned from."""
    is_tested = histories.lengths >= 3
    tested = np.flatnonzero(is_tested)
    dropped = np.where(is_tested, 2, 0)[histories.persons]
    training = histories.kept(histories.steps_back >= dropped)
    until_validation = histories.without_newest(1).take(tested)
    validation_items = np.full(len(histories), -1, dtype=np.int64)
    validation_items[tested] = until_validation.newest_item()
    known = training.take(tested)
    whole = histories.take(tested)
    test = Examples(until_validation.newest(MAX_HISTORY), whole.newest_item(), until_validation)
    counts = {
        "users": len(histories),
        "items": num_items,
        "interactions": len(histories.items),
        "training_interactions": len(training.items),
        "validation_examples": len(tested),
        "test_examples": len(tested),
        "users_too_short": len(histories) - len(tested),
        "users_without_items": empty_users,
        "answers_in_history": _answers_hidden(test),
    }
    return Trial(
        name=name,
        sha256=sha256,
        protocol=LEAVE_ONE_OUT,
        num_items=num_items,
        training=training,
        validation_items=validation_items,
        validation=Examples(known.newest(MAX_HISTORY), validation_items[tested], known),
        test=test,
        everything=training,
        metrics=("recall@5", "recall@10", "recall@20", "ndcg@5", "ndcg@10", "ndcg@20", "mrr@10"),
        chosen_by="ndcg@10",
        counts=counts,
        notes=_notes_of(counts),
    )


def session_questions(
    sessions: ItemHistories,
    questions: ItemHistories,
    answers: npt.NDArray[np.int64],
    *,
    name: str,
    sha256: str,
    num_items: int,
) -> Trial:
    """Hold the last click of the last tenth of the sessions back to choose settings by."""
    first = int(len(sessions) * (1 - _VALIDATION_SHARE))
    is_asked = (np.arange(len(sessions)) >= first) & (sessions.lengths >= 2)
    asked = np.flatnonzero(is_asked)
    training = sessions.kept(sessions.steps_back >= is_asked.astype(np.int64)[sessions.persons])
    validation_items = np.full(len(sessions), -1, dtype=np.int64)
    validation_items[asked] = sessions.take(asked).newest_item()
    chosen = asked[:: 1 + (len(asked) - 1) // _MAX_VALIDATION] if len(asked) else asked
    known = training.take(chosen)
    taken = np.bincount(sessions.items, minlength=num_items)
    counts = {
        "sessions": len(sessions),
        "items": num_items,
        "clicks": len(sessions.items),
        "training_examples": int(np.maximum(sessions.lengths - 1, 0).sum()),
        "validation_examples": len(chosen),
        "test_examples": len(answers),
        "answers_unknown": int((taken[answers] == 0).sum()),
    }
    return Trial(
        name=name,
        sha256=sha256,
        protocol=SESSIONS,
        num_items=num_items,
        training=training,
        validation_items=validation_items,
        validation=Examples(known.newest(MAX_HISTORY), validation_items[chosen]),
        test=Examples(questions.newest(MAX_HISTORY), answers),
        everything=sessions,
        metrics=("recall@5", "recall@10", "recall@20", "mrr@10", "mrr@20", "ndcg@10", "ndcg@20"),
        chosen_by="ndcg@20",
        counts=counts,
    )


def _answers_hidden(examples: Examples) -> int:
    assert examples.hidden is not None
    answers = examples.answers[examples.hidden.persons]
    return len(np.unique(examples.hidden.persons[examples.hidden.items == answers]))


def _notes_of(counts: dict[str, int]) -> tuple[str, ...]:
    notes = []
    if counts["users_too_short"]:
        notes.append(
            f"{counts['users_too_short']:,} users have fewer than three items: they are learned "
            "from and not tested on."
        )
    if counts["answers_in_history"]:
        notes.append(
            f"{counts['answers_in_history']:,} test answers stand in the user's own history, which "
            "this protocol leaves out: nobody can find them."
        )
    return tuple(notes)
