import numpy as np
import numpy.typing as npt
import pytest
import torch

from habitue.compute import Silent
from habitue.config import ModelSettings, TrainingSettings
from habitue.errors import Failed
from habitue.model.plain_sequences import (
    PLAIN_MODEL,
    PLAIN_TRAINING,
    Items,
    PlainNetwork,
    train_on_sequences,
)

NUM_ITEMS = 40
TINY = PLAIN_MODEL.model_copy(update={"size": "tiny", "max_length": 10, "dropout": 0.1})
FAST = PLAIN_TRAINING.model_copy(
    update={
        "epochs": 20,
        "samples": "prefix",
        "loss": "full",
        "batch_samples": 64,
        "learning_rate": 5e-3,
        "patience": 12,
    }
)


def walks(count: int = 200, seed: int = 0) -> list[Items]:
    """Persons who go around a ring of items, each from a place of their own."""
    rng = np.random.default_rng(seed)
    starts, lengths = rng.integers(0, NUM_ITEMS, count), rng.integers(2, 12, count)
    return [
        ((start + np.arange(length)) % NUM_ITEMS + 1).astype(np.int32)
        for start, length in zip(starts, lengths, strict=True)
    ]


def split(persons: list[Items]) -> tuple[list[Items], npt.NDArray[np.int32]]:
    return [one[:-1] for one in persons], np.array([one[-1] for one in persons], dtype=np.int32)


def briefly(histories: list[Items], **model: object) -> PlainNetwork:
    """Train for an epoch, where only the mechanism counts."""
    return train_on_sequences(
        histories,
        num_items=NUM_ITEMS,
        model=TINY.model_copy(update=model),
        training=FAST.model_copy(update={"epochs": 1}),
        progress=Silent(),
    )


@pytest.mark.parametrize(
    ("architecture", "loss", "samples"),
    [
        ("sasrec", "sampled", "all"),
        ("sasrec", "sampled", "prefix"),
        ("sasrec", "full", "all"),
        ("sasrec", "full", "prefix"),
        ("gru", "full", "all"),
        ("cnn", "full", "all"),
        *(
            pytest.param(architecture, loss, samples, marks=pytest.mark.slow)
            for architecture in ("gru", "cnn")
            for loss, samples in (("sampled", "all"), ("sampled", "prefix"), ("full", "prefix"))
        ),
    ],
)
def test_a_known_order_is_learnt(architecture: str, loss: str, samples: str) -> None:
    histories, wanted = split(walks())
    trained = train_on_sequences(
        histories,
        num_items=NUM_ITEMS,
        model=ModelSettings.model_validate(TINY.model_dump() | {"architecture": architecture}),
        training=TrainingSettings.model_validate(
            FAST.model_dump()
            | {"samples": samples, "loss": loss, "negatives": 15, "batch_events": 128}
        ),
        validation=wanted,
        progress=Silent(),
    )
    fresh, following = split(walks(seed=1))
    best = trained.scores(fresh).argmax(axis=1) + 1
    assert (best == following).mean() > 0.7  # by chance one in forty
    assert trained.report.curve[trained.report.best_epoch - 1].valid_ndcg > 0.9
    assert trained.report.targets_per_second > 0


def test_attributes_speak_for_items_seen_once() -> None:
    """Items come in pairs of one attribute; half of them occur only where they are asked for."""
    rng = np.random.default_rng(0)
    attributes = [np.array([1 + item % 20], dtype=np.int32) for item in range(NUM_ITEMS)]
    persons = []
    for _ in range(300):
        kind = rng.integers(0, 20)
        persons.append(np.array([kind, (kind + 1) % 20], dtype=np.int32) + 1)
    # Nobody is seen going on from one of the items 21 to 40.
    asked = [np.array([21 + kind], dtype=np.int32) for kind in range(20)]

    def hits(labels: list[Items] | None) -> float:
        trained = train_on_sequences(
            persons,
            num_items=NUM_ITEMS,
            attributes=labels,
            model=TINY,
            training=FAST,
            progress=Silent(),
        )
        best = trained.scores(asked).argmax(axis=1)
        return float((best % 20 == (np.arange(20) + 1) % 20).mean())

    assert hits(attributes) > 0.6
    assert hits(None) < 0.3


