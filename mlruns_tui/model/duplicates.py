"""Runs whose artifacts are the same, byte for byte, as far as somebody asked to have them read."""

from __future__ import annotations

from .late import dataclass


@dataclass(frozen=True, slots=True)
class Comparing:
    """How far a comparison of artifacts is."""

    listed: int
    """Runs whose artifacts were listed."""
    runs: int
    read_bytes: int = 0
    to_read_bytes: int = 0
    """Of the files whose names and sizes are alike; 0 until all are listed."""


@dataclass(frozen=True, slots=True)
class Duplicates:
    """What a comparison found."""

    groups: tuple[tuple[str, ...], ...] = ()
    """Keys of runs whose artifact trees have the same names, links and bytes; two or more each."""
    unread: tuple[str, ...] = ()
    """Keys of runs that could not be compared."""
    stopped: bool = False
    """Not all was read: other runs may be alike."""
