"""From a log to a model version: everything that is learnt, learnt from before one moment.

In: an event log, settings, a cut. Out: a folder with vocabulary, network, recommenders and their
blend, task models, norms, the card. What is chosen on a validation window is learnt from before
that window; what merely counts is then counted again up to the cut. Knows nothing about where
versions lie or which one answers.
"""

import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from habitue import __version__
from habitue.actions.blend import Blend, choose_blend
from habitue.actions.targets import Window, choose_target_types
from habitue.answering import (
    Embedder,
    ask_network,
    mean_stater,
    next_classes_of,
    save_tasks,
)
from habitue.attempts import state_folder
from habitue.baselines.again import Again
from habitue.baselines.cooccurrence import CoOccurrence
from habitue.baselines.habit import Habit
from habitue.baselines.item_recommender import ITEM_MODELS, ItemRecommender, wants_item_models
from habitue.baselines.next_item import ItemToItemModel
from habitue.baselines.personal import PersonalFrequency
from habitue.baselines.popularity import Popularity
from habitue.baselines.ridge import ROW_ENTRIES
from habitue.comparing import COMPARISON_FILE, compare_architectures, with_architecture
from habitue.compute import Progress
from habitue.config import Settings
from habitue.events.consent import sentence
from habitue.events.data_checks import Finding
from habitue.events.log import EventLog
from habitue.files import write_json
from habitue.model.checkpoint import save_network
from habitue.model.fit import TrainedNetwork
from habitue.model.helping import Work, hand_out
from habitue.model.inference import Network
from habitue.model.ranks import Ranks
from habitue.model.train import train_network
from habitue.preparing import Plan, prepare
from habitue.profiles.fusion import Fusion, fusion_of
from habitue.profiles.groups import fit_groups
from habitue.profiles.next_model import NextModel, fit_next
from habitue.profiles.norms import fit_norms
from habitue.profiles.predictions import FittedTasks, fit_tasks
from habitue.profiles.task_model import Form, TaskModel
from habitue.profiles.tasks import describe_task
from habitue.profiles.when import fit_when
from habitue.schema import DAY, format_date
from habitue.sequences.repeating import LEAST_REPEATS, repeat_share
from habitue.sequences.sequences import Sequences, SequenceSet
from habitue.sequences.splits import Cuts
from habitue.sequences.timelines import timelines, write_buckets
from habitue.sequences.vocabulary import Vocabulary
from habitue.versions import Card, now_text, write_card

FORMS: dict[Form, str] = {
    "rfm": "recency, frequency and money alone did at least as well, so only they ship",
    "features": "the network's embedding added nothing beyond noise, so plain features ship",
    "features+embedding": "plain features and the network's embedding together do best",
}
FUSIONS: dict[Fusion, str] = {
    "features": "features alone answer: the head did not win by more than noise",
    "joint": "the head alone answers",
    "fused": "both answer together",
}


