"""A backbone compiled by PyTorch: the same numbers but for rounding, in fewer and larger kernels.

In: a backbone. Out: its compiled forms, standing in for it while a loss is computed. Knows nothing
about losses or devices.
"""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from habitue.config import TrainingSettings
from habitue.errors import Refused
from habitue.model.backbones.backbone import Backbone


class Compiled:
    """The compiled forms of a backbone.

    They stand in only while it learns: a network that is judged, kept or asked is the plain one.
    """

    def __init__(self, backbone: Backbone) -> None:
        self.backbone = backbone
        # Of any shape: hardly two batches have the same.
        self.forms = {
            name: torch.compile(getattr(backbone, name), dynamic=True)
            for name in ("forward", "last")
        }

    @contextmanager
    def standing_in(self) -> Iterator[None]:
        """Let the compiled forms be the backbone's methods for a while."""
        for name, form in self.forms.items():
            setattr(self.backbone, name, form)
        try:
            yield
        finally:
            for name in self.forms:
                delattr(self.backbone, name)


def has_compiler() -> bool:
    """Whether there is the C++ compiler that `torch.compile` calls."""
    usual = "clang++" if sys.platform == "darwin" else "g++"
    return shutil.which(os.environ.get("CXX", usual)) is not None


def check_compiler(training: TrainingSettings) -> None:
    """Make sure that what is to be compiled can be.

    Raises:
        Refused: `no_compiler`.
    """
    if training.compile and not has_compiler():
        raise Refused(
            "training.compile is true, but there is no C++ compiler here.",
            fix="Set it to false, or install g++ (or name another compiler in the variable CXX).",
            code="no_compiler",
        )
