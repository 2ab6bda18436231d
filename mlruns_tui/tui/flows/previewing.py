"""The preview of the run under the cursor, in a high window: read behind the screen once the cursor rests."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from textual.timer import Timer

from mlruns_tui.model.details import RunGlance
from mlruns_tui.model.errors import MlrunsError
from mlruns_tui.model.protocols import Reader
from mlruns_tui.model.store import Run
from mlruns_tui.triage.columns import kind_of, label_of

from ..widgets.run_preview import RunPreview
from .reading import error_words

if TYPE_CHECKING:
    from ..screens.main import MainScreen

REST_S = 0.15
"""The cursor rests when it has not moved for so long."""
MOST_KEPT = 64
"""Runs of which the preview is remembered."""


class Previewing:
    """One reading at a time; of a run the cursor has left, it is stopped and its answer dropped."""

    def __init__(self, screen: MainScreen, reader: Reader, turned: set[str]) -> None:
        self.screen = screen
        self.reader = reader
        self.panel = RunPreview(turned)
        self._run: Run | None = None
        self._metric = ""
        self._kept: dict[tuple[str, str], tuple[Run, RunGlance]] = {}
        """What was read, by key and metric, and of which state of the run."""
        self._timer: Timer | None = None
        self._stop: threading.Event | None = None
        """Of the reading that goes on."""

    def fit(self, high: bool) -> None:
        """Show it, or put it away; put away it costs nothing."""
        if high and not self.panel.is_attached:
            self.screen.query_one("#table").mount(self.panel)
        if self.panel.display != high:
            self.panel.display = high
        if not high:
            self.leave()
        self.look()

    def look(self) -> None:
        """The state may be about another run now. Cheap when it is not."""
        if not self.panel.display or not self.panel.is_attached:
            return
        run, metric = self.screen.state.run, self._wanted_metric()
        if run is self._run and metric == self._metric:
            return
        same = run is not None and self._run is not None and run.key == self._run.key
        self.leave()
        self._run, self._metric = run, metric
        if run is None:
            self.panel.show("preview", None, "No run under the cursor.")
            return
        known = self._kept.get((run.key, metric))
        if known is not None and (known[0] is run or known[0] == run):
            self.panel.show(_title(run), known[1])
            return
        if not same:
            self.panel.show(_title(run), None)
        self._timer = self.screen.set_timer(REST_S, self._read)

    def leave(self) -> None:
        """Whatever is being read is of no use any more."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        if self._stop is not None:
            self._stop.set()
        self._run, self._metric = None, ""

    def _wanted_metric(self) -> str:
        """The metric that is sorted by, else the first one the table shows; empty: whichever is the first."""
        state = self.screen.state
        shown = [name for name, _ in self.screen.run_table.layout_now.columns]
        names = [state.run_order.key, *shown, *(one.name for one in state.columns), *state.first_metrics]
        return next((label_of(name) for name in names if kind_of(name) == "metrics"), "")

    def _read(self) -> None:
        self._timer = None
        run, metric = self._run, self._metric
        # One that is stopped ends soon, and then looks for what is wanted by then.
        if run is None or self._stop is not None:
            return
        self._stop = stop = threading.Event()

        def done(found: RunGlance | None) -> None:
            self._stop = None
            if stop.is_set() or found is None:
                self._again()
                return
            if len(self._kept) >= MOST_KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[(run.key, metric)] = (run, found)
            self.panel.show(_title(run), found)

        def failed(error: Exception) -> None:
            self._stop = None
            if stop.is_set():
                self._again()
                return
            words = " ".join(filter(None, (error.message, error.hint))) if isinstance(error, MlrunsError) else ""
            self.panel.show(_title(run), None, words or f"This run could not be read: {error_words(error)}")

        self.screen.work(lambda: self.reader.glance(run.key, metric, stop.is_set), done, "preview", failed=failed)

    def _again(self) -> None:
        if self._run is not None and self._timer is None:
            self._read()


def _title(run: Run) -> str:
    return run.name or run.run_id