def train_version(
    log: EventLog,
    settings: Settings,
    *,
    name: str,
    folder: Path,
    unfinished: Path,
    as_of: int | None,
    fingerprint: str,
    store: Path,
    progress: Progress,
    compare_in: Path | None = None,
) -> Card:
    """Learn everything and write it into `folder`; return the version's card.

    With `compare_in`, a folder that keeps what was compared, the architecture is chosen first. The
    network's training keeps in the folder `unfinished` how far it is, and goes on from there.
    `store` is where the log lies, for what is told of it.

    Raises:
        NotEnoughData: there are too few persons or items.
        Refused: `data_check_failed`, the log looks broken.
    """
    began = time.monotonic()
    encoded = folder / "sequences"
    prepared = prepare(log, settings, as_of=as_of, folder=encoded, store=store, progress=progress)
    plan, vocabulary, sequences = prepared.plan, prepared.vocabulary, prepared.sequences
    cuts = plan.cuts
    vocabulary.save(folder / "vocabulary")
    comparison = None
    if compare_in is not None:
        comparison = compare_architectures(prepared, settings, folder=compare_in, progress=progress)
        settings = with_architecture(settings, comparison.choice.chosen)
        unfinished = state_folder(compare_in, comparison.choice.chosen)
        write_json(folder / COMPARISON_FILE, comparison.as_json())
    hand_out(
        Work(
            sequences=encoded,
            vocabulary=folder / "vocabulary",
            checkpoint=unfinished,
            model=settings.model,
            training=settings.training,
            valid_from=cuts.valid_from,
            as_of=cuts.as_of,
        )
    )
    trained = train_network(
        sequences.everyone,
        vocabulary,
        model=settings.model,
        training=settings.training,
        valid_from=cuts.valid_from,
        as_of=cuts.as_of,
        progress=progress,
        folder=folder / "network",
        checkpoint=unfinished,
    )
    hand_out(None)
    trained.network.version = name
    save_network(folder / "network", trained)
    progress.start("Validation", log.num_buckets, "buckets")
    validation = write_buckets(
        timelines(log, vocabulary, as_of=cuts.valid_from, until=cuts.as_of, progress=progress),
        folder / "validation",
    )
    progress.finish()
    blend = _fit_recommenders(
        sequences,
        validation,
        trained.network,
        categories=vocabulary.item_categories,
        cuts=cuts,
        settings=settings,
        folder=folder / "recommender",
        progress=progress,
    )
    fitted = fit_tasks(
        log,
        plan.tasks,
        train_until=cuts.as_of,
        start_at=cuts.start_at,
        embed=Embedder(log, vocabulary, trained.network),
        seed=settings.training.seed,
        progress=progress,
    )
    next_models = _fit_next(
        log,
        plan,
        vocabulary,
        trained.network,
        seed=settings.training.seed,
        progress=progress,
    )
    save_tasks(folder, fitted, next_models)
    norms = fit_norms(
        log,
        as_of=cuts.as_of,
        settings=settings.profiles,
        start_at=cuts.start_at,
        progress=progress,
    )
    norms.save(folder / "norms")
    groups = fit_groups(
        log,
        as_of=cuts.as_of,
        norms=norms,
        mean_states=mean_stater(trained.network, vocabulary),
        seed=settings.training.seed,
        progress=progress,
    )
    groups.save(folder / "groups")
    shutil.rmtree(encoded)
    shutil.rmtree(folder / "validation")
    card = Card(
        version=name,
        created_at=now_text(),
        architecture=settings.model.architecture,
        size=settings.model.size,
        seed=settings.training.seed,
        parameters=_num_parameters(trained.network),
        epochs=len(trained.curve),
        events=sequences.everyone.num_events,
        seconds=round(time.monotonic() - began, 1),
        events_per_second=round(trained.curve[-1].events / max(trained.curve[-1].seconds, 1e-9)),
        trained_until=cuts.as_of,
        data_fingerprint=fingerprint,
        habitue_version=__version__,
        validation=_validation(trained, blend),
        notes=[
            *([comparison.sentence()] if comparison else []),
            *_notes(plan, prepared.findings, trained, blend, fitted, next_models, settings),
            groups.sentence(),
            *_consent(settings),
        ],
    )
    write_card(folder, card)
    write_json(folder / "settings.json", settings.model_dump(mode="json"))
    return card


def _fit_recommenders(
    sequences: SequenceSet,
    validation: SequenceSet,
    network: Network,
    *,
    categories: npt.NDArray[np.int64],
    cuts: Cuts,
    settings: Settings,
    folder: Path,
    progress: Progress,
) -> Blend:
    """Weigh the recommenders on the validation window, then count again up to the cut.

    `sequences` are everyone's events as known at the cut; `validation` the same as known at the
    window's beginning, followed by the window.
    """
    everyone = [sequences.bucket(number) for number in range(sequences.num_buckets)]
    batches = [validation.bucket(number) for number in range(validation.num_buckets)]
    window = Window(cuts.valid_from, cuts.as_of)
    types = choose_target_types(batches, window, setting=settings.recommend.target_event)
    num_items = len(categories)
    recipes = _item_models(sequences.everyone, cuts, settings, num_items=num_items)
    progress.start("Recommenders", 3 + 2 * len(recipes), "steps")
    before = [
        *_count(batches, categories, types, cuts.valid_from, window, settings),
        *_solve(recipes, batches, cuts.valid_from, num_items=num_items, progress=progress),
    ]
    progress.advance(note="blend")
    blend = choose_blend(
        [network, *before],
        batches,
        window,
        num_items=num_items,
        target_types=types,
        seen_items=settings.recommend.seen_items,
    )
    if blend.weight_of("again") == 0:  # it knows no items but those of the two that count
        blend = blend.without("again")
    progress.advance(note="recount")
    now = [
        *_count(everyone, categories, types, cuts.as_of, window, settings),
        *_solve(recipes, everyone, cuts.as_of, num_items=num_items, progress=progress),
    ]
    by_name = {part.name: part for part in [*before, *now]}
    blend = blend.with_components([network, *by_name.values()])
    progress.advance()
    progress.finish()
    for part in blend.components:
        if part.name in by_name:
            by_name[part.name].save(folder)
    blend.save(folder)
    return blend


