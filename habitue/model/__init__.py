"""The behaviour model: a causal sequence network over all of a person's events."""

from habitue.compute import wait_politely

wait_politely()  # before any module here loads PyTorch
