"""Habitue: from a shop's event log to everything the shop wants to know about its customers."""

__version__ = "0.1.0"
