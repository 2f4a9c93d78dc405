"""A training on its way, on disk: killed, it goes on as if nothing had happened.

    state-3f2a….safetensors    tensors: weights, the best so far, the optimiser's, random numbers
    progress.json              everything else, sealed: how far it is, and the file above

In: numbers and tensors, and the key of what is being trained on what. Out: the same, if they are
whole and the key is the same. The JSON is replaced in one step after the tensors are safe, so that
a kill at any moment leaves the old state or the new one. Nothing in it is a pickle. Knows nothing
about what a step of training does.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from habitue import __version__
from habitue.checksums import check_file, read_sealed, write_sealed
from habitue.errors import HabitueError
from habitue.files import Json, write_bytes
from habitue.sequences.sequences import Sequences

PROGRESS_FILE = "progress.json"


@dataclass(frozen=True)
class TrainingState:
    """All that a training has to remember between two steps."""

    numbers: Mapping[str, Any]  # JSON
    tensors: Mapping[str, torch.Tensor]


@dataclass(frozen=True)
class Checkpoint:
    """Where the state of one particular training lies."""

    folder: Path
    key: str  # of what is trained on what; another training's state is none of ours

    def save(self, state: TrainingState) -> None:
        """Replace the state on disk."""
        packed = save({name: tensor.contiguous() for name, tensor in state.tensors.items()})
        digest = hashlib.sha256(packed).hexdigest()
        name = f"state-{digest[:16]}.safetensors"
        write_bytes(self.folder / name, packed)
        numbers: dict[str, Json] = {"key": self.key, "tensors": name, "tensors_sha256": digest}
        write_sealed(self.folder / PROGRESS_FILE, {**state.numbers, **numbers})
        for other in self.folder.glob("state-*.safetensors"):
            if other.name != name:
                other.unlink()

    def load(self) -> TrainingState | None:
        """Return the state on disk; None where there is none, or it is damaged or another's."""
        try:
            numbers = read_sealed(self.folder / PROGRESS_FILE)
            if numbers["key"] != self.key:
                return None
            path = self.folder / Path(numbers["tensors"]).name
            check_file(path, numbers["tensors_sha256"])
            return TrainingState(numbers, load(path.read_bytes()))
        except (HabitueError, OSError, KeyError, SafetensorError):
            return None


def training_key(sequences: Sequences, **others: Json) -> str:
    """Return the digest of all that decides about a training's outcome: data, settings, software.

    Machines differ in how they add, and so do numbers of threads.
    """
    digest = hashlib.sha256()
    columns: dict[str, npt.NDArray[Any]] = {
        "offsets": sequences.offsets,
        "timestamps": sequences.timestamps,
        "event_types": sequences.event_types,
        "items": sequences.items,
        "is_bot": sequences.is_bot,
        **sequences.features,
    }
    for name, column in sorted(columns.items()):
        digest.update(f"{name} {column.dtype} {len(column)}\n".encode())
        digest.update(np.ascontiguousarray(column).data)
    software = {
        "habitue": __version__,
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "processor": torch.backends.cpu.get_cpu_capability(),
    }
    digest.update(json.dumps({**software, **others}, sort_keys=True).encode())
    return digest.hexdigest()
