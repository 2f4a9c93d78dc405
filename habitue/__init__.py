"""Habitue: from a shop's event log to everything the shop wants to know about its customers.

>>> import habitue
>>> shop = habitue.Workspace("shop")
"""

from typing import TYPE_CHECKING

from habitue.errors import (
    Failed,
    FileRefused,
    HabitueError,
    HabitueWarning,
    MissingExtra,
    NotEnoughData,
    NotReady,
    Refused,
    SettingsError,
    UnknownName,
)

if TYPE_CHECKING:
    from habitue.simulation.simulate import simulate as simulate
    from habitue.workspace import Workspace as Workspace

__version__ = "0.1.0"

__all__ = [
    "Failed",
    "FileRefused",
    "HabitueError",
    "HabitueWarning",
    "MissingExtra",
    "NotEnoughData",
    "NotReady",
    "Refused",
    "SettingsError",
    "UnknownName",
    "Workspace",
    "__version__",
    "simulate",
]


def __getattr__(name: str) -> object:
    """Import `Workspace` and `simulate` when first asked for: they bring Polars with them."""
    if name == "Workspace":
        from habitue.workspace import Workspace

        return Workspace
    if name == "simulate":
        from habitue.simulation.simulate import simulate

        return simulate
    raise AttributeError(f"module 'habitue' has no attribute '{name}'")