def _count(
    batches: list[Sequences],
    categories: npt.NDArray[np.int64],
    types: tuple[str, ...],
    as_of: int,
    window: Window,
    settings: Settings,
) -> list[Again | Habit | PersonalFrequency | CoOccurrence | Popularity]:
    """Fit the recommenders beside the network on events before `as_of`.

    The one that learns is left out where there is too little to learn from.
    """
    length, num_items = window.end_at - window.start_at, len(categories)
    personal = PersonalFrequency.fit(
        batches,
        num_items=num_items,
        as_of=as_of,
        window=length,
        target_types=types,
        half_life_days=settings.recommend.half_life_days,
    )
    again = Again.fit(
        batches,
        personal,
        categories=categories,
        as_of=as_of,
        window=length,
        seed=settings.training.seed,
    )
    return [
        *([] if again is None else [again]),
        Habit.fit(batches, personal, as_of=as_of, window=length),
        personal,
        CoOccurrence.fit(batches, num_items=num_items, as_of=as_of, target_types=types),
        Popularity.fit(batches, num_items=num_items, as_of=as_of, target_types=types),
    ]


def _item_models(
    everyone: Sequences, cuts: Cuts, settings: Settings, *, num_items: int
) -> Sequence[ItemToItemModel]:
    """Return the item-to-item models of the blend, by the log as it was before the validation."""
    share = repeat_share(everyone, num_items=num_items, before=cuts.valid_from)
    setting = settings.recommend.item_models
    return ITEM_MODELS if wants_item_models(setting, share, num_items=num_items) else ()


def _solve(
    recipes: Sequence[ItemToItemModel],
    batches: Sequence[Sequences],
    as_of: int,
    *,
    num_items: int,
    progress: Progress,
) -> Iterator[ItemRecommender]:
    """Fit the item-to-item models on events before `as_of`, one matrix in memory at a time."""
    for recipe in recipes:
        yield ItemRecommender.fit(
            recipe, batches, num_items=num_items, as_of=as_of, row_entries=ROW_ENTRIES
        )
        progress.advance(note=recipe.name)


def _fit_next(
    log: EventLog,
    plan: Plan,
    vocabulary: Vocabulary,
    network: Network,
    *,
    seed: int,
    progress: Progress,
) -> dict[str, NextModel]:
    """Weigh the network against simple counts, for each task of kind "next"."""
    tasks = [one.task for one in plan.tasks if one.task.kind == "next" and one.status == "ok"]
    progress.start("What comes next", len(tasks), "tasks")
    found = {}
    for task in tasks:
        found[task.name] = fit_next(
            log,
            task,
            next_classes_of(network, vocabulary, task),
            ask=ask_network(network, vocabulary, task),
            valid_from=plan.cuts.valid_from,
            as_of=plan.cuts.as_of,
        )
        progress.advance()
    progress.finish()
    return {name: _with_when(log, model, plan, seed, progress) for name, model in found.items()}


def _with_when(
    log: EventLog, model: NextModel, plan: Plan, seed: int, progress: Progress
) -> NextModel:
    """Learn when the next event comes; of what it is about, that is nobody's question."""
    if model.task.target != "event_type":
        return model
    cuts = plan.cuts
    when = fit_when(
        log,
        model.task,
        start_at=cuts.start_at,
        train_until=cuts.as_of,
        seed=seed,
        progress=progress,
    )
    return replace(model, when=when)


