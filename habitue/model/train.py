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
from habitue.model.device import chosen_device, own_random_numbers
from habitue.model.fit import GoesOn, Run, TrainedNetwork
from habitue.model.inference import Network
from habitue.model.priors import set_priors, targets_of
from habitue.model.recipe import settled_model, settled_training
from habitue.model.resume import Checkpoint, training_key
from habitue.model.validation import validation_persons
from habitue.sequences.batches import TrainingSpan, training_span
from habitue.sequences.sequences import Sequences
from habitue.sequences.vocabulary import FEATURES, Vocabulary, category_labels

CURVE_FILE = "training.jsonl"


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
    device = chosen_device(training)
    with own_random_numbers(training.seed, device), _curve_file(folder) as curve_file:
        num_items = vocabulary.num_items
        model = settled_model(model, sequences, num_items=num_items, before=valid_from)
        training = settled_training(training, model, span, num_items=num_items)
        network = _new_network(sequences, vocabulary, span, model)
        run = Run(network, sequences, span, validation, training, progress, curve_file)
        if goes_on is not None:
            run.goes_on = goes_on
        if checkpoint is not None:
            key = training_key(
                sequences,
                vocabulary=vocabulary.fingerprint,
                model=model.model_dump(mode="json"),
                # On another device it goes on too, though no longer bit by bit.
                training=training.model_dump(mode="json", exclude={"device"}),
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
