"""How much of the machine's products a step of training makes use of.

In: the size of a network, how many rivals a target is told apart from, targets a second, and the
speed that large products reach on the same machine. Out: the share of it. Products are counted as
the roofline of docs/performance.md counts them: three times those of the softmax and of the
blocks; attention over so few events, padding, and all that is no product are left out.
"""

from dataclasses import dataclass

from habitue.model.behaviour import SIZES


@dataclass(frozen=True)
class Work:
    """What one target costs, forward and backward."""

    size: str
    rivals: int

    @property
    def operations(self) -> float:
        """Logits and two gradients; four attention matrices and two dense layers of 4 widths."""
        width, blocks, _ = SIZES[self.size]
        return 6.0 * width * self.rivals + 3.0 * blocks * 2 * 12 * width**2

    def utilisation(self, targets_per_second: float, gflops: float) -> float:
        """Return the share of a machine's product speed that training turns into learning."""
        return targets_per_second * self.operations / (1e9 * gflops)
