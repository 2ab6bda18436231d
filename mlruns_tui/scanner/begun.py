"""The client's end of a reader process that scans before it is asked to."""

from __future__ import annotations

import queue
from typing import Any

from mlruns_tui.model.store import StoreInfo

from .channel import Channel
from .process import ReaderProcess
from .starting import FIRST


class Begun(ReaderProcess):
    """A reader process whose first scan goes on already."""

    def __init__(self, channel: Channel, pid: int, store: StoreInfo) -> None:
        self._early: queue.SimpleQueue[Any] | None = queue.SimpleQueue()
        self._first: queue.SimpleQueue[Any] | None = self._early
        super().__init__(channel, pid, store)

    def _receive(self) -> None:
        with self._lock:
            if self._first is not None:
                self._answers[FIRST] = self._first
        super()._receive()

    def _ask(self, kind: str, argument: object) -> tuple[int, queue.SimpleQueue[Any]]:
        if kind == "scan" and self._early is not None:
            early, self._early = self._early, None
            return FIRST, early
        return super()._ask(kind, argument)

    def _forget(self, number: int) -> None:
        if number == FIRST:
            self._first = None
        super()._forget(number)
