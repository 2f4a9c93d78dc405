"""The recipe of a training: what the settings leave open is decided by the log.

In: settings and what the log was like before a moment. Out: settings with nothing left open.
Where nobody takes the same thing twice a log is the published benchmarks' kind of data, and is
learnt as they are (docs/experiments.md). Knows nothing about networks.
"""

from typing import Final

from habitue.config import ModelSettings, TrainingSettings
from habitue.sequences.batches import TrainingSpan
from habitue.sequences.repeating import LEAST_REPEATS, repeat_share
from habitue.sequences.sequences import Sequences

MANY_ITEMS: Final = 20_000
MOST_EPOCHS: Final = 30
# Next items learned from in all epochs together: some ten minutes of one core.
_MANY_TARGETS: Final = {"full": 4_500_000, "sampled": 15_000_000}
_LEAST_EPOCHS: Final = 4
WIDTH_WITHOUT_REPEATS: Final = 96  # of size small: one and a half times the usual

# Most is learnt of items, each seen a few times: small steps, many epochs, a long patience.
WITHOUT_REPEATS: Final[dict[str, object]] = {
    "batch_events": 1100,
    "epochs": MOST_EPOCHS,
    "patience": 6,
    "later_items": 0.4,
    "loss": "full",
    "negatives": 1024,
}
BEYOND_MANY_ITEMS: Final[dict[str, object]] = {"loss": "sampled", "negatives": 2048}


def settled_model_by(model: ModelSettings, repeat_share: float) -> ModelSettings:
    """Return the model's settings with nothing left open, by how much people repeat."""
    if model.repeats is None:
        model = model.model_copy(update={"repeats": repeat_share >= LEAST_REPEATS})
    usual = {"dropout": model.usual_dropout, "high_pass": model.usual_high_pass}
    if not (model.repeats or model.width) and model.size == "small":
        usual["width"] = WIDTH_WITHOUT_REPEATS
    return model.model_copy(update=usual)


def settled_model(
    model: ModelSettings, sequences: Sequences, *, num_items: int, before: int
) -> ModelSettings:
    """Return the model's settings with nothing left open, by the log as it was before `before`."""
    share = 0.0
    if model.repeats is None:
        share = repeat_share(sequences, num_items=num_items, before=before)
    return settled_model_by(model, share)


def settled_training(
    training: TrainingSettings, model: ModelSettings, span: TrainingSpan, *, num_items: int
) -> TrainingSettings:
    """Return how a network of these settled settings learns; what somebody set stays."""
    if model.repeats:
        return training
    usual = without_repeats(num_targets=span.num_events - len(span.ends), num_items=num_items)
    is_set = set(training.model_fields_set)
    if training.epochs == 0:  # left open in so many words
        is_set.discard("epochs")
    return training.model_copy(
        update={name: value for name, value in usual.items() if name not in is_set}
    )


def without_repeats(*, num_targets: int, num_items: int) -> dict[str, object]:
    """Return how such a log is learnt that has so many next items to learn from.

    Beyond `MANY_ITEMS` a softmax over all items is dearer than the rest of the network; and where
    an epoch is long, it holds what many hold elsewhere.
    """
    loss = "sampled" if num_items > MANY_ITEMS else "full"
    epochs = max(round(_MANY_TARGETS[loss] / max(num_targets, 1)), _LEAST_EPOCHS)
    usual = WITHOUT_REPEATS | (BEYOND_MANY_ITEMS if loss == "sampled" else {})
    return usual | {"epochs": min(epochs, MOST_EPOCHS)}
