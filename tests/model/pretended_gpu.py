"""A GPU that is none: tensors sent there stay on the processor, but nothing may mix the two.

In: any code that puts tensors on "cuda". Out: the numbers that it would compute, or an
`AssertionError` naming the operation that was given tensors of both sides. PyTorch's own
FakeTensorMode cannot do it: it has no values, and a step asks for some (`nonzero`, `unique`).

A tensor's side is remembered by its storage, so views share it. Storages of the pretended GPU are
kept alive while it lasts, so that no other one is taken for them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

CPU, GPU = torch.device("cpu"), torch.device("cuda", 0)
COPY = "aten::copy_"  # the only operation that may take tensors of both sides, as on a true GPU
DEVICE = torch.Tensor.device.__get__


class Sides:
    """Which storages lie on the pretended GPU."""

    def __init__(self) -> None:
        self.storages: dict[int, torch.UntypedStorage] = {}
        self.operations = 0  # that had a tensor there
        self.depth = 0  # of calls that were given such tensors

    def has(self, tensor: torch.Tensor) -> bool:
        return tensor.untyped_storage()._cdata in self.storages

    def put(self, found: object) -> None:
        for one in tensors_in(found):
            storage = one.untyped_storage()
            self.storages[storage._cdata] = storage


class Checked(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sees each operation, also those of backward passes; its answer lies where its tensors lay."""

    def __init__(self, sides: Sides) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.sides = sides

    def __torch_dispatch__(
        self,
        func: torch._ops.OpOverload[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> object:
        given = tensors_in((args, kwargs))
        there = [one for one in given if self.sides.has(one)]
        # A single number of the processor may meet a GPU's tensors.
        here = [one for one in given if one.ndim and not self.sides.has(one)]
        name = str(func.name()).split(".")[0]  # type: ignore[no-untyped-call]
        found = func(*args, **(kwargs or {}))
        if name == COPY:
            return found
        assert not (there and here), f"{name} was given tensors of both sides"
        # What an operation makes from nothing on its way lies where its tensors lie.
        if there or (not given and self.sides.depth):
            self.sides.operations += 1
            self.sides.put(found)
        return found


class Pretending(TorchFunctionMode):
    """Answers for `.device` and `device=`, and keeps `.numpy()` from reading a GPU's memory."""

    def __init__(self, sides: Sides) -> None:
        super().__init__()
        self.sides = sides

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> object:
        named = dict(kwargs or {})
        if func == DEVICE:
            return GPU if self.sides.has(args[0]) else func(*args)
        if func is torch.Tensor.pin_memory:
            return args[0]
        if func is torch.Tensor.numpy:
            assert not self.sides.has(args[0]), "numpy() was called on a GPU's tensor"
        if func is torch.Tensor.cpu:
            return self._moved(args[0], CPU)
        if func is torch.Tensor.to and (places := [o for o in args[1:] if is_device(o)]):
            return self._moved(args[0], torch.device(places[0]))
        if (asked := named.get("device")) is not None and torch.device(asked).type == "cuda":
            found = func(*args, **named | {"device": CPU})
            self.sides.put(found)
            return found
        is_there = any(self.sides.has(one) for one in tensors_in((args, named)))
        self.sides.depth += is_there
        try:
            return func(*args, **named)
        finally:
            self.sides.depth -= is_there

    def _moved(self, tensor: torch.Tensor, place: torch.device) -> torch.Tensor:
        if self.sides.has(tensor) == (place.type == "cuda"):
            return tensor
        found = torch.empty(tensor.shape, dtype=tensor.dtype).copy_(tensor.detach())
        if place.type == "cuda":
            self.sides.put(found)
        return found


def is_device(value: object) -> bool:
    return isinstance(value, torch.device | str)


def tensors_in(value: object) -> list[torch.Tensor]:
    return [one for one in tree_leaves(value) if isinstance(one, torch.Tensor)]


@contextmanager
def pretended_gpu(patch: pytest.MonkeyPatch) -> Iterator[Sides]:
    """Let PyTorch believe for a while that there is a GPU."""
    state = torch.zeros(16, dtype=torch.uint8)
    patch.setattr(torch.cuda, "is_available", lambda: True)
    patch.setattr(torch.cuda, "current_device", lambda: 0)
    patch.setattr(torch.cuda, "is_bf16_supported", lambda: True)
    patch.setattr(torch.cuda, "get_rng_state", lambda device=None: state)
    patch.setattr(torch.cuda, "set_rng_state", lambda state, device=None: None)
    sides = Sides()
    with Checked(sides), Pretending(sides):
        yield sides
