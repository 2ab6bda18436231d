"""Looking for copies of the same artifacts behind a screen: how far it is, what was found, and stopping it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from textual.screen import Screen

from mlruns_tui.model.duplicates import Comparing, Duplicates
from mlruns_tui.model.protocols import Reader
from mlruns_tui.model.store import Snapshot
from mlruns_tui.triage.more_rules import active_runs

from .background import in_background
from .messages import Returned

Changed = Callable[["Comparing | None", "Duplicates | None", str], None]
"""How far it is while it goes on, what was found at its end, and why nothing was."""


class CopySearch:
    """One at a time; the screen takes ``Returned`` and hears of every change on its own thread."""

    def __init__(self, screen: Screen[Any], reader: Reader, changed: Changed) -> None:
        self._screen, self._reader, self._changed = screen, reader, changed
        self._stop = threading.Event()
        self._going = False

    def start(self, snapshot: Snapshot) -> None:
        """Read the artifacts of all active runs that have files."""
        if self._going:
            return
        self._going = True
        self._stop = stop = threading.Event()
        keys = [run.key for run in active_runs(snapshot) if run.size is None or run.size.files]

        def hear(progress: Comparing) -> None:
            if self._going and not stop.is_set():
                self._changed(progress, None, "")

        def tell(progress: Comparing) -> None:
            with suppress(RuntimeError):  # the program may be closing
                self._screen.post_message(Returned(lambda: hear(progress)))

        def done(found: Duplicates) -> None:
            self._going = False
            self._changed(None, None if found.stopped else found, "stopped; Enter reads again" if found.stopped else "")

        def failed(error: Exception) -> None:
            self._going = False
            self._changed(None, None, f"not read: {error}")

        self._changed(Comparing(0, len(keys)), None, "")
        work = self._reader.duplicates
        in_background(self._screen, lambda: work(keys, stop=stop.is_set, tell=tell), done, failed, "duplicates")

    def stop(self) -> None:
        """Ends it soon; ``changed`` hears of it."""
        self._stop.set()
