"""What every training stands on: the cut, the tasks, a sound log, vocabulary and sequences.

In: an event log, settings, a moment. Out: `Prepared`. One path for a version and for networks that
are only compared, so that they learn from the very same numbers. Knows nothing about networks.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from habitue.compute import Progress
from habitue.config import Settings
from habitue.events.data_checks import Finding, check_log, refuse_broken
from habitue.events.log import EventLog
from habitue.events.span import span_of
from habitue.model.compiling import check_compiler
from habitue.model.device import chosen_device
from habitue.profiles.tasks import ResolvedTask, outline_log, resolve_tasks
from habitue.sequences.encoder import write_sequences
from habitue.sequences.minimum import check_enough
from habitue.sequences.sequences import SequenceSet
from habitue.sequences.splits import Cuts, choose_cuts, latest_cut
from habitue.sequences.vocabulary import Vocabulary, build_vocabulary


@dataclass(frozen=True)
class Plan:
    """What will be learnt, and from before when."""

    cuts: Cuts
    tasks: tuple[ResolvedTask, ...]


def plan_training(log: EventLog, settings: Settings, *, as_of: int | None = None) -> Plan:
    """Choose the cut and the tasks.

    With `as_of`, nothing from then on is looked at. Without it the whole log says how long it is,
    and what lies before the cut says everything else.
    """
    if as_of is not None:
        span = span_of(log, as_of=as_of)
        as_of = latest_cut(span.start_at, span.end_at, as_of=as_of)
    outline = outline_log(log, as_of=as_of)
    tasks = resolve_tasks(settings.tasks, outline)
    cuts = choose_cuts(
        outline.start_at,
        outline.end_at,
        tasks=[one.task for one in tasks if one.status == "ok"],
        holdout_days=settings.training.holdout_days,
        as_of=as_of,
    )
    if as_of is None:
        known = outline_log(log, as_of=cuts.as_of)
        known = replace(known, start_at=outline.start_at, end_at=outline.end_at)
        tasks = resolve_tasks(settings.tasks, known)
    return Plan(cuts, tasks)


@dataclass(frozen=True)
class Prepared:
    """All that a network learns from, and what was noticed on the way."""

    plan: Plan
    findings: Sequence[Finding]
    vocabulary: Vocabulary
    sequences: SequenceSet


def prepare(
    log: EventLog,
    settings: Settings,
    *,
    as_of: int | None,
    folder: Path,
    store: Path,
    progress: Progress,
) -> Prepared:
    """Plan, check the log, and write everyone's sequences into `folder`.

    `store` is where the log lies, for what is told of it.

    Raises:
        NotEnoughData: there are too few persons or items.
        Refused: `data_check_failed`, the log looks broken; `no_cuda` or `no_compiler`, the
            settings ask for what this machine has not.
    """
    chosen_device(settings.training)
    check_compiler(settings.training)
    plan = plan_training(log, settings, as_of=as_of)
    cut = plan.cuts.as_of
    check_enough(log, as_of=cut)
    findings = check_log(log, as_of=as_of, skip=settings.checks.skip, progress=progress)
    refuse_broken(findings, store=store, skip=settings.checks.skip)
    vocabulary = build_vocabulary(log, as_of=cut, settings=settings.training, progress=progress)
    sequences = write_sequences(log, vocabulary, folder=folder, progress=progress, as_of=cut)
    return Prepared(plan, findings, vocabulary, sequences)