def _without_repeats(network: Network, settings: Settings) -> list[str]:
    if network.model.shape.has_repeats or settings.model.repeats is not None:
        return []
    return [
        f"Less than {LEAST_REPEATS:.0%} of what people wanted they had wanted before, so the "
        "network does not look for repeats and begins with what is like the last item."
    ]


def _consent(settings: Settings) -> list[str]:
    return [told] if (told := sentence(settings)) else []


def _num_parameters(network: Network) -> int:
    return sum(parameter.numel() for parameter in network.model.parameters())


def _validation(trained: TrainedNetwork, blend: Blend) -> dict[str, float]:
    best = next(line for line in trained.curve if line.epoch == trained.best_epoch)
    figures = {
        "next_item_ndcg@10": best.valid_ndcg,
        "next_item_recall@10": best.valid_recall,
        "blend_ndcg@10": blend.report.blend_ndcg,
    }
    singles = {f"{part}_ndcg@10": ndcg for part, ndcg in blend.report.single_ndcg.items()}
    return {name: round(value, 5) for name, value in (figures | singles).items()}


def what_ships(model: TaskModel) -> str:
    """Say what a prediction is made of, and why."""
    if model.reason:
        return f"everybody is told the base rate, for there are {model.reason}"
    if model.extrapolation is not None:
        return model.extrapolation.reason
    return FORMS[model.form]


def what_of_the_head(model: TaskModel) -> str:
    """Say whether a head takes part in a prediction, and by which figures; empty: none could."""
    if model.chance is None:
        return ""
    if model.no_head:
        return f"features alone answer, for {model.no_head}"
    losses = [model.validation.get(f"loss_{one}", float("nan")) for one in FUSIONS]
    if np.isnan(losses).any():
        return ""
    alone, joint, fused = losses
    taken = FUSIONS[fusion_of(model.chance.head_share)]
    return (
        f"on later windows features alone have a loss of {alone:.4f}, the head alone {joint:.4f}, "
        f"both mixed {fused:.4f}, so {taken}"
    )


def _notes(
    plan: Plan,
    findings: Sequence[Finding],
    trained: TrainedNetwork,
    blend: Blend,
    fitted: FittedTasks,
    next_models: Mapping[str, NextModel],
    settings: Settings,
) -> list[str]:
    """Say what was chosen and why, one sentence each."""
    cuts = plan.cuts
    notes = [
        f"Learnt from events up to {format_date(cuts.as_of)}; chosen on the "
        f"{(cuts.as_of - cuts.valid_from) / DAY:.3g} days before that.",
        f"Best epoch {trained.best_epoch} of {len(trained.curve)}, by the network's NDCG@10 on "
        f"{trained.num_validation_persons} persons.",
        *_without_repeats(trained.network, settings),
        blend.report.sentence(blend.seen_items),
        "Recommendations mix "
        + ", ".join(
            f"{part.name} {weight:.0%}"
            for part, weight in zip(blend.components, blend.weights, strict=True)
            if weight > 0
        )
        + ".",
        *(f"Check of the log, {finding.rule}: {finding.message}." for finding in findings),
    ]
    for name, model in fitted.models.items():
        notes.append(f"{name}: {describe_task(model.task)}; {what_ships(model)}.")
        if told := what_of_the_head(model):
            notes.append(f"{name}: {told}.")
    for name, next_model in next_models.items():
        notes.append(f"{name}: {describe_task(next_model.task)}; {next_model.sentence()}.")
        if next_model.when is not None:
            notes.append(f"{name}: when it comes; {next_model.when.sentence()}.")
    notes += [f"{name}: not learnt, {reason}." for name, reason in fitted.unanswered.items()]
    asked = trained.settings
    if 0 in (asked.learning_rate, asked.batch):
        notes.append(
            f"Found by trying: batches of {trained.batch}, a learning rate of "
            f"{trained.learning_rate:.2g}."
        )
    if (ranks := Ranks.current()) is not None:
        notes.append(f"The network was trained by {ranks.count} processes.")
    if trained.went_on_from:
        notes.append(f"Went on from epoch {trained.went_on_from} of a training broken off.")
    if trained.skipped_steps:
        notes.append(f"{trained.skipped_steps} training steps with a loss that is no number.")
    if trained.rollbacks:
        notes.append(
            f"Training went back {trained.rollbacks} times, more slowly each, after such steps."
        )
    return notes
