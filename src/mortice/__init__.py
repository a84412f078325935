"""Mortice: the door decides. Offline, provably, and only for whom the owner said."""

__version__ = "0.1.0"
