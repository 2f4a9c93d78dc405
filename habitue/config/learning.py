"""Settings of the behaviour model: its shape, how it learns, and how others are tried."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from habitue.config.stage import LONGEST_DAYS, Stage

Architecture = Literal["transformer", "sasrec", "gru", "lstm", "cnn"]
Size = Literal["tiny", "small", "base", "large"]
Samples = Literal["all", "prefix"]
Loss = Literal["sampled", "full"]
RivalsKind = Literal["mixed", "uniform", "in_batch"]
Device = Literal["auto", "cpu", "cuda"]
Precision = Literal["fp32", "bf16"]


def _heads(value: int) -> int:
    if value not in (0, 1, 2, 4, 8):
        raise ValueError("0, 1, 2, 4 or 8")
    return value


def _width(value: int) -> int:
    if value % 8 or value < 0:
        raise ValueError("a multiple of 8, or 0")
    return value


def _found_or(least: int) -> AfterValidator:
    """0 is allowed too: the value is then found."""

    def check(value: int) -> int:
        if 0 < value < least:
            raise ValueError(f"0, or {least} and more")
        return value

    return AfterValidator(check)


Heads = Annotated[int, AfterValidator(_heads)]
Width = Annotated[int, AfterValidator(_width)]


class ModelSettings(Stage):
    """The behaviour model's shape; `size` sets what is not set here."""

    architecture: Architecture = Field("transformer", description="The backbone.")
    size: Size = Field(
        "small",
        description="tiny: width 32, one layer; small: width 64, two; base: width 256, four; "
        "large: width 512, eight. The two last ones want a GPU.",
    )
    width: Width = Field(
        0,
        le=2048,
        description="Numbers in a vector, a multiple of 8; 0 takes what suits the size, and 96 for "
        "'small' where it may not point at the past (see repeats).",
    )
    layers: int = Field(0, ge=0, le=32, description="Blocks; 0 takes what suits the size.")
    heads: Heads = Field(0, description="Of attention: 1, 2, 4 or 8; 0 takes what suits the size.")
    max_length: int = Field(50, ge=2, description="Events of a person the model looks back on.")
    dropout: float | None = Field(
        None, ge=0, lt=1, description="Share dropped in training; not set, .2 or as repeats say."
    )
    high_pass: float | None = Field(
        None,
        ge=0,
        lt=1,
        description="Weight of what changed lately beside what attention gathers, in each block "
        "of transformer and sasrec; not set, 0 or as repeats say.",
    )
    item_bias: bool = Field(
        True, description="Whether each item has a bias, which begins as how frequent it is."
    )
    repeats: bool | None = Field(
        None,
        description="Whether the network may point at an item of the past instead of choosing; "
        "not set, it may where at least one wanted item in a hundred had been wanted before. If it "
        "may not, dropout is .5 and high_pass .7.",
    )

    @property
    def usual_dropout(self) -> float:
        """The share as set, or as is usual."""
        return (0.5 if self._is_bare else 0.2) if self.dropout is None else self.dropout

    @property
    def usual_high_pass(self) -> float:
        """The weight as set, or as is usual."""
        return (0.7 if self._is_bare else 0.0) if self.high_pass is None else self.high_pass

    @property
    def _is_bare(self) -> bool:
        return self.repeats is False


