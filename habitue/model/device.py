"""Where a network is trained: on the processor, or on a GPU that PyTorch knows.

In: what the settings ask for, and records of tensors. Out: a device, the same records there, and
its random numbers. Knows nothing about networks.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass, replace
from typing import Final, TypeVar

import torch

from habitue.compute import is_one_of_several
from habitue.config import TrainingSettings
from habitue.errors import Refused
from habitue.memory import machine_mb, peak_mb

CPU: Final = torch.device("cpu")
_MB = 1e6

Record = TypeVar("Record")


def chosen_device(training: TrainingSettings) -> torch.device:
    """Return where to train; several processes share the processor.

    Raises:
        Refused: `no_cuda`, a GPU is asked for where there is none.
    """
    has_cuda = torch.cuda.is_available()
    if training.device == "cuda" and not has_cuda:
        raise Refused(
            "training.device is 'cuda', but PyTorch finds no GPU here.",
            fix="Set it to 'auto' or 'cpu', or install the driver and a PyTorch built with CUDA.",
            code="no_cuda",
        )
    if training.device == "cpu" or not has_cuda or is_one_of_several():
        return CPU
    return torch.device("cuda", torch.cuda.current_device())


def sent(record: Record, device: torch.device) -> Record:
    """Return a tensor, or a record with all tensors in it, on `device`.

    On the way to a GPU nobody waits: what is pinned travels while the processor does other things.
    """
    if device.type == "cpu":
        return record
    if isinstance(record, torch.Tensor):
        return record.pin_memory().to(device, non_blocking=True)  # type: ignore[return-value]
    if is_dataclass(record) and not isinstance(record, type):
        parts = {one.name: sent(getattr(record, one.name), device) for one in fields(record)}
        return replace(record, **parts)
    return record


@contextmanager
def own_random_numbers(seed: int, device: torch.device) -> Iterator[None]:
    """Let random numbers begin at `seed`; afterwards the caller's are as they were."""
    with torch.random.fork_rng(devices=[] if device.type == "cpu" else [device]):
        torch.manual_seed(seed)
        yield


def random_state(device: torch.device) -> dict[str, torch.Tensor]:
    """Return where the random numbers of the processor, and of a GPU in use, have come to."""
    state = {"random": torch.get_rng_state()}
    if device.type == "cuda":
        state["random.cuda"] = torch.cuda.get_rng_state(device)
    return state


def set_random_state(state: Mapping[str, torch.Tensor], device: torch.device) -> None:
    """Go on from a state; one that was kept without a GPU leaves a GPU's numbers alone."""
    torch.set_rng_state(state["random"])
    if device.type == "cuda" and "random.cuda" in state:
        torch.cuda.set_rng_state(state["random.cuda"], device)


def held_mb(device: torch.device) -> float:
    """Return the most memory that was held so far where the network is."""
    return peak_mb() if device.type == "cpu" else torch.cuda.max_memory_allocated(device) / _MB


def memory_mb(device: torch.device) -> float:
    """Return how much memory there is where the network is."""
    if device.type == "cpu":
        return machine_mb()
    return torch.cuda.get_device_properties(device).total_memory / _MB
