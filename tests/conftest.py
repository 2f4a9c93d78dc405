"""All tests but those marked `gpu` see no GPU: what they claim bit by bit is of processors."""

import os

import pytest


def pytest_configure(config: pytest.Config) -> None:
    if config.option.markexpr != "gpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
