"""Whether reading computes or waits, measured while it goes on: how many processes help."""

from __future__ import annotations

import contextlib
import resource
import time
from collections.abc import Iterator
from typing import Final

_WINDOW_S: Final = 0.02
"""Work of so much time is judged together, then forgotten: what was cold gets warm."""
_WAITING: Final = 1.5
"""A wall clock this many times the processor time means waiting …"""
_GIVEN_UP: Final = 1.0
"""… if the process itself let go of the processor this often a directory: a busy machine takes it away, a slow
disk is waited for."""


class Effort:
    """Time spent on work, and what it says about how to go on."""

    def __init__(self, cores: int) -> None:
        self._cores = cores
        self.wanted = cores
        """Processes that should work at once."""
        self.row_s = 0.0
        """Seconds of wall time a directory took one process, lately."""
        self.last = (0.0, 0.0, 0)
        """Of what was measured last: seconds of wall time, of processor time, and how often it waited."""
        self._rows = self._waits = 0
        self._wall_s = self._cpu_s = 0.0

    @contextlib.contextmanager
    def measured(self) -> Iterator[None]:
        """``last`` is what was done inside."""
        began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
        yield
        after, wall = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter() - began
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        self.last = (wall, cpu, after.ru_nvcsw - before.ru_nvcsw)

    def add(self, rows: int, wall_s: float, cpu_s: float, waits: int) -> None:
        """So many directories took so long, here or in another process."""
        self._rows += rows
        self._wall_s += wall_s
        self._cpu_s += cpu_s
        self._waits += waits
        self.row_s = self._wall_s / max(1, self._rows)
        if self._wall_s < _WINDOW_S * min(self.wanted, 8):
            return
        waiting = self._wall_s / max(self._cpu_s, self._wall_s / 1000)
        waits_itself = self._waits >= _GIVEN_UP * self._rows
        self.wanted = round(self._cores * waiting) if waiting >= _WAITING and waits_itself else self._cores
        self._rows = self._waits = 0
        self._wall_s = self._cpu_s = 0.0