class TrainingSettings(Stage):
    """How the behaviour model learns."""

    epochs: int = Field(
        0, ge=0, description="At most; 0 chooses by the log's size. Early stopping may end sooner."
    )
    patience: int = Field(2, ge=1, description="Evaluations without gain before stopping.")
    samples: Samples = Field(
        "all",
        description="all: a loss after every event of a window; prefix: every event is the last "
        "one of a window of its own (dearer, above all on long histories).",
    )
    loss: Loss = Field(
        "sampled", description="Of the next item, against drawn rivals or all items."
    )
    batch_events: Annotated[int, _found_or(64)] = Field(
        6400,
        ge=0,
        description="Events (positions) in a batch of samples = 'all', at least 64; 0 finds the "
        "size that is fastest on this machine by trying.",
    )
    batch_samples: Annotated[int, _found_or(8)] = Field(
        256,
        ge=0,
        description="Windows in a batch of samples = 'prefix', at least 8; 0 finds it likewise.",
    )
    learning_rate: float = Field(
        2e-3, ge=0, description="Peak of the schedule; 0 finds one by trying for a few steps."
    )
    accumulate: int = Field(
        1, ge=1, description="Batches whose gradients are added up before the weights move."
    )
    weight_decay: float = Field(0.01, ge=0, description="L2 penalty on the weights of layers.")
    embedding_decay: float = Field(0, ge=0, description="L2 penalty on the vectors of items.")
    l1: float = Field(
        0, ge=0, description="L1 penalty on the weights of layers; makes needless ones zero."
    )
    ema: float = Field(
        0, ge=0, lt=1, description="Decay of the average of the weights that is kept; 0: the last."
    )
    label_smoothing: float = Field(
        0, ge=0, lt=1, description="Share of the next item's probability spread over all items."
    )
    negatives: int = Field(512, ge=1, description="Items a true next item is told apart from.")
    rivals: RivalsKind = Field(
        "mixed",
        description="How those are drawn: uniform, in_batch (what others of the batch wanted), or "
        "mixed, half uniform and half by frequency; all with the logQ correction.",
    )
    category_weight: float = Field(0.2, ge=0, description="Of the next item's category's loss.")
    event_type_weight: float = Field(0.2, ge=0, description="Of the next event's type's loss.")
    gap_weight: float = Field(0.1, ge=0, description="Of the next pause's loss.")
    dense_weight: float = Field(
        0, ge=0, description="Of the loss of any wanted item of the next four weeks."
    )
    coles_weight: float = Field(
        0, ge=0, description="Of the loss that brings two slices of one person together."
    )
    next_visit: float = Field(
        0.5,
        ge=0,
        le=1,
        description="Share of events whose wanted item is one of the next visit, not the next.",
    )
    later_items: float = Field(
        0,
        ge=0,
        lt=1,
        description="Chance, as training begins, that the wanted item is not the next but one of "
        "those soon after it; falls to 0 over four fifths of the epochs.",
    )
    hidden_items: float = Field(
        0.08, ge=0, lt=1, description="Share of events whose item id is hidden, for its content."
    )
    crop: float = Field(
        0, ge=0, le=1, description="Share of windows that forget up to half of their oldest events."
    )
    reorder: float = Field(
        0,
        ge=0,
        le=1,
        description="Share of windows in which a run of events is shuffled; with samples = "
        "'prefix' alone.",
    )
    substitute: float = Field(
        0, ge=0, lt=1, description="Share of events whose item is replaced by one like it."
    )
    min_item_count: int = Field(0, ge=0, description="Rarer items share hashed ids; 0 chooses.")
    max_items: int = Field(200_000, ge=1, description="Items with an embedding of their own.")
    max_person_events: int = Field(
        1000, ge=2, description="Of one person in training; the last ones."
    )
    device: Device = Field(
        "auto", description="Where: cpu, or cuda, a GPU; auto takes the GPU where there is one."
    )
    precision: Precision = Field(
        "fp32",
        description="Of the network's forward pass: bf16 computes in half of the bits; losses, "
        "weights and optimiser stay fp32.",
    )
    compile: bool = Field(
        False, description="Whether torch.compile makes kernels of the backbone; wants a compiler."
    )
    seed: int = Field(0, description="Same seed, data, version, device and threads: same model.")
    holdout_days: float = Field(
        0,
        ge=0,
        le=LONGEST_DAYS,
        description="Kept from training for `evaluate`; 0 takes the longest horizon that fits.",
    )

    @property
    def batch(self) -> int:
        """The size of a batch: windows where each sample is a prefix, else events; 0: found."""
        return self.batch_samples if self.samples == "prefix" else self.batch_events


class CompareSettings(Stage):
    """`habitue compare`, and `habitue train --architecture auto`."""

    architectures: list[Architecture] = Field(
        ["transformer", "sasrec", "gru", "lstm", "cnn"], min_length=1, description="Which ones."
    )
    minutes: float = Field(
        30, gt=0, description="For all of them; each gets an equal share, and needs not use it up."
    )


class TuneSettings(Stage):
    """`habitue tune`."""

    trials: int = Field(20, ge=1, description="Settings tried, those of earlier runs included.")
    minutes: float = Field(60, gt=0, description="Of one run; the next one goes on.")
