"""Habitue: from a shop's event log to everything the shop wants to know about its customers.

>>> import habitue
>>> shop = habitue.Workspace("shop")
"""

from typing import TYPE_CHECKING

from habitue.errors import (
    Failed,
    FileRefused,
    HabitueError,
    MissingExtra,
    NotEnoughData,
    NotReady,
    Refused,
    SettingsError,
    UnknownName,
)

if TYPE_CHECKING:
    from habitue.workspace import Workspace as Workspace

__version__ = "0.1.0"

__all__ = [
    "Failed",
    "FileRefused",
    "HabitueError",
    "MissingExtra",
    "NotEnoughData",
    "NotReady",
    "Refused",
    "SettingsError",
    "UnknownName",
    "Workspace",
    "__version__",
]


def __getattr__(name: str) -> object:
    """Import `Workspace` when it is first asked for: it brings Polars with it."""
    if name == "Workspace":
        from habitue.workspace import Workspace

        return Workspace
    raise AttributeError(f"module 'habitue' has no attribute '{name}'")
