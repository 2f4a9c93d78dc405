"""What the machine can do at most: matrix products and memory traffic, as PyTorch reaches them.

On a processor or a GPU, in single precision or in bf16.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

_COPY_FLOATS = 16 << 20
_GPU_COPY_FLOATS = 256 << 20  # beyond its caches
_SIDE, _GPU_SIDE = 1024, 8192  # of square matrices that are large enough


@dataclass(frozen=True)
class Place:
    """Where and in which numbers it is measured."""

    device: str = "cpu"
    dtype: torch.dtype = torch.float32

    @property
    def is_gpu(self) -> bool:
        """Whether work is only handed over, and has to be waited for."""
        return self.device != "cpu"

    def seconds(self, work: Callable[[], object], least: float) -> float:
        """Return the seconds of one piece of work, repeated for some time."""
        work()
        self._wait()
        began, count, at_once = time.perf_counter(), 0, 10 if self.is_gpu else 1
        while time.perf_counter() - began < least:
            for _ in range(at_once):
                work()
            self._wait()
            count += at_once
        return (time.perf_counter() - began) / count

    def _wait(self) -> None:
        if self.is_gpu:
            torch.cuda.synchronize()


ON_CPU = Place()


def product_gflops(
    rows: int, inner: int, columns: int, *, place: Place = ON_CPU, seconds: float = 0.5
) -> float:
    """Return the billions of operations a second of products [rows, inner] × [inner, columns]."""
    left, right, found = (
        torch.randn(*shape, device=place.device).to(place.dtype)
        for shape in ((rows, inner), (columns, inner), (rows, columns))
    )
    each = place.seconds(lambda: torch.mm(left, right.T, out=found), seconds)
    return 2e-9 * rows * inner * columns / each


def copy_gb_per_second(*, place: Place = ON_CPU, seconds: float = 0.5) -> float:
    """Return the billions of bytes a second, read and written, of copies too large for caches."""
    count = _GPU_COPY_FLOATS if place.is_gpu else _COPY_FLOATS
    source = torch.ones(count, device=place.device)
    target = torch.empty_like(source)
    return 8e-9 * count / place.seconds(lambda: target.copy_(source), seconds)


def ceilings(place: Place = ON_CPU) -> dict[str, float]:
    """Return the ceilings of a training step."""
    side = _GPU_SIDE if place.is_gpu else _SIDE
    return {
        "square_product_gflops": round(product_gflops(side, side, side, place=place), 1),
        "layer_product_gflops": round(product_gflops(768, 64, 256, place=place), 1),
        "copy_gb_per_second": round(copy_gb_per_second(place=place), 1),
    }
