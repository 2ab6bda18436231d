"""Being asked to stop while a long reading goes on."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

ASK_EVERY_S = 0.02
"""How often the caller is asked; far below the 200 ms within which a reading must end."""


class Halted(Exception):
    """The caller wants the reading to end. Never leaves this room."""


class Pulse:
    """Called between steps of a long reading: asks now and then, and raises Halted when told to stop."""

    __slots__ = ("_asked", "_stop")

    def __init__(self, stop: Callable[[], bool]) -> None:
        self._stop = stop
        self._asked = 0.0

    def __call__(self) -> None:
        now = monotonic()
        if now - self._asked >= ASK_EVERY_S:
            self._asked = now
            if self._stop():
                raise Halted
