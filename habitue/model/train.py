"""Training the behaviour model on a log.

In: encoded sequences, a vocabulary, settings, and the moments that part fitting from choosing.
Out: the network with the weights of its best epoch, and its learning curve, written line by line
to `training.jsonl`. Same sequences, settings and number of threads: the same weights, bit by bit,
also where a training was killed and went on from its last checkpoint.
"""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import IO

import torch

from habitue.compute import Progress
from habitue.config import ModelSettings, TrainingSettings
from habitue.errors import NotEnoughData
from habitue.model.behaviour import BehaviourModel, Shape
from habitue.model.fit import GoesOn, Run, TrainedNetwork
from habitue.model.inference import Network
from habitue.model.priors import set_priors, targets_of
from habitue.model.resume import Checkpoint, training_key
from habitue.model.validation import validation_persons
from habitue.sequences.batches import TrainingSpan, training_span
from habitue.sequences.repeating import LEAST_REPEATS, repeat_share
from habitue.sequences.sequences import Sequences
from habitue.sequences.vocabulary import FEATURES, Vocabulary, category_labels

CURVE_FILE = "training.jsonl"
_BATCH_WITHOUT_REPEATS = 1100  # events, as on bare sequences


def train_network(
    sequences: Sequences,
    vocabulary: Vocabulary,
    *,
    model: ModelSettings,
    training: TrainingSettings,
    valid_from: int,
    as_of: int,
    progress: Progress,
    folder: Path | None,
    checkpoint: Path | None = None,
    goes_on: GoesOn | None = None,
) -> TrainedNetwork:
    """Fit the network on events before `valid_from`, choosing its epoch on [valid_from, as_of).

    The state is kept in the folder `checkpoint` now and then; where it holds the state of a
    training of the same data, settings and software, that training goes on. Whoever called
    removes the folder once the network is safe. After each epoch `goes_on` is asked whether there
    may be another. The curve is written into `folder`, where there is one. Where there are `Ranks`
    all of them call this with the same.

    Raises:
        NotEnoughData: nobody has two events, the later one with a known item, before the cut.
        Failed: the loss stays infinite or not a number.
    """
    span = training_span(
        sequences,
        num_items=vocabulary.num_items,
        valid_from=valid_from,
        max_person_events=training.max_person_events,
    )
    validation = validation_persons(
        sequences,
        num_items=vocabulary.num_items,
        valid_from=valid_from,
        as_of=as_of,
        max_length=model.max_length,
    )
    # The caller's random numbers stay as they were.
    with torch.random.fork_rng(devices=[]), _curve_file(folder) as curve_file:
        torch.manual_seed(training.seed)
        model = settled(model, sequences, num_items=vocabulary.num_items, before=valid_from)
        training = _in_small_steps(training, model)
        network = _new_network(sequences, vocabulary, span, model)
        run = Run(network, sequences, span, validation, training, progress, curve_file)
        if goes_on is not None:
            run.goes_on = goes_on
        if checkpoint is not None:
            key = training_key(
                sequences,
                vocabulary=vocabulary.fingerprint,
                model=model.model_dump(mode="json"),
                training=training.model_dump(mode="json"),
                shapes={n: list(value.shape) for n, value in network.model.state_dict().items()},
                moments=[valid_from, as_of],
                ranks=run.ranks.count if run.ranks else 0,
            )
            run.keep(Checkpoint(checkpoint, key))
        return run.fit()


def _curve_file(folder: Path | None) -> AbstractContextManager[IO[str] | None]:
    if folder is None:
        return nullcontext()
    folder.mkdir(parents=True, exist_ok=True)
    return (folder / CURVE_FILE).open("w")


def settled(
    model: ModelSettings, sequences: Sequences, *, num_items: int, before: int
) -> ModelSettings:
    """Return the settings with what is left to the log decided by it, as it was before `before`."""
    if model.repeats is None:
        share = repeat_share(sequences, num_items=num_items, before=before)
        model = model.model_copy(update={"repeats": share >= LEAST_REPEATS})
    usual = {"dropout": model.usual_dropout, "high_pass": model.usual_high_pass}
    return model.model_copy(update=usual)


def _in_small_steps(training: TrainingSettings, model: ModelSettings) -> TrainingSettings:
    """Return the settings with smaller batches where nobody takes the same twice, if none is set.

    There most is learnt of items, each seen a few times, and few steps teach little of it.
    """
    if model.repeats or "batch_events" in training.model_fields_set:
        return training
    return training.model_copy(update={"batch_events": _BATCH_WITHOUT_REPEATS})


def _new_network(
    sequences: Sequences, vocabulary: Vocabulary, span: TrainingSpan, model: ModelSettings
) -> Network:
    if not any(len(targets_of(span, events)) for events in span.events()):
        raise NotEnoughData(
            "Nobody has an event followed by one with a known item before the cut.",
            fix="Import more events of the same persons, or choose a later cut.",
        )
    # A feature that the log never fills costs time and teaches nothing.
    filled = {
        name
        for events in span.events()
        for name in FEATURES
        if sequences.features[name][events].any()
    }
    sizes = {name: vocabulary.feature_sizes[name] for name in FEATURES if name in filled}
    shape = Shape(
        settings=model,
        num_items=vocabulary.num_items,
        num_categories=len(category_labels(vocabulary)) + 2,
        feature_sizes=sizes,
    )
    behaviour = BehaviourModel(shape)
    behaviour.set_item_content(torch.from_numpy(vocabulary.item_content))
    set_priors(behaviour, sequences, span)
    return Network(behaviour, category_labels(vocabulary), vocabulary.fingerprint)
