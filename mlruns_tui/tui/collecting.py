"""The garbage collector works when the keys rest, not among them.

A frame makes some thousand small values, so that by Python's own measure nearly every key would be interrupted,
now and then for longer than a frame.
"""

from __future__ import annotations

import gc
import sys
import time
from typing import Any

from textual.app import App

REST_S = 0.4
"""Nobody waits for the answer to a key that long ago."""
_MOST_MADE = (20_000, 50, 1_000)
"""Values made before it works all the same, and how often for the younger before the older ones."""
LONG_REST_S = 5.0
"""After so long it looks at all values that are not frozen, which may take longer than a frame."""
_OFTEN = 20
"""So many rests with the younger values come before one with all."""
_SWITCH_S = 0.001
"""So long a thread that works behind the screen keeps it waiting."""


class CollectingAtRest:
    """Told of every key, it collects a moment after the last one."""

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._last = 0.0
        self._waits = False

    def start(self) -> None:
        gc.set_threshold(*_MOST_MADE)
        sys.setswitchinterval(_SWITCH_S)

    def key(self) -> None:
        self._last = time.monotonic()
        if not self._waits:
            self._waits = True
            self._app.set_timer(REST_S, self._rest)

    def _rest(self) -> None:
        left = self._last + REST_S - time.monotonic()
        if left > 0:
            self._app.set_timer(left, self._rest)
            return
        self._waits = False
        gc.collect(1)
        if gc.get_count()[2] > _OFTEN:
            last = self._last
            self._app.set_timer(LONG_REST_S, lambda: gc.collect(2) if self._last == last else None)
