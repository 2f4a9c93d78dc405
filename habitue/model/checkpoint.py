"""A network on disk: weights as safetensors, everything else as JSON; nothing that runs code.

In: a trained network and a folder. Out: `network.json` and the weights it names; and back. The
JSON holds the digest of the weights and is replaced in one step, so that a reader finds the old
network or the new one, never a mixture.
"""

import hashlib
import json
from pathlib import Path

import torch
from safetensors.torch import load, save

from habitue.config import ModelSettings
from habitue.errors import Failed, FileRefused, NotReady
from habitue.files import write_bytes
from habitue.model.behaviour import BehaviourModel, Shape
from habitue.model.fit import TrainedNetwork
from habitue.model.inference import Network
from habitue.schema import FORMAT_VERSION

NETWORK_FILE = "network.json"


def save_network(folder: Path, trained: TrainedNetwork) -> None:
    """Write a trained network into `folder`, replacing one that is there.

    Raises:
        Failed: a weight is not finite; nothing was written.
    """
    network = trained.network
    state = {name: value.contiguous() for name, value in network.model.state_dict().items()}
    for name, value in state.items():
        if not bool(torch.isfinite(value).all()):
            raise Failed(
                f"The network's weights '{name}' are not finite, so it was not saved.",
                fix="Train again with a lower training.learning_rate.",
                code="not_finite",
            )
    weights = save(state)
    digest = hashlib.sha256(weights).hexdigest()
    shape = network.model.shape
    document = {
        "format_version": FORMAT_VERSION,
        "weights": f"network-{digest[:16]}.safetensors",
        "sha256": digest,
        "vocabulary": network.vocabulary_fingerprint,
        "settings": shape.settings.model_dump(),
        "num_items": shape.num_items,
        "num_categories": shape.num_categories,
        "feature_sizes": shape.feature_sizes,
        "category_labels": list(network.category_labels),
        "training": trained.settings.model_dump(),
        "best_epoch": trained.best_epoch,
        "skipped_steps": trained.skipped_steps,
        "curve": [line.as_json() for line in trained.curve],
    }
    write_bytes(folder / str(document["weights"]), weights)
    write_bytes(folder / NETWORK_FILE, json.dumps(document, ensure_ascii=False, indent=1).encode())
    for other in folder.glob("network-*.safetensors"):
        if other.name != document["weights"]:
            other.unlink()


def load_network(folder: Path) -> Network:
    """Return the network in `folder`.

    Raises:
        NotReady: there is none.
        FileRefused: it was damaged, or a newer version of Habitue wrote it.
    """
    path = folder / NETWORK_FILE
    if not path.is_file():
        raise NotReady(f"{folder} holds no network.", fix="Run `habitue train` first.")
    try:
        document = json.loads(path.read_bytes())
        if document["format_version"] > FORMAT_VERSION:
            raise FileRefused(
                f"{path} has format {document['format_version']}; this version reads up to "
                f"{FORMAT_VERSION}.",
                fix="Upgrade Habitue.",
            )
        # The name alone, so that a manipulated file cannot point elsewhere.
        weights_path = folder / Path(document["weights"]).name
        weights = weights_path.read_bytes()
        if hashlib.sha256(weights).hexdigest() != document["sha256"]:
            raise _damaged(weights_path, "its digest does not fit")
        model = BehaviourModel(
            Shape(
                settings=ModelSettings(**document["settings"]),
                num_items=document["num_items"],
                num_categories=document["num_categories"],
                feature_sizes=document["feature_sizes"],
            )
        )
        model.load_state_dict(load(weights))
        return Network(model, tuple(document["category_labels"]), document["vocabulary"])
    except (KeyError, TypeError, ValueError, RuntimeError, OSError) as error:
        raise _damaged(path, str(error)) from error


def _damaged(path: Path, how: str) -> FileRefused:
    return FileRefused(
        f"{path} was damaged: {how}.",
        fix="Restore the folder from a backup, or run `habitue train` again.",
    )
