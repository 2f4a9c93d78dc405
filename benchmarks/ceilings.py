"""What the machine can do at most: matrix products and memory traffic, as PyTorch reaches them."""

import time
from collections.abc import Callable

import torch

_COPY_FLOATS = 16 << 20


def product_gflops(rows: int, inner: int, columns: int, *, seconds: float = 0.5) -> float:
    """Return the billions of operations a second of products [rows, inner] × [inner, columns]."""
    left, right = torch.randn(rows, inner), torch.randn(columns, inner)
    found = torch.empty(rows, columns)
    each = _seconds(lambda: torch.mm(left, right.T, out=found), seconds)
    return 2e-9 * rows * inner * columns / each


def copy_gb_per_second(*, seconds: float = 0.5) -> float:
    """Return the billions of bytes a second, read and written, of copies too large for caches."""
    source = torch.ones(_COPY_FLOATS)
    target = torch.empty_like(source)
    return 8e-9 * _COPY_FLOATS / _seconds(lambda: target.copy_(source), seconds)


def ceilings() -> dict[str, float]:
    """Return the ceilings of a training step."""
    return {
        "square_product_gflops": round(product_gflops(1024, 1024, 1024), 1),
        "layer_product_gflops": round(product_gflops(768, 64, 256), 1),
        "copy_gb_per_second": round(copy_gb_per_second(), 1),
    }


def _seconds(work: Callable[[], object], least: float) -> float:
    """Return the seconds of one piece of work, repeated for some time."""
    work()
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < least:
        work()
        count += 1
    return (time.perf_counter() - began) / count