@pytest.mark.parametrize("repeats", [False, True])
def test_nobody_to_learn_from_and_empty_histories_are_answered(repeats: bool) -> None:
    histories, _ = split(walks(50))
    trained = briefly(histories, repeats=repeats)
    none = np.zeros(0, dtype=np.int32)
    scores = trained.scores([none, histories[0], none])
    assert scores.shape == (3, NUM_ITEMS)
    assert np.isfinite(scores).all()
    np.testing.assert_array_equal(scores[0], scores[2])
    assert (scores[0] != scores[1]).any()


def returners(count: int, seed: int) -> list[Items]:
    """Everybody returns to their first item, whichever that is."""
    rng = np.random.default_rng(seed)
    return [
        np.array([first, *rng.integers(1, NUM_ITEMS + 1, 2), first], dtype=np.int32)
        for first in rng.integers(1, NUM_ITEMS + 1, count)
    ]


def test_who_comes_back_is_expected_back_where_the_network_may_point() -> None:
    persons = returners(200, seed=0)
    trained = train_on_sequences(
        persons,
        num_items=NUM_ITEMS,
        model=TINY.model_copy(update={"repeats": True}),
        training=FAST,
        progress=Silent(),
    )
    asked, wanted = split(returners(100, seed=1))
    np.testing.assert_allclose(np.exp(trained.scores(asked)).sum(axis=1), 1, atol=1e-4)
    best = trained.top_items(asked, 1, filter_seen=False)[:, 0]
    assert (best == wanted).mean() > 0.8


def test_scores_do_not_depend_on_company() -> None:
    histories, _ = split(walks(50))
    trained = briefly(histories)
    together = trained.scores(histories)
    alone = np.concatenate([trained.scores([one]) for one in histories])
    np.testing.assert_allclose(together, alone, atol=1e-5)


@pytest.mark.parametrize("repeats", [False, True])
def test_top_items_are_those_of_the_highest_scores(repeats: bool) -> None:
    histories = [*split(walks(300))[0], np.zeros(0, dtype=np.int32)]
    trained = briefly(histories, repeats=repeats)
    ranked = np.argsort(-trained.scores(histories), axis=1, kind="stable") + 1
    np.testing.assert_array_equal(trained.top_items(histories, 5, filter_seen=False), ranked[:, :5])
    unseen = [
        [item for item in row if item not in history]
        for row, history in zip(ranked.tolist(), histories, strict=True)
    ]
    found = trained.top_items(histories, NUM_ITEMS)
    assert [[item for item in row if item] for row in found.tolist()] == unseen
    # What cannot be filled stands last.
    assert (np.diff((found == 0).astype(int), axis=1) >= 0).all()


def test_a_broken_network_advises_nothing() -> None:
    histories, _ = split(walks(20))
    trained = briefly(histories)
    with torch.no_grad():
        trained.network.model.output_norm.bias[0] = torch.nan
    with pytest.raises(Failed, match=r"not a number \(NaN\)"):
        trained.top_items(histories, 5)


def test_a_new_network_begins_with_what_is_like_the_last_item() -> None:
    """Its layers are so small at first that the state is nearly the last item's vector."""
    histories, _ = split(walks(60))
    untrained = train_on_sequences(
        histories,
        num_items=NUM_ITEMS,
        model=PLAIN_MODEL,
        training=FAST.model_copy(update={"epochs": 1, "learning_rate": 1e-12}),
        progress=Silent(),
    )
    last = np.array([history[-1] for history in histories])
    assert (untrained.scores(histories).argmax(axis=1) + 1 == last).mean() > 0.9
